fits_of <- function(families, data = survival::rotterdam[seq(1, 2982, 4), ]) {
  lapply(stats::setNames(nm = families), function(family) {
    fit_ttp(Surv(rtime / 365.25, recur) ~ nodes + hormon, data, family)
  })
}

test_that("the criteria are those of the likelihoods, best first", {
  fits <- fits_of(c("exponential", "weibull", "lognormal"))
  table <- compare_fits(fits)
  expect_s3_class(table, c("sr_comparison", "data.frame"), exact = TRUE)
  expect_false(is.unsorted(table$AIC))
  for (name in table$fit) {
    row <- table[table$fit == name, ]
    expect_equal(row$AIC, AIC(fits[[name]]), tolerance = 1e-12)
    expect_equal(row$BIC, -2 * row$logLik + log(fits[[name]]$nevent) * row$df, tolerance = 1e-12)
  }
  expect_equal(sum(table$weight), 1)
  expect_equal(compare_fits(fits[[1L]], fits[[2L]])$fit, c("Weibull", "exponential")[
    order(c(AIC(fits[[2L]]), AIC(fits[[1L]])))
  ])
  expect_output(print(table), "best AIC first")
})

test_that("fits of other rows, responses or classes are refused", {
  fits <- fits_of(c("exponential", "weibull"))
  fewer <- fit_ttp(Surv(rtime / 365.25, recur) ~ nodes, survival::rotterdam[1:2000, ])
  expect_error(compare_fits(fits$weibull, fewer), class = "survresist_error_input")
  days <- fit_ttp(Surv(rtime, recur) ~ nodes, survival::rotterdam[seq(1, 2982, 4), ])
  expect_error(compare_fits(fits$weibull, days), class = "survresist_error_input")
  by_death <- lapply(c("pfs", "last_scan"), function(method) {
    fit_ttp(
      Surv(scan_clean, scan_progression, type = "interval2") ~ arm, rank_cohort,
      death = Surv(death_time, death), death_method = method
    )
  })
  expect_error(compare_fits(by_death), class = "survresist_error_input")
  expect_error(compare_fits(fits$weibull), class = "survresist_error_input")
  expect_error(compare_fits(fits$weibull, 1), class = "survresist_error_input")
})

test_that("plots draw what predict(), standardise() and survfit() say", {
  skip_if_not_installed("ggplot2")
  fits <- fits_of(c("weibull", "lognormal"))
  d <- survival::rotterdam[seq(1, 2982, 4), ]
  plot <- plot(compare_fits(fits), times = c(1, 3), newdata = data.frame(nodes = 2, hormon = 0))
  drawn <- plot$data[plot$data$fit == "weibull", ]
  at <- predict(
    fits$weibull, data.frame(nodes = 2, hormon = 0), type = "hazard", times = c(1, 3)
  )
  expect_equal(drawn$estimate, at$estimate)
  fit <- fit_ttp(Surv(rtime, recur) ~ nodes + strata(meno), d, family = "loglogistic")
  plot <- plot(fit, times = c(500, 1500))
  expect_equal(levels(plot$data$group), c("0", "1"))
  one <- standardise(fit, newdata = d[d$meno == 1, ], times = 1500)
  expect_equal(plot$data$estimate[[4L]], one$estimate)
  observed <- plot$layers[[2L]]$data
  peer <- survival::survfit(Surv(rtime, recur) ~ 1, d[d$meno == 1, ])
  expect_equal(observed$estimate[observed$group == "1"], c(1, peer$surv))
  expect_s3_class(plot(fit, type = "hazard", conf.level = NA), "ggplot")
  expect_error(plot(fit, by = "no_such"), class = "survresist_error_input")
})

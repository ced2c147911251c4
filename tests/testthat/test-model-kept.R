# A fit of model = TRUE needs its data no more; compare_fits() sees whether they were the same.

kept_fit <- function(model = TRUE, shape = NULL) {
  d <- rotterdam_years(400)
  d$entered <- pmin(d$years / 2, 0.2)
  fit <- eval(bquote(fit_ttp(
    Surv(years, recur) ~ arm * log(nodes + 1) + strata(rank), d, subset = age > 40,
    entry = entered, model = .(model), shape = .(shape)
  )))
  environment(fit$terms) <- environment(fit$formula) <- globalenv()
  list(fit = fit, data = d[d$age > 40, ])
}

test_that("what follows a fit that kept its model frame needs no data", {
  kept <- kept_fit(shape = ~ splines::ns(age, 2))
  fit <- kept$fit
  expect_error(eval(fit$call$data, environment(fit$terms)))
  expect_identical(nrow(fit$variables), nrow(kept$data))
  expect_identical(fit$variables$nodes, kept$data$nodes)
  expect_true(all(c("age", "rank", "arm") %in% names(fit$variables)))
  expect_identical(
    standardise(fit, "arm", 1:2), standardise(fit, "arm", 1:2, newdata = kept$data)
  )
  own <- predict(fit, times = 2, se.fit = TRUE)
  there <- predict(fit, kept$data, times = 2, se.fit = TRUE)
  expect_identical(own$estimate, there$estimate)
  score <- residuals(fit, "score")
  expect_lt(max(abs(colSums(score)) * sqrt(diag(vcov(fit)))), 1e-5)
  expect_identical(anova(fit)$Df, c(NA, 1, 1, 1))
  expect_error(standardise(fit, "size", 1), "There is no `size`", class = "survresist_error_input")
  skip_if_not_installed("ggplot2")
  for (by in list(NULL, "arm")) expect_s3_class(plot(fit, by = by), "ggplot")
  lost <- kept_fit(model = FALSE)$fit
  expect_error(anova(lost), "model = TRUE", class = "survresist_error_input")
  expect_error(standardise(lost, "arm", 1), "model = TRUE", class = "survresist_error_input")
})

test_that("variables that are not in the model are still looked up in the data", {
  d <- rotterdam_years(300)
  fit <- fit_ttp(Surv(years, recur) ~ arm, d, model = TRUE)
  skip_if_not_installed("ggplot2")
  by_rank <- plot(fit, by = "rank", times = c(1, 2))
  expect_identical(levels(by_rank$data$group), levels(d$rank))
  both <- plot(fit, by = ~ arm + rank, times = c(1, 2))
  expect_identical(
    levels(both$data$group), c(outer(levels(d$rank), levels(factor(d$arm)), function(b, a) {
      paste(a, b, sep = ", ")
    }))
  )
  expect_error(plot(fit, by = "nothing"), "no `nothing`", class = "survresist_error_input")
})

test_that("hazards of death keep their own frame", {
  d <- scanned_patients(200)
  d$sex <- rep_len(0:1, 200)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ log(1 + arm), d, death = Surv(os_time, os_status),
    death_method = ttp_illness_death(~ sex), model = TRUE
  )
  copy <- d
  rm(d)
  expect_setequal(names(fit$variables), c("left", "right", "arm", "sex", "os_time", "os_status"))
  death <- fit$death$hazards$before
  expect_identical(
    predict(death, times = 12)$estimate, predict(death, copy, times = 12)$estimate
  )
  expect_lt(abs(sum(residuals(fit))), 1e-5)
  expect_identical(nrow(simulate(fit, seed = 1)), 200L)
  expect_identical(
    standardise(death, "sex", 12), standardise(death, "sex", 12, newdata = copy)
  )
})

test_that("fits of other entries or deaths are not compared, and events are those of each fit", {
  d <- scanned_patients(200)
  d$early <- pmin(d$left / 2, 4)
  fit <- function(...) {
    call <- match.call()
    call[[1L]] <- quote(fit_ttp)
    call$formula <- quote(Surv(left, right, type = "interval2") ~ arm)
    call$data <- quote(d)
    eval(call, parent.frame())
  }
  refused <- function(...) expect_error(compare_fits(...), class = "survresist_error_input")
  refused(fit(), fit(entry = early))
  refused(fit(entry = early), fit(entry = early / 2))
  expect_s3_class(compare_fits(fit(entry = early), fit("lognormal", entry = early)), "data.frame")
  d$later <- d$os_time + 1
  both <- fit(death = Surv(os_time, os_status))
  refused(both, fit(death = Surv(later, os_status)))
  refused(both, fit(death = Surv(os_time, os_status), death_method = "last_scan"))
  table <- compare_fits(both, fit("lognormal", death = Surv(os_time, os_status)))
  deaths <- sum(d$os_status)
  expect_identical(table$nevent, rep(both$nevent + as.double(deaths), 2L))
  expect_close(table$BIC, -2 * table$logLik + log(table$nevent) * table$df, 1e-12)
})

test_that("emmeans finds the variables that the fit kept", {
  skip_if_not_installed("emmeans")
  kept <- kept_fit()
  means <- function(...) {
    suppressMessages(as.data.frame(emmeans::emmeans(kept$fit, ~arm, ...)))
  }
  expect_equal(means(), means(data = kept$data), tolerance = 1e-12)
})

test_that("anova() refuses models of other entries", {
  d <- transform(survival::rotterdam, early = pmin(rtime / 2, 50), later = 0)
  first <- fit_ttp(Surv(rtime, recur) ~ nodes, d, entry = early)
  second <- fit_ttp(Surv(rtime, recur) ~ nodes + age, d, entry = early)
  expect_s3_class(anova(first, second), "anova")
  expect_error(
    anova(first, fit_ttp(Surv(rtime, recur) ~ nodes + age, d, entry = later)), "same response",
    class = "survresist_error_input"
  )
})

# plot_curves() of competing events draws what the survfit says

test_that("every group and cause is drawn, with its limits and the numbers at risk", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("patchwork")
  d <- transform(
    survival::rotterdam, years = rtime / 365.25,
    state = factor(ifelse(recur == 1, 1, 2 * death), 0:2, c("none", "relapse", "death"))
  )
  fit <- fit_cif(Surv(years, state) ~ hormon, d)
  drawn <- plot_curves(fit, risk_table = FALSE)$data
  expect_identical(levels(drawn$group), c("0", "1"))
  expect_identical(levels(drawn$cause), c("relapse", "death"))
  rows <- rep(c("0", "1"), fit$strata)
  for (group in c("0", "1")) {
    for (cause in c("relapse", "death")) {
      one <- drawn[drawn$group == group & drawn$cause == cause, ]
      expect_identical(one$estimate[[1L]], 0)
      expect_identical(one$estimate[-1L], unname(fit$pstate[rows == group, cause]))
      expect_identical(one$conf.high[-1L], fit$upper[rows == group, match(cause, fit$states)])
    }
  }
  plot <- plot_curves(fit, breaks = c(0, 5, 10), labels = c("no", "yes"), legend_title = "Hormonal")
  expect_silent(ggplot2::ggplot_build(plot[[1L]]))
  risk <- attr(curve_data(fit, NULL, NULL, "marginal", 0.95), "risk_at")(c(0, 5, 10))
  expect_equal(risk$n, c(outer(c(0, 5, 10), 0:1, Vectorize(function(t, g) {
    sum(d$hormon == g & d$years >= t)
  }))))
  # survfit()'s own curves are drawn as ours, and without strata there is one colour
  theirs <- survival::survfit(Surv(years, state) ~ hormon, d)
  expect_equal(plot_curves(theirs, risk_table = FALSE)$data$estimate, drawn$estimate)
  all <- plot_curves(fit_cif(Surv(years, state) ~ 1, d), risk_table = FALSE)
  expect_identical(levels(all$data$group), "All patients")
  expect_identical(all$labels$y, "Cumulative incidence")
})

test_that("subjects who begin in several states are not drawn", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("patchwork")
  fit <- fit_cif(
    Surv(rtime, factor(ifelse(recur == 1, 1, 2 * death))) ~ 1, survival::rotterdam
  )
  fit$p0[] <- c(0.5, 0.5, 0)
  expect_error(plot_curves(fit), "begin in one state", class = "survresist_error_unsupported")
})

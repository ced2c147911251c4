gbsg <- survival::gbsg
gbsg$marker <- rank_status(gbsg$pgr)
gbsg$treated <- factor(gbsg$hormon, 0:1, c("no", "yes"))

# ---- the numbers ---------------------------------------------------------------------------------

test_that("curves at mean covariates are survfit's", {
  for (ties in c("efron", "breslow")) {
    fit <- survival::coxph(Surv(rfstime %/% 60, status) ~ age + log(nodes) + strata(marker), gbsg,
      ties = ties)
    ours <- adjusted_curves(fit, adjust = "mean")
    theirs <- survival::survfit(fit, conf.type = "log")
    at <- summary(theirs, times = unique(ours$time), extend = TRUE)
    for (k in 1:2) {
      one <- ours[ours$group == c("low", "high")[k], ]
      same <- summary(theirs[k], times = one$time)
      expect_close(one$estimate, same$surv, 1e-8)
      expect_close(one$std.error, same$std.err, 1e-7)
      expect_close(one$conf.low, same$lower, 1e-7)
      expect_close(one$conf.high, same$upper, 1e-7)
    }
  }
})

test_that("marginal curves are means of the patients' curves", {
  fit <- survival::coxph(Surv(rfstime, status) ~ age * strata(marker) + treated + nodes, gbsg)
  ours <- adjusted_curves(fit)
  for (level in levels(gbsg$marker)) {
    everyone <- gbsg
    everyone$marker <- gbsg$marker[match(level, gbsg$marker)]
    one <- ours[ours$group == level, ]
    each <- survival::survfit(fit, newdata = everyone, se.fit = FALSE)
    at <- vapply(seq_len(4) * 500, function(t) {
      # rows of newdata with one stratum: a curve each, laid end to end
      mean(vapply(split(each$surv, rep(seq_along(each$strata), each$strata)), function(s) {
        min(1, s[each$time[seq_along(s)] <= t])
      }, 0))
    }, 0)
    place <- findInterval(seq_len(4) * 500, one$time)
    expect_close(one$estimate[place], at, 1e-8)
  }
})

test_that("marginal curves of a covariate, with weights, offset and delayed entry", {
  heart <- survival::heart
  fit <- survival::coxph(
    Surv(start, stop, event) ~ age + surgery + transplant + offset(0.01 * year), heart,
    weights = rep(c(1, 2), 86)
  )
  ours <- adjusted_curves(fit, by = "transplant")
  nobody <- data.frame(age = 0, surgery = 0, transplant = factor(0, 0:1), year = 0)
  base <- survival::survfit(fit, newdata = nobody)
  b <- coef(fit)
  for (level in c("0", "1")) {
    r <- exp(b[["age"]] * heart$age + b[["surgery"]] * heart$surgery + 0.01 * heart$year +
      b[["transplant1"]] * (level == "1"))
    one <- ours[ours$transplant == level, ]
    place <- findInterval(c(20, 50, 200), base$time)
    want <- vapply(base$cumhaz[place], function(h) {
      weighted.mean(exp(-h * r), rep(c(1, 2), 86))
    }, 0)
    expect_close(one$estimate[findInterval(c(20, 50, 200), one$time)], want, 1e-6)
  }
})

test_that("the band of a marginal curve is that of the bootstrap", {
  set.seed(20)
  d <- gbsg[sample(nrow(gbsg), 300), ]
  d$low <- factor(d$marker)
  form <- Surv(rfstime, status) ~ age + log(nodes) + strata(low)
  ours <- adjusted_curves(survival::coxph(form, d))
  at <- function(curves, t) {
    vapply(c("low", "high"), function(g) {
      one <- curves[curves$group == g, ]
      one$estimate[findInterval(t, one$time)]
    }, 0)
  }
  # patients of the average stay those of the study: only beta and the hazards are drawn anew
  beta_risk <- function(fit) {
    base <- survival::basehaz(fit, centered = FALSE)
    r <- exp(as.vector(cbind(d$age, log(d$nodes)) %*% coef(fit)))
    vapply(c("low", "high"), function(g) {
      one <- base[base$strata == g, ]
      mean(exp(-c(0, one$hazard)[findInterval(1000, one$time) + 1] * r))
    }, 0)
  }
  drawn <- replicate(100, beta_risk(survival::coxph(form, d[sample(300, replace = TRUE), ])))
  se <- vapply(c("low", "high"), function(g) {
    one <- ours[ours$group == g, ]
    one$std.error[findInterval(1000, one$time)]
  }, 0)
  expect_close(at(ours, 1000), beta_risk(survival::coxph(form, d)), 1e-8)
  expect_lt(max(abs(log(se / apply(drawn, 1, sd)))), 0.3)
})

test_that("many patients in classes of risk give the same curve", {
  rotterdam <- survival::rotterdam
  fit <- survival::coxph(Surv(rtime, recur) ~ age + nodes + strata(chemo) + log(pgr + 1), rotterdam)
  ours <- adjusted_curves(fit)
  one <- ours[ours$group == "1", ]
  base <- survival::basehaz(fit, centered = FALSE)
  base <- base[base$strata == "chemo=1", ]
  lp <- as.vector(as.matrix(cbind(rotterdam$age, rotterdam$nodes, log(rotterdam$pgr + 1))) %*%
    coef(fit))
  want <- vapply(c(500, 2000, 4000), function(t) {
    mean(exp(-base$hazard[findInterval(t, base$time)] * exp(lp)))
  }, 0)
  # 500 classes of risk in place of 2,982 patients
  expect_close(one$estimate[findInterval(c(500, 2000, 4000), one$time)], want, 1e-4)
})

test_that("observed curves are those of survfit", {
  for (form in list(Surv(time, status) ~ sex, Surv(time, status) ~ 1)) {
    ours <- curve_data(form, survival::lung, NULL, "marginal", 0.95)
    theirs <- survival::survfit(form, survival::lung)
    seen <- ours[ours$time > 0, ]
    expect_close(seen$estimate, theirs$surv, 1e-12)
    expect_close(seen$conf.low, theirs$lower, 1e-12)
    expect_close(seen$conf.high, theirs$upper, 1e-12)
    expect_identical(seen$n.censor, as.numeric(theirs$n.censor))
  }
  late <- curve_data(Surv(start, stop, event) ~ transplant, survival::heart, NULL, "marginal", 0.95)
  theirs <- survival::survfit(Surv(start, stop, event) ~ transplant, survival::heart)
  for (k in 1:2) {
    one <- late[late$group == c("0", "1")[k], ]
    same <- summary(theirs[k], times = one$time[-1])
    expect_close(one$estimate[-1], same$surv, 1e-10)
  }
})

test_that("numbers at risk are counted just before the time", {
  ours <- curve_data(Surv(time, status) ~ sex, survival::lung, NULL, "marginal", 0.95)
  theirs <- survival::survfit(Surv(time, status) ~ sex, survival::lung)
  breaks <- c(0, 310, 500, 1000)
  counted <- curve_risk(ours, breaks)
  for (k in 1:2) {
    expect_identical(
      counted$n[counted$group == k], summary(theirs[k], times = breaks, extend = TRUE)$n.risk
    )
  }
  drawn <- curve_risk(curve_data(theirs, NULL, NULL, "marginal", 0.95), breaks)
  expect_identical(drawn$n, counted$n)
})

test_that("the band steps where the curve steps", {
  one <- data.frame(group = factor("a"), time = 0:2, estimate = c(1, 0.6, 0.2),
    conf.low = c(1, 0.5, 0.1), conf.high = c(1, 0.7, 0.3))
  band <- step_band(one)
  expect_identical(band$time, c(0L, 1L, 1L, 2L, 2L))
  expect_identical(band$conf.low, c(1, 1, 0.5, 0.5, 0.1))
})

test_that("the smooth line of residuals is a natural spline by least squares", {
  set.seed(3)
  x <- sort(runif(80))
  y <- sin(4 * x) + rnorm(80, 0, 0.2)
  ours <- zph_smooth(x, y, 0.95)
  knots <- quantile(x, c(0.05, 0.35, 0.65, 0.95), names = FALSE)
  fit <- lm(y ~ splines::ns(x, knots = knots[2:3], Boundary.knots = knots[c(1, 4)]))
  want <- predict(fit, data.frame(x = ours$x), interval = "confidence")
  expect_close(ours$fit, want[, "fit"], 1e-8)
  expect_close(ours$low, want[, "lwr"], 1e-8)
})

test_that("ticks of residuals stand at round times over the whole scale", {
  for (formula in list(Surv(time, status) ~ karno, Surv(time, status) ~ karno + strata(trt))) {
    found <- zph(fit_cox(formula, survival::veteran))
    ticks <- zph_breaks(found$x, found$time)
    expect_true(all(c("200", "400") %in% ticks$label))
    expect_gt(length(ticks$x), 5)
    expect_gte(min(diff(ticks$x)), 0.09 * diff(range(found$x)))
    # the clock is one for all strata
    at <- stats::approx(found$time, found$x, as.numeric(ticks$label), ties = mean)$y
    expect_close(ticks$x, at, 1e-12)
  }
})

test_that("a forest has a line for each level and the numbers of the fit", {
  fit <- survival::coxph(
    Surv(rfstime, status) ~ factor(grade) + age + treated * marker + strata(meno), gbsg
  )
  rows <- forest_of_fit(fit, 0.9)
  expect_identical(rows$label, c(
    "factor(grade)", "1", "2", "3", "age", "treated", "no", "yes", "marker", "low", "high",
    "treated yes \u00d7 high"
  ))
  here <- !is.na(rows$estimate) & !rows$is_reference
  expect_close(rows$estimate[here], exp(coef(fit)), 1e-12)
  expect_close(rows$conf.low[here], exp(confint(fit, level = 0.9)[, 1]), 1e-12)
  expect_identical(rows$n[2:4], c(table(gbsg$grade)), ignore_attr = TRUE)
  firth <- fit_cox(Surv(futime, fustat) ~ age + rx, survival::ovarian, firth = TRUE)
  expect_close(forest_of_fit(firth, 0.95)$conf.low, summary(firth)$conf.int[, 3], 1e-12)
  expect_close(forest_of_fit(firth, 0.95)$p.value, summary(firth)$coefficients[, 5], 1e-12)
  hr <- hazard_ratio(fit, "treated", "marker")
  lines <- forest_of_ratios(hr)
  expect_identical(lines$estimate[-1], hr$estimate)
  expect_true(all(diff(forest_breaks(c(0.3, 3))) > 0))
  expect_true(1 %in% forest_breaks(c(0.05, 20)))
})

# ---- the pictures --------------------------------------------------------------------------------

draws <- function(plot) {
  file <- tempfile(fileext = ".png")
  on.exit(unlink(file))
  grDevices::png(file, 900, 700, res = 110)
  print(plot)
  grDevices::dev.off()
  expect_gt(file.size(file), 5000)
}

test_that("all inputs draw, and the data come with the plot", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("patchwork")
  fit <- survival::coxph(Surv(rfstime, status) ~ age + treated + strata(marker), gbsg)
  plots <- list(
    plot_curves(Surv(pfs_time, pfs) ~ rank, rank_cohort),
    plot_curves(Surv(rfstime, status) ~ 1, gbsg),
    plot_curves(fit, labels = c("PgR low", "PgR high"), breaks = 0:4 * 500),
    plot_curves(fit, by = "treated", adjust = "mean", conf.level = NA),
    plot_curves(fit, by = list(age = c(40, 70))),
    plot_curves(survival::survfit(fit)),
    plot_curves(survival::survfit(Surv(rfstime, status) ~ grade + meno, gbsg), risk_table = FALSE)
  )
  for (plot in plots) {
    expect_no_warning(draws(plot))
    expect_true(all(c("group", "time", "estimate", "conf.low") %in% names(plot$data)))
  }
  expect_identical(plots[[1]]$labels$x, "Progression-free survival (months)")
  expect_identical(levels(plots[[3]]$data$group), c("PgR low", "PgR high"))
  expect_identical(plots[[3]]$data$estimate, adjusted_curves(fit)$estimate)
})

test_that("forests and residuals draw", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("patchwork")
  fit <- survival::coxph(Surv(rfstime, status) ~ factor(grade) + treated * marker + age, gbsg)
  forest <- plot_forest(fit, limits = c(0.7, 1.5))
  expect_no_warning(draws(forest))
  expect_close(forest$data$estimate[3:4], exp(coef(fit)[1:2]), 1e-12)
  expect_no_warning(draws(plot_forest(hazard_ratio(fit, "treated", "marker"),
    favours = c("treated better", "untreated better"))))
  zph <- plot_zph(fit)
  expect_no_warning(draws(zph))
  test <- survival::cox.zph(fit)
  expect_identical(nrow(zph$data), length(test$y))
  expect_close(zph$data$estimate, as.vector(test$y), 1e-12)
  expect_no_warning(draws(plot_zph(test, terms = "age")))
  one <- survival::coxph(Surv(rfstime, status) ~ marker, gbsg)
  expect_identical(unname(zph_constant(one)[["marker"]]), unname(coef(one)))
  # Schoenfeld residuals add up to 0, so the mean of the scaled ones is the dashed line
  lines <- zph_constant(fit)[colnames(test$y)]
  expect_identical(lines[["factor(grade)"]], 1)
  expect_close(colMeans(test$y), lines, 1e-5)
})

test_that("what cannot be drawn is told", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("patchwork")
  input <- "survresist_error_input"
  fit <- survival::coxph(Surv(rfstime, status) ~ age + strata(marker), gbsg)
  expect_error(plot_curves(Surv(rfstime, status) ~ pgr, gbsg), "rank_status", class = input)
  expect_error(plot_curves(age ~ 1, gbsg), "Surv", class = input)
  expect_error(plot_curves(3), "must be a formula", class = input)
  expect_error(plot_curves(fit, labels = "one"), "2 groups", class = input)
  expect_error(plot_curves(fit, palette = "red"), "2 groups", class = input)
  expect_error(plot_curves(fit, by = "nobody"), "no `nobody`", class = input)
  expect_error(plot_curves(Surv(rfstime, status) ~ 1, gbsg, by = "age"), "Cox", class = input)
  expect_error(plot_forest(fit, favours = "x"), "two strings", class = input)
  expect_error(plot_zph(3), "cox.zph", class = input)
  expect_error(plot_zph(fit, terms = "pgr"), "Unknown", class = input)
  expect_error(adjusted_curves(fit, conf.level = 2), class = input)
})

test_that("a forest gives ratios for as much as is asked, and says so", {
  gbsg <- survival::gbsg
  fit <- fit_cox(Surv(rfstime, status) ~ age + log(nodes) + size + factor(grade), gbsg)
  rescaled <- survival::coxph(
    Surv(rfstime, status) ~ I(age / 10) + log2(nodes) + I(-size / 5) + factor(grade), gbsg
  )
  per <- c(age = 10, nodes = log(2), size = -5)
  rows <- forest_of_fit(fit, 0.95, per)
  expect_close(rows$estimate[1:3], exp(coef(rescaled)[1:3]), 1e-8)
  expect_close(rows$conf.low[1:3], exp(confint(rescaled)[1:3, 1]), 1e-8)
  expect_close(rows$conf.high[1:3], exp(confint(rescaled)[1:3, 2]), 1e-8)
  expect_close(rows$p.value[1:3], summary(rescaled)$coefficients[1:3, 5], 1e-6)
  expect_identical(rows[-(1:3), ], forest_of_fit(fit, 0.95)[-(1:3), ])
  drawn <- plot_forest(fit, labels = c(age = "Age (years)"), per = per)$data$label
  expect_identical(
    drawn[1:3], c("Age (years), per 10", "log(nodes), per doubling", "size, per -5")
  )
  expect_identical(forest_of_fit(fit, 0.95, c("log(nodes)" = log(10)))$per[[2]], "factor 10")
  for (wrong in list(10, c(age = 0), c(age = NA), c(age = "10"), c(grade = 2), c(nobody = 1))) {
    expect_error(plot_forest(fit, per = wrong), "`per` must", class = "survresist_error_input")
  }
  ratios <- hazard_ratio(fit, list(age = c(50, 60)))
  expect_error(
    plot_forest(ratios, per = c(age = 10)), "is for a model", class = "survresist_error_input"
  )
})

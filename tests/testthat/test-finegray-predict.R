new <- data.frame(age = c(60, 80), sex = c("F", "M"), mspike = c(1, 2))
gammopathy <- finegray_gammopathy()
at <- c(1, 30, 60, 120, 240)

test_that("curves and their model-based errors are survfit()'s on the rows of finegray()", {
  expanded <- survival::finegray(
    Surv(time, state) ~ age + sex + mspike, gammopathy, etype = "pcm"
  )
  for (ties in c("breslow", "efron")) {
    peer <- survival::coxph(
      Surv(fgstart, fgstop, fgstatus) ~ age + sex + mspike, expanded, weights = fgwt,
      ties = ties, control = tight, robust = FALSE
    )
    curves <- summary(survival::survfit(peer, newdata = new), times = at[-1L])
    fit <- fit_finegray(
      Surv(time, state) ~ age + sex + mspike, gammopathy, ties = ties, variance = "model",
      control = tight
    )
    ours <- predict(fit, new, "survival", times = at[-1L], se.fit = TRUE)
    expect_close(ours$estimate, c(curves$surv), 1e-8)
    expect_close(ours$std.error, c(curves$std.err), 1e-8)
    hazard <- predict(fit, new, "cumhaz", times = at[-1L], se.fit = TRUE)
    expect_close(hazard$estimate, c(curves$cumhaz), 1e-8)
    incidence <- predict(fit, new, times = at[-1L], se.fit = TRUE)
    expect_close(incidence$estimate, 1 - c(curves$surv), 1e-8)
    expect_close(incidence$std.error, ours$std.error, 1e-10)
  }
})

test_that("crr() predicts the same", {
  skip_if_not_installed("cmprsk")
  d <- simulate_finegray(200, 41)
  fit <- fit_finegray(Surv(time, state) ~ a + b, d, control = tight)
  peer <- cmprsk::crr(d$time, d$kind, as.matrix(d[c("a", "b")]), gtol = 1e-14, maxiter = 50)
  theirs <- predict(peer, rbind(c(0.5, 1)))
  ours <- predict(fit, data.frame(a = 0.5, b = 1), times = theirs[, 1L])
  expect_close(ours$estimate, theirs[, 2L], 1e-8)
})

# Of log cumulative hazards, as the limits are made
test_that("the errors of the curves are near the jackknife's", {
  skip_on_cran()
  near <- function(d, fit, times, within) {
    place <- data.frame(a = c(-1, 1), b = c(0, 1), s = "p")
    curve <- function(f) log(predict(f, place, "cumhaz", times = times)$estimate)
    left <- vapply(d$id, function(i) curve(fit(d[d$id != i, ])), numeric(2 * length(times)))
    slow <- (nrow(d) - 1) / nrow(d) * rowSums((left - rowMeans(left))^2)
    ours <- predict(fit(d), place, "cumhaz", times = times, se.fit = TRUE)
    expect_lt(max(abs((ours$std.error / ours$estimate)^2 / slow - 1)), within)
  }
  d <- simulate_finegray(300, 42)
  near(d, function(d) fit_finegray(Surv(time, state) ~ a + b, d), c(0.2, 0.5, 1), 0.05)
  near(d, function(d) {
    fit_finegray(Surv(time, state) ~ a + b, d, censoring = ~ a + g)
  }, c(0.2, 1), 0.06)
  d <- simulate_finegray(300, 43, 8)
  near(d, function(d) {
    fit_finegray(Surv(time, state) ~ a + b, d, ties = "efron", censoring = ~ g)
  }, c(2, 8), 0.06)
})

test_that("limits keep within 0 and 1, and the errors of clusters of one are those of rows", {
  d <- simulate_finegray(200, 44, late = TRUE)
  fit <- fit_finegray(Surv(entry, time, state) ~ a + b + strata(s), d)
  by_id <- fit_finegray(Surv(entry, time, state) ~ a + b + strata(s), d, cluster = id)
  place <- data.frame(a = c(0, 3), b = 1, s = c("q", "p"))
  found <- predict(fit, place, interval = "confidence", se.fit = TRUE)
  expect_true(all(found$conf.low >= 0 & found$conf.low <= found$estimate))
  expect_true(all(found$conf.high <= 1 & found$conf.high >= found$estimate))
  expect_identical(unique(found$stratum), factor(c("q", "p"), levels(found$stratum)))
  expect_close(
    predict(by_id, place, se.fit = TRUE)$std.error, found$std.error, 1e-10
  )
  level <- predict(fit, place, "survival", times = 0.3, interval = "confidence", level = 0.5)
  wide <- predict(fit, place, "survival", times = 0.3, interval = "confidence")
  expect_true(all(level$conf.low > wide$conf.low & level$conf.high < wide$conf.high))
  # the same quantile of the same error, by hand, on the scale of the log cumulative hazard
  hazard <- predict(fit, place, "cumhaz", times = 0.3, se.fit = TRUE)
  width <- qnorm(0.975) * hazard$std.error / hazard$estimate
  expect_close(wide$conf.low, exp(-hazard$estimate * exp(width)), 1e-10)
})

test_that("curves begin at 0 and end with the follow-up", {
  fit <- fit_finegray(Surv(time, state) ~ age, gammopathy)
  found <- predict(fit, new, times = c(0.5, 10, 424, 425), interval = "confidence")
  expect_identical(found$estimate[[1L]], 0)
  expect_identical(unlist(found[1L, c("conf.low", "conf.high")], use.names = FALSE), c(0, 0))
  expect_identical(is.na(found$estimate), rep(c(FALSE, FALSE, FALSE, TRUE), 2))
  expect_identical(is.na(found$conf.low), is.na(found$estimate))
})

test_that("without newdata: mean covariates for curves, rows for the linear predictor", {
  fit <- fit_finegray(Surv(time, state) ~ age + mspike + strata(sex), gammopathy)
  mean <- data.frame(
    age = mean(gammopathy$age), mspike = mean(gammopathy$mspike), sex = c("F", "M")
  )
  expect_close(predict(fit)$estimate, predict(fit, mean)$estimate, 1e-12)
  expect_identical(levels(predict(fit)$stratum), c("F", "M"))
  expect_identical(unique(predict(fit)$.row), 1:2)
  link <- drop(as.matrix(gammopathy[c("age", "mspike")]) %*% coef(fit))
  expect_close(predict(fit, type = "lp"), link, 1e-12)
  expect_close(fit$linear.predictors, link, 1e-12)
  expect_close(predict(fit, type = "risk"), exp(link), 1e-12)
  risk <- predict(fit, new, type = "risk", se.fit = TRUE)
  x <- as.matrix(new[c("age", "mspike")])
  expect_close(risk$se.fit, risk$fit * sqrt(rowSums((x %*% vcov(fit)) * x)), 1e-12)
})

test_that("a model without covariates gives the cumulative incidence of Aalen and Johansen", {
  fit <- fit_finegray(Surv(time, state) ~ 1, gammopathy, cause = "death")
  peer <- survival::survfit(Surv(time, state) ~ 1, gammopathy)
  death <- peer$pstate[, "death"]
  found <- predict(fit, data.frame(row.names = 1L), type = "cumhaz", se.fit = TRUE)
  steps <- diff(c(0, found$estimate))
  expect_close(
    1 - cumprod(1 - steps), death[match(found$time, peer$time)], 1e-8
  )
  expect_true(all(found$std.error > 0))
})

test_that("the plot draws what predict() gives", {
  skip_if_not_installed("ggplot2")
  fit <- fit_finegray(Surv(time, state) ~ age + sex + mspike, gammopathy)
  plot <- plot(fit, new, labels = c("low", "high"))
  expect_s3_class(plot, "ggplot")
  drawn <- plot$data
  expect_identical(levels(drawn$group), c("low", "high"))
  given <- predict(fit, new, interval = "confidence")
  inside <- drawn$time %in% given$time & !duplicated(drawn[c("group", "time")])
  expect_equal(drawn$conf.high[inside], given$conf.high)
  expect_identical(range(drawn$time), c(0, 424))
  expect_silent(ggplot2::ggplot_build(plot(fit, conf.level = NA)))
  expect_error(plot(fit, new, labels = "one"), class = "survresist_error_input")
})

test_that("wrong requests are told", {
  fit <- fit_finegray(Surv(time, state) ~ age, gammopathy)
  wrong <- function(...) expect_error(predict(fit, new, ...), class = "survresist_error_input")
  wrong("hazard")
  wrong(times = c(1, NA))
  wrong(times = "soon")
  wrong("lp", times = 3)
  wrong(interval = "confidence", level = 95)
  expect_error(predict(fit, data.frame(sex = "F")), class = "survresist_error_input")
})

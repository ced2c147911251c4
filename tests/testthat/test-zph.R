expect_zph <- function(formula, data, ..., transforms = c("km", "rank", "identity", "log")) {
  peer_fit <- do.call(survival::coxph, list(formula, data = data, ..., control = tight))
  own_fit <- do.call(fit_cox, list(formula, data = data, ..., control = tight))
  for (transform in transforms) {
    for (terms in c(TRUE, FALSE)) {
      wanted <- survival::cox.zph(peer_fit, transform, terms = terms)
      found <- zph(own_fit, transform, terms = terms)
      wanted$call <- found$call <- NULL
      expect_identical(lapply(found, attributes), lapply(wanted, attributes))
      expect_identical(found$time, wanted$time)
      expect_identical(found$strata, wanted$strata)
      expect_identical(found$transform, wanted$transform)
      for (j in 1:3) expect_close(found$table[, j], wanted$table[, j])
      expect_close(found$x, wanted$x)
      for (j in seq_len(ncol(wanted$y))) expect_close(found$y[, j], wanted$y[, j])
      expect_close(found$var, wanted$var)
    }
  }
}

test_that("zph() is cox.zph(), on right-censored data", {
  library(survival)
  expect_zph(Surv(time, status) ~ age + sex + ph.ecog, lung)
  expect_zph(Surv(time, status) ~ karno + celltype + strata(trt), veteran)
  expect_zph(Surv(time, status) ~ karno * celltype, veteran, ties = "breslow", transforms = "km")
  expect_zph(Surv(futime, fustat) ~ age + rx, ovarian)
  expect_zph(Surv(dtime, death) ~ age + grade + nodes + strata(size), rotterdam, transforms = "km")
  expect_zph(
    Surv(rfstime, status) ~ age + factor(grade) + nodes, gbsg,
    weights = gbsg$er + 1, transforms = "rank"
  )
})

test_that("zph() is cox.zph(), on (start, stop] data", {
  library(survival)
  expect_zph(Surv(start, stop, event) ~ age + surgery + transplant, heart)
  expect_zph(Surv(tstart, tstop, status) ~ treat + age + sex + strata(center), cgd)
  expect_zph(Surv(start, stop, event) ~ rx + size + number + strata(enum), bladder2)
})

test_that("aliased columns are left out, strata without a varying column are missing", {
  library(survival)
  expect_zph(Surv(time, status) ~ age + I(2 * age) + sex, lung, transforms = "km")
  expect_zph(Surv(time, status) ~ karno:strata(trt) + age, veteran, transforms = "km")
})

test_that("a function of time is a clock, and the call is kept", {
  library(survival)
  fit <- fit_cox(Surv(time, status) ~ age + sex, lung, control = tight)
  half <- function(time) sqrt(time)
  found <- zph(fit, half)
  wanted <- cox.zph(fit, half)
  expect_close(found$table[, 1], wanted$table[, 1])
  expect_identical(found$transform, wanted$transform)
  expect_identical(found$call, quote(zph(fit = fit, transform = half)))
  expect_identical(rownames(zph(fit, global = FALSE)$table), c("age", "sex"))
  expect_error(
    zph(fit, function(time) ifelse(time > 100, NA, time)), class = "survresist_error_input"
  )
  expect_error(zph(fit, function(time) 1), "one number for each", class = "survresist_error_input")
  expect_error(
    zph(fit, function(time) rep(1, length(time))), "stands still", class = "survresist_error_input"
  )
  expect_error(zph(fit, "years"), "km", class = "survresist_error_input")
  expect_error(zph(1), "Cox model", class = "survresist_error_input")
  expect_error(zph(fit_cox(Surv(time, status) ~ 1, lung)), class = "survresist_error_input")
})

test_that("the one-df test of a term is the score test of g(t) times its linear predictor", {
  # survival 3.8-12 multiplies by the variance of theta' beta where it should divide by that of the
  # score: 18.2 here, and the number changes with the unit of the covariates. coxph's own score test
  # of tt(lp), started at the estimate, gives 3.26.
  library(survival)
  fit <- coxph(Surv(time, status) ~ karno + celltype + trt, veteran, control = tight)
  found <- zph(fit, "log", singledf = TRUE)$table["celltype", ]
  veteran$lp <- drop(stats::model.matrix(fit)[, 2:4] %*% stats::coef(fit)[2:4])
  middle <- mean(log(veteran$time[veteran$status == 1]))
  tested <- coxph(
    Surv(time, status) ~ karno + celltype + trt + tt(lp), veteran,
    tt = function(x, t, ...) x * (log(t) - middle), init = c(stats::coef(fit), 0), iter.max = 0
  )
  expect_close(found[["chisq"]], tested$score, 1e-7)
  expect_identical(found[["df"]], 1)
})

test_that("strata whose covariates are all constant keep the events of the others in line", {
  # a stratum of one row has an event and no comparison: cox.zph of survival 3.8-12 counts no events
  # for it and shifts the rows of the strata behind it
  library(survival)
  d <- rbind(
    data.frame(time = 5, status = 1, x = 1, g = 0),
    data.frame(time = veteran$time, status = veteran$status, x = veteran$karno, g = veteran$trt)
  )
  with <- zph(fit_cox(Surv(time, status) ~ x + strata(g), d, control = tight), "identity")
  without <- zph(fit_cox(Surv(time, status) ~ x + strata(g), d[-1, ], control = tight), "identity")
  expect_true(is.na(with$y[1, 1]))
  expect_close(with$y[-1, 1], without$y[, 1])
})

test_that("survival's own functions work on our fit and our result", {
  fit <- fit_cox(Surv(time, status) ~ age + sex, survival::lung)
  found <- zph(fit)
  expect_close(survival::cox.zph(fit)$table, found$table)
  expect_output(print(found), "GLOBAL")
  expect_identical(colnames(found["sex"]$y), "sex")
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_silent(plot(found[1]))
})

test_that("the order of rows and the number of threads change nothing", {
  set.seed(3)
  formula <- Surv(dtime, death) ~ age + nodes + pgr + strata(size)
  rows <- sample(nrow(survival::rotterdam))
  a <- zph(fit_cox(formula, survival::rotterdam, control = tight))
  b <- zph(fit_cox(formula, survival::rotterdam[rows, ], control = tight))
  expect_close(b$table, a$table)
  before <- get_threads()
  on.exit(set_threads(before))
  set_threads(1)
  one <- zph(fit_cox(formula, survival::rotterdam, control = tight))
  expect_identical(one$table, a$table)
  expect_identical(one$y, a$y)
})

test_that("zph() leaves the fit and its earlier results alone", {
  library(survival)
  fit <- fit_cox(Surv(rfstime, status) ~ age + nodes + strata(meno), gbsg)
  kept <- unserialize(serialize(fit, NULL))
  first <- zph(fit)
  copy <- unserialize(serialize(first, NULL))
  second <- zph(fit)
  expect_identical(second, first)
  expect_identical(first, copy)
  expect_identical(fit$y, kept$y)
  expect_identical(fit$linear.predictors, kept$linear.predictors)
})

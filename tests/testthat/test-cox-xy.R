peer <- function(x, y, strata = NULL, offset = NULL, weights = NULL, method = "efron") {
  fitter <- if (ncol(y) == 2) survival::coxph.fit else survival::agreg.fit
  fitter(
    x, y, strata = strata, offset = offset, init = NULL, control = tight, weights = weights,
    method = method, rownames = NULL, nocenter = NULL
  )
}

expect_as_peer <- function(ours, theirs) {
  parts <- c(
    "coefficients", "var", "loglik", "score", "linear.predictors", "residuals", "means"
  )
  for (part in parts) {
    expect_close(ours[[part]], theirs[[part]], 1e-8, label = part)
  }
  expect_identical(names(ours$coefficients), names(theirs$coefficients))
  expect_identical(ours$convergence, 0L)
}

test_that("the matrix entry agrees with coxph.fit and agreg.fit", {
  gbsg <- survival::gbsg
  x <- as.matrix(gbsg[c("hormon", "age", "nodes", "pgr")]) + 0
  y <- with(gbsg, Surv(rfstime, status))
  expect_as_peer(fit_cox_xy(x, y, control = tight), peer(x, y))
  expect_as_peer(
    fit_cox_xy(x, y, ties = "breslow", control = tight), peer(x, y, method = "breslow")
  )
  w <- rep(1:2, 343)
  expect_as_peer(
    fit_cox_xy(x, y, strata = gbsg$grade, weights = w, offset = gbsg$er / 1000, control = tight),
    peer(x, y, strata = gbsg$grade, weights = w, offset = gbsg$er / 1000)
  )
  heart <- survival::heart
  x <- as.matrix(heart[c("age", "surgery")])
  y <- with(heart, Surv(start, stop, event))
  expect_as_peer(
    fit_cox_xy(x, y, strata = as.character(heart$transplant), control = tight),
    peer(x, y, strata = as.integer(heart$transplant))
  )
})

test_that("y may be a plain matrix, x of integers, strata of any type", {
  lung <- survival::lung
  x <- as.matrix(lung[c("age", "sex")])
  storage.mode(x) <- "integer"
  y <- cbind(lung$time, lung$status - 1)
  fit <- fit_cox_xy(x, y)
  expect_equal(fit$coefficients, coef(fit_cox(Surv(time, status) ~ age + sex, lung)))
  by_number <- fit_cox_xy(x, y, strata = lung$sex)
  expect_identical(fit_cox_xy(x, y, strata = factor(lung$sex)), by_number)
  expect_identical(fit_cox_xy(x, y, strata = c("m", "f")[lung$sex]), by_number)
  expect_close(fit_cox_xy(x, y, strata = lung$sex == 1)$loglik, by_number$loglik, 1e-12)
  expect_identical(fit_cox_xy(x, y, strata = lung$sex * 0.37), by_number)
  expect_identical(unname(is.na(by_number$coefficients)), c(FALSE, TRUE))
})

test_that("running out of iterations is told", {
  lung <- survival::lung
  x <- as.matrix(lung[c("age", "sex")])
  fit <- fit_cox_xy(x, with(lung, Surv(time, status)), control = list(iter.max = 1))
  expect_identical(fit$convergence, 1L)
})

test_that("what cannot be used is named", {
  lung <- survival::lung
  x <- as.matrix(lung[c("age", "sex")])
  y <- with(lung, Surv(time, status))
  expect_input <- function(object, pattern) {
    expect_error(object, pattern, class = "survresist_error_input")
  }
  expect_input(fit_cox_xy(x, lung$time), "matrix")
  expect_input(fit_cox_xy(x, y[1:5, ]), "`x` must have as many rows")
  expect_input(fit_cox_xy(x, y[0, ]), "0 rows")
  expect_input(fit_cox_xy(x, cbind(1, 2, 3, 4)), "2 or 3 columns")
  expect_input(fit_cox_xy(x, cbind(lung$time, lung$status)), "status")
  expect_input(fit_cox_xy(x, cbind(lung$time, lung$time, 1)), "after the start")
  expect_input(fit_cox_xy(replace(x, 7, NA), y), "row 7")
  expect_input(fit_cox_xy(replace(x, 7, Inf), y), "row 7")
  expect_input(fit_cox_xy(as.matrix(data.frame(a = "b")), y), "numbers")
  expect_input(fit_cox_xy(x, y, strata = 1:3), "`strata`")
  expect_input(fit_cox_xy(x, y, strata = replace(lung$sex, 4, NA)), "row 4")
  expect_input(fit_cox_xy(x, y, weights = rep(0, 228)), "positive")
  expect_input(fit_cox_xy(x, y, weights = 1:3), "`weights`")
  expect_input(fit_cox_xy(x, y, offset = 1:3), "`offset`")
  expect_input(fit_cox_xy(x, y, init = 1), "`init`")
  expect_input(fit_cox_xy(x, y, ties = "exact"), "one of")
  expect_error(fit_cox_xy(x, cbind(lung$time, 0)), class = "survresist_error_no_event")
})

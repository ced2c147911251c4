# The exact partial likelihood, against survival, against its definition, and by hand.

exact_fit <- function(x, y, strata = NULL, offset = NULL, control = tight, ...) {
  y <- unclass(y)
  y <- matrix(as.double(y), nrow(y))
  stratum <- if (!is.null(strata)) as.integer(factor(strata)) - 1L
  cox_exact(cox_data(x, y, stratum, NULL, offset), NULL, control, rep(TRUE, ncol(x)), ...)
}

exact_agrees <- function(x, y, strata = NULL) {
  group <- if (is.null(strata)) rep(1, nrow(x)) else strata
  reference <- survival::coxph(
    y ~ x + strata(group), ties = "exact", control = tight, nocenter = NULL
  )
  fit <- exact_fit(x, y, strata)
  expect_close(fit$coefficients, reference$coefficients)
  expect_close(fit$var, reference$var)
  expect_close(fit$loglik, reference$loglik)
  expect_close(fit$score_test, reference$score)
  expect_close(fit$means, reference$means)
  expect_close(fit$linear.predictors, reference$linear.predictors)
  expect_close(fit$residuals, reference$residuals)
  expect_identical(fit$iter, as.integer(reference$iter))
  expect_true(fit$converged)
}

# Log-likelihood by its definition: one term a set of deaths, all sets listed.
exact_oracle <- function(beta, x, y, strata = rep(1, nrow(x)), offset = rep(0, nrow(x))) {
  y <- unclass(y)
  k <- ncol(y)
  start <- if (k == 3L) y[, 1] else rep(-Inf, nrow(y))
  eta <- drop(x %*% beta) + offset
  total <- 0
  for (s in unique(strata)) {
    for (time in unique(y[strata == s & y[, k] == 1, k - 1])) {
      at_risk <- which(strata == s & start < time & y[, k - 1] >= time)
      dies <- at_risk[y[at_risk, k] == 1 & y[at_risk, k - 1] == time]
      sets <- utils::combn(length(at_risk), length(dies))
      sums <- colSums(matrix(eta[at_risk][sets], nrow(sets)))
      total <- total + sum(eta[dies]) - max(sums) - log(sum(exp(sums - max(sums))))
    }
  }
  total
}

numbers <- function(data, columns) unname(as.matrix(data[columns]))

test_that("right-censored fits agree with coxph(ties = 'exact')", {
  lung <- stats::na.omit(survival::lung[c("time", "status", "age", "sex", "ph.ecog", "inst")])
  x <- numbers(lung, c("age", "sex", "ph.ecog"))
  exact_agrees(x, Surv(lung$time, lung$status))
  monthly <- Surv(ceiling(lung$time / 30), lung$status)
  exact_agrees(x, monthly)
  exact_agrees(x[, -2], monthly, factor(lung$sex))
  x[, 1] <- 1e6 + 1e-2 * x[, 1]
  exact_agrees(x, monthly)
  veteran <- survival::veteran
  x <- unname(stats::model.matrix(~ trt + celltype + karno, veteran)[, -1])
  attr(x, "assign") <- attr(x, "contrasts") <- NULL
  exact_agrees(x, Surv(veteran$time, veteran$status))
  exact_agrees(x, Surv(ceiling(veteran$time / 20), veteran$status), veteran$prior)
})

test_that("(start, stop] fits agree with coxph(ties = 'exact')", {
  heart <- survival::heart
  x <- cbind(heart$age, heart$year, as.numeric(heart$surgery))
  exact_agrees(x, Surv(heart$start, heart$stop, heart$event))
  cgd <- survival::cgd
  x <- cbind(cgd$age, as.numeric(cgd$treat), cgd$height)
  exact_agrees(x, Surv(cgd$tstart, cgd$tstop, cgd$status), factor(cgd$hos.cat))
})

test_that("offsets, strata and entry times agree with the definition", {
  set.seed(31)
  n <- 40
  x <- cbind(stats::rnorm(n), stats::rbinom(n, 1, 0.4))
  stop <- ceiling(stats::rexp(n) * 4)
  start <- pmax(0, stop - 1 - stats::rpois(n, 2))
  event <- stats::rbinom(n, 1, 0.7)
  strata <- rep(1:2, n / 2)
  offset <- stats::rnorm(n)
  for (y in list(Surv(stop, event), Surv(start, stop, event))) {
    fit <- exact_fit(x, y, strata, offset)
    value <- function(beta) exact_oracle(beta, x, y, strata, offset)
    expect_close(fit$loglik, c(value(c(0, 0)), value(fit$coefficients)), 1e-12)
    best <- stats::optim(c(0, 0), value, control = list(fnscale = -1, reltol = 1e-15))
    expect_close(fit$coefficients, best$par, 1e-5)
    step <- 1e-4
    second <- function(a, b) {
      e <- diag(2) * step
      v <- function(i, j) value(fit$coefficients + i * e[, a] + j * e[, b])
      -(v(1, 1) - v(1, -1) - v(-1, 1) + v(-1, -1)) / (4 * step^2)
    }
    hessian <- outer(1:2, 1:2, Vectorize(second))
    expect_close(fit$var, solve(hessian), 1e-5)
  }
})

test_that("matched sets give the conditional logistic fit", {
  library(survival) # clogit() looks for coxph() where it is called
  infert <- datasets::infert
  x <- numbers(infert, c("spontaneous", "induced"))
  reference <- survival::clogit(
    case ~ spontaneous + induced + strata(stratum), infert, control = tight
  )
  fit <- exact_fit(x, Surv(rep(1, nrow(x)), infert$case), infert$stratum)
  expect_close(fit$coefficients, stats::coef(reference))
  expect_close(fit$var, stats::vcov(reference))
  expect_close(fit$loglik, reference$loglik)
})

test_that("the worked example of survival's validation vignette", {
  # Therneau, "Validation", section "Exact partial likelihood": LL = 2(b - log(3r + 3)), r = exp(b);
  # U = 2/(r + 1), I = 2r/(r + 1)^2, so Newton's steps from 0 are (r + 1)/r and never end.
  x <- matrix(c(1, 1, 1, 0, 0, 0))
  y <- Surv(c(1, 1, 6, 6, 8, 9), c(1, 0, 1, 1, 0, 1))
  beta <- 0
  for (i in 0:4) {
    few <- survival::coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = i)
    fit <- exact_fit(x, y, control = few)
    r <- exp(beta)
    expect_close(fit$coefficients, beta, 1e-12)
    expect_close(fit$loglik, c(-2 * log(6), 2 * (beta - log(3 * r + 3))), 1e-12)
    expect_close(fit$var, (r + 1)^2 / (2 * r), 1e-12)
    beta <- beta + (r + 1) / r
  }
  # at infinity the residuals are 2/3, -1/3, -4/3, 1, 0, 0
  fit <- exact_fit(x, y)
  expect_close(fit$residuals, c(2, -1, -4, 3, 0, 0) / 3, 1e-5)
})

test_that("hundreds of tied deaths and risks far apart stay within a double's range", {
  set.seed(32)
  n <- 1500
  x <- matrix(stats::rnorm(2 * n), n)
  time <- ceiling(stats::rexp(n, exp(0.5 * x[, 1])) * 2)
  y <- Surv(time, rep(1, n))
  # choosing 600 of 1500 has more than 1e430 ways
  expect_gt(max(table(time)), 500)
  fit <- exact_fit(x, y)
  expect_true(fit$converged && all(is.finite(unlist(fit[c("coefficients", "var", "loglik")]))))
  # the likelihood at 0 counts the ways
  deaths <- as.numeric(table(time))
  at_risk <- rev(cumsum(rev(deaths)))
  expect_close(fit$loglik[1], -sum(lchoose(at_risk, deaths)), 1e-12)
  # adding a constant of any size to one stratum's offset changes nothing
  strata <- rep(1:3, n / 3)
  apart <- exact_fit(x, y, strata, c(-900, 0, 900)[strata])
  near <- exact_fit(x, y, strata)
  expect_close(apart$coefficients, near$coefficients, 1e-9)
  expect_close(apart$loglik, near$loglik, 1e-12)
})

test_that("order of rows, splitting of rows, one or two threads", {
  lung <- stats::na.omit(survival::lung[c("time", "status", "age", "sex")])
  x <- numbers(lung, c("age", "sex"))
  time <- ceiling(lung$time / 30)
  fit <- exact_fit(x, Surv(time, lung$status))
  turned <- rev(seq_len(nrow(x)))
  expect_close(
    exact_fit(x[turned, ], Surv(time, lung$status)[turned])$coefficients, fit$coefficients, 1e-10
  )
  cut <- time / 2
  twice <- Surv(c(0 * time, cut), c(cut, time), c(0 * time, lung$status - 1))
  expect_close(exact_fit(rbind(x, x), twice)$coefficients, fit$coefficients, 1e-10)
  expect_close(exact_fit(rbind(x, x), twice)$loglik, fit$loglik, 1e-12)
})

test_that("null models, aliased columns, merged times", {
  lung <- stats::na.omit(survival::lung[c("time", "status", "age", "sex")])
  x <- numbers(lung, c("age", "sex"))
  y <- Surv(ceiling(lung$time / 30), lung$status)
  empty <- exact_fit(x[, 0], y)
  expect_close(empty$loglik, rep(exact_fit(x, y)$loglik[1], 2), 1e-12)
  expect_close(
    empty$residuals, stats::residuals(survival::coxph(y ~ 1, ties = "breslow"), "martingale")
  )
  aliased <- exact_fit(cbind(x, x[, 1] + x[, 2]), y)
  expect_close(aliased$coefficients, c(exact_fit(x, y)$coefficients, 0))
  expect_identical(aliased$rank, 2L)
  expect_close(aliased$var[3, ], c(0, 0, 0))
  jitter <- y
  jitter[, 1] <- jitter[, 1] * (1 + c(0, 1e-15))
  merged <- exact_fit(x, jitter, tolerance = sqrt(.Machine$double.eps))
  expect_gt(merged$n_merged, 0)
  expect_close(merged$coefficients, exact_fit(x, y)$coefficients, 1e-12)
})

test_that("case weights are refused", {
  y <- cbind(c(1, 2, 3), c(1, 1, 0))
  data <- cox_data(matrix(c(1, 2, 4)), y, weights = c(1, 2, 1))
  expect_error(
    cox_exact(data, NULL, tight, TRUE), "row 2", class = "survresist_error_unsupported"
  )
  data <- cox_data(matrix(c(1, 2, 4)), y, weights = c(1, 1, 1))
  expect_true(is.finite(cox_exact(data, NULL, tight, TRUE)$loglik[1]))
})

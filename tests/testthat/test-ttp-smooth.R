# The penalised smooth hazard: the family by itself, the penalty, the choice of lambda.

skip_if_not_installed("flexsurv")

bc <- flexsurv::bc
by_group <- Surv(recyrs, censrec) ~ group
knots <- c(0, 0.3, 0.5, 0.9, 2)

with_knots <- function() {
  family <- ttp_smooth(7)
  family$setting <- knots
  family
}

b_splines <- function(x, order = 0L) {
  splines::splineDesign(c(0, 0, 0, knots, 2, 2, 2), x, ord = 4L, derivs = order)
}

test_that("the hazard is the mixture of B-splines, its integral is exact, constant at the end", {
  withr::local_seed(1)
  theta <- rnorm(7)
  time <- c(seq(0.01, 1.99, length.out = 30L), 2.5, 40)
  at <- hazard_table(
    ttp_hazard(with_knots(), "hazard"), log(time), matrix(theta, 32L, 7L, byrow = TRUE),
    numeric(32L)
  )
  hazard <- function(t) drop(b_splines(pmin(t, 2)) %*% exp(theta))
  expect_close(exp(at$haz), hazard(time), 1e-13)
  # Gauss' rule with 3 points is exact for cubics
  root <- sqrt(0.6)
  area <- function(from, to) {
    middle <- (from + to) / 2
    half <- (to - from) / 2
    half * (5 * hazard(middle - root * half) + 8 * hazard(middle) +
              5 * hazard(middle + root * half)) / 9
  }
  H <- vapply(time, function(t) {
    ends <- c(knots[knots < t], t)
    sum(area(utils::head(ends, -1L), ends[-1L]))
  }, 0)
  expect_close(exp(at$cum), H, 1e-13)
})

test_that("derivatives of the smooth hazard are those of central differences, on every scale", {
  withr::local_seed(2)
  theta <- matrix(rnorm(60L * 7L), 60L)
  for (scale in ttp_smooth()$scales) {
    error <- hazard_derivative_error(
      with_knots(), scale, seq(-6, 1.2, length.out = 60L), rnorm(60L, sd = 0.3), theta
    )
    expect_lt(error, 2e-6)
  }
})

test_that("the penalty is the integral of the squared second derivative", {
  withr::local_seed(3)
  theta <- rnorm(7)
  # f''^2 is quadratic between knots: Simpson's rule is exact
  f <- function(x) drop(b_splines(x, 2L) %*% theta)^2
  from <- knots[-5L]
  to <- knots[-1L]
  middle <- (from + to) / 2
  inside <- function(x) pmin(pmax(x, 0), 2)
  near <- 1e-12
  total <- sum((to - from) / 6 * (f(from + near) + 4 * f(middle) + f(inside(to - near))))
  S <- crossprod(roughness_root(knots))
  expect_close(drop(theta %*% S %*% theta), total, 1e-9)
  # straight lines, in the Greville abscissae, are free
  greville <- vapply(1:7, function(j) mean(c(0, 0, 0, knots, 2, 2, 2)[j + 1:3]), 0)
  expect_lt(max(abs(S %*% cbind(1, greville))), 1e-10 * max(abs(S)))
})

test_that("the estimate is where the penalised likelihood has no slope", {
  fit <- fit_ttp(by_group, bc, family = ttp_smooth(8, lambda = 0.01))
  S <- fit$smooth$lambda * fit$family$penalty
  x <- stats::model.matrix(~ group, bc)[, -1L]
  value <- function(coef, penalty) {
    theta <- matrix(coef[-(1:2)], 686L, 8L, byrow = TRUE)
    at <- hazard_table(
      ttp_hazard(fit$family, "hazard"), log(bc$recyrs), theta, drop(x %*% coef[1:2])
    )
    sum(bc$censrec * at$haz - exp(at$cum)) - penalty * drop(coef[-(1:2)] %*% S %*% coef[-(1:2)]) / 2
  }
  b <- unname(coef(fit))
  slope <- numDeriv::grad(value, b, penalty = 1)
  expect_lt(max(abs(slope) * sqrt(diag(vcov(fit)))), 1e-6)
  expect_close(as.numeric(logLik(fit)), value(b, 0), 1e-10)
  information <- -numDeriv::hessian(value, b, penalty = 0)
  penalised <- -numDeriv::hessian(value, b, penalty = 1)
  expect_close(unname(vcov(fit)), solve(penalised), 1e-5)
  edf <- sum(diag(solve(penalised, information)))
  expect_close(fit$smooth$edf, edf, 1e-5)
  expect_equal(attr(logLik(fit), "df"), fit$smooth$edf)
  expect_close(AIC(fit), -2 * value(b, 0) + 2 * edf, 1e-6)
  sandwich <- fit_ttp(
    by_group, bc, family = ttp_smooth(8, lambda = 0.01, variance = "sandwich")
  )
  expect_close(
    unname(vcov(sandwich)), solve(penalised, information) %*% solve(penalised), 1e-5
  )
  expect_output(print(sandwich), "sandwich variance")
})

test_that("lambda is where the restricted likelihood is largest", {
  fit <- fit_ttp(by_group, bc, family = ttp_smooth(8))
  criterion <- function(lambda) {
    at <- fit_ttp(by_group, bc, family = ttp_smooth(8, lambda = lambda))
    theta <- coef(at)[-(1:2)]
    rough <- drop(theta %*% at$family$penalty %*% theta)
    log_size <- -determinant(vcov(at))$modulus[[1L]]
    as.numeric(logLik(at)) - lambda * rough / 2 + 6 * log(lambda) / 2 - log_size / 2
  }
  best <- criterion(fit$smooth$lambda)
  for (factor in c(1 / 100, 1 / 3, 0.9, 1.1, 3, 100)) {
    expect_lt(criterion(fit$smooth$lambda * factor), best + 1e-5)
  }
  expect_lt(criterion(fit$smooth$lambda * 3), best - 0.01)
})

test_that("little smoothing leaves all parameters, much leaves two", {
  rough <- fit_ttp(by_group, bc, family = ttp_smooth(5, lambda = 1e-9))
  expect_gt(rough$smooth$edf, 6.8)
  expect_lt(rough$smooth$edf, 7)
  stiff <- fit_ttp(by_group, bc, family = ttp_smooth(5, lambda = 1e6))
  expect_close(stiff$smooth$edf_baseline, 2, 1e-3)
  chosen <- fit_ttp(by_group, bc, family = ttp_smooth(5))
  expect_gt(as.numeric(logLik(rough)), as.numeric(logLik(chosen)))
  expect_gt(as.numeric(logLik(chosen)), as.numeric(logLik(stiff)))
})

test_that("smooth fits do not know the unit of time and see effects as a spline does", {
  fit <- fit_ttp(by_group, bc, family = ttp_smooth())
  days <- fit_ttp(Surv(rectime, censrec) ~ group, bc, family = "smooth")
  expect_true(fit$convergence$converged)
  expect_close(coef(days)[1:2], coef(fit)[1:2], 1e-5)
  expect_close(days$smooth$lambda, fit$smooth$lambda, 1e-2)
  spline <- fit_ttp(by_group, bc, family = ttp_spline())
  expect_lt(max(abs(coef(fit)[1:2] - coef(spline)[1:2])), 0.02)
  expect_close(diag(vcov(fit))[1:2], diag(vcov(spline))[1:2], 0.02)
  # effective parameters buy as much as those of a spline: AIC is of its order
  expect_lt(abs(AIC(fit) - AIC(spline)), 5)
})

test_that("strata have a smooth hazard each, interval data a smooth hazard too", {
  apart <- fit_ttp(Surv(recyrs, censrec) ~ strata(group), bc, family = ttp_smooth(6))
  expect_true(apart$convergence$converged)
  expect_length(coef(apart), 18L)
  d <- bc
  d$left <- 0.5 * floor(d$recyrs / 0.5)
  d$right <- ifelse(d$censrec == 1, d$left + 0.5, Inf)
  seen <- d[d$left > 0 | is.finite(d$right), ]
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ group, seen, family = ttp_smooth(6)
  )
  expect_true(fit$convergence$converged)
  exact <- fit_ttp(by_group, bc, family = ttp_smooth(6))
  expect_lt(max(abs(coef(fit)[1:2] - coef(exact)[1:2])), 0.06)
})

test_that("a smooth hazard follows one that rises and falls", {
  withr::local_seed(7)
  n <- 3000
  time <- rlnorm(n, 0.7, 0.6)
  seen <- runif(n, 2, 6)
  d <- data.frame(time = pmin(time, seen), status = as.integer(time <= seen))
  fit <- fit_ttp(Surv(time, status) ~ 1, d, family = ttp_smooth())
  grid <- seq(0.5, 4, by = 0.25)
  at <- hazard_table(
    ttp_hazard(fit$family, "hazard"), log(grid), matrix(coef(fit), 15L, 10L, byrow = TRUE),
    numeric(15L)
  )
  truth <- dlnorm(grid, 0.7, 0.6, log = TRUE) - plnorm(grid, 0.7, 0.6, FALSE, TRUE)
  expect_lt(sqrt(mean((at$haz - truth)^2)), 0.1)
})

test_that("the cross-validated likelihood is that of leaving rows out one by one", {
  d <- bc[seq(1, 686, by = 9), ]
  n <- nrow(d)
  # a row of next to no weight is out; the knots stay
  left_out <- function(lambda) {
    sum(vapply(seq_len(n), function(i) {
      d$w <- replace(rep(1, n), i, 1e-9)
      fit <- fit_ttp(
        Surv(recyrs, censrec) ~ hormon, d,
        family = ttp_smooth(5, lambda = lambda), weights = w, robust = FALSE
      )
      at <- hazard_table(
        ttp_hazard(fit$family, "hazard"), log(d$recyrs[[i]]), rbind(coef(fit)[-1L]),
        coef(fit)[[1L]] * d$hormon[[i]]
      )
      d$censrec[[i]] * at$haz - exp(at$cum)
    }, 0))
  }
  d$hormon <- d$group == "Poor"
  fit_at <- function(lambda = NULL) {
    fit_ttp(
      Surv(recyrs, censrec) ~ hormon, d, family = ttp_smooth(5, lambda = lambda, criterion = "lcv")
    )
  }
  lambda <- c(0.01, 1, 100)
  approximate <- vapply(lambda, function(lambda) {
    fit <- fit_at(lambda)
    as.numeric(logLik(fit)) - fit$smooth$edf
  }, 0)
  explicit <- vapply(lambda, left_out, 0)
  # what is neglected is of second order: a small part of the effective parameters, 3 to 4 here
  expect_lt(max(abs(approximate - explicit)), 0.3)
  expect_gt(diff(range(explicit)), 0.6)
  chosen <- fit_at()
  expect_gt(left_out(chosen$smooth$lambda), max(explicit) - 0.2)
  best <- as.numeric(logLik(chosen)) - chosen$smooth$edf
  expect_true(all(best > approximate - 1e-6))
  for (factor in c(0.01, 0.8, 1.25, 100)) {
    other <- fit_at(chosen$smooth$lambda * factor)
    expect_lt(as.numeric(logLik(other)) - other$smooth$edf, best + 1e-5)
  }
  expect_output(print(chosen), "by cross-validation")
  expect_identical(chosen$smooth$criterion, "lcv")
})

test_that("the covariance is a mean over lambda, each number of parameters as likely", {
  fit <- fit_ttp(by_group, bc, family = ttp_smooth(8))
  conditional <- fit_ttp(by_group, bc, family = ttp_smooth(8, variance = "conditional"))
  given <- fit_ttp(by_group, bc, family = ttp_smooth(8, lambda = fit$smooth$lambda))
  expect_identical(coef(fit), coef(conditional))
  expect_close(vcov(conditional), vcov(given), 1e-6)
  expect_output(print(fit), "by restricted likelihood\\), bayes variance")
  expect_output(print(given), "lambda given")
  # the same mean, of fits at many values
  lambda <- fit$smooth$lambda * exp(seq(-9, 9, by = 0.25))
  fits <- lapply(lambda, function(lambda) fit_ttp(by_group, bc, ttp_smooth(8, lambda = lambda)))
  restricted <- vapply(fits, function(at) {
    theta <- coef(at)[-(1:2)]
    as.numeric(logLik(at)) - at$smooth$lambda * drop(theta %*% at$family$penalty %*% theta) / 2 +
      6 * log(at$smooth$lambda) / 2 + determinant(vcov(at))$modulus[[1L]] / 2
  }, 0)
  edf <- vapply(fits, function(at) at$smooth$edf_baseline, 0)
  weight <- exp(restricted - max(restricted)) * -(c(diff(edf), 0) + c(0, diff(edf)))
  weight <- weight / sum(weight)
  expected <- Reduce(`+`, Map(function(at, share) {
    share * (vcov(at) + tcrossprod(coef(at) - coef(fit)))
  }, fits, weight))
  expect_close(vcov(fit), expected, 0.01)
  expect_true(all(diag(vcov(fit)) > 0.999 * diag(vcov(conditional))))
})

test_that("a robust variance and what a row moves are those of known lambda", {
  fit <- fit_ttp(by_group, bc, family = ttp_smooth(6), robust = TRUE)
  plain <- fit_ttp(by_group, bc, family = ttp_smooth(6))
  given <- fit_ttp(by_group, bc, family = ttp_smooth(6, lambda = plain$smooth$lambda))
  score <- residuals(plain, "score")
  expect_close(vcov(fit), vcov(given) %*% crossprod(score) %*% vcov(given), 1e-8)
  expect_identical(fit$naive.var, plain$var)
  expect_output(print(fit), "robust variance")
  expect_close(residuals(plain, "dfbeta"), score %*% vcov(given), 1e-8)
  skip_if_not_installed("sandwich")
  expect_close(sandwich::sandwich(plain), vcov(fit), 1e-8)
})

test_that("where the smoothest hazard is best, its error still knows that it may not be", {
  withr::local_seed(5)
  d <- data.frame(time = rexp(150), status = 1)
  fit <- fit_ttp(Surv(time, status) ~ 1, d, family = ttp_smooth())
  conditional <- fit_ttp(Surv(time, status) ~ 1, d, family = ttp_smooth(variance = "conditional"))
  expect_lt(fit$smooth$edf_baseline, 2.01)
  early <- c(0.01, 0.05)
  error <- function(fit) {
    predict(fit, d[1L, ], "hazard", times = early, se.fit = TRUE)$std.error
  }
  expect_true(all(error(fit) > 1.2 * error(conditional)))
})

test_that("what a smooth hazard has not is refused", {
  input <- "survresist_error_input"
  unsupported <- "survresist_error_unsupported"
  expect_error(ttp_smooth(3), "from 4 to 30", class = input)
  expect_error(ttp_smooth(lambda = -1), "positive", class = input)
  expect_error(ttp_smooth(variance = "robust"), "must be one of", class = input)
  expect_error(ttp_smooth(criterion = "gcv"), "must be one of", class = input)
  expect_error(
    fit_ttp(by_group, bc, family = ttp_smooth(), shape = ~ group), "no covariates",
    class = unsupported
  )
  fit <- fit_ttp(by_group, bc, family = ttp_smooth(6))
  expect_error(anova(fit), "penalised likelihood", class = unsupported)
  expect_output(print(fit), "log penalised likelihood|log likelihood")
  tied <- data.frame(time = rep(c(1, 2, 3), 20), status = 1)
  expect_error(
    fit_ttp(Surv(time, status) ~ 1, tied, family = ttp_smooth(10)), "must differ", class = input
  )
})

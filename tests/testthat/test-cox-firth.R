# Firth's penalised likelihood: against its definition with every risk set listed
# (helper-oracle-firth.R), against coxphf, and where plain likelihood has no maximum.

plain_times <- function(y) {
  y <- unclass(y)
  matrix(as.double(y), nrow(y))
}

firth_fit <- function(x, y, ties = "efron", stratum = NULL, weights = NULL, offset = NULL,
                      init = NULL, control = tight, ...) {
  data <- cox_data(x, plain_times(y), stratum, weights, offset)
  cox_firth(data, ties, init, control, rep(TRUE, ncol(x)), ...)
}

# 80 rows in two strata, ties, weights, an offset, entry times, columns of unlike size
firth_design <- function(seed) {
  set.seed(seed)
  n <- 80
  stop <- ceiling(stats::rexp(n) * 8)
  list(
    x = cbind(stats::rnorm(n), stats::rbinom(n, 1, 0.3), 1e4 + stats::runif(n, 0, 1e-3)),
    start = pmax(0, stop - 1 - stats::rpois(n, 3)), stop = stop,
    event = stats::rbinom(n, 1, 0.7), stratum = rep(0:1, n / 2),
    weights = stats::runif(n, 0.5, 2), offset = stats::rnorm(n) / 2
  )
}

test_that("value, gradient and information are those of the definition", {
  start_only <- survival::coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 0)
  design <- firth_design(41)
  centred <- sweep(design$x, 2, c(0, 0, 1e4))
  beta <- c(0.3, -0.4, 200)
  for (ties in c("efron", "breslow")) {
    for (is_full in c(FALSE, TRUE)) {
      for (y in with(design, list(cbind(stop, event), cbind(start, stop, event)))) {
        more <- if (is_full) design[c("stratum", "weights", "offset")] else list()
        oracle <- do.call(oracle_firth, c(list(centred, y, ties), more))
        fit <- do.call(
          firth_fit, c(list(design$x, y, ties, init = beta, control = start_only), more)
        )
        expect_close(fit$loglik, rep(oracle(beta), 2), 1e-12)
        # the third column's unit is 1e-3: differentiate in units of its own
        unit <- c(1, 1, 1e3)
        numeric <- slope_of(function(b) oracle(b * unit), beta / unit) / unit
        expect_close(fit$score * unit, numeric * unit, 1e-8)
        expect_close(fit$var, solve(attr(oracle(beta), "info"), tol = 1e-30), 1e-8)
      }
    }
  }
})

test_that("the maximum is one: no slope, and no higher value around it", {
  design <- firth_design(42)
  centred <- sweep(design$x, 2, c(0, 0, 1e4))
  unit <- c(1, 1, 1e3)
  for (ties in c("efron", "breslow")) {
    y <- with(design, cbind(start, stop, event))
    more <- design[c("stratum", "weights", "offset")]
    fit <- do.call(firth_fit, c(list(design$x, y, ties), more))
    oracle <- do.call(oracle_firth, c(list(centred, y, ties), more))
    value <- function(b) oracle(b * unit)
    expect_true(fit$converged)
    expect_lt(max(abs(slope_of(value, fit$coefficients / unit))), 1e-7)
    best <- stats::optim(c(0, 0, 0), value, control = list(fnscale = -1, reltol = 1e-14))
    expect_close(fit$loglik[2], best$value, 1e-10)
    default <- do.call(
      firth_fit, c(list(design$x, y, ties, control = survival::coxph.control()), more)
    )
    expect_close(default$coefficients, fit$coefficients, 1e-6)
  }
})

test_that("the estimate, tests and limits of coxphf", {
  skip_if_not_installed("coxphf")
  breast <- get(utils::data("breast", package = "coxphf", envir = environment()))
  names(breast) <- c("size", "node", "grade", "receptor", "time", "status")[
    match(names(breast), c("T", "N", "G", "CD", "TIME", "CENS"))
  ]
  # coxphf scales columns to unit standard deviation, so that its likelihoods differ from ours by a
  # constant; its limits come from a search that ends at 1e-4 or so.
  reference <- suppressWarnings(coxphf::coxphf(
    Surv(time, status) ~ size + node + grade + receptor, breast,
    epsilon = 1e-14, gconv = 1e-10, maxit = 500
  ))
  x <- unname(as.matrix(breast[c("size", "node", "grade", "receptor")])) + 0
  y <- Surv(breast$time, breast$status)
  fit <- firth_fit(x, y, "breslow")
  expect_close(fit$coefficients, stats::coef(reference), 1e-7)
  expect_close(fit$var, reference$var, 1e-7)
  expect_close(diff(fit$loglik), diff(reference$loglik), 1e-8)
  data <- cox_data(x, plain_times(y))
  tests <- cox_firth_tests(data, "breslow", fit, tight, rep(TRUE, 4))
  expect_close(tests[, "p"], reference$prob, 1e-6)
  limits <- cox_firth_interval(data, "breslow", fit, tight, rep(TRUE, 4))
  reference <- suppressWarnings(coxphf::coxphf(
    Surv(time, status) ~ size + node + grade + receptor, breast, maxit = 2000, maxstep = 0.05
  ))
  expect_close(exp(limits[, "lower"]), reference$ci.lower, 1e-3)
  expect_close(exp(limits[, "upper"]), reference$ci.upper, 1e-3)
})

test_that("limits are where the profile falls by half a chi-squared quantile", {
  design <- firth_design(43)
  y <- cbind(design$stop, design$event)
  x <- design$x[, 1:2]
  oracle <- oracle_firth(x, y, "efron", design$stratum)
  fit <- firth_fit(x, y, "efron", design$stratum)
  data <- cox_data(x, y, design$stratum)
  limits <- cox_firth_interval(data, "efron", fit, tight, c(TRUE, TRUE), level = 0.9)
  for (j in 1:2) {
    for (limit in limits[j, ]) {
      rest <- stats::optimize(
        function(b) oracle(replace(c(b, b), j, limit)), c(-5, 5), maximum = TRUE, tol = 1e-10
      )
      expect_close(2 * (fit$loglik[2] - rest$objective), stats::qchisq(0.9, 1), 1e-6)
    }
  }
})

test_that("it is finite where a group has no event, for all of tests and limits", {
  set.seed(44)
  n <- 60
  group <- rep(0:1, n / 2)
  time <- ceiling(stats::rexp(n) * 10)
  event <- ifelse(group == 1, 0, stats::rbinom(n, 1, 0.8))
  x <- cbind(group, stats::rnorm(n))
  y <- cbind(time, event)
  # plain likelihood runs away
  plain <- cox_newton(cox_data(x, y), "efron", NULL, tight, c(TRUE, TRUE))
  expect_gt(abs(plain$coefficients[1]), 15)
  for (ties in c("efron", "breslow")) {
    fit <- firth_fit(x, y, ties, control = survival::coxph.control())
    expect_true(fit$converged)
    expect_lt(abs(fit$coefficients[1]), 8)
    oracle <- oracle_firth(x, y, ties)
    expect_lt(max(abs(slope_of(oracle, fit$coefficients))), 1e-5)
    data <- cox_data(x, y)
    limits <- cox_firth_interval(data, ties, fit, tight, c(TRUE, TRUE))
    expect_true(all(is.finite(limits)))
    tests <- cox_firth_tests(data, ties, fit, tight, c(TRUE, TRUE))
    expect_lt(tests[1, "p"], 1e-4)
    # far more room on the side where the likelihood is flat
    expect_gt(fit$coefficients[1] - limits[1, 1], 1.5 * (limits[1, 2] - fit$coefficients[1]))
  }
})

test_that("few events and many columns still converge from 0", {
  # each design has fewer than three events a column
  set.seed(45)
  iterations <- vapply(1:30, function(run) {
    x <- cbind(matrix(stats::rnorm(160), 40), matrix(stats::rbinom(80, 1, 0.2), 40))
    y <- cbind(stats::rexp(40), stats::rbinom(40, 1, 0.35))
    fit <- firth_fit(x, y, control = survival::coxph.control(iter.max = 50))
    expect_true(fit$converged)
    fit$iter
  }, 0L)
  expect_lt(stats::median(iterations), 20)
})

test_that("affine recoding, order of rows and threads", {
  design <- firth_design(46)
  y <- with(design, cbind(start, stop, event))
  x <- design$x
  fit <- firth_fit(x, y)
  recoded <- firth_fit(cbind(5 - 2 * x[, 1], 10 * x[, 2], x[, 3]), y)
  expect_close(recoded$coefficients * c(-2, 10, 1), fit$coefficients, 1e-8)
  expect_close(recoded$loglik - log(2 * 10), fit$loglik, 1e-10)
  turned <- sample(nrow(x))
  expect_close(firth_fit(x[turned, ], y[turned, ])$coefficients, fit$coefficients, 1e-8)
  before <- set_threads(1)
  one <- firth_fit(x, y)
  set_threads(0)
  expect_identical(firth_fit(x, y), one)
})

test_that("null models and aliased columns", {
  design <- firth_design(47)
  y <- with(design, cbind(stop, event))
  x <- design$x[, 1:2]
  fit <- firth_fit(x, y)
  aliased <- firth_fit(cbind(x, x[, 1] - x[, 2]), y)
  expect_close(aliased$coefficients, c(fit$coefficients, 0))
  expect_close(aliased$loglik, fit$loglik)
  expect_identical(aliased$rank, 2L)
  data <- cox_data(cbind(x, x[, 1] - x[, 2]), y)
  tests <- cox_firth_tests(data, "efron", aliased, tight, rep(TRUE, 3))
  expect_identical(is.na(tests[, "p"]), c(FALSE, FALSE, TRUE))
  empty <- firth_fit(x[, 0], y)
  expect_close(empty$loglik, rep(survival::coxph(Surv(y[, 1], y[, 2]) ~ 1)$loglik, 2), 1e-12)
})

test_that("a fit reports penalised tests and profile intervals", {
  patients <- survival::lung
  fit <- fit_cox(Surv(time, status) ~ age + sex + ph.ecog, patients, firth = TRUE)
  table <- summary(fit)
  limits <- stats::confint(fit)
  expect_identical(limits, stats::confint(fit, method = "profile"))
  expect_gt(max(abs(limits - stats::confint(fit, method = "wald"))), 1e-4)
  expect_close(table$conf.int[, 3:4], exp(limits), 1e-12)
  expect_identical(colnames(table$coefficients)[4:5], c("Chisq", "Pr(>Chisq)"))
  # the test rejects at 5 % exactly where the interval excludes 0
  expect_identical(table$coefficients[, 5] < 0.05, limits[, 1] > 0 | limits[, 2] < 0)
  # at the p-value's own level the interval ends at 0
  p <- table$coefficients["age", 5]
  expect_lt(min(abs(stats::confint(fit, "age", level = 1 - p))), 1e-6)
  expect_output(print(fit), "Chisq")
  expect_output(print(fit), "Firth's penalised likelihood")
  half <- summary(fit, scale = 10)
  expect_close(half$conf.int[, 3:4], exp(10 * limits), 1e-12)
  rm(patients)
  expect_warning(summary(fit), "profile intervals", class = "survresist_warning")
})

gengamma_at <- function(w, Q, order = 0L) {
  theta <- cbind(0, 0, rep_len(Q, length(w)))
  at <- hazard_table(ttp_hazard(family_gengamma(), "time"), w, theta, order = order)
  at$haz <- at$haz + w # of W rather than of t = e^W
  at
}

test_that("derivatives of the generalised gamma are those of central differences", {
  withr::local_seed(2)
  for (Q in c(-3, -1, -0.3, -0.2, -0.1, -0.01, 0, 1e-9, 0.01, 0.1, 0.2, 0.5, 1, 3, 10)) {
    log_time <- seq(-9, 5, length.out = 60L)
    theta <- cbind(rnorm(60L, sd = 0.5), rnorm(60L, sd = 0.3), Q)
    # Where log F = -1e12 a difference over 1e-5 has no digits left
    keep <- log_time > -9 / max(1, -Q) & log_time < 5 / max(1, Q)
    for (scale in all_scales) {
      error <- hazard_derivative_error(
        family_gengamma(), scale, log_time[keep], rnorm(sum(keep), sd = 0.5),
        theta[keep, , drop = FALSE]
      )
      expect_lt(error, 5e-6)
    }
  }
})

test_that("the generalised gamma is the incomplete gamma function, far into both tails", {
  for (Q in c(0.05, 0.19, 0.2, 0.5, 1, 2, 10)) {
    w <- c(seq(-300, -20, by = 20), seq(-19, 19), seq(20, 100, by = 10))
    w <- w[abs(Q * w) < 30]
    k <- Q^-2
    for (sign in c(-1, 1)) {
      at <- gengamma_at(sign * w, sign * Q)
      log_survival <- pgamma(k * exp(Q * w), k, lower.tail = sign < 0, log.p = TRUE)
      log_below <- pgamma(k * exp(Q * w), k, lower.tail = sign > 0, log.p = TRUE)
      cum <- ifelse(log_below < -40, log_below, log(-log_survival))
      expect_lt(max(abs(at$cum - cum) / pmax(1, abs(cum))), 1e-12)
      log_density <- dgamma(k * exp(Q * w), k, log = TRUE) + Q * w + log(k * Q)
      haz <- log_density - log_survival
      expect_lt(max(abs(at$haz - haz) / pmax(1, abs(haz), abs(log_density))), 1e-12)
    }
  }
})

test_that("the generalised gamma keeps 14 digits against extended precision", {
  skip_if_not_installed("Rmpfr")
  for (Q in c(10, 2, 0.5, 0.21, 0.19, -0.19, -0.21, -1, -10)) {
    for (w in c(-8, -1, -0.1, 0, 0.1, 3, 6)) {
      if (Q * w < 5) {
        want <- oracle_gengamma(w, Q)
        at <- gengamma_at(w, Q)
        expect_lt(abs(at$cum - want$cum) / max(1, abs(want$cum)), 3e-14)
        expect_lt(abs(at$haz - want$haz) / max(1, abs(want$haz)), 3e-14)
      }
    }
  }
})

test_that("the generalised gamma holds the lognormal, the Weibull and its reciprocal", {
  w <- seq(-20, 6, by = 0.5)
  lognormal <- hazard_table(
    ttp_hazard(family_lognormal(), "time"), w, cbind(rep(0, length(w)), 0),
    order = 2L
  )
  normal <- gengamma_at(w, 0, order = 2L)
  expect_close(normal$cum, lognormal$cum, 1e-14)
  expect_close(normal$cum_first[, 1:3], lognormal$cum_first, 1e-13)
  expect_close(normal$cum_second[, 1:6], lognormal$cum_second, 1e-12)
  expect_close(gengamma_at(w, 1)$cum, w, 1e-14)
  frechet <- log(-log1p(-exp(-exp(-w[w > -6])))) # F = exp(-e^-w)
  expect_close(gengamma_at(w[w > -6], -1)$cum, frechet, 1e-13)
})

test_that("there is no break at Q = 0, where flexsurv has one", {
  # At Q = 1e-8 flexsurv's log hazard is 130 where it is -0.73, at 1e-6 it is off by 1e-3:
  # log Gamma(1 / Q^2) has lost its digits. Extended precision agrees with ours to 1e-14.
  skip_if_not_installed("Rmpfr")
  for (Q in c(1e-8, -1e-6, 1e-5, -1e-3, 1e-2)) {
    for (w in c(-3, 1.3)) {
      want <- oracle_gengamma(w, Q, bits = 300L)
      expect_close(gengamma_at(w, Q)$cum, want$cum, 1e-14)
      expect_close(gengamma_at(w, Q)$haz, want$haz, 1e-14)
    }
  }
  h <- 1e-4 # second differences in Q through 0 are smooth
  Q <- seq(-20, 20) * h
  bend <- diff(gengamma_at(rep(-2.1, 41L), Q)$cum, differences = 2L) / h^2
  expect_lt(max(abs(residuals(lm(bend ~ poly(Q[2:40], 2))))), 1e-6)
})

test_that("derivatives of every family on every scale are those of central differences", {
  withr::local_seed(1)
  log_time <- seq(-9, 5, length.out = 60L)
  families <- list(
    family_exponential(), family_weibull(), family_loglogistic(), family_lognormal()
  )
  for (family in families) {
    for (scale in family$scales) {
      theta <- matrix(rnorm(60L * length(family$theta), sd = 0.5), 60L)
      error <- hazard_derivative_error(family, scale, log_time, rnorm(60L, sd = 0.5), theta)
      expect_lt(error, 2e-6)
    }
  }
})

test_that("the lognormal keeps its digits where a cumulative hazard has underflowed", {
  at <- function(log_time) {
    hazard_table(ttp_hazard(family_lognormal(), "time"), log_time, cbind(0, log(0.2)), eta = 0)
  }
  expect_close(at(log(1e-9))$cum, pnorm(log(1e-9) / 0.2, log.p = TRUE), 1e-14)
  expect_equal(round(at(log(1e-9))$cum), -5374)
  right <- log(50) / 0.2 # w = 19.6
  expect_close(at(log(50))$cum, log(-pnorm(right, lower.tail = FALSE, log.p = TRUE)), 1e-14)
})

gamma_at <- function(t, shape, rate, order = 0L) {
  theta <- cbind(rep_len(-log(rate), length(t)), log(shape))
  hazard_table(ttp_hazard(family_gamma(), "time"), log(t), theta, order = order)
}

test_that("the gamma is dgamma() and pgamma(), with shapes from 0.01 to a million", {
  for (shape in c(0.01, 0.5, 1, 20, 500, 1e4, 1e6)) {
    t <- qgamma(c(1e-300, 1e-20, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-15), shape, 3)
    t <- t[t > 1e-300]
    at <- gamma_at(t, shape, 3)
    log_below <- pgamma(t, shape, 3, log.p = TRUE)
    log_survival <- pgamma(t, shape, 3, lower.tail = FALSE, log.p = TRUE)
    cum <- ifelse(log_below < -40, log_below, log(-log_survival))
    # the time itself holds only 16 digits: a relative 1e-16 of t is 1e-16 shape in its density
    expect_lt(max(abs(at$cum - cum) / pmax(1, abs(cum))), 1e-12 + 1e-15 * shape)
    haz <- dgamma(t, shape, 3, log = TRUE) - log_survival
    expect_lt(max(abs(at$haz - haz) / pmax(1, abs(haz))), 1e-12 + 1e-15 * shape)
  }
  expect_close(gamma_at(c(0.2, 1, 7), 1, 3)$cum, log(3 * c(0.2, 1, 7)), 1e-14)
})

test_that("derivatives of the gamma are those of central differences", {
  withr::local_seed(3)
  for (log_k in c(-3, -1, 0, 2, 5, 7)) {
    log_time <- seq(-5, 3, length.out = 60L) * exp(-max(log_k, 0) / 2) + log_k
    theta <- cbind(rnorm(60L, sd = 0.02), rnorm(60L, mean = log_k, sd = 0.02))
    keep <- log_time - log_k < 3
    for (scale in all_scales) {
      error <- hazard_derivative_error(
        family_gamma(), scale, log_time[keep], rnorm(sum(keep), sd = 0.02),
        theta[keep, , drop = FALSE]
      )
      expect_lt(error, 5e-6)
    }
  }
})

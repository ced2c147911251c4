genf_at <- function(w, Q, P, order = 0L) {
  theta <- cbind(0, 0, rep_len(Q, length(w)), rep_len(log(P), length(w)))
  at <- hazard_table(ttp_hazard(family_genf(), "time"), w, theta, order = order)
  at$haz <- at$haz + w
  at
}

test_that("derivatives of the generalised F are those of central differences", {
  withr::local_seed(4)
  for (Q in c(-3, -0.1, 0, 1, 4)) {
    for (P in c(1e-5, 0.05, 1, 20)) {
      log_time <- seq(-5, 4, length.out = 30L)
      theta <- cbind(rnorm(30L, sd = 0.3), rnorm(30L, sd = 0.2), Q, log(P))
      # Where the size of log F or log S is 1e5 a difference over 1e-5 has few digits left
      keep <- abs(Q * (log_time - theta[, 1L])) * exp(-theta[, 2L]) < 4
      for (scale in all_scales) {
        error <- hazard_derivative_error(
          family_genf(), scale, log_time[keep], rnorm(sum(keep), sd = 0.3),
          theta[keep, , drop = FALSE]
        )
        expect_lt(error, 5e-6)
      }
    }
  }
})

test_that("the generalised F is Prentice's, to 13 digits in extended precision", {
  skip_if_not_installed("Rmpfr")
  for (Q in c(-10, -1, 0, 3)) {
    for (P in c(1e-4, 0.05, 1, 50)) {
      for (w in c(-4, 0.2, 3)) {
        want <- oracle_genf(w, Q, P, bits = 200L)
        at <- genf_at(w, Q, P)
        expect_lt(abs(at$cum - want$cum) / max(1, abs(want$cum)), 1e-13)
        # log h is a difference of logs of the size of H
        expect_lt(abs(at$haz - want$haz) / max(1, abs(want$haz), exp(want$cum) / 10), 3e-14)
      }
    }
  }
})

test_that("the generalised F is R's F distribution", {
  for (Q in c(-1, 0, 0.7)) {
    for (P in c(0.1, 1, 4)) {
      d <- sqrt(Q^2 + 2 * P)
      df1 <- 4 / (d * (d + Q))
      df2 <- 4 / (d * (d - Q))
      w <- seq(-15, 15)
      log_survival <- pf(exp(d * w), df1, df2, lower.tail = FALSE, log.p = TRUE)
      log_below <- pf(exp(d * w), df1, df2, log.p = TRUE)
      cum <- ifelse(log_below < -40, log_below, log(-log_survival))
      expect_close(genf_at(w, Q, P)$cum, cum, 1e-12)
    }
  }
})

test_that("the generalised F goes through its limits", {
  w <- seq(-6, 4, by = 0.5)
  for (Q in c(-1.5, -1e-3, 0, 0.3, 2)) { # P -> 0: the generalised gamma
    narrow <- hazard_table(
      ttp_hazard(family_gengamma(), "time"), w, cbind(rep(0, length(w)), 0, Q),
      order = 2L
    )
    at <- genf_at(w, Q, 1e-40, order = 2L)
    expect_close(at$cum, narrow$cum, 1e-13)
    expect_close(at$cum_first[, 1:4], narrow$cum_first, 1e-11)
    expect_close(at$cum_second[, 1:10], narrow$cum_second, 1e-11)
    expect_close(at$haz - w, narrow$haz, 1e-11)
    expect_lt(max(abs(at$cum_first[, 5L])), 1e-12) # flat in log P
  }
  # Q = 0, P = 1: the log-logistic with shape sqrt 2
  logistic <- hazard_table(
    ttp_hazard(family_loglogistic(), "time"), w, cbind(rep(0, length(w)), log(2) / 2),
    order = 2L
  )
  at <- genf_at(w, 0, 1, order = 2L)
  expect_close(at$cum, logistic$cum, 1e-14)
  expect_close(at$cum_second[, 1:3], logistic$cum_second[, 1:3], 1e-12)
})

test_that("the generalised F is smooth where the way to compute it changes", {
  for (Q in c(-2, -0.2, 0, 0.5)) { # |d w| = 0.7
    for (P in c(0.02, 1)) {
      w <- 0.7 / sqrt(Q^2 + 2 * P) * c(-1, 1)
      below <- genf_at(w * (1 - 1e-9), Q, P, order = 2L)
      above <- genf_at(w * (1 + 1e-9), Q, P, order = 2L)
      for (part in c("cum", "haz", "cum_first", "haz_first", "cum_second", "haz_second")) {
        expect_close(above[[part]], below[[part]], 1e-7)
      }
      slope <- (above$cum - below$cum) / (2e-9 * w)
      expect_close(slope, below$cum_first[, 1L], 1e-6)
    }
  }
})

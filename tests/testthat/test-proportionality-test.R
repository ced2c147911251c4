# The log-likelihood with exp(theta x g(t)) on each jump, written plainly
varying_loglik <- function(par, x, left, right, entry, stratum, node, clock) {
  p <- ncol(x)
  theta <- par[seq_len(p)]
  beta <- par[p + seq_len(p)]
  jump <- par[-seq_len(2L * p)]
  total <- 0
  for (i in seq_along(left)) {
    own <- node$stratum == stratum[[i]]
    hazard <- jump * exp(sum(x[i, ] * beta) + sum(x[i, ] * theta) * clock)
    past <- own & node$to > entry[[i]] & node$to <= left[[i]]
    met <- own & node$to > left[[i]] & node$to <= right[[i]]
    seen <- is.finite(right[[i]]) && !any(!is.finite(node$hazard[met]))
    total <- total - sum(hazard[past]) + if (seen) log1p(-exp(-sum(hazard[met]))) else 0
  }
  total
}

test_that("the score test is that of the likelihood, by finite differences", {
  skip_if_not_installed("numDeriv")
  data <- scan_trial(90, 5, scans = 6, p = 2L)
  data$g <- rep_len(0:1, nrow(data))
  data$late <- ifelse(seq_len(nrow(data)) %% 3 == 0, pmax(data$left - 1, 0), 0)
  y <- survival::Surv(data$left, data$right, type = "interval2")
  fit <- suppressWarnings(fit_icph(y ~ x1 + x2 + strata(g), data, entry = late))
  node <- fit$nodes
  node$hazard <- ifelse(node$kind == 2L, Inf, node$jump)
  node <- node[node$hazard > 0, ]
  middle <- (node$from + node$to) / 2
  is_free <- is.finite(node$hazard)
  x <- sweep(as.matrix(data[c("x1", "x2")]), 2L, fit$means)
  right <- ifelse(is.na(data$right), Inf, data$right)
  loglik <- function(par) {
    jump <- numeric(nrow(node))
    jump[is_free] <- par[-(1:4)]
    varying_loglik(c(par[1:4], jump), x, data$left, right, data$late, data$g, node, middle)
  }
  at <- c(0, 0, coef(fit), node$hazard[is_free])
  expect_equal(loglik(at), fit$loglik[[2L]], tolerance = 1e-12)
  score <- numDeriv::grad(loglik, at)
  information <- -numDeriv::hessian(loglik, at)
  efficient <- solve(solve(information)[1:2, 1:2])
  got <- proportionality_test(fit, transform = "identity")
  # the clock is centred, which moves theta into beta and changes no test
  expect_equal(
    got$table[["GLOBAL", "chisq"]], sum(score[1:2] * solve(efficient, score[1:2])),
    tolerance = 1e-4
  )
  alone <- function(j) score[[j]]^2 * solve(information[-(3 - j), -(3 - j)])[1L, 1L]
  expect_equal(got$table[["x1", "chisq"]], alone(1L), tolerance = 1e-4)
  expect_equal(got$table[["x2", "chisq"]], alone(2L), tolerance = 1e-4)
})

test_that("an effect that fades is found, one that lasts is not", {
  set.seed(8)
  n <- 1500
  x <- stats::rnorm(n)
  # hazard ratio e^x until 5, 1 after
  first <- stats::rexp(n, 0.1 * exp(x))
  time <- ifelse(first < 5, first, 5 + stats::rexp(n, 0.1))
  data <- data.frame(left = pmin(floor(time), 15), right = ceiling(time), x)
  data$right[time > 15] <- NA
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ x, data)
  test <- proportionality_test(fit)
  expect_lt(test$table[["x", "p"]], 1e-6)
  expect_lt(test$slope$slope, 0)
  lasting <- scan_trial(1500, 9, scans = 12)
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2 + x3, lasting)
  expect_gt(proportionality_test(fit, "log")$table[["GLOBAL", "p"]], 0.01)
  expect_output(print(test), "change with time")
  expect_identical(tidy(test)$term, "x")
})

test_that("terms, clocks, and what cannot be tested", {
  data <- scan_trial(200, 15, scans = 8)
  data$g <- factor(rep_len(c("a", "b", "c"), nrow(data)))
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + g, data)
  expect_identical(rownames(proportionality_test(fit)$table), c("x1", "g", "GLOBAL"))
  by_column <- proportionality_test(fit, terms = FALSE)
  expect_identical(rownames(by_column$table), c("x1", "gb", "gc", "GLOBAL"))
  expect_close(
    proportionality_test(fit, function(t) 3 + 2 * t)$table,
    proportionality_test(fit, "identity")$table, 1e-9
  )
  expect_error(
    proportionality_test(fit, function(t) t / 0), class = "survresist_error_input", "finite"
  )
  none <- fit_icph(Surv(left, right, type = "interval2") ~ 1, data)
  expect_error(proportionality_test(none), class = "survresist_error_input", "covariate")
  robust <- fit_icph(Surv(left, right, type = "interval2") ~ x1, data, robust = TRUE)
  expect_error(proportionality_test(robust), class = "survresist_error_unsupported", "robust")
  curve <- fit_ttp(Surv(time, status) ~ age, survival::lung)
  expect_error(proportionality_test(curve), class = "survresist_error_unsupported", "tvc")
})

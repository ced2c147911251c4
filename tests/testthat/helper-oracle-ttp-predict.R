# Oracles for predictions of fit_ttp(): numeric derivatives through the coefficients, and integrals
# of the predicted curve by stats::integrate().

# Standard errors from central differences of the estimates in the coefficients
numeric_errors <- function(fit, ...) {
  coef <- stats::coef(fit)
  step <- 1e-4 * sqrt(diag(stats::vcov(fit)))
  estimate <- function(j, by) {
    fit$coefficients[[j]] <- coef[[j]] + by
    stats::predict(fit, ...)$estimate
  }
  jacobian <- vapply(seq_along(coef), function(j) {
    (estimate(j, step[[j]]) - estimate(j, -step[[j]])) / (2 * step[[j]])
  }, estimate(1L, 0))
  jacobian <- matrix(jacobian, ncol = length(coef))
  sqrt(rowSums((jacobian %*% unname(stats::vcov(fit))) * jacobian))
}

# The area under one row's predicted curve between two times
area_under <- function(fit, row, from, to, ...) {
  curve <- function(t) {
    order <- order(t)
    out <- numeric(length(t))
    out[order] <- stats::predict(fit, row, times = t[order], ...)$estimate
    out
  }
  stats::integrate(curve, from, to, rel.tol = 1e-10, subdivisions = 2000L)$value
}

rotterdam_years <- function(n = 700) {
  d <- survival::rotterdam[round(seq(1, 2982, length.out = n)), ]
  d$years <- d$rtime / 365.25
  d$arm <- factor(d$hormon, 0:1, c("none", "tamoxifen"))
  d$rank <- factor(ifelse(d$pgr > 50, "low", "high"))
  d$z <- d$age / 100
  d
}

three_patients <- data.frame(
  arm = factor(c("none", "tamoxifen", "none")), rank = c("low", "high", "high"),
  nodes = c(0, 4, 11), age = c(45, 60, 71), z = c(0.45, 0.6, 0.71)
)

# The cumulative hazard of each row at its own time
predict_own <- function(fit, data, time) {
  rows <- ttp_rows(fit, data)
  exp(log_risk(ttp_context(fit, rows), seq_along(time), log(time))$w)
}

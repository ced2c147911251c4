# Derivatives of a family, scale and censoring, against central differences.

# Largest difference between derivatives and central differences of log H and log h, relative to
# 1e-3 + their size, at rows of (log time, eta, theta).
hazard_derivative_error <- function(family, scale, log_time, eta, theta, step = 1e-5) {
  hazard <- ttp_hazard(family, scale)
  at <- hazard_table(hazard, log_time, theta, eta, order = 2L)
  z <- cbind(eta, theta)
  gap <- function(numeric, analytic) max(abs(numeric - analytic) / (1e-3 + abs(analytic)))
  move <- function(a, by) {
    z[, a] <- z[, a] + by
    hazard_table(hazard, log_time, z[, -1L, drop = FALSE], z[, 1L], order = 1L)
  }
  worst <- 0
  for (a in seq_len(ncol(z))) {
    up <- move(a, step)
    down <- move(a, -step)
    slope <- function(part) (up[[part]] - down[[part]]) / (2 * step)
    worst <- max(
      worst, gap(slope("cum"), at$cum_first[, a]), gap(slope("haz"), at$haz_first[, a])
    )
    for (b in seq_len(ncol(z))) {
      high <- max(a, b)
      pair <- high * (high - 1L) / 2L + min(a, b)
      worst <- max(
        worst, gap(slope("cum_first")[, b], at$cum_second[, pair]),
        gap(slope("haz_first")[, b], at$haz_second[, pair])
      )
    }
  }
  worst
}

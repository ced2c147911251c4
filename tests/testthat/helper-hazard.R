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

# The same for the whole log likelihood, of a fit a little away from its maximum. `data` are those
# of
# the fit, all rows used.
ttp_derivative_error <- function(fit, data, step = 1e-5) {
  parts <- sr_rebuild(fit)
  times <- ttp_times(parts$y, parts$mf[["(entry)"]], row.names(parts$mf))
  columns <- if (length(fit$extra) > 0L) extra_at(list(parts = fit$extra), data)
  extra <- list(slot = fit$layout$slot, x = columns)
  frame <- list(
    x_names = colnames(parts$x), x = parts$x, stratum = parts$stratum, weights = parts$weights,
    offset = parts$offset
  )
  unit <- ttp_log_unit(times)
  bundle <- ttp_bundle(frame, times, extra, unit)
  moved <- fit$family$unit(fit$family, unit)
  map <- ttp_unit_map(fit$layout, moved)
  hazard <- ttp_hazard(moved$family, fit$scale)
  coef <- solve(map$J, stats::coef(fit) - map$b) + 0.01
  at <- .Call(C_ttp_value, bundle, hazard, coef)
  scale <- sqrt(abs(diag(at$info)))
  worst <- 0
  for (j in seq_along(coef)) {
    move <- function(by) {
      .Call(C_ttp_value, bundle, hazard, replace(coef, j, coef[[j]] + by / scale[[j]]))
    }
    up <- move(step)
    down <- move(-step)
    slope <- (up$loglik - down$loglik) / (2 * step)
    bend <- (down$gradient - up$gradient) / (2 * step) / scale
    worst <- max(
      worst, abs(slope - at$gradient[[j]] / scale[[j]]) / (1 + abs(slope)),
      abs(bend - at$info[j, ] / scale[[j]] / scale)
    )
  }
  worst
}

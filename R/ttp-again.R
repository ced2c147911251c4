# From a fit_ttp() fit back to what C takes: the rows it used, their times, and its coefficients.

#' The likelihood of a fit, ready to be evaluated
#'
#' @param own_unit `TRUE`: time in the unit of the data, so that C's coefficients are the user's.
#'   `FALSE`: in their geometric mean, which is better scaled.
#' @returns list(bundle, hazard, coef (C's, 0 where aliased), fixed (which are), map (as
#'   ttp_unit_map()), value (function of C's coefficients: log likelihood, gradient, information),
#'   newton (function(coef, fixed, control): the maximum from there), parts (for ttp_chain()),
#'   times, weights, n).
#' @noRd
ttp_again <- function(fit, own_unit = TRUE) {
  rebuilt <- sr_rebuild(fit)
  times <- ttp_times(fit$y, rebuilt$mf[["(entry)"]], row.names(rebuilt$mf))
  columns <- ttp_extra_again(fit)
  frame <- list(
    x_names = colnames(rebuilt$x), x = rebuilt$x, stratum = rebuilt$stratum,
    weights = rebuilt$weights, offset = rebuilt$offset
  )
  extra <- list(
    slot = fit$layout$slot, x = lapply(seq_len(ncol(columns)), function(j) as.double(columns[, j]))
  )
  log_unit <- if (own_unit) 0 else ttp_log_unit(times)
  unit <- fit$family$unit(fit$family, log_unit)
  if (any(unit$A[row(unit$A) != col(unit$A)] != 0)) {
    log_unit <- 0
    unit <- fit$family$unit(fit$family, 0)
  }
  map <- ttp_unit_map(fit$layout, unit)
  coef <- unname(fit$coefficients)
  coef[is.na(coef)] <- 0
  bundle <- ttp_bundle(frame, times, extra, log_unit)
  hazard <- ttp_hazard(unit$family, fit$scale)
  list(
    bundle = bundle, hazard = hazard, fixed = is.na(fit$coefficients),
    value = function(coef) .Call(C_ttp_value, bundle, hazard, coef),
    newton = function(coef, fixed, control) newton_ttp(bundle, hazard, coef, fixed, control),
    coef = drop(solve(map$J, coef - map$b)), map = map, times = times, weights = rebuilt$weights,
    parts = list(x = rebuilt$x, stratum = rebuilt$stratum, extra = columns), n = fit$n,
    row_names = row.names(rebuilt$mf)
  )
}

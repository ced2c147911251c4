# Profile-likelihood intervals for fit_ttp(): the method behind confint(method = "profile").
#
# With l(b) the log likelihood at its maximum over all other coefficients while coefficient j is b,
# r(b) = sqrt(2 (l_max - l(b))) is close to a line on each side, and the limit is where it reaches
# the normal quantile z. Newton's steps use dl/db, which is the derivative of the likelihood itself
# at that maximum; each maximum starts from the one before, moved along the ridge.

profile_interval.sr_ttp <- function(fit, which, level) {
  refuse_illness_death(fit, "profile likelihood")
  again <- ttp_again(fit, own_unit = FALSE)
  is_aliased <- is.na(fit$coefficients)
  top <- .Call(C_ttp_value, again$bundle, again$hazard, again$coef)$loglik
  var <- solve(again$map$J, t(solve(again$map$J, unname(fit$var))))
  z <- stats::qnorm((1 + level) / 2)
  limits <- vapply(which, function(j) {
    profile <- list(
      again = again, j = j, top = top, z = z, se = sqrt(var[j, j]), ridge = var[, j] / var[j, j],
      fixed = is_aliased | seq_along(is_aliased) == j
    )
    ends <- c(profile_end(profile, -1), profile_end(profile, 1))
    sort(again$map$J[j, j] * ends + again$map$b[[j]])
  }, c(0, 0))
  t(limits)
}

#' One end of the interval, in C's unit
#' @param side -1 or 1.
#' @noRd
profile_end <- function(profile, side) {
  centre <- profile$again$coef[[profile$j]]
  near <- 0
  far <- Inf
  away <- profile$z * profile$se
  from <- profile$again$coef
  for (round in seq_len(40L)) {
    at <- from + profile$ridge * (centre + side * away - from[[profile$j]])
    at[[profile$j]] <- centre + side * away
    found <- profile_at(profile, at)
    gap <- found$root - profile$z
    if (abs(gap) < 1e-8 * profile$z) break
    if (gap < 0) near <- away else far <- away
    # a profile that no longer falls: there is no limit on this side
    if (far == Inf && away > 1e3 * profile$se) return(side * Inf)
    if (is.finite(found$root)) from <- found$coef
    step <- away - gap / (-side * found$slope / found$root)
    if (!is.finite(step) || step <= near) step <- if (far < Inf) (near + far) / 2 else 2 * away
    if (step >= far) step <- (near + far) / 2
    step <- min(step, 4 * away)
    if (abs(step - away) <= 1e-10 * away) break
    away <- step
  }
  centre + side * away
}

# The maximum with coefficient j held: list(root, slope, coef); root Inf where there is none
profile_at <- function(profile, at) {
  again <- profile$again
  found <- tryCatch(
    newton_ttp(again$bundle, again$hazard, at, profile$fixed, list(max_iter = 30L, eps = 1e-7)),
    survresist_error = function(e) NULL
  )
  loglik <- if (is.null(found)) NaN else found$loglik[[2L]]
  if (!is.finite(loglik)) return(list(root = Inf, slope = NaN, coef = at))
  slope <- .Call(C_ttp_value, again$bundle, again$hazard, found$coefficients)$gradient[[profile$j]]
  list(
    root = sqrt(max(2 * (profile$top - loglik), 0)), slope = slope, coef = found$coefficients
  )
}

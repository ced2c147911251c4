# Profile-likelihood intervals for fit_ttp(): the method behind confint(method = "profile").
#
# With l(b) the log likelihood at its maximum over all other coefficients while coefficient j is b,
# r(b) = sqrt(2 (l_max - l(b))) is close to a line on each side, and the limit is where it reaches
# the normal quantile z. Newton's steps use dl/db, which is the derivative of the likelihood itself
# at that maximum. Each maximum starts from the one nearest to it that is inside the interval, moved
# along the ridge of the likelihood there. A search that has not found its maximum makes r too
# large: it never ends the interval.

profile_interval.sr_ttp <- function(fit, which, level) {
  refuse_death_hazard(fit, "profile likelihood")
  again <- if (is_illness_death(fit)) illness_again(fit) else ttp_again(fit, own_unit = FALSE)
  is_aliased <- unname(again$fixed)
  top <- again$value(again$coef)$loglik
  var <- solve(again$map$J, t(solve(again$map$J, unname(fit$death$var %||% fit$var))))
  z <- stats::qnorm((1 + level) / 2)
  limits <- vapply(which, function(j) {
    profile <- list(
      again = again, j = j, top = top, z = z, se = sqrt(var[j, j]),
      fixed = is_aliased | seq_along(is_aliased) == j
    )
    ends <- c(profile_end(profile, -1), profile_end(profile, 1))
    sort(again$map$J[j, j] * ends + again$map$b[[j]])
  }, c(0, 0))
  limits <- t(limits)
  lost <- names(fit$coefficients)[which[rowSums(is.na(limits)) > 0]]
  if (length(lost) > 0L) {
    warn_user(c(
      "The profile likelihood could not be followed to its limit.",
      x = sprintf("For %s.", format_names(lost)), i = 'These limits are NA; see `method = "wald"`.'
    ), class = "survresist_warning_profile")
  }
  limits
}

#' One end of the interval, in C's unit; NA where it was not found
#' @param side -1 or 1.
#' @noRd
profile_end <- function(profile, side) {
  centre <- profile$again$coef[[profile$j]]
  near <- list(away = 0, root = 0, coef = profile$again$coef)
  near$ridge <- profile_ridge(profile, near$coef)
  far <- Inf
  away <- profile$z * profile$se
  for (round in seq_len(40L)) {
    found <- profile_at(profile, centre + side * away, near)
    found$away <- away
    gap <- abs(found$root - profile$z)
    if (found$is_sure && gap < 1e-8 * profile$z) return(centre + side * away)
    if (found$root < profile$z) {
      near <- found
      # a profile that no longer falls: there is no limit on this side
      if (far == Inf && away > 1e3 * profile$se) return(side * Inf)
    } else if (found$is_sure) {
      far <- away
    }
    step <- away + (profile$z - found$root) * found$root / (-side * found$slope)
    if (!found$is_sure && found$root >= profile$z) step <- (near$away + away) / 2
    if (!is.finite(step) || step <= near$away) {
      step <- if (far < Inf) (near$away + far) / 2 else 2 * away
    }
    if (step >= far) step <- (near$away + far) / 2
    step <- min(step, 4 * away)
    if (abs(step - away) <= 1e-10 * away) break
    away <- step
  }
  if (found$is_sure && gap < 1e-4 * profile$z) centre + side * away else NA_real_
}

# How the other coefficients move with the one that is held, near a maximum
profile_ridge <- function(profile, coef) {
  info <- profile$again$value(coef)$info
  free <- !profile$fixed
  ridge <- numeric(length(coef))
  ridge[free] <- tryCatch(
    -solve(info[free, free, drop = FALSE], info[free, profile$j]), error = function(e) 0
  )
  ridge
}

#' The maximum with coefficient j held at `value`
#'
#' @returns list(root, slope (of the log likelihood), coef, ridge, is_sure).
#' @noRd
profile_at <- function(profile, value, near) {
  again <- profile$again
  move <- value - near$coef[[profile$j]]
  best <- list(loglik = -Inf, coef = near$coef, converged = FALSE)
  for (ridge in list(near$ridge, 0)) {
    at <- near$coef + ridge * move
    at[[profile$j]] <- value
    found <- tryCatch(
      again$newton(at, profile$fixed, list(max_iter = 60L, eps = 1e-7)),
      survresist_error = function(e) NULL
    )
    loglik <- if (is.null(found)) NaN else found$loglik[[2L]]
    if (isTRUE(loglik > best$loglik)) {
      best <- list(loglik = loglik, coef = found$coefficients, converged = found$converged)
    }
    if (best$converged) break
  }
  if (!is.finite(best$loglik)) return(list(root = Inf, slope = NaN, is_sure = FALSE))
  value <- again$value(best$coef)
  list(
    root = sqrt(max(2 * (profile$top - best$loglik), 0)), slope = value$gradient[[profile$j]],
    coef = best$coef, ridge = profile_ridge(profile, best$coef), is_sure = best$converged
  )
}

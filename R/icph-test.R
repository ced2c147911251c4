# Profile intervals of fit_icph()

profile_interval.sr_icph <- function(fit, which, level) {
  data <- icph_data(icph_rebuild(fit))
  control <- list(max_iter = 500, tolerance = fit$certificate$tolerance, check = FALSE)
  drop <- stats::qchisq(level, 1) / 2
  beta <- unname(zero_aliased(fit))
  top <- fit$loglik[[2L]]
  rows <- lapply(which, function(j) {
    se <- sqrt(fit$var[j, j])
    # how far the profile has fallen below the limit at beta_j + by
    fall <- function(by) {
      start <- list(coefficients = replace(beta, j, beta[[j]] + by), jump = fit$nodes$jump)
      top - icph_newton(data, control, start, fixed = j)$loglik[[2L]] - drop
    }
    beta[[j]] + vapply(c(-1, 1), function(side) side * icph_profile_limit(fall, side, se), 0)
  })
  do.call(rbind, rows)
}

# Where `fall` crosses 0 on one side, in steps that double; Inf where it does not
icph_profile_limit <- function(fall, side, se) {
  inner <- 0
  outer <- 2 * se
  repeat {
    value <- tryCatch(fall(side * outer), survresist_error_not_finite = function(e) NA)
    if (is.na(value) || value > 0) break
    inner <- outer
    outer <- 2 * outer
    if (outer > 1e3 * se) return(Inf)
  }
  if (is.na(value)) return(Inf)
  stats::uniroot(function(by) fall(side * by), c(inner, outer), tol = 1e-7 * se)$root
}

# The penalised fit of ttp_smooth(): its smoothing parameter and its covariance.

#' The maximum of the penalised likelihood, at the smoothing parameter that the criterion chooses
#'
#' Restricted likelihood: first log lambda moves as Wood and Fasiolo (2017, Biometrics 73,
#' 1071-1081, doi:10.1111/biom.12666) have it, which neglects that the information changes with
#' lambda; then the criterion itself is searched around there, each fit starting from the one
#' before. Cross-validation, which may have several maxima, is looked at along a grid first.
#' @param family with `penalty`, `lambda` and `criterion`; the rest as for run_ttp().
#' @returns the fit of run_ttp(), with `loglik` free of the penalty, `var` for known lambda,
#'   `smooth` for the object, and `path`: list(fit_at, setup, log_lambda) for smooth_variance().
#' @noRd
run_ttp_smooth <- function(bundle, hazard, start, fixed, control, family) {
  setup <- smooth_setup(bundle, hazard, start, fixed, family)
  fit_at <- function(log_lambda, from) {
    bundle[[11L]] <- exp(log_lambda / 2) * setup$root
    smooth_score(newton_ttp(bundle, hazard, from, fixed, control), log_lambda, setup)
  }
  best <- if (!is.null(family$lambda)) {
    fit_at(log(family$lambda), start)
  } else if (family$criterion == "reml") {
    search_lambda(fit_at, near_lambda(fit_at, start, setup), "reml", 1, setup)
  } else {
    search_lambda(fit_at, grid_lambda(fit_at, start, setup), "lcv", 2, setup)
  }
  close_smooth(best, fit_at, setup, family)
}

# The best log lambda within `reach`, then around that, while it lies where the search ended
search_lambda <- function(fit_at, best, criterion, reach, setup) {
  for (move in 1:8) {
    middle <- best$log_lambda
    search <- stats::optimize(
      function(log_lambda) fit_at(log_lambda, best$coefficients)[[criterion]], maximum = TRUE,
      middle + c(-reach, reach), tol = 0.01
    )
    if (search$objective > best[[criterion]]) best <- fit_at(search$maximum, best$coefficients)
    if (abs(search$maximum - middle) < 0.95 * reach || abs(middle - setup$centre) > 15) break
  }
  best
}

#' Steps to where the roughness is what the restricted likelihood expects
#'
#' There lambda theta' S theta = r - lambda tr(V S).
#' @noRd
near_lambda <- function(fit_at, start, setup) {
  log_lambda <- setup$centre
  from <- start
  best <- NULL
  for (step in 1:20) {
    fit <- fit_at(log_lambda, from)
    if (is.null(best) || fit$reml > best$reml) best <- fit
    if (!fit$definite) { # too little smoothing to go on from
      log_lambda <- log_lambda + 3
      next
    }
    from <- fit$coefficients
    rough <- sum((setup$root %*% from)^2)
    spent <- setup$rank - exp(log_lambda) * sum(fit$var * setup$S)
    move <- log(max(spent, 1e-10) / max(rough, 1e-300)) - log_lambda
    log_lambda <- log_lambda + min(max(move, -4), 4)
    log_lambda <- min(max(log_lambda, setup$centre - 14), setup$centre + 16)
    if (abs(log_lambda - fit$log_lambda) < 0.05) break
  }
  best
}

# From much smoothing to little, each fit from the one before; the best by cross-validation
grid_lambda <- function(fit_at, start, setup) {
  best <- NULL
  from <- start
  for (log_lambda in setup$centre + seq(15, -13, by = -2)) {
    fit <- fit_at(log_lambda, from)
    if (fit$definite) from <- fit$coefficients
    if (is.null(best) || fit$lcv > best$lcv) best <- fit
  }
  best
}

# The penalty among all coefficients, its root, and where on the log scale it is as large as the
# information
smooth_setup <- function(bundle, hazard, start, fixed, family) {
  P <- length(start)
  K <- length(family$theta)
  n_stratum <- max(bundle[[4L]], 0L) + 1L
  at <- P - n_stratum * K + seq_len(n_stratum * K)
  root <- matrix(0, P, P)
  root[at, at] <- kronecker(diag(n_stratum), family$penalty_root)
  S <- crossprod(root)
  info <- .Call(C_ttp_value, bundle, hazard, as.double(start))$info
  list(
    S = S, root = root, at = at, rank = n_stratum * (K - 2L),
    free = if (is.null(fixed)) rep(TRUE, P) else !fixed,
    centre = log(mean(abs(diag(info)[at])) / mean(diag(S)[at]))
  )
}

# A fit with both criteria, and what they are made of
smooth_score <- function(fit, log_lambda, setup) {
  penalty <- exp(log_lambda) * setup$S
  size <- determinant(fit$info[setup$free, setup$free], logarithm = TRUE)
  fit$log_lambda <- log_lambda
  fit$reml <- fit$lcv <- -Inf
  # rounding in a large penalty hides the last steps from the search, not from the gradient
  fit$converged <- fit$converged || fit$definite && fit$gap < 1e-7
  fit$plain <- fit$loglik[[2L]] + exp(log_lambda) * sum((setup$root %*% fit$coefficients)^2) / 2
  if (fit$definite && size$sign > 0) {
    fit$reml <- fit$loglik[[2L]] + setup$rank * log_lambda / 2 - size$modulus[[1L]] / 2
    fit$lcv <- fit$plain - sum(fit$var * (fit$info - penalty))
  }
  fit
}

close_smooth <- function(fit, fit_at, setup, family) {
  lambda <- exp(fit$log_lambda)
  fit$loglik[[2L]] <- fit$plain
  fit$without_penalty <- fit$info - lambda * setup$S
  share <- diag(fit$var %*% fit$without_penalty)
  fit$smooth <- list(
    lambda = lambda, edf = sum(share), edf_baseline = sum(share[setup$at]),
    variance = family$variance, criterion = family$criterion
  )
  fit$path <- list(
    fit_at = fit_at, setup = setup, log_lambda = fit$log_lambda, coefficients = fit$coefficients
  )
  fit
}

#' The covariance that `family$variance` asks for (see ttp_smooth()), in C's unit
#'
#' The mean over lambda is an integral over the effective parameters of the penalised directions,
#' whose prior is uniform: the rule of trapezes between fits along log lambda.
#' @noRd
smooth_variance <- function(fit, family) {
  if (family$variance == "sandwich") return(fit$var %*% fit$without_penalty %*% fit$var)
  if (family$variance == "conditional" || family$criterion == "given" || !fit$definite) {
    return(fit$var)
  }
  fits <- spread_lambda(fit$path)
  spent <- vapply(fits, `[[`, 0, "spent")
  gaps <- diff(spent)
  height <- vapply(fits, `[[`, 0, "reml")
  weight <- exp(height - max(height)) * (c(gaps, 0) + c(0, gaps))
  if (!isTRUE(sum(weight) > 0)) return(fit$var)
  around <- function(one, share) {
    share * (one$var + tcrossprod(one$coefficients - fit$coefficients))
  }
  Reduce(`+`, Map(around, fits, weight / sum(weight)))
}

# Fits from much smoothing to little, in steps of log lambda of 1, while what they weigh is above a
# thousandth of the most. Where the estimate spends almost nothing, all is far from it.
spread_lambda <- function(path) {
  setup <- path$setup
  fit_at <- function(log_lambda, from) {
    fit <- path$fit_at(log_lambda, from)
    shrunk <- exp(log_lambda) * fit$var %*% setup$S
    fit$spent <- setup$rank - sum(diag(shrunk))
    # how much faster it is spent as log lambda falls
    fit$height <- fit$reml + log(max(sum(diag(shrunk)) - sum(shrunk * t(shrunk)), 0))
    fit
  }
  first <- fit_at(path$log_lambda, path$coefficients)
  if (first$spent < 0.1) {
    less <- min(log(0.1 / max(first$spent, 1e-7)), 14)
    first <- fit_at(path$log_lambda - less, first$coefficients)
  }
  walk <- function(step) {
    fits <- list(first)
    top <- first$height
    for (k in 1:30) {
      last <- fits[[k]]
      fit <- fit_at(last$log_lambda + step, last$coefficients)
      if (!is.finite(fit$height) || fit$height < top - 7) break
      top <- max(top, fit$height)
      fits <- c(fits, list(fit))
    }
    fits[-1L]
  }
  c(rev(walk(1)), list(first), walk(-1))
}

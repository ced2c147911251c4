#' What does the hazard look like if nothing but smoothness is asked of it?
#'
#' A family for `fit_ttp()`: the hazard is a positive mixture of cubic B-splines of time, more of
#' them than the data could pay for, and roughness of the log hazard is penalised. How much is
#' decided by the data (restricted likelihood).
#'
#' @section Model:
#' \eqn{h(t) = \sum_j e^{\theta_j} B_j(t)}{h(t) = sum_j exp(theta_j) B_j(t)} with cubic B-splines
#' of sum 1 (M-splines, up to a factor) on knots at 0, at quantiles of the event times and at the
#' last event, after which the hazard is constant. Their integrals, and so H(t), are quartics
#' between knots: closed form, no quadrature. With equal \eqn{\theta_j} the hazard is constant.
#'
#' @section Smoothing:
#' The estimate maximises
#' \deqn{\ell_\lambda = \ell(\beta, \theta) - \frac{\lambda}{2} \int_0^1 f''(u)^2\, du, \qquad
#'   f(u) = \sum_j \theta_j B_j(u)}{l(beta, theta) - (lambda / 2) integral of f''(u)^2 over (0, 1),
#'   f = sum_j theta_j B_j}
#' with u the square root of time over that of the last knot, on which hazards, which change faster
#' early, are about equally rough everywhere; the knots of f are those of the hazard, on that scale.
#' f follows the log hazard, so that a large \eqn{\lambda} leads to one that is nearly linear in the
#' root of time. \eqn{\lambda} maximises the restricted likelihood in Laplace's approximation,
#' \eqn{\ell_\lambda + \frac{r}{2} \log \lambda - \frac12 \log |I + \lambda S|}{l_lambda + (r / 2)
#' log(lambda) - log|I + lambda S| / 2}, with I the information, S the matrix of the penalty and r
#' its rank. Strata have a hazard each and share one \eqn{\lambda}.
#'
#' Effective parameters are the trace of \eqn{(I + \lambda S)^{-1} I}{(I + lambda S)^-1 I}. They
#' stand in `logLik()` (which is \eqn{\ell}, without the penalty) and so in `AIC()`. There is no
#' likelihood-ratio test between such fits; `anova(test = "Wald")` is offered.
#'
#' @section Which covariance:
#' `variance = "bayes"` takes \eqn{(I + \lambda S)^{-1}}{(I + lambda S)^-1}, the covariance of
#' \eqn{\theta} given the data when the penalty is read as a prior; averaged over time, its
#' intervals for the hazard cover as they say (Marra and Wood 2012), since they allow for the bias
#' of smoothing. `"sandwich"` takes
#' \eqn{(I + \lambda S)^{-1} I (I + \lambda S)^{-1}}{(I + lambda S)^-1 I (I + lambda S)^-1}, the
#' sampling variance around the smoothed truth. Neither allows for \eqn{\lambda} being estimated.
#'
#' @param df Number of B-splines, a whole number from 4 to 30.
#' @param lambda The smoothing parameter, a positive number. `NULL`: chosen by restricted
#'   likelihood.
#' @param variance `"bayes"` or `"sandwich"`, see below.
#' @returns A family, a list of class `sr_family`: `name`, `label`, `theta` (names of the
#'   parameters), `natural` (their scale: hazards), `scales`, `setting` (knots, once a fit has
#'   placed them), `penalty` (S), `lambda`, `variance` and the functions that `fit_ttp()` needs
#'   (`unit`, `start`, `prepare`). The fit has a component `smooth`: list of `lambda`, `edf`
#'   (effective parameters, all of them), `edf_baseline` and `variance`.
#' @references Joly P, Commenges D, Letenneur L (1998). A penalized likelihood approach for
#'   arbitrarily censored and truncated data: application to age-specific incidence of dementia.
#'   *Biometrics*, 54, 185-194. \doi{10.2307/2534006}
#'
#' Marra G, Wood SN (2012). Coverage properties of confidence intervals for generalized additive
#'   model components. *Scandinavian Journal of Statistics*, 39, 53-74.
#'   \doi{10.1111/j.1467-9469.2011.00760.x}
#'
#' Wood SN (2011). Fast stable restricted maximum likelihood and marginal likelihood estimation of
#'   semiparametric generalized linear models. *Journal of the Royal Statistical Society B*, 73,
#'   3-36. \doi{10.1111/j.1467-9868.2010.00749.x}
#' @seealso [ttp_spline()] for a spline of few parameters without a penalty.
#' @examples
#' rotterdam <- survival::rotterdam
#' fit <- fit_ttp(Surv(rtime / 365.25, recur) ~ hormon + nodes, rotterdam, family = ttp_smooth())
#' fit
#' fit$smooth$lambda
#' @export
ttp_smooth <- function(df = 10, lambda = NULL, variance = c("bayes", "sandwich")) {
  variance <- choose_one(variance, c("bayes", "sandwich"), "variance")
  is_fine <- is.numeric(df) && length(df) == 1L && is.finite(df) && df >= 4 && df <= 30 &&
    df == round(df)
  if (!is_fine) {
    stop_input(c(
      "`df` must be one whole number from 4 to 30.", x = sprintf("Found %s.", describe(df))
    ), arg = "df")
  }
  is_number <- is.null(lambda) ||
    is.numeric(lambda) && length(lambda) == 1L && isTRUE(is.finite(lambda) && lambda > 0)
  if (!is_number) {
    stop_input(c(
      "`lambda` must be NULL or one positive number.",
      x = sprintf("Found %s.", describe(lambda))
    ), arg = "lambda")
  }
  names <- paste0("h", seq_len(df))
  family <- new_family(
    "smooth", "Smooth hazard", sprintf("log(%s)", names),
    natural = stats::setNames(rep.int("exp", df), names), scales = c("hazard", "odds", "time"),
    start = function(family, moments) rep.int(-moments$mean - 0.58, length(family$theta)),
    unit = function(family, log_unit) {
      family$setting <- family$setting / exp(log_unit)
      K <- length(family$theta)
      list(family = family, A = diag(K), b = rep.int(-log_unit, K))
    },
    prepare = smooth_prepare
  )
  family$concentrates <- FALSE
  family$lambda <- lambda
  family$variance <- variance
  family
}

smooth_prepare <- function(family, times, frame = NULL) {
  events <- event_times(times)
  n_interval <- length(family$theta) - 3L
  last <- max(events, times$time[times$kind == 1L], times$right[times$kind == 3L])
  inner <- stats::quantile(events, seq_len(n_interval - 1L) / n_interval, names = FALSE)
  knots <- c(0, inner, last)
  if (is.unsorted(knots, strictly = TRUE)) {
    stop_input(c(
      "Knots at quantiles of the event times must differ.",
      x = sprintf("Found %s: so many events share a time.",
                  paste(format(knots, digits = 4L, trim = TRUE), collapse = ", ")),
      i = "Use a smaller `df`."
    ), arg = "df")
  }
  family$setting <- knots
  family$penalty <- roughness(sqrt(knots / last))
  family
}

# The matrix S with theta' S theta = integral of f''^2, f the cubic spline with control values
# theta on these knots. f'' is linear between knots, its values there are differences of theta.
roughness <- function(knots) {
  N <- length(knots) - 1L
  clamped <- c(rep(knots[1L], 3L), knots, rep(knots[N + 1L], 3L))
  first <- 3 * diff(diag(N + 3L)) / (clamped[5:(N + 6L)] - clamped[2:(N + 3L)])
  second <- 2 * diff(first) / (clamped[5:(N + 5L)] - clamped[3:(N + 3L)])
  left <- second[-(N + 1L), , drop = FALSE]
  right <- second[-1L, , drop = FALSE]
  width <- diff(knots) / 3
  cross <- crossprod(left, width * right)
  crossprod(left, width * left) + crossprod(right, width * right) + (cross + t(cross)) / 2
}

# --- the penalised fit --------------------------------------------------------------------------

#' The maximum of the penalised likelihood, at the smoothing parameter of largest restricted
#' likelihood
#'
#' First log lambda moves as Wood and Fasiolo (2017, Biometrics 73, 1071-1081,
#' doi:10.1111/biom.12666) have it, which neglects that the information changes with lambda; then
#' the criterion itself is searched around there, each fit starting from the one before.
#' @param family with `penalty`, `lambda` and `variance`; the rest as for run_ttp().
#' @returns the fit of run_ttp(), with `loglik` free of the penalty, `var` as asked for, and
#'   `smooth`.
#' @noRd
run_ttp_smooth <- function(bundle, hazard, start, fixed, control, family) {
  setup <- smooth_setup(bundle, hazard, start, fixed, family)
  fit_at <- function(log_lambda, from) {
    bundle[[11L]] <- exp(log_lambda) * setup$S
    smooth_score(newton_ttp(bundle, hazard, from, fixed, control), log_lambda, setup)
  }
  if (!is.null(family$lambda)) {
    return(close_smooth(fit_at(log(family$lambda), start), setup, family))
  }
  best <- near_lambda(fit_at, start, setup)
  for (move in 1:8) {
    middle <- best$log_lambda
    search <- stats::optimize(
      function(log_lambda) fit_at(log_lambda, best$coefficients)$score, maximum = TRUE,
      middle + c(-1, 1), tol = 0.01
    )
    if (search$objective > best$score) best <- fit_at(search$maximum, best$coefficients)
    if (abs(search$maximum - middle) < 0.95 || abs(middle - setup$centre) > 15) break
  }
  close_smooth(best, setup, family)
}

# Steps to where the roughness is what the restricted likelihood expects: lambda theta' S theta =
# r - lambda tr((I + lambda S)^-1 S)
near_lambda <- function(fit_at, start, setup) {
  log_lambda <- setup$centre
  from <- start
  best <- NULL
  for (step in 1:20) {
    fit <- fit_at(log_lambda, from)
    if (is.null(best) || fit$score > best$score) best <- fit
    if (!fit$definite) { # too little smoothing to go on from
      log_lambda <- log_lambda + 3
      next
    }
    from <- fit$coefficients
    rough <- drop(crossprod(from, setup$S %*% from))
    spent <- setup$rank - exp(log_lambda) * sum(fit$var * setup$S)
    move <- log(max(spent, 1e-10) / max(rough, 1e-300)) - log_lambda
    log_lambda <- log_lambda + min(max(move, -4), 4)
    log_lambda <- min(max(log_lambda, setup$centre - 14), setup$centre + 16)
    if (abs(log_lambda - fit$log_lambda) < 0.05) break
  }
  best
}

# The penalty among all coefficients, and where on the log scale it is as large as the information
smooth_setup <- function(bundle, hazard, start, fixed, family) {
  P <- length(start)
  K <- length(family$theta)
  n_stratum <- max(bundle[[4L]], 0L) + 1L
  at <- P - n_stratum * K + seq_len(n_stratum * K)
  S <- matrix(0, P, P)
  S[at, at] <- kronecker(diag(n_stratum), family$penalty)
  info <- .Call(C_ttp_value, bundle, hazard, as.double(start))$info
  list(
    S = S, at = at, rank = n_stratum * (K - 2L),
    free = if (is.null(fixed)) rep(TRUE, P) else !fixed,
    centre = log(mean(abs(diag(info)[at])) / mean(diag(S)[at]))
  )
}

smooth_score <- function(fit, log_lambda, setup) {
  size <- determinant(fit$info[setup$free, setup$free], logarithm = TRUE)
  fit$log_lambda <- log_lambda
  fit$score <- -Inf
  # rounding in a large penalty hides the last steps from the search, not from the gradient
  fit$converged <- fit$converged || fit$definite && fit$gap < 1e-7
  if (fit$definite && size$sign > 0) {
    fit$score <- fit$loglik[[2L]] + setup$rank * log_lambda / 2 - size$modulus[[1L]] / 2
  }
  fit
}

close_smooth <- function(fit, setup, family) {
  lambda <- exp(fit$log_lambda)
  penalty <- lambda * setup$S
  rough <- drop(crossprod(fit$coefficients, penalty %*% fit$coefficients))
  fit$loglik[[2L]] <- fit$loglik[[2L]] + rough / 2
  information <- fit$info - penalty
  share <- diag(fit$var %*% information)
  fit$smooth <- list(
    lambda = lambda, edf = sum(share), edf_baseline = sum(share[setup$at]),
    variance = family$variance
  )
  if (family$variance == "sandwich") fit$var <- fit$var %*% information %*% fit$var
  fit
}

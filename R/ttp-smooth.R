#' What does the hazard look like if nothing but smoothness is asked of it?
#'
#' A family for `fit_ttp()`: the hazard is a positive mixture of cubic B-splines of time, more of
#' them than the data could pay for, and roughness of the log hazard is penalised. How much is
#' decided by the data: by restricted likelihood, or by cross-validation.
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
#' root of time. Strata have a hazard each and share one \eqn{\lambda}. With I the information, S
#' the matrix of the penalty, r its rank and \eqn{V = (I + \lambda S)^{-1}}{V = (I + lambda S)^-1},
#' \eqn{\lambda} maximises
#' \describe{
#'   \item{`"reml"`}{the restricted likelihood in Laplace's approximation,
#'     \eqn{\ell_\lambda + \frac{r}{2} \log \lambda + \frac12 \log |V|}{l_lambda + (r / 2)
#'     log(lambda) + log|V| / 2}: that of \eqn{\lambda} when the penalty is read as the log of a
#'     prior and all parameters are integrated out.}
#'   \item{`"lcv"`}{the cross-validated likelihood \eqn{\sum_i \ell_i(\theta_{-i})}{sum of
#'     l_i(theta_-i)}, the log likelihood of each row under the estimate without it. That estimate
#'     is nearly \eqn{\theta - V u_i}{theta - V u_i} with \eqn{u_i}{u_i} the score of the row, and
#'     \eqn{\sum_i u_i u_i' }{sum u_i u_i'} is nearly I, so that it is nearly
#'     \eqn{\ell - \mathrm{tr}(V I)}{l - tr(V I)}, which is taken (O'Sullivan 1988; Joly, Commenges
#'     and Letenneur 1998): the \eqn{\lambda} of the smallest AIC. It smooths less evenly than
#'     restricted likelihood from one study to the next.}
#' }
#' Effective parameters are the trace of V I. They stand in `logLik()` (which is
#' \eqn{\ell}{l}, without the penalty) and so in `AIC()`. There is no likelihood-ratio test between
#' such fits; `anova(test = "Wald")` is offered.
#'
#' @section Which covariance:
#' \describe{
#'   \item{`"bayes"`}{(default) is the covariance of the parameters given the data when the penalty
#'     is read as a prior, and \eqn{\lambda} has one too: the mean over \eqn{\lambda} of
#'     \eqn{V_\lambda + (\theta_\lambda - \theta)(\theta_\lambda - \theta)'}{V_lambda +
#'     (theta_lambda - theta)(theta_lambda - theta)'}, around the estimate \eqn{\theta}{theta}, with
#'     the restricted likelihood as weight and a prior under which every number of effective
#'     parameters of the baseline, from that of a straight line to all of them, is as likely (Hodges
#'     and Sargent 2001; Cui et al. 2010). Averaged over time, its intervals cover as they say
#'     (Marra and Wood 2012), since they allow for the bias of smoothing. Where the data choose the
#'     smoothest hazard there is, the usual correction for an estimated \eqn{\lambda}, made of
#'     derivatives at its estimate (Wood, Pya and Saefken 2016), vanishes; the mean does
#'     not. With a given `lambda` it is `"conditional"`.}
#'   \item{`"conditional"`}{is \eqn{V_\lambda}{V_lambda}: \eqn{\lambda} is taken as known.}
#'   \item{`"sandwich"`}{is V I V, the sampling variance around the smoothed truth, for known
#'     \eqn{\lambda}.}
#' }
#' A robust variance (of a `cluster`, or of weights) stands in its place: V B V, B the sum of the
#' squared scores of the clusters, for known \eqn{\lambda}; the other one is `naive.var`.
#'
#' @param df Number of B-splines, a whole number from 4 to 30.
#' @param lambda The smoothing parameter, a positive number. `NULL`: chosen by `criterion`.
#' @param variance `"bayes"`, `"conditional"` or `"sandwich"`, see below.
#' @param criterion what chooses `lambda`: `"reml"`, the restricted likelihood, or `"lcv"`, the
#'   likelihood cross-validated.
#' @returns A family, a list of class `sr_family`: `name`, `label`, `theta` (names of the
#'   parameters), `natural` (their scale: hazards), `scales`, `setting` (knots, once a fit has
#'   placed them), `penalty` (S), `lambda`, `variance`, `criterion` and the functions that
#'   `fit_ttp()` needs (`unit`, `start`, `prepare`). The fit has a component `smooth`: list of
#'   `lambda`, `edf` (effective parameters, all of them), `edf_baseline`, `variance`, `criterion`
#'   (`"given"` where `lambda` was) and `bread` (V).
#' @references Cui Y, Hodges JS, Kong X, Carlin BP (2010). Partitioning degrees of freedom in
#'   hierarchical and other richly parameterized models. *Technometrics*, 52, 124-136.
#'   \doi{10.1198/TECH.2009.08161}
#'
#' Hodges JS, Sargent DJ (2001). Counting degrees of freedom in hierarchical and other
#'   richly-parameterised models. *Biometrika*, 88, 367-379. \doi{10.1093/biomet/88.2.367}
#'
#' Joly P, Commenges D, Letenneur L (1998). A penalized likelihood approach for
#'   arbitrarily censored and truncated data: application to age-specific incidence of dementia.
#'   *Biometrics*, 54, 185-194. \doi{10.2307/2534006}
#'
#' Marra G, Wood SN (2012). Coverage properties of confidence intervals for generalized additive
#'   model components. *Scandinavian Journal of Statistics*, 39, 53-74.
#'   \doi{10.1111/j.1467-9469.2011.00760.x}
#'
#' O'Sullivan F (1988). Fast computation of fully automated log-density and log-hazard estimators.
#'   *SIAM Journal on Scientific and Statistical Computing*, 9, 363-379. \doi{10.1137/0909024}
#'
#' Wood SN (2011). Fast stable restricted maximum likelihood and marginal likelihood estimation of
#'   semiparametric generalized linear models. *Journal of the Royal Statistical Society B*, 73,
#'   3-36. \doi{10.1111/j.1467-9868.2010.00749.x}
#'
#' Wood SN, Pya N, Saefken B (2016). Smoothing parameter and model selection for general
#'   smooth models. *Journal of the American Statistical Association*, 111, 1548-1563.
#'   \doi{10.1080/01621459.2016.1180986}
#' @seealso [ttp_spline()] for a spline of few parameters without a penalty.
#' @examples
#' rotterdam <- survival::rotterdam
#' fit <- fit_ttp(Surv(rtime / 365.25, recur) ~ hormon + nodes, rotterdam, family = ttp_smooth())
#' fit
#' fit$smooth$lambda
#'
#' # The same, with cross-validation
#' update(fit, family = ttp_smooth(criterion = "lcv"))$smooth
#' @export
ttp_smooth <- function(df = 10, lambda = NULL, variance = c("bayes", "conditional", "sandwich"),
                       criterion = c("reml", "lcv")) {
  variance <- choose_one(variance, c("bayes", "conditional", "sandwich"), "variance")
  criterion <- choose_one(criterion, c("reml", "lcv"), "criterion")
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
  family$criterion <- if (is.null(lambda)) criterion else "given"
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
  family$penalty_root <- roughness_root(sqrt(knots / last))
  family$penalty <- crossprod(family$penalty_root)
  family
}

#' A square matrix R with |R theta|^2 = integral of f''^2
#'
#' f is the cubic spline with control values theta on these knots. f'' is linear between knots, its
#' values there are differences of theta: a on the left and b on the right of an interval of width w
#' give w ((a + b / 2)^2 / 3 + b^2 / 4).
#' @noRd
roughness_root <- function(knots) {
  N <- length(knots) - 1L
  clamped <- c(rep(knots[1L], 3L), knots, rep(knots[N + 1L], 3L))
  first <- 3 * diff(diag(N + 3L)) / (clamped[5:(N + 6L)] - clamped[2:(N + 3L)])
  second <- 2 * diff(first) / (clamped[5:(N + 5L)] - clamped[3:(N + 3L)])
  left <- second[-(N + 1L), , drop = FALSE]
  right <- second[-1L, , drop = FALSE]
  width <- diff(knots)
  rows <- rbind(sqrt(width / 3) * (left + right / 2), sqrt(width / 4) * right)
  parts <- qr(rbind(rows, matrix(0, 3L, N + 3L)), tol = 0)
  qr.R(parts)[seq_len(N + 3L), order(parts$pivot)]
}

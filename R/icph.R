#' Does this covariate change the hazard, when scans only bracket the event?
#'
#' Fits proportional hazards without assuming a shape for the baseline hazard to events of which
#' only an interval is known: progression after the last clean scan and by the scan that showed it.
#' Without covariates it is Turnbull's estimate. Standard errors come from the information, not from
#' a bootstrap; every estimate carries the proof that it is the maximum.
#'
#' @section The likelihood:
#' With \eqn{\Lambda}{L} the cumulative baseline hazard of the row's stratum and
#' \eqn{r_i = \exp(x_i'\beta + o_i)}{r_i = exp(x_i'b + o_i)}, a row that entered at \eqn{E_i} and
#' had its event in \eqn{(L_i, R_i]} gives
#' \deqn{\log \{e^{-r_i (\Lambda(L_i) - \Lambda(E_i))} - e^{-r_i (\Lambda(R_i) - \Lambda(E_i))}\},}{
#' log(exp(-r_i (L(L_i) - L(E_i))) - exp(-r_i (L(R_i) - L(E_i)))),}
#' the second term being 0 where no event was seen (\eqn{R_i = \infty}{R_i = Inf}) and the first one
#' taken just before \eqn{L_i} where the time is exact. It is maximised over the coefficients and
#' over all functions \eqn{\Lambda}{L} that do not fall: the maximum has jumps only in Turnbull's
#' innermost intervals, whose ends include the entry times (Frydman). Where within such an interval
#' the jump lies no datum tells; curves have a `lower` and an `upper` bound there.
#'
#' @section The certificate:
#' At the maximum, for every innermost interval, the slope of the log-likelihood in its jump is 0
#' where there is a jump and not positive where there is none; for the cumulative hazard, and given
#' coefficients, these conditions of Gentleman and Geyer are also sufficient, under left truncation
#' too. `fit$certificate` has their largest violation, relative to the summed risk of the rows that
#' can have their event there or later, and the largest score of a coefficient, in its standard
#' errors. Both are below `control$tolerance` (1e-8), or the fit says that it has not converged.
#'
#' @section Standard errors:
#' The information on the coefficients is that of all coefficients and positive jumps together, the
#' jumps taken out. It assumes that the number of distinct times stays behind the number of rows, as
#' with scans at fixed times. The fit checks it against the curvature of the profile likelihood a
#' standard error to either side, where jumps come and go freely; `fit$curvature` has the ratio for
#' each coefficient, and the fit tells when it is far from 1. Robust variance comes from the scores
#' of the rows.
#'
#' @section Left truncation:
#' `entry` (or a (start, stop] response) makes each row's likelihood conditional on being free of
#' the event at entry. When few rows are at risk early and all of them have the event, the estimate
#' puts all mass there and survival is 0 ever after, whatever later rows say; this is told. The
#' coefficients stay what they are.
#'
#' @param formula a formula with a [survival::Surv()] response: right- or left-censored, `interval`,
#'   `interval2`, or (start, stop]. Intervals are (left, right], 0 or NA at the left stands for
#'   left-censored, equal ends for an exact time. Use [survival::strata()] for own baselines,
#'   `offset()`, and `~ 1` for Turnbull's estimate.
#' @param data a data frame, a list or an environment in which to find the variables.
#' @param entry time at which a row came under observation, for left truncation: a variable of the
#'   data, or an expression. An interval that begins before the entry is taken from the entry on.
#' @param strata a variable whose levels have own baselines: the same as `+ strata(g)` in the
#'   formula.
#' @param weights case weights, positive: 2 stands for the row twice.
#' @param subset which rows to use.
#' @param cluster which group of correlated rows a row belongs to, for the robust variance.
#' @param control a list with any of `max_iter` (200), `tolerance` (1e-8, of the certificate) and
#'   `check` (`TRUE`: compare the standard errors with the profile likelihood).
#' @param na.action what to do with missing values: a function, or its name.
#' @param robust `TRUE` for the robust variance. Default: when there is a `cluster` or weights are
#'   not whole numbers.
#' @param model `TRUE` keeps the model frame (`model`) and the variables of the formula
#'   (`variables`) in the fit.
#' @param ... nothing: an argument that is not known is an error.
#'
#' @returns An object of class `c("sr_icph", "sr_fit")`: see [sr_fit] for its methods. Of its own it
#'   has
#'   \item{baseline}{data frame, a row for each innermost interval with mass: `stratum` (where there
#'     are strata), `from`, `to` (the interval is (from, to], the point where they are equal),
#'     `hazard` (the jump of the cumulative hazard; Inf where nobody is known to have survived it),
#'     `cumhaz` and `survival` at its end, `mass`; all at the covariates' `means`}
#'   \item{nodes}{all innermost intervals, also those without mass, with `excess`, the slope that
#'     the certificate is about}
#'   \item{means}{of the columns}
#'   \item{certificate}{list: `hazard` and `effects` (largest violations), for models without
#'     covariates and truncation also `mass` (Gentleman and Geyer's form: largest slope towards
#'     any one interval, relative to the number of rows), `tolerance`, `holds`}
#'   \item{curvature}{ratio of the profile likelihood's curvature to the information, by
#'     coefficient; NA where it was not computed}
#'   \item{n_support}{number of intervals with mass and a finite jump}
#' @seealso [predict.sr_icph()] for curves, [proportionality_test()] for effects that change with
#'   time,
#'   [residuals.sr_icph()], [fit_ttp()] for hazards with a shape.
#' @references
#' Turnbull BW (1976). The empirical distribution function with arbitrarily grouped, censored and
#' truncated data. *Journal of the Royal Statistical Society B* 38, 290-295.
#' \doi{10.1111/j.2517-6161.1976.tb01597.x}
#'
#' Finkelstein DM (1986). A proportional hazards model for interval-censored failure time data.
#' *Biometrics* 42, 845-854. \doi{10.2307/2530698}
#'
#' Frydman H (1994). A note on nonparametric estimation of the distribution function from
#' interval-censored and truncated observations. *Journal of the Royal Statistical Society B* 56,
#' 71-74. \doi{10.1111/j.2517-6161.1994.tb01960.x}
#'
#' Gentleman R, Geyer CJ (1994). Maximum likelihood for interval censored data: consistency and
#' computation. *Biometrika* 81, 618-623. \doi{10.1093/biomet/81.3.618}
#'
#' Murphy SA, van der Vaart AW (2000). On profile likelihood. *Journal of the American Statistical
#' Association* 95, 449-465. \doi{10.1080/01621459.2000.10474219}
#'
#' Wang L, McMahan CS, Hudgens MG, Qureshi ZP (2016). A flexible, computationally efficient method
#' for fitting the proportional hazards model to interval-censored data. *Biometrics* 72, 222-231.
#' \doi{10.1111/biom.12389}
#' @examples
#' # Relapse seen at half-yearly visits only: what is known is the half year
#' visit <- 182.625
#' rotterdam <- survival::rotterdam
#' rotterdam$left <- visit * floor(rotterdam$rtime / visit)
#' rotterdam$right <- ifelse(rotterdam$recur == 1, rotterdam$left + visit, NA)
#' seen <- rotterdam[rotterdam$left > 0 | !is.na(rotterdam$right), ]
#' fit <- fit_icph(
#'   Surv(left, right, type = "interval2") ~ hormon + nodes + strata(grade), seen
#' )
#' fit
#' years <- 365.25 * c(1, 2, 5)
#' predict(fit, seen[1:2, ], type = "survival", times = years, interval = "confidence")
#'
#' # Turnbull's estimate by group
#' fit_icph(Surv(left, right, type = "interval2") ~ strata(hormon), seen)
#' @export
fit_icph <- function(formula, data, entry = NULL, strata = NULL, weights, subset, cluster,
                     control = list(), na.action, robust, model = FALSE, ...) {
  call <- match.call()
  refuse_dots("fit_icph()", dot_names(...))
  if (missing(formula)) stop_input("`formula` is missing, with no default.", arg = "formula")
  check_formula(formula)
  moved <- add_strata_argument(call, formula)
  asked <- list(
    control = icph_control(control), firth = FALSE, method = "",
    robust = if (!missing(robust) && !is.null(robust)) check_flag(robust, "robust")
  )
  request <- cox_request(
    moved$call, moved$formula, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action)),
    keep_frame = check_flag(model, "model")
  )
  request <- interval_request(request)
  frame <- check_icph_frame(cox_frame(request))
  estimate <- icph_newton(icph_data(frame), asked$control)
  close_icph(estimate, frame, asked, request)
}

# `strata = g` becomes the term strata(g).
add_strata_argument <- function(call, formula) {
  given <- call$strata
  call$strata <- NULL
  if (is.null(given)) return(list(call = call, formula = formula))
  if (is.call(given) && identical(given[[1L]], quote(`~`))) given <- given[[2L]]
  is_term <- is.call(given) && identical(survival_word(given[[1L]]), "strata")
  term <- if (is_term) given else call("strata", given)
  if (inherits(formula, "terms")) formula <- stats::formula(formula)
  if (length(formula) < 3L) return(list(call = call, formula = formula))
  formula[[3L]] <- call("+", formula[[3L]], term)
  call$formula <- formula
  list(call = call, formula = formula)
}

icph_control <- function(control) {
  full <- list(max_iter = 200, tolerance = 1e-8, check = TRUE)
  is_named <- length(control) == 0L || (is.list(control) && !is.null(names(control)))
  if (!is_named || !all(names(control) %in% names(full))) {
    stop_input(c(
      sprintf("`control` must be a list with any of %s.", format_names(names(full))),
      x = if (is.list(control)) {
        sprintf("Found %s.", format_names(setdiff(names(control) %||% "", names(full))))
      } else {
        sprintf("Found %s.", describe(control))
      }
    ), arg = "control")
  }
  full[names(control)] <- control
  is_number <- function(x) is.numeric(x) && length(x) == 1L && is.finite(x) && x > 0
  if (!is_number(full$max_iter) || !is_number(full$tolerance)) {
    stop_input("`max_iter` and `tolerance` of `control` must be positive numbers.", arg = "control")
  }
  full$check <- check_flag(full$check, "check")
  full
}

check_icph_frame <- function(frame) {
  check_weights(frame$weights, FALSE, frame$row_names)
  check_offset(frame$offset, frame$row_names)
  if (!isTRUE(frame$is_fast)) check_finite(frame)
  if (!is.null(frame$offset) && all(frame$offset == 0)) frame$offset <- NULL
  frame$times <- interval_parts(frame$y, frame$mf[["(entry)"]], frame$row_names)
  check_interval_events(frame$times)
  frame
}

# --- the fit --------------------------------------------------------------------------------------

# The bundle of src/r_icph.c, from a frame or from sr_rebuild() with `times` added
icph_data <- function(frame) {
  x <- frame$x
  if (is.matrix(x)) storage.mode(x) <- "double"
  list(
    if (NCOL(x) > 0L && length(x) > 0L) x, frame$times$left, frame$times$right, frame$times$entry,
    frame$stratum, as_double(frame$weights), as_double(frame$offset)
  )
}

# One search in C (src/model_icph.c). Without `start`: the model without covariates, then this one.
# `fixed`: places of the coefficients that stay at the start.
icph_newton <- function(data, control, start = NULL, fixed = NULL) {
  held <- NULL
  if (!is.null(fixed)) held <- as.integer(seq_along(start$coefficients) %in% fixed)
  .Call(
    C_icph_fit, data, start$coefficients, start$jump, held,
    as.double(c(control$max_iter, control$tolerance)), c(is.null(start), isTRUE(control$check))
  )
}

close_icph <- function(estimate, frame, asked, request) {
  names <- frame$x_names
  coef <- estimate$coefficients
  names(coef) <- names
  infinite <- icph_infinite(estimate)
  coef[estimate$aliased] <- NA
  var <- estimate$var
  dimnames(var) <- list(names, names)
  nodes <- data.frame(estimate$node)
  is_event <- frame$times$kind != "right"
  plan <- icph_robust_plan(frame, is_event, asked)
  naive <- NULL
  if (plan$robust && length(coef) > 0L) {
    naive <- var
    var[] <- icph_sandwich(estimate, frame, plan$cluster)
  }
  curvature <- estimate$curvature / diag(estimate$information)
  certificate <- icph_certificate(estimate, frame, asked$control)
  parts <- list(
    coefficients = coef, var = var, naive.var = naive, loglik = estimate$loglik,
    nevent = sum(is_event), title = "Proportional hazards, interval-censored",
    ratio = "hazard ratio", strata = icph_strata(frame, is_event),
    baseline = icph_baseline(nodes, frame$strata_levels), nodes = nodes,
    means = stats::setNames(estimate$means, names), horizon = icph_horizon(frame),
    certificate = certificate,
    curvature = stats::setNames(curvature, names), n_support = estimate$n_free,
    convergence = icph_convergence(estimate, frame, certificate, infinite, curvature)
  )
  new_sr_fit(parts, "sr_icph", frame, request)
}

# (start, stop] rows of one subject need a cluster; an interval-censored row is a subject.
icph_robust_plan <- function(frame, is_event, asked) {
  if (attr(frame$y, "type") != "counting") frame$y <- cbind(time = 0, status = as.double(is_event))
  robust_plan(frame, asked)
}

icph_sandwich <- function(estimate, frame, cluster) {
  data <- icph_data(frame)
  score <- .Call(C_icph_rows, data, estimate$coefficients, estimate$node$jump)$score
  if (!is.null(frame$weights)) score <- score * as.vector(frame$weights)
  by_cluster <- rowsum(score, cluster, reorder = FALSE)
  estimate$var %*% crossprod(by_cluster) %*% estimate$var
}

icph_strata <- function(frame, is_event) {
  if (is.null(frame$stratum)) return(NULL)
  k <- length(frame$strata_levels)
  list(
    level = frame$strata_levels, n = tabulate(frame$stratum + 1L, k),
    events = tabulate(frame$stratum[is_event] + 1L, k)
  )
}

# The last time at which each stratum is seen: nothing is known beyond.
icph_horizon <- function(frame) {
  last <- ifelse(is.finite(frame$times$right), frame$times$right, frame$times$left)
  stratum <- frame$stratum %||% rep.int(0L, frame$n)
  levels <- seq_len(max(length(frame$strata_levels), 1L)) - 1L
  vapply(levels, function(s) max(last[stratum == s], 0), 0)
}

node_kinds <- c(ground = 0L, jump = 1L, last = 2L, empty = 3L)

# Intervals with mass, curves at the covariates' means
icph_baseline <- function(nodes, levels) {
  parts <- lapply(split(nodes, nodes$stratum), function(one) {
    hazard <- ifelse(one$kind == node_kinds[["last"]], Inf, one$jump)
    kept <- hazard > 0
    cumhaz <- cumsum(hazard)[kept]
    survival <- exp(-cumhaz)
    data.frame(
      stratum = one$stratum[kept], from = one$from[kept], to = one$to[kept], hazard = hazard[kept],
      cumhaz = cumhaz, survival = survival, mass = c(1, survival)[seq_along(survival)] - survival
    )
  })
  out <- do.call(rbind, parts)
  row.names(out) <- NULL
  out$stratum <- if (!is.null(levels)) factor(levels[out$stratum + 1L], levels)
  out
}

#' How long until progression, and what moves that time?
#'
#' Fits a parametric model to times that are exact, right-, left- or interval-censored, observed
#' from the origin or from a later entry: the shape of the hazard is part of the answer. Each of the
#' scales on which covariates may act, and each way of stratifying (own baseline, own shape, own
#' effect), is an argument.
#'
#' @section Scale:
#' With eta the linear predictor without an intercept and S0 the baseline,
#' \describe{
#'   \item{`"time"`}{\eqn{S(t) = S_0(t e^{-\eta})}{S(t) = S0(t exp(-eta))}: exp(coef) multiplies the
#'     time (accelerated failure time). A positive coefficient lengthens it.}
#'   \item{`"hazard"`}{\eqn{S(t) = S_0(t)^{\exp \eta}}{S(t) = S0(t)^exp(eta)}: exp(coef) is a hazard
#'     ratio (proportional hazards). A positive coefficient raises the hazard.}
#'   \item{`"odds"`}{\eqn{\mathrm{logit}(1 - S) = \mathrm{logit}(1 - S_0) + \eta}{logit(1 - S) =
#'     logit(1 - S0) + eta}: exp(coef) is the ratio of the odds of having progressed, at any time. A
#'     positive coefficient raises them.}
#' }
#' The sign is the same in every family. S0 is the curve of covariates 0. Where a family is not
#' closed under a scale (a lognormal on `"hazard"`), a shift of a covariate is another model, with
#' another likelihood: centre covariates whose 0 is far from the patients.
#'
#' @section The likelihood:
#' With cumulative hazard H, hazard h, and entry E (0 where there is none) a row adds, times its
#' weight, H(E) and
#' \describe{
#'   \item{exact at t}{log h(t) - H(t)}
#'   \item{right-censored at t}{-H(t)}
#'   \item{in (L, R]}{log(exp(-H(L)) - exp(-H(R))), computed as a log difference; a
#'     zero-width interval, whose ends differ by rounding at most, is exact; (0, R] is left-censored
#'     at R}
#' }
#' Newton's method with analytic first and second derivatives, in a trust region, finds the maximum
#' from values that depend on the data alone, with time counted in their own geometric mean: years
#' and milliseconds give the same fit. It has converged when the gradient is below 1e-6 standard
#' errors and the information is positive definite; otherwise the fit says which parameters are
#' not determined, or run to their border.
#'
#' @section Death between scans:
#' Who died at D without progression seen at the last scan, at L, may have progressed in between.
#' Censoring progression at D is not offered: it takes for granted that there was none. The
#' methods are, for `Surv(left, right, type = "interval2")` with `death = Surv(os_time, os_status)`,
#' where `right` is missing for who was never found progressed:
#' \describe{
#'   \item{`"illness_death"`}{(default) fits three hazards together: of progression (the model), of
#'     death without progression and of death after it, Weibull each with the covariates of the
#'     model unless [ttp_illness_death()] says otherwise. Estimates the time to progression, of
#'     those who have not died, without bias where the hazards are as assumed.}
#'   \item{`"last_scan"`}{censors at L. Estimates the time to progression as if death said nothing
#'     of it; where patients die sooner after progression than without it, those who progress and
#'     die between two scans are lost, and progression looks rarer and later than it is.}
#'   \item{`"pfs"`}{takes the death as an event in (L, D]. Estimates progression-free survival,
#'     another quantity: the time to progression or death, whichever is first. As an estimate of
#'     progression it makes it look as much more frequent as there are deaths without it.}
#' }
#' With hazards \eqn{h_{01}}{h01} of progression, \eqn{h_{02}}{h02} of death without and
#' \eqn{h_{12}}{h12} of death after it, all functions of the time since the origin (the last one
#' does not depend on when progression was: a Markov model), a row whose progression is not known
#' after L, followed to C and dead (d = 1) or alive then (d = 0), has the likelihood
#' \deqn{S_{01}(C) S_{02}(C) h_{02}(C)^d + \int_L^C f_{01}(u) S_{02}(u) h_{12}(C)^d
#'   S_{12}(C) / S_{12}(u)\, du,}{S01(C) S02(C) h02(C)^d + integral over (L, C] of f01(u) S02(u)
#'   h12(C)^d S12(C) / S12(u) du,}
#' and one found progressed in (L, R] the integral over (L, R]. Integrals are sums over nodes, as
#' many as it takes for twice their number to change the log likelihood by less than 1e-8. Which
#' deaths hide a progression is not seen: the hazards of death say how likely it is, as estimated
#' from those who were found progressed and those who were not. Simulated, with 20 to 30 % of the
#' patients dead without progression seen, the effect and the median come out without bias and
#' with the stated coverage where the hazards are as assumed; where death after progression
#' depends on the time since progression, the median comes out a little late. `"last_scan"` makes
#' the median later the more patients progress and die between two scans, and dilutes an effect of
#' the arm on progression where it also delays death; `"pfs"` makes the median earlier and moves
#' the effect towards that on death (`bench/sim-death.R`).
#' `death` needs the follow-up of overall survival, after progression too.
#'
#' @section Stratification by RANK status:
#' `strata(rank)` in the formula gives each level its own baseline: location and every other
#' parameter. `shape = ~ rank` gives it an own shape (the second parameter: log(shape) of the
#' Weibull, log(sigma) of the lognormal; `survreg()`'s `strata()` is this one), `shape = list(...)`
#' names parameters. An own effect is an interaction: `arm * rank`.
#'
#' @param formula a formula with a [survival::Surv()] response of any type but multi-state: right,
#'   left, `interval`, `interval2`, (start, stop]. [survival::strata()], [survival::cluster()] and
#'   `offset()` are understood.
#' @param data a data frame in which to find the variables.
#' @param family the name of a family (see below), or a family as its constructor gives it.
#' @param shape covariates of the second parameter, a formula such as `~ rank`; for others a list
#'   of formulas by the name of the parameter.
#' @param scale what a coefficient does: `"time"`, `"hazard"` or `"odds"`. Default: the family's
#'   first.
#' @param tvc covariates of the formula whose effect changes with time, a formula such as `~ rank`;
#'   spline families only.
#' @param entry time at which each row came under observation, for interval data; (start, stop]
#'   data have their own.
#' @param weights case weights, positive, one a row.
#' @param subset which rows to use.
#' @param na.action what to do with missing values; see [fit_cox()].
#' @param cluster which group of correlated rows a row belongs to, for the robust variance.
#' @param id which subject a row belongs to, for (start, stop] data. Covariates may change between
#'   rows of one subject on the scale `"hazard"` only.
#' @param init starting values of all coefficients, in the order of `coef()`.
#' @param control a list with `max_iter` (200) and `eps` (1e-6, the length of Newton's last step in
#'   standard errors).
#' @param robust `TRUE` for the robust (sandwich) variance. Default: when there is a `cluster`, when
#'   weights are not whole numbers, or when an `id` has several events.
#' @param model `TRUE` keeps the model frame (`model`) and the variables of the formulas
#'   (`variables`), so that what is asked of the fit later does not need the data.
#' @param death `Surv(time, status)` of overall survival, a variable of the data: the time of death,
#'   or of the last contact alive. Not before the last scan, nor before the scan that found
#'   progression.
#' @param death_method what a death says of progression: `"illness_death"`, `"pfs"` or
#'   `"last_scan"`, see below; or [ttp_illness_death()], to choose the hazards of death.
#' @param ... parts of the control.
#'
#' @returns An object of class `c("sr_ttp", "sr_fit")`, a list with `coefficients` (the effects,
#'   then the parameters of the family as estimated, stratum by stratum, then the covariates of
#'   `shape`), `effects` (places of the effects), `var` (and `naive.var` beside a robust one),
#'   `loglik` (without covariates, fitted), `df`, `n`, `nevent` (rows known to have progressed),
#'   `family`, `scale`, `extra` (terms of `shape`), `layout`, `strata`, `convergence` (`converged`,
#'   `iterations`, `gradient` in standard errors, `message`), `death` (only where it is given:
#'   `method`, deaths `before` and `after` progression was seen, and with `"illness_death"`
#'   `hazards`, the fits `before` and `after`; `y`, the deaths; `coefficients` and `var` of all
#'   three hazards;
#'   `nodes`: the last doubling's `change` of the log likelihood and the `most` doublings of a row;
#'   the log likelihood and its `df` are those of all three), and what is as in a linear model:
#'   `call`, `formula`, `terms`, `xlevels`, `contrasts`, `assign`, `na.action`, `y`.
#' @references
#' Joly P, Commenges D, Helmer C, Letenneur L (2002). A penalized likelihood approach for an
#' illness-death model with interval-censored data: application to age-specific incidence of
#' dementia. *Biostatistics* 3, 433-443. \doi{10.1093/biostatistics/3.3.433}
#'
#' Kalbfleisch JD, Prentice RL (2002). *The Statistical Analysis of Failure Time Data*, 2nd ed.
#' Wiley. \doi{10.1002/9781118032985}
#'
#' Odell PM, Anderson KM, D'Agostino RB (1992). Maximum likelihood estimation for interval-censored
#' data using a Weibull-based accelerated failure time model. *Biometrics* 48, 951-959.
#' \doi{10.2307/2532360}
#' @seealso [sr_fit] for what can be asked of the fit.
#' @examples
#' # Relapse of breast cancer by hormonal therapy: how much longer does it take?
#' rotterdam <- survival::rotterdam
#' fit <- fit_ttp(Surv(rtime, recur) ~ hormon + nodes + age, rotterdam, family = "lognormal")
#' fit
#'
#' # Only the scans that bracket the relapse are known: every half year
#' scan <- 182.625
#' rotterdam$left <- scan * floor(rotterdam$rtime / scan)
#' rotterdam$right <- ifelse(rotterdam$recur == 1, rotterdam$left + scan, NA)
#' seen <- rotterdam[rotterdam$left > 0 | !is.na(rotterdam$right), ]
#' fit_ttp(
#'   Surv(left, right, type = "interval2") ~ hormon + nodes + age, seen, family = "lognormal"
#' )
#' @export
fit_ttp <- function(formula, data, family = "weibull", shape = NULL, scale = NULL, tvc = NULL,
                    entry = NULL, weights, subset, na.action, cluster, id, init, control = NULL,
                    robust, model = FALSE, death = NULL,
                    death_method = c("illness_death", "pfs", "last_scan"), ...) {
  call <- match.call()
  if (missing(formula)) stop_input("`formula` is missing, with no default.", arg = "formula")
  family <- ttp_family(family)
  asked <- list(
    family = family, scale = ttp_scale(scale, family),
    control = ttp_control(control, list(...), dot_names(...)),
    formulas = ttp_extra_formulas(shape, tvc, family), init = if (!missing(init)) init,
    firth = FALSE, method = "",
    robust = if (!missing(robust) && !is.null(robust)) check_flag(robust, "robust"),
    death = ttp_death_asked(death_method, !is.null(call[["death"]]))
  )
  request <- cox_request(
    call, formula, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action)),
    keep_frame = check_flag(model, "model")
  )
  request <- interval_request(request)
  request$variables <- unlist(lapply(asked$formulas, all.vars), use.names = FALSE)
  if (!is.null(asked$death)) request <- ttp_death_request(request, asked$death)
  frame <- cox_frame(request)
  found <- ttp_extra(asked$formulas, family, frame, request)
  if (!is.null(tvc)) check_tvc_effects(found$extra, found$frame)
  frame <- check_ttp_frame(found$frame, asked)
  if (!is.null(asked$death$paths)) return(fit_illness(frame, found$extra, asked, request))
  estimate <- estimate_ttp(frame, found$extra, asked)
  close_ttp(estimate, frame, found$extra, asked, request)
}

check_ttp_frame <- function(frame, asked) {
  check_weights(frame$weights, FALSE, frame$row_names)
  check_offset(frame$offset, frame$row_names)
  if (!isTRUE(frame$is_fast)) check_finite(frame)
  if (!is.null(asked$death)) frame <- settle_death(frame, asked)
  check_changing_covariates(frame, asked$scale)
  frame$times <- ttp_times(frame$y, frame$mf[["(entry)"]], frame$row_names)
  frame$is_event <- frame$times$kind >= 1L & frame$times$kind <= 3L
  if (!any(frame$is_event)) {
    stop_input(c(
      "There must be an event.", x = sprintf("All %d rows are right-censored.", frame$n),
      i = "Check the status: 1, TRUE or the larger code is the event."
    ), arg = "formula")
  }
  check_strata_events(frame)
  check_baseline_information(frame, asked$family)
  frame
}

# A stratum without an event says nothing of its own baseline.
check_strata_events <- function(frame) {
  if (is.null(frame$stratum)) return(invisible())
  events <- tabulate(frame$stratum[frame$is_event] + 1L, length(frame$strata_levels))
  empty <- frame$strata_levels[events == 0L]
  if (length(empty) == 0L) return(invisible())
  stop_input(c(
    "Every stratum needs an event: it has a baseline of its own.",
    x = sprintf("There is none in %s.", format_names(empty)),
    i = "Merge these levels with others, or use the variable as a covariate."
  ), arg = "formula")
}

# --- the fit --------------------------------------------------------------------------------------

#' The maximum of the likelihood
#'
#' First the baseline alone, from the family's starting values; the effects then start from 0.
#' @returns list(fit, null, layout, family (as the data completed it), map, log_unit, bundle,
#'   hazard)
#' @noRd
estimate_ttp <- function(frame, extra, asked) {
  times <- frame$times
  log_unit <- asked$log_unit %||% ttp_log_unit(times)
  family <- asked$family
  if (!is.null(family$prepare)) family <- family$prepare(family, times, frame)
  layout <- ttp_layout(frame, family, extra)
  if (!is.null(family$penalty) && layout$n_extra > 0L) {
    stop_unsupported(c(
      "A smooth hazard has no covariates of its own parameters.",
      i = "Use `strata()` for hazards of different shape, or `ttp_spline()` with `tvc`."
    ), arg = "shape")
  }
  unit <- family$unit(family, log_unit)
  if (layout$n_extra > 0L && any(unit$A[row(unit$A) != col(unit$A)] != 0)) {
    log_unit <- 0
    unit <- family$unit(family, log_unit)
  }
  hazard <- ttp_hazard(unit$family, asked$scale)
  map <- ttp_unit_map(layout, unit)
  bundle <- ttp_bundle(frame, times, extra, log_unit)
  inner <- inner_ttp(frame, extra, asked, family, layout)
  null <- fit_ttp_null(bundle, hazard, unit$family, times, frame, log_unit, asked, inner$null)
  start <- c(numeric(layout$p), null$coefficients, numeric(layout$n_extra))
  if (!is.null(asked$init)) start <- ttp_init(asked$init, layout, map)
  fixed <- c(
    aliased_columns(bundle[[1L]], frame), logical(length(null$coefficients)),
    unlist(lapply(unique(layout$slot), function(slot) {
      aliased_columns(extra$x[layout$slot == slot], frame)
    }))
  )
  fit <- if (layout$p + layout$n_extra == 0L && is.null(asked$init)) {
    null
  } else {
    run_ttp_from(asked$init, bundle, hazard, start, fixed, asked$control, unit$family, layout)
  }
  if (!is.null(inner) && layout$p > 0L) {
    fit <- better_ttp(fit, run_ttp(bundle, hazard, inner$fit, fixed, asked$control, unit$family))
  }
  fit$aliased <- fixed
  fit$bread <- fit$var
  if (!is.null(fit$smooth)) fit$var <- smooth_variance(fit, unit$family)
  list(
    fit = fit, null = null, layout = layout, family = family, map = map, log_unit = log_unit,
    bundle = bundle, hazard = hazard, has_init = !is.null(asked$init)
  )
}

# The user's starting values in C's unit
ttp_init <- function(init, layout, map) {
  P <- length(layout$names)
  if (!is.numeric(init) || length(init) != P || !all(is.finite(init))) {
    stop_input(c(
      sprintf("`init` must be %d finite numbers: %s.", P, format_names(layout$names, show = 12L)),
      x = sprintf("Found %s.", describe(init))
    ), arg = "init")
  }
  solve(map$J, as.double(init) - map$b)
}

# --- the object -----------------------------------------------------------------------------------

close_ttp <- function(estimate, frame, extra, asked, request) {
  layout <- estimate$layout
  map <- estimate$map
  fit <- estimate$fit
  # the density of an exact time is per unit of time
  moved <- -estimate$log_unit * sum((frame$weights %||% rep.int(1, frame$n))[
    frame$times$kind == ttp_kinds[["exact"]]
  ])
  coef <- drop(map$J %*% fit$coefficients) + map$b
  names(coef) <- layout$names
  var <- map$J %*% fit$var %*% t(map$J)
  plan <- robust_plan(frame, asked)
  naive <- NULL
  if (plan$robust) {
    naive <- var
    var <- map$J %*% ttp_sandwich(estimate, frame, plan$cluster) %*% t(map$J)
  }
  dimnames(var) <- list(layout$names, layout$names)
  if (!is.null(naive)) dimnames(naive) <- dimnames(var)
  if (!is.null(fit$smooth)) {
    if (plan$robust) fit$smooth$variance <- "robust"
    fit$smooth$bread <- map$J %*% fit$bread %*% t(map$J)
    dimnames(fit$smooth$bread) <- dimnames(var)
  }
  coef[fit$aliased] <- NA
  new_sr_fit(
    list(
      coefficients = coef, effects = seq_len(layout$p), var = var, naive.var = naive,
      loglik = c(estimate$null$loglik[[2L]], fit$loglik[[2L]]) + moved,
      df = fit$smooth$edf %||% sum(!fit$aliased),
      df_null = estimate$null$smooth$edf %||% (layout$n_stratum * layout$K),
      is_penalised = if (!is.null(fit$smooth)) TRUE, smooth = fit$smooth,
      nevent = sum(frame$is_event),
      title = paste0(
        ttp_title(estimate$family, asked$scale, fit$smooth), ttp_remark(estimate),
        death_title(frame$death)
      ),
      ratio = scale_words[[asked$scale]]$ratio,
      family = estimate$family, scale = asked$scale, extra = extra$parts, layout = layout,
      strata = ttp_strata(frame), convergence = ttp_convergence(estimate, asked$control),
      death = frame$death[c("method", "before", "after")]
    ),
    "sr_ttp", frame, request
  )
}

ttp_title <- function(family, scale, smooth = NULL) {
  paste0(
    sprintf("%s model, effects on the %s", capitalised(family$label), scale_words[[scale]]$of),
    if (!is.null(smooth)) {
      sprintf(
        "; %s effective parameters of the baseline (%s), %s variance",
        format(round(smooth$edf_baseline, 1L), nsmall = 1L),
        c(reml = "by restricted likelihood", lcv = "by cross-validation",
          given = "lambda given")[[smooth$criterion]],
        smooth$variance
      )
    }
  )
}

capitalised <- function(text) paste0(toupper(substr(text, 1L, 1L)), substring(text, 2L))

ttp_strata <- function(frame) {
  if (is.null(frame$stratum)) return(NULL)
  k <- length(frame$strata_levels)
  list(
    level = frame$strata_levels, n = tabulate(frame$stratum + 1L, k),
    events = tabulate(frame$stratum[frame$is_event] + 1L, k)
  )
}

# --- rows -----------------------------------------------------------------------------------------

#' From derivatives in (eta, theta) to derivatives in the coefficients
#'
#' @param slope n x (1 + K).
#' @param parts list(x (matrix), stratum (from 0, or NULL), extra (matrix)).
#' @returns n x P.
#' @noRd
ttp_chain <- function(slope, parts, layout) {
  n <- nrow(slope)
  K <- layout$K
  out <- matrix(0, n, length(layout$names))
  if (layout$p > 0L) out[, seq_len(layout$p)] <- slope[, 1L] * parts$x
  stratum <- parts$stratum %||% integer(n)
  for (k in seq_len(K)) {
    out[cbind(seq_len(n), layout$p + stratum * K + k)] <- slope[, k + 1L]
  }
  at_extra <- layout$p + layout$n_stratum * K
  for (e in seq_len(layout$n_extra)) {
    out[, at_extra + e] <- slope[, layout$slot[[e]] + 1L] * parts$extra[, e]
  }
  out
}

# x as a matrix, stratum, columns of the extra covariates, from C's bundle
ttp_bundle_parts <- function(bundle, n) {
  as_columns <- function(x) {
    if (is.null(x)) return(NULL)
    if (is.matrix(x)) x else matrix(unlist(x, use.names = FALSE), n)
  }
  list(x = as_columns(bundle[[1L]]), stratum = bundle[[4L]], extra = as_columns(bundle[[6L]]))
}

# Sum over clusters of their scores, squared, between two variances; in C's unit.
ttp_sandwich <- function(estimate, frame, cluster) {
  rows <- .Call(C_ttp_rows, estimate$bundle, estimate$hazard, estimate$fit$coefficients)
  score <- ttp_chain(rows$score, ttp_bundle_parts(estimate$bundle, frame$n), estimate$layout)
  score <- score * (frame$weights %||% 1)
  if (anyDuplicated(cluster)) score <- rowsum(score, cluster, reorder = FALSE)
  estimate$fit$bread %*% crossprod(score) %*% estimate$fit$bread
}

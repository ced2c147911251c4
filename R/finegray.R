#' Does this covariate change the share that ever has the event, when other events compete?
#'
#' Fits Fine and Gray's proportional hazards model for the subdistribution: the effect of covariates
#' on the cumulative incidence of one kind of event, where another (such as death) can come first.
#' It gives the numbers of [survival::finegray()] followed by [survival::coxph()], without the
#' expanded data set and many times faster, and by default the variance of [cmprsk::crr()].
#'
#' @inheritSection absolute_risk Which question each answers
#'
#' @section Which question it answers:
#' A coefficient here is an effect on the *share* of patients that have the event by a given time,
#' in a world where the other events happen as they do. A covariate can raise that share because it
#' raises the hazard of the event, or because it lowers the hazard of the competing one. For the
#' first alone, an effect on the rate among those who are still free of both, fit the
#' cause-specific hazard: [fit_cox()] with other events as censored.
#'
#' @section The estimator:
#' Subjects with a competing event at \eqn{T_i} stay in the risk set of a later event time
#' \eqn{t} with the weight
#' \deqn{\omega_i(t) = \frac{G(t-) H(t-)}{G(T_i-) H(T_i-)}}{G(t-) H(t-) / (G(T_i-) H(T_i-))}
#' where \eqn{G} is the survivor function of the time to censoring (an event comes before a
#' censoring at the same time) and \eqn{H} the distribution function of the time of entry, 1 where
#' nobody enters late (Geskus 2011). With these weights the log partial likelihood is that of
#' [fit_cox()]:
#' \deqn{\sum_i w_i \delta_i (x_i'\beta + o_i) - \sum_k d_k \log \sum_j \omega_j(t_k) r_j}{
#' sum_i w_i delta_i (x_i'b + o_i) - sum_k d_k log sum_j omega_j(t_k) r_j}
#' It is maximised by Newton's method. As the weights are estimated, it is no likelihood in the full
#' sense: there is no likelihood-ratio test.
#'
#' @section Which censoring distribution is used:
#' * `~ 1`: one product-limit (Kaplan-Meier) estimate for all.
#' * Only factors, strings, logicals or `strata()`, such as `~ arm` or `~ arm + site`: a
#'   product-limit estimate in each combination of their values.
#' * With a numeric variable, such as `~ age` or `~ age + arm + strata(site)`: a Cox model for the
#'   time to censoring with Breslow's baseline, one for each stratum of `strata()`. Each subject
#'   then has its own \eqn{G_i}. The cost grows with the number of event times times that of
#'   distinct hazard ratios of censoring: when most subjects have their own, it is quadratic in the
#'   number of rows, where the other two are linear as long as there are few groups.
#'
#' The entry distribution \eqn{H} is a product-limit estimate in each group. As in
#' [survival::finegray()], case weights do not enter \eqn{G} and \eqn{H} unless
#' `weighted_censoring = TRUE`.
#'
#' @section The variance:
#' * `"finegray"` (the default): the sandwich of Fine and Gray (1999), with the term for the
#'   estimated censoring (and entry) distribution; also with groups, a Cox model, and clusters.
#' * `"robust"`: the sandwich that takes the weights as known, as `coxph(cluster = )` does on the
#'   rows of `finegray()`.
#' * `"model"`: the inverse of the information, as `coxph()` gives it for these rows.
#'
#' @param formula a formula whose response is [survival::Surv()] of a time and a factor:
#'   `Surv(time, status)`, or with late entry `Surv(entry, exit, status)`, one row a subject. The
#'   first level of the factor means censored, each other level is a kind of event.
#'   [survival::strata()] (own baselines), [survival::cluster()] and `offset()` are understood.
#' @param data,weights,subset,na.action,init,singular.ok,model see [fit_cox()].
#' @param cause the level of the status that is of interest; default: the first kind of event.
#' @param censoring a formula without a left side: what the censoring distribution may depend on.
#' @param ties how tied events are treated: `"breslow"` or `"efron"`.
#' @param strata a variable whose values have their own baselines; the same as `strata()` in the
#'   formula.
#' @param cluster which group of correlated subjects a row belongs to, for the robust variance.
#' @param id which subject a row belongs to; only checked, as a subject has one row.
#' @param variance which variance of the coefficients: see below.
#' @param weighted_censoring `TRUE`: case weights count in the censoring distribution as well, so
#'   that a weight of 2 stands for the row twice.
#' @param control a list as [survival::coxph.control()] gives.
#' @param ... parts of the control, such as `eps = 1e-10`.
#'
#' @returns An object of class `c("sr_finegray", "sr_fit")`; see [sr_fit] for the components that
#'   all fits share. Its own are
#'   \item{var, naive.var}{the variance that was asked for, and beside it the inverse information}
#'   \item{loglik}{log pseudo-likelihood without covariates and at the estimate}
#'   \item{score}{gradient at the estimate;}
#'   \item{linear.predictors}{\eqn{x_i'\beta + o_i}{x_i'b + o_i}, not centred}
#'   \item{residuals}{martingale residuals, with the weighted time after a competing event}
#'   \item{n, nevent, n_competing}{rows, events of the cause, competing events}
#'   \item{baseline}{list: `time`, `cumhaz` (cumulative subdistribution hazard where the linear
#'     predictor is 0) and, with strata, `stratum` (from 0)}
#'   \item{horizon}{the last time at which anybody was under observation, in each stratum}
#'   \item{cause, states, ties, variance}{as used}
#'   \item{censoring}{list: `kind` (`"km"` or `"cox"`), `formula`, `level` of the groups, `group`
#'     of each row, with `"cox"` the `coefficients`, their `var`, the columns `z` and the hazard
#'     `ratio` of each row}
#' @references
#' Fine JP, Gray RJ (1999). A proportional hazards model for the subdistribution of a competing
#' risk. *Journal of the American Statistical Association* 94, 496-509.
#' \doi{10.1080/01621459.1999.10474144}
#'
#' Geskus RB (2011). Cause-specific cumulative incidence estimation and the Fine and Gray model
#' under both left truncation and right censoring. *Biometrics* 67, 39-49.
#' \doi{10.1111/j.1541-0420.2010.01420.x}
#'
#' Kawaguchi ES, Shen JI, Suchard MA, Li G (2021). Scalable algorithms for large competing risks
#' data. *Journal of Computational and Graphical Statistics* 30, 685-693.
#' \doi{10.1080/10618600.2020.1841650}
#' @seealso [fit_cox()] for cause-specific hazards, [fit_cif()] for curves by group,
#'   [absolute_risk()] for the risks of a patient.
#' @examples
#' # Relapse of breast cancer, where death without relapse competes
#' rotterdam <- survival::rotterdam
#' rotterdam$first <- with(rotterdam, factor(
#'   ifelse(recur == 1, 1, ifelse(death == 1, 2, 0)), 0:2, c("none", "relapse", "death")
#' ))
#' rotterdam$time <- with(rotterdam, ifelse(recur == 1, rtime, dtime)) / 365.25
#' fit <- fit_finegray(Surv(time, first) ~ age + nodes + hormon, rotterdam, cause = "relapse")
#' fit
#'
#' # Age lowers the share that relapses because the old die first
#' coef(fit_cox(Surv(time, first == "relapse") ~ age + nodes + hormon, rotterdam))
#' @export
fit_finegray <- function(formula, data, cause = NULL, censoring = ~ 1,
                         ties = c("breslow", "efron"), weights, subset, na.action, strata, cluster,
                         id, variance = c("finegray", "robust", "model"),
                         weighted_censoring = FALSE, init, control, singular.ok = TRUE,
                         model = FALSE, ...) {
  call <- match.call()
  if (missing(formula)) stop_input("`formula` is missing, with no default.", arg = "formula")
  check_censoring(censoring)
  check_finegray_dots(...names())
  asked <- list(
    method = choose_one(ties, c("breslow", "efron"), "ties"),
    variance = choose_one(variance, c("finegray", "robust", "model"), "variance"),
    control = cox_control(if (!missing(control)) control, list(...)),
    weighted_censoring = check_flag(weighted_censoring, "weighted_censoring"),
    singular.ok = check_flag(singular.ok, "singular.ok"), firth = FALSE,
    init = if (!missing(init)) init, nocenter = numeric()
  )
  request <- finegray_request(
    call, formula, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action)),
    keep_frame = check_flag(model, "model"), censoring
  )
  frame <- cox_frame(request)
  cause <- check_cause(cause, frame$y)
  frame <- check_finegray_frame(frame, asked, cause)
  asked$variance <- finegray_variance_kind(asked$variance, frame, !missing(variance))
  censoring <- finegray_censoring(censoring, frame)
  estimate <- finegray_estimate(frame, cause, censoring, asked)
  finegray_close(estimate, frame, cause, asked, request, call)
}

# --- before the fit -------------------------------------------------------------------------------

check_finegray_dots <- function(given) {
  known <- names(default_control())
  unknown <- given[is.na(pmatch(given, known))]
  if (length(unknown) == 0L) return(invisible())
  shown <- ifelse(nzchar(unknown), paste0("`", unknown, "`"), "one without a name")
  stop_input(c(
    sprintf("`fit_finegray()` has no argument %s.", paste(shown, collapse = ", ")),
    i = if ("entry" %in% unknown) "Late entry goes into the response: `Surv(entry, exit, status)`.",
    i = if ("offset" %in% unknown) "Put an offset in the formula: `+ offset(z)`.",
    i = sprintf("`...` takes parts of the control: %s.", paste(known, collapse = ", "))
  ), arg = "...")
}

check_finegray_frame <- function(frame, asked, cause) {
  check_times(frame$y, frame$row_names)
  check_weights(frame$weights, FALSE, frame$row_names)
  check_offset(frame$offset, frame$row_names)
  if (!isTRUE(frame$is_fast)) check_finite(frame)
  check_one_row(frame)
  frame$init <- check_init(asked$init, frame)
  frame$count <- finegray_counts(frame, cause)
  frame$count$rows <- frame$count$n
  if (sum(frame$count$events) == 0) stop_no_cause(cause, frame$y)
  frame
}

check_one_row <- function(frame) {
  rows <- which(duplicated(frame$id))
  if (length(rows) == 0L) return(invisible())
  rows <- row_labels(frame$row_names, rows)
  stop_unsupported(c(
    "`fit_finegray()` takes one row a subject: covariates may not change with time.",
    x = sprintf("`id` repeats in %s.", format_rows(rows)),
    i = "For subjects that resemble each other, use `cluster`."
  ), arg = "id")
}

finegray_variance_kind <- function(kind, frame, is_given) {
  if (kind == "model" && !is.null(frame$cluster)) {
    stop_input(c(
      "`variance = \"model\"` takes no account of `cluster`.",
      i = "Use `variance = \"finegray\"` or \"robust\"."
    ), arg = "variance")
  }
  kind
}

# --- the fit --------------------------------------------------------------------------------------

finegray_estimate <- function(frame, cause, censoring, asked) {
  weights <- as_double(frame$weights)
  g_weights <- if (asked$weighted_censoring) weights
  if (censoring$kind == "cox") {
    censoring <- finegray_cox_censoring(censoring, frame$y, g_weights, asked$control)
  }
  p <- length(frame$x_names)
  data <- cox_data(
    if (p > 0L) frame$x, frame$y, frame$stratum, weights, as_double(frame$offset)
  )
  spec <- finegray_spec(cause, censoring, g_weights)
  control <- finegray_control(asked$method, asked$control)
  has_extra <- censoring$kind == "cox" && asked$variance == "finegray" && p > 0L
  robust <- finegray_robust(if (has_extra) "model" else asked$variance, frame$cluster)
  fit <- finegray_newton(data, spec, control, frame$init, robust)
  if (is.double(fit)) stop_finegray_row(fit, frame)
  if (has_extra) {
    again <- list(
      data = data, spec = spec, still = replace(control, 2L, 0), coef = fit$coefficients,
      censoring = censoring, y = frame$y, asked = asked$control
    )
    robust <- finegray_robust("finegray", frame$cluster, finegray_cox_extra(again))
    fit$robust <- finegray_newton(data, spec, again$still, fit$coefficients, robust)$robust
  }
  if (!is.null(frame$init)) {
    data[1L] <- list(NULL)
    fit$loglik[[1L]] <- finegray_newton(data, spec, control, NULL)$loglik[[1L]]
  }
  fit$censoring <- censoring
  fit
}

# C tells a row: positive, its weight is not defined; negative, its interval is too short.
stop_finegray_row <- function(row, frame) {
  if (row < 0) stop_interval(frame)
  label <- row_labels(frame$row_names, row)
  stop_input(c(
    "After a competing event, somebody who entered before it must be under observation whenever
     others enter: else nothing tells how many entered before.",
    x = sprintf("That is not so after %s.", format_rows(label)),
    i = "Leave out such early rows with `subset`, or start the clock later."
  ), arg = "formula", rows = label)
}

finegray_close <- function(estimate, frame, cause, asked, request, call) {
  coefficients <- estimate$coefficients
  is_lost <- is_aliased(estimate)
  coefficients[is_lost] <- NA
  names(coefficients) <- frame$x_names
  names <- list(frame$x_names, frame$x_names)
  naive <- structure(estimate$var, dimnames = names)
  is_robust <- !is.null(estimate$robust)
  y <- frame$y
  states <- attr(y, "states")
  count <- frame$count
  frame$call <- call
  parts <- list(
    coefficients = coefficients,
    var = if (is_robust) structure(estimate$robust, dimnames = names) else naive,
    naive.var = if (is_robust) naive, loglik = estimate$loglik,
    nevent = sum(count$events), n_competing = sum(count$competing),
    title = sprintf("Fine-Gray model, subdistribution hazard of \"%s\"", states[[cause]]),
    ratio = "subdistribution hazard ratios", is_pseudo = TRUE, score = estimate$score,
    linear.predictors = estimate$linear.predictors, residuals = estimate$residuals,
    cause = states[[cause]], states = states, ties = asked$method, variance = asked$variance,
    strata = if (!is.null(frame$stratum)) count[c("level", "n", "events", "competing")],
    censoring = estimate$censoring[
      intersect(c("kind", "formula", "level", "group", "coefficients", "ratio", "var", "z"),
                names(estimate$censoring))
    ],
    baseline = finegray_baseline(estimate, frame$strata_levels), horizon = count$horizon,
    weighted_censoring = asked$weighted_censoring, control = asked$control,
    convergence = finegray_convergence(estimate, frame, cause, asked)
  )
  refuse_unestimable(parts, estimate, character(), frame, asked)
  new_sr_fit(parts, "sr_finegray", frame, request)
}

# Has the search ended at a maximum, and is there one?
finegray_convergence <- function(estimate, frame, cause, asked) {
  names(estimate$coefficients) <- frame$x_names
  infinite <- find_infinite(estimate, estimate, frame, asked)
  if (length(infinite) > 0L) { # explain_infinite() wants to know the events
    frame$y[, ncol(frame$y)] <- as.double(frame$y[, ncol(frame$y)] == cause)
  }
  has_steps <- length(frame$x_names) > 0L && asked$control$iter.max > 1L
  is_settled <- !has_steps || isTRUE(estimate$converged)
  list(
    converged = is_settled && length(infinite) == 0L, iterations = estimate$iter,
    gradient = max(0, abs(estimate$score) * sqrt(diag(estimate$var))),
    message = c(
      if (!is_settled) {
        sprintf(
          "Newton's method did not converge in %d iterations: raise `iter.max`, or look at the
           scale of the columns.", asked$control$iter.max
        )
      },
      if (length(infinite) > 0L) explain_infinite(infinite, estimate, frame)
    )
  )
}

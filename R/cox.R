#' Does this covariate change the hazard?
#'
#' Fits Cox's proportional hazards model, stratified or not, to right-censored or (start, stop]
#' data. It takes the arguments of [survival::coxph()], gives the same numbers, and returns an
#' object with which everything that works on a `coxph` works: `survfit()`, `anova()`, `predict()`,
#' `step()`, emmeans, broom, and so on. It is many times faster on large data.
#'
#' @section The likelihood:
#' With risks \eqn{r_i = w_i \exp(x_i'\beta + o_i)}{r_i = w_i exp(x_i'b + o_i)} the log partial
#' likelihood, summed over strata, is, for Breslow's treatment of tied events,
#' \deqn{\sum_i w_i \delta_i (x_i'\beta + o_i) - \sum_k d_k \log \sum_{j \in R_k} r_j}{
#' sum_i w_i delta_i (x_i'b + o_i) - sum_k d_k log sum_{j in R_k} r_j}
#' with \eqn{d_k} the weight of the events at time \eqn{t_k} and \eqn{R_k} the rows with
#' `start < t_k <= stop`. Efron's (the default) lets the tied events leave the risk set one mean
#' event at a time, which is closer to the exact likelihood. `ties = "exact"` conditions on the
#' number of events at each time, as in conditional logistic regression. Newton's method finds the
#' maximum.
#'
#' @section Rows that are left out:
#' Rows with missing values go as `na.action` says, and `print()` tells how many and in which
#' variables. Infinite covariates, NaN, and weights that are not positive are errors. Rows of a
#' `Surv()` call in the formula that it cannot use (a stop before its start, a status that is
#' neither 0 nor 1) are named in a warning and treated as missing.
#'
#' @section A coefficient without a maximum:
#' When all events fall into one group, the likelihood has no maximum: it grows as the coefficient
#' goes to infinity. Such coefficients are named in a warning, by `print()`, and in
#' `fit$sr$infinite`. `firth = TRUE` maximises the likelihood with Jeffreys' penalty instead, and is
#' finite.
#'
#' @param formula a formula with a [survival::Surv()] response, right-censored or (start, stop].
#'   [survival::strata()], [survival::cluster()] and `offset()` are understood, with or without
#'   `survival::`.
#' @param data a data frame, a list or an environment in which to find the variables; without it
#'   they are sought where the formula was made.
#' @param weights case weights, positive, one a row: 2 stands for the row twice.
#' @param subset which rows to use.
#' @param na.action what to do with missing values: a function, or its name. Default: the option
#'   `na.action`, as a rule [stats::na.omit()]. [stats::na.exclude()] pads residuals and
#'   predictions.
#' @param init starting values, one a coefficient; default 0.
#' @param control a list as [survival::coxph.control()] gives.
#' @param ties how tied events are treated: `"efron"`, `"breslow"` or `"exact"`.
#' @param singular.ok `FALSE`: columns that others determine are an error; `TRUE` (the default):
#'   their coefficients are NA.
#' @param robust `TRUE` for the robust (sandwich) variance. Default: when there is a `cluster`, when
#'   weights are not whole numbers, or when an `id` has several events.
#' @param model,x,y `TRUE` keeps the model frame, the model matrix, the response in the fit.
#' @param tt,istate,statedata not available here: an error that names what to use.
#' @param method the same as `ties`.
#' @param id which subject a row belongs to, for (start, stop] data.
#' @param cluster which group of correlated rows a row belongs to, for the robust variance.
#' @param nocenter columns whose values are all among these are not centred.
#' @param ... parts of the control, such as `eps = 1e-10`.
#' @param firth `TRUE` for Firth's penalised likelihood, finite even when a group has no event.
#'
#' @returns An object of class `c("sr_cox", "coxph")`, for a model without coefficients
#'   `c("sr_cox", "coxph.null", "coxph")`. It has the components of [survival::coxph.object]:
#'   `coefficients`, `var` (and `naive.var` beside a robust one), `loglik` (at the start, at the
#'   estimate), `score` and `wald.test` (and `rscore`), `iter`, `linear.predictors`, `residuals`
#'   (martingale), `means`, `method`, `n`, `nevent`, `n.id`, `terms`, `assign`, `concordance`,
#'   `na.action`, `y` (and `model`, `x`, `strata`, `offset` when asked), `timefix`, `weights`,
#'   `formula`, `xlevels`, `contrasts`, `call`; (start, stop] fits also `first` (the gradient at the
#'   estimate) and `info`. The last component, `sr`, is a list of this package's own:
#'   \item{firth}{was the likelihood penalised?}
#'   \item{converged}{did Newton's method converge?}
#'   \item{infinite}{names of the coefficients for which the likelihood has no maximum}
#'   \item{n_merged, n_distinct}{distinct times that were merged with a neighbour (see `timefix` of
#'     [survival::coxph.control()]), of how many}
#'   \item{na_columns}{in how many rows each variable is missing}
#'   \item{strata}{`level`, `n` and `events` of each stratum}
#' @seealso [fit_cox_xy()] for simulation loops, [as_coxph()], [survival::coxph()].
#' @references
#' Cox DR (1972). Regression models and life-tables. *Journal of the Royal Statistical Society B*
#' 34, 187-220. \doi{10.1111/j.2517-6161.1972.tb00899.x}
#'
#' Breslow N (1974). Covariance analysis of censored survival data. *Biometrics* 30, 89-99.
#' \doi{10.2307/2529620}
#'
#' Efron B (1977). The efficiency of Cox's likelihood function for censored data. *Journal of the
#' American Statistical Association* 72, 557-565. \doi{10.1080/01621459.1977.10480613}
#'
#' Therneau TM, Grambsch PM (2000). *Modeling Survival Data: Extending the Cox Model*. Springer.
#' \doi{10.1007/978-1-4757-3294-8}
#' @examples
#' # Does hormonal therapy change the hazard of recurrence, grade apart?
#' rotterdam <- survival::rotterdam
#' fit <- fit_cox(Surv(rtime, recur) ~ hormon + age + nodes + strata(grade), rotterdam)
#' fit
#' summary(fit)
#'
#' # One institution's patients resemble each other: robust variance
#' fit_cox(Surv(time, status) ~ age + sex + ph.ecog, survival::lung, cluster = inst)
#' @importFrom rlang %||%
#' @export
fit_cox <- function(formula, data, weights, subset, na.action, init, control,
                    ties = c("efron", "breslow", "exact"), singular.ok = TRUE, robust,
                    model = FALSE, x = FALSE, y = TRUE, tt, method = ties, id, cluster, istate,
                    statedata, nocenter = c(-1, 0, 1), ..., firth = FALSE) {
  ties <- choose_one(ties, c("efron", "breslow", "exact"), "ties")
  method <- choose_one(method, c("efron", "breslow", "exact"), "method")
  call <- match.call()
  for (arg in c("tt", "istate", "statedata")) if (!is.null(call[[arg]])) refuse_argument(arg)
  if (missing(formula)) stop_input("`formula` is missing, with no default.", arg = "formula")
  given <- if (...length() > 0L) names(substitute(list(...)))[-1L] %||% rep.int("", ...length())
  control <- cox_control(if (!missing(control)) control, list(...), given)
  request <- cox_request(
    call, formula, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action)),
    keep_frame = isTRUE(model) || isTRUE(x)
  )
  asked <- list(
    method = method, control = control, firth = check_flag(firth, "firth"),
    robust = if (!missing(robust) && !is.null(robust)) check_flag(robust, "robust"),
    init = if (!missing(init)) init, nocenter = nocenter,
    singular.ok = check_flag(singular.ok, "singular.ok"), model = check_flag(model, "model"),
    x = check_flag(x, "x"), y = check_flag(y, "y")
  )
  frame <- cox_frame(request)
  frame <- check_frame(frame, asked)
  if (sum_of_events(frame) == 0) return(fit_without_events(frame, asked))
  plan <- robust_plan(frame, asked)
  estimate <- estimate_cox(frame, asked)
  frame$y <- merge_times(frame$y, estimate$times)
  fit <- estimate_components(estimate, frame, asked)
  fit <- remaining_components(fit, estimate, frame, asked, plan)
  close_fit(fit, estimate, frame, asked)
}

# --- before the fit -------------------------------------------------------------------------------

cox_request <- function(call, formula, data, env, nafun, keep_frame) {
  check_formula(formula)
  check_data(data)
  if (inherits(formula, "terms")) formula <- stats::formula(formula)
  resolved <- resolve_survival_words(formula)
  refuse_words(resolved$called)
  formula <- resolved$formula
  if ("cluster" %in% resolved$called) {
    moved <- move_cluster_term(call, formula, data)
    call <- moved$call
    formula <- moved$formula
  }
  list(
    call = call, formula = formula, data = data, env = env, nafun = nafun, keep_frame = keep_frame
  )
}

# Weights, offset and columns are sound; the offset is centred, which helps exp().
check_frame <- function(frame, asked) {
  is_exact <- asked$method == "exact"
  check_times(frame$y, frame$row_names)
  check_weights(frame$weights, is_exact, frame$row_names)
  check_offset(frame$offset, frame$row_names)
  if (!isTRUE(frame$is_fast)) check_finite(frame)
  frame$mean_offset <- 0
  if (!is.null(frame$offset) && all(frame$offset == 0)) frame$offset <- NULL
  if (!is.null(frame$offset)) {
    frame$mean_offset <- mean(frame$offset)
    frame$offset <- frame$offset - frame$mean_offset
  }
  frame$init <- check_init(asked$init, frame)
  frame$count <- .Call(
    C_frame_count, frame$y, frame$stratum, max(length(frame$strata_levels), 1L)
  )
  frame
}

sum_of_events <- function(frame) sum(frame$count$events)

# By which groups is the variance robust? NULL: it is not. `groups` is what the concordance gets.
robust_plan <- function(frame, asked) {
  cluster <- frame$cluster
  id <- frame$id
  robust <- asked$robust
  if (is.null(robust)) {
    is_fractional <- !is.null(frame$weights) && !asked$firth &&
      any(frame$weights != floor(frame$weights))
    robust <- !is.null(cluster) || is_fractional ||
      (!is.null(id) && anyDuplicated(id[is_event(frame$y)]) > 0L)
  }
  if (!robust) {
    if (!is.null(cluster)) {
      warn_user(c(
        "`robust = FALSE`: the variance takes no account of `cluster`.",
        i = "Leave `robust` out for the robust variance."
      ), class = "survresist_warning_robust")
    }
    return(list(robust = FALSE, cluster = cluster))
  }
  if (asked$firth || asked$method == "exact") {
    stop_unsupported(c(
      sprintf(
        "There is no robust variance with `%s`.",
        if (asked$firth) "firth = TRUE" else 'ties = "exact"'
      ),
      i = "Use `robust = FALSE`, or `bootstrap()` the fit."
    ), arg = "robust")
  }
  if (is.null(cluster)) {
    if (!is.null(id)) {
      cluster <- group_numbers(id) + 1L
    } else if (identical(attr(frame$y, "type"), "counting") && !is.null(asked$robust)) {
      stop_input(c(
        "A robust variance of (start, stop] data needs to know the subjects.",
        i = "Give `cluster` or `id`."
      ), arg = "robust")
    } else {
      cluster <- seq_len(frame$n)
    }
  } else {
    cluster <- group_numbers(cluster) + 1L
  }
  list(robust = TRUE, cluster = cluster)
}

is_event <- function(y) y[, ncol(y)] == 1

# --- the fit --------------------------------------------------------------------------------------

time_tolerance <- sqrt(.Machine$double.eps)

estimate_cox <- function(frame, asked) {
  control <- asked$control
  tolerance <- if (control$timefix) time_tolerance else 0
  is_centred <- columns_centred(frame, asked$nocenter)
  x <- if (length(frame$x_names) > 0L) frame$x
  is_newton <- !asked$firth && asked$method != "exact"
  if (asked$firth && asked$method == "exact") {
    stop_unsupported(c(
      "Firth's penalty is not available for the exact likelihood.", i = 'Use `ties = "efron"`.'
    ), arg = "firth")
  }
  y <- frame$y
  if (!is_newton && tolerance > 0) y <- merge_close_times(y)
  data <- cox_data(x, y, frame$stratum, as_double(frame$weights), as_double(frame$offset))
  fit <- tryCatch(
    if (is_newton || asked$firth && is.null(x)) {
      if (!is_newton) tolerance <- 0
      cox_newton(data, asked$method, frame$init, control, is_centred, tolerance)
    } else if (asked$firth) {
      cox_firth_tested(data, asked$method, frame$init, control, is_centred)
    } else if (is.null(x)) {
      exact_null(data, control)
    } else {
      cox_exact(data, frame$init, control, is_centred)
    },
    survresist_error_interval = function(e) stop_interval(frame)
  )
  if (!is_newton && !identical(y, frame$y)) {
    fit$times <- moved_times(y, frame$y)
  }
  fit$data <- data
  warn_merged(fit)
  fit
}

# A model without columns: the exact likelihood of one column whose coefficient stays 0.
exact_null <- function(data, control) {
  fit <- cox_newton(data, "breslow", NULL, control, logical())
  data[[1L]] <- matrix(as.double(seq_len(nrow(data[[2L]]))))
  control$iter.max <- 0L
  fit$loglik <- cox_exact(data, NULL, control, TRUE)$loglik
  fit
}

columns_centred <- function(frame, nocenter) {
  if (length(frame$x_names) == 0L) return(logical())
  if (length(nocenter) == 0L) return(rep.int(TRUE, length(frame$x_names)))
  !.Call(C_frame_all_in, frame$x, as.double(nocenter), frame$n)
}

as_double <- function(x) if (is.null(x) || is.double(x)) x else as.double(x)

merge_close_times <- function(y) {
  tryCatch(survival::aeqSurv(y), error = function(e) stop_interval(list(y = y)))
}

# Which times differ between two responses, as cox_newton() tells it.
moved_times <- function(y, before) {
  columns <- if (ncol(y) == 3L) 1:2 else c(NA, 1L)
  lapply(columns, function(column) {
    if (is.na(column)) return(NULL)
    row <- which(y[, column] != before[, column])
    list(row, y[row, column])
  })
}

# The response with the times that Newton's routine merged; NULL: none were.
merge_times <- function(y, times) {
  if (is.null(times)) return(y)
  kept <- attributes(y)
  y <- unclass(y)
  stop <- ncol(y) - 1L
  y[times[[2L]][[1L]], stop] <- times[[2L]][[2L]]
  if (stop == 2L) y[times[[1L]][[1L]], 1L] <- times[[1L]][[2L]]
  attributes(y) <- kept
  y
}

stop_interval <- function(frame) {
  width <- frame$y[, 2L] - frame$y[, 1L]
  at <- utils::head(order(width), 3L)
  rows <- row_labels(rownames(frame$y), at)
  stop_input(c(
    "An interval (start, stop] is so short that both ends count as the same time.",
    x = sprintf("The shortest are %s.", format_rows(rows)),
    i = "Use a finer unit of time, or `timefix = FALSE`."
  ), arg = "formula", rows = rows)
}

warn_merged <- function(fit) {
  share <- if (is.null(fit$n_merged)) 0 else fit$n_merged / max(fit$n_distinct, 1)
  if (share <= 0.01) return(invisible())
  warn_user(c(
    sprintf(
      "%.0f of %.0f distinct times are so close to another that they count as tied with it.",
      fit$n_merged, fit$n_distinct
    ),
    i = "`timefix = FALSE` takes the times as they are; see `?survival::coxph.control`."
  ), class = "survresist_warning_merged")
}

methods::setOldClass(c("sr_cox", "coxph"))
methods::setOldClass(c("sr_cox", "coxph.null", "coxph"))

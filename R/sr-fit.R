# The class sr_fit: what every model other than Cox's returns, and the generics that they share.
#
# A fit is a list of class c("sr_<model>", "sr_fit") with
#   coefficients   named double on the scale of estimation; NA where aliased
#   effects        places among the coefficients of the columns of model.matrix(); NULL: all of
#                  them. The other coefficients describe the baseline.
#   var            p x p with names, 0 where aliased;  naive.var  beside a robust `var`
#   loglik         c(null, fitted); null: the same model without covariates, NA when not computed
#   df             parameters (may be a fraction);  df_null  those of the null model
#   n, nevent      rows, and events among them, weights not counted
#   title, ratio   "Weibull, effects on time";  what exp(effect) is, NULL where it is nothing
#   is_pseudo      TRUE: the likelihood has no likelihood-ratio test;  is_penalised  likewise
#   call, formula, terms, xlevels, contrasts, assign, weights, offset, na.action, na_columns, y,
#   model          as the frame gives them (cox-frame.R); model only when asked
#   arguments      further arguments of the call that are variables of the data
#   entry          that argument, where it is given
#   variables      with `model`: a data frame of the variables of the formulas as they are in the
#                  data, in the rows of the fit
#   strata         NULL or list(level, n, events)
#   convergence    list(converged, iterations, gradient, message): message NULL, or what is wrong
#                  and what to do, one string a matter
#
# A model adds what differs: `predict()` for its own types (NextMethod() for "link"), `residuals()`
# (type = "score": n x p, not weighted, is what sandwich needs), `profile_interval()`, `plot()`.

#' Close a fit: its class, and what the user must know of it
#'
#' @param parts the components of the fit that the model knows.
#' @param class the first class, `"sr_ttp"`.
#' @param frame from `cox_frame()`: gives the components that the parts do not have.
#' @param request from `cox_request()`; its `arguments` are kept.
#' @returns the fit; warns once of an estimate that has not converged, and of fewer events than
#'   parameters.
#' @noRd
new_sr_fit <- function(parts, class, frame, request) {
  given <- list(
    df = sum(!is.na(parts$coefficients)), n = frame$n, call = frame$call,
    formula = stats::formula(frame$terms), terms = frame$terms, xlevels = frame$xlevels,
    contrasts = frame$contrasts, assign = frame$assign, weights = frame$weights,
    offset = frame$offset, na.action = frame$na_action, na_columns = frame$na_columns,
    y = frame$y, model = if (isTRUE(request$keep_frame)) frame$mf,
    arguments = setdiff(request$arguments, frame_arguments), entry = frame$mf[["(entry)"]],
    variables = if (isTRUE(request$keep_frame)) raw_variables(request, frame)
  )
  parts <- c(parts, given[setdiff(names(given), names(parts))])
  fit <- structure(parts[!vapply(parts, is.null, NA)], class = c(class, "sr_fit"))
  warn_of_fit(fit)
  fit
}

# The variables that the formulas name, as they are in the data, in the rows that were used
raw_variables <- function(request, frame) {
  arguments <- as.list(request$call)[intersect(request$arguments, names(request$call))]
  names <- unique(c(
    all.vars(frame$terms), request$variables, unlist(lapply(arguments, all.vars))
  ))
  place <- request$data %||% environment(frame$terms)
  values <- lapply(stats::setNames(nm = names), function(name) {
    tryCatch(
      eval(as.name(name), place, environment(frame$terms)), error = function(e) NULL
    )
  })
  n <- if (is.data.frame(request$data)) nrow(request$data) else max(vapply(values, NROW, 0L))
  kept <- rows_in_subset(request$call, request$data, environment(frame$terms), n)
  if (length(frame$na_action) > 0L) kept <- kept[-as.integer(frame$na_action)]
  is_column <- vapply(values, function(value) {
    NROW(value) == n && (is.atomic(value) || is.data.frame(value))
  }, NA)
  if (length(kept) != frame$n) return(NULL)
  columns <- lapply(values[is_column], function(value) {
    if (is.null(dim(value))) value[kept] else value[kept, , drop = FALSE]
  })
  structure(columns, row.names = frame$row_names, class = "data.frame")
}

warn_of_fit <- function(fit) {
  if (!isTRUE(fit$convergence$converged)) {
    warn_user(
      c("The estimate has not converged.", bullets(fit$convergence$message)),
      class = "survresist_warning_convergence"
    )
  } else if (length(fit$convergence$message) > 0L) {
    message <- fit$convergence$message
    warn_user(c(message[[1L]], bullets(message[-1L])), class = "survresist_warning_estimate")
  }
  if (has_few_events(fit)) {
    warn_user(c(
      "There are fewer events than parameters.", x = few_events(fit),
      i = "Use fewer covariates or strata, or a family with fewer parameters."
    ), class = "survresist_warning_few_events")
  }
}

bullets <- function(text) stats::setNames(text, rep.int("x", length(text)))

has_few_events <- function(fit) isTRUE(fit$nevent < fit$df)

few_events <- function(fit) {
  sprintf("%s events, %s parameters.", format(fit$nevent), format_df(fit$df))
}

format_df <- function(df) format(round(df, 1), trim = TRUE)

# Places of the effects among the coefficients
effect_places <- function(fit) fit$effects %||% seq_along(fit$coefficients)

has_baseline <- function(fit) !is.null(fit$effects)

#' What can be asked of every fit?
#'
#' The methods that all models of this package but Cox's share: coefficients and their variance,
#' the likelihood and what follows from it, the data as the model saw them, and the linear
#' predictor. A fit of [fit_cox()] has the methods of [survival::coxph()] instead.
#'
#' @section Effects and baseline:
#' Coefficients are on the scale on which they were estimated, the effects of covariates and the
#' parameters of the baseline side by side. `model.matrix()` has the columns of the effects: no
#' intercept, which belongs to the baseline, and no strata.
#'
#' @param object,fit,x,formula a fit of class `sr_fit`.
#' @param complete `FALSE` leaves out coefficients that could not be estimated (aliased columns),
#'   which otherwise are NA, with variance 0, as survival has it.
#' @param scale not used.
#' @param k the price of a parameter: 2 for AIC.
#' @param data other data for the model frame or matrix.
#' @param newdata data to predict for; default: those of the fit.
#' @param type `"link"` (or `"lp"`): the linear predictor, the effects times their columns plus the
#'   offset; the models have more types of their own.
#' @param se.fit `TRUE` adds the standard error.
#' @param na.action what to do with rows of `newdata` in which a value is missing: a function.
#' @param ... for `model.frame()`: `data`, `subset`, `weights`, `na.action` in place of those of
#'   the fit. Else not used.
#' @returns `coef()` a named vector, `vcov()` a matrix (robust, if the fit is), `logLik()` an object
#'   with `df` and `nobs` (rows), `nobs()` the rows, `formula()` and `terms()` what they say,
#'   `extractAIC()` parameters and criterion, `model.frame()` the rows that were used,
#'   `model.matrix()` the columns with the attributes `assign` and `contrasts`, `predict()` a vector
#'   named by row, or with `se.fit` a list of `fit` and `se.fit`.
#' @seealso [confint.sr_fit()], [anova.sr_fit()], [summary.sr_fit()], [tidy.sr_fit()].
#' @name sr_fit
NULL

#' @rdname sr_fit
#' @exportS3Method stats::coef sr_fit
coef.sr_fit <- function(object, complete = TRUE, ...) {
  coef <- object$coefficients
  if (complete) coef else coef[!is.na(coef)]
}

#' @rdname sr_fit
#' @exportS3Method stats::vcov sr_fit
vcov.sr_fit <- function(object, complete = TRUE, ...) {
  named_variance(object$var, object$coefficients, complete)
}

named_variance <- function(var, coef, complete) {
  dimnames(var) <- list(names(coef), names(coef))
  if (complete) return(var)
  var[!is.na(coef), !is.na(coef), drop = FALSE]
}

#' @rdname sr_fit
#' @exportS3Method stats::logLik sr_fit
logLik.sr_fit <- function(object, ...) {
  structure(
    object$loglik[[length(object$loglik)]], df = object$df, nobs = stats::nobs(object),
    class = "logLik"
  )
}

#' @rdname sr_fit
#' @exportS3Method stats::nobs sr_fit
nobs.sr_fit <- function(object, ...) object$n

#' @rdname sr_fit
#' @exportS3Method stats::formula sr_fit
formula.sr_fit <- function(x, ...) stats::formula(x$terms)

#' @rdname sr_fit
#' @exportS3Method stats::terms sr_fit
terms.sr_fit <- function(x, ...) x$terms

#' @rdname sr_fit
#' @exportS3Method stats::extractAIC sr_fit
extractAIC.sr_fit <- function(fit, scale, k = 2, ...) {
  c(fit$df, -2 * as.numeric(stats::logLik(fit)) + k * fit$df)
}

# --- the data again -------------------------------------------------------------------------------

#' @rdname sr_fit
#' @exportS3Method stats::model.frame sr_fit
model.frame.sr_fit <- function(formula, ...) {
  fit <- formula
  given <- match.call(expand.dots = FALSE)[["..."]]
  given <- given[names(given) %in% c("data", "subset", "na.action", frame_arguments, fit$arguments)]
  is_value <- names(given) %in% c("data", "na.action")
  given[is_value] <- lapply(given[is_value], eval, parent.frame())
  if (length(given) == 0L && !is.null(fit$model)) return(fit$model)
  used <- c("formula", "data", "subset", frame_arguments, fit$arguments)
  call <- fit$call[c(1L, match(used, names(fit$call), nomatch = 0L))]
  call[[1L]] <- quote(stats::model.frame)
  call$formula <- fit$terms
  call$xlev <- fit$xlevels
  call$na.action <- quote(stats::na.pass)
  if (!is.null(given$data)) call$subset <- NULL
  call[names(given)] <- given
  mf <- eval(call, environment(fit$terms), parent.frame())
  left_out <- fit$na.action
  if (is.null(given$data) && is.null(given$subset) && length(left_out) > 0L) {
    mf <- mf[-left_out, , drop = FALSE]
    attr(mf, "na.action") <- left_out
  }
  mf
}

#' @rdname sr_fit
#' @exportS3Method stats::model.matrix sr_fit
model.matrix.sr_fit <- function(object, data = NULL, ...) {
  mf <- if (is.null(data)) {
    fit_frame(object)
  } else {
    cox_new_frame(object, data, TRUE, FALSE, stats::na.pass)
  }
  if (!is.null(data)) return(cox_new_matrix(object, mf))
  frame_matrix(object$terms, mf)
}

#' The rows and columns that a fit used, from its call
#'
#' @returns list(x, y, strata, stratum, weights, offset, cluster, id, mf) as in cox-frame.R; further
#'   arguments of the call are columns of `mf` by the name of `"(entry)"`.
#' @noRd
sr_rebuild <- function(fit) {
  mf <- fit_frame(fit)
  if (nrow(mf) != fit$n) stop_changed_data(fit, nrow(mf))
  strata <- frame_strata(fit$terms, mf)
  list(
    x = frame_matrix(fit$terms, mf), y = fit$y %||% stats::model.response(mf), strata = strata,
    stratum = if (!is.null(strata)) as.integer(strata) - 1L, weights = stats::model.weights(mf),
    offset = stats::model.offset(mf), cluster = mf[["(cluster)"]], id = mf[["(id)"]], mf = mf
  )
}

# --- the linear predictor -------------------------------------------------------------------------

#' @rdname sr_fit
#' @exportS3Method stats::predict sr_fit
predict.sr_fit <- function(object, newdata = NULL, type = "link", se.fit = FALSE,
                           na.action = stats::na.pass, ...) {
  type <- choose_one(type, c("link", "lp"), "type")
  check_no_dots(...)
  parts <- sr_new_parts(object, newdata, na.action = na.action, with_strata = FALSE)
  at <- effect_places(object)
  beta <- object$coefficients[at]
  beta[is.na(beta)] <- 0
  padded <- function(value) {
    names(value) <- parts$row_names
    if (is.null(newdata)) stats::naresid(object$na.action, value) else value
  }
  link <- padded(drop(parts$x %*% beta) + parts$offset)
  if (!check_flag(se.fit, "se.fit")) return(link)
  var <- object$var[at, at, drop = FALSE]
  list(fit = link, se.fit = padded(sqrt(pmax(rowSums((parts$x %*% var) * parts$x), 0))))
}

# The columns of the effects, offset (0 where there is none), and strata of newdata, or of the fit
sr_new_parts <- function(fit, newdata = NULL, na.action = stats::na.pass, with_strata = TRUE) {
  if (is.null(newdata)) {
    parts <- sr_rebuild(fit)
    return(list(
      x = parts$x, offset = parts$offset %||% 0, strata = parts$strata,
      row_names = row.names(parts$mf)
    ))
  }
  if (!is.data.frame(newdata)) {
    stop_input(c(
      "`newdata` must be a data frame.", x = sprintf("Found %s.", describe(newdata))
    ), arg = "newdata")
  }
  strata <- cox_strata_terms(fit)
  with_strata <- !is.null(strata) && (with_strata || strata$is_interacting)
  frame <- cox_new_frame(fit, newdata, with_strata, FALSE, na.action)
  list(
    x = cox_new_matrix(fit, frame), offset = cox_new_offset(fit, frame),
    strata = if (with_strata) cox_new_strata(strata, frame, fit$strata$level),
    row_names = row.names(frame)
  )
}

# A number given as text would be coded as a factor, and a factor given as a number not at all.
check_new_classes <- function(terms, frame) {
  known <- attr(terms, "dataClasses")
  shared <- intersect(names(known), names(frame))
  now <- vapply(frame[shared], stats::.MFclass, "")
  # FALSE and TRUE for 0 and 1 give the same columns
  shared <- shared[!(known[shared] == "numeric" & now == "logical")]
  tryCatch(
    stats::.checkMFClasses(known[shared], frame),
    error = function(e) {
      stop_input(c(
        "The variables of `newdata` must be of the kind that they have in the fit.",
        x = conditionMessage(e), i = "Make numbers numeric, and groups factors or strings."
      ), arg = "newdata")
    }
  )
}

methods::setOldClass("sr_fit")

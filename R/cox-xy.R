#' How do I fit the same Cox model ten thousand times?
#'
#' `fit_cox_xy()` is what lies below [fit_cox()]: a model matrix and a response go in, the numbers
#' come out. There is no formula, no model frame, no concordance, and little checking, so that a
#' loop of a simulation spends its time on the likelihood, which is that of [fit_cox()].
#'
#' @param x a numeric matrix, one column a coefficient, n rows, without missing values.
#' @param y a [survival::Surv()] object, right-censored or (start, stop], or its columns as a
#'   matrix: time and status, or start, stop and status; status is 1 for an event, else 0.
#' @param strata a vector of length n, or `NULL`: rows with equal values share a baseline hazard.
#' @param weights case weights, positive, or `NULL`.
#' @param offset a known part of the linear predictor, or `NULL`.
#' @param ties `"efron"` or `"breslow"`.
#' @param init starting values, or `NULL` for 0.
#' @param control a list as [survival::coxph.control()] gives, or `NULL` for its defaults. With its
#'   `timefix` times that differ by rounding only count as tied.
#' @param ... nothing: an argument that is not known is an error.
#'
#' @returns A list:
#'   \item{coefficients}{named by the columns of `x`; NA where others determine a column, or where
#'     the likelihood has no maximum and its information has vanished on the way to infinity}
#'   \item{var}{their variance matrix, rows of 0 where NA}
#'   \item{loglik}{the log partial likelihood at `init` and at the estimate}
#'   \item{score}{the score test at `init`}
#'   \item{iter}{Newton steps taken}
#'   \item{linear.predictors}{`offset + (x - means) \%*\% coefficients`, length n}
#'   \item{residuals}{martingale residuals, length n}
#'   \item{means}{what was subtracted from the columns}
#'   \item{convergence}{0: converged; 1: `iter.max` steps were not enough, or nothing is left to
#'     converge to}
#' Data without an event are an error of class `survresist_error_no_event`.
#' @seealso [fit_cox()]
#' @references
#' Therneau TM, Grambsch PM (2000). *Modeling Survival Data: Extending the Cox Model*. Springer.
#' \doi{10.1007/978-1-4757-3294-8}
#' @examples
#' gbsg <- survival::gbsg
#' x <- as.matrix(gbsg[c("hormon", "age", "nodes")])
#' y <- with(gbsg, survival::Surv(rfstime, status))
#' fit_cox_xy(x, y, strata = gbsg$grade)$coefficients
#'
#' # Power of a simulated trial of 200 patients, hazard ratio 0.6
#' arm <- rep(0:1, 100)
#' is_found <- replicate(200, {
#'   time <- rexp(200, 0.1 * 0.6^arm)
#'   fit <- fit_cox_xy(cbind(arm), cbind(pmin(time, 24), time < 24))
#'   abs(fit$coefficients) > 1.96 * sqrt(fit$var)
#' })
#' mean(is_found)
#' @export
fit_cox_xy <- function(x, y, strata = NULL, weights = NULL, offset = NULL, ties = "efron",
                       init = NULL, control = NULL, ...) {
  if (...length() > 0L) refuse_dots("fit_cox_xy()", dot_names(...))
  if (is.null(control)) {
    control <- default_control()
  } else if (length(control) < length(default_control())) {
    control <- cox_control(control, list())
  }
  if (!identical(ties, "efron")) ties <- choose_one(ties, c("efron", "breslow"), "ties")
  tolerance <- if (control$timefix) time_tolerance else 0
  fit <- .Call(
    C_cox_xy, list(x, y, strata, weights, offset), ties == "efron", init, control$iter.max,
    control$eps, control$toler.chol, tolerance
  )
  if (is.null(fit)) {
    fit <- fit_checked_xy(x, y, strata, weights, offset, ties, init, control, tolerance)
  }
  # the one thing that C does not refuse at once: weights that overflow once they are summed
  if (!fit$converged && !is.null(weights)) check_weights(weights, FALSE, seq_along(weights))
  coefficients <- fit$coefficients
  if (fit$rank < length(coefficients) && control$iter.max > 0L) {
    if (any(is_emptied(fit, init))) fit$converged <- FALSE
    coefficients[is_aliased(fit)] <- NA
  }
  names(coefficients) <- colnames(x)
  list(
    coefficients = coefficients, var = fit$var, loglik = fit$loglik, score = fit$score_test,
    iter = fit$iter, linear.predictors = fit$linear.predictors, residuals = fit$residuals,
    means = fit$means, convergence = if (fit$converged) 0L else 1L
  )
}

# For inputs that C cannot take as they are: say what is wrong, or convert them.
fit_checked_xy <- function(x, y, strata, weights, offset, ties, init, control, tolerance) {
  if (!is.matrix(x)) x <- as.matrix(x)
  if (!is.double(x)) x <- double_matrix(x, "x")
  if (!is.double(y)) y <- double_matrix(y, "y")
  check_xy(x, y, strata, weights, offset, init)
  stratum <- if (!is.null(strata)) group_numbers(strata)
  data <- cox_data(x, y, stratum, as_double(weights), as_double(offset))
  cox_newton(data, ties, as_double(init), control, rep.int(TRUE, ncol(x)), tolerance)
}

double_matrix <- function(value, arg) {
  if (!is.matrix(value) || !(is.numeric(value) || is.logical(value))) {
    stop_input(c(
      sprintf("`%s` must be a matrix of numbers.", arg), x = sprintf("Found %s.", describe(value)),
      i = if (arg == "x") "Use `model.matrix(~ ..., data)[, -1]` for factors."
    ), arg = arg)
  }
  storage.mode(value) <- "double"
  value
}

check_xy <- function(x, y, strata, weights, offset, init) {
  n <- nrow(y)
  k <- dim(y)[2L]
  is_known <- length(k) == 1L && (k == 2L || k == 3L)
  if (is_known && is.object(y)) is_known <- isTRUE(attr(y, "type") %in% c("right", "counting"))
  if (!is_known) {
    stop_input(c(
      "`y` must be right-censored or (start, stop] survival data, or a matrix of 2 or 3 columns.",
      x = sprintf("Found %s.", describe(y)), i = "Use `Surv(time, status)`."
    ), arg = "y")
  }
  if (n == 0L) stop_input(c("`y` must have rows.", x = "Found 0 rows."), arg = "y")
  if (nrow(x) != n) stop_xy_size("x", nrow(x), n)
  if (!is.null(strata)) {
    if (length(strata) != n) stop_xy_size("strata", length(strata), n)
    if (anyNA(strata)) stop_xy_missing(list(strata = strata))
  }
  if (!is.null(offset) && length(offset) != n) stop_xy_size("offset", length(offset), n)
  if (!is.null(weights)) {
    if (length(weights) != n) stop_xy_size("weights", length(weights), n)
    check_weights(weights, FALSE, as.character(seq_len(n)))
  }
  if (!is.null(init) && length(init) != ncol(x)) {
    stop_input(c(
      sprintf("`init` must have one number a column of `x`, %d.", ncol(x)),
      x = sprintf("Found %s.", describe(init))
    ), arg = "init")
  }
  parts <- if (is.null(offset)) list(x, y) else list(x, y, offset)
  if (!is.null(scan_rows(parts, all_true, n))) {
    stop_xy_missing(list(x = x, y = y, offset = offset))
  }
  if (!is.object(y)) check_xy_response(y)
}

all_true <- c(TRUE, TRUE, TRUE)

stop_xy_size <- function(arg, found, n) {
  stop_input(c(
    sprintf("`%s` must have as many rows as `y`, %d.", arg, n), x = sprintf("Found %d.", found)
  ), arg = arg)
}

stop_xy_missing <- function(parts) {
  for (arg in names(parts)) {
    value <- unclass(parts[[arg]])
    bad <- if (is.numeric(value)) !is.finite(value) else is.na(value)
    if (!any(bad)) next
    rows <- if (is.matrix(bad)) which(rowSums(bad) > 0) else which(bad)
    stop_input(c(
      sprintf("`%s` must be finite, without missing values.", arg),
      x = sprintf("It is not in %s.", format_rows(rows)),
      i = "Leave these rows out, or use `fit_cox()`, which does."
    ), arg = arg, rows = rows)
  }
}

# A plain matrix has not been through Surv(): status 0 or 1, start before stop.
check_xy_response <- function(y) {
  k <- ncol(y)
  bad <- which(y[, k] != 0 & y[, k] != 1)
  if (length(bad) > 0L) {
    stop_input(c(
      "The status, the last column of `y`, must be 0 or 1.",
      x = sprintf("It is neither in %s.", format_rows(bad)), i = "Use `Surv(time, status)`."
    ), arg = "y", rows = bad)
  }
  bad <- if (k == 3L) which(y[, 1L] >= y[, 2L])
  if (length(bad) > 0L) {
    stop_input(c(
      "The stop must be after the start.", x = sprintf("It is not in %s.", format_rows(bad))
    ), arg = "y", rows = bad)
  }
}

#' @importFrom generics tidy
#' @export
generics::tidy

#' @importFrom generics glance
#' @export
generics::glance

#' @importFrom generics augment
#' @export
generics::augment

#' How does a Cox model look as a table?
#'
#' `tidy()` gives a row for each coefficient, `glance()` one row for the model, `augment()` the data
#' with a prediction for each row. The columns are those of broom's methods for `coxph()`.
#'
#' @param x a model from [fit_cox()].
#' @param exponentiate `TRUE` gives hazard ratios and their limits in place of coefficients.
#' @param conf.int `TRUE` adds confidence limits.
#' @param conf.level their level.
#' @param conf.method `"wald"` or `"profile"`, the default for a fit with `firth = TRUE`: see
#'   [confint.sr_cox()].
#' @param data the data of the fit; default: the variables that it used.
#' @param newdata data to predict for; then there are no residuals.
#' @param type.predict,type.residuals types of `predict()` and `residuals()`.
#' @param ... not used.
#'
#' @returns A data frame that prints as a tibble where the tibble package is loaded.
#'
#'   `tidy()`: `term`, `estimate`, `std.error`, `robust.se` (if the fit has it), `statistic`,
#'   `p.value`, and with `conf.int` `conf.low`, `conf.high`. `std.error` is that of the coefficient,
#'   also with `exponentiate`.
#'
#'   `glance()`: `n`, `nevent`, statistic and p-value of the likelihood-ratio (`.log`), score
#'   (`.sc`), Wald and robust score test, `r.squared`, `r.squared.max`, `concordance`,
#'   `std.error.concordance`, `logLik`, `AIC`, `BIC`, `nobs` (rows, where `nobs()` counts events as
#'   survival does).
#'
#'   `augment()`: the columns of the data, `.fitted`, `.se.fit` and, for the rows of the fit,
#'   `.resid`.
#' @examples
#' fit <- fit_cox(Surv(dtime, death) ~ age + grade, data = survival::rotterdam)
#' tidy(fit, exponentiate = TRUE, conf.int = TRUE)
#' glance(fit)
#' head(augment(fit, survival::rotterdam))
#' @name tidy_cox
NULL

#' @rdname tidy_cox
#' @exportS3Method generics::tidy sr_cox
tidy.sr_cox <- function(x, exponentiate = FALSE, conf.int = FALSE, conf.level = 0.95,
                        conf.method = c("wald", "profile"), ...) {
  conf.method <- if (missing(conf.method) && isTRUE(x$sr$firth)) {
    "profile"
  } else {
    choose_one(conf.method, c("wald", "profile"), "conf.method")
  }
  coef <- x$coefficients
  robust <- if (!is.null(x$naive.var)) "robust.se"
  columns <- c("estimate", "std.error", robust, "statistic", "p.value")
  if (length(coef) == 0L) {
    table <- matrix(numeric(), 0L, length(columns))
  } else {
    table <- unclass(stats::coef(summary(x)))[, -2L, drop = FALSE]
    table[is.na(coef), ] <- NA
  }
  colnames(table) <- columns
  table <- data.frame(term = as.character(names(coef)), table, row.names = NULL)
  if (conf.int) {
    limits <- stats::confint(x, level = conf.level, method = conf.method)
    table$conf.low <- unname(limits[, 1L])
    table$conf.high <- unname(limits[, 2L])
  }
  if (exponentiate) {
    given <- intersect(c("estimate", "conf.low", "conf.high"), names(table))
    table[given] <- lapply(table[given], exp)
  }
  as_table(table)
}

#' @rdname tidy_cox
#' @exportS3Method generics::glance sr_cox
glance.sr_cox <- function(x, ...) {
  has_coef <- length(x$coefficients) > 0L
  found <- if (has_coef) summary(x) else list()
  value <- function(part, at) {
    number <- found[[part]]
    if (is.null(number)) NA_real_ else as.double(number[[at]])
  }
  as_table(data.frame(
    n = as.integer(x$n), nevent = as.double(x$nevent),
    statistic.log = value("logtest", 1L), p.value.log = value("logtest", 3L),
    statistic.sc = value("sctest", 1L), p.value.sc = value("sctest", 3L),
    statistic.wald = value("waldtest", 1L), p.value.wald = value("waldtest", 3L),
    statistic.robust = value("robscore", 1L), p.value.robust = value("robscore", 3L),
    r.squared = value("rsq", 1L), r.squared.max = value("rsq", 2L),
    concordance = value("concordance", 1L), std.error.concordance = value("concordance", 2L),
    logLik = as.numeric(stats::logLik(x)), AIC = stats::AIC(x), BIC = stats::BIC(x),
    nobs = as.integer(x$n)
  ))
}

#' @rdname tidy_cox
#' @exportS3Method generics::augment sr_cox
augment.sr_cox <- function(x, data = NULL, newdata = NULL, type.predict = "lp",
                           type.residuals = "martingale", ...) {
  is_new <- !is.null(newdata)
  # the rows that a fit of na.exclude pads are not among the variables that it used
  if (!is_new && is.null(data)) class(x$na.action) <- if (!is.null(x$na.action)) "omit"
  given <- if (is_new) newdata else if (is.null(data)) fit_frame(x) else data
  if (!is.data.frame(given)) {
    stop_input(
      "`augment()` needs a data frame.", arg = if (is_new) "newdata" else "data"
    )
  }
  predicted <- if (is_new) {
    stats::predict(x, newdata = newdata, type = type.predict, se.fit = TRUE)
  } else {
    stats::predict(x, type = type.predict, se.fit = TRUE)
  }
  added <- data.frame(
    .fitted = as.vector(predicted$fit), .se.fit = as.vector(predicted$se.fit)
  )
  if (!is_new) added$.resid <- as.vector(stats::residuals(x, type = type.residuals))
  has_names <- !inherits(given, "tbl_df") &&
    any(row.names(given) != as.character(seq_len(nrow(given))))
  given <- align_rows(given, nrow(added), x, is_new)
  labels <- if (has_names) list(.rownames = row.names(given))
  columns <- c(labels, as.list(given), as.list(added))
  as_table(structure(columns, row.names = .set_row_names(nrow(added)), class = "data.frame"))
}

# The rows of the data that the prediction is for
align_rows <- function(data, n, fit, is_new, call = rlang::caller_env()) {
  if (nrow(data) == n) return(data)
  left_out <- fit$na.action
  if (!is_new && inherits(left_out, "omit") && nrow(data) - length(left_out) == n) {
    return(data[-left_out, , drop = FALSE])
  }
  stop_input(c(
    "`data` must be the data of the fit.",
    x = sprintf("The fit predicts for %d rows, `data` has %d.", n, nrow(data)),
    i = "For other data use `newdata`."
  ), arg = "data", call = call)
}

as_table <- function(table) {
  class(table) <- c("tbl_df", "tbl", "data.frame")
  table
}

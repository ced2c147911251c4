#' How does a fit look as a table?
#'
#' `tidy()` gives a row for each parameter, `glance()` one row for the model, `augment()` the data
#' with a prediction for each row.
#'
#' @param x a fit of class `sr_fit`.
#' @param exponentiate `TRUE` gives ratios and their limits in place of effects; parameters of the
#'   baseline stay as they are.
#' @param conf.int `TRUE` adds confidence limits.
#' @param conf.level their level.
#' @param conf.method `"wald"` or `"profile"`: see [confint.sr_fit()].
#' @param data the data of the fit; default: the variables that it used.
#' @param newdata data to predict for; then there are no residuals.
#' @param type.predict,type.residuals types of the model's `predict()` and `residuals()`.
#' @param ... passed to `predict()` by `augment()`, for example `type.predict = "survival"`, `times
#'   = 2`; else not used.
#' @returns A data frame that prints as a tibble where the tibble package is loaded.
#'
#'   `tidy()`: `term`, `component` (`"effect"` or `"baseline"`; only where the model has parameters
#'   of the baseline), `estimate`, `std.error`, `robust.se` (if the fit has it), `statistic`,
#'   `p.value`, and with `conf.int` `conf.low`, `conf.high`. `std.error` is that of the coefficient,
#'   also with `exponentiate`.
#'
#'   `glance()`: `n`, `nevent`, `df`, `statistic.log` and `p.value.log` (likelihood ratio against
#'   the model without covariates), `statistic.wald` and `p.value.wald`, `logLik`, `AIC`, `BIC`
#'   (that of [stats::BIC()], which counts rows; [compare_fits()] counts events), `nobs` (rows),
#'   `converged`.
#'
#'   `augment()`: the columns of the data, `.fitted`, `.se.fit` and, for the rows of the fit and
#'   where the model has residuals, `.resid`.
#' @name tidy.sr_fit
NULL

#' @rdname tidy.sr_fit
#' @exportS3Method generics::tidy sr_fit
tidy.sr_fit <- function(x, exponentiate = FALSE, conf.int = FALSE, conf.level = 0.95,
                        conf.method = c("wald", "profile"), ...) {
  conf.method <- choose_one(conf.method, c("wald", "profile"), "conf.method")
  coef <- x$coefficients
  found <- unname(as.data.frame(estimate_table(x)[, -2L, drop = FALSE]))
  robust <- if (!is.null(x$naive.var)) "robust.se"
  names(found) <- c("estimate", "std.error", robust, "statistic", "p.value")
  is_effect <- seq_along(coef) %in% effect_places(x)
  table <- data.frame(term = as.character(names(coef)))
  if (has_baseline(x)) table$component <- ifelse(is_effect, "effect", "baseline")
  table <- cbind(table, found)
  row.names(table) <- NULL
  if (check_flag(conf.int, "conf.int")) {
    limits <- stats::confint(x, level = conf.level, method = conf.method)
    table$conf.low <- unname(limits[, 1L])
    table$conf.high <- unname(limits[, 2L])
  }
  if (check_flag(exponentiate, "exponentiate")) {
    given <- intersect(c("estimate", "conf.low", "conf.high"), names(table))
    table[is_effect, given] <- exp(table[is_effect, given])
  }
  as_table(table)
}

#' @rdname tidy.sr_fit
#' @exportS3Method generics::glance sr_fit
glance.sr_fit <- function(x, ...) {
  part <- function(test, name) if (is.null(test)) NA_real_ else test[[name]]
  ratio <- null_test(x)
  wald <- effects_test(x)
  as_table(data.frame(
    n = as.integer(x$n), nevent = as.double(x$nevent), df = as.double(x$df),
    statistic.log = part(ratio, "test"), p.value.log = part(ratio, "pvalue"),
    statistic.wald = part(wald, "test"), p.value.wald = part(wald, "pvalue"),
    logLik = as.numeric(stats::logLik(x)), AIC = stats::AIC(x), BIC = stats::BIC(x),
    nobs = as.integer(stats::nobs(x)), converged = isTRUE(x$convergence$converged)
  ))
}

#' @rdname tidy.sr_fit
#' @exportS3Method generics::augment sr_fit
augment.sr_fit <- function(x, data = NULL, newdata = NULL, type.predict = "link",
                           type.residuals = "martingale", ...) {
  is_new <- !is.null(newdata)
  # the rows that a fit of na.exclude pads are not among the variables that it used
  if (!is_new && is.null(data)) class(x$na.action) <- if (!is.null(x$na.action)) "omit"
  given <- if (is_new) newdata else data %||% fit_frame(x)
  if (!is.data.frame(given)) {
    stop_input("`augment()` needs a data frame.", arg = if (is_new) "newdata" else "data")
  }
  predicted <- one_line_a_row(
    stats::predict(x, newdata = if (is_new) newdata, type = type.predict, se.fit = TRUE, ...),
    NROW(given)
  )
  added <- data.frame(
    .fitted = as.vector(predicted$fit), .se.fit = as.vector(predicted$se.fit)
  )
  if (!is_new && has_residuals(x)) {
    added$.resid <- as.vector(stats::residuals(x, type = type.residuals))
  }
  has_names <- !inherits(given, "tbl_df") &&
    any(row.names(given) != as.character(seq_len(nrow(given))))
  given <- align_rows(given, nrow(added), x, is_new)
  labels <- if (has_names) list(.rownames = row.names(given))
  columns <- c(labels, as.list(given), as.list(added))
  as_table(structure(columns, row.names = .set_row_names(nrow(added)), class = "data.frame"))
}

# list(fit, se.fit), also from a table of curves that was asked for at one time
one_line_a_row <- function(predicted, n) {
  if (!is.data.frame(predicted)) return(predicted)
  if (nrow(predicted) != n || anyDuplicated(predicted$.row)) {
    stop_input(c(
      "`augment()` adds one prediction to each row.",
      x = sprintf("`predict()` gives %d for %d rows.", nrow(predicted), n),
      i = "Ask for one time, such as `times = 2`, or use `predict()` itself."
    ), arg = "type.predict")
  }
  list(fit = predicted$estimate, se.fit = predicted$std.error)
}

has_residuals <- function(fit) {
  !is_death_hazard(fit) &&
    !is.null(utils::getS3method("residuals", class(fit)[[1L]], optional = TRUE))
}

#' What did the model find, and what did it leave out?
#'
#' `print()` shows on one screen the effects, the parameters of the baseline, the test against the
#' model without covariates, rows and events (by stratum where there are strata), the rows that were
#' left out and in which variables they are missing, and all that is wrong with the estimate.
#' `summary()` adds confidence limits and both tests, and shows every parameter.
#'
#' @param x,object a fit of class `sr_fit`, or its summary.
#' @param digits significant digits.
#' @param signif.stars show stars?
#' @param conf.int level of the confidence limits.
#' @param ... passed to [stats::printCoefmat()].
#' @returns `summary()`: a list of class `summary.sr_fit` with `call`, `title`, `ratio`,
#'   `coefficients` (a matrix with `coef`, `exp(coef)` where that has a meaning, `se(coef)`,
#'   `robust se` if the fit has one, `z`, `Pr(>|z|)`; a row for each effect), `baseline` (the same
#'   without `exp(coef)` and tests, a row for each other parameter), `conf.int` (matrix),
#'   `logtest` and `waldtest` (each `test`, `df`, `pvalue`; the first NULL where there is none),
#'   `loglik`, `df`, `n`, `nevent`, `strata`, `na.action`, `na_columns`, `convergence`,
#'   `used.robust`, `is_pseudo`. The `print()` methods return their argument invisibly.
#' @name summary.sr_fit
NULL

#' @rdname summary.sr_fit
#' @export
print.sr_fit <- function(x, digits = max(1L, getOption("digits") - 3L), signif.stars = FALSE, ...) {
  found <- describe_fit(x)
  print_call(x$call)
  old <- options(digits = digits)
  on.exit(options(old))
  if (!is.null(x$title)) cat(x$title, "\n\n", sep = "")
  print_effects(found$coefficients, digits, signif.stars, ...)
  print_baseline(found$baseline, digits, show = 12L)
  test <- found$logtest
  label <- "Likelihood ratio test="
  if (is.null(test)) {
    test <- found$waldtest
    label <- "Wald test="
  }
  if (!is.null(test)) {
    cat("\n")
    print_test(paste0(label, " "), test)
  }
  print_counts(found)
  invisible(x)
}

#' @rdname summary.sr_fit
#' @export
summary.sr_fit <- function(object, conf.int = 0.95, ...) {
  check_level(conf.int, "conf.int")
  result <- describe_fit(object)
  at <- effect_places(object)
  if (length(at) > 0L) {
    limits <- stats::confint(object, parm = at, level = conf.int, method = "wald")
    colnames(limits) <- paste0(c("lower .", "upper ."), round(100 * conf.int, 2))
    beta <- object$coefficients[at]
    result$conf.int <- if (is.null(object$ratio)) limits else ratio_table(beta, limits)
  }
  structure(result, class = "summary.sr_fit")
}

#' @rdname summary.sr_fit
#' @export
print.summary.sr_fit <- function(x, digits = max(getOption("digits") - 3, 3),
                                 signif.stars = getOption("show.signif.stars"), ...) {
  print_call(x$call)
  old <- options(digits = digits)
  on.exit(options(old))
  if (!is.null(x$title)) cat(x$title, "\n\n", sep = "")
  print_effects(x$coefficients, digits, signif.stars, ...)
  if (!is.null(x$conf.int)) {
    cat("\n", if (is.null(x$ratio)) "Limits" else paste("As", x$ratio), ":\n", sep = "")
    print(x$conf.int)
  }
  print_baseline(x$baseline, digits, show = Inf)
  cat("\n")
  if (!is.null(x$logtest)) print_test("Likelihood ratio test= ", x$logtest)
  if (!is.null(x$waldtest)) print_test("Wald test            = ", x$waldtest)
  if (x$used.robust) cat("  (The standard errors and the Wald test are robust.)\n")
  print_counts(x)
  invisible(x)
}

# What both show, without the limits
describe_fit <- function(fit) {
  at <- effect_places(fit)
  coef <- fit$coefficients
  table <- estimate_table(fit)
  effects <- table[at, , drop = FALSE]
  shown <- if (is.null(fit$ratio)) colnames(effects) != "exp(coef)" else rep(TRUE, ncol(effects))
  robust <- !is.null(fit$naive.var)
  c(
    list(
      call = fit$call, title = fit$title, ratio = fit$ratio,
      coefficients = effects[, shown, drop = FALSE],
      baseline = if (has_baseline(fit)) {
        table[-at, colnames(table) %in% c("coef", "se(coef)", "robust se"), drop = FALSE]
      },
      conf.int = NULL, logtest = null_test(fit), waldtest = effects_test(fit)
    ),
    fit[c("loglik", "df", "n", "nevent", "strata", "na.action", "na_columns", "convergence")],
    list(used.robust = robust, is_pseudo = isTRUE(fit$is_pseudo))
  )
}

estimate_table <- function(fit) {
  coef <- fit$coefficients
  error <- function(var) ifelse(is.na(coef), NA_real_, sqrt(diag(var)))
  robust <- !is.null(fit$naive.var)
  se <- error(fit$var)
  z <- coef / se
  table <- cbind(
    coef = coef, `exp(coef)` = exp(coef), `se(coef)` = if (robust) error(fit$naive.var) else se,
    `robust se` = if (robust) se, z = z,
    `Pr(>|z|)` = stats::pchisq(z^2, 1, lower.tail = FALSE)
  )
  rownames(table) <- names(coef)
  table
}

# Likelihood ratio against the model without covariates; NULL where that is no test
null_test <- function(fit) {
  if (length(fit$loglik) < 2L || is.na(fit$loglik[[1L]]) || !has_ratio_test(fit)) return(NULL)
  df <- if (is.null(fit$df_null)) {
    sum(!is.na(fit$coefficients[effect_places(fit)]))
  } else {
    fit$df - fit$df_null
  }
  if (df <= 0) return(NULL)
  chisq <- 2 * (fit$loglik[[2L]] - fit$loglik[[1L]])
  c(test = chisq, df = df, pvalue = stats::pchisq(chisq, df, lower.tail = FALSE))
}

effects_test <- function(fit, at = effect_places(fit)) {
  known <- !is.na(fit$coefficients[at])
  if (!any(known)) return(NULL)
  var <- fit$var[at, at, drop = FALSE]
  chisq <- as.vector(wald_statistic(var, unname(fit$coefficients[at]), known))
  df <- sum(known)
  c(test = chisq, df = df, pvalue = stats::pchisq(chisq, df, lower.tail = FALSE))
}

has_ratio_test <- function(fit) is.null(fit$naive.var) && is.null(other_likelihood(fit))

# What the likelihood is called where its differences follow no chi-squared distribution
other_likelihood <- function(fit) {
  if (isTRUE(fit$is_pseudo)) "pseudo-" else if (isTRUE(fit$is_penalised)) "penalised "
}

# --- parts of the output --------------------------------------------------------------------------

print_effects <- function(table, digits, signif.stars, ...) {
  if (nrow(table) == 0L) {
    cat("No covariates\n")
    return(invisible())
  }
  stats::printCoefmat(
    table, digits = digits, P.values = TRUE, has.Pvalue = TRUE, signif.stars = signif.stars, ...
  )
}

print_baseline <- function(table, digits, show) {
  if (NROW(table) == 0L) return(invisible())
  cat("\nBaseline:\n")
  shown <- utils::head(table, min(show, nrow(table)))
  stats::printCoefmat(
    shown, digits = digits, cs.ind = seq_len(ncol(shown)), tst.ind = NULL, P.values = FALSE,
    has.Pvalue = FALSE
  )
  rest <- nrow(table) - nrow(shown)
  if (rest > 0L) cat(sprintf("and %d parameters more: see `summary()`\n", rest))
}

print_counts <- function(x) {
  loglik <- x$loglik[[length(x$loglik)]]
  cat(
    "n=", x$n, ", number of events=", x$nevent, ", log ", if (isTRUE(x$is_pseudo)) "pseudo-",
    "likelihood=", format(loglik, nsmall = 2), " (", format_df(x$df), " parameter",
    if (x$df != 1) "s", ")\n", sep = ""
  )
  print_strata(x$strata)
  print_left_out(x$na.action, x$na_columns)
  if (!isTRUE(x$convergence$converged)) cat("The estimate has not converged\n")
  for (line in x$convergence$message) cat(strwrap(line, 80, exdent = 2), sep = "\n")
  if (has_few_events(x)) cat("Fewer events than parameters:", few_events(x), "\n")
}

#' What did the model find, and what did it leave out?
#'
#' `print()` shows on one screen the coefficients, the likelihood ratio test, rows and events (by
#' stratum where there are strata), the rows that were left out and in which variables they are
#' missing, and anything that is wrong with the estimate. `summary()` adds confidence intervals, the
#' three tests and the concordance; it has the components of [survival::summary.coxph()].
#'
#' @param x,object from [fit_cox()], or its summary.
#' @param digits significant digits.
#' @param signif.stars show stars?
#' @param conf.int level of the confidence intervals; `FALSE` or 0 leaves them out.
#' @param scale a factor for the coefficients: 10 gives them for ten units.
#' @param expand not used; for agreement with survival.
#' @param ... passed to [stats::printCoefmat()].
#' @returns `summary()`: a list of class `c("summary.sr_cox", "summary.coxph")` with `call`,
#'   `na.action`, `n`, `loglik`, `nevent`, `coefficients` (matrix), `conf.int` (matrix), `logtest`,
#'   `sctest`, `waldtest`, `robscore` (each `test`, `df`, `pvalue`), `rsq`, `used.robust`,
#'   `concordance`, and last `sr` (see [fit_cox()]). For a model without coefficients it is the fit.
#'   The `print()` methods return their argument invisibly.
#' @examples
#' fit <- fit_cox(Surv(time, status) ~ age + sex + strata(ph.ecog), survival::lung)
#' print(fit)
#' summary(fit)
#' @name print.sr_cox
NULL

#' @rdname print.sr_cox
#' @export
print.sr_cox <- function(x, digits = max(1L, getOption("digits") - 3L), signif.stars = FALSE, ...) {
  print_call(x$call)
  old <- options(digits = digits)
  on.exit(options(old))
  if (inherits(x, "coxph.null")) {
    cat("Null model\n  log likelihood=", format(x$loglik), "\n")
  } else if (length(x$coefficients) > 0L) {
    table <- coefficient_table(x, x$coefficients, "p", 1)
    stats::printCoefmat(
      table, digits = digits, P.values = TRUE, has.Pvalue = TRUE, signif.stars = signif.stars, ...
    )
    change <- 2 * diff(x$loglik)
    df <- sum(!is.na(x$coefficients))
    cat(
      "\nLikelihood ratio test=", format(round(change, 2)), "  on ", df, " df, p=",
      format.pval(stats::pchisq(change, df, lower.tail = FALSE), digits = digits), "\n", sep = ""
    )
  }
  cat("n=", x$n)
  if (!is.null(x$n.id)) cat(", unique id=", x$n.id)
  cat(", number of events=", x$nevent, "\n")
  print_strata(x$sr$strata)
  print_left_out(x$na.action, x$sr$na_columns)
  print_notes(x$sr)
  invisible(x)
}

#' @rdname print.sr_cox
#' @export
summary.sr_cox <- function(object, conf.int = 0.95, scale = 1, ...) {
  if (inherits(object, "coxph.null")) return(object)
  beta <- object$coefficients * scale
  df <- sum(!is.na(beta))
  change <- 2 * diff(object$loglik)
  test <- function(value, shown = value) {
    c(test = shown, df = df, pvalue = stats::pchisq(value, df, lower.tail = FALSE))
  }
  result <- list(
    call = object$call, fail = object$fail, na.action = object$na.action, n = object$n,
    loglik = object$loglik, nevent = object$nevent,
    coefficients = coefficient_table(object, beta, "Pr(>|z|)", scale)
  )
  if (conf.int) result$conf.int <- ratio_table(beta, limits_for_summary(object, conf.int) * scale)
  result$logtest <- test(change)
  result$sctest <- test(object$score)
  result$rsq <- c(
    rsq = 1 - exp(-change / object$n), maxrsq = 1 - exp(2 * object$loglik[[1L]] / object$n)
  )
  wald <- as.vector(object$wald.test)
  result$waldtest <- test(wald, round(wald, 2))
  if (!is.null(object$rscore)) result$robscore <- test(as.vector(object$rscore))
  result$used.robust <- !is.null(object$naive.var)
  if (!is.null(object$concordance)) {
    result$concordance <- stats::setNames(object$concordance[6:7], c("C", "se(C)"))
  }
  result$sr <- object$sr
  structure(result, class = c("summary.sr_cox", "summary.coxph"))
}

#' @rdname print.sr_cox
#' @export
print.summary.sr_cox <- function(x, digits = max(getOption("digits") - 3, 3),
                                 signif.stars = getOption("show.signif.stars"), expand = FALSE,
                                 ...) {
  print_call(x$call)
  old <- options(digits = digits)
  on.exit(options(old))
  cat("  n=", x$n)
  cat(", number of events=", x$nevent, "\n")
  print_strata(x$sr$strata)
  print_left_out(x$na.action, x$sr$na_columns)
  if (nrow(x$coefficients) > 0L) {
    cat("\n")
    stats::printCoefmat(x$coefficients, digits = digits, signif.stars = signif.stars, ...)
    if (!is.null(x$conf.int)) {
      cat("\n")
      print(x$conf.int)
    }
  }
  cat("\n")
  if (!is.null(x$concordance)) {
    cat(
      "Concordance=", format(round(x$concordance[[1L]], 3)),
      " (se =", format(round(x$concordance[[2L]], 3)), ")\n"
    )
  }
  print_test("Likelihood ratio test= ", x$logtest)
  print_test("Wald test            = ", x$waldtest)
  print_test("Score (logrank) test = ", x$sctest)
  if (!is.null(x$robscore)) print_test("Robust score test    = ", x$robscore)
  if (x$used.robust) {
    cat(
      "  (The likelihood ratio and score tests take the rows as independent;",
      "\n   the Wald and robust score tests allow for the clusters.)\n"
    )
  }
  print_notes(x$sr)
  invisible(x)
}

print_call <- function(call) {
  if (is.null(call)) return(invisible())
  cat("Call:\n")
  text <- deparse(call)
  if (length(text) > 12L) text <- c(utils::head(text, 11L), "  ...")
  cat(text, sep = "\n")
  cat("\n")
}

print_test <- function(label, test) {
  digits <- max(1, getOption("digits") - 4)
  cat(
    label, format(round(test[["test"]], 2)), "  on ", test[["df"]], " df,   p=",
    format.pval(test[["pvalue"]], digits = digits), "\n", sep = ""
  )
}

# coef, exp(coef), se (and robust se), z, p; with Firth's penalty chisq and p of the penalised
# likelihood-ratio tests instead of z and p
coefficient_table <- function(fit, beta, p_label, scale) {
  se <- sqrt(diag(fit$var)) * scale
  if (!is.null(fit$sr$firth_tests)) {
    table <- cbind(beta, exp(beta), se, fit$sr$firth_tests)
    p_label <- sub("|z|", "Chisq", p_label, fixed = TRUE)
    dimnames(table) <- list(names(beta), c("coef", "exp(coef)", "se(coef)", "Chisq", p_label))
    return(table)
  }
  z <- beta / se
  table <- cbind(
    coef = beta, `exp(coef)` = exp(beta),
    `se(coef)` = if (is.null(fit$naive.var)) se else sqrt(diag(fit$naive.var)),
    `robust se` = if (!is.null(fit$naive.var)) se, z = z,
    stats::pchisq(z^2, 1, lower.tail = FALSE)
  )
  dimnames(table) <- list(names(beta), c(colnames(table)[-ncol(table)], p_label))
  table
}

# Wald limits; with Firth's penalty those of its profile, for which the data must still be there
limits_for_summary <- function(fit, level) {
  beta <- fit$coefficients
  wald <- beta + outer(sqrt(diag(fit$var)), stats::qnorm((1 + c(-1, 1) * level) / 2))
  limits <- if (isTRUE(fit$sr$firth)) {
    tryCatch(stats::confint(fit, level = level, method = "profile"), error = function(e) {
      warn_user(c(
        "The profile intervals could not be computed; those shown are from standard errors.",
        x = conditionMessage(e)
      ), class = "survresist_warning_profile")
      wald
    })
  } else {
    wald
  }
  ends <- paste0(c("lower .", "upper ."), round(100 * level, 2))
  matrix(limits, ncol = 2L, dimnames = list(names(beta), ends))
}

ratio_table <- function(beta, limits) {
  table <- cbind(exp(beta), exp(-beta), exp(limits))
  dimnames(table) <- list(names(beta), c("exp(coef)", "exp(-coef)", colnames(limits)))
  table
}

# "  events by stratum: grade=2 318/794, grade=3 1200/2188"
print_strata <- function(strata, show = 6L) {
  if (is.null(strata)) return(invisible())
  is_used <- strata$n > 0
  k <- sum(is_used)
  cell <- sprintf("%s %.0f/%.0f", strata$level, strata$events, strata$n)[is_used]
  cat("   events/rows by stratum:", paste(utils::head(cell, show), collapse = ", "))
  cat(if (k > show) sprintf(" and %d strata more", k - show), "\n", sep = "")
}

print_left_out <- function(na_action, na_columns, show = 6L) {
  if (length(na_action) == 0L) return(invisible())
  n <- length(na_action)
  cat("   (", stats::naprint(na_action), sep = "")
  if (length(na_columns) > 0L) {
    most <- sort(na_columns, decreasing = TRUE)
    shown <- utils::head(most, show)
    cat(": ", paste(names(shown), shown, collapse = ", "), sep = "")
    if (length(most) > show) cat(", ...")
  }
  cat(")\n")
}

print_notes <- function(sr) {
  if (isTRUE(sr$firth)) {
    cat("Firth's penalised likelihood, its likelihood ratio tests and profile intervals\n")
  }
  if (isTRUE(sr$n_merged > 0)) {
    cat(sprintf(
      "%.0f of %.0f distinct times were so close to another that they count as tied\n",
      sr$n_merged, sr$n_distinct
    ))
  }
  if (identical(sr$converged, FALSE) && isTRUE(sr$has_iterated)) {
    cat("Newton's method did not converge\n")
  }
  if (length(sr$infinite) > 0L) {
    cat(
      "No maximum of the likelihood (the coefficient goes to infinity): ",
      paste(sr$infinite, collapse = ", "), "; see firth = TRUE\n", sep = ""
    )
  }
}

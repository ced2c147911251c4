#' Which terms of a Cox model matter, one after the other?
#'
#' Likelihood-ratio tests: for one model of its terms as they are added in their order, for several
#' models of each against the one before.
#'
#' @section Right with weights, offsets and starting values:
#' For one model the smaller models are fitted again to the same rows with the same strata, weights,
#' offset, treatment of ties and tied times, and the first line is the likelihood at zero
#' coefficients. [survival::anova.coxph()] of survival 3.8-12 leaves out the weights when it fits
#' the smaller models, so its tests compare a weighted with an unweighted likelihood, and takes the
#' likelihood at `init` for that of the model without terms.
#'
#' @section Robust and penalised fits:
#' With clusters or a robust variance the likelihood ratio has no chi-square distribution; the tests
#' are refused, and Wald tests (`summary()`, or `car::Anova(test.statistic = "Wald")`) take their
#' place. Models of `firth = TRUE` are compared term by term by their penalised likelihood, always
#' with the determinant of the whole model; several of them are not comparable and refused.
#'
#' @param object a model from [fit_cox()].
#' @param ... further Cox models of the same rows, in order.
#' @param test `"Chisq"` adds p-values; `FALSE` or `NULL` leaves them out.
#'
#' @returns A data frame of class `anova` with `loglik`, `Chisq`, `Df` and `Pr(>|Chi|)`, one line a
#'   model, as [survival::anova.coxph()] gives it.
#' @examples
#' fit <- fit_cox(Surv(dtime, death) ~ age + grade + nodes, data = survival::rotterdam)
#' anova(fit)
#' anova(fit_cox(Surv(dtime, death) ~ age, data = survival::rotterdam), fit)
#' @exportS3Method stats::anova sr_cox
anova.sr_cox <- function(object, ..., test = "Chisq") {
  others <- list(...)
  has_name <- if (is.null(names(others))) logical(length(others)) else names(others) != ""
  if (any(has_name)) {
    warn_user(sprintf(
      "`anova()` has no argument %s: ignored.", format_names(names(others)[has_name])
    ))
  }
  fits <- c(list(object), others[!has_name])
  if (any(vapply(fits, inherits, NA, "coxme"))) return(NextMethod())
  check_anova(fits)
  table <- if (length(fits) == 1L) anova_terms(object) else anova_fits(fits)
  if (length(test) > 0L && !isFALSE(test)) {
    table[["Pr(>|Chi|)"]] <- stats::pchisq(table$Chisq, table$Df, lower.tail = FALSE)
  }
  table
}

check_anova <- function(fits, call = rlang::caller_env()) {
  if (!all(vapply(fits, inherits, NA, "coxph"))) {
    stop_input("All models must be Cox models.", arg = "...", call = call)
  }
  if (any(vapply(fits, function(fit) !is.null(fit$naive.var) || !is.null(fit$rscore), NA))) {
    stop_unsupported(c(
      "There is no likelihood-ratio test with a robust variance.",
      i = "Use the Wald tests of `summary()`, or fit with `robust = FALSE` and without `cluster`."
    ), arg = "object", call = call)
  }
  if (any(vapply(fits, inherits, NA, c("coxphms", "coxph.penal")))) {
    stop_unsupported(
      "Multi-state and penalised models of `coxph()` cannot be compared here.",
      arg = "...", call = call
    )
  }
}

# --- one model, term by term ----------------------------------------------------------------------

anova_terms <- function(fit) {
  terms <- fit$assign
  n_model <- length(terms) + 1L
  loglik <- numeric(n_model)
  df <- integer(n_model)
  if (n_model == 1L) {
    loglik <- fit$loglik[[1L]]
  } else {
    # without events every likelihood is 1, whatever the terms
    refit <- if (fit$nevent > 0) nested_fits(fit) else function(columns) list(loglik = 0, df = 0L)
    columns <- integer()
    for (m in seq_len(n_model)) {
      if (m > 1L) columns <- c(columns, terms[[m - 1L]])
      found <- if (m < n_model) {
        refit(columns)
      } else {
        list(loglik = fit$loglik[[2L]], df = sum(!is.na(fit$coefficients)))
      }
      loglik[m] <- found$loglik
      df[m] <- found$df
    }
  }
  table <- data.frame(loglik = loglik, Chisq = c(NA, 2 * diff(loglik)), Df = c(NA, diff(df)))
  row.names(table) <- c("NULL", names(terms))
  heading <- paste0(
    "Analysis of Deviance Table\n Cox model: response is ", deparse1(fit$terms[[2L]]),
    "\nTerms added sequentially (first to last)\n"
  )
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

# function(columns): list(loglik, df) of the model with these columns only, on the rows of the fit
nested_fits <- function(fit) {
  data <- cox_rebuild(fit, as_columns = TRUE)
  y <- event_matrix(data$y)
  if (is.matrix(data$x)) data$x <- matrix_columns(data$x)
  weights <- as_double(data$weights)
  offset <- as_double(data$offset)
  control <- list(eps = 1e-11, toler.chol = .Machine$double.eps^0.75, iter.max = 100L)
  is_firth <- isTRUE(fit$sr$firth)
  function(columns) {
    if (is_firth) {
      bundle <- cox_data(data$x, y, data$stratum, weights, offset)
      found <- cox_firth(
        bundle, fit$method, numeric(length(data$x)), control, rep(TRUE, length(data$x)),
        !seq_along(data$x) %in% columns
      )
      free <- !is.na(fit$coefficients[columns])
      return(list(loglik = found$loglik[[2L]], df = sum(free)))
    }
    if (length(columns) == 0L) return(list(loglik = null_loglik(fit, data, control), df = 0L))
    bundle <- cox_data(data$x[columns], y, data$stratum, weights, offset)
    is_centred <- rep(TRUE, length(columns))
    found <- if (fit$method == "exact") {
      cox_exact(bundle, NULL, control, is_centred)
    } else {
      cox_newton(bundle, fit$method, NULL, control, is_centred)
    }
    list(loglik = found$loglik[[2L]], df = sum(diag(found$var) > 0))
  }
}

# Likelihood with every coefficient 0: that of the first column's start
null_loglik <- function(fit, data, control) {
  control$iter.max <- 0L
  bundle <- cox_data(
    data$x[1L], event_matrix(data$y), data$stratum, as_double(data$weights), as_double(data$offset)
  )
  found <- if (fit$method == "exact") {
    cox_exact(bundle, NULL, control, TRUE)
  } else {
    cox_newton(bundle, fit$method, NULL, control, TRUE)
  }
  found$loglik[[1L]]
}

matrix_columns <- function(x) {
  lapply(seq_len(ncol(x)), function(j) as.double(x[, j]))
}

# --- several models -------------------------------------------------------------------------------

anova_fits <- function(fits, call = rlang::caller_env(2)) {
  same <- function(part) vapply(fits, function(fit) identical(part(fit), part(fits[[1L]])), NA)
  if (any(vapply(fits, function(fit) isTRUE(fit$sr$firth), NA))) {
    stop_unsupported(c(
      "Models of `firth = TRUE` have penalties of their own and cannot be compared.",
      i = "`anova()` of the largest one tests its terms with one penalty."
    ), arg = "...", call = call)
  }
  if (!all(same(function(fit) fit$method))) {
    stop_input("All models must treat ties alike.", arg = "...", call = call)
  }
  response <- vapply(fits, function(fit) deparse1(fit$terms[[2L]]), "")
  if (any(response != response[1L])) {
    warn_user(c(
      "Models with another response than the first are left out.",
      x = paste("Response:", paste(response[response != response[1L]], collapse = ", "))
    ), call = call)
    fits <- fits[response == response[1L]]
    if (length(fits) == 1L) return(anova_terms(fits[[1L]]))
  }
  if (!all(same(function(fit) fit$n)) || !all(same(function(fit) fit$nevent))) {
    n <- vapply(fits, function(fit) sprintf("%d rows, %d events", fit$n, fit$nevent), "")
    stop_input(c(
      "All models must be of the same rows.", x = paste(n, collapse = "; "),
      i = "Leave out the rows in which any of their variables is missing first."
    ), arg = "...", call = call)
  }
  if (!all(same(strata_of)) || !all(same(function(fit) fit$weights))) {
    stop_input("All models must have the same strata and weights.", arg = "...", call = call)
  }
  loglik <- vapply(fits, function(fit) fit$loglik[[length(fit$loglik)]], 0)
  df <- vapply(fits, function(fit) sum(!is.na(fit$coefficients)), 0L)
  table <- data.frame(
    loglik, Chisq = c(NA, abs(2 * diff(loglik))), Df = abs(c(NA, diff(df)))
  )
  dimnames(table) <- list(as.character(seq_along(fits)), names(table))
  right <- vapply(fits, function(fit) {
    paste(as.character(stats::delete.response(stats::terms(stats::formula(fit)))), collapse = " ")
  }, "")
  heading <- c(
    paste("Analysis of Deviance Table\n Cox model: response is ", response[1L]),
    paste0(" Model ", format(seq_along(fits)), ": ", right, collapse = "\n")
  )
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

strata_of <- function(fit) {
  at <- attr(fit$terms, "specials")$strata
  if (is.null(at)) {
    return(NULL)
  }
  sort(vapply(as.list(attr(fit$terms, "variables"))[at + 1L], deparse1, ""))
}

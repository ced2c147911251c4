#' How precisely is a coefficient known?
#'
#' Confidence intervals for the coefficients of a Cox model, from their standard errors or from the
#' profile likelihood.
#'
#' @section The profile likelihood:
#' A value belongs to the interval when twice the fall of the log-likelihood, maximised over all
#' other coefficients, is at most the chi-square quantile of one degree of freedom. Unlike the Wald
#' interval it does not depend on the scale of the coefficient, and it stays right where the
#' likelihood is skewed: few events, large effects. On a side where the likelihood has no maximum
#' the limit is infinite. For `firth = TRUE` the profile is that of the penalised likelihood.
#'
#' @param object a model from [fit_cox()].
#' @param parm which coefficients: names or numbers; default: all.
#' @param level the confidence level.
#' @param method `"wald"` (with the robust standard error where the fit has one) or `"profile"`,
#'   which is the default for a fit with `firth = TRUE`.
#' @param ... not used.
#'
#' @returns A matrix with a row for each coefficient and columns for the lower and upper limit,
#'   named as `"2.5 %"`; NA for coefficients that could not be estimated.
#' @references Venzon DJ, Moolgavkar SH. A method for computing profile-likelihood-based confidence
#'   intervals. Applied Statistics 1988;37:87-94. \doi{10.2307/2347496}
#'
#'   Heinze G, Schemper M. A solution to the problem of monotone likelihood in Cox regression.
#'   Biometrics 2001;57:114-119. \doi{10.1111/j.0006-341X.2001.00114.x}
#' @examples
#' fit <- fit_cox(Surv(futime, fustat) ~ age + rx, data = survival::ovarian)
#' confint(fit)
#' exp(confint(fit, method = "profile"))
#' @exportS3Method stats::confint sr_cox
confint.sr_cox <- function(object, parm, level = 0.95, method = c("wald", "profile"), ...) {
  method <- if (missing(method) && isTRUE(object$sr$firth)) {
    "profile"
  } else {
    choose_one(method, c("wald", "profile"), "method")
  }
  check_level(level)
  coef <- object$coefficients
  if (missing(parm)) parm <- names(coef)
  parm <- check_parm(parm, names(coef))
  tails <- c((1 - level) / 2, 1 - (1 - level) / 2)
  limits <- matrix(
    NA_real_, length(parm), 2L,
    dimnames = list(parm, paste(format(100 * tails, trim = TRUE, digits = 3), "%"))
  )
  if (length(parm) == 0L) return(limits)
  if (method == "wald") {
    se <- sqrt(diag(object$var))[match(parm, names(coef))]
    limits[] <- coef[parm] + outer(ifelse(is.na(coef[parm]), NA, se), stats::qnorm(tails))
    return(limits)
  }
  known <- !is.na(coef[parm])
  limits[known, ] <- cox_profile(object, match(parm[known], names(coef)), level)
  limits
}

check_level <- function(level, arg = "level") {
  if (!is.numeric(level) || length(level) != 1L || is.na(level) || level <= 0 || level >= 1) {
    stop_input(c(
      sprintf("`%s` must be one number between 0 and 1.", arg),
      x = sprintf("Found %s.", describe(level)), i = sprintf("For example `%s = 0.95`.", arg)
    ), arg = arg)
  }
}

check_parm <- function(parm, names, call = rlang::caller_env()) {
  found <- if (is.numeric(parm)) names[parm] else parm[parm %in% names]
  if (length(found) != length(parm) || anyNA(found)) {
    stop_input(c(
      "`parm` must name coefficients of the model, or give their numbers.",
      x = sprintf("There is no %s.", format_names(setdiff(parm, found))),
      i = sprintf("There are %s.", format_names(names))
    ), arg = "parm", call = call)
  }
  found
}

# Limits for the coefficients at the places `which` (none of them NA), a row each
cox_profile <- function(fit, which, level, call = rlang::caller_env()) {
  if (!is.null(fit$naive.var)) {
    stop_unsupported(c(
      "There is no profile likelihood with a robust variance.",
      i = 'Use `method = "wald"`, or fit with `robust = FALSE` and without `cluster`.'
    ), arg = "method", call = call)
  }
  if (fit$method == "exact") {
    stop_unsupported(c(
      'Profile intervals are not available for `ties = "exact"`.', i = 'Use `method = "wald"`.'
    ), arg = "method", call = call)
  }
  data <- cox_rebuild(fit, as_columns = TRUE)
  is_kept <- !is.na(fit$coefficients)
  x <- if (is.matrix(data$x)) matrix_columns(data$x) else data$x
  bundle <- cox_data(
    x[is_kept], event_matrix(data$y), data$stratum, as_double(data$weights), as_double(data$offset)
  )
  coef <- unname(fit$coefficients[is_kept])
  which <- cumsum(is_kept)[which]
  is_centred <- rep(TRUE, length(coef))
  if (isTRUE(fit$sr$firth)) {
    estimate <- list(
      coefficients = coef, var = fit$var[is_kept, is_kept, drop = FALSE], loglik = fit$loglik
    )
    control <- list(iter.max = 200L, eps = 1e-11, toler.chol = .Machine$double.eps^0.75)
    return(cox_firth_interval(
      bundle, fit$method, estimate, control, is_centred, level, which
    ))
  }
  .Call(
    C_cox_profile, bundle, fit$method == "efron", coef, is_centred, as.integer(which - 1L),
    stats::qnorm((1 + level) / 2)
  )
}

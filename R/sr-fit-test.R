#' How precisely is a parameter known?
#'
#' Confidence intervals from the standard errors, or from the profile likelihood where the model
#' offers it.
#'
#' @section The profile likelihood:
#' A value belongs to the interval when twice the fall of the log-likelihood, maximised over all
#' other parameters, is at most the chi-square quantile of one degree of freedom. It does not depend
#' on the scale of the parameter and stays right where the likelihood is skewed. On a side where the
#' likelihood does not fall far enough the limit is infinite.
#'
#' @param object a fit of class `sr_fit`.
#' @param parm which parameters: names or numbers; default: all.
#' @param level the confidence level.
#' @param method `"wald"` (with the robust standard error where the fit has one) or `"profile"`.
#' @param ... not used.
#' @returns A matrix with a row for each parameter and columns for the lower and upper limit, named
#'   as `"2.5 %"`, on the scale of the coefficients; NA for those that could not be estimated.
#' @references Venzon DJ, Moolgavkar SH (1988). A method for computing profile-likelihood-based
#'   confidence intervals. *Applied Statistics* 37, 87-94. \doi{10.2307/2347496}
#' @exportS3Method stats::confint sr_fit
confint.sr_fit <- function(object, parm, level = 0.95, method = c("wald", "profile"), ...) {
  method <- choose_one(method, c("wald", "profile"), "method")
  check_no_dots(...)
  check_level(level)
  coef <- object$coefficients
  parm <- if (missing(parm)) names(coef) else check_parm(parm, names(coef))
  tails <- c((1 - level) / 2, 1 - (1 - level) / 2)
  limits <- matrix(
    NA_real_, length(parm), 2L,
    dimnames = list(parm, paste(format(100 * tails, trim = TRUE, digits = 3), "%"))
  )
  at <- match(parm, names(coef))
  known <- !is.na(coef[at])
  if (method == "profile") {
    if (any(known)) limits[known, ] <- profile_checked(object, at[known], level)
    return(limits)
  }
  se <- ifelse(known, sqrt(diag(object$var))[at], NA_real_)
  limits[] <- coef[at] + outer(se, stats::qnorm(tails))
  limits
}

profile_checked <- function(fit, which, level) {
  if (!has_ratio_test(fit)) {
    stop_unsupported(c(
      if (!is.null(other_likelihood(fit))) {
        sprintf("A %slikelihood gives no profile interval.", other_likelihood(fit))
      } else {
        "There is no profile likelihood with a robust variance."
      },
      i = 'Use `method = "wald"`.'
    ), arg = "method")
  }
  profile_interval(fit, which, level)
}

# Limits of the coefficients at the places `which` (none NA), a row each: a method of the model
profile_interval <- function(fit, which, level) UseMethod("profile_interval")

profile_interval.default <- function(fit, which, level) {
  stop_unsupported(c(
    sprintf("Profile intervals are not available for <%s>.", class(fit)[[1L]]),
    i = 'Use `method = "wald"`.'
  ), arg = "method")
}

#' Which terms of a model matter?
#'
#' Likelihood-ratio tests: for one model of its terms as they are added in their order, for several
#' models of each against the one before. `test = "Wald"` tests each term of one model given all
#' others, also where there is no likelihood ratio (robust variance, pseudo-likelihood).
#'
#' @section The same rows:
#' The smaller models of one fit are fitted again to the rows that the fit used, also where fewer
#' variables would leave fewer rows out, with the same strata, weights and offset.
#'
#' @param object a fit of class `sr_fit`.
#' @param ... further fits of the same model to the same rows, in order.
#' @param test `"Chisq"`, `"Wald"` (one model only), or `"none"` for the likelihoods alone.
#' @returns A data frame of class `anova` with `loglik` (likelihood ratio only), `Chisq`, `Df` and
#'   `Pr(>|Chi|)`, one line a model or term.
#' @exportS3Method stats::anova sr_fit
anova.sr_fit <- function(object, ..., test = c("Chisq", "Wald", "none")) {
  test <- choose_one(test, c("Chisq", "Wald", "none"), "test")
  fits <- list(object, ...)
  check_fits(fits, test)
  table <- if (length(fits) > 1L) {
    compare_nested(fits)
  } else if (test == "Wald") {
    wald_by_term(object)
  } else {
    add_terms(object)
  }
  if (test != "none") {
    table[["Pr(>|Chi|)"]] <- ifelse(
      is.na(table$Df) | table$Df == 0, NA, stats::pchisq(table$Chisq, table$Df, lower.tail = FALSE)
    )
  }
  table
}

check_fits <- function(fits, test, call = rlang::caller_env()) {
  classes <- vapply(fits, function(fit) class(fit)[[1L]], "")
  if (any(classes != classes[[1L]])) {
    stop_input(c(
      "All models must be of the same class.", x = paste("Found", format_names(unique(classes)))
    ), arg = "...", call = call)
  }
  if (test == "Wald") {
    if (length(fits) > 1L) {
      stop_unsupported("Wald tests are for the terms of one model.", arg = "test", call = call)
    }
    return(invisible())
  }
  other <- unlist(lapply(fits, other_likelihood))
  if (length(other) > 0L) {
    stop_unsupported(c(
      sprintf("A %slikelihood has no likelihood-ratio test.", other[[1L]]),
      i = 'Use `anova(fit, test = "Wald")`.'
    ), arg = "object", call = call)
  }
  if (!all(vapply(fits, has_ratio_test, NA))) {
    stop_unsupported(c(
      "There is no likelihood-ratio test with a robust variance.",
      i = 'Use `anova(fit, test = "Wald")`, or fit without `cluster`.'
    ), arg = "object", call = call)
  }
}

compare_nested <- function(fits, call = rlang::caller_env(2)) {
  same <- function(part) all(vapply(fits, function(fit) identical(part(fit), part(fits[[1L]])), NA))
  response <- vapply(fits, function(fit) deparse1(fit$terms[[2L]]), "")
  if (any(response != response[[1L]])) {
    stop_input(c(
      "All models must have the same response.",
      x = paste("Found", paste(unique(response), collapse = ", "))
    ), arg = "...", call = call)
  }
  if (!same(function(fit) c(fit$n, fit$nevent))) {
    n <- vapply(fits, function(fit) sprintf("%d rows, %s events", fit$n, format(fit$nevent)), "")
    stop_input(c(
      "All models must be of the same rows.", x = paste(n, collapse = "; "),
      i = "Leave out the rows in which any of their variables is missing first."
    ), arg = "...", call = call)
  }
  of_data <- function(fit) {
    list(unclass(unname(fit$y)), fit$entry, fit$death[c("method", "y")])
  }
  if (!same(of_data)) {
    stop_input(
      "All models must be of the same response, entry and deaths.", arg = "...", call = call
    )
  }
  if (!same(function(fit) fit$weights)) {
    stop_input("All models must have the same weights.", arg = "...", call = call)
  }
  if (!has_baseline(fits[[1L]]) && !same(strata_of)) {
    stop_input("All models must have the same strata.", arg = "...", call = call)
  }
  table <- ratio_steps(
    vapply(fits, function(fit) as.numeric(stats::logLik(fit)), 0),
    vapply(fits, function(fit) as.double(fit$df), 0), as.character(seq_along(fits)), call
  )
  right <- vapply(fits, right_side, "")
  title <- vapply(fits, function(fit) fit$title %||% class(fit)[[1L]], "")
  heading <- c(
    paste0("Analysis of Deviance Table\n Response: ", response[[1L]]),
    paste0(" Model ", format(seq_along(fits)), ": ~ ", right, "   (", title, ")", collapse = "\n")
  )
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

# "arm + age, tvc = ~arm": what distinguishes a model from others of its response
right_side <- function(fit) {
  further <- as.list(fit$call)[intersect(c("shape", "tvc"), names(fit$call))]
  paste(c(
    deparse1(fit$formula[[length(fit$formula)]]),
    sprintf("%s = %s", names(further), vapply(further, deparse1, ""))
  ), collapse = ", ")
}

# One line a model: twice the rise of the likelihood from the smaller model to the larger
ratio_steps <- function(loglik, df, labels, call) {
  step <- diff(df)
  chisq <- 2 * diff(loglik) * ifelse(step < 0, -1, 1)
  wrong <- which(chisq < -1e-6 * (1 + abs(loglik[-1L])))
  if (length(wrong) > 0L) {
    warn_user(c(
      "A model with more parameters has a lower likelihood.",
      x = sprintf("See line %s.", paste(wrong + 1L, collapse = ", ")),
      i = "The models are not nested, or one has not converged: the test has no meaning."
    ), class = "survresist_warning_nested", call = call)
  }
  table <- data.frame(loglik = loglik, Chisq = c(NA, chisq), Df = c(NA, abs(step)))
  row.names(table) <- labels
  table
}

# --- one model ------------------------------------------------------------------------------------

add_terms <- function(fit) {
  labels <- names(fit$assign)
  refit <- refit_terms(fit)
  steps <- lapply(seq_len(length(labels)) - 1L, function(m) refit(labels[seq_len(m)]))
  steps <- c(steps, list(fit))
  table <- ratio_steps(
    vapply(steps, function(step) as.numeric(stats::logLik(step)), 0),
    vapply(steps, function(step) as.double(step$df), 0), c("NULL", labels), rlang::caller_env(2)
  )
  heading <- paste0(
    "Analysis of Deviance Table\n", title_lines(fit), "\nTerms added sequentially (first to last)\n"
  )
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

title_lines <- function(fit) {
  lines <- c(fit$title, paste("Response:", deparse1(fit$terms[[2L]])))
  paste0(" ", unlist(strsplit(lines, "\n")), collapse = "\n")
}

wald_by_term <- function(fit) {
  at <- effect_places(fit)
  tests <- lapply(fit$assign, function(columns) effects_test(fit, at[columns]))
  value <- function(part) {
    vapply(tests, function(test) if (is.null(test)) NA_real_ else test[[part]], 0)
  }
  table <- data.frame(Chisq = value("test"), Df = value("df"), row.names = names(fit$assign))
  heading <- paste0("Wald tests\n", title_lines(fit), "\nEach term given all others\n")
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

# function(labels): the model with these terms, its strata and offset, on the rows of the fit
refit_terms <- function(fit) {
  terms <- fit$terms
  env <- environment(terms)
  kept <- attr(terms, "term.labels")
  always <- setdiff(kept, names(fit$assign))
  offsets <- vapply(as.list(attr(terms, "variables"))[-1L][attr(terms, "offset")], deparse1, "")
  call <- fit$call
  call$init <- NULL
  refuse_death_hazard(fit, "analysis of deviance")
  if (is_illness_death(fit)) call$death_method <- same_deaths(fit)
  if (!is.null(fit$variables)) {
    call$data <- fit$variables
    call$subset <- NULL
  } else {
    check_data_again(fit)
    if (length(fit$na.action) > 0L) call$subset <- rows_of_fit(fit)
  }
  tvc <- tvc_labels(fit)
  function(labels) {
    right <- c(labels, always, offsets)
    if (!is.null(tvc)) call["tvc"] <- list(tvc_among(tvc, labels, env))
    call$formula <- stats::reformulate(
      if (length(right) > 0L) right else "1", response = terms[[2L]], env = env
    )
    eval(call, env)
  }
}

# What changes with time goes with the effect itself.
tvc_labels <- function(fit) {
  if (is.null(fit$call$tvc)) return(NULL)
  attr(stats::terms(eval(fit$call$tvc, environment(fit$terms))), "term.labels")
}

tvc_among <- function(tvc, labels, env) {
  known <- unlist(lapply(labels, function(label) all.vars(str2lang(label))))
  kept <- vapply(tvc, function(label) all(all.vars(str2lang(label)) %in% known), NA)
  if (any(kept)) stats::reformulate(tvc[kept], env = env)
}

check_data_again <- function(fit) {
  tryCatch(eval(fit$call$data, environment(fit$terms)), error = function(e) {
    stop_input(c(
      "The data that `fit` was made from cannot be found again.", x = conditionMessage(e),
      i = "Fit with `model = TRUE`, or write the formula where the data are."
    ), arg = "object")
  })
}

# Numbers of the rows of the data that the fit used
rows_of_fit <- function(fit) {
  env <- environment(fit$terms)
  data <- eval(fit$call$data, env)
  n <- if (is.data.frame(data)) nrow(data) else NROW(eval(fit$terms[[2L]], data, env))
  rows <- rows_in_subset(fit$call, data, env, n)
  if (length(fit$na.action) > 0L) rows[-fit$na.action] else rows
}

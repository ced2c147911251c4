#' What does the Cox model predict for a patient?
#'
#' All predictions that [survival::predict.coxph()] offers, with the same values, names and
#' arguments, in time linear in the number of rows.
#'
#' @section Predictions:
#' - `lp`: the linear predictor \eqn{(x - c)'\beta} plus the offset, \eqn{c} set by `reference`.
#'   Where the fit's own rows have to be read again (standard errors, strata), the offset is taken
#'   about its mean.
#' - `risk`: its exponential.
#' - `expected`: the number of events expected over the row's follow-up,
#'   \eqn{\exp(lp) \{H(stop) - H(start)\}}.
#' - `survival`: `exp(-expected)`.
#' - `terms`: each term's part of the linear predictor, one column each.
#'
#' A standard error of `lp` or a term is \eqn{\{(x - c)' V (x - c)\}^{1/2}}, \eqn{V} the variance of
#' the coefficients; of an expected number it counts the baseline hazard too: see
#' [survfit.sr_cox()].
#'
#' With entry times the squared standard error of `expected` is, as [survival::predict.coxph()] has
#' it, the difference \eqn{e^{2 lp} \{Q(stop) - Q(start)\}}{exp(2 lp) {Q(stop) - Q(start)}} of two
#' variances, each of the whole path from the origin up to \eqn{t},
#' \deqn{Q(t) = \sum_{t_k \le t} \frac{d_k}{S_{0k}^2} + q(t)' V q(t), \quad
#' q(t) = \sum_{t_k \le t} (x - \bar x(t_k)) \frac{d_k}{S_{0k}}}{
#' Q(t) = sum d_k / S0_k^2 + q(t)' V q(t), q(t) = sum (x - xbar(t_k)) d_k / S0_k over t_k <= t}
#' (for Breslow's treatment of ties; \eqn{S_{0k}}{S0_k} the sum of the risks at \eqn{t_k}). It is
#' exact where \eqn{q(start) = 0}, as without entry times. Elsewhere it leaves out that both ends
#' share the coefficients, and is `NaN` where \eqn{Q} falls between them. The standard error of the
#' difference itself is that of `survfit(fit, newdata, start.time =)` at `stop`, with a time just
#' above `start`.
#'
#' `expected` and `survival` with `newdata` multiply the hazard by `exp(offset)`; [survival]'s
#' method adds the offset to the risk instead.
#'
#' @param object a fit of [fit_cox()].
#' @param newdata data frame; for `expected` and `survival` with the response as well. Without it
#'   the rows of the fit.
#' @param type what to predict.
#' @param se.fit standard errors too?
#' @param na.action what to do with rows of `newdata` that have missing values.
#' @param terms for `type = "terms"`: names or numbers of the terms that are wanted.
#' @param collapse a vector with one group for each row: predictions are summed within.
#' @param reference what the predictors are compared with: the mean of the row's own stratum, the
#'   mean of the whole sample, or 0. `terms` has "sample" as its default; `expected` and `survival`
#'   do not depend on it.
#' @param ... ignored.
#' @returns A vector, or for `terms` a matrix whose attribute `constant` is the linear predictor at
#'   the means; with `se.fit` a list of `fit` and `se.fit`.
#' @references Therneau TM, Grambsch PM (2000). *Modeling Survival Data: Extending the Cox Model*.
#'   Springer. \doi{10.1007/978-1-4757-3294-8}
#' @examples
#' fit <- fit_cox(Surv(rtime, recur) ~ age + nodes + strata(hormon), data = survival::rotterdam)
#' one <- data.frame(rtime = 1826, recur = 0, age = 55, nodes = 2, hormon = 1)
#' predict(fit, one, type = "survival", se.fit = TRUE)
#' @exportS3Method stats::predict sr_cox
predict.sr_cox <- function(object, newdata,
                           type = c("lp", "risk", "expected", "terms", "survival"),
                           se.fit = FALSE, na.action = stats::na.pass,
                           terms = names(object$assign), collapse,
                           reference = c("strata", "sample", "zero"), ...) {
  type <- choose_one(type, eval(formals(predict.sr_cox)$type), "type")
  if (missing(reference) && type == "terms") reference <- "sample"
  reference <- choose_one(reference, eval(formals(predict.sr_cox)$reference), "reference")
  if (!missing(terms)) check_terms(terms, object)
  groups <- NULL
  if (missing(newdata)) {
    rows <- old_rows(object, type, reference, se.fit)
    omit <- object$na.action
    if (!missing(collapse)) groups <- collapse
  } else {
    extra <- if (missing(collapse)) list() else list(collapse = substitute(collapse))
    rows <- new_rows(object, newdata, type, reference, se.fit, na.action, extra, parent.frame())
    omit <- attr(rows$frame, "na.action")
    if (!missing(collapse)) groups <- stats::model.extract(rows$frame, "collapse")
  }
  found <- switch(type,
    lp = , risk = predict_risk(object, rows, type, se.fit),
    terms = predict_terms(object, rows, terms, se.fit),
    expected = , survival = predict_expected(object, rows, type, se.fit)
  )
  if (!is.null(omit)) found <- lapply(found, function(value) stats::napredict(omit, value))
  if (!is.null(groups)) found <- collapse_predictions(found, groups, type)
  if (se.fit) found else found$fit
}

check_terms <- function(terms, object) {
  known <- names(object$assign)
  is_right <- if (is.numeric(terms)) {
    all(terms == floor(terms) & terms >= 1 & terms <= length(known))
  } else {
    all(terms %in% known)
  }
  if (is_right) return(invisible())
  stop_input(c(
    "`terms` must name terms of the model, or give their numbers.",
    x = paste0("Found: ", paste(terms, collapse = ", "), "."),
    i = paste0("The model has: ", paste(known, collapse = ", "), ".")
  ), arg = "terms")
}

# What a prediction needs of its rows: x about `centre` (p, or p x strata), the offset, and what to
# call the rows. `parts` is the fit's own data, rebuilt only where it is needed.
old_rows <- function(object, type, reference, se.fit) {
  has_strata <- !is.null(cox_strata_terms(object))
  is_curve <- type %in% c("expected", "survival")
  is_by_stratum <- has_strata && reference == "strata" && !is_curve
  uses_x <- se.fit || type == "terms" || is_by_stratum ||
    (reference == "zero" && any(cox_means(object) != 0) && !is_curve)
  if (!uses_x) return(list(is_new = FALSE))
  parts <- cox_rebuild(object, as_columns = TRUE)
  offset <- if (is.null(parts$offset)) 0 else parts$offset
  list(
    is_new = FALSE, parts = parts, x = parts$x, n = nrow(parts$y), names = rownames(parts$y),
    offset = offset - mean(offset), stratum = if (is_by_stratum) parts$stratum,
    centre = cox_centre(object, parts, if (is_by_stratum) "strata" else reference)
  )
}

new_rows <- function(object, newdata, type, reference, se.fit, na.action, extra, env) {
  strata <- cox_strata_terms(object)
  is_curve <- type %in% c("expected", "survival")
  is_by_stratum <- !is.null(strata) && reference == "strata" && !is_curve
  uses_strata <- !is.null(strata) && (is_by_stratum || is_curve || strata$is_interacting)
  frame <- cox_new_frame(object, newdata, uses_strata, is_curve, na.action, extra, env)
  # As coxph's method has it, the mean offset is subtracted only where the fit's data are rebuilt.
  needs_parts <- se.fit || type == "terms" || is_curve || is_by_stratum ||
    (reference == "zero" && any(cox_means(object) != 0))
  parts <- if (needs_parts) cox_rebuild(object, as_columns = TRUE)
  shift <- if (is.null(parts$offset) || is_curve) 0 else mean(parts$offset)
  x <- cox_new_matrix(object, frame)
  rows <- list(
    is_new = TRUE, parts = parts, frame = frame, x = x, n = nrow(x), names = rownames(x),
    offset = cox_new_offset(object, frame) - shift,
    centre = cox_centre(object, parts, if (is_by_stratum) "strata" else reference)
  )
  if (is_by_stratum || (is_curve && !is.null(strata))) {
    levels <- levels(parts$strata)
    rows$stratum <- as.integer(cox_new_strata(strata, frame, levels)) - 1L
  }
  if (is_curve) rows$y <- new_response(object, frame)
  rows
}

new_response <- function(object, frame) {
  y <- stats::model.response(frame)
  wanted <- if (is.null(object$y)) attr(cox_rebuild(object)$y, "type") else attr(object$y, "type")
  if (!inherits(y, "Surv") || (!is.null(wanted) && attr(y, "type") != wanted)) {
    stop_input(c(
      "`newdata` must have the same kind of survival response as the fit.",
      x = sprintf("The fit has type \"%s\", `newdata` \"%s\".", wanted, attr(y, "type"))
    ), arg = "newdata")
  }
  y <- unclass(y)
  matrix(as.double(y), nrow(y))
}

cox_centre <- function(object, parts, reference) {
  means <- cox_means(object)
  switch(reference,
    sample = means,
    zero = 0 * means,
    strata = if (is.null(parts$stratum)) {
      means
    } else {
      .Call(C_cox_stratum_means, cox_parts_data(parts))
    }
  )
}

# The bundle of rows about whose centre C is asked; x is a matrix or a list of columns. Rows of
# unknown stratum come out NA.
rows_bundle <- function(rows, columns = TRUE) {
  x <- rows$x
  if (!isTRUE(columns)) x <- if (is.list(x)) x[columns] else x[, columns, drop = FALSE]
  stratum <- rows$stratum
  if (anyNA(stratum)) stratum[is.na(stratum)] <- 0L
  cox_data(if (length(x)) x, matrix(0, rows$n, 2L), stratum)
}

# C reads p values a stratum; a fit with fewer strata in newdata has columns that are not asked for.
rows_centre <- function(rows, columns = TRUE) {
  centre <- rows$centre
  if (is.null(rows$stratum)) return(if (isTRUE(columns)) centre else centre[columns])
  n_stratum <- max(rows$stratum, 0L, na.rm = TRUE) + 1L
  centre <- centre[, seq_len(n_stratum), drop = FALSE]
  if (isTRUE(columns)) centre else centre[columns, , drop = FALSE]
}

rows_linear <- function(rows, beta) {
  value <- .Call(C_cox_linear, rows_bundle(rows), rows_centre(rows), beta)
  if (anyNA(rows$stratum)) value[is.na(rows$stratum)] <- NA
  value
}

rows_std_err <- function(rows, var, columns = TRUE) {
  value <- .Call(C_cox_std_err, rows_bundle(rows, columns), rows_centre(rows, columns), var)
  if (anyNA(rows$stratum)) value[is.na(rows$stratum)] <- NA
  if (anyNA(value)) value[is.na(value)] <- NA
  value
}

predict_risk <- function(object, rows, type, se.fit) {
  if (is.null(rows$n)) { # the fit's own, and nothing had to be read again
    found <- list(fit = drop(object$linear.predictors))
    if (se.fit) found$se.fit <- 0 * found$fit
  } else {
    found <- list(fit = rows_linear(rows, cox_coefficients(object)) + rows$offset)
    names(found$fit) <- rows$names
    if (se.fit) found$se.fit <- stats::setNames(rows_std_err(rows, cox_var(object)), rows$names)
  }
  if (type == "lp") return(found)
  found$fit <- exp(found$fit)
  if (se.fit) found$se.fit <- found$se.fit * sqrt(found$fit)
  found
}

predict_terms <- function(object, rows, terms, se.fit) {
  beta <- object$coefficients
  var <- cox_var(object)
  assign <- object$assign
  if (is.numeric(terms)) terms <- names(assign)[terms]
  empty <- matrix(0, rows$n, length(terms), dimnames = list(rows$names, terms))
  found <- list(fit = empty)
  if (se.fit) found$se.fit <- empty
  for (term in terms) {
    columns <- assign[[term]]
    columns <- columns[!is.na(beta[columns])]
    if (length(columns) == 0L) next
    part <- rep(0, length(beta))
    part[columns] <- beta[columns]
    found$fit[, term] <- rows_linear(rows, part)
    if (se.fit) {
      found$se.fit[, term] <- rows_std_err(rows, var[columns, columns, drop = FALSE], columns)
    }
  }
  attr(found$fit, "constant") <- sum(beta * object$means, na.rm = TRUE)
  found
}

predict_expected <- function(object, rows, type, se.fit) {
  if (!rows$is_new) {
    found <- list(fit = cox_status(object) - object$residuals)
    if (is.null(names(found$fit))) names(found$fit) <- cox_row_names(object)
    if (se.fit) found$se.fit <- expected_in_c(object, rows, se.fit = TRUE)$std.err
  } else {
    found <- expected_in_c(object, rows, se.fit)
    names(found) <- c("fit", "se.fit")
  }
  if (type == "survival") {
    if (se.fit) found$se.fit <- found$se.fit * exp(-found$fit)
    found$fit <- exp(-found$fit)
  }
  found
}

expected_in_c <- function(object, rows, se.fit) {
  parts <- rows$parts
  if (is.null(parts)) parts <- cox_rebuild(object, as_columns = TRUE)
  means <- cox_means(object)
  eta <- as.double(object$linear.predictors)
  data <- cox_parts_data(parts)
  kind <- c(identical(object$method, "efron"), FALSE)
  var <- if (se.fit) cox_var(object)
  centre <- if (se.fit) means
  if (!rows$is_new) return(.Call(C_cox_expected, data, eta, kind, centre, NULL, eta, var))
  linear <- rows
  linear$stratum <- NULL
  linear$centre <- means
  query_eta <- rows_linear(linear, cox_coefficients(object)) + rows$offset
  is_known <- !is.na(query_eta) & !is.na(rowSums(rows$y))
  if (!is.null(rows$stratum)) is_known <- is_known & !is.na(rows$stratum)
  query <- if (all(is_known)) {
    cox_data(rows$x, rows$y, rows$stratum)
  } else {
    cox_data(
      rows$x[is_known, , drop = FALSE], rows$y[is_known, , drop = FALSE], rows$stratum[is_known]
    )
  }
  found <- .Call(C_cox_expected, data, eta, kind, centre, query, query_eta[is_known], var)
  lapply(found, function(value) {
    if (is.null(value)) return(NULL)
    padded <- rep(NA_real_, length(is_known))
    padded[is_known] <- value
    padded
  })
}

collapse_predictions <- function(found, groups, type) {
  n <- NROW(found$fit)
  if (length(groups) != n) {
    stop_input(c(
      "`collapse` must have one group for each prediction.",
      x = sprintf("It has %d values for %d predictions.", length(groups), n)
    ), arg = "collapse")
  }
  found$fit <- rowsum(found$fit, groups)
  if (!is.null(found$se.fit)) found$se.fit <- sqrt(rowsum(found$se.fit^2, groups))
  if (type != "terms") found <- lapply(found, drop)
  found
}

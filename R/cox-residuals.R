#' What did the Cox model leave unexplained?
#'
#' All residuals that [survival::residuals.coxph()] offers, with the same values, names and
#' arguments, in time linear in the number of rows.
#'
#' @section Definitions:
#' With \eqn{H_i} the cumulative hazard that row \eqn{i} passes through, times its risk, and
#' \eqn{\bar x(t)} the mean of the covariates over those at risk at \eqn{t}, weighted by risk:
#'
#' - martingale: \eqn{m_i = \delta_i - H_i}, events observed less expected.
#' - deviance: \eqn{\mathrm{sign}(m_i) \sqrt{-2 (m_i + \delta_i \log(\delta_i - m_i))}}.
#' - score: \eqn{s_i = \int (x_i - \bar x(t)) \, dM_i(t)}, the row's part of the gradient.
#' - dfbeta: \eqn{s_i V}, about how much the coefficients change when row \eqn{i} is left out;
#'   dfbetas: in standard errors.
#' - schoenfeld: \eqn{x_i - \bar x(t_i)}, one row for each event; scaledsch: an estimate of the
#'   coefficient over time.
#' - partial: martingale plus each term's fitted part.
#'
#' Tied deaths under Efron's approximation take the reduced hazard and the mean of
#' \eqn{\bar x} over the tied steps.
#'
#' @param object a fit of [fit_cox()].
#' @param type which residual; see Definitions.
#' @param collapse sum the residuals within groups: a vector with one group for each row, or `TRUE`
#'   for the fit's own `cluster` or else `id`.
#' @param weighted multiply by the case weights? The default is yes for dfbeta and dfbetas.
#' @param na.action a function, `na.exclude` or `na.omit`, that overrides the fit's: whether rows
#'   left out for missing values come back as `NA`.
#' @param ... ignored.
#' @returns A vector with one value for each row (martingale, deviance), or a matrix with a column
#'   for each coefficient (score, dfbeta, dfbetas; a vector when there is only one) or term
#'   (partial). For schoenfeld and scaledsch one row for each event in order of stratum and time,
#'   named by the time, with the number of events by stratum in the attribute `strata`.
#' @references Therneau TM, Grambsch PM (2000). *Modeling Survival Data: Extending the Cox Model*.
#'   Springer. \doi{10.1007/978-1-4757-3294-8}
#'
#'   Grambsch PM, Therneau TM (1994). Proportional hazards tests and diagnostics based on weighted
#'   residuals. *Biometrika* 81, 515-526. \doi{10.1093/biomet/81.3.515}
#' @examples
#' fit <- fit_cox(Surv(rtime, recur) ~ age + strata(hormon) + nodes, data = survival::rotterdam)
#' head(residuals(fit, "dfbeta"))
#' @exportS3Method stats::residuals sr_cox
residuals.sr_cox <- function(object,
                             type = c("martingale", "deviance", "score", "schoenfeld", "dfbeta",
                                      "dfbetas", "scaledsch", "partial"),
                             collapse = FALSE, weighted = type %in% c("dfbeta", "dfbetas"),
                             na.action, ...) {
  type <- choose_one(type, eval(formals(residuals.sr_cox)$type), "type")
  refuse_residual(object, type)
  omit <- object$na.action
  if (!missing(na.action)) omit <- change_omit(omit, na.action)
  if (type %in% c("schoenfeld", "scaledsch")) return(cox_schoenfeld(object, type, weighted))

  status <- NULL
  weights <- object$weights
  if (type %in% c("martingale", "deviance", "partial")) {
    value <- object$residuals
    if (weighted && !is.null(weights)) value <- value * weights
    if (type == "deviance") {
      status <- cox_status(object)
      names(value) <- cox_row_names(object)
    }
  } else {
    value <- cox_score_matrix(object, type, weighted)
  }
  if (!is.null(omit)) {
    value <- stats::naresid(omit, value)
    if (!is.null(status)) status <- stats::naresid(omit, status)
  }
  if (type == "partial") {
    object$na.action <- omit
    value <- value + stats::predict(object, type = "terms")
  }
  if (!identical(collapse, FALSE)) {
    groups <- collapse_groups(object, collapse, NROW(value), omit)
    value <- drop(rowsum(value, groups))
    if (!is.null(status)) status <- drop(rowsum(status, groups))
  }
  if (type == "deviance") deviance_of(value, status) else value
}

deviance_of <- function(martingale, status) {
  has_event <- which(status != 0)
  events <- status[has_event]
  inside <- martingale
  inside[has_event] <- inside[has_event] + events * log(events - martingale[has_event])
  sign(martingale) * sqrt(pmax(-2 * inside, 0)) # rounding alone can make it negative
}

cox_response <- function(object) object[["y"]] %||% cox_rebuild(object)$y

cox_status <- function(object) {
  y <- cox_response(object)
  as.vector(unclass(y)[, ncol(y)])
}

# Without events a fit has residuals without names, as coxph() has it, and the rest has names.
cox_row_names <- function(object) names(object$residuals) %||% rownames(cox_response(object))

# residuals that a null model, or the exact treatment of ties, does not have
refuse_residual <- function(object, type) {
  if (is.null(object$coefficients) && !type %in% c("martingale", "deviance")) {
    stop_input(c(
      sprintf("A null model has no %s residuals.", type),
      i = "Ask for `type = \"martingale\"` or `\"deviance\"`."
    ), arg = "type")
  }
  if (identical(object$method, "exact") && !type %in% c("martingale", "deviance", "partial")) {
    stop_unsupported(c(
      sprintf("The exact treatment of ties has no %s residuals.", type),
      i = "Fit with `ties = \"efron\"` for them."
    ), arg = "type")
  }
}

# The class of the omitted rows decides whether naresid() pads.
change_omit <- function(omit, na.action) {
  if (is.null(omit)) return(NULL)
  if (is.character(na.action)) na.action <- get(na.action, mode = "function")
  wanted <- class(attr(na.action(c(1, NA)), "na.action"))
  if (!any(wanted %in% c("exclude", "omit"))) {
    stop_input(c(
      "`na.action` must be `na.exclude` or `na.omit`.",
      i = "`na.exclude` puts NA where rows were left out."
    ), arg = "na.action")
  }
  class(omit) <- wanted
  omit
}

cox_score_matrix <- function(object, type, weighted) {
  parts <- cox_rebuild(object, as_columns = TRUE)
  data <- cox_parts_data(parts)
  value <- cox_score_residuals(data, as.double(object$linear.predictors), object$method, weighted)
  if (type != "score") {
    var <- if (is.null(object$naive.var)) object$var else object$naive.var
    value <- value %*% var
    if (type == "dfbetas") value <- value * rep(sqrt(1 / diag(var)), each = nrow(value))
  }
  rows <- names(object$residuals)
  if (ncol(value) == 1L) {
    value <- drop(value)
    names(value) <- rows
  } else if (type == "score" || !is.null(rows)) {
    dimnames(value) <- list(rows, if (type == "score") names(object$coefficients))
  }
  value
}

cox_schoenfeld <- function(object, type, weighted) {
  parts <- cox_rebuild(object, as_columns = TRUE)
  data <- cox_parts_data(parts)
  found <- .Call(
    C_cox_schoenfeld, data, as.double(object$linear.predictors), object$method == "efron"
  )
  value <- found$residual
  if (weighted && !is.null(parts$weights)) value <- value * parts$weights[found$row]
  y <- parts$y
  time <- as.vector(unclass(y)[found$row, ncol(y) - 1L])
  if (ncol(value) == 1L) value <- drop(value)
  if (!is.null(parts$strata)) attr(value, "strata") <- table(c(parts$strata[found$row]))
  if (is.matrix(value)) {
    dimnames(value) <- list(time, names(object$coefficients))
  } else {
    names(value) <- time
  }
  if (type == "scaledsch") scale_schoenfeld(value, object) else value
}

# V times the number of events scales each residual to an estimate of beta(t).
scale_schoenfeld <- function(value, object) {
  var <- if (is.null(object$naive.var)) object$var else object$naive.var
  coefficient <- object$coefficients
  coefficient[is.na(coefficient)] <- 0
  n_event <- NROW(value)
  if (!is.matrix(value)) return(value * drop(var) * n_event + coefficient)
  scaled <- value %*% (var * n_event) + rep(coefficient, each = n_event)
  columns <- colnames(value)
  scaled <- drop(scaled)
  colnames(scaled) <- columns
  scaled
}

collapse_groups <- function(object, collapse, n, omit) {
  if (isTRUE(collapse)) {
    collapse <- cox_rebuild(object)$cluster
    if (is.null(collapse)) {
      collapse <- stats::model.extract(fit_frame(object), "id")
    }
    if (is.null(collapse)) {
      stop_input(c(
        "`collapse = TRUE` needs a fit with `cluster` or `id`; this one has neither.",
        i = "Give the groups themselves: `collapse = data$patient`."
      ), arg = "collapse")
    }
    if (length(collapse) != n && !is.null(omit)) collapse <- stats::naresid(omit, collapse)
  }
  if (length(collapse) != n) {
    stop_input(c(
      "`collapse` must have one group for each residual.",
      x = sprintf("It has %d values for %d residuals.", length(collapse), n)
    ), arg = "collapse")
  }
  collapse
}

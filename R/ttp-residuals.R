#' Which patients does the model not describe?
#'
#' Residuals of a fit of [fit_ttp()], whichever way its times are censored.
#'
#' @section Definitions:
#' A person's cumulative hazard at the event, \eqn{H_i(T_i)}{H_i(T_i)}, less that at entry, is a
#' draw from the exponential distribution of mean 1 when the model is right. Write \eqn{A}{A} for it
#' at the time of a row or the left end of its interval, \eqn{B}{B} at the right end, and
#' \eqn{D = B - A}{D = B - A}.
#'
#' - martingale: \eqn{m_i}{m_i}, the derivative of the row's log likelihood in log H:
#'   \eqn{1 - A}{1 - A} for an exact time, \eqn{-A}{-A} for a right-censored one,
#'   \eqn{D / (e^D - 1) - A}{D / (exp(D) - 1) - A} for an interval (Farrington's adjusted Lagakos
#'   residual). They add up to 0 where the model has proportional hazards and an intercept.
#' - coxsnell: \eqn{\delta_i - m_i}{delta_i - m_i}, with \eqn{\delta_i}{delta_i} 1 where the event
#'   is known to have happened. For exact and right-censored times it is \eqn{A}{A}, censored as the
#'   time is; for an interval the expectation of a draw that is known to lie in
#'   \eqn{(A, B]}{(A, B]} (Farrington's adjusted Cox-Snell residual).
#' - deviance:
#'   \eqn{\mathrm{sign}(m_i) \sqrt{2 (\ell^*_i - \ell_i)}}{sign(m_i) sqrt(2 (l*_i - l_i))},
#'   where \eqn{\ell^*_i}{l*_i} is the largest log likelihood that the row could have if its
#'   cumulative hazard were multiplied by a factor of its own. For exact and right-censored times
#'   that is Therneau's; for a Weibull they are `survreg()`'s with the other sign (here a
#'   positive residual is an early event).
#' - score: the row's part of the gradient in the coefficients, without its weight. The weighted sum
#'   is 0, but for a penalty.
#' - dfbeta: score times `vcov()` (not the robust one): about how much each coefficient changes when
#'   the row is left out; dfbetas: in standard errors.
#'
#' With death (`"illness_death"`) the martingale residual of a row that may have progressed unseen
#' is the mean over what may have happened, and scores and dfbeta are those of the coefficients of
#' progression, freed of what the row says of death: with the score s of a row in all coefficients
#' and V their variance, dfbeta is \eqn{s V_{.P}}{s V[, P]} for the columns P of progression, and
#' the score that times \eqn{V_{PP}^{-1}}{V[P, P]^-1}. Deviance and Cox-Snell residuals need to
#' know who has progressed, and are refused.
#'
#' @param object a fit of [fit_ttp()].
#' @param type which residual, see above.
#' @param weighted multiply by the case weights? The default is yes for dfbeta and dfbetas.
#' @param ... not used.
#' @returns A vector named by row (martingale, deviance, coxsnell), or a matrix with a row for each
#'   row and a column for each coefficient. Rows that `na.exclude` left out come back as NA.
#' @references Cox DR, Snell EJ (1968). A general definition of residuals. *Journal of the Royal
#'   Statistical Society B* 30, 248-275. \doi{10.1111/j.2517-6161.1968.tb00724.x}
#'
#'   Farrington CP (2000). Residuals for proportional hazards models with interval-censored survival
#'   data. *Biometrics* 56, 473-482. \doi{10.1111/j.0006-341X.2000.00473.x}
#'
#'   Therneau TM, Grambsch PM, Fleming TR (1990). Martingale-based residuals for survival models.
#'   *Biometrika* 77, 147-160. \doi{10.1093/biomet/77.1.147}
#' @examples
#' fit <- fit_ttp(Surv(rtime, recur) ~ hormon + nodes, survival::rotterdam, family = "lognormal")
#' residual <- residuals(fit, "coxsnell")
#' # the cumulative hazard of a draw from the exponential distribution is a line through 0
#' curve <- survival::survfit(Surv(residual, recur) ~ 1, survival::rotterdam)
#' plot(curve, fun = "cumhaz", xlab = "Residual", ylab = "Cumulative hazard")
#' abline(0, 1, lty = 2)
#' @exportS3Method stats::residuals sr_ttp
residuals.sr_ttp <- function(object,
                             type = c("martingale", "deviance", "coxsnell", "score", "dfbeta",
                                      "dfbetas"),
                             weighted = type %in% c("dfbeta", "dfbetas"), ...) {
  type <- choose_one(type, eval(formals(residuals.sr_ttp)$type), "type")
  check_no_dots(...)
  check_flag(weighted, "weighted")
  refuse_death_hazard(object, "residuals")
  if (is_illness_death(object)) {
    again <- illness_residuals(object, type)
    value <- again$value
  } else {
    again <- ttp_again(object)
    value <- plain_residuals(object, again, type)
  }
  if (weighted && !is.null(again$weights)) value <- value * again$weights
  if (is.matrix(value)) rownames(value) <- again$row_names else names(value) <- again$row_names
  stats::naresid(object$na.action, value)
}

# n values, or n x P, not weighted
plain_residuals <- function(object, again, type) {
  if (type %in% c("score", "dfbeta", "dfbetas")) {
    ttp_score(object, again, type)
  } else {
    risk <- ttp_row_risk(object, again)
    switch(type,
      martingale = martingale_of(risk), coxsnell = risk$is_event - martingale_of(risk),
      deviance = sign(martingale_of(risk)) * sqrt(pmax(2 * likelihood_lost(risk), 0))
    )
  }
}

ttp_score <- function(fit, again, type) {
  rows <- .Call(C_ttp_rows, again$bundle, again$hazard, again$coef)
  score <- ttp_chain(rows$score, again$parts, fit$layout)
  colnames(score) <- names(fit$coefficients)
  if (type == "score") return(score)
  var <- fit$naive.var %||% fit$var
  change <- score %*% unname(fit$smooth$bread %||% var)
  if (type == "dfbetas") change <- change / rep(sqrt(diag(var)), each = nrow(change))
  dimnames(change) <- dimnames(score)
  change
}

#' The cumulative hazard since entry, at both ends of what is known of a row
#'
#' @returns list(is_event, is_exact, A, log_A, log_B, D): log_B and D of intervals; D may be
#'   infinite.
#' @noRd
ttp_row_risk <- function(fit, again) {
  times <- again$times
  kind <- times$kind
  n <- again$n
  fit_rows <- list(
    x = again$parts$x, offset = rep_len(again$bundle[[2L]] %||% 0, n), extra = again$parts$extra,
    stratum = again$parts$stratum
  )
  context <- ttp_context(fit, fit_rows, start = times$entry)
  all <- seq_len(n)
  is_left <- kind == ttp_kinds[["left"]]
  is_between <- kind == ttp_kinds[["interval"]]
  at_time <- log_risk(context, all, log(times$time))$w
  log_A <- ifelse(is_left, -Inf, at_time)
  log_B <- ifelse(is_left, at_time, NA_real_)
  D <- ifelse(is_left, exp(at_time), NA_real_)
  here <- which(is_between)
  if (length(here) > 0L) {
    ends <- log(cbind(times$time, times$right))[here, , drop = FALSE]
    log_B[here] <- log_risk(context, here, ends[, 2L])$w
    c_left <- ttp_table(context, here, ends[, 1L])$c
    c_right <- ttp_table(context, here, ends[, 2L])$c
    D[here] <- exp(c_right + log1p(-exp(c_left - c_right)))
  }
  list(
    is_event = as.double(is_left | is_between | kind == ttp_kinds[["exact"]]),
    is_exact = kind == ttp_kinds[["exact"]], A = exp(log_A), log_A = log_A, log_B = log_B, D = D
  )
}

# x / (e^x - 1), 1 at 0 and 0 at infinity
over_expm1 <- function(x) ifelse(x == 0, 1, ifelse(x > 700, 0, x / expm1(x)))

martingale_of <- function(risk) {
  ifelse(is.na(risk$D), risk$is_event, over_expm1(risk$D)) - risk$A
}

# The largest log likelihood over a factor of H, less the one found. An interval's is largest where
# D = log(B / A).
likelihood_lost <- function(risk) {
  log_ratio <- risk$log_B - risk$log_A
  best <- -over_expm1(log_ratio) + log(-expm1(-log_ratio))
  between <- best + risk$A - log(-expm1(-risk$D))
  ifelse(
    !is.na(risk$D), between, ifelse(risk$is_exact, risk$A - 1 - risk$log_A, risk$A)
  )
}

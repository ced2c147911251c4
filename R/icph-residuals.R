#' Which rows does the model not explain?
#'
#' Residuals of a fit to interval-censored data.
#'
#' @section Definitions:
#' With \eqn{A_i} the hazard that row i survived from its entry to the left end of its interval, and
#' \eqn{D_i} the hazard between the two ends (Farrington 2000):
#'
#' * `"martingale"` (Lagakos): events less hazard, as far as the data tell,
#'   \eqn{D_i / (e^{D_i} - 1) - A_i}{D_i / (exp(D_i) - 1) - A_i}; \eqn{-A_i} where no event was
#'   seen. It is the slope of the log-likelihood in the linear predictor; weighted, the residuals of
#'   a stratum sum to 0.
#' * `"coxsnell"`: the hazard that the row is expected to have met at its event,
#'   \eqn{1 + A_i - D_i / (e^{D_i} - 1)}{1 + A_i - D_i / (exp(D_i) - 1)}; \eqn{A_i} where no event
#'   was seen.
#' * `"deviance"`: the sign of the martingale residual times the square root of twice what the row's
#'   log-likelihood lacks to the largest that any linear predictor could give it.
#' * `"score"`: a row's contribution to the score of each coefficient when the baseline follows:
#'   they sum to 0 (weighted), and their cross-products make the robust variance.
#' * `"dfbeta"`, `"dfbetas"`: how much each coefficient would change without the row, to first
#'   order; in standard errors.
#'
#' @param object a fit from [fit_icph()].
#' @param type one of the above.
#' @param ... not used.
#' @returns A vector named by row, or a matrix with a column for each coefficient; without weights.
#' @references Farrington CP (2000). Residuals for proportional hazards models with
#'   interval-censored survival data. *Biometrics* 56, 473-482.
#'   \doi{10.1111/j.0006-341X.2000.00473.x}
#' @examples
#' cosmesis <- data.frame(
#'   left = c(45, 25, 37, 6, 46, 8, 0, 30, 0, 16, 7, 13),
#'   right = c(NA, 37, NA, 10, NA, 16, 5, 34, 22, 24, 14, NA), arm = rep(0:1, c(5, 7))
#' )
#' fit <- fit_icph(Surv(left, right, type = "interval2") ~ arm, cosmesis)
#' residuals(fit)
#' @exportS3Method stats::residuals sr_icph
residuals.sr_icph <- function(object,
                              type = c(
                                "martingale", "deviance", "coxsnell", "score", "dfbeta", "dfbetas"
                              ), ...) {
  choices <- c("martingale", "deviance", "coxsnell", "score", "dfbeta", "dfbetas")
  type <- choose_one(type, choices, "type")
  check_no_dots(...)
  data <- icph_rebuild(object)
  terms <- .Call(C_icph_rows, icph_data(data), unname(zero_aliased(object)), object$nodes$jump)
  value <- switch(type,
    martingale = icph_martingale(terms, data$times),
    coxsnell = (data$times$kind != "right") - icph_martingale(terms, data$times),
    deviance = icph_deviance(terms, data$times),
    icph_influence(object, terms$score, type)
  )
  if (is.matrix(value)) {
    rownames(value) <- row.names(data$mf)
    colnames(value) <- names(object$coefficients)
  } else {
    names(value) <- row.names(data$mf)
  }
  stats::naresid(object$na.action, value)
}

# Hazard met, Inf where nobody is known to have survived the interval
icph_met <- function(terms, times) ifelse(times$kind != "right" & terms$met == 0, Inf, terms$met)

icph_martingale <- function(terms, times) {
  met <- icph_met(terms, times)
  share <- ifelse(is.finite(met), met / expm1(met), 0)
  ifelse(times$kind == "right", 0, share) - terms$survived
}

icph_deviance <- function(terms, times) {
  a <- terms$survived
  met <- icph_met(terms, times)
  is_seen <- times$kind != "right"
  loglik <- -a + ifelse(is_seen, log(-expm1(-met)), 0)
  # the best multiple of the risk: log(b / a) / (b - a), with b = a + met
  b <- a + met
  has_best <- is_seen & a > 0 & is.finite(b)
  best <- numeric(length(a))
  r <- log1p(met[has_best] / a[has_best]) / met[has_best]
  best[has_best] <- -r * a[has_best] + log(-expm1(-r * met[has_best]))
  sign(icph_martingale(terms, times)) * sqrt(pmax(2 * (best - loglik), 0))
}

icph_influence <- function(object, score, type) {
  if (type == "score") return(score)
  change <- score %*% (object$naive.var %||% object$var)
  if (type == "dfbeta") change else sweep(change, 2L, sqrt(diag(object$var)), "/")
}

# The parameters of the baseline as people know them: a shape, not its log.

#' The baseline on its natural scale
#'
#' @returns data frame with a line for each baseline parameter: `at` (its place among the
#'   coefficients), `term` ("shape", or "shape\[high\]" in a stratum), `estimate` and `sign`: it is
#'   exp(sign * coefficient), or the coefficient itself where `sign` is 0.
#' @noRd
ttp_natural <- function(fit) {
  layout <- fit$layout
  natural <- fit$family$natural
  at <- layout$p + seq_len(layout$n_stratum * layout$K)
  level <- if (layout$n_stratum > 1L) {
    paste0("[", rep(fit$strata$level, each = layout$K), "]")
  } else {
    ""
  }
  sign <- rep.int(unname(c(exp = 1, `1/exp` = -1, identity = 0)[natural]), layout$n_stratum)
  coef <- unname(fit$coefficients[at])
  data.frame(
    at = at, term = paste0(rep.int(names(natural), layout$n_stratum), level),
    estimate = natural_value(coef, sign), sign = sign
  )
}

natural_value <- function(coef, sign) ifelse(sign == 0, coef, exp(sign * coef))

#' What are the parameters of the hazard, as people know them?
#'
#' A fit of [fit_ttp()] estimates the log of what must be positive: `log(shape)`, `mu` for the log
#' of a scale. `natural = TRUE` gives shape and scale themselves, in every stratum.
#'
#' The effects of covariates, and those of covariates on a parameter (`shape = ~ rank`), stay as
#' they were estimated. The baseline is that of covariates 0 and the reference level of factors.
#' Standard errors are by the delta method; limits are those of the estimated parameters,
#' transformed, so that they never leave what is possible.
#'
#' With death (`"illness_death"`) the coefficients of a fit are those of progression; those of
#' death without it and after it are in `fit$death$hazards$before` and `fit$death$hazards$after`,
#' fits of which the same can be asked.
#'
#' @param object,x a fit of [fit_ttp()].
#' @param natural `TRUE`: the parameters of the baseline on their natural scale.
#' @param complete,exponentiate,conf.int,conf.level,conf.method,... as for other fits, see [sr_fit]
#'   and [tidy.sr_fit()].
#' @returns `coef()` a named vector, `tidy()` a data frame as that of [tidy.sr_fit()], in which with
#'   `natural` the rows of the baseline have neither `statistic` nor `p.value`.
#' @examples
#' fit <- fit_ttp(
#'   Surv(rtime / 365.25, recur) ~ nodes + strata(hormon), survival::rotterdam, family = "weibull"
#' )
#' coef(fit)
#' coef(fit, natural = TRUE)
#' tidy(fit, natural = TRUE, conf.int = TRUE)
#' @name natural_scale
NULL

#' @rdname natural_scale
#' @exportS3Method stats::coef sr_ttp
coef.sr_ttp <- function(object, complete = TRUE, natural = FALSE, ...) {
  coef <- coef.sr_fit(object, complete)
  if (!check_flag(natural, "natural")) return(coef)
  table <- ttp_natural(object)
  at <- match(names(object$coefficients)[table$at], names(coef))
  coef[at] <- table$estimate
  names(coef)[at] <- table$term
  coef
}

#' @rdname natural_scale
#' @exportS3Method generics::tidy sr_ttp
tidy.sr_ttp <- function(x, exponentiate = FALSE, conf.int = FALSE, conf.level = 0.95,
                        conf.method = c("wald", "profile"), natural = FALSE, ...) {
  table <- tidy.sr_fit(x, exponentiate, conf.int, conf.level, conf.method, ...)
  if (!check_flag(natural, "natural")) return(table)
  known <- ttp_natural(x)
  at <- known$at
  table$term[at] <- known$term
  table$estimate[at] <- known$estimate
  errors <- intersect(c("std.error", "robust.se"), names(table))
  table[at, errors] <- table[at, errors] * ifelse(known$sign == 0, 1, known$estimate)
  table[at, c("statistic", "p.value")] <- NA_real_
  if ("conf.low" %in% names(table)) {
    ends <- cbind(
      natural_value(table$conf.low[at], known$sign), natural_value(table$conf.high[at], known$sign)
    )
    table$conf.low[at] <- pmin(ends[, 1L], ends[, 2L])
    table$conf.high[at] <- pmax(ends[, 1L], ends[, 2L])
  }
  table
}

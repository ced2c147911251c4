# What follows a Fine-Gray fit row by row.

# A fit's rows again, as C takes them: data, spec, `still` (a control that takes no step), coef (0
# where aliased), robust(extra, wants_scores), and the parts censoring, y, asked.
finegray_again <- function(fit) {
  parts <- sr_rebuild(fit)
  weights <- as_double(parts$weights)
  coef <- unname(fit$coefficients)
  coef[is.na(coef)] <- 0
  list(
    data = cox_data(
      if (length(coef) > 0L) parts$x, parts$y, parts$stratum, weights, as_double(parts$offset)
    ),
    spec = finegray_spec(
      match(fit$cause, fit$states), fit$censoring, if (fit$weighted_censoring) weights
    ),
    still = replace(finegray_control(fit$ties, fit$control), 2L, 0), coef = coef,
    censoring = fit$censoring, y = parts$y, asked = fit$control, cluster = parts$cluster,
    weights = weights, row_names = row.names(parts$mf)
  )
}

# Does a Cox model of censoring add to the influence of the rows?
has_cox_extra <- function(fit) fit$censoring$kind == "cox" && fit$variance == "finegray"

#' Which patients does the Fine-Gray model fit badly, and which decide it?
#'
#' @param object a fit from [fit_finegray()].
#' @param type * `"martingale"`: events seen less events expected, the weighted time after a
#'     competing event included;
#'   * `"score"`: what each row adds to the score, by the kind of variance of the fit: with the part
#'     of the estimated censoring distribution for `"finegray"`. Not multiplied by the case weights;
#'   * `"dfbeta"`: about how much each coefficient changes when the row is left out;
#'   * `"schoenfeld"`: covariates less their weighted mean over the risk set, a row for each event
#'     in the order of strata and times.
#' @param ... not used.
#' @returns A vector with an element a row, or a matrix with a column a coefficient. Rows left out
#'   for missing values are padded with NA after `na.action = na.exclude`.
#' @examples
#' mgus <- survival::mgus2
#' mgus$time <- ifelse(mgus$pstat == 0, mgus$futime, mgus$ptime)
#' mgus$state <- factor(
#'   ifelse(mgus$pstat == 1, 1, 2 * mgus$death), 0:2, c("none", "malignancy", "death")
#' )
#' fit <- fit_finegray(Surv(time, state) ~ age + mspike, mgus)
#' summary(residuals(fit))
#' head(residuals(fit, type = "dfbeta"))
#' @exportS3Method stats::residuals sr_finegray
residuals.sr_finegray <- function(object, type = c("martingale", "score", "dfbeta", "schoenfeld"),
                                  ...) {
  type <- choose_one(type, c("martingale", "score", "dfbeta", "schoenfeld"), "type")
  check_no_dots(...)
  if (type == "martingale") {
    value <- object$residuals
    names(value) <- rownames(object$y)
    return(stats::naresid(object$na.action, value))
  }
  again <- finegray_again(object)
  if (type == "schoenfeld") {
    found <- finegray_zph(again, numeric(object$n), object$nevent)
    return(structure(found$schoenfeld, dimnames = list(
      format_times(again$y[found$row, ncol(again$y) - 1L]), names(object$coefficients)
    )))
  }
  score <- finegray_scores(object, again)
  if (type == "dfbeta") {
    score <- score %*% (object$naive.var %||% object$var)
  } else if (!is.null(again$weights)) {
    score <- score / again$weights
  }
  dimnames(score) <- list(again$row_names, names(object$coefficients))
  stats::naresid(object$na.action, score)
}

format_times <- function(times) as.character(unname(times))

# n x p, weighted
finegray_scores <- function(fit, again) {
  extra <- if (has_cox_extra(fit)) finegray_cox_extra(again)
  kind <- if (fit$variance == "finegray") "finegray" else "robust"
  robust <- finegray_robust(kind, NULL, extra, wants_scores = TRUE)
  finegray_newton(again$data, again$spec, again$still, again$coef, robust)$scores
}

# list(row, schoenfeld, score, info, info_g, info_gg) for a clock with a value for each row
finegray_zph <- function(again, clock, n_event) {
  .Call(
    C_finegray_zph, again$data, again$spec, again$still, again$coef, as.double(clock),
    as.double(n_event)
  )
}

# zph() of a Fine-Gray fit: a `cox.zph` object.
zph_finegray <- function(fit, transform, name, terms, singledf, global, call) {
  if (length(fit$coefficients) == 0L) {
    stop_input("`fit` must have covariates: a model without them has no coefficient to change.",
               arg = "fit")
  }
  again <- finegray_again(fit)
  kept <- zph_columns(fit, terms)
  again$data[[1L]] <- again$data[[1L]][, kept$is_kept, drop = FALSE]
  again$coef <- again$coef[kept$is_kept]
  y <- unclass(again$y)
  time <- y[, ncol(y) - 1L]
  is_cause <- y[, ncol(y)] == again$spec[[1L]]
  clock <- finegray_clock(fit, again, time, is_cause, transform)
  clock[is_cause] <- clock[is_cause] - mean(clock[is_cause])
  clock[!is_cause] <- 0
  found <- finegray_zph(again, clock, fit$nevent)
  found$time <- unname(time[found$row])
  shown <- clock[found$row] + attr(clock, "mean")
  stratum <- again$data[[3L]] %||% rep.int(0L, length(time))
  k <- max(stratum) + 1L
  found$stratum_event <- tabulate(stratum[found$row] + 1L, k)
  found$is_varying <- apply(again$data[[1L]], 2L, function(x) {
    vapply(split(x, factor(stratum, seq_len(k) - 1L)), function(part) diff(range(part)) > 0, NA)
  })
  found$is_varying <- matrix(found$is_varying, k)
  coef <- again$coef
  result <- list(
    table = zph_table(found, coef, kept$assign, terms && singledf, global),
    x = shown, time = found$time
  )
  if (k > 1L) result$strata <- factor(fit$strata$level[stratum[found$row] + 1L], fit$strata$level)
  labels <- list(format_times(found$time), names(kept$assign))
  scaled <- zph_residuals(found, coef, kept$assign, terms, labels)
  result <- c(result, scaled, list(transform = name, call = call))
  structure(result, class = "cox.zph")
}

# The clock at the time of each row, with its mean over the events as an attribute
finegray_clock <- function(fit, again, time, is_cause, transform) {
  clock <- if (is.function(transform)) {
    as.double(transform(time))
  } else {
    switch(transform,
      identity = time, log = log(time), rank = rank(time),
      km = finegray_incidence(fit, again)(time)
    )
  }
  if (length(clock) != length(time)) {
    stop_input(c(
      "`transform` must give one number for each time.",
      x = sprintf("It gives %d for %d times.", length(clock), length(time))
    ), arg = "transform")
  }
  bad <- which(is_cause & !is.finite(clock))
  if (length(bad) > 0L) {
    stop_input(c(
      "`transform` must give a finite number for the time of every event.",
      x = sprintf("It does not at time %s.", format(unname(time[bad[[1L]]]))),
      i = 'Try `transform = "km"` or "rank".'
    ), arg = "transform", rows = unname(bad))
  }
  structure(unname(clock), mean = mean(clock[is_cause]))
}

# Cumulative incidence of the cause just before a time, all rows together: 1 less the product-limit
# estimate of the subdistribution
finegray_incidence <- function(fit, again) {
  data <- again$data
  data[c(1L, 3L, 4L, 5L)] <- list(NULL)
  found <- finegray_newton(data, again$spec, replace(again$still, 1L, 0), NULL)
  kept <- seq_len(found$merged[[3L]])
  survival <- c(1, cumprod(1 - found$step[kept]))
  function(time) 1 - survival[findInterval(time, found$time[kept], left.open = TRUE) + 1L]
}

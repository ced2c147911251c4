# Where the search for the maximum starts: from the data alone, in C's unit of time.

#' Mean and spread of the log event times, allowing for censoring, to start from
#'
#' The mean is that of an exponential with the same events in the same time at risk (its log has
#' mean log(scale) - 0.577); the spread is that of the events, which censoring makes smaller, not
#' less than 0.05. Where it is over 3 a few times would outweigh all others in the time at risk,
#' and the mean is that of the log event times, as `centre` always is. An offset on the scale of
#' time divides the times; on others it counts as a log hazard ratio.
#' @noRd
ttp_moments <- function(times, weights, log_unit, offset = NULL, scale = "time") {
  w <- weights %||% rep.int(1, length(times$kind))
  offset <- offset %||% 0
  is_left <- times$kind == ttp_kinds[["left"]]
  is_interval <- times$kind == ttp_kinds[["interval"]]
  is_event <- is_left | is_interval | times$kind == ttp_kinds[["exact"]]
  at <- times$time
  at[is_left] <- at[is_left] / 2
  if (any(is_interval)) at[is_interval] <- (at[is_interval] + times$right[is_interval]) / 2
  at_risk <- sum(w * (at - (times$entry %||% 0)) * exp(if (scale == "time") -offset else offset))
  events <- max(sum(w[is_event]), min(w) / 2)
  if (!any(is_event)) {
    mean <- log(at_risk / events) - 0.577 - log_unit
    return(list(mean = mean, sd = 1, centre = mean))
  }
  log_event <- log(at[is_event]) - if (scale == "time") (offset + 0 * at)[is_event] else 0
  centre <- stats::weighted.mean(log_event, w[is_event])
  spread <- sqrt(stats::weighted.mean((log_event - centre)^2, w[is_event]))
  if (spread > 3) return(list(mean = centre - log_unit, sd = spread, centre = centre - log_unit))
  list(
    mean = log(at_risk / events) - 0.577 - log_unit, sd = max(spread, 0.05),
    centre = centre - log_unit
  )
}

#' Starts from the maximum of a narrower family, below which that of the family cannot lie
#'
#' `family$narrower` is list(family, rest): its parameters are the first of the family's, which has
#' those of `rest` besides.
#' @returns NULL, or list(null, fit): coefficients to start from, in C's unit of time
#' @noRd
inner_ttp <- function(frame, extra, asked, family, layout) {
  if (is.null(family$narrower) || layout$n_extra > 0L || !is.null(asked$init)) return(NULL)
  asked$family <- family$narrower$family()
  inner <- estimate_ttp(frame, extra, asked)
  widen <- function(fit, p) {
    K <- inner$layout$K
    theta <- matrix(fit$coefficients[p + seq_len(layout$n_stratum * K)], K)
    rest <- matrix(family$narrower$rest, layout$K - K, layout$n_stratum)
    c(fit$coefficients[seq_len(p)], rbind(theta, rest))
  }
  list(null = widen(inner$null, 0L), fit = widen(inner$fit, layout$p))
}

# Of two fits that with the higher likelihood, or that with a definite information
better_ttp <- function(one, other) {
  if (is.null(one)) return(other)
  if (is.null(other)) return(one)
  gain <- other$loglik[[2L]] - one$loglik[[2L]]
  if (gain > 1e-8 || gain > -1e-8 && other$definite > one$definite) other else one
}

# The model without covariates: the best of the family's starts, each run to its end.
fit_ttp_null <- function(bundle, hazard, family, times, frame, log_unit, asked, inner = NULL) {
  bundle[1L] <- list(NULL)
  bundle[5:6] <- list(NULL)
  rows <- thin_rows(frame$n, 2000L, 4000)
  few <- function(x) if (is.null(rows)) x else x[rows]
  moments <- ttp_moments(
    lapply(times, few), few(frame$weights), log_unit, few(frame$offset), asked$scale
  )
  n_stratum <- max(length(frame$strata_levels), 1L)
  is_late <- any(times$entry > 0)
  if (is_late) {
    inner <- rbind(inner, straight_start(bundle, hazard, family, times, frame, log_unit, asked))
  }
  # where the likelihood is not a number, a wider distribution is the safer start
  for (wider in c(1, 4, 16, 64)) {
    starts <- rbind(family$start(family, list(mean = moments$mean, sd = moments$sd * wider)))
    if (is_late) {
      late <- list(mean = moments$centre, sd = moments$sd * wider)
      starts <- rbind(family$start(family, late), starts)
    }
    starts <- matrix(rep.int(starts, n_stratum), nrow(starts))
    starts <- if (is_late) rbind(inner, starts) else rbind(starts, inner)
    best <- best_of_starts(bundle, hazard, starts, asked$control, family)
    if (!is.null(best)) return(best)
  }
  stop_input(c(
    "The likelihood must be a finite number somewhere near the data.",
    x = "It is not at any starting value.",
    i = "Look for times or offsets that are far from all others."
  ), arg = "data")
}

#' Where people enter late, time at risk and times of events do not belong together, and moments lie
#'
#' A family with a special case of two parameters starts from the maximum of that one:
#' `family$straight` is list(family, widen), widen(theta, family) the parameters of the family.
#' @returns NULL, or coefficients to start from, in C's unit of time
#' @noRd
straight_start <- function(bundle, hazard, family, times, frame, log_unit, asked) {
  if (is.null(family$straight)) return(NULL)
  straight <- family$straight$family()
  if (!asked$scale %in% straight$scales) asked$scale <- straight$scales[[1L]]
  fit <- fit_ttp_null(
    bundle, ttp_hazard(straight, asked$scale), straight, times, frame, log_unit, asked
  )
  if (!all(is.finite(fit$coefficients))) return(NULL)
  theta <- matrix(fit$coefficients, length(straight$theta))
  c(apply(theta, 2L, family$straight$widen, family = family))
}

# NULL where the likelihood is finite at none of the starts, one a row
best_of_starts <- function(bundle, hazard, starts, control, family) {
  best <- NULL
  for (k in promising_first(bundle, hazard, starts)) {
    fit <- tryCatch(
      run_ttp(bundle, hazard, starts[k, ], NULL, control, family),
      survresist_error_not_finite = function(e) NULL
    )
    best <- better_ttp(best, fit)
    # with so many rows the likelihood has one maximum
    if (length(bundle[[7L]]) > 500L && best$converged && best$definite) break
  }
  best
}

# Numbers of the starts; where a first good one ends the search, that with the highest likelihood of
# a few of the rows first.
promising_first <- function(bundle, hazard, starts) {
  few <- thin_bundle(bundle, thin_rows(length(bundle[[7L]]), 500L, 500))
  if (nrow(starts) == 1L || is.null(few)) return(seq_len(nrow(starts)))
  value <- apply(starts, 1L, function(start) .Call(C_ttp_value, few, hazard, start)$loglik)
  order(replace(value, is.na(value), -Inf), decreasing = TRUE)
}

# A large study starts from the estimate of some of its rows.
run_ttp <- function(bundle, hazard, start, fixed, control, family = NULL) {
  if (!is.null(family$penalty)) {
    return(run_ttp_smooth(bundle, hazard, start, fixed, control, family))
  }
  thin <- thin_bundle(bundle)
  if (is.null(thin)) return(newton_ttp(bundle, hazard, start, fixed, control))
  near <- tryCatch(
    run_ttp(thin, hazard, start, fixed, control),
    survresist_error = function(e) list(converged = FALSE)
  )
  is_near <- near$converged && near$definite
  fit <- newton_ttp(bundle, hazard, if (is_near) near$coefficients else start, fixed, control)
  if (is_near) {
    fit$start <- near$start
    fit$info_start <- near$info_start * (length(bundle[[7L]]) / length(thin[[7L]]))
  }
  fit
}

# The search itself. info_start and start tell whence it came (lost_direction()).
newton_ttp <- function(bundle, hazard, start, fixed, control) {
  fit <- .Call(
    C_ttp_fit, bundle, hazard, as.double(start), if (!is.null(fixed)) as.integer(fixed),
    as.integer(control$max_iter), as.double(control$eps)
  )
  fit$start <- as.double(start)
  fit
}

# Dates, or blood counts by the thousand: where a covariate lies many of its standard deviations
# from 0, baseline and effect are hard to tell apart on the way to the maximum (not at it). Then the
# way is gone with the covariates centred, if the baseline can take up the difference.

#' The maximum with covariates centred, in the coefficients of covariates as they are, to start from
#'
#' eta = (x - m)'beta + delta with delta = m'beta: the family's `absorb` gives the baseline of eta
#' for that of eta - delta.
#' @noRd
centred_start <- function(bundle, hazard, start, fixed, control, family, layout) {
  scale <- hazard_scales[[hazard[[2L]] + 1L]]
  absorb <- family$absorb[[scale]]
  if (is.null(absorb) && scale == "time" && identical(family$unit, unit_of_location)) {
    absorb <- function(theta, delta) replace(theta, 1L, theta[[1L]] - delta)
  }
  if (is.null(absorb) || !is.null(family$penalty) || layout$p == 0L) return(start)
  x <- bundle[[1L]]
  n <- length(bundle[[7L]])
  some <- seq.int(1L, n, by = max(1L, n %/% 500L)) # enough to see where the covariates lie
  part <- if (is.matrix(x)) x[some, , drop = FALSE] else vapply(x, `[`, some + 0, some)
  part <- matrix(part, length(some))
  means <- colMeans(part)
  spread <- sqrt(colMeans((part - rep(means, each = length(some)))^2))
  if (!any(abs(means) > 30 * spread & spread > 0 & !fixed[seq_along(means)])) return(start)
  bundle[[1L]] <- if (is.matrix(x)) sweep(x, 2L, means) else Map(`-`, x, means)
  near <- tryCatch(
    run_ttp(bundle, hazard, start, fixed, control), survresist_error = function(e) NULL
  )
  # what runs to a border is left to the search that sees where it came from
  if (is.null(near) || !near$definite || near$gap > 1e-9) return(start)
  moved <- near$coefficients
  delta <- sum(means * moved[seq_along(means)])
  for (s in seq_len(layout$n_stratum)) {
    at <- layout$p + (s - 1L) * layout$K + seq_len(layout$K)
    moved[at] <- absorb(moved[at], delta)
  }
  moved
}

# The same from values that the user may have given
run_ttp_from <- function(init, bundle, hazard, start, fixed, control, family, layout) {
  plain <- start
  if (is.null(init)) {
    start <- centred_start(bundle, hazard, start, fixed, control, family, layout)
  }
  tryCatch(
    run_ttp(bundle, hazard, start, fixed, control, family),
    survresist_error_not_finite = function(e) {
      if (is.null(init)) return(run_ttp(bundle, hazard, plain, fixed, control, family))
      stop_input(c(
        "`init` must be values at which the likelihood is a finite number.",
        x = "It is not: the data are impossible under them, as far as a computer can tell.",
        i = "Start nearer to the estimates, or leave `init` out."
      ), arg = "init")
    }
  )
}

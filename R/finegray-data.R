# What the C routines of Fine and Gray's model take (src/r_finegray.c): the bundle of cox_data(), in
# which y holds the kind of event, and
#   cause   the kind of interest, as it is numbered in y
#   group   integer from 0: rows that share a censoring distribution, or NULL
#   ratio   hazard ratios of censoring, or NULL for product-limit estimates
#   weight  weights of the rows in the censoring distribution, or NULL
finegray_spec <- function(cause, censoring, weight = NULL) {
  list(as.double(cause), censoring$group, censoring$ratio, weight)
}

finegray_control <- function(ties, control) {
  c(
    ties == "efron", control$iter.max, control$eps, control$toler.chol,
    if (control$timefix) time_tolerance else 0
  )
}

# What the robust variance is to know; `extra`: n x p, added to the scores.
finegray_robust <- function(kind, cluster = NULL, extra = NULL, wants_scores = FALSE) {
  code <- if (is.null(cluster)) NULL else group_numbers(cluster)
  list(
    match(kind, c("model", "robust", "finegray")) - 1L, code,
    if (is.null(code)) 0L else max(code) + 1L, extra, wants_scores
  )
}

# Coefficients, var (inverse information), score, loglik, score_test, iter, rank, converged,
# linear.predictors, residuals, merged (times merged, of how many, event times), robust (variance),
# scores (n x p, weighted), and of each event time stratum (from 0), time, step of the hazard. A
# number in place of all that: see stop_finegray_row().
finegray_newton <- function(data, spec, control, init, robust = finegray_robust("model")) {
  .Call(C_finegray_fit, data, spec, control, init, robust)
}

# Event times with the cumulative hazard of a row whose linear predictor is 0
finegray_baseline <- function(estimate, levels) {
  kept <- seq_len(estimate$merged[[3L]])
  stratum <- estimate$stratum[kept]
  first <- !duplicated(stratum)
  total <- cumsum(estimate$step[kept])
  before <- (total - estimate$step[kept])[first]
  out <- list(
    time = estimate$time[kept],
    cumhaz = total - rep.int(before, tabulate(match(stratum, unique(stratum))))
  )
  if (!is.null(levels)) out$stratum <- stratum
  out
}

# The data of the Cox model of censoring. A censoring comes after an event at the same time, so
# times become places, with events moved a little ahead.
finegray_censoring_data <- function(censoring, y, weights, control) {
  if (control$timefix) y <- merge_close_times(y)
  y <- event_matrix(y)
  k <- ncol(y)
  status <- y[, k]
  places <- sort(unique(as.vector(y[, -k])))
  at <- matrix(as.double(match(y[, -k], places)), nrow(y))
  at[status != 0, k - 1L] <- at[status != 0, k - 1L] - 0.5
  cox_data(censoring$z, cbind(at, as.double(status == 0)), censoring$group, weights)
}

# That model: adds the hazard ratios of the rows, coefficients and their variance
finegray_cox_censoring <- function(censoring, y, weights, control) {
  data <- finegray_censoring_data(censoring, y, weights, control)
  fit <- cox_newton(data, "breslow", NULL, control, rep.int(TRUE, ncol(censoring$z)))
  if (!fit$converged) {
    stop_input(c(
      "The Cox model of `censoring` must have an estimate.",
      x = sprintf("It did not converge in %d iterations.", control$iter.max),
      i = "Use fewer variables, or groups: `censoring = ~ cut(age, 3)`."
    ), arg = "censoring")
  }
  censoring$coefficients <- stats::setNames(fit$coefficients, colnames(censoring$z))
  censoring$ratio <- exp(fit$linear.predictors)
  censoring$var <- fit$var
  censoring
}

# How results change with the coefficients of the Cox model of censoring: central differences of
# find(spec), which is as smooth as exp(). A column for each coefficient.
finegray_cox_slope <- function(spec, censoring, find) {
  slopes <- lapply(seq_len(ncol(censoring$z)), function(j) {
    z <- censoring$z[, j] - mean(censoring$z[, j])
    step <- 1e-4 / max(abs(z), 1e-300)
    at <- function(sign) {
      spec[[3L]] <- censoring$ratio * exp(sign * step * z)
      find(spec)
    }
    (at(1) - at(-1)) / (2 * step)
  })
  matrix(unlist(slopes), ncol = length(slopes))
}

# The influence of each row on these coefficients
finegray_cox_influence <- function(again) {
  data <- finegray_censoring_data(again$censoring, again$y, again$spec[[4L]], again$asked)
  cox_score_residuals(data, log(again$censoring$ratio), "breslow", weighted = TRUE) %*%
    again$censoring$var
}

# What estimating them adds to each row's score; NULL where it adds nothing
finegray_cox_extra <- function(again, influence = finegray_cox_influence(again)) {
  slope <- finegray_cox_slope(again$spec, again$censoring, function(spec) {
    finegray_newton(again$data, spec, again$still, again$coef)$score
  })
  influence %*% t(slope)
}

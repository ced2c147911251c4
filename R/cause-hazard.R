# The hazard of one cause for new patients, from whatever model estimated it.
#
# `cause_hazard(fit, newdata)` gives, for row i of newdata,
#   times(i)              times at which the cumulative hazard jumps; NULL where it has no jumps
#   end(i)                the last time at which it is known
#   steps(i, grid)        its increments over (0, grid[1]], (grid[1], grid[2]], ...
#   influence(i, grid, w) n x C: what each row of the fit's data adds, to first order, to the C sums
#                         of w[k, c] * steps[k]; weights of the rows are in it
# and of the fit
#   rows, group           names of its rows, and of the subjects or clusters that they belong to
#   event                 which of them have an event; NULL where that is not known row by row
#   is_known              which rows of newdata miss no value
# A model joins with one method.

cause_hazard <- function(fit, newdata, ...) UseMethod("cause_hazard")

#' @export
cause_hazard.default <- function(fit, newdata, ...) {
  stop_unsupported(c(
    "The hazard of a cause comes from `fit_cox()` or `fit_ttp()`.",
    x = sprintf("Found an object of class <%s>.", paste(class(fit), collapse = "/"))
  ), arg = "fits")
}

# Breslow's or Efron's baseline, with its influence by the derivatives in the case weights: a jump
# with d deaths of mean weight m, D their risks and S all risks, is
#   h = sum over l < d of m / S_l,   S_l = S - (l / d) D      (Breslow: d m / S)
# and in it a death of weight w has the share w h / (d m), a row at risk takes off its risk times
# Q = sum m / S_l^2 (a death the part 1 - l / d of each), and beta takes off X = sum m xbar_l / S_l.
#' @export
cause_hazard.sr_cox <- function(fit, newdata, ...) {
  if (identical(fit$method, "exact")) {
    stop_unsupported(c(
      'There is no absolute risk with `ties = "exact"`.', i = 'Fit with `ties = "efron"`.'
    ), arg = "fits")
  }
  parts <- cox_rebuild(fit)
  if (isTRUE(fit$timefix)) parts$y <- merge_close_times(parts$y)
  beta <- cox_coefficients(fit)
  p <- length(beta)
  x <- if (p > 0L) sweep(parts$x, 2L, cox_means(fit)) else matrix(0, nrow(parts$y), 0L)
  eta <- drop(x %*% beta) + (parts$offset %||% 0)
  rows <- cox_hazard_rows(parts, eta, x)
  if (p > 0L) {
    rows$beta <- as.matrix(cox_score_matrix(fit, "dfbeta", TRUE))
    rows$beta[is.na(rows$beta)] <- 0
  }
  given <- sr_new_parts(fit_with_strata(fit, parts), newdata, stats::na.pass)
  new_x <- if (p > 0L) sweep(given$x, 2L, cox_means(fit)) else matrix(0, nrow(newdata), 0L)
  ratio <- exp(drop(new_x %*% beta) + given$offset)
  stratum <- if (is.null(given$strata)) rep.int(1L, nrow(newdata)) else as.integer(given$strata)
  curves <- vector("list", max(rows$stratum))
  for (s in unique(stats::na.omit(stratum))) curves[[s]] <- cox_hazard_curve(rows, s, fit$method)
  list(
    times = function(i) curves[[stratum[[i]]]]$time, end = function(i) curves[[stratum[[i]]]]$end,
    steps = function(i, grid) {
      curve <- curves[[stratum[[i]]]]
      at <- match(grid, curve$time)
      ifelse(is.na(at), 0, curve$jump[at]) * ratio[[i]]
    },
    influence = function(i, grid, w) {
      cox_hazard_influence(rows, curves[[stratum[[i]]]], new_x[i, ], grid, w) * ratio[[i]]
    },
    rows = rows$name, group = rows$group, event = rows$event, is_known = !is.na(ratio)
  )
}

# `fit` with what sr_new_parts() reads of strata
fit_with_strata <- function(fit, parts) {
  list(
    terms = fit$terms, xlevels = fit$xlevels, contrasts = fit$contrasts,
    strata = list(level = levels(parts$strata))
  )
}

cox_hazard_rows <- function(parts, eta, x) {
  y <- unclass(parts$y)
  n <- nrow(y)
  name <- rownames(y) %||% as.character(seq_len(n))
  id <- if (!is.null(parts$mf)) parts$mf[["(id)"]]
  weights <- parts$weights %||% rep.int(1, n)
  list(
    name = name, group = as.character(parts$cluster %||% id %||% name),
    start = if (ncol(y) == 3L) y[, 1L], stop = as.vector(y[, ncol(y) - 1L]),
    event = as.vector(y[, ncol(y)] == 1), weight = weights, risk = weights * exp(eta), x = x,
    stratum = (parts$stratum %||% rep.int(0L, n)) + 1L
  )
}

# Sums over the slots from each on; slot 0 is before all
suffix_sums <- function(value, slot, n_slot) {
  value <- as.matrix(value)
  total <- matrix(0, n_slot, ncol(value))
  found <- rowsum(value, slot)
  place <- as.integer(rownames(found))
  total[place[place > 0L], ] <- found[place > 0L, , drop = FALSE]
  for (j in seq_len(ncol(total))) total[, j] <- rev(cumsum(rev(total[, j])))
  total
}

cox_hazard_curve <- function(rows, stratum, method) {
  here <- which(rows$stratum == stratum)
  stop <- rows$stop[here]
  event <- rows$event[here]
  time <- sort(unique(stop[event]))
  n_slot <- length(time)
  leave <- findInterval(stop, time)
  enter <- if (!is.null(rows$start)) findInterval(rows$start[here], time)
  risk <- rows$risk[here]
  moved <- cbind(risk, risk * rows$x[here, , drop = FALSE])
  curve <- list(here = here, time = time, end = max(stop), leave = leave, enter = enter)
  if (n_slot == 0L) return(c(curve, list(jump = numeric())))
  at_risk <- suffix_sums(moved, leave, n_slot)
  if (!is.null(enter)) at_risk <- at_risk - suffix_sums(moved, enter, n_slot)
  dead <- rowsum(cbind(1, rows$weight[here], moved)[event, , drop = FALSE], leave[event])
  count <- dead[, 1L]
  mean <- dead[, 2L] / count
  dead <- dead[, -(1:2), drop = FALSE]
  jump <- square <- tied_square <- numeric(n_slot)
  drift <- matrix(0, n_slot, ncol(rows$x))
  for (l in seq_len(max(count)) - 1L) {
    k <- which(count > l)
    share <- if (method == "efron") l / count[k] else 0 * k
    sums <- at_risk[k, , drop = FALSE] - share * dead[k, , drop = FALSE]
    step <- mean[k] / sums[, 1L]
    jump[k] <- jump[k] + step
    square[k] <- square[k] + step / sums[, 1L]
    tied_square[k] <- tied_square[k] + (1 - share) * step / sums[, 1L]
    drift[k, ] <- drift[k, ] + step * sums[, -1L, drop = FALSE] / sums[, 1L]
  }
  c(curve, list(
    jump = jump, square = square, tied_square = tied_square, drift = drift,
    death_weight = mean * count
  ))
}

cox_hazard_influence <- function(rows, curve, x, grid, w) {
  total <- matrix(0, length(rows$stop), ncol(w))
  at <- match(curve$time, grid)
  used <- which(!is.na(at))
  if (length(used) == 0L) return(total)
  n_used <- max(used)
  value <- matrix(0, n_used, ncol(w))
  value[used, ] <- w[at[used], , drop = FALSE]
  k <- seq_len(n_used)
  taken <- rbind(0, column_sums_so_far(value * curve$square[k]))
  here <- curve$here
  risk <- rows$risk[here]
  passed <- taken[pmin(curve$leave, n_used) + 1L, , drop = FALSE]
  if (!is.null(curve$enter)) {
    passed <- passed - taken[pmin(curve$enter, n_used) + 1L, , drop = FALSE]
  }
  total[here, ] <- -risk * passed
  dead <- which(rows$event[here] & curve$leave <= n_used)
  slot <- curve$leave[dead]
  own <- rows$weight[here][dead] * curve$jump[slot] / curve$death_weight[slot] +
    risk[dead] * (curve$square - curve$tied_square)[slot]
  total[here[dead], ] <- total[here[dead], , drop = FALSE] + own * value[slot, , drop = FALSE]
  if (length(x) > 0L) {
    slope <- outer(curve$jump[k], x) - curve$drift[k, , drop = FALSE]
    total <- total + rows$beta %*% crossprod(slope, value)
  }
  total
}

# A parametric hazard has no jumps, and its influence goes by the delta method: V = L L' stands for
# the subjects, as many independent ones as there are parameters, each with its column of L. Hazards
# that were estimated together have their rows of one L, and so the same subjects.
#' @export
cause_hazard.sr_ttp <- function(fit, newdata, ...) {
  rows <- ttp_rows(fit, newdata)
  known <- logical(nrow(newdata))
  known[rows$number[rows$is_known]] <- TRUE
  joint <- joint_estimate(fit)
  parts <- eigen(joint$var, symmetric = TRUE)
  root <- parts$vectors %*% diag(sqrt(pmax(parts$values, 0)), nrow(joint$var))
  root <- root[joint$at, , drop = FALSE]
  hazard <- function(i, grid, order) {
    at <- match(i, rows$number)
    asked <- list(type = "cumhaz", start = 0)
    index <- rep.int(1L, length(grid))
    found <- estimate_cells(fit, take_rows(rows, at), index, grid, asked, stats::coef(fit), order)
    on_own_scale(found)
  }
  steps_of <- function(values) values - rbind(0, values[-nrow(values), , drop = FALSE])
  is_right <- attr(fit$y, "type") %in% c("right", "counting")
  estimate <- paste(format(joint$coefficients, digits = 17L), collapse = " ")
  names <- paste("parameter", seq_len(ncol(root)), "of", deparse1(fit$call), estimate)
  list(
    times = function(i) NULL, end = function(i) Inf,
    steps = function(i, grid) diff(c(0, hazard(i, grid, 0L)$w)),
    influence = function(i, grid, w) {
      crossprod(root, crossprod(steps_of(hazard(i, grid, 1L)$gradient), w))
    },
    rows = rownames(fit$y), group = names,
    event = if (is_right) unclass(fit$y)[, ncol(fit$y)] == 1, is_known = known
  )
}

# All that was estimated together, and the places of this fit's coefficients in it
joint_estimate <- function(fit) {
  joint <- if (is.null(fit$death$var)) fit else fit$death
  list(
    coefficients = unname(joint$coefficients), var = unname(joint$var),
    at = fit$death$at %||% seq_along(fit$coefficients)
  )
}

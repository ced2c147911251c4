# From rows and cells to the table that predict() returns: estimates, then their errors by the delta
# method or from draws of the coefficients.

#' The table of a prediction
#'
#' Cells are taken a block of rows at a time: a gradient has a column for each coefficient.
#' @noRd
predict_cells <- function(fit, rows, cells, asked) {
  n <- length(cells$index)
  table <- data.frame(.row = rows$number[cells$index])
  if (!is.null(cells$name)) table[[cells$name]] <- cells$at
  columns <- c(
    "estimate", if (asked$has_error) "std.error", if (asked$has_limits) c("conf.low", "conf.high")
  )
  table[columns] <- rep(list(rep.int(NA_real_, n)), length(columns))
  known <- which(rows$is_known[cells$index])
  most <- if (is.null(asked$draws)) 20000L else 2000L
  for (here in row_blocks(cells$index[known], most)) {
    at <- known[here]
    found <- predict_block(fit, rows, cells$index[at], cells$at[at], asked)
    table[at, columns] <- found[columns]
  }
  warn_infinite(table$estimate, asked)
  as_table(table)
}

# Places of cells, so that a block has about `most` of them and whole rows
row_blocks <- function(index, most) {
  n <- length(index)
  if (n == 0L) return(list())
  first <- match(index, index)
  unname(split(seq_len(n), (first - 1L) %/% most))
}

warn_infinite <- function(estimate, asked) {
  what <- if (asked$type == "difference") asked$of else asked$type
  n <- sum(!is.na(estimate) & is.infinite(estimate))
  if (what != "mean" || n == 0L) return(invisible())
  warn_user(c(
    "The mean time is infinite: the curve has a plateau, or falls too slowly.",
    x = sprintf("In %d of %d predictions.", n, length(estimate)),
    i = "Use `type = \"rmst\"` up to a time that the data reach."
  ), class = "survresist_warning_infinite")
}

predict_block <- function(fit, rows, index, at, asked) {
  used <- unique(index)
  index <- match(index, used)
  rows <- take_rows(rows, used)
  asked$start <- asked$start[used]
  estimate <- function(coef, order) estimate_cells(fit, rows, index, at, asked, coef, order)
  is_delta <- asked$has_error && is.null(asked$draws)
  found <- estimate(stats::coef(fit), as.integer(is_delta))
  link <- links[[found$link]]
  out <- data.frame(estimate = link$inverse(found$w))
  if (!asked$has_error) return(without_errors_at_limits(out, FALSE))
  tail <- stats::qnorm((1 + asked$level) / 2)
  if (is_delta) {
    error <- delta_error(found$gradient, stats::vcov(fit))
    out$std.error <- abs(link$slope(found$w)) * error
    ends <- link$inverse(found$w + outer(error, c(-tail, tail)))
    # where it is known: S = 1 at time 0
    is_sure <- found$link != "identity" & asked$type != "hr" & found$w %in% -Inf
    out$std.error[is_sure] <- 0
    ends[is_sure, ] <- out$estimate[is_sure]
  } else {
    values <- apply(asked$draws, 2L, function(coef) link$inverse(estimate(coef, 0L)$w))
    dim(values) <- c(length(at), ncol(asked$draws))
    out$std.error <- apply(values, 1L, stats::sd)
    ends <- t(apply(values, 1L, stats::quantile,
      probs = c(1 - asked$level, 1 + asked$level) / 2, names = FALSE, na.rm = TRUE
    ))
  }
  out$conf.low <- pmin(ends[, 1L], ends[, 2L])
  out$conf.high <- pmax(ends[, 1L], ends[, 2L])
  without_errors_at_limits(out, asked$type == "hr")
}

# Infinity has no standard error, nor has a hazard ratio whose limit at time 0 is 0; and infinity
# less infinity is not known.
without_errors_at_limits <- function(out, is_ratio) {
  is_limit <- !is.finite(out$estimate) | (is_ratio & out$estimate %in% 0)
  out$estimate[is.nan(out$estimate)] <- NA
  out[is_limit, setdiff(names(out), "estimate")] <- NA
  out
}

take_rows <- function(rows, used) {
  is_matrix <- vapply(rows, is.matrix, NA)
  rows[is_matrix] <- lapply(rows[is_matrix], function(x) x[used, , drop = FALSE])
  rows[!is_matrix] <- lapply(rows[!is_matrix], function(x) x[used])
  rows
}

delta_error <- function(gradient, var) {
  sqrt(pmax(rowSums((gradient %*% unname(var)) * gradient), 0))
}

#' An estimate at cells, on the scale of its link, with its gradient in the coefficients
#'
#' @returns list(w, gradient (NULL for order 0), link).
#' @noRd
estimate_cells <- function(fit, rows, index, at, asked, coef, order) {
  if (asked$type == "link") return(estimate_link(fit, rows, index, coef, order))
  one <- function(type, rows, index, start) {
    context <- ttp_context(fit, rows, coef, start)
    found <- ttp_measure(type)(context, index, at, order)
    list(
      w = found$w, link = found$link,
      gradient = if (order > 0L) slot_gradient(found$slope, index, rows, fit$layout)
    )
  }
  if (!asked$type %in% c("hr", "difference")) return(one(asked$type, rows, index, asked$start))
  type <- if (asked$type == "hr") "hazard" else asked$of
  first <- one(type, rows, index, asked$start)
  copies <- take_rows(asked$reference, rep.int(1L, nrow(rows$x)))
  second <- one(type, copies, index, asked$start)
  if (asked$type == "hr") {
    w <- first$w - second$w
    at_zero <- which(at == 0)
    if (length(at_zero) > 0L) {
      w[at_zero] <- ratio_at_zero(fit, list(rows, copies), index[at_zero], coef)
    }
    return(list(w = w, gradient = first$gradient - second$gradient, link = "log"))
  }
  first <- on_own_scale(first)
  second <- on_own_scale(second)
  list(w = first$w - second$w, gradient = first$gradient - second$gradient, link = "identity")
}

# The log of the hazard ratio of two sets of rows as time goes to 0, where hazards may be 0 or
# infinite: as in ttp_table(), a difference of logs that still moves goes on for ever.
ratio_at_zero <- function(fit, both, index, coef) {
  log_hazard <- function(rows, log_time) {
    context <- ttp_context(fit, rows, coef)
    hazard_table(
      context$hazard, rep.int(log_time, length(index)), context$theta[index, , drop = FALSE],
      context$eta[index]
    )$haz
  }
  difference <- function(log_time) {
    log_hazard(both[[1L]], log_time) - log_hazard(both[[2L]], log_time)
  }
  last <- difference(least_log_time)
  rise <- last - difference(least_log_time / 2)
  ifelse(abs(rise) > 1e-6, sign(rise) * Inf, last)
}

estimate_link <- function(fit, rows, index, coef, order) {
  slope <- matrix(0, length(index), 1L + fit$layout$K)
  slope[, 1L] <- 1
  list(
    w = ttp_context(fit, rows, coef)$eta[index], link = "identity",
    gradient = if (order > 0L) slot_gradient(slope, index, rows, fit$layout)
  )
}

# An estimate and its gradient without the link
on_own_scale <- function(found) {
  link <- links[[found$link]]
  slope <- link$slope(found$w)
  gradient <- found$gradient
  if (!is.null(gradient)) {
    gradient <- gradient * slope
    gradient[slope %in% 0, ] <- 0
  }
  list(w = link$inverse(found$w), gradient = gradient, link = "identity")
}

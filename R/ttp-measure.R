# Quantities that a hazard determines, at cells (R/ttp-rows.R), each on a scale on which its
# estimate is close to normal.
#
# A measure is function(context, index, at, order) -> list(w, slope, link): the quantity is
# links[[link]]$inverse(w), and `slope` are the derivatives of w in the slots (order 1). With
# c = log H, v = log h, and H counted from `start` where there is one:
#   survival   w = c          exp(-e^w)          the scale of log(-log S)
#   cumhaz     w = c          e^w
#   hazard     w = v          e^w
#   density    w = v - H      e^w
#   quantile   w = log t      where c(w) = log(-log(1 - p)):  dw = -dc / (dc/dx), dc/dx = t h / H
#   rmst, mean                R/ttp-integral.R

links <- list(
  loglog = list(inverse = function(w) exp(-exp(w)), slope = function(w) -exp(w - exp(w))),
  log = list(inverse = exp, slope = exp),
  identity = list(inverse = identity, slope = function(w) rep.int(1, length(w)))
)

ttp_measure <- function(type) {
  switch(type,
    survival = measure_survival, cumhaz = measure_cumhaz, hazard = measure_hazard,
    density = measure_density, quantile = measure_quantile, rmst = measure_rmst,
    mean = measure_mean
  )
}

measure_survival <- function(context, index, at, order) {
  c(log_risk(context, index, log(at), order), link = "loglog")
}

measure_cumhaz <- function(context, index, at, order) {
  c(log_risk(context, index, log(at), order), link = "log")
}

measure_hazard <- function(context, index, at, order) {
  table <- ttp_table(context, index, log(at), order)
  list(w = table$v, slope = table$v_slope, link = "log")
}

measure_density <- function(context, index, at, order) {
  table <- ttp_table(context, index, log(at), order)
  risk <- log_risk(context, index, log(at), order, table)
  H <- exp(risk$w)
  w <- table$v - H
  if (!is.null(context$start)) w[at < context$start[index]] <- -Inf
  list(
    w = w,
    slope = if (order > 0L) table$v_slope - H * risk$slope, link = "log"
  )
}

# `at` is the probability of an event.
measure_quantile <- function(context, index, at, order) {
  risk <- -log1p(-at)
  before <- if (!is.null(context$start)) {
    ttp_table(context, index, log(context$start[index]), order)
  }
  H <- if (is.null(before)) 0 else exp(before$c)
  x <- solve_log_time(context, index, log(H + risk))
  if (order == 0L) return(list(w = x, link = "log"))
  is_inside <- is.finite(x)
  slope <- matrix(ifelse(x == -Inf, 0, NA_real_), length(x), 1L + ncol(context$theta))
  if (any(is_inside)) {
    inside <- which(is_inside)
    table <- ttp_table(context, index[inside], x[inside], 1L)
    move <- -table$c_slope
    if (!is.null(before)) {
      known <- before$c_slope[inside, , drop = FALSE]
      known[before$c[inside] == -Inf, ] <- 0
      move <- move + (H / (H + risk))[inside] * known
    }
    slope[inside, ] <- move / exp(table$v + x[inside] - table$c)
  }
  list(w = x, slope = slope, link = "log")
}

# --- the time at which log H reaches a value ------------------------------------------------------

#' Where does log H reach `target`?
#'
#' A bracket that grows from x = 0, then Newton's steps in x = log t, halving the bracket when a
#' step leaves it, and from time to time.
#' @returns log times, one a cell: Inf where H stays below its target for ever (t < 1e308), -Inf
#'   where it is above it at once.
#' @noRd
solve_log_time <- function(context, index, target) {
  bracket <- bracket_log_time(context, index, target)
  x <- ifelse(bracket$low >= bracket$high, bracket$low, (bracket$low + bracket$high) / 2)
  active <- which(is.finite(x))
  low <- bracket$low
  high <- bracket$high
  for (round in seq_len(200L)) {
    if (length(active) == 0L) break
    now <- x[active]
    table <- ttp_table(context, index[active], now)
    gap <- table$c - target[active]
    is_below <- gap < 0
    low[active[is_below]] <- now[is_below]
    high[active[!is_below]] <- now[!is_below]
    step <- now - gap / exp(table$v + now - table$c)
    a <- low[active]
    b <- high[active]
    is_outside <- !is.finite(step) | step <= a | step >= b | round %% 8L == 0L
    step[is_outside] <- (a + (b - a) / 2)[is_outside]
    least <- 4e-16 * (1 + abs(now))
    is_done <- gap == 0 | abs(step - now) <= least / 2 | b - a <= least
    x[active[!is_done]] <- step[!is_done]
    active <- active[!is_done]
  }
  x
}

bracket_log_time <- function(context, index, target) {
  low <- high <- numeric(length(index))
  low[target == -Inf] <- high[target == -Inf] <- -Inf
  low[target == Inf] <- high[target == Inf] <- Inf
  reaches <- function(cells, x) {
    found <- ttp_table(context, index[cells], x)$c >= target[cells]
    !is.na(found) & found
  }
  cells <- which(is.finite(low))
  is_up <- !reaches(cells, low[cells])
  rising <- cells[is_up]
  falling <- cells[!is_up]
  step <- 1
  most <- 709
  while (length(rising) > 0L) {
    low[rising] <- high[rising]
    high[rising] <- pmin(high[rising] + step, most)
    is_left <- !reaches(rising, high[rising])
    is_never <- is_left & high[rising] >= most
    low[rising[is_never]] <- high[rising[is_never]] <- Inf
    rising <- rising[is_left & !is_never]
    step <- 2 * step
  }
  step <- 1
  while (length(falling) > 0L) {
    high[falling] <- low[falling]
    low[falling] <- pmax(low[falling] - step, -700)
    is_left <- reaches(falling, low[falling])
    is_always <- is_left & low[falling] <= -700
    low[falling[is_always]] <- high[falling[is_always]] <- -Inf
    falling <- falling[is_left & !is_always]
    step <- 2 * step
  }
  list(low = low, high = high)
}

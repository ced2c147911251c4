# Mean times, restricted or not: integrals of the survival curve, for many cells at once.
#
# With x = log t,  integral of S dt = integral of S(e^x) e^x dx, whose integrand is smooth and falls
# to the left as e^x, whatever the shape of the hazard at 0. Panels of x carry Gauss's rule of 7
# nodes within Kronrod's of 15; a panel whose two sums differ is cut in half. The derivatives are
# integrated on the same panels: dS = -S H dc.
#
# Reference: Piessens R, de Doncker-Kapenga E, Ueberhuber CW, Kahaner DK (1983). QUADPACK.
# Springer, doi:10.1007/978-3-642-61786-7 (nodes, weights and the estimate of the error).

kronrod <- local({
  node <- c(
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
    0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
    0.586087235467691130294144691258480, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245, 0
  )
  weight <- c(
    0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
    0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
    0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
    0.204432940075298892414161999234649, 0.209482141084727828012999174891714
  )
  gauss <- c(
    0, 0.129484966168869693270611432679082, 0, 0.279705391489276667901467771423780,
    0, 0.381830050505118944950369775488975, 0, 0.417959183673469387755102040816327
  )
  both <- function(v) c(v, rev(v[-8L]))
  list(node = c(-node, rev(node[-8L])), weight = both(weight), gauss = both(gauss))
})

#' Integrals of a function of several values, over panels that belong to cells
#'
#' A panel is cut while its error, in one value at least, is above its share of what is allowed:
#' `tolerance` times the integral of the size of that value, as far as it is known by now (a value
#' that begins late may have been missed by the first panels). Nor is a panel cut for an error that
#' rounding alone explains. Once a cell has `most` panels open, it is the noise of `f` that is being
#' cut, and they are taken as they are.
#' @param f function(cell, x): a matrix with a row for each x.
#' @param cell,low,high the panels to start from.
#' @param tolerance one for each value of `f`, relative to the integral of its size.
#' @param most open panels of a cell.
#' @returns a matrix with a row for each of `n_cell` cells.
#' @noRd
integrate_panels <- function(f, cell, low, high, n_cell, tolerance, most = 100L) {
  total <- taken <- matrix(0, n_cell, length(tolerance))
  for (round in seq_len(60L)) {
    if (length(cell) == 0L) break
    sums <- panel_sums(f, cell, low, high)
    size <- add_rows(taken, cell, sums$size)
    error <- sums$size * pmin(1, (200 * sums$gap / pmax(sums$size, 1e-300))^1.5)
    allowed <- size[cell, , drop = FALSE] * rep(tolerance, each = length(cell))
    is_open <- error > allowed & sums$gap > 50 * .Machine$double.eps * sums$size
    is_fine <- rowSums(is_open) == 0 | round == 60L | high - low < 1e-13 * (1 + abs(low)) |
      tabulate(cell, n_cell)[cell] > most
    total <- add_rows(total, cell[is_fine], sums$value[is_fine, , drop = FALSE])
    taken <- add_rows(taken, cell[is_fine], sums$size[is_fine, , drop = FALSE])
    cut <- which(!is_fine)
    middle <- (low[cut] + high[cut]) / 2
    cell <- rep.int(cell[cut], 2L)
    ends <- list(c(low[cut], middle), c(middle, high[cut]))
    low <- ends[[1L]]
    high <- ends[[2L]]
  }
  total
}

# `size`: the integral of |f|;  `gap`: how far the two rules are apart
panel_sums <- function(f, cell, low, high) {
  m <- length(kronrod$node)
  half <- (high - low) / 2
  x <- rep((low + high) / 2, each = m) + rep(half, each = m) * kronrod$node
  values <- f(rep(cell, each = m), x)
  panel <- length(cell)
  wide <- matrix(values, m)
  shape <- function(sum) matrix(sum, panel) * half
  list(
    value = shape(kronrod$weight %*% wide), size = shape(kronrod$weight %*% abs(wide)),
    gap = abs(shape((kronrod$weight - kronrod$gauss) %*% wide))
  )
}

add_rows <- function(total, row, values) {
  if (length(row) == 0L) return(total)
  sums <- rowsum(values, row, reorder = FALSE)
  at <- as.integer(rownames(sums))
  total[at, ] <- total[at, ] + sums
  total
}

# S dt and its derivatives, in log time
survival_integrand <- function(context, index, order) {
  function(cell, x) {
    risk <- log_risk(context, index[cell], x, order)
    S <- exp(x - exp(risk$w))
    if (order == 0L) return(matrix(S))
    pull <- -S * exp(risk$w)
    slope <- risk$slope * pull
    slope[pull == 0, ] <- 0
    cbind(S, slope)
  }
}

integral_tolerance <- function(context, order) {
  c(1e-11, if (order > 0L) rep.int(1e-9, 1L + ncol(context$theta)))
}

# Panels of (low, high], both in log time; low may be -Inf: what is left of t e^-46 is nothing.
first_panels <- function(low, high) {
  from <- pmax(low, high - 46)
  back <- c(46, 16, 6, 2, 0)
  cell <- rep(seq_along(low), each = 4L)
  left <- pmax(rep(high, each = 4L) - back[-5L], from[cell])
  right <- pmax(rep(high, each = 4L) - back[-1L], from[cell])
  used <- right > left
  list(cell = cell[used], low = left[used], high = right[used])
}

# The mean time without event from `start` (or 0) to `at`
measure_rmst <- function(context, index, at, order) {
  sorted <- order(index, at)
  row <- index[sorted]
  end <- log(at[sorted])
  is_first <- c(TRUE, row[-1L] != row[-length(row)])[seq_along(row)]
  start <- if (is.null(context$start)) rep.int(-Inf, length(row)) else log(context$start[row])
  from <- ifelse(is_first, start, pmax(start, c(NA, end)[seq_along(row)]))
  panels <- first_panels(from, pmax(end, from))
  f <- survival_integrand(context, row, order)
  parts <- integrate_panels(
    f, panels$cell, panels$low, panels$high, length(row), integral_tolerance(context, order)
  )
  place <- seq_along(row) - which(is_first)[cumsum(is_first)]
  for (step in seq_len(max(place, 0L))) {
    here <- which(place == step)
    parts[here, ] <- parts[here, ] + parts[here - 1L, ]
  }
  sums <- parts
  sums[sorted, ] <- parts
  list(
    w = sums[, 1L], slope = if (order > 0L) sums[, -1L, drop = FALSE], link = "identity"
  )
}

# The mean time without event after `start`. Beyond the last log time x that is looked at, S falls
# at least as a power a of t, whose integral is t S / (a - 1), a = t h.
measure_mean <- function(context, index, at, order) {
  n <- length(index)
  end <- pmin(solve_log_time(context, index, rep.int(log(745), n)), 700)
  middle <- solve_log_time(context, index, rep.int(log(log(2)), n))
  middle <- pmin(ifelse(is.finite(middle), middle, 0), end)
  low <- if (is.null(context$start)) rep.int(-Inf, n) else log(context$start[index])
  table <- ttp_table(context, index, end, order)
  excess <- exp(table$v + end) - 1
  is_finite <- (table$c >= log(744) | excess > 1e-6) %in% TRUE
  f <- survival_integrand(context, index, order)
  left <- first_panels(low, pmax(low, middle))
  right <- list(cell = rep(seq_len(n), each = 8L))
  along <- c(0, 0.01, 0.03, 0.07, 0.15, 0.3, 0.5, 0.75, 1)
  from <- pmax(middle, low)
  width <- pmax(end - from, 0)
  right$low <- from[right$cell] + width[right$cell] * along[-9L]
  right$high <- from[right$cell] + width[right$cell] * along[-1L]
  cell <- c(left$cell, right$cell)
  used <- is_finite[cell] & c(left$high - left$low, right$high - right$low) > 0
  total <- integrate_panels(
    f, cell[used], c(left$low, right$low)[used], c(left$high, right$high)[used], n,
    integral_tolerance(context, order)
  )
  rest <- f(seq_len(n), pmax(end, low)) / pmax(excess, 1e-6)
  if (order > 0L) rest[, -1L] <- rest[, -1L] - rest[, 1L] * (1 + 1 / excess) * table$v_slope
  has_rest <- rest[, 1L] > 0
  total[has_rest, ] <- total[has_rest, ] + rest[has_rest, ]
  total[!is_finite, ] <- NA
  w <- ifelse(is_finite, log(total[, 1L]), Inf)
  list(
    w = w, slope = if (order > 0L) total[, -1L, drop = FALSE] / total[, 1L], link = "log"
  )
}

# From the frame of a fit_ttp() call to what C takes (src/r_ttp.c), and back from C's coefficients
# to the user's.
#
# C counts time in a unit of its own, exp(mean log time), so that years and milliseconds give the
# same fit; families say how their parameters move with the unit (R/ttp-families.R).

ttp_kinds <- c(right = 0L, exact = 1L, left = 2L, interval = 3L, nothing = 4L)

#' Times as the likelihood reads them
#'
#' @param y a Surv of any type but multi-state ones; `entry` numbers or NULL.
#' @returns list(kind, time, right, entry): kind integer as in src/model_censor.h; time t, or the
#'   left end of an interval, or the right end of a left-censored row; right NULL where no row is an
#'   interval; entry NULL where nobody enters late.
#' @noRd
ttp_times <- function(y, entry, row_names) {
  is_plain <- attr(y, "type") == "right" && is.null(entry)
  if (is_plain) {
    time <- y[, 1L, drop = TRUE]
    kind <- as.integer(y[, 2L, drop = TRUE])
    attributes(time) <- attributes(kind) <- NULL
    least <- min(time)
    if (is.finite(least) && least > 0 && is.finite(max(time))) {
      return(list(kind = kind, time = time, right = NULL, entry = NULL))
    }
  }
  if (attr(y, "type") == "interval" && is.null(entry)) {
    read <- .Call(C_frame_interval_rows, y)
    has_width <- !is.null(read) && !(length(read$right) > 0L && any(
      read$kind == ttp_kinds[["interval"]] & ends_meet(read$time, read$right)
    ))
    if (has_width) return(c(read, list(entry = NULL)))
  }
  parts <- interval_parts(y, entry, row_names)
  kind <- unname(ttp_kinds[parts$kind])
  time <- ifelse(kind == ttp_kinds[["left"]], parts$right, parts$left)
  kind[time == 0] <- ttp_kinds[["nothing"]]
  is_interval <- kind == ttp_kinds[["interval"]]
  list(
    kind = kind, time = time, entry = parts$entry,
    right = if (any(is_interval)) ifelse(is_interval, parts$right, 1)
  )
}

# The list that C reads
ttp_bundle <- function(frame, times, extra, log_unit, penalty = NULL) {
  in_unit <- function(time) if (!is.null(time)) log(time) - log_unit
  list(
    if (length(frame$x_names) > 0L) frame$x, as_double(frame$offset), as_double(frame$weights),
    frame$stratum, extra$slot, extra$x, times$kind, in_unit(times$time), in_unit(times$right),
    in_unit(times$entry), penalty
  )
}

# Some rows of a large study, NULL for others; and the bundle with only these. One row is taken from
# each of `size` stretches, each time from another place: rows may come in turn, treated and not.
thin_rows <- function(n, size = 1e4L, from = 5e4) {
  if (n <= from) return(NULL)
  stretch <- seq_len(size) - 1L
  as.integer((stretch + (stretch * 0.6180339887498949) %% 1) * (n / size)) + 1L
}

# Also NULL where a stratum would be left out
thin_bundle <- function(bundle, rows = thin_rows(length(bundle[[7L]]))) {
  if (is.null(rows)) return(NULL)
  stratum <- bundle[[4L]]
  if (!is.null(stratum) && length(unique(stratum[rows])) <= max(stratum)) return(NULL)
  thin <- function(part) {
    if (is.list(part)) return(lapply(part, `[`, rows))
    if (is.matrix(part)) part[rows, , drop = FALSE] else part[rows]
  }
  at <- setdiff(which(!vapply(bundle, is.null, NA)), c(5L, 11L)) # slots and penalty are not rows
  bundle[at] <- lapply(bundle[at], thin)
  bundle
}

# The geometric mean of the times at which something happened to a row
ttp_log_unit <- function(times) {
  seen <- times$time[thin_rows(length(times$time)) %||% TRUE]
  mean(log(seen[seen > 0]))
}

# --- order and names of the coefficients ----------------------------------------------------------

# Effects, then the family's parameters stratum by stratum, then covariates of the parameters.
ttp_layout <- function(frame, family, extra) {
  p <- length(frame$x_names)
  K <- length(family$theta)
  levels <- frame$strata_levels
  n_stratum <- max(length(levels), 1L)
  baseline <- if (n_stratum == 1L) {
    family$theta
  } else {
    paste0(rep.int(family$theta, n_stratum), "[", rep(levels, each = K), "]")
  }
  list(
    p = p, K = K, n_stratum = n_stratum, n_extra = length(extra$slot), slot = extra$slot,
    names = c(frame$x_names, baseline, extra$names)
  )
}

# theta(user) = A theta(C) + b for all coefficients: list(J, b), coef(user) = J coef(C) + b.
ttp_unit_map <- function(layout, unit) {
  P <- length(layout$names)
  J <- diag(P)
  b <- numeric(P)
  for (s in seq_len(layout$n_stratum)) {
    at <- layout$p + (s - 1L) * layout$K + seq_len(layout$K)
    J[at, at] <- unit$A
    b[at] <- unit$b
  }
  at_extra <- layout$p + layout$n_stratum * layout$K + seq_len(layout$n_extra)
  for (e in seq_len(layout$n_extra)) J[at_extra[[e]], at_extra[[e]]] <- unit$A[
    layout$slot[[e]], layout$slot[[e]]
  ]
  list(J = J, b = b)
}

# Columns that the baseline and earlier columns determine. Their cross-products, with a constant for
# each stratum, are the information of an exponential when every row is right-censored at its mean.
aliased_columns <- function(x, frame) {
  p <- if (is.matrix(x)) ncol(x) else length(x)
  if (p == 0L) return(logical())
  n <- frame$n
  bundle <- list(
    x, NULL, as_double(frame$weights), frame$stratum, NULL, NULL, integer(n), numeric(n), NULL,
    NULL, NULL
  )
  n_stratum <- max(length(frame$strata_levels), 1L)
  hazard <- ttp_hazard(family_exponential(), "hazard")
  aliased_by_pivot(.Call(C_ttp_value, bundle, hazard, numeric(p + n_stratum))$info, p)
}

# The baseline's pivots come first; a column's is nothing beside its own square.
aliased_by_pivot <- function(info, p, tolerance = 1e-13) {
  order <- c(seq_len(nrow(info))[-seq_len(p)], seq_len(p))
  left <- info[order, order]
  own <- abs(diag(left))
  aliased <- logical(nrow(info))
  for (j in seq_along(order)) {
    pivot <- left[j, j]
    if (!(pivot > tolerance * own[[j]])) {
      aliased[[j]] <- TRUE
      next
    }
    rest <- seq_along(order)[-seq_len(j)]
    left[rest, rest] <- left[rest, rest] - tcrossprod(left[rest, j]) / pivot
  }
  utils::tail(aliased, p)
}

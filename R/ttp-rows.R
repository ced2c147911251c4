# From a fit_ttp() fit and newdata to the hazard of each row: what every prediction starts from.
#
# `ttp_rows()` reads newdata once: columns, offset, stratum, covariates of the parameters.
# `ttp_context()` adds coefficients: the linear predictor eta and the parameters theta of each row.
# A *cell* is a row and a time (or a probability): `index` says which row, `at` which time.
# Functions of cells return their derivatives in the slots (eta, theta) of the row, and
# `slot_gradient()` turns them into derivatives in the coefficients.

#' What the coefficients are multiplied with
#'
#' @returns list(x, offset, stratum (from 0, or NULL), extra, row_names, number (of the row in
#'   newdata, or in the data of the fit), is_known (FALSE where a value is missing)).
#' @noRd
ttp_rows <- function(fit, newdata = NULL, na.action = stats::na.pass) {
  parts <- sr_new_parts(fit, newdata, na.action = na.action)
  n <- nrow(parts$x)
  if (is.null(newdata)) {
    number <- numbers_of_rows(fit, n)
    extra <- ttp_extra_again(fit)
  } else {
    number <- match(parts$row_names, row.names(newdata))
    extra <- extra_at(list(parts = fit$extra), newdata[number, , drop = FALSE])
  }
  rows <- list(
    x = parts$x, offset = rep_len(parts$offset, n), extra = extra, row_names = parts$row_names,
    number = number, stratum = if (!is.null(parts$strata)) as.integer(parts$strata) - 1L
  )
  is_finite <- function(x) if (length(x) > 0L) rowSums(!is.finite(x)) == 0 else TRUE
  rows$is_known <- rep_len(
    is_finite(rows$x) & is_finite(rows$extra) & is.finite(rows$offset) &
      !is.na(rows$stratum %||% 0), n
  )
  rows
}

# The places in the data of the rows that the fit used; in what `subset` left, where the data have
# gone
numbers_of_rows <- function(fit, n) {
  if (!is.null(fit$call$subset)) {
    number <- tryCatch(rows_of_fit(fit), error = function(e) NULL)
    if (length(number) == n) return(number)
  }
  left_out <- as.integer(fit$na.action)
  setdiff(seq_len(n + length(left_out)), left_out)
}

# The covariates of the parameters in the rows of the fit
ttp_extra_again <- function(fit) {
  if (length(fit$extra) == 0L) return(matrix(0, fit$n, 0L))
  env <- environment(fit$terms)
  if (is.null(fit$variables)) {
    data <- tryCatch(eval(fit$call$data, env), error = function(e) NULL)
    request <- list(call = fit$call, env = env, data = data)
    frame <- list(na_action = fit$na.action, n = fit$n)
  } else {
    request <- list(call = quote(fit()), env = env, data = fit$variables)
    frame <- list(n = fit$n)
  }
  columns <- lapply(fit$extra, function(part) {
    mf <- extra_frame(part$terms, frame, request)
    x <- stats::model.matrix(part$terms, mf, contrasts.arg = part$contrasts)
    x[, attr(x, "assign") != 0L, drop = FALSE]
  })
  do.call(cbind, columns)
}

#' The hazard of each row
#'
#' @param start time up to which a row is known to be without event, one a row; NULL: 0.
#' @returns list(hazard, eta, theta, start): what `ttp_table()` and `log_risk()` read.
#' @noRd
ttp_context <- function(fit, rows, coef = stats::coef(fit), start = NULL) {
  coef <- unname(coef)
  coef[is.na(coef)] <- 0
  layout <- fit$layout
  K <- layout$K
  n <- nrow(rows$x)
  gamma <- matrix(coef[layout$p + seq_len(layout$n_stratum * K)], layout$n_stratum, K, byrow = TRUE)
  theta <- gamma[(rows$stratum %||% integer(n)) + 1L, , drop = FALSE]
  at_extra <- layout$p + layout$n_stratum * K
  for (e in seq_len(layout$n_extra)) {
    slot <- layout$slot[[e]]
    theta[, slot] <- theta[, slot] + rows$extra[, e] * coef[[at_extra + e]]
  }
  list(
    hazard = ttp_hazard(fit$family, fit$scale), theta = theta,
    eta = drop(rows$x %*% coef[seq_len(layout$p)]) + rows$offset,
    start = if (any(start > 0)) start
  )
}

# Stands for time 0.
least_log_time <- -700

#' log H, log h at cells, and their derivatives in the slots
#'
#' At time 0, H is 0 and the hazard is its limit: 0, infinite, or in between.
#' @returns list(c, v, c_slope, v_slope): the slopes are matrices with a row for each cell.
#' @noRd
ttp_table <- function(context, index, log_time, order = 0L) {
  least <- least_log_time
  is_zero <- log_time < least
  theta <- context$theta[index, , drop = FALSE]
  eta <- context$eta[index]
  at <- hazard_table(context$hazard, pmax(log_time, least), theta, eta, order)
  v <- at$haz
  if (any(is_zero)) {
    here <- which(is_zero)
    halfway <- hazard_table(
      context$hazard, rep.int(least / 2, length(here)), theta[here, , drop = FALSE], eta[here]
    )$haz
    rise <- v[here] - halfway
    v[here] <- ifelse(abs(rise) > 1e-6, sign(rise) * Inf, v[here])
    at$cum[here] <- -Inf
  }
  list(c = at$cum, v = v, c_slope = at$cum_first, v_slope = at$haz_first)
}

#' The log of the cumulative hazard since `start`
#'
#' @returns list(w, slope): w = log(H(t) - H(start)), -Inf up to `start`.
#' @noRd
log_risk <- function(context, index, log_time, order = 0L, table = NULL) {
  table <- table %||% ttp_table(context, index, log_time, order)
  if (is.null(context$start)) return(list(w = table$c, slope = table$c_slope))
  before <- ttp_table(context, index, log(context$start[index]), order)
  ratio <- exp(before$c - table$c)
  is_later <- log_time > log(context$start[index]) & ratio < 1
  # at time 0 both are -Inf
  ratio[!is_later] <- 0
  slope <- NULL
  if (order > 0L) {
    share <- ifelse(is.finite(before$c), ratio, 0)
    slope <- (table$c_slope - share * before$c_slope) / (1 - ratio)
  }
  list(w = ifelse(is_later, table$c + log1p(-ratio), -Inf), slope = slope)
}

# From derivatives in the slots of a cell to derivatives in the coefficients
slot_gradient <- function(slope, index, rows, layout) {
  parts <- list(
    x = rows$x[index, , drop = FALSE], extra = rows$extra[index, , drop = FALSE],
    stratum = rows$stratum[index]
  )
  ttp_chain(slope, parts, layout)
}

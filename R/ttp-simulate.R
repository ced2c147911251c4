#' What would the times of these patients be, if the model were right?
#'
#' Draws times to progression: a draw E from the exponential distribution of mean 1 becomes the time
#' at which the cumulative hazard reaches E. With death (`"illness_death"`) progression and death
#' without it run until the first of them, death after progression from there.
#'
#' @param object a fit of [fit_ttp()].
#' @param nsim how many times to draw for each row.
#' @param seed a number, so that the same draws come again; R's generator is then left as it was.
#'   `NULL`: go on with the generator.
#' @param newdata data to draw for; default: the rows of the fit.
#' @param start time up to which each row is known to be without event, as in [predict.sr_ttp()].
#' @param censoring `NULL`: the times themselves. Else the time at which each row is censored: a
#'   number, one a row, or a function that draws n of them.
#' @param ... not used.
#' @returns A data frame with a row for each row of `newdata` and columns `sim_1`, `sim_2`, ...:
#'   times in the unit of the fit, infinite for who never progresses (a plateau), or with
#'   `censoring` [survival::Surv()] columns. NA where a covariate is missing. With death
#'   (`"illness_death"`) `sim_1` is infinite for who dies first (censored at death, with
#'   `censoring`), and there are columns `death_1`, `death_2`, ... of the deaths. The attribute
#'   `seed` is as in [stats::simulate()].
#' @seealso [predict.sr_ttp()]
#' @examples
#' fit <- fit_ttp(Surv(rtime / 365.25, recur) ~ hormon + nodes, survival::rotterdam)
#' new <- survival::rotterdam[1:5, ]
#' simulate(fit, nsim = 3, seed = 1, newdata = new)
#'
#' # Does the method recover what it was told? Five years of follow-up
#' drawn <- survival::rotterdam
#' drawn$y <- simulate(fit, seed = 2, censoring = 5)$sim_1
#' rbind(told = coef(fit), found = coef(fit_ttp(y ~ hormon + nodes, drawn)))
#' @exportS3Method stats::simulate sr_ttp
simulate.sr_ttp <- function(object, nsim = 1, seed = NULL, newdata = NULL, start = 0,
                            censoring = NULL, ...) {
  check_no_dots(...)
  is_fine <- is.numeric(nsim) && length(nsim) == 1L && isTRUE(nsim >= 1)
  if (!is_fine) {
    stop_input(c(
      "`nsim` must be one number, 1 at least.", x = sprintf("Found %s.", describe(nsim))
    ), arg = "nsim")
  }
  if (is.null(seed)) {
    if (!exists(".Random.seed", globalenv(), inherits = FALSE)) stats::runif(1)
    state <- get(".Random.seed", globalenv())
  } else {
    state <- structure(seed, kind = as.list(RNGkind()))
  }
  rows <- ttp_rows(object, newdata)
  start <- check_start(start, rows, newdata)
  drawn <- with_seed(seed, {
    lapply(seq_len(nsim), function(k) {
      if (!is_illness_death(object)) return(list(sim = draw_times(object, rows, start, censoring)))
      draw_illness(object, newdata, rows, start, censoring)
    })
  })
  kinds <- names(drawn[[1L]])
  drawn <- unlist(lapply(kinds, function(kind) lapply(drawn, `[[`, kind)), recursive = FALSE)
  names(drawn) <- paste0(rep(kinds, each = nsim), "_", seq_len(nsim))
  row_names <- if (is.null(newdata)) rows$row_names else row.names(newdata)
  structure(drawn, row.names = row_names, class = "data.frame", seed = state)
}

draw_times <- function(fit, rows, start, censoring) {
  n <- length(rows$is_known)
  time <- rep.int(NA_real_, n)
  known <- which(rows$is_known)
  risk <- stats::rexp(n)[known]
  context <- ttp_context(fit, take_rows(rows, known), start = start[known])
  here <- seq_along(known)
  if (!is.null(context$start)) {
    risk <- risk + exp(ttp_table(context, here, log(context$start))$c)
  }
  time[known] <- exp(solve_log_time(context, here, log(risk)))
  if (is.null(censoring)) return(time)
  censored <- censoring_times(censoring, n)
  survival::Surv(pmin(time, censored), as.integer(time <= censored))
}

censoring_times <- function(censoring, n) {
  censored <- if (is.function(censoring)) censoring(n) else censoring
  is_fine <- is.numeric(censored) && length(censored) %in% c(1L, n) && all(censored > 0)
  if (!isTRUE(is_fine)) {
    stop_input(c(
      sprintf("`censoring` must give times after 0: one, or one for each of the %d rows.", n),
      x = sprintf("Found %s.", describe(censored))
    ), arg = "censoring")
  }
  rep_len(censored, n)
}

#' What does the model say of these patients?
#'
#' Survival, cumulative hazard, hazard and density over time, quantiles and means of the time to
#' progression, hazard ratios over time and differences, for each row of `newdata`, with standard
#' errors and confidence limits.
#'
#' @section What can be predicted:
#' With \eqn{S}{S}, \eqn{H}{H}, \eqn{h}{h} of a row's covariates and stratum,
#' \describe{
#'   \item{`"survival"`}{\eqn{S(t)}{S(t)}, the share without event at `times`.}
#'   \item{`"cumhaz"`, `"hazard"`, `"density"`}{\eqn{H(t)}{H(t)}, \eqn{h(t)}{h(t)},
#'     \eqn{h(t) S(t)}{h(t) S(t)}.}
#'   \item{`"quantile"`}{the time by which a share `p` has had the event; infinite where the curve
#'     stays above \eqn{1 - p}{1 - p} for ever.}
#'   \item{`"mean"`}{the mean time to the event. It is infinite, with a warning, where the curve has
#'     a plateau or falls too slowly. It depends on the curve far beyond the data.}
#'   \item{`"rmst"`}{the mean time without event up to each of `times`, the area under the curve.}
#'   \item{`"hr"`}{the hazard of a row over that of the `reference`, at `times`. At time 0, where
#'     both hazards may be 0 or infinite, it is the limit: where shapes differ that is itself 0 or
#'     infinite, and has no standard error.}
#'   \item{`"difference"`}{of what `of` names: a row less the `reference`. NA where both are
#'     infinite.}
#'   \item{`"link"` (or `"lp"`)}{the linear predictor, without the baseline: a named vector.}
#' }
#' With `start`, a row is known to be without event up to then: survival, cumulative hazard and
#' density are those given that, quantiles are times from the origin, `"mean"` and `"rmst"` the time
#' still to come after `start`.
#'
#' @section Standard errors and limits:
#' `method = "delta"` takes the gradient of the estimate in all coefficients, which is analytic,
#' with `vcov(object)`, robust where the fit is. Limits are Wald's on a scale on which the estimate
#' is closer to normal: log(-log S) for survival, the log for cumulative hazard, hazard, density,
#' quantile, mean and hazard ratio; none for `"rmst"`, `"difference"` and the link. They hold for
#' one time, not for the whole curve. `method = "simulation"` draws `n_sim` coefficient vectors from
#' the normal distribution with that variance, and takes the quantiles and the standard deviation
#' of what follows from them.
#'
#' @param object a fit of [fit_ttp()].
#' @param newdata data to predict for, with the variables of the formula, of `strata()` and of
#'   `shape`; default: the rows of the fit.
#' @param type what to predict, see below.
#' @param times times, in the unit of the fit, not negative. By default, without `newdata`, each
#'   row's own time for the types that depend on one.
#' @param p probabilities of an event, for quantiles; 0.5 is the median.
#' @param se.fit `TRUE` adds standard errors.
#' @param interval `"confidence"` adds standard errors and confidence limits.
#' @param method `"delta"` or `"simulation"`.
#' @param level confidence level.
#' @param start time up to which each row is known to be without event: one number, or one a row.
#' @param reference for `"hr"` and `"difference"`: a data frame of one row; default: the first row
#'   of `newdata`.
#' @param of for `"difference"`: one of `"survival"`, `"rmst"`, `"cumhaz"`, `"mean"`, `"quantile"`.
#' @param n_sim,seed number of draws, and their seed, for `method = "simulation"`. With a seed the
#'   state of R's generator is left as it was.
#' @param na.action what to do with rows of `newdata` in which a value is missing; by default they
#'   come back as NA.
#' @param ... not used.
#' @returns A data frame (a tibble where that package is loaded) with a line for each row and time
#'   (or probability), times within rows: `.row`, the number of the row in `newdata` (or in the data
#'   of the fit); `time`, or `p` for quantiles, neither for the mean; `estimate`; `std.error` and
#'   `conf.low`, `conf.high` where asked for. For `"link"` without `interval` a vector named by row,
#'   or with `se.fit` a list of `fit` and `se.fit`.
#' @references Collett D (2015). *Modelling Survival Data in Medical Research*, 3rd ed. CRC Press.
#'   \doi{10.1201/b18041}
#' @seealso [standardise()] for curves of a population, [simulate.sr_ttp()].
#' @examples
#' fit <- fit_ttp(
#'   Surv(rtime / 365.25, recur) ~ hormon + nodes + age, survival::rotterdam, shape = ~hormon
#' )
#' two <- data.frame(hormon = 0:1, nodes = 4, age = 60)
#' predict(fit, two, type = "survival", times = c(1, 2, 5), interval = "confidence")
#' predict(fit, two, type = "quantile", p = c(0.25, 0.5), se.fit = TRUE)
#' predict(fit, two, type = "rmst", times = 5, interval = "confidence")
#'
#' # The hazard ratio of hormonal treatment changes with time, as each has its own shape
#' predict(fit, two[2, ], type = "hr", times = 1:5, reference = two[1, ], interval = "confidence")
#' predict(fit, two, type = "difference", of = "rmst", times = 5, interval = "confidence")
#' @exportS3Method stats::predict sr_ttp
predict.sr_ttp <- function(object, newdata = NULL,
                           type = c("survival", "cumhaz", "hazard", "density", "quantile", "mean",
                                    "rmst", "hr", "difference", "link", "lp"),
                           times = NULL, p = 0.5, se.fit = FALSE,
                           interval = c("none", "confidence"), method = c("delta", "simulation"),
                           level = 0.95, start = 0, reference = NULL,
                           of = c("survival", "rmst", "cumhaz", "mean", "quantile"), n_sim = 1000L,
                           seed = NULL, na.action = stats::na.pass, ...) {
  type <- choose_one(type, eval(formals(predict.sr_ttp)$type), "type")
  check_no_dots(...)
  interval <- choose_one(interval, c("none", "confidence"), "interval")
  check_flag(se.fit, "se.fit")
  given <- c(
    times = !is.null(times), p = !missing(p), start = !missing(start),
    reference = !is.null(reference), of = !missing(of), n_sim = !missing(n_sim),
    seed = !is.null(seed)
  )
  of <- choose_one(of, eval(formals(predict.sr_ttp)$of), "of")
  method <- choose_one(method, c("delta", "simulation"), "method")
  refuse_without_meaning(names(given)[given], type, of, method, se.fit || interval != "none")
  if (type %in% c("link", "lp") && interval == "none") {
    return(predict.sr_fit(object, newdata, se.fit = se.fit, na.action = na.action))
  }
  check_level(level)
  rows <- ttp_rows(object, newdata, na.action)
  asked <- list(
    type = if (type == "lp") "link" else type,
    of = of,
    is_new = !is.null(newdata), start = check_start(start, rows, newdata),
    reference = if (type %in% c("hr", "difference")) reference_rows(object, rows, reference),
    level = level, has_error = se.fit || interval == "confidence",
    has_limits = interval == "confidence",
    draws = if (method == "simulation") draw_coefficients(object, n_sim, seed)
  )
  cells <- prediction_cells(object, rows, asked, times, p)
  predict_cells(object, rows, cells, asked)
}

# --- what is asked --------------------------------------------------------------------------------

check_no_dots <- function(...) {
  if (...length() == 0L) return(invisible())
  given <- ...names()
  stop_input(c(
    "There is an argument that is not known here.",
    x = sprintf("Found %s.", if (any(nzchar(given))) format_names(given) else "one without a name"),
    i = if ("t" %in% given) "Use `times`."
  ), arg = "...")
}

# Arguments that would be read and make no difference
refuse_without_meaning <- function(given, type, of, method, has_error) {
  what <- if (type == "difference") of else type
  used <- c(
    if (what %in% is_at_time) "times", if (what == "quantile") "p",
    if (!type %in% c("link", "lp")) "start",
    if (type %in% c("hr", "difference")) "reference", if (type == "difference") "of",
    if (method == "simulation") c("n_sim", "seed")
  )
  unused <- setdiff(given, used)
  if (length(unused) > 0L) {
    stop_input(c(
      sprintf(
        "`%s` has no meaning for the type \"%s\"%s.", unused[[1L]], type,
        if (unused[[1L]] %in% c("n_sim", "seed")) " with `method = \"delta\"`" else ""
      ),
      i = "Leave it out, or choose the type that it belongs to."
    ), arg = unused[[1L]])
  }
  if (method == "simulation" && !has_error) {
    stop_input(c(
      "`method` says how errors are found, and none are asked for.",
      i = "Add `se.fit = TRUE` or `interval = \"confidence\"`."
    ), arg = "method")
  }
}

check_start <- function(start, rows, newdata) {
  n <- length(rows$is_known)
  n_new <- if (is.null(newdata)) n else nrow(newdata)
  is_fine <- is.numeric(start) && length(start) %in% c(1L, n_new) && all(is.finite(start)) &&
    all(start >= 0)
  if (!is_fine) {
    stop_input(c(
      sprintf("`start` must be one time, or one for each of the %d rows; not negative.", n_new),
      x = sprintf("Found %s.", describe(start))
    ), arg = "start")
  }
  if (length(start) == 1L) return(rep.int(as.double(start), n))
  as.double(if (is.null(newdata)) start else start[rows$number])
}

reference_rows <- function(fit, rows, reference) {
  if (is.null(reference)) {
    first <- lapply(rows[c("x", "extra")], function(x) x[1L, , drop = FALSE])
    found <- c(first, lapply(rows[c("offset", "stratum", "is_known")], utils::head, 1L))
  } else {
    if (!is.data.frame(reference) || nrow(reference) != 1L) {
      stop_input(c(
        "`reference` must be a data frame of one row.",
        x = sprintf("Found %s.", describe(reference)),
        i = "It has the columns of `newdata`."
      ), arg = "reference")
    }
    found <- ttp_rows(fit, reference)
  }
  if (!isTRUE(found$is_known)) {
    stop_input("The row of reference must have no missing value.", arg = "reference")
  }
  found
}

is_at_time <- c("survival", "cumhaz", "hazard", "density", "rmst", "hr")

# list(index, at): row by row, and what `at` is called
prediction_cells <- function(fit, rows, asked, times, p) {
  n <- length(rows$is_known)
  what <- if (asked$type == "difference") asked$of else asked$type
  if (what == "quantile") {
    at <- check_numbers(p, "p", "probabilities, from 0 to 1", function(p) p >= 0 & p <= 1)
    return(list(index = rep(seq_len(n), each = length(at)), at = rep.int(at, n), name = "p"))
  }
  if (!what %in% is_at_time) {
    return(list(index = seq_len(n), at = rep.int(NA_real_, n)))
  }
  if (is.null(times) && !asked$is_new) {
    return(list(index = seq_len(n), at = own_times(fit), name = "time"))
  }
  at <- check_numbers(times, "times", "times, finite and not negative", function(t) t >= 0)
  list(index = rep(seq_len(n), each = length(at)), at = rep.int(at, n), name = "time")
}

check_numbers <- function(value, arg, what, is_good) {
  if (is.numeric(value) && length(value) > 0L && all(is.finite(value)) && all(is_good(value))) {
    return(as.double(value))
  }
  stop_input(c(
    sprintf("`%s` must be %s.", arg, what), x = sprintf("Found %s.", describe(value)),
    i = if (is.null(value)) sprintf("For example `%s = c(1, 2, 5)`.", arg)
  ), arg = arg)
}

own_times <- function(fit) {
  y <- fit$y
  type <- attr(y, "type")
  if (!type %in% c("right", "counting")) {
    stop_input(c(
      "`times` must be given: the rows of the fit have intervals, not times.",
      i = "For example `times = c(1, 2, 5)`."
    ), arg = "times")
  }
  as.double(y[, if (type == "right") 1L else 2L])
}

#' Draws of the coefficients, a column each, from their normal distribution
#' @noRd
draw_coefficients <- function(fit, n_sim, seed) {
  is_fine <- is.numeric(n_sim) && length(n_sim) == 1L && isTRUE(n_sim >= 10)
  if (!is_fine) {
    stop_input(c(
      "`n_sim` must be one number, 10 at least.", x = sprintf("Found %s.", describe(n_sim))
    ), arg = "n_sim")
  }
  coef <- stats::coef(fit)
  coef[is.na(coef)] <- 0
  parts <- eigen(stats::vcov(fit), symmetric = TRUE)
  root <- parts$vectors %*% diag(sqrt(pmax(parts$values, 0)), length(coef))
  normal <- with_seed(seed, stats::rnorm(length(coef) * as.integer(n_sim)))
  coef + root %*% matrix(normal, length(coef))
}

# The value of `code` with a seed of its own, R's generator being left as it was; NULL: as it is
with_seed <- function(seed, code) {
  if (is.null(seed)) return(code)
  old <- get0(".Random.seed", globalenv(), inherits = FALSE)
  on.exit(if (is.null(old)) {
    rm(".Random.seed", envir = globalenv())
  } else {
    assign(".Random.seed", old, envir = globalenv())
  })
  set.seed(seed)
  code
}

#' What is the rate of progression in each period? A hazard constant between cuts
#'
#' A family for `fit_ttp()`: the hazard has one value up to the first cut, another up to the second,
#' and so on. With events and person-time counted by period it is a Poisson regression; here exact,
#' censored and interval-censored times are taken as they are.
#'
#' @section Model:
#' \eqn{h(t) = e^{\theta_j}} for \eqn{c_{j-1} < t \le c_j}{c_(j-1) < t <= c_j}, with
#' \eqn{c_0 = 0} and no end to the last piece;
#' \eqn{H(t) = \sum_j e^{\theta_j} d_j(t)}{H(t) = sum_j exp(theta_j) d_j(t)} with \eqn{d_j(t)} the
#' time spent in piece \eqn{j} by \eqn{t}. Without covariates the estimate of a rate is events over
#' person-time. Covariates act on `scale = "hazard"` (default) or `"odds"`. On the scale of time
#' the likelihood would jump whenever a row crosses a cut, so it is not offered.
#'
#' @param cuts Times at which the hazard changes, in the unit of the data: positive, each later
#'   than the one before, at most 22.
#' @returns A family, a list of class `sr_family`: `name`, `label`, `theta` (names of the
#'   parameters: the log rate of each piece), `natural` (their scale: rates), `scales`, `setting`
#'   (the cuts) and the functions that `fit_ttp()` needs (`unit`, `start`, `prepare`).
#' @references Friedman M (1982). Piecewise exponential models for survival data with covariates.
#'   *Annals of Statistics*, 10, 101-113. \doi{10.1214/aos/1176345693}
#' @seealso [ttp_spline()] for a hazard that changes smoothly.
#' @examples
#' ttp_pieces(c(180, 365, 730))
#' @export
ttp_pieces <- function(cuts) {
  cuts <- check_places(cuts, "cuts", "cuts")
  shown <- vapply(cuts, format, "", digits = 6L)
  pieces <- paste0("(", c("0", shown), ",", c(paste0(shown, "]"), "Inf)"))
  family <- new_family(
    "pieces", "Piecewise exponential", paste0("log(rate", pieces, ")"),
    natural = stats::setNames(rep.int("exp", length(pieces)), paste0("rate", pieces)),
    scales = c("hazard", "odds"), setting = cuts,
    start = function(family, moments) rep.int(-moments$mean - 0.58, length(family$theta)),
    unit = function(family, log_unit) {
      family$setting <- family$setting / exp(log_unit)
      K <- length(family$theta)
      list(family = family, A = diag(K), b = rep.int(-log_unit, K))
    },
    prepare = pieces_prepare
  )
  family$concentrates <- FALSE
  family$absorb <- list(hazard = function(theta, delta) theta - delta)
  family
}

# A piece in which no event can lie has the estimate 0, which has no log.
pieces_prepare <- function(family, times, frame = NULL) {
  cuts <- family$setting
  latest <- max(times$time, times$right)
  if (any(cuts >= latest)) {
    stop_input(c(
      "`cuts` must lie before the last time of the data.",
      x = sprintf("Found %s; the last time is %s.",
                  paste(format(cuts[cuts >= latest], digits = 6L, trim = TRUE), collapse = ", "),
                  format(latest, digits = 6L))
    ), arg = "cuts")
  }
  is_empty <- !pieces_with_events(cuts, times)
  if (any(is_empty)) {
    stop_input(c(
      "Every piece between `cuts` needs an event: without one its rate is estimated as 0.",
      x = sprintf("Found none for %s.", format_names(family$theta[is_empty])),
      i = "Take out the cuts on one side of it."
    ), arg = "cuts")
  }
  family
}

# Does an exact time, or some part of an event's interval, lie in each piece?
pieces_with_events <- function(cuts, times) {
  is_event <- times$kind >= 1L & times$kind <= 3L
  kind <- times$kind[is_event]
  time <- times$time[is_event]
  from <- ifelse(kind == ttp_kinds[["left"]], 0, time)
  to <- ifelse(kind == ttp_kinds[["interval"]], (times$right %||% times$time)[is_event], time)
  is_exact <- kind == ttp_kinds[["exact"]]
  starts <- c(0, cuts)
  ends <- c(cuts, Inf)
  vapply(seq_along(starts), function(k) {
    is_inside <- time > starts[[k]] & time <= ends[[k]]
    any(ifelse(is_exact, is_inside, from < ends[[k]] & to > starts[[k]]))
  }, NA)
}

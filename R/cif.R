#' What share has had each kind of event by a given time?
#'
#' The Aalen-Johansen estimate of the cumulative incidence of competing events, by group, with
#' standard errors and Gray's test. It gives the numbers of [survival::survfit()] for a status that
#' is a factor, many times faster, in an object of the same class: `summary()`, `plot()`, `print()`,
#' `broom::tidy()` and ggsurvfit work on it.
#'
#' @inheritSection absolute_risk Which question each answers
#'
#' @section The estimator:
#' With \eqn{Y} at risk just before \eqn{t}, \eqn{d_j} events of cause \eqn{j} there, and \eqn{d}
#' events in all (weights summed),
#' \deqn{S(t) = \prod_{u \le t} (1 - d/Y), \qquad F_j(t) = \sum_{u \le t} S(u-) d_j / Y}{
#' S(t) = prod_{u <= t} (1 - d/Y),   F_j(t) = sum_{u <= t} S(u-) d_j / Y}
#' Standard errors are those of the infinitesimal jackknife: the root of the sum over the clusters
#' (subjects, unless `cluster` is given) of \eqn{(\sum_i w_i \, \partial F_j / \partial w_i)^2}{
#' (sum_i w_i dF_j/dw_i)^2}.
#'
#' @section Groups, strata and Gray's test:
#' Each combination of the variables on the right side has a curve of its own, as with `survfit()`.
#' [gray_test()] compares the variables that stand alone, within strata made by those in
#' [survival::strata()].
#'
#' @param formula a formula with `Surv(time, status)` or, for late entry, `Surv(entry, exit,
#'   status)` on its left, where the status is a factor whose first level means censored; on its
#'   right the groups, or 1.
#' @param data,subset,na.action see [fit_cox()].
#' @param weights case weights, positive.
#' @param id which subject a row belongs to: needed for late entry. A subject may have several rows
#'   that follow each other.
#' @param cluster which group of correlated subjects a row belongs to.
#' @param conf.int level of the confidence limits.
#' @param conf.type on which scale they are symmetric: `"log"`, `"log-log"`, `"plain"`, `"logit"`,
#'   `"arcsin"`; `"none"` leaves them out. Where the standard error is 0 they are the estimate; else
#'   they are missing for 0 (but for `"plain"`) and, on the last three scales, for 1.
#' @param timefix `TRUE` takes times that differ by rounding alone as one.
#' @param ... nothing: an argument that is not known is an error.
#'
#' @returns An object of class `c("survfitms", "survfit")` with the components of
#'   [survival::survfit.object] for several states: `n`, `time`, `n.risk`, `n.event`, `n.censor`,
#'   `pstate` (a column for each state: `(s0)` without event yet, then the causes), `n.transition`,
#'   `n.id`, `cumhaz` (a column for each cause that was seen), `counts` (with weights: the same
#'   numbers without), `p0`, `strata`, `std.err`, `std.chaz`, `std.auc` (of the area under the curve
#'   up to the time), `logse`, `transitions`, `lower`, `upper`, `conf.type`, `conf.int`, `states`,
#'   `type`, `t0`, `na.action`, `call`. One more, `gray`: the tests, a data frame with `cause`,
#'   `statistic`, `df`, `p.value`, or NULL where there is none (see [gray_test()]).
#' @references
#' Aalen OO, Johansen S (1978). An empirical transition matrix for non-homogeneous Markov chains
#' based on censored observations. *Scandinavian Journal of Statistics* 5, 141-150.
#'
#' Gray RJ (1988). A class of K-sample tests for comparing the cumulative incidence of a competing
#' risk. *Annals of Statistics* 16, 1141-1154. \doi{10.1214/aos/1176350951}
#' @examples
#' # Relapse of breast cancer, where death without relapse competes, by menopausal status
#' rotterdam <- survival::rotterdam
#' rotterdam$first <- with(rotterdam, factor(
#'   ifelse(recur == 1, 1, ifelse(death == 1, 2, 0)), 0:2, c("none", "relapse", "death")
#' ))
#' rotterdam$years <- with(rotterdam, ifelse(recur == 1, rtime, dtime)) / 365.25
#' curves <- fit_cif(Surv(years, first) ~ meno, rotterdam)
#' summary(curves, times = c(2, 5, 10))
#' plot(curves, noplot = "(s0)", col = 1:2)
#' gray_test(curves)
#' @examplesIf rlang::is_installed(c("ggplot2", "patchwork"))
#' plot_curves(curves, xlab = "Years", legend_title = "After menopause")
#' @export
fit_cif <- function(formula, data, weights, subset, na.action, id, cluster, conf.int = 0.95,
                    conf.type = c("log", "log-log", "plain", "logit", "arcsin", "none"),
                    timefix = TRUE, ...) {
  call <- match.call()
  refuse_dots("fit_cif()", dot_names(...))
  if (missing(formula)) stop_input("`formula` is missing, with no default.", arg = "formula")
  check_level(conf.int, "conf.int")
  conf.type <- choose_one(conf.type, eval(formals(fit_cif)$conf.type), "conf.type")
  request <- cif_request(
    call, formula, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action))
  )
  rows <- cif_rows(request)
  origin <- cif_origin(rows)
  plan <- if (is.null(why_no_gray(rows))) list(rows$group, rows$stratum, 0)
  found <- cif_compute(rows, origin, check_flag(timefix, "timefix"), plan, TRUE)
  fit <- cif_curves(found, rows)
  if (conf.type != "none") {
    limits <- incidence_limits(fit$pstate, fit$std.err, conf.type, conf.int)
    fit <- c(fit, limits, list(conf.type = conf.type, conf.int = conf.int))
  }
  fit <- c(fit, list(states = c("(s0)", rows$states), type = rows$type, t0 = origin))
  if (length(rows$na_action) > 0L) fit$na.action <- rows$na_action
  fit$call <- request$call
  if (!is.null(plan)) fit$gray <- gray_table(found, rows)
  structure(fit, class = c("survfitms", "survfit"))
}

# Where areas under the curves begin
cif_origin <- function(rows) if (is.null(rows$start)) min(0, rows$stop) else min(rows$start)

# The numbers from C (r_cif.c); a matrix has a row for each time of each curve
cif_compute <- function(rows, origin, timefix, plan, has_errors) {
  if (!any(rows$cause > 0L)) {
    stop_input(c(
      "There must be an event.", x = sprintf("All %d rows used are censored.", rows$n),
      i = sprintf("The first level of the status, \"%s\", is taken as censored.", rows$censored)
    ), arg = "formula")
  }
  tryCatch(
    .Call(
      C_cif,
      list(
        rows$start, rows$stop, rows$cause, rows$curve, rows$weights, rows$cluster, rows$goes_on
      ),
      as.double(c(
        length(rows$states), length(rows$labels),
        if (is.null(rows$cluster)) 0 else max(rows$cluster) + 1,
        if (timefix) time_tolerance else 0, origin
      )),
      plan, has_errors
    ),
    survresist_error_interval = function(e) {
      stop_interval(list(y = cbind(rows$start, rows$stop, rows$cause)))
    }
  )
}

# The components of a survfitms in their order, up to the limits
cif_curves <- function(found, rows) {
  states <- c("(s0)", rows$states)
  n_cell <- length(found$time)
  n_cause <- length(rows$states)
  zero <- matrix(0, n_cell, n_cause)
  named <- function(table, names = states) {
    dimnames(table) <- list(NULL, names)
    table
  }
  left <- found$left %||% found$n.left
  total <- colSums(found$n.left)
  seen <- which(total[-1L] > 0)
  transition <- sprintf("1:%d", seen + 1L)
  is_many <- length(rows$labels) > 1L
  p0 <- c(1, numeric(n_cause))
  fit <- list(
    n = as.integer(found$n), time = found$time,
    n.risk = named(cbind(found$risk %||% found$n.risk, zero)),
    n.event = named(cbind(0, left[, -1L, drop = FALSE])),
    n.censor = named(cbind(left[, 1L], zero)), pstate = named(found$state),
    n.transition = named(left[, seen + 1L, drop = FALSE], transition), n.id = rows$n_id,
    cumhaz = named(found$cumhaz[, seen, drop = FALSE], transition)
  )
  if (!is.null(found$risk) && any(rows$weights != 1)) {
    k <- seq_along(states)
    fit$counts <- named(
      cbind(
        found$n.risk, zero, found$n.left[, seen + 1L, drop = FALSE], found$n.left[, 1L], zero
      ),
      c(paste0("nrisk:", k), paste0("nevent:", transition), paste0("ncensor:", k))
    )
  }
  fit$p0 <- if (is_many) {
    matrix(
      p0, length(rows$labels), length(states), byrow = TRUE, dimnames = list(rows$labels, states)
    )
  } else {
    stats::setNames(p0, states)
  }
  if (is_many) fit$strata <- stats::setNames(as.integer(found$cells), rows$labels)
  c(fit, list(
    std.err = found$std.err, std.chaz = found$std.chaz[, seen, drop = FALSE],
    std.auc = found$std.auc, logse = FALSE, transitions = transition_table(rows, total)
  ))
}

# How many subjects went from which state to which
transition_table <- function(rows, total) {
  censored <- total[[1L]] - rows$n_moved
  to <- c(total[-1L], censored)
  to_names <- c(rows$states, sprintf("(%s)", rows$censored))
  from <- c("(s0)", rows$states[total[-1L] > 0])
  table <- matrix(0L, length(from), sum(to > 0))
  table[1L, ] <- as.integer(to[to > 0])
  structure(
    table, dimnames = list(from = from, to = to_names[to > 0]), class = "table"
  )
}

# Limits of probabilities that are symmetric on another scale, inside 0 and 1. Where the standard
# error is 0 both are the estimate; else NA where the scale has no value (a probability of 0, say).
# survival 3.8-12 differs at the ends: on "logit" and "arcsin" its limits of 1 are NaN, or 0 and 1.
incidence_limits <- function(p, se, type, level) {
  scale <- match(type, c("plain", "log", "log-log", "logit", "arcsin")) - 1L
  .Call(C_cif_limits, p, se, scale, stats::qnorm((1 + level) / 2))
}

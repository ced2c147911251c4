#' What if the hazard has no simple shape? A spline in log time
#'
#' A family for `fit_ttp()`: the survival curve, on the scale of a link, is a natural cubic spline
#' in log time (Royston and Parmar). One interior knot more is one parameter more.
#'
#' @section Model:
#' With \eqn{x = \log t}{x = log t} and a natural cubic spline \eqn{s(x)}, linear beyond the
#' boundary knots,
#'
#' * `link = "hazard"`: \eqn{\log H(t) = s(x)}{log H(t) = s(x)}. Without interior knots: Weibull.
#'   Covariates act on `scale = "hazard"`.
#' * `link = "odds"`: \eqn{\mathrm{logit}\, F(t) = s(x)}{logit F(t) = s(x)}. Without interior knots:
#'   log-logistic. Covariates act on `scale = "odds"`.
#' * `link = "normal"`: \eqn{\Phi^{-1}(F(t)) = s(x)}{Phi^-1(F(t)) = s(x)}. Without interior knots:
#'   lognormal. Covariates act on `scale = "probit"`: they are added to \eqn{s}, so that a positive
#'   coefficient means an earlier event.
#'
#' These scales are the defaults and the ones of \pkg{flexsurv}'s `flexsurvspline()`; every other
#' scale of `fit_ttp()` can be asked for with every link, since all act on the survival curve.
#'
#' The hazard is \eqn{h(t) = g(s)\, s'(x) / t}{h(t) = g(s) s'(x) / t} and exists where
#' \eqn{s' > 0}. A spline that falls anywhere is not taken as an estimate: steps of the search that
#' lead there are cut back. Where the best spline would fall, as happens with many knots beside long
#' times without an event, the fit has not converged, and says where.
#'
#' @section Parameters:
#' `level` is \eqn{s} at the middle knot, and `slope1`, `slope2`, ... are slopes of \eqn{s} in log
#' time, from the first knot to the last:
#' \eqn{s'(x) = \sum_m \mathrm{slope}_m B_m(x)}{s'(x) = sum of slope_m B_m(x)} with quadratic
#' B-splines \eqn{B_m} of sum 1. With the hazard link they are Weibull shapes in turn; equal slopes
#' are the special cases named above. They do not depend on the unit of time. Royston's and
#' Parmar's \eqn{\gamma}, in truncated powers, span the same functions.
#'
#' @param df Degrees of freedom, one whole number: parameters of the spline without its level,
#'   that is, interior knots + 1. Instead of `knots`.
#' @param knots Number of interior knots, a whole number from 0 to 22. They are placed at equally
#'   spaced quantiles of the logs of the event times; where no time is exact, of the midpoints of
#'   the intervals (half of R for an event in (0, R\]).
#' @param at Interior knots themselves, as times. Instead of `knots`.
#' @param link Scale of the spline: `"hazard"`, `"odds"` or `"normal"`.
#' @returns A family, a list of class `sr_family`: `name`, `label`, `theta` (names of the
#'   parameters), `natural` (their scale), `scales` (the first is the default), `setting` (link and
#'   knots in log time, once a fit has placed them) and the functions that `fit_ttp()` needs
#'   (`unit`, `start`, `prepare`). Boundary knots are the first and last event times.
#' @references Royston P, Parmar MKB (2002). Flexible parametric proportional-hazards and
#'   proportional-odds models for censored survival data. *Statistics in Medicine*, 21, 2175-2197.
#'   \doi{10.1002/sim.1203}
#' @seealso [ttp_pieces()] for a hazard that is constant between cuts.
#' @examples
#' ttp_spline(df = 4)
#' ttp_spline(at = c(1, 2, 5), link = "odds")
#' @export
ttp_spline <- function(df = NULL, knots = 3, at = NULL, link = c("hazard", "odds", "normal")) {
  link <- choose_one(link, names(spline_links), "link")
  if (!is.null(at)) {
    at <- check_places(at, "at", "knots")
  }
  n_given <- (!is.null(df)) + (!missing(knots)) + (!is.null(at))
  if (n_given > 1L) {
    stop_input(c(
      "Only one of `df`, `knots` and `at` may be given.", i = "`df` is `knots` + 1."
    ), arg = "knots")
  }
  n_knot <- if (!is.null(at)) length(at) else spline_knot_count(df, knots)
  names <- c("level", paste0("slope", seq_len(n_knot + 1L)))
  family <- new_family(
    "spline", sprintf("Royston-Parmar (%s)", spline_links[[link]]$label), names,
    natural = stats::setNames(rep.int("identity", n_knot + 2L), names),
    scales = unique(c(spline_links[[link]]$scale, "hazard", "odds", "time")),
    start = spline_start, unit = spline_unit, prepare = spline_prepare
  )
  family$has_tvc <- TRUE
  family$border <- spline_border
  family$straight <- list(family = spline_links[[link]]$family, widen = spline_of_line)
  family$link <- link
  family$absorb <- stats::setNames(
    list(function(theta, delta) c(theta[[1L]] - delta, theta[-1L])), spline_links[[link]]$scale
  )
  family$at <- at
  family
}

# In the order of sr_link (src/model_link.h). `family` has a straight line for a spline. `spread` is
# the standard deviation of log time where the slope is 1, `centre` its mean less that of the point
# where the spline is 0.
spline_links <- list(
  hazard = list(
    label = "log cumulative hazard", scale = "hazard", family = family_weibull, spread = 1.28,
    centre = -0.58
  ),
  odds = list(
    label = "log odds", scale = "odds", family = family_loglogistic, spread = 1.81, centre = 0
  ),
  normal = list(
    label = "probit", scale = "probit", family = family_lognormal, spread = 1, centre = 0
  )
)

most_knots <- 22L

spline_knot_count <- function(df, knots) {
  arg <- if (is.null(df)) "knots" else "df"
  value <- df %||% knots
  least <- if (is.null(df)) 0L else 1L
  most <- most_knots + least
  is_fine <- is.numeric(value) && length(value) == 1L && is.finite(value) && value >= least &&
    value <= most && value == round(value)
  if (!is_fine) {
    stop_input(c(
      sprintf("`%s` must be one whole number from %d to %d.", arg, least, most),
      x = sprintf("Found %s.", describe(value))
    ), arg = arg)
  }
  as.integer(value) - least
}

# Times that a user places on the axis: cuts or knots, in order
check_places <- function(value, arg, what) {
  is_fine <- is.numeric(value) && length(value) > 0L && all(is.finite(value)) && all(value > 0) &&
    !is.unsorted(value, strictly = TRUE)
  if (!is_fine) {
    stop_input(c(
      sprintf("`%s` must hold times: positive, finite, each later than the one before.", arg),
      x = sprintf("Found %s.", describe(value)),
      i = sprintf("The %s are in the unit of the times of the data.", what)
    ), arg = arg)
  }
  if (length(value) > most_knots) {
    stop_input(c(
      sprintf("`%s` may hold at most %d times.", arg, most_knots),
      x = sprintf("Found %d.", length(value))
    ), arg = arg)
  }
  as.double(value)
}

# Event times; where none is exact, midpoints of intervals. `times` is that of ttp_times().
event_times <- function(times) {
  is_exact <- times$kind == 1L
  if (any(is_exact)) return(times$time[is_exact])
  is_between <- times$kind == 3L
  c(times$time[times$kind == 2L] / 2, (times$time[is_between] + times$right[is_between]) / 2)
}

spline_prepare <- function(family, times, frame = NULL) {
  events <- log(event_times(times))
  boundary <- if (length(events) > 0L) range(events)
  n_knot <- if (is.null(family$at)) length(family$theta) - 2L else 0L
  if (length(unique(events)) < n_knot + 2L) {
    stop_input(c(
      sprintf("`ttp_spline()` with %d interior knots needs %d event times that differ.",
              n_knot, n_knot + 2L),
      x = sprintf("Found %d.", length(unique(events))), i = "Use fewer `knots`."
    ), arg = "knots")
  }
  if (is.null(family$at)) {
    inner <- stats::quantile(events, seq_len(n_knot) / (n_knot + 1), names = FALSE)
  } else {
    inner <- log(family$at)
  }
  knots <- c(boundary[1L], inner, boundary[2L])
  check_knots(knots, is_placed = !is.null(family$at))
  family$setting <- c(match(family$link, names(spline_links)) - 1, knots)
  family
}

check_knots <- function(knots, is_placed) {
  if (!is.unsorted(knots, strictly = TRUE)) return(invisible())
  inner <- knots[-c(1L, length(knots))]
  boundary <- knots[c(1L, length(knots))]
  is_out <- inner <= boundary[1L] | inner >= boundary[2L]
  if (is_placed) {
    stop_input(c(
      "Knots must lie between the first and the last event.",
      x = sprintf("Found %s; events are from %s to %s.",
                  paste(format(exp(inner[is_out]), digits = 6L, trim = TRUE), collapse = ", "),
                  format(exp(boundary[1L]), digits = 6L), format(exp(boundary[2L]), digits = 6L))
    ), arg = "at")
  }
  stop_input(c(
    "Knots at quantiles of the event times must differ.",
    x = sprintf("Found %s: so many events share a time.",
                paste(format(exp(knots), digits = 4L, trim = TRUE), collapse = ", ")),
    i = "Use fewer `knots`, or place them with `at`."
  ), arg = "knots")
}

# Only the knots know the unit of time.
spline_unit <- function(family, log_unit) {
  family$setting[-1L] <- family$setting[-1L] - log_unit
  if (!is.null(family$at)) family$at <- family$at / exp(log_unit)
  K <- length(family$theta)
  list(family = family, A = diag(K), b = numeric(K))
}

# The family's special case with one slope
spline_start <- function(family, moments) {
  link <- spline_links[[family$link]]
  slope <- link$spread / moments$sd
  knots <- family$setting[-1L]
  level <- slope * (knots[[spline_anchor(knots)]] - moments$mean) + link$centre
  c(level, rep.int(slope, length(knots) - 1L))
}

# The line slope (x - mu) as a spline; a lognormal has the log of 1 / slope.
spline_of_line <- function(theta, family) {
  slope <- exp(if (family$link == "normal") -theta[[2L]] else theta[[2L]])
  knots <- family$setting[-1L]
  c(slope * (knots[[spline_anchor(knots)]] - theta[[1L]]), rep.int(slope, length(knots) - 1L))
}

# A spline that would fall if it could: where it is nearly flat, as a message.
spline_border <- function(theta, family) {
  knots <- family$setting[-1L]
  x <- seq(knots[[1L]], knots[[length(knots)]], length.out = 1001L)
  theta <- matrix(theta, length(x), length(theta), byrow = TRUE)
  rise <- hazard_table(ttp_hazard(family, "hazard"), x, theta, order = 1L)$cum_first[, 1L]
  flat <- which.min(rise)
  if (!isTRUE(rise[[flat]] < 0.01 * stats::median(rise))) return(NULL)
  sprintf(
    paste(
      "The best spline would fall near %s, which no cumulative hazard does. Use fewer knots, place",
      "them elsewhere with `at`, or take `ttp_smooth()`."
    ),
    format(exp(x[[flat]]), digits = 3L)
  )
}

# Number of the knot where `level` is taken (src/model_family_spline.c)
spline_anchor <- function(knots) (length(knots) - 1L) %/% 2L + 1L

# The matrix G with gamma = G theta, where
#   s(x) = gamma_0 + gamma_1 x + sum_j gamma_(j+1) v_j(x),
#   v_j(x) = (x - k_j)_+^3 - lambda_j (x - k_0)_+^3 - (1 - lambda_j) (x - k_N)_+^3,
#   lambda_j = (k_N - k_j) / (k_N - k_0)
# gamma_(j+1) is a sixth of the jump of s''' at the interior knot k_j; gamma_1 is s' at k_0.
spline_gamma_map <- function(knots) {
  N <- length(knots) - 1L
  width <- diff(knots)
  control <- diag(N)[pmin(pmax(seq_len(N + 2L) - 1L, 1L), N), , drop = FALSE]
  bend <- 2 * diff(control) / c(width[1L], if (N > 1L) width[-1L] + width[-N], width[N])
  third <- diff(bend) / width
  left <- bend[-(N + 1L), , drop = FALSE]
  slope <- running_sum(control[1L, ], width * (left + width * third / 2))
  level <- running_sum(0, width * (slope[-(N + 1L), , drop = FALSE] +
                                     width * (left / 2 + width * third / 6)))
  level <- sweep(level, 2L, level[spline_anchor(knots), ])
  G <- rbind(level[1L, ] - knots[1L] * slope[1L, ], slope[1L, ], if (N > 1L) diff(third) / 6)
  G <- cbind(c(1, numeric(N)), G)
  dimnames(G) <- list(
    paste0("gamma", seq_len(N + 1L) - 1L), c("level", paste0("slope", seq_len(N)))
  )
  G
}

# Column by column: first, first + steps[1], first + steps[1] + steps[2] ...
running_sum <- function(first, steps) {
  out <- rbind(rep_len(first, ncol(steps)), steps)
  for (j in seq_len(nrow(steps))) out[j + 1L, ] <- out[j, ] + out[j + 1L, ]
  out
}

#' What are the coefficients of a spline fit as Royston and Parmar write them?
#'
#' `fit_ttp()` with [ttp_spline()] estimates a level and slopes. In Royston's and Parmar's (and
#' \pkg{flexsurv}'s) terms the same spline is
#' \deqn{s(x) = \gamma_0 + \gamma_1 x + \sum_{j=1}^{m} \gamma_{j+1} v_j(x), \quad
#'   v_j(x) = (x - k_j)_+^3 - \lambda_j (x - k_0)_+^3 - (1 - \lambda_j) (x - k_{m+1})_+^3}{s(x) =
#'   gamma0 + gamma1 x + sum_j gamma_(j+1) v_j(x), v_j(x) = (x - k_j)_+^3 - lambda_j (x - k_0)_+^3 -
#'   (1 - lambda_j) (x - k_(m+1))_+^3}
#' with x = log time, interior knots \eqn{k_1 \ldots k_m}{k_1 ... k_m}, boundary knots
#' \eqn{k_0}{k_0} and \eqn{k_{m+1}}{k_(m+1)}, and \eqn{\lambda_j = (k_{m+1} - k_j) / (k_{m+1} -
#' k_0)}{lambda_j = (k_(m+1) - k_j) / (k_(m+1) - k_0)}.
#'
#' @param fit A fit of `fit_ttp()` with `family = ttp_spline()`.
#' @returns A data frame with one row for each gamma (of each stratum): `stratum` (where there are
#'   strata), `term` (`"gamma0"`, ...), `estimate`, `std.error`; attribute `knots` has the log times
#'   of all knots, attribute `var` the covariance matrix of the rows.
#' @references Royston P, Parmar MKB (2002). *Statistics in Medicine*, 21, 2175-2197.
#'   \doi{10.1002/sim.1203}
#' @examples
#' rotterdam <- survival::rotterdam
#' fit <- fit_ttp(Surv(rtime / 365.25, recur) ~ hormon, rotterdam, family = ttp_spline(knots = 1))
#' spline_gamma(fit)
#' @export
spline_gamma <- function(fit) {
  if (!inherits(fit, "sr_ttp") || !identical(fit$family$name, "spline")) {
    stop_input(c(
      "`fit` must be a fit of `fit_ttp()` with `family = ttp_spline()`.",
      x = sprintf("Found %s.", describe(fit))
    ), arg = "fit")
  }
  knots <- fit$family$setting[-1L]
  G <- spline_gamma_map(knots)
  K <- nrow(G)
  levels <- fit$strata$level
  n_stratum <- max(length(levels), 1L)
  at <- length(fit$effects) + seq_len(n_stratum * K)
  all_strata <- kronecker(diag(n_stratum), G)
  var <- all_strata %*% fit$var[at, at] %*% t(all_strata)
  table <- data.frame(
    term = rep.int(rownames(G), n_stratum),
    estimate = drop(all_strata %*% fit$coefficients[at]), std.error = sqrt(diag(var))
  )
  if (!is.null(levels)) table <- cbind(stratum = rep(levels, each = K), table)
  structure(table, knots = knots, var = var)
}

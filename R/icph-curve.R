# Curves of fit_icph(): where survival is known exactly, where only bounds are, and how precisely.

#' What survival does the model predict?
#'
#' Survival curves and cumulative hazards for new data, with bounds where the data do not tell more
#' and confidence limits, the linear predictor and the risk relative to the mean covariates.
#'
#' @section Bounds and limits:
#' Within an innermost interval (from, to] the data do not tell where the mass lies: `lower` and
#' `upper` are the curves that have it all at one end. `estimate` spreads the fall of survival
#' evenly between them; where `lower` equals `upper` it is the maximum likelihood estimate. After
#' the last time at which anybody was seen, survival is known to be between 0 and its last value,
#' and the estimate is NA.
#'
#' Confidence limits are those of \eqn{\log \Lambda}{log L}, which keeps them between 0 and 1, with
#' the variance of the coefficients and of the positive jumps; within an interval they reach from
#' the lower limit at its end to the upper limit at its start. They take the number of distinct
#' times as fixed, as it is with scans; where times are continuous the estimate of the curve
#' converges too slowly for any such limit, and they are a rough guide.
#'
#' @param object,formula,x a fit from [fit_icph()].
#' @param newdata data to predict for. Without it, the linear predictor of the rows of the fit, and
#'   the curve of each stratum at the mean covariates.
#' @param type `"lp"` or `"link"` (linear predictor, as for [sr_fit]), `"risk"` (hazard ratio to the
#'   mean covariates), `"survival"`, `"cumhaz"`.
#' @param times at which to predict; default: the ends of the intervals with mass.
#' @param se.fit `TRUE` adds standard errors; those of curves are NA where only bounds are known.
#' @param interval `"confidence"` adds standard errors and limits to curves.
#' @param level,conf.int,conf.level their level.
#' @param ... for `plot()`: not used; for `predict()`: passed to [predict.sr_fit()].
#' @returns `predict()`: for `"lp"`, `"link"` and `"risk"` a vector, or with `se.fit` a list of
#'   `fit` and `se.fit`. For curves a data frame with a row for each row of `newdata` and time:
#'   `.row` (its number), `stratum` (where there are strata), `time`, `estimate`, `lower`, `upper`,
#'   `std.error`, `conf.low`, `conf.high`; NA where a value of the row is missing.
#'
#'   `survfit()`: an object of class `survfit`, one curve a row of `newdata`, or a stratum, with all
#'   mass at the ends of the intervals (`lower` and `upper` are the confidence limits).
#'
#'   `plot()`: a ggplot; its `$data` is what was drawn.
#' @examples
#' visit <- 182.625
#' rotterdam <- survival::rotterdam
#' rotterdam$left <- visit * floor(rotterdam$rtime / visit)
#' rotterdam$right <- ifelse(rotterdam$recur == 1, rotterdam$left + visit, NA)
#' seen <- rotterdam[rotterdam$left > 0 | !is.na(rotterdam$right), ]
#' fit <- fit_icph(Surv(left, right, type = "interval2") ~ nodes + strata(hormon), seen)
#' new <- data.frame(nodes = c(0, 10), hormon = 1)
#' predict(fit, new, type = "survival", times = 365.25 * 1:3, interval = "confidence")
#' plot(fit, new)
#' @name predict.sr_icph
NULL

#' @rdname predict.sr_icph
#' @exportS3Method stats::predict sr_icph
predict.sr_icph <- function(object, newdata = NULL,
                            type = c("lp", "link", "risk", "survival", "cumhaz"), times = NULL,
                            se.fit = FALSE, interval = c("none", "confidence"), level = 0.95, ...) {
  type <- choose_one(type, c("lp", "link", "risk", "survival", "cumhaz"), "type")
  interval <- choose_one(interval, c("none", "confidence"), "interval")
  check_flag(se.fit, "se.fit")
  if (type %in% c("lp", "link", "risk")) refuse_curve_arguments(type, times, interval)
  if (type %in% c("lp", "link")) {
    return(predict.sr_fit(object, newdata, type = type, se.fit = se.fit, ...))
  }
  if (type == "risk") return(icph_risk(object, newdata, se.fit, ...))
  check_level(level)
  check_no_dots(...)
  times <- check_times_given(times)
  wants <- list(
    type = type, error = se.fit || interval == "confidence", limits = interval == "confidence",
    level = level
  )
  icph_curves(object, newdata, times, wants)
}

check_times_given <- function(times) {
  if (is.null(times)) return(NULL)
  if (!is.numeric(times) || length(times) == 0L || anyNA(times) || any(times < 0)) {
    stop_input(c(
      "`times` must be numbers, 0 or more.", x = sprintf("Found %s.", describe(times))
    ), arg = "times")
  }
  sort(unique(as.double(times)))
}

# What curves have and the linear predictor has not; also of fit_finegray()
refuse_curve_arguments <- function(type, times, interval) {
  unused <- c(if (!is.null(times)) "times", if (interval != "none") "interval")
  if (length(unused) == 0L) return(invisible())
  stop_input(c(
    sprintf("`%s` has no meaning for the type \"%s\".", unused[[1L]], type),
    i = if (unused[[1L]] == "times") {
      "Leave it out, or ask for a curve."
    } else {
      "Use `se.fit = TRUE`, or ask for a curve."
    }
  ), arg = unused[[1L]])
}

icph_risk <- function(object, newdata, se.fit, ...) {
  check_no_dots(...)
  parts <- sr_new_parts(object, newdata, with_strata = FALSE)
  beta <- zero_aliased(object)
  x <- sweep(parts$x, 2L, object$means)
  risk <- exp(drop(x %*% beta) + parts$offset)
  padded <- function(value) {
    names(value) <- parts$row_names
    if (is.null(newdata)) stats::naresid(object$na.action, value) else value
  }
  if (!se.fit) return(padded(risk))
  error <- risk * sqrt(pmax(rowSums((x %*% object$var) * x), 0))
  list(fit = padded(risk), se.fit = padded(error))
}

zero_aliased <- function(object) {
  coef <- object$coefficients
  replace(coef, is.na(coef), 0)
}

# Each row's stratum (from 0), distance from the means, and offset
icph_rows_for <- function(object, newdata) {
  levels <- object$strata$level
  if (is.null(newdata)) {
    k <- max(length(levels), 1L)
    return(list(
      x = matrix(0, k, length(object$means)), offset = numeric(k), stratum = seq_len(k) - 1L,
      label = levels %||% "mean"
    ))
  }
  parts <- sr_new_parts(object, newdata)
  n <- nrow(parts$x)
  list(
    x = sweep(parts$x, 2L, object$means), offset = rep_len(parts$offset, n),
    stratum = if (is.null(levels)) integer(n) else as.integer(parts$strata) - 1L,
    label = parts$row_names
  )
}

icph_curves <- function(object, newdata, times, wants) {
  rows <- icph_rows_for(object, newdata)
  terms <- if (wants$error) icph_curve_terms(object)
  parts <- lapply(seq_along(rows$stratum), function(i) {
    s <- rows$stratum[[i]]
    if (is.na(s) || anyNA(rows$x[i, ]) || is.na(rows$offset[[i]])) {
      return(unknown_steps(i, s, object, times, wants))
    }
    steps <- icph_steps(object, s, rows$x[i, ], rows$offset[[i]], terms)
    at <- times %||% unique(steps$to[-1L])
    one <- icph_read(steps, at, object$horizon[[s + 1L]], wants)
    cbind(.row = rep.int(i, nrow(one)), stratum = rep.int(s, nrow(one)), one)
  })
  some <- unknown_steps(1L, NA_integer_, object, NULL, wants) # newdata may have no row
  out <- do.call(rbind, c(list(some[0L, ]), parts))
  levels <- object$strata$level
  out$stratum <- if (!is.null(levels)) factor(levels[out$stratum + 1L], levels)
  row.names(out) <- NULL
  as_table(out)
}

# The lines of a row in which a value is missing: NA at the times that the others have
unknown_steps <- function(i, stratum, object, times, wants) {
  node <- object$nodes
  at <- times %||% if (is.na(stratum)) {
    NA_real_
  } else {
    unique(node$to[node$stratum == stratum & (node$jump > 0 | node$kind == node_kinds[["last"]])])
  }
  columns <- c(
    "estimate", "lower", "upper", if (wants$error) "std.error",
    if (wants$limits) c("conf.low", "conf.high")
  )
  out <- data.frame(.row = rep.int(i, length(at)), stratum = stratum, time = at)
  out[columns] <- NA_real_
  out
}

# Variance of the baseline and its slope along the profile, by node (src/model_icph_after.c)
icph_curve_terms <- function(object) {
  .Call(C_icph_curve, icph_data(icph_rebuild(object)), unname(zero_aliased(object)),
    object$nodes$jump)
}

# The rows and times of a fit
icph_rebuild <- function(object) {
  parts <- sr_rebuild(object)
  parts$times <- interval_parts(parts$y, parts$mf[["(entry)"]], row.names(parts$mf))
  parts
}

# Cumulative hazard of one row at the ends of the intervals with mass of its stratum, after a first
# line where it is 0: from, to, cumhaz, error (of the cumulative hazard; NULL without terms)
icph_steps <- function(object, stratum, x, offset, terms) {
  node <- object$nodes
  hazard <- ifelse(node$kind == node_kinds[["last"]], Inf, node$jump)
  at <- which(node$stratum == stratum & hazard > 0)
  risk <- exp(sum(x * zero_aliased(object)) + offset)
  cumhaz <- cumsum(hazard[at])
  error <- NULL
  if (!is.null(terms)) {
    slope <- terms$slope[at, , drop = FALSE] + outer(ifelse(is.finite(cumhaz), cumhaz, 0), x)
    var <- object$var
    error <- risk * sqrt(pmax(terms$variance[at] + rowSums((slope %*% var) * slope), 0))
    error[!is.finite(cumhaz)] <- NA
  }
  list(
    from = c(0, node$from[at]), to = c(0, node$to[at]), cumhaz = c(0, risk * cumhaz),
    error = if (!is.null(terms)) c(0, error)
  )
}

# A curve read at `times`: which steps are surely behind, which may be
icph_read <- function(steps, times, horizon, wants) {
  behind <- findInterval(times, steps$to[-1L]) + 1L
  is_point <- steps$from == steps$to
  begun <- findInterval(times, steps$from[-1L], left.open = TRUE) + 1L
  begun <- pmax(begun, behind)
  at_point <- behind < length(steps$to) & is_point[pmin(behind + 1L, length(steps$to))]
  begun[at_point & begun > behind] <- behind[at_point & begun > behind]
  is_beyond <- times > horizon & is.finite(steps$cumhaz[behind])
  survival <- exp(-steps$cumhaz)
  upper <- survival[behind]
  lower <- survival[begun]
  share <- ifelse(
    begun > behind, (times - steps$from[begun]) / (steps$to[begun] - steps$from[begun]), 0
  )
  estimate <- upper - share * (upper - lower)
  lower[is_beyond] <- 0
  estimate[is_beyond] <- NA
  is_hazard <- wants$type == "cumhaz"
  out <- data.frame(
    time = times, estimate = if (is_hazard) -log(estimate) else estimate,
    lower = if (is_hazard) -log(upper) else lower, upper = if (is_hazard) -log(lower) else upper
  )
  if (!wants$error) return(out)
  error <- if (is_hazard) steps$error else steps$error * survival
  error[survival == 0] <- 0
  out$std.error <- ifelse(begun > behind | is_beyond, NA_real_, error[behind])
  if (!wants$limits) return(out)
  limits <- icph_limits(steps, wants$level)
  low <- ifelse(is_beyond, Inf, limits$high[begun])
  high <- limits$low[behind]
  out$conf.low <- if (is_hazard) high else exp(-low)
  out$conf.high <- if (is_hazard) low else exp(-high)
  out
}

# Limits of the cumulative hazard at each step, from its logarithm
icph_limits <- function(steps, level) {
  wide <- stats::qnorm(0.5 + level / 2) * steps$error / steps$cumhaz
  is_known <- steps$cumhaz > 0 & is.finite(steps$cumhaz)
  high <- ifelse(is_known, steps$cumhaz * exp(wide), steps$cumhaz)
  low <- ifelse(is_known, steps$cumhaz * exp(-wide), steps$cumhaz)
  # where nobody survived there is no upper limit of the hazard, and the lower one is that before
  is_last <- which(!is.finite(steps$cumhaz))
  if (length(is_last) > 0L) low[is_last] <- low[max(is_last[[1L]] - 1L, 1L)]
  list(low = low, high = high)
}

# --- as survfit, as a figure ----------------------------------------------------------------------

#' @rdname predict.sr_icph
#' @exportS3Method survival::survfit sr_icph
survfit.sr_icph <- function(formula, newdata = NULL, conf.int = 0.95, ...) {
  check_level(conf.int, "conf.int")
  check_no_dots(...)
  object <- formula
  rows <- icph_rows_for(object, newdata)
  terms <- icph_curve_terms(object)
  data <- icph_rebuild(object)
  curves <- lapply(seq_along(rows$stratum), function(i) {
    s <- rows$stratum[[i]]
    steps <- icph_steps(object, s, rows$x[i, ], rows$offset[[i]], terms)
    limits <- icph_limits(steps, conf.int)
    counts <- icph_counts(data, s, steps$to[-1L], object$horizon[[s + 1L]])
    last <- length(counts$time) > length(steps$to) - 1L
    padded <- function(v) c(v[-1L], if (last) v[[length(v)]])
    data.frame(
      time = counts$time, n.risk = counts$n.risk, cumhaz = padded(steps$cumhaz),
      std.chaz = padded(steps$error), upper = exp(-padded(limits$low)),
      lower = exp(-padded(limits$high))
    )
  })
  column <- function(name) unlist(lapply(curves, `[[`, name))
  sizes <- vapply(curves, nrow, 0L)
  cumhaz <- column("cumhaz")
  out <- list(
    n = tabulate((data$stratum %||% rep.int(0L, object$n)) + 1L)[rows$stratum + 1L],
    time = column("time"), n.risk = column("n.risk"),
    n.event = rep.int(NA_real_, length(cumhaz)), n.censor = rep.int(NA_real_, length(cumhaz)),
    surv = exp(-cumhaz), cumhaz = cumhaz, std.err = column("std.chaz"),
    std.chaz = column("std.chaz"), logse = TRUE, lower = column("lower"), upper = column("upper"),
    conf.type = "log-log", conf.int = conf.int, type = "interval", call = object$call
  )
  if (length(curves) > 1L) out$strata <- stats::setNames(sizes, rows$label)
  structure(out, class = "survfit")
}

# Times at which a curve is told, and the weight of the rows at risk just before
icph_counts <- function(data, stratum, ends, horizon) {
  rows <- (data$stratum %||% rep.int(0L, length(data$times$left))) == stratum
  time <- c(ends, if (horizon > max(ends, 0)) horizon)
  weight <- as.vector(data$weights %||% rep.int(1, length(rows)))[rows]
  exit <- ifelse(is.finite(data$times$right), data$times$right, data$times$left)[rows]
  entry <- (data$times$entry %||% numeric(length(rows)))[rows]
  n_risk <- vapply(time, function(t) sum(weight[entry < t & exit >= t]), 0)
  list(time = time, n.risk = n_risk)
}

#' @rdname predict.sr_icph
#' @exportS3Method graphics::plot sr_icph
plot.sr_icph <- function(x, newdata = NULL, type = c("survival", "cumhaz"), conf.level = 0.95,
                         ...) {
  rlang::check_installed("ggplot2", reason = "to draw curves")
  check_no_dots(...)
  type <- choose_one(type, c("survival", "cumhaz"), "type")
  curves <- icph_figure_data(x, newdata, type, conf.level)
  colours <- plot_colours(nlevels(curves$group))
  label <- formula_label(x$terms[[2L]][[2L]], NULL, "Time")
  plot <- ggplot2::ggplot(
    curves, ggplot2::aes(x = .data$time, colour = .data$group, fill = .data$group)
  )
  if (!is.na(conf.level)) {
    plot <- plot + ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data$conf.low, ymax = .data$conf.high), alpha = 0.14, colour = NA,
      show.legend = FALSE
    )
  }
  plot <- plot +
    ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data$lower, ymax = .data$upper), alpha = 0.35, colour = NA,
      show.legend = FALSE
    ) +
    ggplot2::geom_line(ggplot2::aes(y = .data$estimate), linewidth = 0.7, na.rm = TRUE) +
    ggplot2::scale_colour_manual(values = colours, name = NULL) +
    curve_legend(curves$group) +
    ggplot2::scale_fill_manual(values = colours, name = NULL) +
    ggplot2::labs(
      x = label, y = if (type == "survival") "Survival probability" else "Cumulative hazard",
      caption = "Dark: where the data do not tell when within an interval. Light: confidence."
    ) + plot_theme()
  if (type == "survival") plot <- plot + ggplot2::coord_cartesian(ylim = c(0, 1))
  if (nlevels(curves$group) == 1L) plot <- plot + ggplot2::theme(legend.position = "none")
  plot
}

# What differs between the rows of newdata, "arm = a, rank = high"; else their names
figure_labels <- function(newdata, otherwise) {
  if (is.null(newdata) || nrow(newdata) < 2L) return(otherwise)
  differs <- vapply(newdata, function(v) length(unique(v)) > 1L, NA)
  if (sum(differs) == 0L || sum(differs) > 3L) return(otherwise)
  told <- lapply(names(newdata)[differs], function(name) {
    value <- newdata[[name]]
    paste(name, "=", if (is.numeric(value)) format(value, trim = TRUE, digits = 3) else value)
  })
  text <- do.call(paste, c(told, sep = ", "))
  if (anyDuplicated(text)) otherwise else text
}

# The corners of every step: each time just before and just after
icph_figure_data <- function(x, newdata, type, conf.level) {
  rows <- icph_rows_for(x, newdata)
  labels <- figure_labels(newdata, rows$label)
  terms <- icph_curve_terms(x)
  wants <- list(
    type = type, error = !is.na(conf.level), limits = !is.na(conf.level), level = conf.level
  )
  parts <- lapply(seq_along(rows$stratum), function(i) {
    s <- rows$stratum[[i]]
    if (is.na(s) || anyNA(rows$x[i, ]) || is.na(rows$offset[[i]])) return(NULL)
    steps <- icph_steps(x, s, rows$x[i, ], rows$offset[[i]], terms)
    horizon <- x$horizon[[s + 1L]]
    corners <- sort(unique(c(0, steps$from, steps$to, horizon)))
    tiny <- 1e-9 * horizon
    at <- sort(unique(pmax(c(corners - tiny, corners, pmin(corners + tiny, horizon)), 0)))
    cbind(group = labels[[i]], icph_read(steps, at, horizon, wants))
  })
  out <- do.call(rbind, parts)
  out$group <- factor(out$group, unique(out$group))
  out
}

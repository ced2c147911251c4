# Curves of a Fine-Gray fit: cumulative incidence for new patients, and how sure it is.

#' What share will have had the event by then?
#'
#' Predicts from a Fine-Gray model: the cumulative incidence of the cause (or its complement, or the
#' cumulative subdistribution hazard) of new patients with standard errors and limits, the linear
#' predictor and the risk. `plot()` draws the cumulative incidence.
#'
#' @section The limits:
#' With \eqn{\Lambda(t \mid x)}{L(t|x)} the cumulative subdistribution hazard, the cumulative
#' incidence is \eqn{1 - \exp(-\Lambda)}{1 - exp(-L)}. Limits are those of
#' \eqn{\log \Lambda}{log L}, which keeps them between 0 and 1. The variance of
#' \eqn{\log \Lambda}{log L} comes from the influence of every row on baseline and coefficients
#' together, of the same kind as the variance of the fit: with the part of the estimated censoring
#' distribution for `"finegray"`, by cluster where the fit has clusters, or for `"model"` the one
#' that [survival::survfit()] has for a Cox model. A step for each event time costs a pass over the
#' rows: ask for few `times` where rows are many.
#'
#' @param object,x a fit from [fit_finegray()].
#' @param newdata data to predict for. Without it: for curves the mean covariates, in each stratum;
#'   for the linear predictor and the risk the rows of the fit.
#' @param type `"cif"` (cumulative incidence), `"survival"` (1 less that), `"cumhaz"` (cumulative
#'   subdistribution hazard), `"lp"` or `"link"` (linear predictor, not centred), `"risk"`
#'   (exponential of it).
#' @param times at which to predict a curve; default: all event times.
#' @param se.fit `TRUE` adds standard errors.
#' @param interval `"confidence"` adds standard errors and limits to curves.
#' @param level,conf.level their level; `conf.level = NA` draws none.
#' @param xlab,ylab,legend_title,labels titles of axes and legend, and names of the curves.
#' @param palette colours, one a curve; `NULL`: colours that the colour-blind can tell apart.
#' @param ... passed to [predict.sr_fit()] for the linear predictor; else not used.
#' @returns `predict()`: for `"lp"`, `"link"` and `"risk"` a vector, or with `se.fit` a list of
#'   `fit` and `se.fit`. For curves a data frame with a row for each row of `newdata` and time:
#'   `.row` (its number), `stratum` (where there are strata), `time`, `estimate`, where asked for
#'   `std.error`, `conf.low`, `conf.high`. After the last time at which anybody was under
#'   observation in a stratum the estimate is NA, and in rows in which a value is missing.
#'
#'   `plot()`: a ggplot; its `$data` is what was drawn: `group`, `time`, `estimate`, `conf.low`,
#'   `conf.high`.
#' @examples
#' mgus <- survival::mgus2
#' mgus$years <- ifelse(mgus$pstat == 0, mgus$futime, mgus$ptime) / 12
#' mgus$state <- factor(
#'   ifelse(mgus$pstat == 1, 1, 2 * mgus$death), 0:2, c("none", "malignancy", "death")
#' )
#' fit <- fit_finegray(Surv(years, state) ~ age + mspike, mgus)
#' new <- data.frame(age = 65, mspike = c(0.5, 2.5))
#' predict(fit, new, times = c(5, 10, 20), interval = "confidence")
#' @name predict.sr_finegray
NULL

#' @rdname predict.sr_finegray
#' @exportS3Method stats::predict sr_finegray
predict.sr_finegray <- function(object, newdata = NULL,
                                type = c("cif", "survival", "cumhaz", "lp", "link", "risk"),
                                times = NULL, se.fit = FALSE, interval = c("none", "confidence"),
                                level = 0.95, ...) {
  type <- choose_one(type, c("cif", "survival", "cumhaz", "lp", "link", "risk"), "type")
  interval <- choose_one(interval, c("none", "confidence"), "interval")
  check_flag(se.fit, "se.fit")
  check_level(level, "level")
  if (type %in% c("lp", "link", "risk")) {
    refuse_curve_arguments(type, times, interval)
    link <- predict.sr_fit(object, newdata, type = "link", se.fit = se.fit, ...)
    if (type != "risk") return(link)
    if (!se.fit) return(exp(link))
    return(list(fit = exp(link$fit), se.fit = exp(link$fit) * link$se.fit))
  }
  check_no_dots(...)
  curves <- finegray_curves(object, newdata, check_curve_times(times), interval != "none" || se.fit)
  finegray_on_scale(curves, type, se.fit || interval != "none", if (interval != "none") level)
}

check_curve_times <- function(times) {
  if (is.null(times)) return(NULL)
  if (!is.numeric(times) || length(times) == 0L || !all(is.finite(times))) {
    stop_input(c("`times` must be finite numbers.", x = sprintf("Found %s.", describe(times))),
               arg = "times")
  }
  sort(unique(as.double(times)))
}

# Data frame: .row, label, stratum, time, log_hazard, error (standard error of log_hazard, if
# wanted), and is_known
finegray_curves <- function(fit, newdata, times, wants_error) {
  again <- if (wants_error || is.null(newdata)) finegray_again(fit)
  rows <- finegray_rows_for(fit, newdata, again)
  base <- fit$baseline
  base$stratum <- base$stratum %||% rep.int(0L, length(base$time))
  known <- sort(unique(rows$stratum[!is.na(rows$stratum)]))
  asked <- lapply(known, function(s) {
    at <- times %||% base$time[base$stratum == s]
    list(stratum = rep.int(s, length(at)), time = at)
  })
  query <- list(
    stratum = as.integer(unlist(lapply(asked, `[[`, "stratum"))),
    time = as.double(unlist(lapply(asked, `[[`, "time")))
  )
  spread <- if (wants_error) finegray_spread(fit, again, query)
  coef <- ifelse(is.na(fit$coefficients), 0, fit$coefficients)
  link <- drop(rows$x %*% coef) + rows$offset
  parts <- lapply(seq_along(link), function(i) {
    if (is.na(rows$stratum[[i]]) || is.na(link[[i]])) {
      return(unknown_curve(i, rows, times, query, wants_error))
    }
    at <- which(query$stratum == rows$stratum[[i]])
    mine <- base$stratum == rows$stratum[[i]]
    hazard <- c(0, base$cumhaz[mine])[findInterval(query$time[at], base$time[mine]) + 1L]
    out <- data.frame(
      .row = rep.int(i, length(at)), label = rows$label[[i]], stratum = query$stratum[at],
      time = query$time[at], log_hazard = log(hazard) + link[[i]],
      is_known = query$time[at] <= fit$horizon[[rows$stratum[[i]] + 1L]]
    )
    if (wants_error) {
      z <- rows$x[i, ] - spread$mean
      cov <- spread$cov[, at, drop = FALSE] / rep(spread$hazard[at], each = length(z))
      var <- spread$var[at] / spread$hazard[at]^2 + 2 * drop(z %*% cov) +
        drop(z %*% fit$var %*% z)
      out$error <- ifelse(hazard > 0, sqrt(pmax(var, 0)), 0)
    }
    out
  })
  # newdata may have no row
  some <- unknown_curve(1L, list(stratum = NA_integer_, label = ""), NULL, query, wants_error)
  structure(do.call(rbind, c(list(some[0L, ]), parts)), levels = fit$strata$level)
}

# The lines of a row in which a value is missing: NA at the times that the others have
unknown_curve <- function(i, rows, times, query, wants_error) {
  s <- rows$stratum[[i]]
  at <- times %||% if (is.na(s)) NA_real_ else query$time[query$stratum == s]
  out <- data.frame(
    .row = rep.int(i, length(at)), label = rows$label[[i]], stratum = s, time = at,
    log_hazard = NA_real_, is_known = FALSE
  )
  if (wants_error) out$error <- NA_real_
  out
}

# Columns, offset, stratum (from 0) and label of each curve
finegray_rows_for <- function(fit, newdata, again) {
  levels <- fit$strata$level
  if (is.null(newdata)) {
    k <- max(length(levels), 1L)
    x <- again$data[[1L]]
    mean <- if (is.null(x)) numeric() else colMeans(x)
    return(list(
      x = matrix(mean, k, length(mean), byrow = TRUE),
      offset = rep.int(mean(again$data[[5L]] %||% 0), k), stratum = seq_len(k) - 1L,
      label = levels %||% "mean"
    ))
  }
  parts <- sr_new_parts(fit, newdata)
  n <- nrow(parts$x)
  list(
    x = parts$x, offset = rep_len(parts$offset, n), label = parts$row_names,
    stratum = if (is.null(levels)) integer(n) else as.integer(parts$strata) - 1L
  )
}

# list(mean, hazard, var, cov): the cumulative hazard at the mean covariates, its variance, and
# its covariance with the coefficients (p x queries); see src/model_finegray_curve.h
finegray_spread <- function(fit, again, query) {
  var <- unname(fit$naive.var %||% fit$var)
  ask <- function(spec, robust, extra = NULL) {
    .Call(
      C_finegray_curves, again$data, spec, again$still, list(again$coef, as.double(var)), robust,
      list(query$stratum, query$time, extra)
    )
  }
  kind <- fit$variance
  extra_score <- extra <- NULL
  if (has_cox_extra(fit)) {
    influence <- finegray_cox_influence(again)
    if (length(again$coef) > 0L) extra_score <- finegray_cox_extra(again, influence)
    slope <- finegray_cox_slope(again$spec, again$censoring, function(spec) {
      ask(spec, finegray_robust("model"))$hazard
    })
    extra <- influence %*% t(slope)
  }
  ask(again$spec, finegray_robust(kind, again$cluster, extra_score), extra)
}

# From the log hazard to what was asked for
finegray_on_scale <- function(curves, type, wants_error, level) {
  measure <- switch(type,
    cif = function(h) -expm1(-h), survival = function(h) exp(-h), cumhaz = identity
  )
  hazard <- exp(curves$log_hazard)
  hidden <- function(x) ifelse(curves$is_known, x, NA_real_)
  out <- curves[c(".row", if (!is.null(attr(curves, "levels"))) "stratum", "time")]
  levels <- attr(curves, "levels")
  if (!is.null(out$stratum)) out$stratum <- factor(levels[out$stratum + 1L], levels)
  out$estimate <- hidden(measure(hazard))
  if (wants_error) {
    out$std.error <- hidden((if (type == "cumhaz") 1 else exp(-hazard)) * hazard * curves$error)
  }
  if (!is.null(level)) {
    width <- stats::qnorm(1 - (1 - level) / 2) * curves$error
    ends <- list(measure(hazard * exp(-width)), measure(hazard * exp(width)))
    if (type == "survival") ends <- rev(ends)
    out$conf.low <- hidden(ends[[1L]])
    out$conf.high <- hidden(ends[[2L]])
  }
  rownames(out) <- NULL
  as_table(out)
}

#' @rdname predict.sr_finegray
#' @exportS3Method graphics::plot sr_finegray
plot.sr_finegray <- function(x, newdata = NULL, conf.level = 0.95, xlab = NULL, ylab = NULL,
                             legend_title = NULL, labels = NULL, palette = NULL, ...) {
  rlang::check_installed("ggplot2", reason = "to draw curves")
  check_no_dots(...)
  has_band <- !is.na(conf.level)
  curves <- finegray_plot_data(x, newdata, if (has_band) conf.level)
  if (!is.null(labels)) {
    if (length(labels) != nlevels(curves$group)) {
      stop_input(c(
        "`labels` must have one name for each curve.",
        x = sprintf("%d names, %d curves.", length(labels), nlevels(curves$group))
      ), arg = "labels")
    }
    levels(curves$group) <- labels
  }
  colours <- plot_colours(nlevels(curves$group), palette)
  time <- x$terms[[2L]]
  time <- if (is.call(time) && length(time) > 2L) time[[length(time) - 1L]] else quote(Time)
  plot <- step_curves(curves, has_band) +
    ggplot2::scale_colour_manual(values = colours, name = legend_title) +
    curve_legend(curves$group, legend_title) +
    ggplot2::scale_fill_manual(values = colours, name = legend_title) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(c(0.01, 0.03))) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(c(0, 0.04)), limits = c(0, NA)) +
    ggplot2::labs(
      x = xlab %||% formula_label(time, NULL, "Time"),
      y = ylab %||% sprintf("Cumulative incidence of \"%s\"", x$cause)
    ) + plot_theme()
  if (nlevels(curves$group) == 1L) plot <- plot + ggplot2::theme(legend.position = "none")
  plot
}

# Curves that start at 0 at the origin and go on to the end of follow-up
finegray_plot_data <- function(fit, newdata, level) {
  found <- finegray_curves(fit, newdata, NULL, !is.null(level))
  found <- found[!is.na(found$log_hazard), ]
  parts <- lapply(split(found, found$.row), function(one) {
    start <- end <- one[1L, ]
    start$time <- min(0, one$time[[1L]])
    start$log_hazard <- -Inf
    start$error <- if (!is.null(one$error)) 0
    end <- one[nrow(one), ]
    end$time <- fit$horizon[[one$stratum[[1L]] + 1L]]
    rbind(start, one, if (end$time > one$time[[nrow(one)]]) end)
  })
  curves <- do.call(rbind, parts)
  out <- finegray_on_scale(curves, "cif", FALSE, level)
  labels <- if (is.null(newdata)) curves$label else figure_labels(
    newdata, row.names(newdata)
  )[curves$.row]
  data.frame(
    group = factor(labels, unique(labels)),
    out[c("time", "estimate", if (!is.null(level)) c("conf.low", "conf.high"))]
  )
}

#' What does the fitted curve look like beside what was observed?
#'
#' Draws the survival curves of a fit over those that assume no shape, Kaplan-Meier's or, for
#' intervals, Turnbull's; or its hazards.
#'
#' Without `newdata` the curve of a group is the mean of the curves of its patients, each with the
#' covariates that the patient has ([standardise()]), so that it answers to the observed curve of
#' that group. The strata of the fit are the groups by default. Where death hides progression
#' (`"illness_death"`) no observed curve is without bias: the one that is drawn censors those who
#' died without progression seen at their last scan.
#'
#' @param x a fit of [fit_ttp()].
#' @param type `"survival"`, `"hazard"` or `"cumhaz"`.
#' @param by variables of the data whose groups are drawn, their names or a formula `~ arm + rank`;
#'   default: the strata, or all as one.
#' @param times times of the curves; default: 100 up to the last time in the data.
#' @param newdata patients to draw instead, a data frame with a row for each.
#' @param observed draw the curve that assumes no shape? Only for `"survival"`, without `newdata`.
#' @param conf.level level of pointwise confidence bands; `NA`: none.
#' @param xlab,ylab axis titles; `NULL`: from the variable's label.
#' @param legend_title title of the groups.
#' @param palette colours, one a group.
#' @param ... not used.
#' @returns A ggplot; its `$data` is what was drawn: `group`, `time`, `estimate`, `conf.low`,
#'   `conf.high`.
#' @examplesIf rlang::is_installed("ggplot2")
#' fit <- fit_ttp(
#'   Surv(scan_clean, scan_progression, type = "interval2") ~ arm + strata(rank),
#'   subset(rank_cohort, scan_clean > 0 | !is.na(scan_progression)), family = "loglogistic"
#' )
#' plot(fit)
#' plot(fit, type = "hazard")
#' @exportS3Method graphics::plot sr_ttp
plot.sr_ttp <- function(x, type = c("survival", "hazard", "cumhaz"), by = NULL, times = NULL,
                        newdata = NULL, observed = TRUE, conf.level = 0.95, xlab = NULL,
                        ylab = NULL, legend_title = NULL, palette = NULL, ...) {
  plot_needs("to draw curves")
  type <- choose_one(type, c("survival", "hazard", "cumhaz"), "type")
  check_flag(observed, "observed")
  has_band <- !is.na(conf.level)
  if (has_band) check_level(conf.level, "conf.level")
  if (!is.null(newdata) && !is.null(by)) {
    stop_input("Give `newdata` or `by`, not both.", arg = "by")
  }
  times <- times %||% curve_times(x)
  if (inherits(by, "formula") && length(by) == 2L) by <- all.vars(by)
  by <- by %||% if (is.null(newdata)) stratum_variable(x)
  curves <- fit_curve_of(x, type, times, newdata, by, if (has_band) conf.level)
  check_no_dots(...)
  is_shown <- observed && type == "survival" && is.null(newdata) && !is_death_hazard(x)
  seen <- if (is_shown) observed_curve(x, by)
  draw_ttp(curves, seen, type, list(
    x = xlab %||% time_label(x), y = ylab %||% curve_title(x, type),
    caption = if (is_shown && is_illness_death(x)) {
      "Steps: those who died without progression seen, censored at their last scan."
    },
    legend = legend_title %||% toString(by), colours = plot_colours(nlevels(curves$group), palette)
  ))
}

curve_titles <- c(
  survival = "Without progression", hazard = "Hazard of progression",
  cumhaz = "Cumulative hazard"
)

curve_title <- function(fit, type) {
  title <- curve_titles[[type]]
  if (!is_death_hazard(fit) || type == "cumhaz") return(title)
  of <- if (fit$death$path == "before") "without progression" else "after progression"
  paste(if (type == "hazard") "Hazard of death" else "Survival", of)
}

draw_ttp <- function(curves, seen, type, labels) {
  plot <- ggplot2::ggplot(
    curves, ggplot2::aes(.data$time, .data$estimate, colour = .data$group, fill = .data$group)
  )
  if (!is.null(curves$conf.low)) {
    plot <- plot + ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data$conf.low, ymax = .data$conf.high), alpha = 0.16, colour = NA,
      show.legend = FALSE
    )
  }
  if (!is.null(seen)) plot <- plot + observed_layer(seen, by_group = TRUE)
  plot <- plot + ggplot2::geom_line(linewidth = 0.8) +
    ggplot2::scale_colour_manual(values = labels$colours, name = labels$legend) +
    curve_legend(curves$group, labels$legend) +
    ggplot2::scale_fill_manual(values = labels$colours, name = labels$legend) +
    ttp_axes(type, c(curves$estimate, curves$conf.high)) +
    ggplot2::labs(x = labels$x, y = labels$y, caption = labels$caption) + plot_theme()
  if (nlevels(curves$group) == 1L) plot <- plot + ggplot2::theme(legend.position = "none")
  plot
}

# --- what is drawn --------------------------------------------------------------------------------

# Curves of a fit: data frame of group, time, estimate and, with a level, limits
fit_curve_of <- function(fit, type, times, newdata, by, level) {
  if (!is.null(newdata)) {
    found <- stats::predict(
      fit, newdata, type, times = times, interval = if (is.null(level)) "none" else "confidence",
      level = level %||% 0.95
    )
    found$group <- factor(row.names(newdata)[found$.row], row.names(newdata))
  } else {
    patients <- fit_data(fit, by)
    weights <- fit$weights %||% rep.int(1, fit$n)
    group <- if (is.null(by)) factor(rep.int("all", fit$n)) else group_of_rows(patients, by)
    found <- do.call(rbind, lapply(levels(group), function(label) {
      rows <- which(group == label)
      curve <- standardise(
        fit, newdata = patients[rows, , drop = FALSE], weights = weights[rows], times = times,
        type = type, level = level %||% 0.95
      )
      curve$group <- factor(label, levels(group))
      curve
    }))
  }
  limits <- if (!is.null(level)) c("conf.low", "conf.high")
  as.data.frame(found)[c("group", "time", "estimate", limits)]
}

# The hazard at time 0 can be infinite: curves start a little later, and are closest there.
curve_times <- function(fit) {
  last <- max(response_times(fit$y))
  last * seq(sqrt(0.002), 1, length.out = 120L)^2
}

# Finite times in a response of any type
response_times <- function(y) {
  y <- unclass(y)
  if (ncol(y) == 3L && attr(y, "type") != "counting") {
    return(c(y[, 1L], y[y[, 3L] == 3, 2L]))
  }
  y[, ncol(y) - 1L]
}

# The variable whose levels are the strata, where it is one of the data
stratum_variable <- function(fit) {
  strata <- cox_strata_terms(fit)
  if (length(strata$plain) == 1L) strata$plain
}

# Kaplan-Meier or Turnbull by group: group, time, estimate
observed_curve <- function(fit, by) {
  y <- fit$y
  group <- if (is.null(by)) factor(rep.int("all", fit$n)) else group_of_rows(fit_data(fit, by), by)
  parts <- lapply(levels(group), function(label) {
    rows <- which(group == label)
    weights <- (fit$weights %||% rep.int(1, fit$n))[rows]
    found <- survival::survfit(y[rows] ~ 1, weights = weights, se.fit = FALSE)
    data.frame(
      group = factor(label, levels(group)), time = c(0, found$time), estimate = c(1, found$surv)
    )
  })
  do.call(rbind, parts)
}

# Groups by one variable, or by several together
group_of_rows <- function(data, by) {
  if (!is.character(by) || length(by) == 0L || !all(by %in% names(data))) {
    absent <- if (is.character(by)) setdiff(by, names(data))
    stop_input(c(
      "`by` must name variables of the data.",
      x = if (length(absent) > 0L) {
        sprintf("There is no %s.", format_names(absent))
      } else {
        sprintf("Found %s.", describe(by))
      }
    ), arg = "by")
  }
  each <- lapply(unname(as.list(data[by])), factor)
  if (length(each) == 1L) return(each[[1L]])
  interaction(each, sep = ", ", lex.order = TRUE, drop = TRUE)
}

observed_layer <- function(seen, by_group = FALSE) {
  if (by_group) {
    return(ggplot2::geom_step(
      ggplot2::aes(.data$time, .data$estimate, colour = .data$group), data = seen,
      linewidth = 0.4, alpha = 0.8, inherit.aes = FALSE, show.legend = FALSE
    ))
  }
  ggplot2::geom_step(
    ggplot2::aes(.data$time, .data$estimate), data = seen, colour = "grey35", linewidth = 0.4,
    inherit.aes = FALSE
  )
}

ttp_axes <- function(type, values) {
  top <- if (type == "survival") 1 else axis_top(values)
  list(
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(c(0, 0.03))),
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(c(0, 0.02))),
    ggplot2::coord_cartesian(xlim = c(0, NA), ylim = c(0, top))
  )
}

# A hazard may be huge near time 0; the axis ends where all but a few values lie.
axis_top <- function(values) {
  values <- values[is.finite(values)]
  usual <- stats::quantile(values, 0.97, names = FALSE)
  if (max(values) > 3 * usual) 1.2 * usual else max(values)
}

# The label of the time variable; the ends of an interval have labels of their own, not of an axis.
time_label <- function(fit) {
  variables <- all.vars(stats::formula(fit)[[2L]])
  if (attr(fit$y, "type") != "right" || length(variables) == 0L) return("Time")
  data <- tryCatch(eval(fit$call$data, environment(fit$terms)), error = function(e) NULL)
  label <- if (is.list(data)) attr(data[[variables[[1L]]]], "label", exact = TRUE)
  label %||% "Time"
}

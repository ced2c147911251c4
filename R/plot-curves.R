# Curves with a table of numbers at risk beneath, on one axis of time.
# Every kind of input becomes the data frame of `curve_data()`; the plot reads nothing else.

#' How do the RANK strata progress over time?
#'
#' Draws survival curves with confidence bands and the numbers at risk: observed ones
#' (Kaplan-Meier) for a formula, adjusted ones for a Cox model.
#'
#' * A **formula**, `Surv(time, status) ~ group`: Kaplan-Meier curves, Greenwood's variance,
#'   intervals for log survival, as [survival::survfit()] has them by default.
#' * A **Cox model**: curves of its strata (or of the groups that `by` names), adjusted for the
#'   covariates by [adjusted_curves()]. Numbers at risk are those of the patients really there.
#' * A **survfit** object of [survival::survfit()], or the data frame of [adjusted_curves()].
#' * Cumulative incidences of **competing events**, from [fit_cif()]: a colour for each group, a
#'   kind of line for each event.
#'
#' Axis titles come from the variables' `label` attributes, where these exist.
#'
#' @param x a formula, a Cox model, a `survfit` object, or curves of [adjusted_curves()].
#' @param data the data frame for a formula.
#' @param by,adjust for a Cox model: see [adjusted_curves()].
#' @param conf.level confidence level of the bands, between 0 and 1; `NA`: no bands.
#' @param risk_table draw the numbers at risk?
#' @param breaks times for the axis and the table; `NULL`: chosen.
#' @param xlab,ylab axis titles; `NULL`: from the variable's label.
#' @param legend_title,labels title and names of the groups, in their order; `NULL`: from the data.
#' @param palette colours, one a group; `NULL`: colours that the colour-blind can tell apart.
#' @returns A patchwork of ggplots (a ggplot without risk table); `+` acts on the curves. Its
#'   `$data` is the data frame that was drawn: `group`, `time`, `estimate`, `conf.low`,
#'   `conf.high`, for observed curves `n.censor`, for competing events `cause`.
#' @examplesIf rlang::is_installed(c("ggplot2", "patchwork"))
#' plot_curves(Surv(pfs_time, pfs) ~ rank, data = rank_cohort)
#' fit <- fit_cox(
#'   Surv(rfstime / 365.25, status) ~ strata(rank_status(pgr)) + age + nodes + grade,
#'   data = survival::gbsg
#' )
#' plot_curves(fit, xlab = "Years since surgery", legend_title = "Progesterone receptor")
#' @importFrom rlang .data
#' @export
plot_curves <- function(x, data = NULL, by = NULL, adjust = c("marginal", "mean"),
                        conf.level = 0.95, risk_table = TRUE, breaks = NULL, xlab = NULL,
                        ylab = NULL, legend_title = NULL, labels = NULL, palette = NULL) {
  plot_needs("to draw curves")
  has_band <- !is.na(conf.level)
  curves <- curve_data(x, data, by, adjust, if (has_band) conf.level else 0.95)
  if (!is.null(labels)) {
    if (length(labels) != nlevels(curves$group)) {
      stop_input(c(
        "`labels` must have one name for each group.",
        x = sprintf("%d names, %d groups.", length(labels), nlevels(curves$group)),
        i = paste0("The groups are ", toString(levels(curves$group)), ".")
      ), arg = "labels")
    }
    follow <- attr(curves, "follow_up")
    if (!is.null(follow)) levels(follow$group) <- labels
    levels(curves$group) <- labels
    attr(curves, "follow_up") <- follow
  }
  said <- attr(curves, "labels")
  if (is.null(xlab)) xlab <- said$time
  if (is.null(ylab)) {
    kind <- attr(curves, "kind")
    ylab <- if (kind == "incidence") {
      "Cumulative incidence"
    } else {
      paste0("Survival probability", if (kind != "observed") paste0(", ", kind))
    }
  }
  if (is.null(legend_title)) legend_title <- said$group
  if (is.null(breaks)) breaks <- pretty(c(min(curves$time), max(curves$time)), 6L)
  breaks <- breaks[breaks <= max(curves$time) & breaks >= min(curves$time)]
  n_group <- nlevels(curves$group)
  colours <- plot_colours(n_group, palette)
  limits <- c(min(curves$time), max(curves$time))
  counts <- if (risk_table) curve_risk(curves, breaks)
  top <- curves_panel(as_plain(curves), has_band, breaks, limits, colours, xlab, ylab, legend_title)
  if (is.null(counts)) return(top)
  table <- risk_panel(counts, breaks, limits)
  room <- 0.34 + 0.2 * n_group
  patchwork::wrap_plots(
    A = table, B = top, design = "B\nA", heights = ggplot2::unit(c(1, room), c("null", "inch"))
  )
}

as_plain <- function(x) {
  attributes(x) <- c(attributes(x)[c("names", "row.names")], class = "data.frame")
  x
}

# Steps by group, over their bands
step_curves <- function(curves, has_band) {
  plot <- ggplot2::ggplot(
    curves,
    ggplot2::aes(x = .data$time, y = .data$estimate, colour = .data$group, fill = .data$group)
  )
  if (has_band) {
    plot <- plot + ggplot2::geom_ribbon(
      data = step_band(curves), alpha = 0.16, colour = NA,
      ggplot2::aes(ymin = .data$conf.low, ymax = .data$conf.high), show.legend = FALSE
    )
  }
  plot + ggplot2::geom_step(linewidth = 0.7, na.rm = TRUE)
}

curves_panel <- function(curves, has_band, breaks, limits, colours, xlab, ylab, legend_title) {
  plot <- step_curves(curves, has_band)
  if (!is.null(curves$n.censor)) {
    censored <- curves[curves$n.censor > 0, ]
    plot <- plot + ggplot2::geom_point(
      data = censored, shape = 124, size = 1.6, alpha = 0.7, show.legend = FALSE
    )
  }
  plot <- plot +
    ggplot2::scale_colour_manual(values = colours, name = legend_title, drop = FALSE) +
    ggplot2::scale_fill_manual(values = colours, name = legend_title, drop = FALSE) +
    ggplot2::scale_x_continuous(breaks = breaks, expand = ggplot2::expansion(c(0.01, 0.03))) +
    ggplot2::labs(x = xlab, y = ylab) + plot_theme() + curve_legend(curves$group, legend_title)
  if (!is.null(curves$cause)) return(plot + incidence_layers(curves, limits))
  plot <- plot +
    ggplot2::scale_y_continuous(
      breaks = seq(0, 1, 0.25), labels = c("0", "0.25", "0.50", "0.75", "1.00"),
      expand = ggplot2::expansion(c(0, 0.02))
    ) +
    ggplot2::coord_cartesian(xlim = limits, ylim = c(0, 1), clip = "off")
  if (nlevels(curves$group) == 1L) plot <- plot + ggplot2::theme(legend.position = "none")
  plot
}

# groups that do not fit beside each other stand in two columns, their title above
curve_legend <- function(group, title = NULL, aesthetics = c("colour", "fill")) {
  wide <- sum(nchar(levels(group)) + 6L, nchar(title)) > 62L
  guide <- ggplot2::guide_legend(
    ncol = if (wide) min(2L, nlevels(group)), title.position = if (wide) "top" else "left"
  )
  do.call(ggplot2::guides, stats::setNames(rep(list(guide), length(aesthetics)), aesthetics))
}

risk_panel <- function(counts, breaks, limits) {
  counts$group <- factor(counts$group, rev(levels(counts$group)))
  ggplot2::ggplot(counts, ggplot2::aes(x = .data$time, y = .data$group, label = .data$n)) +
    ggplot2::geom_text(size = 3.2, colour = "grey15") +
    ggplot2::scale_x_continuous(
      breaks = breaks, limits = limits, expand = ggplot2::expansion(c(0.01, 0.03)),
      oob = function(x, ...) x
    ) +
    ggplot2::coord_cartesian(clip = "off") +
    ggplot2::labs(title = "Number at risk") + plot_theme() +
    ggplot2::theme(
      axis.line = ggplot2::element_blank(), axis.ticks = ggplot2::element_blank(),
      axis.text.x = ggplot2::element_blank(), axis.title = ggplot2::element_blank(),
      axis.text.y = ggplot2::element_text(hjust = 1, margin = ggplot2::margin(r = 14)),
      plot.title = ggplot2::element_text(size = 9.5, face = "plain"),
      plot.margin = ggplot2::margin(0, 11, 2, 5.5)
    )
}

# corners of the band, so that it steps where the curve does
step_band <- function(curves) {
  apart <- curves[intersect(c("group", "cause"), names(curves))]
  parts <- lapply(split(curves, apart, drop = TRUE), function(one) {
    n <- nrow(one)
    if (n < 2L) return(one)
    before <- rep(seq_len(n), each = 2L)[-2L * n]
    out <- one[before, ]
    out$time <- one$time[rep(seq_len(n), each = 2L)[-1L]]
    out
  })
  out <- do.call(rbind, parts)
  # where everybody has had the event the interval is not defined; the band ends there
  out[!is.na(out$conf.low) & !is.na(out$conf.high), ]
}

# numbers at risk at `breaks`, just before them: entered before, and not yet gone; at the first
# entry, those who enter
curve_risk <- function(curves, breaks) {
  ready <- attr(curves, "risk_at")
  if (is.function(ready)) return(ready(breaks))
  follow <- attr(curves, "follow_up")
  if (is.null(follow)) return(NULL)
  out <- expand.grid(time = breaks, group = factor(levels(follow$group), levels(follow$group)))
  origin <- min(follow$start)
  out$n <- unlist(lapply(levels(follow$group), function(g) {
    here <- follow[follow$group == g, ]
    vapply(breaks, function(t) {
      entered <- if (t <= origin) here$start <= t else here$start < t
      sum(entered & here$stop >= t)
    }, 0)
  }))
  out
}

# ---- every input as one data frame -----------------------------------------------------------

curve_data <- function(x, data, by, adjust, conf.level) {
  if (inherits(x, "sr_curves")) return(x)
  check_level(conf.level, "conf.level")
  if (inherits(x, "coxph")) return(adjusted_curves(x, by, adjust, conf.level))
  if (!is.null(by)) {
    stop_input(c(
      "`by` is for Cox models.", i = "In a formula the groups stand at the right: `Surv() ~ group`."
    ), arg = "by")
  }
  if (inherits(x, "survfit")) return(curves_of_survfit(x))
  if (inherits(x, "formula")) return(curves_of_formula(x, data, conf.level))
  stop_input(c(
    "`x` must be a formula, a Cox model, a survfit object, or adjusted curves.",
    x = sprintf("It is of class %s.", class(x)[[1L]])
  ), arg = "x")
}

curves_of_formula <- function(formula, data, conf.level) {
  frame <- stats::model.frame(formula, data = data, na.action = stats::na.omit)
  y <- stats::model.response(frame)
  is_fit <- inherits(y, "Surv") && attr(y, "type") %in% c("right", "counting")
  if (!is_fit) {
    stop_input(c(
      "The left side of the formula must be a right-censored or (start, stop] `Surv()`.",
      x = sprintf("It is %s.", if (inherits(y, "Surv")) {
        paste("of type", attr(y, "type"))
      } else {
        paste("of class", class(y)[[1L]])
      })
    ), arg = "x")
  }
  groups <- frame[-1L]
  for (k in seq_along(groups)) {
    if (is.numeric(groups[[k]]) && length(unique(groups[[k]])) > 8L) {
      stop_input(c(
        sprintf("`%s` has too many values to be groups.", names(groups)[[k]]),
        x = sprintf("%d different numbers.", length(unique(groups[[k]]))),
        i = sprintf("Cut it first: `rank_status(%s)`.", names(groups)[[k]])
      ), arg = "x")
    }
  }
  group <- if (length(groups)) {
    droplevels(interaction(lapply(groups, as.factor), sep = ", ", lex.order = TRUE))
  } else {
    factor(rep("All patients", nrow(frame)))
  }
  times <- surv_times(y)
  parts <- lapply(levels(group), function(g) {
    cbind(group = g, kaplan_meier(times[group == g, ]))
  })
  out <- do.call(rbind, parts)
  out$group <- factor(out$group, levels(group))
  wide <- stats::qnorm(0.5 + conf.level / 2) * out$std.error / out$estimate
  out$conf.low <- out$estimate * exp(-wide)
  out$conf.high <- pmin(out$estimate * exp(wide), 1)
  structure(
    out, class = c("sr_curves", "data.frame"), follow_up = data.frame(group = group, times),
    labels = list(
      group = if (length(groups) == 1L) formula_label(formula[[3L]], data) else "",
      time = formula_label(formula[[2L]][[2L]], data, "Time")
    ),
    conf.level = conf.level, kind = "observed"
  )
}

# label of the one variable in an expression, or what is written
formula_label <- function(expression, data, otherwise = NULL) {
  if (is.null(otherwise)) otherwise <- paste(deparse(expression), collapse = " ")
  inner <- all.vars(expression)
  label <- if (length(inner) == 1L) attr(data[[inner]], "label", exact = TRUE)
  if (is.null(label)) otherwise else label
}

# product limit with Greenwood's variance, at each time at which someone leaves
kaplan_meier <- function(times) {
  at <- sort(unique(times$stop))
  one <- matrix(1, nrow(times))
  n <- as.vector(tail_sums(one, times$stop, at))
  if (any(is.finite(times$start))) n <- n - as.vector(tail_sums(one, times$start, at))
  slot <- factor(times$stop, at)
  events <- as.vector(table(slot[times$event == 1L]))
  left <- as.vector(table(slot)) - events
  estimate <- cumprod(1 - events / n)
  std_error <- estimate * sqrt(cumsum(ifelse(events > 0, events / (n * (n - events)), 0)))
  first <- if (any(is.finite(times$start))) min(times$start) else min(0, at)
  data.frame(
    time = c(first, at), estimate = c(1, estimate), std.error = c(0, std_error),
    n.censor = c(0, left)
  )
}

curves_of_survfit <- function(x) {
  if (inherits(x, "survfitms")) return(curves_of_states(x))
  column <- function(v) if (is.matrix(v)) v else matrix(v)
  estimate <- column(x$surv)
  groups <- survfit_groups(x)
  strata <- groups$strata
  title <- groups$title
  row_group <- groups$row
  curve <- if (ncol(estimate) > 1L) {
    if (is.null(colnames(estimate))) paste("curve", seq_len(ncol(estimate))) else colnames(estimate)
  }
  parts <- lapply(seq_len(ncol(estimate)), function(k) {
    out <- data.frame(
      group = if (is.null(curve)) row_group else if (length(strata) > 1L) {
        paste(row_group, curve[[k]], sep = ", ")
      } else {
        rep(curve[[k]], length(row_group))
      },
      time = x$time, estimate = estimate[, k],
      conf.low = if (is.null(x$lower)) NA_real_ else column(x$lower)[, k],
      conf.high = if (is.null(x$upper)) NA_real_ else column(x$upper)[, k]
    )
    if (!inherits(x, "survfitcox")) out$n.censor <- x$n.censor
    out
  })
  out <- do.call(rbind, parts)
  origin <- if (is.null(x$start.time)) min(0, x$time) else x$start.time
  starts <- out[!duplicated(out$group), ]
  starts$time <- origin
  starts[c("estimate", "conf.low", "conf.high")] <- 1
  if (!is.null(out$n.censor)) starts$n.censor <- 0
  out <- rbind(starts, out)
  out$group <- factor(out$group, unique(starts$group))
  out <- out[order(out$group, out$time), ]
  out <- out[!duplicated(out[c("group", "time")], fromLast = TRUE), ]
  rownames(out) <- NULL
  risk_at <- if (ncol(estimate) == 1L && is.null(x$n.enter)) {
    function(breaks) survfit_risk(x, row_group, names(strata), levels(out$group), breaks)
  }
  structure(
    out, class = c("sr_curves", "data.frame"), risk_at = risk_at,
    labels = list(group = title, time = "Time"), conf.level = x$conf.int,
    kind = if (inherits(x, "survfitcox")) "predicted" else "observed"
  )
}

survfit_risk <- function(x, row_group, names, labels, breaks) {
  counts <- lapply(names, function(g) {
    here <- row_group == g
    first <- vapply(breaks, function(t) which(x$time[here] >= t)[1L], 0L)
    ifelse(is.na(first), 0, x$n.risk[here][first])
  })
  data.frame(
    time = rep(breaks, length(names)),
    group = factor(rep(labels, each = length(breaks)), labels), n = round(unlist(counts))
  )
}

# Curves of several kinds of event for plot_curves(): cumulative incidences by group and cause.

#' From a survfit of several states to the data frame of curve_data()
#'
#' Every state but the first, where all begin: `cause` says which. A line for the origin, where
#' nobody has had an event yet.
#' @noRd
curves_of_states <- function(x) {
  if (!is.matrix(x$pstate) || !is.null(x$p0) && any(as.matrix(rbind(x$p0))[, 1L] != 1)) {
    stop_unsupported(c(
      "Only curves of subjects who all begin in one state are drawn here.",
      i = "Use `plot()` of the survival package."
    ), arg = "x")
  }
  groups <- survfit_groups(x)
  causes <- x$states[-1L]
  parts <- lapply(seq_along(causes), function(k) {
    limits <- function(part) if (is.null(x[[part]])) NA_real_ else x[[part]][, k + 1L]
    data.frame(
      group = groups$row, cause = causes[[k]], time = x$time, estimate = x$pstate[, k + 1L],
      conf.low = limits("lower"), conf.high = limits("upper")
    )
  })
  out <- do.call(rbind, parts)
  starts <- out[!duplicated(out[c("group", "cause")]), ]
  starts$time <- x$t0 %||% x$start.time %||% min(0, x$time)
  starts[c("estimate", "conf.low", "conf.high")] <- 0
  out <- rbind(starts, out)
  out$group <- factor(out$group, unique(groups$row))
  out$cause <- factor(out$cause, causes)
  out <- out[order(out$group, out$cause, out$time), ]
  out <- out[!duplicated(out[c("group", "cause", "time")], fromLast = TRUE), ]
  rownames(out) <- NULL
  at_risk <- x
  at_risk$n.risk <- x$n.risk[, 1L]
  structure(
    out, class = c("sr_curves", "data.frame"),
    risk_at = if (is.null(x$n.enter)) {
      function(breaks) {
        survfit_risk(at_risk, groups$row, unique(groups$row), levels(out$group), breaks)
      }
    },
    labels = list(group = groups$title, time = "Time"), conf.level = x$conf.int, kind = "incidence"
  )
}

# The group of each line of a survfit, and what the groups are called together
survfit_groups <- function(x) {
  strata <- if (is.null(x$strata)) c("All patients" = length(x$time)) else x$strata
  prefix <- unique(sub("=[^=]*$", "", names(strata)))
  title <- if (length(prefix) == 1L && !is.null(x$strata)) prefix else ""
  if (nzchar(title)) names(strata) <- sub("^.*=", "", names(strata))
  list(row = rep(names(strata), strata), title = title, strata = strata)
}

# Axes and legends that differ from those of survival curves
incidence_layers <- function(curves, limits) {
  top <- max(curves$estimate, curves$conf.high, na.rm = TRUE)
  layers <- list(
    ggplot2::aes(linetype = .data$cause),
    ggplot2::scale_linetype_manual(
      values = rep_len(c("solid", "22", "42", "1242"), nlevels(curves$cause)), name = NULL
    ),
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(c(0, 0.02))),
    ggplot2::coord_cartesian(xlim = limits, ylim = c(0, top), clip = "off"),
    ggplot2::theme(
      legend.box = "vertical", legend.box.just = "left", legend.spacing.y = ggplot2::unit(0, "pt")
    )
  )
  if (nlevels(curves$group) == 1L) {
    layers <- c(layers, list(ggplot2::guides(colour = "none", fill = "none")))
  }
  layers
}

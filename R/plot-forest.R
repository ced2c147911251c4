# Hazard ratios beneath each other, with what they are ratios of and how many events they rest on.
# `forest_data()` makes one row a line; the plot is three panels on one vertical axis.

#' Which hazard ratios are known, and how well?
#'
#' A forest plot on a logarithmic axis: of all covariates of a Cox model, or of a treatment within
#' the levels of a marker ([hazard_ratio()]); there the area of a square is proportional to the
#' precision of its ratio. Intervals that leave the axis end in an arrow. Those of a model are
#' what [confint()][confint.sr_cox] gives by default, of the profile for `firth = TRUE`.
#'
#' @param x a Cox model, or a data frame of [hazard_ratio()].
#' @param conf.level for a model: confidence level, between 0 and 1.
#' @param labels a named character vector, to rename variables, levels or coefficients.
#' @param per for a model: a named vector, by how much a number is to differ in the ratio:
#'   `c(age = 10)` gives the ratio for ten years, `c("log(nodes)" = log(2))` for a doubling of the
#'   nodes. Names are terms, or the variable in them; what is not named has the ratio for 1. The
#'   label says it.
#' @param xlab title of the axis.
#' @param favours two strings to stand below the axis, left and right of 1.
#' @param limits the ends of the axis, two hazard ratios; `NULL`: chosen.
#' @param colour of squares and lines.
#' @returns A patchwork of ggplots; its `$data` has a row a line: `label`, `level` (0 title, 1
#'   line), `estimate`, `conf.low`, `conf.high`, `p.value`, `n`, `events`, `is_reference`, `per`.
#' @examplesIf rlang::is_installed(c("ggplot2", "patchwork"))
#' fit <- fit_cox(
#'   Surv(pfs_time, pfs) ~ arm * rank + age + visceral, data = rank_cohort
#' )
#' plot_forest(
#'   hazard_ratio(fit, "arm", "rank"), favours = c("combination better", "control better")
#' )
#' fit <- fit_cox(
#'   Surv(rfstime, status) ~ factor(grade) + age + rank_status(pgr), data = survival::gbsg
#' )
#' plot_forest(fit, labels = c(age = "Age (years)"), per = c(age = 10))
#' @export
plot_forest <- function(x, conf.level = 0.95, labels = NULL, xlab = "Hazard ratio",
                        favours = NULL, limits = NULL, colour = "#0072B2", per = NULL) {
  plot_needs("to draw a forest plot")
  if (!is.null(favours) && !(is.character(favours) && length(favours) == 2L)) {
    stop_input("`favours` must be two strings.", arg = "favours")
  }
  rows <- if (inherits(x, "sr_hazard_ratio")) {
    if (!is.null(per)) {
      stop_input(c(
        "`per` is for a model.", x = "`x` holds the ratios of `hazard_ratio()`.",
        i = "Say there what is compared: `hazard_ratio(fit, contrast = list(age = c(50, 60)))`."
      ), arg = "per")
    }
    forest_of_ratios(x)
  } else {
    forest_of_fit(x, conf.level, check_per(per))
  }
  level <- if (is.null(attr(x, "conf.level"))) conf.level else attr(x, "conf.level")
  rows <- if (is.null(rows)) stop_input("`x` has no term to draw.", arg = "x") else rows
  known <- rows$label %in% names(labels)
  rows$label[known] <- labels[rows$label[known]]
  rows$label <- paste0(rows$label, ifelse(nzchar(rows$per), paste0(", per ", rows$per), ""))
  rows$y <- rev(seq_len(nrow(rows)))
  span <- c(if (is.null(favours)) 0.4 else -1.2, nrow(rows) + 1.6)
  left <- forest_text(rows, forest_left(rows), span)
  right <- forest_text(rows, forest_right(rows, level), span)
  middle <- forest_panel(
    rows, xlab, favours, limits, colour, span, is_weighted = inherits(x, "sr_hazard_ratio")
  )
  note <- if (inherits(x, "sr_hazard_ratio") && length(attr(x, "by"))) {
    tests <- format_interaction(x)
    tests[[length(tests)]]
  }
  out <- patchwork::wrap_plots(
    A = left$plot, C = right$plot, B = middle, design = "ABC",
    widths = ggplot2::unit(c(left$width, 1, right$width), c("inch", "null", "inch"))
  )
  if (is.null(note)) return(out)
  out + patchwork::plot_annotation(caption = note, theme = plot_theme())
}

forest_row <- function(label, level = 1L, estimate = NA_real_, conf.low = NA_real_,
                       conf.high = NA_real_, p.value = NA_real_, n = NA_integer_,
                       events = NA_integer_, is_reference = FALSE, per = "") {
  data.frame(
    label = label, level = level, estimate = estimate, conf.low = conf.low,
    conf.high = conf.high, p.value = p.value, n = n, events = events,
    is_reference = is_reference, per = per
  )
}

check_per <- function(per) {
  if (is.null(per)) return(NULL)
  is_right <- is.numeric(per) && !is.null(names(per)) && all(nzchar(names(per))) &&
    all(is.finite(per) & per != 0)
  if (!is_right) {
    stop_input(c(
      "`per` must be numbers with the names of terms, none of them 0.",
      x = sprintf("Found %s.", describe(per)), i = "Write `per = c(age = 10)`."
    ), arg = "per")
  }
  per
}

# For each term that is one number, by how much it is to differ: named by the terms
forest_steps <- function(per, fit, grid) {
  if (is.null(per)) return(NULL)
  numbers <- Filter(function(term) {
    is.numeric(grid$frame[[term]]) && length(forest_columns(fit, grid, term)) == 1L
  }, names(grid$columns))
  found <- lapply(stats::setNames(nm = numbers), function(term) {
    inner <- all.vars(grid$columns[[term]])
    match(c(term, if (length(inner) == 1L) inner), names(per))
  })
  unused <- setdiff(seq_along(per), unlist(found))
  if (length(unused) > 0L) {
    stop_input(c(
      "`per` must name numbers of the model, each a term of its own.",
      x = sprintf("%s is none.", format_names(names(per)[unused]))
    ), arg = "per")
  }
  at <- vapply(found, function(at) at[!is.na(at)][1L], 1L)
  stats::setNames(per[at[!is.na(at)]], numbers[!is.na(at)])
}

# "10"; for a logarithm "doubling", or "factor 10"
format_per <- function(step, expr) {
  is_log <- is.call(expr) && identical(expr[[1L]], quote(log)) && length(expr) == 2L
  if (!is_log) return(format(step, digits = 3L))
  if (isTRUE(all.equal(step, log(2)))) return("doubling")
  paste("factor", format(exp(step), digits = 3L))
}

forest_of_ratios <- function(x) {
  by <- attr(x, "by")
  shown <- lapply(by, function(v) {
    show_levels(x[[v]])
  })
  level <- if (length(by)) do.call(paste, c(shown, sep = ", ")) else x$contrast
  row <- function(i, label) {
    forest_row(label, 1L, x$estimate[[i]], x$conf.low[[i]], x$conf.high[[i]], x$p.value[[i]],
      x$n[[i]], x$events[[i]])
  }
  parts <- lapply(unique(x$contrast), function(pair) {
    here <- which(x$contrast == pair)
    title <- if (length(by)) pair
    lines <- lapply(here, function(i) row(i, level[[i]]))
    do.call(rbind, c(if (!is.null(title)) list(forest_row(title, 0L)), lines))
  })
  out <- do.call(rbind, parts)
  attr(out, "head") <- paste(attr(x, "labels")[by], collapse = ", ")
  out
}

# the terms of a model: a title and its levels for a factor, one line for each other column
forest_of_fit <- function(fit, conf.level, per = NULL) {
  grid <- grid_setup(fit)
  check_level(conf.level, "conf.level")
  beta <- stats::coef(fit)
  # of the profile for Firth's likelihood, as summary() has them
  limits <- exp(stats::confint(fit, level = conf.level))
  # an aliased column has no standard error
  std_error <- ifelse(is.na(beta), NA_real_, sqrt(pmax(diag(hr_variance(fit)), 0)))
  p_value <- if (isTRUE(fit$sr$firth)) {
    fit$sr$firth_tests[, 2L]
  } else {
    2 * stats::pnorm(-abs(beta / std_error))
  }
  ratio <- function(k, label, ..., step = 1) {
    ends <- sort(limits[k, ]^step, na.last = TRUE)
    forest_row(label, 1L, exp(beta[[k]] * step), ends[[1L]], ends[[2L]], p_value[[k]], ...)
  }
  steps <- forest_steps(per, fit, grid)
  event <- grid$y[, ncol(grid$y)] == 1
  factors <- attr(grid$terms, "factors")
  order_of <- attr(grid$terms, "order")
  parts <- lapply(attr(grid$terms, "term.labels"), function(term) {
    if (term %in% c(grid$strata, grid$cluster)) return(NULL)
    k <- forest_columns(fit, grid, term)
    if (!length(k)) return(NULL)
    column <- grid$frame[[term]]
    is_main <- order_of[match(term, colnames(factors))] == 1L
    title <- if (is_main) forest_title(grid, term) else term
    levels <- if (is_main && is.factor(column)) levels(column)
    if (length(levels) == length(k) + 1L && forest_is_treatment(fit, term)) {
      count <- function(l) {
        list(n = sum(column == l), events = sum(event & column == l))
      }
      lines <- lapply(seq_along(levels), function(j) {
        size <- count(levels[[j]])
        if (j == 1L) {
          return(forest_row(levels[[1L]], 1L, 1, n = size$n, events = size$events,
            is_reference = TRUE))
        }
        ratio(k[[j - 1L]], levels[[j]], n = size$n, events = size$events)
      })
      return(do.call(rbind, c(list(forest_row(title, 0L)), lines)))
    }
    names <- names(beta)[k]
    do.call(rbind, lapply(seq_along(k), function(j) {
      label <- if (length(k) == 1L && is_main) title else forest_product(names[[j]], fit)
      step <- if (is_main && term %in% names(steps)) steps[[term]]
      line <- ratio(
        k[[j]], label, n = nrow(grid$frame), events = sum(event), step = step %||% 1,
        per = if (is.null(step)) "" else format_per(step, grid$columns[[term]])
      )
      line$level <- 0L
      line
    }))
  })
  do.call(rbind, parts)
}

# "armcombination:rankhigh" -> "combination x high", a cross between them; levels that say nothing
# by themselves keep the name of their variable
forest_product <- function(name, fit) {
  pieces <- strsplit(name, "(?<!:):(?!:)", perl = TRUE)[[1L]]
  shown <- vapply(pieces, function(piece) {
    for (variable in names(fit$xlevels)) {
      rest <- substring(piece, nchar(variable) + 1L)
      if (!startsWith(piece, variable) || !rest %in% fit$xlevels[[variable]]) next
      is_bare <- grepl("^([0-9.,<>=+-]+|yes|no|true|false)$", rest, ignore.case = TRUE)
      return(if (is_bare) paste(variable, rest) else rest)
    }
    piece
  }, "")
  paste(shown, collapse = " \u00d7 ")
}

# the coefficients of a term
forest_columns <- function(fit, grid, term) {
  x <- grid_matrix(grid, grid$frame[seq_len(min(2L, nrow(grid$frame))), , drop = FALSE])
  attr_assign <- fit$assign
  if (is.list(attr_assign) && term %in% names(attr_assign)) return(attr_assign[[term]])
  grep(term, colnames(x), fixed = TRUE)
}

forest_is_treatment <- function(fit, term) {
  kind <- fit$contrasts[[term]]
  is.null(kind) || identical(kind, "contr.treatment")
}

forest_title <- function(grid, term) {
  inner <- all.vars(grid$columns[[term]])
  label <- if (length(inner) == 1L) grid_label(grid, inner) else term
  if (identical(label, inner) && is.call(grid$columns[[term]])) term else label
}

forest_left <- function(rows) {
  counts <- ifelse(is.na(rows$events), "", paste0(rows$events, " / ", rows$n))
  out <- list(
    label = list(
      text = paste0(ifelse(rows$level == 1L, "   ", ""), rows$label),
      head = if (is.null(attr(rows, "head"))) "" else attr(rows, "head"), at = 0
    ),
    counts = list(text = counts, head = "Events / n", at = 1)
  )
  if (all(counts == "")) out$counts <- NULL
  out
}

forest_right <- function(rows, level) {
  shown <- ifelse(
    is.na(rows$estimate), ifelse(rows$level == 0L, "", "not estimable"), ifelse(
      rows$is_reference, "1 (reference)", sprintf(
        "%s (%s-%s)", format_ratio(rows$estimate), format_ratio(rows$conf.low),
        format_ratio(rows$conf.high)
      )
    )
  )
  list(
    ratio = list(text = shown, head = sprintf("HR (%g%% CI)", 100 * level), at = 0),
    p = list(text = ifelse(is.na(rows$p.value), "", format_p(rows$p.value)), head = "p", at = 1)
  )
}

format_ratio <- function(x) {
  ifelse(
    is.na(x), "", ifelse(
      x < 0.01, formatC(x, digits = 1L, format = "g"), ifelse(
        x >= 100, formatC(x, digits = 3L, format = "g"), formatC(x, digits = 2L, format = "f")
      )
    )
  )
}

# columns of text; the first reads from the left, the last to the right
forest_text <- function(rows, columns, span) {
  size <- 3.3
  letters <- Reduce(`+`, lapply(columns, function(one) nchar(c(one$text, one$head)) + 2L))
  width <- max(letters) * 0.076
  plot <- ggplot2::ggplot(rows, ggplot2::aes(y = .data$y)) + ggplot2::theme_void() +
    ggplot2::scale_x_continuous(limits = c(0, 1), expand = c(0, 0)) +
    ggplot2::scale_y_continuous(limits = span, expand = c(0, 0)) +
    ggplot2::coord_cartesian(clip = "off") +
    ggplot2::theme(plot.margin = ggplot2::margin(4, 4, 4, 4))
  for (one in columns) {
    text <- data.frame(
      x = one$at, y = c(rows$y, nrow(rows) + 1), label = c(one$text, one$head),
      face = c(ifelse(rows$level == 0L & one$at == 0, "bold", "plain"), "bold")
    )
    # a title is bold, an estimate beside it is not
    if (grepl("^HR", one$head)) text$face[seq_len(nrow(rows))] <- "plain"
    plot <- plot + ggplot2::geom_text(
      data = text, size = size, hjust = one$at,
      ggplot2::aes(x = .data$x, y = .data$y, label = .data$label, fontface = .data$face)
    )
  }
  list(plot = plot, width = width)
}

forest_panel <- function(rows, xlab, favours, limits, colour, span, is_weighted) {
  seen <- rows[!is.na(rows$estimate) & !rows$is_reference, ]
  if (is.null(limits)) limits <- forest_limits(seen, if (is.null(favours)) 1.25 else 1.8)
  breaks <- forest_breaks(limits)
  cut_low <- pmax(seen$conf.low, limits[[1L]])
  cut_high <- pmin(seen$conf.high, limits[[2L]])
  precision <- 1 / pmax((log(seen$conf.high) - log(seen$conf.low))^2, 1e-8)
  precision <- if (is_weighted) precision / max(precision, na.rm = TRUE) else rep(0.6, nrow(seen))
  lines <- cbind(seen, low = cut_low, high = cut_high, area = precision)
  arrow <- function(end) ggplot2::arrow(length = ggplot2::unit(0.08, "inch"), ends = end)
  inside <- lines$estimate >= limits[[1L]] & lines$estimate <= limits[[2L]]
  plot <- ggplot2::ggplot(rows, ggplot2::aes(y = .data$y)) +
    ggplot2::annotate(
      "segment", x = 1, xend = 1, y = 0.4, yend = nrow(rows) + 0.6, colour = "grey45",
      linewidth = 0.4
    ) +
    ggplot2::geom_segment(
      data = lines, colour = colour, linewidth = 0.6,
      ggplot2::aes(x = .data$low, xend = .data$high, yend = .data$y)
    )
  for (end in c("first", "last")) {
    past <- if (end == "first") lines$conf.low < limits[[1L]] else lines$conf.high > limits[[2L]]
    if (any(past)) {
      plot <- plot + ggplot2::geom_segment(
        data = lines[past, ], colour = colour, linewidth = 0.6, arrow = arrow(end),
        ggplot2::aes(x = .data$low, xend = .data$high, yend = .data$y)
      )
    }
  }
  plot <- plot +
    ggplot2::geom_point(
      data = lines[inside, ], shape = 15, colour = colour,
      ggplot2::aes(x = .data$estimate, size = .data$area)
    ) +
    ggplot2::geom_point(
      data = rows[rows$is_reference, ], shape = 22, fill = "white", colour = "grey45", size = 2,
      ggplot2::aes(x = .data$estimate)
    ) +
    ggplot2::scale_size_area(limits = c(0, 1), max_size = 3.4, guide = "none") +
    ggplot2::scale_x_log10(breaks = breaks, labels = vapply(breaks, format, "")) +
    ggplot2::scale_y_continuous(limits = span, expand = c(0, 0)) +
    ggplot2::coord_cartesian(xlim = limits, clip = "off") +
    ggplot2::labs(x = xlab, y = NULL) + plot_theme() +
    ggplot2::theme(
      axis.line.y = ggplot2::element_blank(), axis.ticks.y = ggplot2::element_blank(),
      axis.text.y = ggplot2::element_blank(), plot.margin = ggplot2::margin(4, 10, 4, 10)
    )
  if (is.null(favours)) return(plot)
  said <- data.frame(
    x = c(0.98, 1.02), xend = limits,
    label = vapply(strwrap(favours, 16L, simplify = FALSE), paste, "", collapse = "\n")
  )
  plot + ggplot2::geom_segment(
    data = said, colour = "grey25", linewidth = 0.4, arrow = arrow("last"),
    ggplot2::aes(x = .data$x, xend = .data$xend, y = 0.15, yend = 0.15)
  ) + ggplot2::geom_text(
    data = said, size = 3, colour = "grey25", vjust = 1, lineheight = 0.9,
    ggplot2::aes(x = sqrt(.data$x * .data$xend), y = -0.15, label = .data$label)
  )
}

# ends of the axis: all intervals, but not beyond a factor of 20 from 1, and at least from 1/least
# to least
forest_limits <- function(rows, least) {
  finite <- function(v) v[is.finite(v) & v > 0]
  low <- min(finite(pmax(rows$conf.low, 1 / 20)), 1 / least)
  high <- max(finite(pmin(rows$conf.high, 20)), least)
  c(low, high)
}

# round numbers, from 1 outwards, not too close to each other
forest_breaks <- function(limits) {
  coarse <- as.vector(outer(c(1, 2, 5), 10^(-6:6)))
  fine <- c(0.25, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4)
  known <- if (diff(log(limits)) < log(6)) fine else coarse
  known <- known[known >= limits[[1L]] / 1.001 & known <= limits[[2L]] * 1.001]
  far <- 0.2 * diff(log(limits))
  kept <- 1[limits[[1L]] <= 1 && limits[[2L]] >= 1]
  for (value in known[order(abs(log(known)))]) {
    if (all(abs(log(value) - log(kept)) >= far)) kept <- c(kept, value)
  }
  sort(kept)
}

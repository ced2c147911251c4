# Scaled Schoenfeld residuals against time: what each coefficient would be, were it free to move.
# The smooth line is a natural cubic spline with three degrees of freedom, by least squares.

#' Are the hazards proportional?
#'
#' Draws how each log hazard ratio moves over time: scaled Schoenfeld residuals, a smooth line
#' with its band, the constant that the Cox model fitted (dashed), and no effect (dotted). The
#' p-value of the score test ([zph()]) stands above each panel. A term of several columns is drawn
#' as a multiple of its fitted effect ("relative"), whose constant is 1. A line that stays within
#' its band of the dashed constant is what proportional hazards look like; a small p-value in a
#' large study can belong to a drift that is too small to matter, and a large one in a small study
#' shows little.
#'
#' @param x a Cox model, or what [zph()] or [survival::cox.zph()] gives. Only a model has the
#'   constant to draw.
#' @param terms names of the terms to draw; `NULL`: all.
#' @param transform for a model: the scale of time, see [zph()].
#' @param labels a named character vector, to rename terms.
#' @param conf.level confidence level of the band, between 0 and 1.
#' @param xlab title of the time axis.
#' @param colour of the smooth line.
#' @returns A ggplot. Its `$data` has a row for each event and term: `term`, `time`, `x` (time on
#'   the scale of the test), `estimate` (the coefficient plus the scaled residual).
#' @references Grambsch PM, Therneau TM (1994). Proportional hazards tests and diagnostics based on
#'   weighted residuals. *Biometrika*, 81, 515-526. \doi{10.1093/biomet/81.3.515}
#' @examplesIf rlang::is_installed(c("ggplot2", "patchwork"))
#' fit <- fit_cox(
#'   Surv(rfstime, status) ~ rank_status(pgr) + age + nodes, data = survival::gbsg
#' )
#' plot_zph(fit)
#' @export
plot_zph <- function(x, terms = NULL, transform = "km", conf.level = 0.95, xlab = "Time",
                     labels = NULL, colour = "#0072B2") {
  plot_needs("to draw residuals")
  check_level(conf.level, "conf.level")
  constant <- NULL
  if (inherits(x, "coxph")) {
    constant <- zph_constant(x)
    x <- zph(x, transform = transform)
  }
  if (!inherits(x, "cox.zph")) {
    stop_input(c(
      "`x` must be a Cox model or a result of `cox.zph()`.",
      x = sprintf("It is of class %s.", class(x)[[1L]])
    ), arg = "x")
  }
  points <- zph_points(x, terms, labels)
  terms <- levels(points$term)
  panel <- factor(levels(points$panel), levels(points$panel))
  points <- points[!is.na(points$estimate), ]
  smooth <- do.call(rbind, lapply(split(points, points$panel, drop = TRUE), function(one) {
    cbind(panel = one$panel[[1L]], zph_smooth(one$x, one$estimate, conf.level))
  }))
  dots <- do.call(rbind, lapply(split(points, points$panel, drop = TRUE), function(one) {
    one[unique(round(seq(1, nrow(one), length.out = min(nrow(one), 2000L)))), ]
  }))
  at <- zph_breaks(x$x, x$time)
  plot <- ggplot2::ggplot(points, ggplot2::aes(x = .data$x, y = .data$estimate)) +
    ggplot2::geom_point(data = dots, size = 0.7, alpha = 0.35, colour = "grey30") +
    ggplot2::geom_hline(yintercept = 0, linetype = "dotted", linewidth = 0.4) +
    ggplot2::geom_ribbon(
      data = smooth, ggplot2::aes(y = .data$fit, ymin = .data$low, ymax = .data$high),
      fill = colour, alpha = 0.2
    ) +
    ggplot2::geom_line(data = smooth, ggplot2::aes(y = .data$fit), colour = colour, linewidth = 0.8)
  level <- unname(constant[match(terms, names(constant))])
  lines <- data.frame(panel = panel, level = if (is.null(level)) NA_real_ else level)
  lines <- lines[!is.na(lines$level), ]
  if (nrow(lines)) {
    plot <- plot + ggplot2::geom_hline(
      data = lines, ggplot2::aes(yintercept = .data$level), linetype = "dashed", linewidth = 0.5
    )
  }
  window <- do.call(rbind, lapply(split(points, points$panel, drop = TRUE), zph_window, smooth))
  plot + ggplot2::geom_blank(data = window) +
    ggplot2::facet_wrap(ggplot2::vars(.data$panel), scales = "free_y") +
    ggplot2::scale_x_continuous(breaks = at$x, labels = at$label) +
    ggplot2::labs(x = xlab, y = "Log hazard ratio") + plot_theme()
}

# one row for each residual and term, with the panel that it is drawn in
zph_points <- function(x, terms, labels) {
  y <- as.matrix(x$y)
  known <- colnames(y)
  if (is.null(terms)) terms <- known
  unknown <- setdiff(terms, known)
  if (length(unknown)) {
    stop_input(c(
      "`terms` must name terms of the test.", x = paste0("Unknown: ", toString(unknown), "."),
      i = paste0("It has ", toString(known), ".")
    ), arg = "terms")
  }
  p <- x$table[match(terms, rownames(x$table)), "p"]
  shown <- ifelse(terms %in% names(labels), labels[terms], terms)
  is_wide <- x$table[match(terms, rownames(x$table)), "df"] > 1
  panel <- sprintf(
    "%s%s\np %s", shown, ifelse(is_wide, " (relative)", ""),
    sub("^([^<])", "= \\1", format_p(p))
  )
  panel <- factor(panel, unique(panel))
  do.call(rbind, lapply(seq_along(terms), function(k) {
    data.frame(
      term = factor(terms[[k]], terms), panel = panel[[k]], time = x$time, x = x$x,
      estimate = y[, terms[[k]]], row.names = NULL
    )
  }))
}

# the coefficient of each term that has one only; 1 for the others
zph_constant <- function(fit) {
  by_term <- if (is.list(fit$assign)) {
    vapply(fit$assign, function(k) if (length(k) == 1L) stats::coef(fit)[[k]] else 1, 0)
  }
  c(by_term, stats::coef(fit))
}

# a panel shows its line and its residuals, with some room
zph_window <- function(one, smooth) {
  data.frame(panel = one$panel[[1L]], x = range(one$x), estimate = range(one$estimate))
}

# natural cubic spline with knots at the 5, 35, 65 and 95 % points
zph_smooth <- function(x, y, conf.level) {
  at <- seq(min(x), max(x), length.out = 101L)
  knots <- unique(stats::quantile(x, c(0.05, 0.35, 0.65, 0.95), names = FALSE, type = 7L))
  unit <- function(v) (v - min(x)) / max(diff(range(x)), 1e-300)
  basis <- function(v) cbind(1, spline_columns(unit(v), unit(knots)))
  fit <- stats::lm.fit(basis(x), y)
  keep <- !is.na(fit$coefficients)
  new <- basis(at)[, keep, drop = FALSE]
  free <- max(length(y) - sum(keep), 1L)
  root <- backsolve(
    qr.R(qr(basis(x)[, keep, drop = FALSE])), diag(sum(keep))
  )
  std_error <- sqrt(sum(fit$residuals^2) / free * rowSums((new %*% root)^2))
  line <- as.vector(new %*% fit$coefficients[keep])
  wide <- stats::qt(0.5 + conf.level / 2, free) * std_error
  data.frame(x = at, fit = line, low = line - wide, high = line + wide)
}

# restricted cubic spline in Harrell's form: linear beyond the outer knots
spline_columns <- function(x, knots) {
  k <- length(knots)
  if (k < 3L) return(cbind(x))
  cube <- function(v) pmax(v, 0)^3
  last <- knots[[k]]
  before <- knots[[k - 1L]]
  curved <- vapply(knots[seq_len(k - 2L)], function(knot) {
    cube(x - knot) - cube(x - before) * (last - knot) / (last - before) +
      cube(x - last) * (before - knot) / (last - before)
  }, numeric(length(x)))
  cbind(x, curved)
}

# ticks at round times, where these fall on the scale of the test, not too close to each other
zph_breaks <- function(x, time) {
  # strata come one after the other
  x <- x[order(time)]
  time <- sort(time)
  seen <- !duplicated(time)
  if (sum(seen) < 2L) return(list(x = x[seen], label = format(time[seen])))
  # where early times take much of the scale, 1, 2 and 5 times powers of 10 fill it
  round <- c(5, 2, 1) * 10^rep(seq(8, -8), each = 3L)
  label <- unique(c(pretty(time, 7L), round))
  label <- label[label >= min(time) & label <= max(time)]
  place <- stats::approx(time[seen], x[seen], xout = label, ties = "ordered")$y
  far <- 0.09 * diff(range(x))
  kept <- integer()
  for (k in which(!is.na(place))) {
    if (all(abs(place[[k]] - place[kept]) >= far)) kept <- c(kept, k)
  }
  kept <- kept[order(place[kept])]
  list(x = place[kept], label = vapply(label[kept], format, "", scientific = FALSE))
}

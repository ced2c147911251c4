# Colours, theme and labels that all plots share

# Okabe and Ito's colours, which the colour-blind can tell apart; blue and vermillion first
sr_colours <- c(
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"
)

plot_colours <- function(n, palette = NULL) {
  colours <- if (is.null(palette)) sr_colours else palette
  if (n > length(colours)) {
    stop_input(c(
      "`palette` must have a colour for each group.",
      x = sprintf("%d groups, %d colours.", n, length(colours)),
      i = "More than eight groups cannot be told apart by colour: join some, or give a palette."
    ), arg = "palette")
  }
  unname(colours[seq_len(n)])
}

plot_theme <- function(base_size = 11) {
  half <- base_size / 2
  ggplot2::theme_classic(base_size = base_size) + ggplot2::theme(
    axis.text = ggplot2::element_text(colour = "grey15"),
    axis.line = ggplot2::element_line(linewidth = 0.4),
    axis.ticks = ggplot2::element_line(linewidth = 0.4, colour = "black"),
    legend.position = "top", legend.justification = "left",
    legend.margin = ggplot2::margin(0, 0, 0, 0),
    legend.title = ggplot2::element_text(size = base_size * 0.9),
    legend.text = ggplot2::element_text(size = base_size * 0.9),
    plot.title = ggplot2::element_text(size = base_size * 1.1, face = "bold"),
    plot.title.position = "plot",
    plot.subtitle = ggplot2::element_text(size = base_size * 0.9, colour = "grey25"),
    plot.caption = ggplot2::element_text(size = base_size * 0.75, colour = "grey35", hjust = 0),
    plot.caption.position = "plot",
    strip.background = ggplot2::element_blank(), strip.clip = "off",
    strip.text = ggplot2::element_text(hjust = 0, face = "bold", size = base_size * 0.9),
    plot.margin = ggplot2::margin(half, base_size, half, half)
  )
}

plot_needs <- function(what) rlang::check_installed(c("ggplot2", "patchwork"), reason = what)

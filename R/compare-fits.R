#' Which family fits these data?
#'
#' Several fits of [fit_ttp()] to the same rows, side by side: likelihood, AIC, BIC, and the hazards
#' that they imply, overlaid. A criterion does not see where a curve is wrong; the figure does.
#'
#' @section Criteria:
#' AIC is \eqn{-2 \log L + 2 \mathrm{df}}{-2 log L + 2 df}, BIC
#' \eqn{-2 \log L + \log(d)\,\mathrm{df}}{-2 log L + log(d) df} with d the number of events, not of
#' rows: a censored row tells less of the hazard (Volinsky and Raftery 2000). With hazards of death
#' in the likelihood (`"illness_death"`) the deaths are counted too. For penalised fits df
#' is the effective number. Weights are \eqn{\exp(-\Delta/2)}{exp(-delta/2)}, made to sum to 1, of
#' the AIC: how much each fit is favoured among those compared (Burnham and Anderson 2002).
#' Likelihoods can be compared between families and scales, but only where the rows, the response,
#' the entry, the deaths and the weights are the same; anything else is an error.
#'
#' @param ... fits of [fit_ttp()], named or not, or one list of them.
#' @returns `compare_fits()`: a data frame of class `sr_comparison` with a row for each fit, best
#'   AIC first: `fit` (its name), `family`, `scale`, `df`, `logLik`, `AIC`, `delta` (from the best
#'   AIC), `weight`, `BIC`, `nevent`, `converged`. The fits are its attribute `fits`.
#' @references
#' Volinsky CT, Raftery AE (2000). Bayesian information criterion for censored survival models.
#' *Biometrics* 56, 256-262. \doi{10.1111/j.0006-341X.2000.00256.x}
#'
#' Burnham KP, Anderson DR (2002). *Model Selection and Multimodel Inference*, 2nd ed. Springer.
#' \doi{10.1007/b97636}
#' @examples
#' rotterdam <- transform(survival::rotterdam, years = rtime / 365.25)
#' families <- c("exponential", "weibull", "lognormal", "loglogistic")
#' fits <- lapply(setNames(nm = families), function(family) {
#'   fit_ttp(Surv(years, recur) ~ nodes + hormon, rotterdam, family)
#' })
#' compare_fits(fits)
#' @examplesIf rlang::is_installed("ggplot2")
#' plot(compare_fits(fits))
#' @export
compare_fits <- function(...) {
  fits <- list(...)
  if (length(fits) == 1L && is.list(fits[[1L]]) && !inherits(fits[[1L]], "sr_fit")) {
    fits <- fits[[1L]]
  }
  is_ttp <- vapply(fits, inherits, NA, "sr_ttp")
  if (length(fits) < 2L || !all(is_ttp)) {
    stop_input(c(
      "`compare_fits()` takes two or more fits of `fit_ttp()`.",
      x = if (!all(is_ttp)) {
        sprintf("Number %d is %s.", which(!is_ttp)[[1L]], describe(fits[[which(!is_ttp)[[1L]]]]))
      } else {
        sprintf("Found %d.", length(fits))
      }
    ), arg = "...")
  }
  names(fits) <- comparison_names(fits)
  check_same_rows(fits)
  table <- data.frame(
    fit = names(fits), family = vapply(fits, function(fit) fit$family$label, ""),
    scale = vapply(fits, `[[`, "", "scale"), df = vapply(fits, `[[`, 0, "df"),
    logLik = vapply(fits, function(fit) as.numeric(stats::logLik(fit)), 0),
    row.names = NULL
  )
  table$AIC <- -2 * table$logLik + 2 * table$df
  table$delta <- table$AIC - min(table$AIC)
  table$weight <- exp(-table$delta / 2) / sum(exp(-table$delta / 2))
  table$nevent <- vapply(fits, comparison_events, 0)
  table$BIC <- -2 * table$logLik + log(table$nevent) * table$df
  table <- table[c(setdiff(names(table), "nevent"), "nevent")]
  table$converged <- vapply(fits, function(fit) isTRUE(fit$convergence$converged), NA)
  order <- order(table$AIC)
  structure(
    table[order, ], row.names = seq_along(order), fits = fits[order],
    class = c("sr_comparison", "data.frame")
  )
}

# Events in the likelihood: with "illness_death", deaths are among them.
comparison_events <- function(fit) {
  deaths <- if (is_illness_death(fit)) fit$death$before + fit$death$after else 0
  as.double(fit$nevent + deaths)
}

# Given names; for the others the family, with the scale where two have the same.
comparison_names <- function(fits) {
  given <- names(fits) %||% rep.int("", length(fits))
  own <- vapply(fits, function(fit) fit$family$label, "")
  if (anyDuplicated(own[!nzchar(given)])) {
    own <- sprintf("%s, %s", own, vapply(fits, `[[`, "", "scale"))
  }
  make.unique(ifelse(nzchar(given), given, own), sep = " ")
}

check_same_rows <- function(fits) {
  first <- fits[[1L]]
  plain <- function(y) if (!is.null(y)) unname(as.matrix(unclass(y)))
  same <- vapply(fits, function(fit) {
    fit$n == first$n && identical(plain(fit$y), plain(first$y)) &&
      identical(fit$death$method, first$death$method) &&
      identical(as.double(fit$entry), as.double(first$entry)) &&
      identical(plain(fit$death$y), plain(first$death$y)) &&
      identical(as.double(fit$weights), as.double(first$weights))
  }, NA)
  if (all(same)) return(invisible())
  other <- names(fits)[[which(!same)[[1L]]]]
  stop_input(c(
    "The fits must be of the same rows, response, entry, deaths and weights.",
    x = sprintf(
      "`%s` has %d rows, `%s` %d%s.", names(fits)[[1L]], first$n, other, fits[[other]]$n,
      if (fits[[other]]$n == first$n) ", but not the same data" else ""
    ),
    i = "Leave rows out that are missing in any of them before fitting, or count all times alike."
  ), arg = "...")
}

#' @rdname compare_fits
#' @param x a comparison.
#' @param digits significant digits.
#' @exportS3Method base::print sr_comparison
print.sr_comparison <- function(x, digits = 4L, ...) {
  shown <- as.data.frame(x)
  class(shown) <- "data.frame"
  cat(sprintf("%d fits of the same %s events, best AIC first\n\n", nrow(x), format(x$nevent[[1L]])))
  for (part in c("logLik", "AIC", "delta", "BIC")) shown[[part]] <- round(shown[[part]], 2)
  shown$df <- format_each_df(shown$df)
  shown$weight <- format.pval(shown$weight, digits = 2, eps = 0.001)
  shown$nevent <- NULL
  if (all(shown$converged)) shown$converged <- NULL
  is_told <- all(shown$fit == shown$family) || max(nchar(shown$family)) > 20L
  if (is_told) shown$family <- NULL
  print(shown, row.names = FALSE, right = TRUE, digits = digits + 3L)
  if (!is.null(shown$converged)) {
    cat("\nA fit that has not converged cannot be compared: see print() of it.\n")
  }
  invisible(x)
}

format_each_df <- function(df) vapply(df, format_df, "")

#' @rdname compare_fits
#' @param type `"hazard"` or `"survival"`.
#' @param times times of the curves; default: 100 up to the last time in the data.
#' @param newdata the patient to draw, a data frame of one row; default: curves standardised over
#'   the covariates of the data ([standardise()]).
#' @param observed draw the Kaplan-Meier curve (Turnbull's for intervals) with the survival curves?
#' @param xlab,ylab axis titles; `NULL`: from the variable's label.
#' @param palette colours, one a fit.
#' @returns `plot()`: a ggplot; its `$data` is what was drawn: `fit`, `time`, `estimate`.
#' @exportS3Method graphics::plot sr_comparison
plot.sr_comparison <- function(x, type = c("hazard", "survival"), times = NULL, newdata = NULL,
                               observed = TRUE, xlab = NULL, ylab = NULL, palette = NULL, ...) {
  plot_needs("to draw curves")
  check_no_dots(...)
  type <- choose_one(type, c("hazard", "survival"), "type")
  fits <- attr(x, "fits")
  times <- times %||% curve_times(fits[[1L]])
  curves <- do.call(rbind, lapply(names(fits), function(name) {
    found <- fit_curve_of(fits[[name]], type, times, newdata, by = NULL, level = NULL)
    data.frame(fit = name, found[c("time", "estimate")], row.names = NULL)
  }))
  curves$fit <- factor(curves$fit, names(fits))
  colours <- plot_colours(length(fits), palette)
  plot <- ggplot2::ggplot(
    curves, ggplot2::aes(.data$time, .data$estimate, colour = .data$fit, linetype = .data$fit)
  )
  if (type == "survival" && check_flag(observed, "observed")) {
    plot <- plot + observed_layer(observed_curve(fits[[1L]], NULL))
  }
  title <- if (type == "hazard") "Hazard of progression" else "Without progression"
  plot + ggplot2::geom_line(linewidth = 0.8) +
    ggplot2::scale_colour_manual(values = colours, name = NULL) +
    curve_legend(curves$fit, aesthetics = c("colour", "linetype")) +
    ggplot2::scale_linetype_manual(values = rep_len(1:6, length(fits)), name = NULL) +
    ttp_axes(type, curves$estimate) +
    ggplot2::labs(x = xlab %||% time_label(fits[[1L]]), y = ylab %||% title) + plot_theme()
}

#' What is a patient's risk of each event, when others can come first?
#'
#' The cumulative incidence of every cause for given patients, put together from one model of the
#' cause-specific hazard for each cause.
#'
#' @section Which question each answers:
#' * [fit_cif()]: what share of a *group* has had each event by a given time? No model; adjusts for
#'   nothing.
#' * [fit_cox()] or [fit_ttp()] for one cause, others as censored: what changes the *rate* of the
#'   event among those who are still free of all? The question of mechanism: does RANK speed up
#'   progression?
#' * `absolute_risk()`: what is *this patient's* risk of each event, when all rates act together? A
#'   covariate changes it through every cause's rate, so the effect need not be one number.
#' * [fit_finegray()]: what changes the *share* that ever has the event, as one number for each
#'   covariate? The question of prognosis and of need, not of mechanism: what prevents death before
#'   progression raises the share that progresses.
#'
#' @section The estimator:
#' With \eqn{\Lambda_j(t | x)} the cumulative hazard of cause \eqn{j},
#' \deqn{F_j(t | x) = \int_0^t S(u- | x) \, d\Lambda_j(u | x)}{F_j(t|x) = int_0^t S(u-|x) dL_j(u|x)}
#' (Benichou and Gail 1990), where \eqn{S} is the product of \eqn{1 - \sum_j d\Lambda_j}
#' (`survival = "product"`, the default, with which the risks and \eqn{S} add up to 1) or
#' \eqn{\exp(-\sum_j \Lambda_j)} (`"exp"`). These are `product.limit = TRUE` and `FALSE` of
#' `riskRegression::CSC()`.
#'
#' Standard errors of Cox models are those of influence functions: what each subject's data add to
#' the estimate, through the coefficients and baselines of all the fits, squared and summed over
#' subjects (or clusters, if the fits have them). They are exact derivatives in the weights of the
#' rows, with ties and steps; Ozenne and others (2017) have their limit for continuous times. Fits
#' of [fit_ttp()] enter by the delta method with `vcov()`; the likelihoods of the causes are
#' separate, so that what is estimated for one adds its own variance. A fit of `"illness_death"`
#' has two causes that were estimated together: `list(progression = fit, death =
#' fit$death$hazards$before)` is the risk of progression when death can come first, with their
#' covariance.
#'
#' @param fits a named list with a fit of each cause, the names those of the causes: from
#'   [fit_cox()] or [fit_ttp()], also mixed, with events of other causes as censored.
#' @param newdata a data frame of patients with the variables of all the fits.
#' @param times at which to give the risks.
#' @param survival how survival is made of the hazards: `"product"` or `"exp"`.
#' @param se.fit `FALSE` leaves out standard errors and limits.
#' @param conf.int level of the confidence limits.
#' @param conf.type on which scale they are symmetric: see [fit_cif()].
#' @returns A data frame of class `sr_absolute_risk` with a line for each patient, cause and time:
#'   `.row` (number of the row of `newdata`), `cause`, `time`, `estimate`, `std.error`,
#'   `conf.low`, `conf.high`. It has NA at times after the last follow-up of the patient's
#'   stratum, and for patients with missing values. `tidy()` adds the columns of `newdata`;
#'   `plot()` draws it.
#' @references
#' Benichou J, Gail MH (1990). Estimates of absolute cause-specific risk in cohort studies.
#' *Biometrics* 46, 813-826. \doi{10.2307/2532098}
#'
#' Ozenne B, Sorensen AL, Scheike T, Torp-Pedersen C, Gerds TA (2017). riskRegression: predicting
#' the risk of an event using Cox regression models. *The R Journal* 9(2), 440-460.
#' \doi{10.32614/RJ-2017-062}
#' @examples
#' # Relapse of breast cancer, where death without relapse competes
#' rotterdam <- survival::rotterdam
#' rotterdam$years <- with(rotterdam, ifelse(recur == 1, rtime, dtime)) / 365.25
#' rotterdam$dies <- with(rotterdam, death == 1 & recur == 0)
#' fits <- list(
#'   relapse = fit_cox(Surv(years, recur) ~ age + nodes, rotterdam),
#'   death = fit_cox(Surv(years, dies) ~ age, rotterdam)
#' )
#' patients <- data.frame(age = c(45, 75), nodes = 3)
#' risk <- absolute_risk(fits, patients, times = c(2, 5, 10))
#' risk
#' plot(absolute_risk(fits, patients, times = seq(0, 12, 0.25)))
#' @export
absolute_risk <- function(fits, newdata, times, survival = c("product", "exp"), se.fit = TRUE,
                          conf.int = 0.95,
                          conf.type = c("log-log", "log", "plain", "logit", "arcsin")) {
  survival <- choose_one(survival, c("product", "exp"), "survival")
  conf.type <- choose_one(conf.type, eval(formals(absolute_risk)$conf.type), "conf.type")
  check_level(conf.int, "conf.int")
  check_flag(se.fit, "se.fit")
  check_risk_input(fits, newdata, times)
  hazards <- lapply(fits, cause_hazard, newdata)
  check_same_subjects(hazards)
  asked <- list(
    times = as.double(times), survival = survival, se.fit = se.fit,
    subjects = if (se.fit) subject_codes(hazards)
  )
  found <- lapply(seq_len(nrow(newdata)), function(i) patient_risk(hazards, i, asked))
  n_time <- length(times)
  table <- data.frame(
    .row = rep(seq_len(nrow(newdata)), each = n_time * length(fits)),
    cause = rep(rep(names(fits), each = n_time), nrow(newdata)),
    time = rep(asked$times, length(fits) * nrow(newdata)),
    estimate = unlist(lapply(found, `[[`, "estimate"), use.names = FALSE)
  )
  table$cause <- factor(table$cause, names(fits))
  if (se.fit) {
    table$std.error <- unlist(lapply(found, `[[`, "std.error"), use.names = FALSE)
    limits <- incidence_limits(table$estimate, table$std.error, conf.type, conf.int)
    table$conf.low <- limits$lower
    table$conf.high <- limits$upper
  }
  structure(
    table, newdata = newdata, conf.int = conf.int, class = c("sr_absolute_risk", "data.frame")
  )
}

check_risk_input <- function(fits, newdata, times, call = rlang::caller_env()) {
  if (!is.list(fits) || is.object(fits) || length(fits) < 2L) {
    stop_input(c(
      "`fits` must be a list with a fit of each cause, two or more.",
      x = sprintf("Found %s.", describe(fits)),
      i = "Write `list(progression = fit_cox(...), death = fit_cox(...))`."
    ), arg = "fits", call = call)
  }
  names <- names(fits) %||% ""
  if (any(is.na(names) | names == "") || anyDuplicated(names)) {
    stop_input(c(
      "`fits` must have a name for each cause, each name once.",
      i = "Write `list(progression = ..., death = ...)`."
    ), arg = "fits", call = call)
  }
  if (!is.data.frame(newdata) || nrow(newdata) == 0L) {
    stop_input(c(
      "`newdata` must be a data frame with a row for each patient.",
      x = if (is.data.frame(newdata)) "Found 0 rows." else sprintf("Found %s.", describe(newdata))
    ), arg = "newdata", call = call)
  }
  if (!is.numeric(times) || length(times) == 0L || !all(is.finite(times))) {
    stop_input(c(
      "`times` must be finite numbers.", x = sprintf("Found %s.", describe(times))
    ), arg = "times", call = call)
  }
}

# A row cannot have the event of two causes; each cause must have been seen.
check_same_subjects <- function(hazards, call = rlang::caller_env()) {
  for (cause in names(hazards)) {
    if (isFALSE(any(hazards[[cause]]$event)) && !is.null(hazards[[cause]]$event)) {
      stop_input(
        sprintf("The fit of \"%s\" has no event.", cause), arg = "fits", call = call
      )
    }
  }
  events <- lapply(hazards, function(hazard) hazard$rows[hazard$event])
  all <- unlist(events, use.names = FALSE)
  twice <- unique(all[duplicated(all)])
  if (length(twice) > 0L) {
    stop_input(c(
      "A row can have the event of one cause only.",
      x = sprintf("More than one fit has an event in %s.", format_rows(twice)),
      i = "In the fit of one cause, the events of the others are censored."
    ), arg = "fits", rows = twice, call = call)
  }
}

# For each fit, the number of the subject that a row belongs to
subject_codes <- function(hazards) {
  known <- unique(unlist(lapply(hazards, `[[`, "group"), use.names = FALSE))
  lapply(hazards, function(hazard) match(hazard$group, known))
}

# list(estimate, std.error) by time within cause, for row i of newdata
patient_risk <- function(hazards, i, asked) {
  times <- asked$times
  n_cause <- length(hazards)
  none <- rep.int(NA_real_, length(times) * n_cause)
  if (!all(vapply(hazards, function(hazard) hazard$is_known[[i]], NA))) {
    return(list(estimate = none, std.error = none))
  }
  end <- min(vapply(hazards, function(hazard) hazard$end(i), 0))
  jumps <- lapply(hazards, function(hazard) hazard$times(i))
  grid <- risk_grid(jumps, pmin(times, end))
  steps <- vapply(hazards, function(hazard) hazard$steps(i, grid), numeric(length(grid)))
  steps <- matrix(steps, length(grid), n_cause)
  is_jump <- !all(vapply(jumps, is.null, NA))
  found <- incidence_of_steps(steps, asked$survival, is_jump)
  at <- findInterval(times, grid)
  estimate <- rbind(0, found$incidence)[at + 1L, , drop = FALSE]
  if (!is_jump) estimate <- extrapolate(estimate, steps, at)
  estimate[times > end, ] <- NA
  if (!asked$se.fit) return(list(estimate = as.vector(estimate)))
  n_subject <- max(unlist(asked$subjects, use.names = FALSE))
  total <- matrix(0, n_subject, length(estimate))
  for (j in seq_along(hazards)) {
    w <- risk_weights(found, at, j)
    part <- rowsum(hazards[[j]]$influence(i, grid, w), asked$subjects[[j]])
    who <- as.integer(rownames(part))
    total[who, ] <- total[who, , drop = FALSE] + part
  }
  list(
    estimate = as.vector(estimate),
    std.error = ifelse(is.na(estimate), NA_real_, sqrt(colSums(total^2)))
  )
}

# All times of jumps up to the last of `times`. Where a hazard has none, also `times` and, between
# each of them and the next, an even number of steps: `n_fine` in all, or 40 at least.
risk_grid <- function(jumps, times, n_fine = 2000L) {
  grid <- unlist(jumps, use.names = FALSE)
  ends <- sort(unique(times[times > 0]))
  if (any(vapply(jumps, is.null, NA)) && length(ends) > 0L) {
    n <- 2L * max(20L, as.integer(n_fine / length(ends) / 2))
    first <- ends[[1L]] * (seq_len(n) / n)^2
    rest <- lapply(seq_along(ends)[-1L], function(k) {
      c(ends[[k - 1L]] + (ends[[k]] - ends[[k - 1L]]) * (seq_len(n - 1L) / n), ends[[k]])
    })
    first[[n]] <- ends[[1L]]
    grid <- c(grid, first, unlist(rest))
  }
  sort(unique(grid[grid <= max(times)]))
}

# From the steps of the hazards, a column a cause: incidence after each step, survival before it,
# and by how much a unit of hazard at a step lowers survival thereafter. Without jumps survival
# falls exponentially within a step, of which each cause has the share of its hazard.
incidence_of_steps <- function(steps, survival, is_jump) {
  total <- rowSums(steps)
  is_product <- survival == "product" && is_jump
  log_fall <- if (is_product) log1p(-pmin(total, 1)) else -total
  before <- exp(c(0, cumsum(log_fall))[seq_along(total)])
  share <- if (is_jump) 1 else ifelse(total > 0, -expm1(-total) / total, 1)
  list(
    incidence = column_sums_so_far(before * share * steps), before = before,
    lowers = if (is_product) 1 / pmax(1 - total, 0) else 1
  )
}

# The error of steps without jumps goes with their squared width: steps twice as wide tell its size
# (Richardson). All of `at` end a wide step.
extrapolate <- function(estimate, steps, at) {
  n_wide <- nrow(steps) %/% 2L
  if (n_wide == 0L) return(estimate)
  even <- 2L * seq_len(n_wide)
  wide <- incidence_of_steps(
    steps[even - 1L, , drop = FALSE] + steps[even, , drop = FALSE], "exp", FALSE
  )
  estimate + (estimate - rbind(0, wide$incidence)[at %/% 2L + 1L, , drop = FALSE]) / 3
}

column_sums_so_far <- function(x) {
  for (j in seq_len(ncol(x))) x[, j] <- cumsum(x[, j])
  x
}

# What a unit of hazard of cause j at each step adds to the incidence of each cause at each time
risk_weights <- function(found, at, j) {
  n_step <- length(found$before)
  step <- seq_len(n_step)
  columns <- lapply(seq_len(ncol(found$incidence)), function(cause) {
    incidence <- found$incidence[, cause]
    vapply(at, function(last) {
      to_come <- if (last > 0L) incidence[[last]] - incidence else numeric(n_step)
      lost <- ifelse(to_come > 0, to_come * found$lowers, 0)
      ifelse(step <= last, (cause == j) * found$before - lost, 0)
    }, numeric(n_step))
  })
  matrix(unlist(columns, use.names = FALSE), n_step)
}

#' @rdname absolute_risk
#' @param x what `absolute_risk()` gave.
#' @param ... not used.
#' @exportS3Method generics::tidy sr_absolute_risk
tidy.sr_absolute_risk <- function(x, ...) {
  newdata <- attr(x, "newdata")
  attr(x, "newdata") <- attr(x, "conf.int") <- NULL
  table <- as.data.frame(x)
  class(table) <- "data.frame"
  kept <- newdata[setdiff(names(newdata), names(table))]
  as_table(cbind(table, kept[table$.row, , drop = FALSE], row.names = NULL))
}

#' @rdname absolute_risk
#' @param digits significant digits.
#' @export
print.sr_absolute_risk <- function(x, digits = 3L, ...) {
  shown <- as.data.frame(unclass(x)[names(x)])
  numbers <- intersect(c("estimate", "std.error", "conf.low", "conf.high"), names(shown))
  shown[numbers] <- lapply(shown[numbers], round, digits = digits)
  print(shown, row.names = FALSE)
  invisible(x)
}

#' @rdname absolute_risk
#' @param palette colours, one a patient.
#' @param labels names of the patients; default: the values of `newdata` that differ among them.
#' @export
plot.sr_absolute_risk <- function(x, palette = NULL, labels = NULL, ...) {
  plot_needs("to plot risks")
  table <- tidy(x)
  newdata <- attr(x, "newdata")
  labels <- labels %||% patient_labels(newdata)
  if (length(labels) != nrow(newdata)) {
    stop_input(c(
      "`labels` must have a name for each patient.",
      x = sprintf("%d patients, %d labels.", nrow(newdata), length(labels))
    ), arg = "labels")
  }
  table$patient <- factor(labels[table$.row], unique(labels))
  colours <- plot_colours(nlevels(table$patient), palette)
  layers <- if (is.null(table$std.error)) {
    NULL
  } else {
    ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data$conf.low, ymax = .data$conf.high, fill = .data$patient),
      alpha = 0.15, colour = NA
    )
  }
  ggplot2::ggplot(table, ggplot2::aes(.data$time, .data$estimate, colour = .data$patient)) +
    layers + ggplot2::geom_line(linewidth = 0.7) +
    ggplot2::facet_wrap(ggplot2::vars(.data$cause)) +
    ggplot2::scale_colour_manual(values = colours, aesthetics = c("colour", "fill"), name = NULL) +
    curve_legend(table$patient) +
    ggplot2::scale_y_continuous(
      limits = c(0, 1), labels = function(y) paste0(100 * y, " %"), expand = c(0, 0.01)
    ) +
    ggplot2::labs(x = "Time", y = "Risk of having had the event") + plot_theme() +
    ggplot2::theme(panel.spacing = ggplot2::unit(18, "pt"))
}

# "age 45, nodes 3": the columns in which patients differ
patient_labels <- function(newdata) {
  differs <- vapply(newdata, function(column) length(unique(column)) > 1L, NA)
  if (!any(differs)) return(paste("patient", seq_len(nrow(newdata))))
  used <- newdata[differs]
  parts <- Map(function(name, column) paste(name, format(column, trim = TRUE)), names(used), used)
  do.call(paste, c(unname(parts), sep = ", "))
}

#' What would progression look like if everybody were in the same group?
#'
#' Puts every patient into each group in turn (arm, RANK status), with the covariates that the
#' patient has, and averages what the model predicts: marginal survival, mean time without event up
#' to a horizon and others, by group, and the contrasts between groups.
#'
#' @section Estimator:
#' For group g and patients i with covariates \eqn{x_i}{x_i} and weights \eqn{w_i}{w_i}
#' (regression standardisation, the g-formula),
#' \deqn{\bar S_g(t) = \sum_i w_i S(t \mid x_i, g) / \sum_i w_i}{S_g(t) = sum_i w_i S(t | x_i, g) /
#'   sum_i w_i}
#' The restricted mean is the area under this curve, the cumulative hazard \eqn{-\log \bar S_g}{-log
#' S_g}, and the hazard that of the curve,
#' \eqn{\sum_i w_i f(t \mid x_i, g) / \sum_i w_i S(t \mid x_i, g)}{sum w f(t | x, g) / sum w
#' S(t | x, g)}: an average over those still without event. A contrast of such averages has the
#' meaning of a causal effect when the covariates of the model leave no confounding.
#'
#' Standard errors are by the delta method with `vcov(fit)`. They hold for these patients: the
#' parameters are uncertain, the mix of covariates is taken as given, so that intervals for a wider
#' population would be somewhat longer. Limits are on the scale of log(-log S) for survival, of the
#' log for hazards and ratios, and plain for the rest.
#'
#' @param fit a fit of [fit_ttp()].
#' @param by the groups: names of variables of the data, whose levels are crossed (or a formula,
#'   `~ arm + rank`), or a named list of values, `list(hormon = 0:1)`. `NULL`: one curve for all
#'   patients as they are.
#' @param times times in the unit of the fit; for `"rmst"` the horizons.
#' @param type `"survival"`, `"failure"` (1 - survival), `"rmst"`, `"cumhaz"` or `"hazard"`.
#' @param contrast `"none"`, or each group against the first: `"difference"` or `"ratio"`.
#' @param newdata the patients to average over; default: those of the fit, with its weights.
#' @param weights weights of the patients of `newdata`; default: all the same.
#' @param level confidence level.
#' @returns A data frame (a tibble where that package is loaded) with a line for each group and
#'   time: `group` (factor; for contrasts "treated - control" or "treated / control"), the variables
#'   of `by` (for contrasts those of the first of the two), `time`, `estimate`, `std.error` (of the
#'   estimate; for ratios of its log), `conf.low`, `conf.high`.
#' @references Chang IM, Gelman R, Pagano M (1982). Corrected group prognostic curves and summary
#'   statistics. *Journal of Chronic Diseases*, 35, 669-674. \doi{10.1016/0021-9681(82)90019-4}
#'
#'   Sjolander A (2016). Regression standardization with the R package stdReg. *European Journal of
#'   Epidemiology*, 31, 563-574. \doi{10.1007/s10654-016-0157-3}
#' @seealso [adjusted_curves()] for Cox models, [predict.sr_ttp()] for single patients.
#' @examples
#' fit <- fit_ttp(
#'   Surv(rtime / 365.25, recur) ~ hormon * meno + nodes + age + grade, survival::rotterdam,
#'   family = "lognormal"
#' )
#' # Survival without relapse, had all been treated, or none
#' standardise(fit, by = "hormon", times = c(1, 5))
#' # The same by menopausal status
#' standardise(fit, by = c("hormon", "meno"), times = c(1, 5))
#' # Years without relapse gained within ten
#' standardise(fit, by = "hormon", times = 10, type = "rmst", contrast = "difference")
#' @export
standardise <- function(fit, by = NULL, times,
                        type = c("survival", "failure", "rmst", "cumhaz", "hazard"),
                        contrast = c("none", "difference", "ratio"), newdata = NULL,
                        weights = NULL, level = 0.95) {
  if (!inherits(fit, "sr_ttp")) {
    stop_input(c(
      "`fit` must be a fit of `fit_ttp()`.", x = sprintf("Found %s.", describe(fit)),
      i = if (inherits(fit, "coxph")) "For a Cox model use `adjusted_curves()`."
    ), arg = "fit")
  }
  type <- choose_one(type, eval(formals(standardise)$type), "type")
  contrast <- choose_one(contrast, c("none", "difference", "ratio"), "contrast")
  check_level(level)
  if (missing(times)) times <- NULL
  times <- check_numbers(times, "times", "times, finite and not negative", function(t) t >= 0)
  if (inherits(by, "formula") && length(by) == 2L) by <- all.vars(by)
  patients <- patients_of(fit, newdata, weights, if (is.character(by)) by else names(by))
  groups <- standard_groups(by, patients$data)
  if (contrast != "none" && nrow(groups$levels) < 2L) {
    stop_input(c(
      "A contrast needs two groups.", x = sprintf("Found %d.", nrow(groups$levels)),
      i = "Name a variable with two values as `by`."
    ), arg = "by")
  }
  parts <- lapply(seq_len(nrow(groups$levels)), function(g) {
    data <- set_columns(patients$data, groups$levels[g, , drop = FALSE])
    rows <- ttp_rows(fit, data)
    check_patients(rows, groups$label[[g]])
    standard_part(fit, rows, patients$weights, times, type)
  })
  close_standard(fit, parts, groups, times, type, contrast, level)
}

# --- who, and in which groups ---------------------------------------------------------------------

# The patients to average over, with their weights
patients_of <- function(fit, newdata, weights, needed = NULL) {
  if (is.null(newdata)) {
    if (!is.null(weights)) {
      stop_input(c(
        "`weights` are those of `newdata`, which is missing.",
        i = "The patients of the fit have its own weights."
      ), arg = "weights")
    }
    data <- fit_data(fit, needed)
    weights <- if (!is.null(fit$weights)) as.double(fit$weights)
  } else if (!is.data.frame(newdata) || nrow(newdata) == 0L) {
    stop_input(c(
      "`newdata` must be a data frame with at least one row.",
      x = sprintf("Found %s.", describe(newdata))
    ), arg = "newdata")
  } else {
    data <- newdata
  }
  weights <- weights %||% rep.int(1, nrow(data))
  is_fine <- is.numeric(weights) && length(weights) == nrow(data) && all(is.finite(weights)) &&
    all(weights >= 0) && sum(weights) > 0
  if (!is_fine) {
    stop_input(c(
      sprintf("`weights` must be %d numbers, not negative.", nrow(data)),
      x = sprintf("Found %s.", describe(weights))
    ), arg = "weights")
  }
  list(data = data, weights = weights / sum(weights))
}

# The rows of the data that the fit used: the variables that it kept, where all that are `needed`
# are among them, else with all columns that the data have
fit_data <- function(fit, needed = NULL) {
  env <- environment(fit$terms)
  if (!is.null(fit$variables) && all(needed %in% names(fit$variables))) return(fit$variables)
  data <- tryCatch(eval(fit$call$data, env), error = function(e) NULL)
  if (!is.data.frame(data)) {
    if (!is.null(fit$variables)) return(fit$variables)
    stop_input(c(
      "The data of the fit cannot be found again.",
      i = "Give the patients as `newdata`, or fit with `model = TRUE`."
    ), arg = "fit")
  }
  if (!is.null(fit$call$subset)) {
    data <- data[rows_in_subset(fit$call, data, env, nrow(data)), , drop = FALSE]
  }
  if (length(fit$na.action) > 0L) data <- data[-as.integer(fit$na.action), , drop = FALSE]
  if (nrow(data) != fit$n) stop_changed_data(fit, nrow(data))
  data
}

# list(levels: data frame with a row for each group, label)
standard_groups <- function(by, data) {
  if (is.null(by)) {
    return(list(levels = data.frame(row.names = 1L), label = "All patients"))
  }
  if (is.character(by)) by <- stats::setNames(rep(list(NULL), length(by)), by)
  if (!is.list(by) || length(by) == 0L || is.null(names(by)) || !all(nzchar(names(by)))) {
    stop_input(c(
      "`by` must name variables, or be a named list of values.",
      x = sprintf("Found %s.", describe(by)), i = "For example `by = \"arm\"`."
    ), arg = "by")
  }
  absent <- setdiff(names(by), names(data))
  if (length(absent) > 0L) {
    stop_input(c(
      "`by` must name variables of the data.", x = sprintf("There is no %s.", format_names(absent)),
      i = "Name the variable itself, not an expression of it."
    ), arg = "by")
  }
  values <- Map(function(name, given) group_values(data[[name]], given, name), names(by), by)
  levels <- rev(expand.grid(rev(values), KEEP.OUT.ATTRS = FALSE, stringsAsFactors = FALSE))
  label <- do.call(paste, c(unname(lapply(levels, show_levels)), sep = ", "))
  for (name in names(levels)) {
    x <- data[[name]]
    if (is.factor(x)) levels[[name]] <- factor(levels[[name]], base::levels(x))
  }
  list(levels = levels, label = label)
}

group_values <- function(x, given, name) {
  if (!is.null(given)) {
    known <- if (is.factor(x)) levels(x)
    unknown <- if (!is.null(known)) setdiff(as.character(given), known)
    if (length(unknown) > 0L) {
      stop_input(c(
        sprintf("Values of `%s` must be among its levels.", name),
        x = sprintf("There is no %s.", format_names(unknown, quote = '"'))
      ), arg = "by")
    }
    return(if (is.factor(x)) as.character(given) else given)
  }
  found <- grid_levels(x)
  if (is.numeric(x) && length(found) > 5L) {
    stop_input(c(
      sprintf("`by` must say at which values of `%s`: it has %d.", name, length(found)),
      i = sprintf("For example `by = list(%s = c(%s))`.", name, toString(found[1:2]))
    ), arg = "by")
  }
  found
}

# Every patient put into one group; factors keep their levels
set_columns <- function(data, values) {
  for (name in names(values)) {
    data[[name]] <- grid_repeat(data[[name]], values[[name]], nrow(data))
  }
  data
}

check_patients <- function(rows, group) {
  if (all(rows$is_known)) return(invisible())
  bad <- rows$row_names[!rows$is_known]
  stop_input(c(
    "Patients to average over must have no missing value.",
    x = sprintf("In %s.", format_rows(bad)), i = "Leave them out of `newdata`."
  ), arg = "newdata", rows = bad)
}

# --- averages -------------------------------------------------------------------------------------

#' The average of a group, and its gradient in the coefficients
#'
#' @returns list(value [times], gradient [times x coefficients]).
#' @noRd
standard_part <- function(fit, rows, weights, times, type) {
  mean_of <- function(what) average_of(fit, rows, weights, times, what)
  if (type == "rmst") return(mean_of("rmst"))
  S <- mean_of("survival")
  S$value[times == 0] <- 1 # not but for rounding
  switch(type,
    survival = S, failure = list(value = 1 - S$value, gradient = -S$gradient),
    cumhaz = list(value = -log(S$value), gradient = -S$gradient / S$value),
    hazard = {
      f <- mean_of("density")
      value <- f$value / S$value
      list(value = value, gradient = (f$gradient - value * S$gradient) / S$value)
    }
  )
}

# A block of patients at a time, so that the gradients of their cells fit into memory
average_of <- function(fit, rows, weights, times, type) {
  n <- length(weights)
  k <- length(times)
  value <- numeric(k)
  gradient <- matrix(0, k, length(fit$coefficients))
  measure <- ttp_measure(type)
  size <- max(1L, 50000L %/% k)
  for (block in split(seq_len(n), (seq_len(n) - 1L) %/% size)) {
    here <- take_rows(rows, block)
    index <- rep(seq_along(block), each = k)
    found <- measure(ttp_context(fit, here), index, rep.int(times, length(block)), 1L)
    found$gradient <- slot_gradient(found$slope, index, here, fit$layout)
    found <- on_own_scale(found)
    time <- rep.int(seq_len(k), length(block))
    share <- weights[block][index]
    value <- value + drop(rowsum(found$w * share, time))
    gradient <- gradient + rowsum(found$gradient * share, time)
  }
  list(value = unname(value), gradient = unname(gradient))
}

# --- the table ------------------------------------------------------------------------------------

close_standard <- function(fit, parts, groups, times, type, contrast, level) {
  link <- switch(contrast,
    none = switch(type, survival = , failure = "loglog", cumhaz = , hazard = "log", "identity"),
    difference = "identity", ratio = "log"
  )
  shown <- seq_along(parts)
  label <- groups$label
  if (contrast != "none") {
    shown <- shown[-1L]
    label <- paste(label, if (contrast == "ratio") "/" else "-", label[[1L]])
    parts <- lapply(parts, contrast_with, first = parts[[1L]], contrast = contrast)
  }
  tables <- lapply(shown, function(g) {
    table <- data.frame(group = rep.int(label[[g]], length(times)))
    for (name in names(groups$levels)) table[[name]] <- groups$levels[[name]][[g]]
    table$time <- times
    cbind(table, standard_limits(parts[[g]], stats::vcov(fit), link, type, contrast, level))
  })
  table <- do.call(rbind, tables)
  table$group <- factor(table$group, unique(table$group))
  as_table(table)
}

contrast_with <- function(part, first, contrast) {
  if (contrast == "difference") {
    return(list(value = part$value - first$value, gradient = part$gradient - first$gradient))
  }
  list(
    value = part$value / first$value,
    gradient = part$gradient / part$value - first$gradient / first$value # of the log
  )
}

# Standard error of the estimate (of the log of a ratio), limits on the scale of the link
standard_limits <- function(part, var, link, type, contrast, level) {
  tail <- stats::qnorm((1 + level) / 2)
  error <- delta_error(part$gradient, var)
  value <- part$value
  S <- if (type == "failure") 1 - value else value
  wide <- tail * switch(link,
    identity = error, loglog = error / abs(S * log(S)),
    log = if (contrast == "ratio") error else error / value
  )
  limits <- switch(link,
    identity = value + outer(wide, c(-1, 1)), log = value * exp(outer(wide, c(-1, 1))),
    loglog = {
      ends <- exp(log(S) * exp(outer(wide, c(1, -1))))
      if (type == "failure") 1 - ends[, 2:1, drop = FALSE] else ends
    }
  )
  # where nothing is uncertain (time 0)
  is_sure <- error == 0 & is.finite(value)
  limits[is_sure, ] <- value[is_sure]
  data.frame(
    estimate = value, std.error = error, conf.low = limits[, 1L], conf.high = limits[, 2L]
  )
}

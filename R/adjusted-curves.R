# Survival curves of groups, from a Cox model, for one and the same mix of patients.
#
# Patient i in group g has S_ig(t) = exp(-H_s(t) r_ig), r = exp(x beta), s the stratum that the
# group puts the patient in. The curve is the weighted mean over all patients. By the delta method
#
#   dS_ig / dbeta = -S_ig r_ig (H_s x_ig - A_s),   A_s(t) = sum of xbar_k dH_k
#   Var = g' V g + sum over s of (mean of S_ig r_ig)^2 v_s,   v_s(t) = sum of d_k / S0_k^2
#
# with the Efron steps of tied events in dH, A and v. The mix of patients is taken as given.
# More than 2,000 patients are gathered into 500 classes of risk in each stratum.
# References: Chang, Gelman & Pagano 1982 (direct adjustment); Gail & Byar 1986 (variance).

#' How would the curves of the groups look if their patients were alike?
#'
#' Adjusted survival curves from a Cox model: every patient of the study is put into each group in
#' turn, with the covariates that the patient has, and the predicted curves are averaged
#' (marginal standardisation). Groups differ then by the group alone, not by who is in it.
#'
#' `adjust = "mean"` gives instead the curve of one patient whose covariates (the columns of the
#' design matrix) are the means of all; as survival is not linear in the covariates, this is
#' not the average of the patients' curves, and nobody need be like that patient.
#'
#' @param fit a model of [fit_cox()] or [survival::coxph()].
#' @param by the groups: names of variables, or a named list of values, as for [hazard_ratio()].
#'   `NULL`: the strata of the model; without strata, one curve for all.
#' @param adjust `"marginal"` or `"mean"`, see above.
#' @param conf.level confidence level, between 0 and 1. Intervals are Wald's for log survival, for
#'   the patients as they are: that others might have been in the study is not part of it.
#' @returns A data frame of class `c("sr_curves", "data.frame")`: `group` (factor), the variables
#'   of `by`, `time` (in the unit of the fit, from 0 or the first entry, at each event), `estimate`
#'   (survival), `std.error`, `conf.low`, `conf.high`. Attributes: `follow_up`, data frame of
#'   `group`, `start`, `stop`, `event` of the patients who really are in a group, for numbers at
#'   risk (`NULL` where a group is a number taken from a continuous variable); `labels`,
#'   `conf.level`, `kind`.
#' @references Gail MH, Byar DP (1986). Variance calculations for direct adjusted survival curves,
#'   with applications to testing for no treatment effect. *Biometrical Journal*, 28, 587-599.
#'   \doi{10.1002/bimj.4710280508}
#' @examples
#' fit <- fit_cox(
#'   Surv(rfstime, status) ~ strata(rank_status(pgr)) + age + nodes, data = survival::gbsg
#' )
#' curves <- adjusted_curves(fit)
#' head(curves)
#' @export
adjusted_curves <- function(fit, by = NULL, adjust = c("marginal", "mean"), conf.level = 0.95) {
  adjust <- choose_one(adjust, c("marginal", "mean"), "adjust")
  check_level(conf.level, "conf.level")
  grid <- grid_setup(fit)
  groups <- curve_groups(grid, by)
  base <- cox_baseline(grid)
  variance <- hr_variance(fit)
  beta <- stats::coef(fit)
  beta[is.na(beta)] <- 0
  patients <- if (is.null(grid$weights)) rep(1, nrow(grid$frame)) else grid$weights
  offset <- stats::model.offset(grid$frame)
  offset <- if (is.null(offset)) 0 else offset - mean(offset)

  parts <- lapply(seq_along(groups$values), function(g) {
    frame <- grid_frame(grid, groups$values[[g]])
    x <- sweep(grid_matrix(grid, frame), 2L, base$centre)
    stratum <- grid_stratum(grid, frame, base$key)
    if (anyNA(stratum)) {
      stop_input(c(
        "A group of `by` falls into a stratum that has no patient.",
        x = sprintf("Group %s.", groups$label[[g]])
      ), arg = "by")
    }
    mass <- rowsum(cbind(patients * offset, patients), stratum, reorder = TRUE)
    if (adjust == "mean") {
      level <- sort(unique(stratum))
      x <- rowsum(x * patients, stratum, reorder = TRUE) / mass[, 2L]
      risk <- exp(as.vector(x %*% beta) + mass[, 1L] / mass[, 2L])
      classes <- list(x = x, risk = risk, weight = mass[, 2L], stratum = level)
    } else {
      classes <- curve_classes(x, exp(as.vector(x %*% beta) + offset), patients, stratum)
    }
    out <- curve_average(classes, base$strata, variance, groups$end[[g]])
    out$group <- rep(groups$label[[g]], nrow(out))
    if (ncol(groups$levels)) {
      out[names(groups$levels)] <- groups$levels[rep(g, nrow(out)), , drop = FALSE]
    }
    out
  })
  out <- do.call(rbind, parts)
  wide <- stats::qnorm(0.5 + conf.level / 2) * out$std.error / out$estimate
  out$conf.low <- out$estimate * exp(-wide)
  out$conf.high <- pmin(out$estimate * exp(wide), 1)
  out$group <- factor(out$group, unique(groups$label))
  rownames(out) <- NULL
  out <- out[c(
    "group", names(groups$levels), "time", "estimate", "std.error", "conf.low", "conf.high"
  )]
  structure(
    out, class = c("sr_curves", "data.frame"), follow_up = groups$follow_up,
    labels = list(group = groups$title, time = surv_label(grid)), conf.level = conf.level,
    kind = if (adjust == "mean") "at mean covariates" else "adjusted"
  )
}

# the groups: what to set, what to call it, who is in it
curve_groups <- function(grid, by) {
  start_stop <- surv_times(grid$y)
  if (is.null(by)) {
    key <- grid_stratum(grid, grid$frame)
    first <- match(seq_len(max(key)), key)
    values <- lapply(first, function(i) {
      set <- lapply(grid$strata, function(column) as.character(grid$frame[[column]][[i]]))
      stats::setNames(set, grid$strata)
    })
    label <- if (length(grid$strata)) {
      do.call(paste, c(lapply(grid$strata, function(s) as.character(grid$frame[[s]][first])),
        sep = ", "
      ))
    } else {
      "All patients"
    }
    label <- sub("^[[:alnum:]._]+=", "", label)
    inner <- if (length(grid$strata) == 1L) all.vars(grid$columns[[grid$strata]])
    title <- if (length(inner) == 1L) grid_label(grid, inner) else ""
    levels <- data.frame(row.names = seq_along(first))
    member <- key
  } else {
    by <- hr_spec(grid, by, "by")
    levels <- hr_levels(grid, by)
    values <- lapply(seq_len(nrow(levels)), function(g) as.list(levels[g, , drop = FALSE]))
    shown <- lapply(levels, show_levels)
    label <- do.call(paste, c(unname(shown), sep = ", "))
    title <- paste(vapply(names(by), function(v) grid_label(grid, v), ""), collapse = ", ")
    member <- curve_members(grid, levels)
  }
  ends <- if (is.null(member)) {
    rep(max(start_stop$stop), length(values))
  } else {
    vapply(seq_along(values), function(g) {
      max(c(start_stop$stop[which(member == g)], -Inf))
    }, 0)
  }
  follow_up <- if (!is.null(member)) {
    out <- data.frame(group = factor(label[member], unique(label)), start_stop)
    out[!is.na(member), ]
  }
  list(
    values = values, label = label, title = title, levels = levels, follow_up = follow_up,
    end = ends
  )
}

show_levels <- function(v) {
  if (is.numeric(v)) format(v, trim = TRUE, digits = 4L) else as.character(v)
}

# which group each patient is in; NULL if a group is a value of a continuous variable
curve_members <- function(grid, levels) {
  member <- rep(NA_integer_, nrow(grid$frame))
  variables <- lapply(names(levels), function(name) grid_variable(grid, name, "by"))
  continuous <- vapply(variables, function(x) is.numeric(x) && length(grid_levels(x)) > 5L, NA)
  if (any(continuous)) return(NULL)
  for (g in seq_len(nrow(levels))) {
    here <- rep(TRUE, length(member))
    for (k in seq_along(variables)) {
      here <- here & as.character(variables[[k]]) == as.character(levels[g, k])
    }
    member[which(here)] <- g
  }
  member
}

surv_times <- function(y) {
  y <- unclass(y)
  data.frame(
    start = if (ncol(y) == 3L) y[, 1L] else rep(-Inf, nrow(y)), stop = y[, ncol(y) - 1L],
    event = as.integer(y[, ncol(y)] == 1), row.names = NULL
  )
}

# "Time (months)", from the label of the variable that holds the time
surv_label <- function(grid) {
  response <- stats::formula(grid$fit)[[2L]]
  inner <- if (is.call(response) && length(response) > 1L) all.vars(response[[2L]])
  if (length(inner) != 1L) return("Time")
  data <- tryCatch(eval(grid$fit$call$data, grid$enclos), error = function(e) NULL)
  label <- if (is.list(data)) attr(data[[inner]], "label", exact = TRUE)
  if (is.null(label)) "Time" else label
}

# the stratum of each row as a number; `key` are the labels that the fit knows
grid_stratum <- function(grid, frame, key = NULL) {
  if (!length(grid$strata)) return(rep(1L, nrow(frame)))
  text <- do.call(paste, c(lapply(grid$strata, function(s) as.character(frame[[s]])), sep = "\r"))
  if (is.null(key)) key <- grid_stratum_key(grid)
  match(text, key)
}

grid_stratum_key <- function(grid) {
  if (!length(grid$strata)) return("")
  all <- grid$frame[grid$strata]
  order_of <- do.call(order, unname(lapply(all, function(s) as.integer(as.factor(s)))))
  unique(do.call(paste, c(lapply(all, function(s) as.character(s)[order_of]), sep = "\r")))
}

# Cumulative hazard of each stratum at the mean of the covariates, with what its variance needs
cox_baseline <- function(grid) {
  fit <- grid$fit
  x <- grid_matrix(grid, grid$frame)
  weights <- if (is.null(grid$weights)) rep(1, nrow(x)) else grid$weights
  centre <- colSums(x * weights) / sum(weights)
  x <- sweep(x, 2L, centre)
  beta <- stats::coef(fit)
  beta[is.na(beta)] <- 0
  offset <- stats::model.offset(grid$frame)
  offset <- if (is.null(offset)) 0 else offset - mean(offset)
  risk <- weights * exp(as.vector(x %*% beta) + offset)
  times <- surv_times(grid$y)
  key <- grid_stratum_key(grid)
  stratum <- grid_stratum(grid, grid$frame, key)
  is_efron <- !identical(fit$method, "breslow")
  strata <- lapply(seq_along(key), function(s) {
    here <- which(stratum == s)
    baseline_stratum(
      x[here, , drop = FALSE], risk[here], weights[here], times[here, ], is_efron
    )
  })
  list(strata = strata, centre = centre, key = key)
}

baseline_stratum <- function(x, risk, weights, times, is_efron) {
  at <- sort(unique(times$stop[times$event == 1L]))
  moments <- cbind(1, x) * risk
  sums <- tail_sums(moments, times$stop, at)
  if (any(is.finite(times$start))) sums <- sums - tail_sums(moments, times$start, at)
  deaths <- which(times$event == 1L)
  slot <- factor(times$stop[deaths], at)
  by_slot <- function(v) unname(rowsum(v, slot, reorder = TRUE))
  tied <- by_slot(moments[deaths, , drop = FALSE])
  n_tied <- as.vector(by_slot(matrix(1, length(deaths))))
  d <- as.vector(by_slot(matrix(weights[deaths])))
  hazard <- variance <- numeric(length(at))
  mean_hazard <- matrix(0, length(at), ncol(x))
  for (step in seq_len(if (is_efron) max(n_tied, 1) else 1L) - 1L) {
    k <- if (is_efron) which(n_tied > step) else seq_along(at)
    if (!length(k)) next
    share <- if (is_efron) step / n_tied[k] else rep(0, length(k))
    part <- sums[k, , drop = FALSE] - share * tied[k, , drop = FALSE]
    weight <- if (is_efron) d[k] / n_tied[k] else d[k]
    jump <- weight / part[, 1L]
    hazard[k] <- hazard[k] + jump
    variance[k] <- variance[k] + jump / part[, 1L]
    mean_hazard[k, ] <- mean_hazard[k, ] + jump * part[, -1L, drop = FALSE] / part[, 1L]
  }
  list(
    time = at, first = if (any(is.finite(times$start))) min(times$start) else 0,
    hazard = cumsum(hazard), variance = cumsum(variance),
    mean_hazard = matrix(apply(mean_hazard, 2L, cumsum), nrow = length(at))
  )
}

# sum of the rows of `moments` whose `time` is at least each of `at` (rising)
tail_sums <- function(moments, time, at) {
  slot <- findInterval(time, at)
  out <- matrix(0, length(at), ncol(moments))
  sums <- rowsum(moments, slot, reorder = TRUE)
  known <- as.integer(rownames(sums))
  out[known[known > 0L], ] <- sums[known > 0L, , drop = FALSE]
  rising <- apply(out[rev(seq_along(at)), , drop = FALSE], 2L, cumsum)
  matrix(rising, nrow = length(at))[rev(seq_along(at)), , drop = FALSE]
}

# patients, or classes of patients of one stratum with much the same risk
curve_classes <- function(x, risk, weight, stratum) {
  class <- seq_along(risk)
  if (length(risk) > 2000L) {
    place <- stats::ave(risk, stratum, FUN = function(r) {
      ceiling(500 * rank(r, ties.method = "first") / length(r))
    })
    class <- as.integer(interaction(stratum, place, drop = TRUE))
  }
  total <- as.vector(rowsum(weight, class))
  mean_of <- function(v) unname(rowsum(v * weight, class)) / total
  list(
    x = mean_of(x), risk = as.vector(mean_of(matrix(risk))), weight = total,
    stratum = as.vector(rowsum(stratum, class)) / as.vector(rowsum(rep(1, length(class)), class))
  )
}

curve_average <- function(classes, strata, variance, end) {
  used <- sort(unique(classes$stratum))
  at <- sort(unique(unlist(lapply(strata[used], `[[`, "time"))))
  at <- at[at <= end]
  first <- min(vapply(strata[used], `[[`, 0, "first"))
  share <- classes$weight / sum(classes$weight)
  survival <- numeric(length(at))
  slope <- matrix(0, length(at), ncol(classes$x))
  spread <- numeric(length(at))
  for (s in used) {
    here <- which(classes$stratum == s)
    now <- findInterval(at, strata[[s]]$time) + 1L
    hazard <- c(0, strata[[s]]$hazard)[now]
    each <- exp(-outer(hazard, classes$risk[here]))
    survival <- survival + as.vector(each %*% share[here])
    pull <- sweep(each, 2L, classes$risk[here] * share[here], "*")
    total <- rowSums(pull)
    mean_hazard <- rbind(0, strata[[s]]$mean_hazard)[now, , drop = FALSE]
    slope <- slope - hazard * (pull %*% classes$x[here, , drop = FALSE]) + total * mean_hazard
    spread <- spread + total^2 * c(0, strata[[s]]$variance)[now]
  }
  std_error <- sqrt(pmax(rowSums((slope %*% variance) * slope), 0) + spread)
  out <- data.frame(
    time = c(first, at), estimate = c(1, survival), std.error = c(0, std_error)
  )
  last <- out[nrow(out), ]
  if (is.finite(end) && end > last$time) {
    last$time <- end
    out <- rbind(out, last)
  }
  out
}

#' @export
print.sr_curves <- function(x, ...) {
  cat(sprintf(
    "Survival curves%s of %s: %d rows\n", paste0(", ", attr(x, "kind"))[!is.null(attr(x, "kind"))],
    toString(levels(x$group)), nrow(x)
  ))
  print(as_plain(utils::head(x, 8L)), ...)
  if (nrow(x) > 8L) cat("...\n")
  invisible(x)
}

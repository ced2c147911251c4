# From a fit of "illness_death" back to its likelihood: residuals and profiles of progression.
#
# A row has a score in all coefficients, those of death among them. What a fit's own coefficients
# (progression) are told of is the *efficient* score: with the scores s of a row, V the inverse
# information of all coefficients and P those of progression,
#   influence  s V[, P]          about how much the coefficients of progression change without it
#   score      s V[, P] V[P, P]^-1
# so that bread and meat of these scores make the block of progression of the whole sandwich.

#' The likelihood of all three hazards, ready to be evaluated
#'
#' @returns as ttp_again(), of all coefficients; `parts` from death_parts(), `layouts` and `chains`
#'   (for ttp_chain()) of the paths, `level` of the nodes of each row.
#' @noRd
illness_again <- function(fit) {
  rebuilt <- sr_rebuild(fit)
  mf <- rebuilt$mf
  parts <- death_parts(fit$y, mf[["(entry)"]], mf[["(death)"]], row.names(mf))
  times <- c(
    list(ttp_times(fit$y, mf[["(entry)"]], row.names(mf))), unname(illness_times(parts))
  )
  log_unit <- ttp_log_unit(times[[1L]])
  fits <- c(list(fit), unname(fit$death$hazards))
  is_mixed <- vapply(fits, function(one) {
    A <- one$family$unit(one$family, log_unit)$A
    any(A[row(A) != col(A)] != 0)
  }, NA)
  if (any(is_mixed)) log_unit <- 0
  paths <- Map(illness_path_again, fits, times, log_unit)
  names(paths) <- illness_paths
  map <- illness_map(paths)
  coef <- unname(fit$death$coefficients)
  fixed <- is.na(coef)
  coef[fixed] <- 0
  coef <- drop(solve(map$J, coef - map$b))
  bundle <- illness_bundle(parts, paths, rebuilt$weights, log_unit)
  settled <- run_illness(bundle, coef, rep(TRUE, length(coef)), list(max_iter = 0L, eps = 1e-6))
  list(
    bundle = bundle, coef = coef, fixed = fixed, map = map, parts = parts, paths = paths,
    weights = rebuilt$weights, n = fit$n, row_names = row.names(mf), level = settled$level,
    value = function(coef) .Call(C_illness_value, bundle, settled$level, coef),
    newton = function(coef, fixed, control) run_illness(bundle, coef, fixed, control)
  )
}

illness_path_again <- function(fit, times, log_unit) {
  rebuilt <- sr_rebuild(fit)
  columns <- ttp_extra_again(fit)
  frame <- list(
    x_names = colnames(rebuilt$x), x = rebuilt$x, stratum = rebuilt$stratum,
    offset = rebuilt$offset, n = fit$n
  )
  extra <- if (ncol(columns) > 0L) {
    list(
      slot = fit$layout$slot,
      x = lapply(seq_len(ncol(columns)), function(j) as.double(columns[, j]))
    )
  }
  unit <- fit$family$unit(fit$family, log_unit)
  list(
    layout = fit$layout, map = ttp_unit_map(fit$layout, unit), frame = frame, times = times,
    hazard = ttp_hazard(unit$family, fit$scale), bundle = ttp_bundle(frame, times, extra, log_unit),
    rows = list(
      x = rebuilt$x, offset = rep_len(rebuilt$offset %||% 0, fit$n), extra = columns,
      stratum = rebuilt$stratum
    )
  )
}

# What each row adds to the coefficients of progression, not weighted; "score": see above
illness_influence <- function(fit, again, type) {
  P <- length(fit$coefficients)
  free <- which(!again$fixed)
  estimate <- list(
    bundle = again$bundle, paths = again$paths,
    fit = list(level = again$level, coefficients = again$coef)
  )
  info <- again$value(again$coef)$info
  var <- matrix(0, length(again$coef), length(again$coef))
  var[free, free] <- solve(info[free, free])
  var <- var %*% t(again$map$J)
  change <- illness_scores(estimate, again$n) %*% var[, seq_len(P), drop = FALSE]
  own <- (again$map$J %*% var)[seq_len(P), seq_len(P), drop = FALSE]
  free <- which(!again$fixed[seq_len(P)])
  value <- switch(type,
    score = {
      score <- matrix(0, again$n, P)
      score[, free] <- change[, free] %*% solve(own[free, free])
      score
    },
    dfbeta = change,
    dfbetas = change / rep(sqrt(diag(own)), each = again$n)
  )
  colnames(value) <- names(fit$coefficients)
  value
}

#' Martingale residuals: progression expected of what was seen, less its cumulative hazard
#'
#' The derivative of a row's log likelihood in log H01. With g(u) as in src/model_illness.h a
#' progression at u has 1 - H01(u), a row without one -H01(C); a row has their mean over what may
#' have happened to it.
#' @noRd
illness_martingale <- function(fit, again) {
  parts <- again$parts
  fits <- c(list(fit), unname(fit$death$hazards))
  contexts <- Map(function(one, path) ttp_context(one, path$rows), fits, unname(again$paths))
  is_found <- parts$right < Inf
  is_exact <- is_found & parts$left == parts$right
  end <- ifelse(is_found, parts$right, parts$time)
  H <- function(k, row, log_time) exp(log_risk(contexts[[k]], row, log_time)$w)
  density <- function(row, x) {
    found <- ttp_table(contexts[[1L]], row, x)
    x + found$v - exp(found$c) - H(2L, row, x) - H(3L, row, log(parts$time[row])) + H(3L, row, x) +
      ifelse(parts$is_dead[row], ttp_table(contexts[[3L]], row, log(parts$time[row]))$v, 0)
  }
  value <- numeric(again$n)
  at <- which(is_exact)
  value[at] <- 1 - H(1L, at, log(end[at]))
  at <- which(!is_exact & end > 0)
  log_end <- log(end[at])
  log_stay <- ifelse(is_found[at], -Inf, -H(1L, at, log_end) - H(2L, at, log_end) +
    ifelse(parts$is_dead[at], ttp_table(contexts[[2L]], at, log_end)$v, 0))
  log_start <- log(parts$left[at])
  top <- pmax(log_stay, density(at, log_end), density(at, pmax(log_start, log_end - 1)))
  integrand <- function(cell, x) {
    size <- exp(density(at[cell], x) - top[cell])
    cbind(size, size * (1 - H(1L, at[cell], x)))
  }
  panels <- first_panels(log_start, log_end)
  sums <- integrate_panels(
    integrand, panels$cell, panels$low, panels$high, length(at), c(1e-10, 1e-10)
  )
  stay <- exp(log_stay - top)
  value[at] <- (sums[, 2L] - stay * H(1L, at, log_end)) / (sums[, 1L] + stay)
  if (!is.null(parts$entry)) {
    late <- which(parts$entry > 0)
    value[late] <- value[late] + H(1L, late, log(parts$entry[late]))
  }
  value
}

illness_residuals <- function(fit, type) {
  if (type %in% c("deviance", "coxsnell")) {
    stop_unsupported(c(
      sprintf("A fit of \"illness_death\" has no %s residuals.", type),
      x = "Whether those who died without progression seen had progressed is not known.",
      i = "Use type = \"martingale\", which takes the mean over both."
    ), arg = "type")
  }
  again <- illness_again(fit)
  value <- if (type == "martingale") {
    illness_martingale(fit, again)
  } else {
    illness_influence(fit, again, type)
  }
  list(value = value, weights = again$weights, row_names = again$row_names)
}

# The fit of all three hazards, and one of those of death within it
is_illness_death <- function(fit) {
  identical(fit$death$method, "illness_death") && is.null(fit$death$path)
}
is_death_hazard <- function(fit) !is.null(fit$death$path)

refuse_death_hazard <- function(fit, what) {
  if (!is_death_hazard(fit)) return(invisible())
  stop_unsupported(c(
    sprintf("A hazard of death within a fit of \"illness_death\" has no %s of its own.", what),
    i = "Its likelihood is that of all three hazards: ask the whole fit."
  ), arg = "object")
}

# `death_method` of the same hazards of death, whatever the covariates of progression
same_deaths <- function(fit) {
  one <- function(hazard) {
    list(
      formula = stats::formula(hazard$terms)[-2L], family = hazard$family, scale = hazard$scale
    )
  }
  structure(lapply(fit$death$hazards, one), class = "sr_illness_death")
}

# Draws of both events. Progression and death without it run until the first of them; death after
# progression from the time of that.
draw_illness <- function(fit, newdata, rows, start, censoring) {
  n <- length(rows$is_known)
  each <- c(list(rows), lapply(unname(fit$death$hazards), ttp_rows, newdata = newdata))
  fits <- c(list(fit), unname(fit$death$hazards))
  known <- which(Reduce(`&`, lapply(each, `[[`, "is_known")))
  here <- seq_along(known)
  contexts <- Map(function(one, rows) ttp_context(one, take_rows(rows, known)), fits, each)
  draw <- function(k, from) {
    H <- ifelse(from > 0, exp(ttp_table(contexts[[k]], here, log(from))$c), 0)
    found <- rep.int(Inf, length(here))
    go <- which(is.finite(from))
    found[go] <- exp(solve_log_time(
      contexts[[k]], go, log(H[go] + stats::rexp(n)[known][go])
    ))
    found
  }
  progression <- draw(1L, start[known])
  death <- draw(2L, start[known])
  is_first <- progression < death
  progression[!is_first] <- Inf
  death <- ifelse(is_first, draw(3L, progression), death)
  full <- function(value) replace(rep.int(NA_real_, n), known, value)
  progression <- full(progression)
  death <- full(death)
  if (is.null(censoring)) return(list(sim = progression, death = death))
  end <- censoring_times(censoring, n)
  seen <- pmin(death, end)
  list(
    sim = survival::Surv(pmin(progression, seen), as.integer(progression <= seen)),
    death = survival::Surv(seen, as.integer(death <= end))
  )
}

# What each `death_method` of fit_ttp() makes of deaths between scans: bias and coverage.
#
#   Rscript bench/sim-death.R            1,000 replicates of each scenario
#   Rscript bench/sim-death.R 50         fewer
#
# Two arms, n = 300, time in weeks. Progression is Weibull (shape 1.3, median 34 in the control arm)
# with log hazard ratio -0.5; death without it Weibull (shape 1.1); death after it as the scenario
# says. Scans every 8 weeks (the first between 4 and 8) until one shows progression; follow-up of
# survival for 60 to 120 weeks. Between 20 and 30 % die without a scan that shows progression.
#
#   alike     death after progression is sooner, the same in both arms
#   fast      death after progression is much sooner: many progress and die between two scans
#   arm       as "fast", and the arm halves both hazards of death
#   reset     as "fast", but death after progression depends on the time since progression, which
#             "illness_death" takes not to be so
#
# Estimated: the log hazard ratio, and the log of the median time to progression in the control arm.
# Written to vignettes/sim-death.csv, which the vignette on time to progression shows: for each,
# `bias` with its Monte Carlo error `bias_mc`, the
# spread of the estimates `sd`, the mean of their standard errors `se`, `coverage` of 95 % intervals
# in per cent with `coverage_mc`; `unseen` is the share of patients who died without progression
# seen, `hidden` the share who progressed without a scan that shows it; `converged` the replicates
# that the other columns are of. With "fast" a few do not converge: all deaths of an arm look like
# those after progression, so that the hazard of death without it runs to 0 there, and the fit says
# so (`ttp_illness_death(~ 1)` has one hazard for both arms). One thread, about 2 minutes.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})
given <- commandArgs(trailingOnly = TRUE)
n_replicate <- if (length(given) > 0L) as.integer(given[[1L]]) else 1000L
invisible(set_threads(1))

truth <- c(effect = -0.5, log_median = log(45) + log(log(2)) / 1.3)

scenarios <- list(
  alike = list(after = 60, before = 150, arm = 0, is_reset = FALSE),
  fast = list(after = 22, before = 280, arm = 0, is_reset = FALSE),
  arm = list(after = 22, before = 150, arm = log(0.5), is_reset = FALSE),
  reset = list(after = 20, before = 320, arm = 0, is_reset = TRUE)
)

# A draw beyond `from` of the Weibull with cumulative hazard ratio * (t / scale)^shape
draw_beyond <- function(from, shape, scale, ratio) {
  scale * ((from / scale)^shape + stats::rexp(length(from)) / ratio)^(1 / shape)
}

make_patients <- function(scenario, n = 300L, every = 8) {
  arm <- rep_len(0:1, n)
  zero <- numeric(n)
  ratio <- exp(scenario$arm * arm)
  progression <- draw_beyond(zero, 1.3, 45, exp(truth[["effect"]] * arm))
  before <- draw_beyond(zero, 1.1, scenario$before, ratio)
  after <- if (scenario$is_reset) {
    progression + draw_beyond(zero, 0.8, scenario$after, ratio)
  } else {
    draw_beyond(progression, 1.2, scenario$after, ratio)
  }
  death <- ifelse(progression < before, after, before)
  end <- stats::runif(n, 60, 120)
  os_time <- pmin(death, end)
  first <- every * stats::runif(n, 0.5, 1)
  scan_from <- function(t) first + every * pmax(ceiling((t - first) / every), 0)
  scan_to <- function(t) ifelse(t < first, 0, first + every * floor((t - first) / every))
  is_progressed <- progression < pmin(before, end)
  found_at <- scan_from(progression)
  is_found <- is_progressed & found_at <= os_time
  data.frame(
    arm = arm, os_time = os_time, os_status = as.integer(death <= end),
    left = ifelse(
      is_found, ifelse(found_at == first, 0, found_at - every), scan_to(pmin(os_time, progression))
    ),
    right = ifelse(is_found, found_at, NA), is_hidden = is_progressed & !is_found
  )
}

# Estimates and standard errors of the two, of a Weibull on the scale of hazard
estimates_of <- function(fit) {
  coef <- stats::coef(fit)
  share <- exp(-coef[["log(shape)"]]) * log(log(2))
  slope <- c(0, 1, -share)
  var <- stats::vcov(fit)
  c(
    coef[["arm"]], coef[["mu"]] + share, sqrt(var[1L, 1L]),
    sqrt(drop(slope %*% var %*% slope)), fit$convergence$converged
  )
}

methods <- c("illness_death", "pfs", "last_scan")

replicate_once <- function(scenario) {
  d <- make_patients(scenario)
  fits <- vapply(methods, function(method) {
    fit <- suppressWarnings(fit_ttp(
      Surv(left, right, type = "interval2") ~ arm, d, scale = "hazard",
      death = Surv(os_time, os_status), death_method = method
    ))
    estimates_of(fit)
  }, numeric(5L))
  list(
    fits = fits, unseen = mean(is.na(d$right) & d$os_status == 1), hidden = mean(d$is_hidden)
  )
}

summarise <- function(name, runs) {
  of <- function(method, k) vapply(runs, function(run) run$fits[k, method], 0)
  rows <- lapply(methods, function(method) {
    lapply(seq_along(truth), function(k) {
      is_fine <- of(method, 5L) == 1
      found <- of(method, k)[is_fine]
      error <- of(method, k + 2L)[is_fine]
      covered <- mean(abs(found - truth[[k]]) <= stats::qnorm(0.975) * error)
      m <- length(found)
      data.frame(
        scenario = name, method = method, estimated = names(truth)[[k]],
        truth = round(truth[[k]], 4), bias = round(mean(found) - truth[[k]], 4),
        bias_mc = round(stats::sd(found) / sqrt(m), 4), sd = round(stats::sd(found), 4),
        se = round(mean(error), 4), coverage = round(100 * covered, 1),
        coverage_mc = round(100 * sqrt(covered * (1 - covered) / m), 1),
        unseen = round(mean(vapply(runs, `[[`, 0, "unseen")), 3),
        hidden = round(mean(vapply(runs, `[[`, 0, "hidden")), 3), converged = m,
        replicates = length(runs)
      )
    })
  })
  do.call(rbind, unlist(rows, recursive = FALSE))
}

set.seed(20240)
table <- do.call(rbind, lapply(names(scenarios), function(name) {
  summarise(name, lapply(seq_len(n_replicate), function(k) replicate_once(scenarios[[name]])))
}))
row.names(table) <- NULL
print(table, width = 200)
utils::write.csv(table, file.path("vignettes", "sim-death.csv"), row.names = FALSE)

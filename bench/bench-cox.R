# The Cox model against survival::coxph, in one process, interleaved.
#
#   Rscript bench/bench-cox.R                 every part, about 15 minutes
#   Rscript bench/bench-cox.R fit after       some parts: fit, after, small, step, memory, growth
#
# Each line runs ours and the peer's in turn and reports the medians and the ratio peer / ours.
# Results go to bench/results/. See bench/README.md.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})
options(matprod = "blas")

all_parts <- c("fit", "after", "small", "step", "memory", "growth")
source(file.path("bench", "timing.R"))

# ---- parts ------------------------------------------------------------------------------------

peer_xy <- function(x, y, stratum) {
  survival::coxph.fit(
    x, y, stratum, NULL, NULL, survival::coxph.control(), NULL, "efron", NULL, nocenter = NULL
  )
}

bench_fit <- function() {
  big <- make_trial(1e6)
  ties <- trial_formula(big, "Surv(day, status)")
  continuous <- trial_formula(big, "Surv(time, status)")
  counting <- trial_formula(big, "Surv(start, day, status)")
  x <- matrix_of(big)
  stratum <- as.integer(big$rank)
  on_days <- Surv(big$day, big$status)
  on_time <- Surv(big$time, big$status)
  wide <- make_trial(1e5, 50L)
  wide_formula <- trial_formula(wide, "Surv(day, status)")
  rows <- lapply(1:2, function(way) {
    threads <- 3L - way
    floor <- vapply(
      list(c(10, 7), c(7, 5), c(5, 3), c(2.5, 1.5), c(10, 7), c(10, 6)), `[`, 0, way
    )
    list(
      compare("1e6 x 10, ties in days, formula", fit_cox(ties, big), coxph(ties, big),
              floor = floor[1], threads = threads),
      compare("1e6 x 10, continuous times, formula", fit_cox(continuous, big),
              coxph(continuous, big), floor = floor[2], threads = threads),
      compare("1e6 x 10, ties in days, fit_cox_xy", fit_cox_xy(x, on_days, stratum),
              peer_xy(x, on_days, stratum), 5L, floor = floor[3], threads = threads),
      compare("1e6 x 10, continuous times, fit_cox_xy", fit_cox_xy(x, on_time, stratum),
              peer_xy(x, on_time, stratum), 5L, floor = floor[4], threads = threads),
      compare("1e6 x 10, (start, stop], formula", fit_cox(counting, big), coxph(counting, big),
              floor = floor[5], threads = threads),
      compare("1e5 x 50, formula", fit_cox(wide_formula, wide), coxph(wide_formula, wide),
              floor = floor[6], threads = threads)
    )
  })
  keep("cox", "fit", unlist(rows, recursive = FALSE))
}

bench_after <- function() {
  big <- make_trial(1e6)
  formula <- trial_formula(big, "Surv(day, status)")
  robust <- trial_formula(big, "Surv(day, status)", c("strata(rank)", "cluster(id)"))
  ours <- fit_cox(formula, big)
  peer <- coxph(formula, big)
  keep("cox", "after", list(
    compare("robust, 1e5 clusters, 1e6 x 10, formula", fit_cox(robust, big), coxph(robust, big),
            1L, 8),
    compare("score residuals", residuals(ours, "score"), residuals(peer, "score"), 2L, 4),
    compare("basehaz", basehaz(ours), basehaz(peer), 2L, 8),
    compare("survfit of the fit", survfit(ours), survfit(peer), 2L, 4),
    compare("concordance", concordance(ours), concordance(peer), 2L, 4),
    compare("zph", zph(ours), cox.zph(peer), 1L, 10)
  ))
}

bench_small <- function() {
  small <- make_trial(200, 5L)
  formula <- trial_formula(small, "Surv(day, status)")
  x <- matrix_of(small)
  y <- Surv(small$day, small$status)
  stratum <- as.integer(small$rank)
  study <- make_trial(1000, 5L)
  study_formula <- trial_formula(study, "Surv(day, status)", character(0))
  fit <- fit_cox(study_formula, study)
  peer_bootstrap <- function(times) {
    for (i in seq_len(times)) coxph(study_formula, study[sample.int(1000, 1000, TRUE), ])
  }
  keep("cox", "small", list(
    compare("n = 200, p = 5, formula", fit_cox(formula, small), coxph(formula, small), 9L, 1.5),
    compare("n = 200, p = 5, fit_cox_xy", fit_cox_xy(x, y, stratum), peer_xy(x, y, stratum), 9L,
            3),
    compare("200 bootstrap fits, n = 1,000, p = 5", bootstrap(fit, 200), peer_bootstrap(200), 3L,
            40)
  ))
}

# One Newton step: what a fit of at most six steps takes longer than one of a single step, over the
# steps that it took more. (A fit stops before when the likelihood does not change by a bit.)
step_seconds <- function(x, y) {
  run <- function(steps) {
    control <- survival::coxph.control(iter.max = steps, eps = 1e-300, toler.chol = 1e-301)
    seconds <- suppressWarnings(system.time(fit <- fit_cox_xy(x, y, control = control)))
    c(seconds = seconds[["elapsed"]], steps = fit$iter)
  }
  run(1)
  stats::median(replicate(15, {
    more <- run(6) - run(1)
    more[["seconds"]] / more[["steps"]]
  }))
}

bench_step <- function() {
  old <- set_threads(1)
  on.exit(set_threads(old))
  big <- make_trial(1e6)
  x <- matrix_of(big)
  dsyrk <- stats::median(replicate(7, system.time(crossprod(x))[["elapsed"]]))
  keep("cox", "step", lapply(c("day", "time"), function(column) {
    step <- step_seconds(x, Surv(big[[column]], big$status))
    message(sprintf(
      "one step, 1e6 x 10, %s: %.4f s, dsyrk %.4f s, %.2f times", column, step, dsyrk, step / dsyrk
    ))
    data.frame(times = column, step = step, dsyrk = dsyrk, ratio = step / dsyrk, ceiling = 2.5)
  }))
}

# Peak resident memory of a fit above the start over the size of y, X and weights as doubles
bench_memory <- function() {
  cases <- expand.grid(
    fitter = c("fit_cox", "coxph"), stringsAsFactors = FALSE,
    response = c("Surv(day, status)", "Surv(time, status)", "Surv(start, day, status)")
  )
  keep("cox", "memory", Map(function(fitter, response) {
    peak <- peak_memory(c(
      "library(survival)", "bench <- new.env()",
      "sys.source(\"bench/bench-cox.R\", bench)", "big <- bench$make_trial(1e6)",
      sprintf("formula <- bench$trial_formula(big, \"%s\")", response),
      sprintf("warm <- %s(formula, big[1:1000, ])", fitter)
    ), sprintf("%s(formula, big)", fitter))
    size <- 1e6 * (10 + if (grepl("start", response)) 3 else 2) * 8 / 2^20
    message(sprintf(
      "%s, %s: %.0f MiB above the start, %.2f of the data", fitter, response, peak, peak / size
    ))
    data.frame(fitter, response, peak_mib = peak, data_mib = size, ratio = peak / size)
  }, cases$fitter, cases$response))
}

grow <- function(vary, n, p, columns) {
  trial <- make_trial(n, p)
  x <- matrix_of(trial)
  lapply(columns, function(column) {
    y <- Surv(trial[[column]], trial$status)
    time <- stats::median(replicate(3, seconds(quote(fit_cox_xy(x, y)), environment())))
    data.frame(vary = vary, times = column, n = n, p = p, seconds = time)
  })
}

bench_growth <- function() {
  by_n <- lapply(c(1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7), function(n) {
    grow("n", n, 5L, c("day", "time"))
  })
  by_p <- lapply(c(2, 5, 10, 20, 50, 100, 200), function(p) grow("p", 1e5, p, "day"))
  table <- keep("cox", "growth", unlist(c(by_n, by_p), recursive = FALSE))
  rows_n <- table[table$vary == "n", ]
  slope_in_n(rows_n, "times")
  draw_growth(table)
}

# Seconds against rows, and against columns, both axes logarithmic
draw_growth <- function(table) {
  grDevices::png(file.path(results, "cox-growth.png"), 1000, 480, res = 110)
  on.exit(grDevices::dev.off())
  graphics::par(mfrow = c(1, 2), mar = c(4.2, 5, 2, 1), mgp = c(3.6, 0.7, 0), las = 1)
  colours <- c(day = "#0072B2", time = "#D55E00")
  panel <- function(x, rows, label, title) {
    plot(rows[[x]], rows$seconds, log = "xy", col = colours[rows$times], pch = 19, xlab = "",
         ylab = "seconds", main = title, xaxt = "n", yaxt = "n")
    graphics::mtext(label, 1, 2.6)
    ticks <- unique(rows[[x]])
    graphics::axis(1, ticks, format(ticks, big.mark = ",", scientific = x == "n", trim = TRUE))
    graphics::axis(2, 10^(-3:1), c("0.001", "0.01", "0.1", "1", "10"))
  }
  panel("n", table[table$vary == "n", ], "rows", "5 covariates")
  graphics::legend("topleft", c("times in days", "continuous times"), col = colours, pch = 19,
                   bty = "n")
  panel("p", table[table$vary == "p", ], "covariates", "100,000 rows, times in days")
}

if (sys.nframe() == 0L) {
  parts <- commandArgs(TRUE)
  versions <- vapply(
    c("survresist", "survival"), function(name) as.character(utils::packageVersion(name)), ""
  )
  message(
    "R ", getRversion(), ", ", paste(names(versions), versions, collapse = ", "), ", ",
    extSoftVersion()[["BLAS"]]
  )
  for (part in if (length(parts) > 0L) parts else all_parts) get(paste0("bench_", part))()
}

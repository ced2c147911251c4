# Cumulative incidence by group against survival::survfit and cmprsk::cuminc, in one process,
# interleaved; both peers' curves with standard errors, cuminc's with Gray's test, ours with both.
#
#   Rscript bench/bench-cif.R            all, about 5 minutes
#   Rscript bench/bench-cif.R days       some parts: days, continuous, rows
#
# survfit() costs rows x times; on 5e5 rows with continuous times it would run for hours, so that
# part compares with it on 2e4 rows. See bench/README.md.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})
source(file.path("bench", "timing.R"))
all_parts <- c("days", "continuous", "rows")

make_events <- function(n, seed = 1L) {
  set.seed(seed)
  event <- stats::rexp(n, 1 / 500)
  censor <- stats::rexp(n, 1 / 500)
  time <- pmin(event, censor)
  cause <- ifelse(event < censor, 1L + (stats::runif(n) < 0.3), 0L)
  data.frame(
    time = time, day = ceiling(time), cause = cause,
    event = factor(cause, 0:2, c("censored", "progression", "death")),
    group = sample(3L, n, TRUE), site = sample.int(200L, n, TRUE), id = seq_len(n),
    entry = floor(time / 3)
  )
}

bench_days <- function() {
  big <- make_events(5e5)
  keep("cif", "days", unlist(lapply(2:1, function(threads) {
    list(
      compare("5e5 rows, 3 groups, days, survfit", fit_cif(Surv(day, event) ~ group, big),
              survfit(Surv(day, event) ~ group, big), 1L, 3, threads),
      compare("5e5 rows, 3 groups, days, cuminc", fit_cif(Surv(day, event) ~ group, big),
              cmprsk::cuminc(big$day, big$cause, big$group), 5L, 10, threads),
      compare("5e5 rows, 3 groups, days, test alone", gray_test(Surv(day, event) ~ group, big),
              cmprsk::cuminc(big$day, big$cause, big$group), 5L, 10, threads)
    )
  }), recursive = FALSE))
}

bench_continuous <- function() {
  big <- make_events(5e5)
  small <- make_events(2e4)
  keep("cif", "continuous", list(
    compare("5e5 rows, 3 groups, continuous, cuminc", fit_cif(Surv(time, event) ~ group, big),
            cmprsk::cuminc(big$time, big$cause, big$group), 5L),
    compare("2e4 rows, 3 groups, continuous, survfit", fit_cif(Surv(time, event) ~ group, small),
            survfit(Surv(time, event) ~ group, small), 3L, 3)
  ))
}

bench_rows <- function() {
  data <- make_events(5e4)
  late <- Surv(entry, day, event) ~ group
  keep("cif", "rows", list(
    compare("5e4 rows, days, 200 clusters",
            fit_cif(Surv(day, event) ~ group, data, cluster = site),
            survfit(Surv(day, event) ~ group, data, cluster = site), 3L, 3),
    compare("5e4 rows, days, late entry", fit_cif(late, data, id = id),
            survfit(late, data, id = id), 1L, 3)
  ))
}

if (sys.nframe() == 0L) {
  parts <- commandArgs(TRUE)
  for (part in if (length(parts) > 0L) parts else all_parts) get(paste0("bench_", part))()
}

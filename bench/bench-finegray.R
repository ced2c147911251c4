# Fine and Gray's model against survival::finegray() with coxph(), and cmprsk::crr().
#
#   Rscript bench/bench-finegray.R                every part, about 10 minutes
#   Rscript bench/bench-finegray.R fit growth     some parts: fit, crr, growth, memory
#
# See bench/README.md. Whole calls: formula, fit and the variance of Fine and Gray (1999) for ours
# and crr(); coxph() has the inverse information, so the second line gives ours with that as well.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})
source(file.path("bench", "timing.R"))

all_parts <- c("fit", "crr", "growth", "memory")

# ---- data: two exponential causes, uniform censoring; times in years, or in days -----------------

make_competing <- function(n, p, seed = 1L) {
  set.seed(seed)
  x <- matrix(stats::rnorm(n * p), n, dimnames = list(NULL, paste0("x", seq_len(p))))
  first <- stats::rexp(n, 0.3 * exp(drop(x %*% rep(0.2, p))))
  other <- stats::rexp(n, 0.2)
  censored <- stats::runif(n, 0, 6)
  time <- pmin(first, other, censored)
  kind <- ifelse(time == censored, 0L, ifelse(time == first, 1L, 2L))
  data.frame(
    x, time = time, day = ceiling(365.25 * time), kind = kind,
    state = factor(kind, 0:2, c("censored", "event", "other"))
  )
}

competing_formula <- function(data, time, env = parent.frame()) {
  stats::as.formula(paste(
    sprintf("Surv(%s, state) ~", time), paste(grep("^x", names(data), value = TRUE), collapse = "+")
  ), env)
}

# The peer's two calls; its data hold nothing that the model does not use.
peer_finegray <- function(data, time) {
  x <- grep("^x", names(data), value = TRUE)
  expanded <- finegray(
    stats::as.formula(sprintf("Surv(%s, state) ~ .", time)), data[c(time, "state", x)]
  )
  coxph(
    stats::as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", paste(x, collapse = "+"))),
    expanded, weights = fgwt, ties = "breslow"
  )
}

# ---- parts ------------------------------------------------------------------------------------

bench_fit <- function() {
  small <- make_competing(5000, 3L)
  on_time <- competing_formula(small, "time")
  on_day <- competing_formula(small, "day")
  rows <- lapply(2:1, function(threads) {
    floor <- if (threads == 2L) c(200, 80) else c(NA, NA)
    list(
      compare("5,000 x 3, continuous, finegray + coxph", fit_finegray(on_time, small),
              peer_finegray(small, "time"), floor = floor[[1L]], threads = threads),
      compare("5,000 x 3, days, finegray + coxph", fit_finegray(on_day, small),
              peer_finegray(small, "day"), floor = floor[[2L]], threads = threads)
    )
  })
  keep("finegray", "fit", unlist(rows, recursive = FALSE))
}

# crr() takes minutes: once
bench_crr <- function(n = 1e4) {
  if (!requireNamespace("cmprsk", quietly = TRUE)) return(invisible())
  data <- make_competing(n, 5L)
  formula <- competing_formula(data, "time")
  x <- matrix_of(data)
  ours <- stats::median(replicate(9, seconds(quote(fit_finegray(formula, data)), environment())))
  peer <- seconds(quote(cmprsk::crr(data$time, data$kind, x)), environment())
  message(sprintf("%g x 5, continuous, crr: ours %.4f s, peer %.1f s, ratio %.0f, floor 1000", n,
                  ours, peer, peer / ours))
  keep("finegray", "crr", list(data.frame(
    work = sprintf("%g x 5, continuous, crr", n), threads = get_threads(), ours = ours,
    peer = peer, ratio = peer / ours, floor = 1000
  )))
}

bench_growth <- function() {
  rows <- lapply(c(1e4, 3e4, 1e5, 3e5, 1e6), function(n) {
    data <- make_competing(n, 5L)
    lapply(c("day", "time"), function(time) {
      formula <- competing_formula(data, time)
      took <- stats::median(replicate(3, seconds(quote(fit_finegray(formula, data)),
                                                 environment())))
      message(sprintf("%7.0f rows x 5, %-4s  %8.4f s", n, time, took))
      data.frame(times = time, n = n, p = 5, seconds = took)
    })
  })
  table <- keep("finegray", "growth", unlist(rows, recursive = FALSE))
  slope_in_n(table, "times")
  draw_growth(table)
}

# Seconds against rows, both axes logarithmic, with a line of slope 1
draw_growth <- function(table) {
  grDevices::png(file.path(results, "finegray-growth.png"), 620, 480, res = 110)
  on.exit(grDevices::dev.off())
  graphics::par(mar = c(4.2, 5, 2, 1), mgp = c(3.6, 0.7, 0), las = 1)
  colours <- c(day = "#0072B2", time = "#D55E00")
  plot(table$n, table$seconds, log = "xy", col = colours[table$times], pch = 19, xlab = "",
       ylab = "seconds", main = "fit_finegray(), 5 covariates", xaxt = "n")
  largest <- table[table$n == max(table$n), ]
  for (k in seq_len(nrow(largest))) {
    graphics::lines(
      range(table$n), largest$seconds[[k]] * range(table$n) / largest$n[[k]],
      col = colours[[largest$times[[k]]]], lty = 3
    )
  }
  graphics::mtext("rows (dotted: in proportion)", 1, 2.6)
  graphics::axis(1, unique(table$n), format(unique(table$n), big.mark = ",", scientific = TRUE))
  graphics::legend("topleft", c("times in days", "continuous times"), col = colours, pch = 19,
                   bty = "n")
}

# Peak memory above the start over the size of time, status and x as doubles
bench_memory <- function() {
  size <- 1e6 * 12 * 8 / 2^20
  keep("finegray", "memory", lapply(c("day", "time"), function(time) {
    peak <- peak_memory(c(
      "source(\"bench/bench-finegray.R\")",
      sprintf("big <- make_competing(1e6, 10L)[c(paste0(\"x\", 1:10), \"%s\", \"state\")]", time),
      sprintf("formula <- competing_formula(big, \"%s\")", time),
      "invisible(fit_finegray(formula, big[1:1000, ]))"
    ), "fit_finegray(formula, big)")
    message(sprintf("1e6 x 10, %s: %.0f MiB above the start, %.2f of the data", time, peak,
                    peak / size))
    data.frame(times = time, peak_mib = peak, data_mib = size, ratio = peak / size, ceiling = 2.5)
  }))
}

if (sys.nframe() == 0L) {
  parts <- commandArgs(TRUE)
  for (part in if (length(parts) > 0L) parts else all_parts) get(paste0("bench_", part))()
}

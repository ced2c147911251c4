# Parametric times to progression against survreg, flexsurv and rstpm2.
#
#   Rscript bench/bench-ttp.R                 every part
#   Rscript bench/bench-ttp.R fit growth      some parts: fit, growth, memory
#
# See bench/README.md. flexsurv and rstpm2 are compared with where they are installed.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})
source(file.path("bench", "timing.R"))

all_parts <- c("fit", "growth", "memory")

# ---- data: a Weibull in p covariates, exact or between scans ------------------------------------

make_times <- function(n, p, seed = 1L) {
  set.seed(seed)
  x <- matrix(stats::rnorm(n * p), n, dimnames = list(NULL, paste0("x", seq_len(p))))
  time <- exp(1 + drop(x %*% rep(0.1, p)) + 0.7 * log(stats::rexp(n)))
  censor <- stats::rexp(n) * 6
  seen <- pmin(time, censor)
  scan <- 0.5
  left <- scan * floor(seen / scan)
  right <- ifelse(time <= censor, left + scan, NA)
  left[left == 0 & !is.na(right)] <- NA
  data.frame(
    x, time = seen, status = as.integer(time <= censor), left = ifelse(is.na(right), seen, left),
    right = right
  )
}

formula_of <- function(data, response) {
  stats::reformulate(grep("^x", names(data), value = TRUE), response)
}

# ---- parts ------------------------------------------------------------------------------------

# Small studies before large ones: what is still in memory costs R time whenever it tidies up.
bench_fit <- function() keep("ttp", "fit", c(fit_small(), fit_large(), fit_scans()))

fit_small <- function() {
  if (!requireNamespace("flexsurv", quietly = TRUE)) return(NULL)
  small <- make_times(5000, 3L)
  right <- formula_of(small, "Surv(time, status)")
  list(
    compare("gengamma, 5,000 x 3, flexsurvreg", fit_ttp(right, small, "gengamma"),
            flexsurv::flexsurvreg(right, data = small, dist = "gengamma"), 5L, floor = 100),
    compare("spline, 3 knots, 5,000 x 3, flexsurvspline", fit_ttp(right, small, ttp_spline()),
            flexsurv::flexsurvspline(right, data = small, k = 3), 5L, floor = 50)
  )
}

fit_large <- function() {
  big <- make_times(1e6, 10L)
  right <- formula_of(big, "Surv(time, status)")
  lapply(2:1, function(threads) {
    compare("Weibull, 1e6 x 10, right-censored, survreg", fit_ttp(right, big), survreg(right, big),
            floor = if (threads == 2L) 15 else NA, threads = threads)
  })
}

fit_scans <- function() {
  scans <- make_times(1e5, 5L)
  interval <- formula_of(scans, 'Surv(left, right, type = "interval2")')
  rows <- lapply(2:1, function(threads) {
    compare("Weibull, 1e5 x 5, interval-censored, survreg", fit_ttp(interval, scans),
            survreg(interval, scans), floor = if (threads == 2L) 8 else NA, threads = threads)
  })
  # stpm2() looks for its own functions where they are attached
  if (!suppressPackageStartupMessages(require("rstpm2", quietly = TRUE))) return(rows)
  exact <- formula_of(scans, "Surv(time, status)")
  c(rows, list(
    compare("spline, 3 knots, 1e5 x 5, stpm2", fit_ttp(exact, scans, ttp_spline()),
            rstpm2::stpm2(exact, data = scans, df = 4), floor = 5)
  ))
}

bench_growth <- function() {
  rows <- lapply(c(1e4, 3e4, 1e5, 3e5, 1e6), function(n) {
    data <- make_times(n, 5L)
    formula <- formula_of(data, "Surv(time, status)")
    families <- list(weibull = "weibull", lognormal = "lognormal", spline = ttp_spline())
    time <- vapply(families, function(family) {
      stats::median(replicate(3, seconds(quote(fit_ttp(formula, data, family)), environment())))
    }, 0)
    data.frame(family = names(families), n = n, seconds = time)
  })
  table <- keep("ttp", "growth", rows)
  slope_in_n(table[table$n >= 1e5, ], "family")
  draw_growth(table)
}

draw_growth <- function(table) {
  grDevices::png(file.path(results, "ttp-growth.png"), 640, 480, res = 110)
  on.exit(grDevices::dev.off())
  graphics::par(mar = c(4.2, 5, 2, 1), mgp = c(3.6, 0.7, 0), las = 1)
  colours <- c(weibull = "#0072B2", lognormal = "#D55E00", spline = "#009E73")
  plot(table$n, table$seconds, log = "xy", col = colours[table$family], pch = 19, xlab = "",
       ylab = "seconds", main = "5 covariates, right-censored", xaxt = "n", yaxt = "n")
  graphics::mtext("rows", 1, 2.6)
  ticks <- unique(table$n)
  graphics::axis(1, ticks, format(ticks, big.mark = ",", scientific = TRUE, trim = TRUE))
  graphics::axis(2, 10^(-3:1), c("0.001", "0.01", "0.1", "1", "10"))
  graphics::legend("topleft", names(colours), col = colours, pch = 19, bty = "n")
}

# Peak memory above the start over the size of y and x as doubles
bench_memory <- function() {
  size <- 1e6 * 12 * 8 / 2^20
  families <- c(weibull = "\"weibull\"", gengamma = "\"gengamma\"", spline = "ttp_spline()")
  keep("ttp", "memory", lapply(names(families), function(family) {
    peak <- peak_memory(c(
      "source(\"bench/bench-ttp.R\")",
      "big <- make_times(1e6, 10L)[c(paste0(\"x\", 1:10), \"time\", \"status\")]",
      "formula <- formula_of(big, \"Surv(time, status)\")",
      sprintf("invisible(fit_ttp(formula, big[1:1000, ], %s))", families[[family]])
    ), sprintf("fit_ttp(formula, big, %s)", families[[family]]))
    message(sprintf("%s, 1e6 x 10: %.0f MiB above the start, %.2f of the data", family, peak,
                    peak / size))
    data.frame(family = family, peak_mib = peak, data_mib = size, ratio = peak / size)
  }))
}

if (sys.nframe() == 0L) {
  parts <- commandArgs(TRUE)
  for (part in if (length(parts) > 0L) parts else all_parts) get(paste0("bench_", part))()
}

# Interval-censored proportional hazards against icenReg, and what the estimates are worth.
#
#   Rscript bench/bench-icph.R                every part
#   Rscript bench/bench-icph.R fit growth     some parts: fit, growth, coverage
#
# See bench/README.md. icenReg's standard errors come from a bootstrap, ours from the information.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})
source(file.path("bench", "timing.R"))

all_parts <- c("fit", "growth", "coverage")
effects <- c(0.5, -0.3, 0.2)

# ---- data: a Weibull hazard of three covariates, seen at scans ----------------------------------

# Scans at 1, 2, ..., `scans` (`own` FALSE), each missed with probability 0.2, or at times of each
# patient's own; follow-up ends at random.
make_scans <- function(n, scans = 30, own = FALSE) {
  x <- matrix(stats::rnorm(n * 3L), n, dimnames = list(NULL, paste0("x", 1:3)))
  time <- stats::rweibull(n, 1.5, 0.45 * scans * exp(-drop(x %*% effects) / 1.5))
  end <- scans * stats::runif(n, 0.4, 1.3)
  left <- numeric(n)
  right <- rep.int(Inf, n)
  at <- numeric(n)
  for (k in seq_len(scans)) {
    at <- if (own) at + stats::runif(n, 0.2, 1.8) else rep.int(k, n)
    is_done <- at <= end & (own | stats::runif(n) > 0.2)
    is_clean <- is_done & time > at
    left[is_clean] <- at[is_clean]
    is_found <- is_done & time <= at & right == Inf
    right[is_found] <- at[is_found]
  }
  data.frame(x, left, right, time)
}

three <- Surv(left, right, type = "interval2") ~ x1 + x2 + x3

# ---- parts ------------------------------------------------------------------------------------

bench_fit <- function() {
  if (!requireNamespace("icenReg", quietly = TRUE)) return(invisible())
  set.seed(1)
  scans <- make_scans(1000)
  own <- make_scans(1000, own = TRUE)
  ic <- cbind(left, right) ~ x1 + x2 + x3
  rows <- list(
    compare("n = 1,000, 3 covariates, 30 scans, with se", fit_icph(three, scans),
            icenReg::ic_sp(ic, data = scans, model = "ph", bs_samples = 100L), 1L, 100),
    compare("the same, estimates alone",
            fit_icph(three, scans, control = list(check = FALSE)),
            icenReg::ic_sp(ic, data = scans, model = "ph", bs_samples = 0L), 3L),
    compare("n = 1,000, scans of each patient's own, estimates",
            fit_icph(three, own, control = list(check = FALSE)),
            icenReg::ic_sp(ic, data = own, model = "ph", bs_samples = 0L), 3L),
    compare("Turnbull, n = 1,000, own scans",
            fit_icph(Surv(left, right, type = "interval2") ~ 1, own),
            icenReg::ic_np(cbind(left, right) ~ 0, data = own), 3L)
  )
  keep("icph", "fit", rows)
}

bench_growth <- function() {
  set.seed(2)
  rows <- lapply(c(1e3, 1e4, 1e5, 3e5), function(n) {
    data <- make_scans(n)
    exact <- transform(data, status = stats::rbinom(n, 1L, 0.7))
    own <- if (n <= 1e4) make_scans(n, own = TRUE)
    here <- environment()
    spent <- function(expression) {
      stats::median(replicate(3L, system.time(eval(expression, here))[["elapsed"]]))
    }
    row <- data.frame(
      n = n, scans = spent(quote(fit_icph(three, data))),
      exact = spent(quote(fit_icph(Surv(time, status) ~ x1 + x2 + x3, exact))),
      own_scans = if (is.null(own)) NA else spent(quote(fit_icph(three, own)))
    )
    message(paste(format(row), collapse = "  "))
    row
  })
  keep("icph", "growth", rows)
}

# One replicate: estimates, standard errors, and whether the intervals cover
one_replicate <- function(n, scans, own) {
  data <- make_scans(n, scans, own)
  # predict() looks for the data where the formula was made
  formula <- Surv(left, right, type = "interval2") ~ x1 + x2 + x3
  fit <- suppressWarnings(fit_icph(formula, data))
  scale <- 0.45 * scans
  quartile <- scale * (-log(c(0.75, 0.5, 0.25)))^(1 / 1.5)
  # at common scans: where the curve is known, the scans nearest to the quartiles
  times <- if (own) quartile else if (scans > 3) round(quartile) else 1:3
  truth <- exp(-(times / scale)^1.5)
  at_zero <- data.frame(x1 = 0, x2 = 0, x3 = 0)
  curve <- predict(fit, at_zero, type = "survival", times = times, interval = "confidence")
  # the usual shortcut: progression at the scan that showed it, or half way, as an exact time
  shortcut <- function(as_exact) {
    data$seen <- ifelse(is.finite(data$right), as_exact, pmax(data$left, 1e-9))
    data$status <- as.integer(is.finite(data$right))
    coxph(Surv(seen, status) ~ x1 + x2 + x3, data)$coefficients[[1L]]
  }
  limits <- confint(fit)
  c(
    coef(fit), se = sqrt(diag(fit$var))[[1L]],
    cover = limits[, 1L] <= effects & effects <= limits[, 2L],
    curve = curve$estimate - truth,
    curve_cover = curve$conf.low <= truth & truth <= curve$conf.high,
    exact_right = shortcut(data$right), exact_middle = shortcut((data$left + data$right) / 2),
    curvature = fit$curvature[[1L]], holds = fit$certificate$holds
  )
}

bench_coverage <- function(replicates = 1000L) {
  designs <- list(
    list(label = "8 common scans", n = 300, scans = 8, own = FALSE),
    list(label = "3 common scans", n = 300, scans = 3, own = FALSE),
    list(label = "own scans", n = 300, scans = 8, own = TRUE)
  )
  rows <- lapply(designs, function(design) {
    set.seed(3)
    all <- t(replicate(replicates, one_replicate(design$n, design$scans, design$own)))
    mean_of <- function(name) mean(all[, name], na.rm = TRUE)
    row <- data.frame(
      design = design$label, n = design$n, replicates = replicates,
      bias_x1 = mean_of("x1") - effects[[1L]], sd_x1 = stats::sd(all[, "x1"]),
      mean_se_x1 = mean_of("se"), mc_error = stats::sd(all[, "x1"]) / sqrt(replicates),
      cover_x1 = mean_of("cover.x1"), cover_x2 = mean_of("cover.x2"),
      cover_x3 = mean_of("cover.x3"), mc_error_cover = sqrt(0.95 * 0.05 / replicates),
      cover_s1 = mean_of("curve_cover1"), cover_s2 = mean_of("curve_cover2"),
      cover_s3 = mean_of("curve_cover3"), bias_s2 = mean_of("curve2"),
      bias_exact_right = mean_of("exact_right") - effects[[1L]],
      bias_exact_middle = mean_of("exact_middle") - effects[[1L]],
      curvature = mean_of("curvature"), certified = mean_of("holds")
    )
    message(paste(names(row), vapply(row, format, "", digits = 3), collapse = "  "))
    row
  })
  keep("icph", "coverage", rows)
}

parts <- commandArgs(trailingOnly = TRUE)
if (length(parts) == 0L) parts <- all_parts
for (part in parts) {
  switch(part,
    fit = bench_fit(), growth = bench_growth(), coverage = bench_coverage(),
    stop("no part `", part, "`: one of ", toString(all_parts))
  )
}

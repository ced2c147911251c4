# Does fit_ttp() find what was put in? Bias and coverage, by simulation.
#
#   Rscript bench/sim-ttp.R                    every family and kind of censoring, 1,000 replicates
#   Rscript bench/sim-ttp.R weibull gamma      some families
#   Rscript bench/sim-ttp.R naive              intervals taken as exact times
#   REPLICATES=100 Rscript bench/sim-ttp.R     fewer
#
# One covariate of two equal groups, effect 0.5 on the family's own scale; 300 patients (genf:
# 2,000). About 30 % are censored. Kinds of censoring: right; left (a quarter of the events before
# the first look); interval (scans about a quarter of the median apart); entry (delayed, half of the
# patients). Targets: the effect, S(t) at the true quartiles and the restricted mean up to the upper
# quartile of the first group; estimates and 95 % intervals as predict() gives them. Ancillary
# parameters have lines of their own. Results: bench/results/sim-ttp-<family>.csv, with the Monte
# Carlo standard errors of bias and coverage, and how many fits did not converge (`failed`).
#
# genf: where P runs to 0 the fit says that the generalised F is a generalised gamma. These studies
# count as `narrower` and have the estimates of that family, those of log(P) apart.
#
# smooth: S(t) also at the times by which 5, 10 ... 95 % of the first group have had the event, and
# "S over time", the mean over these times. Its parameters have no true values: the table has the
# mean of the effective parameters of the baseline.

suppressPackageStartupMessages({
  library(survival)
  library(survresist)
})

replicates <- as.integer(Sys.getenv("REPLICATES", "1000"))
results <- file.path("bench", "results")
effect <- 0.5
kinds <- c("right", "left", "interval", "entry")

# ---- truths: the quantile function of the baseline, and its parameters as estimated ------------

gengamma_quantile <- function(p, mu, sigma, Q) {
  shape <- 1 / Q^2
  tail <- if (Q > 0) p else 1 - p
  exp(mu + sigma * log(stats::qgamma(tail, shape) / shape) / Q)
}

genf_quantile <- function(p, mu, sigma, Q, P) {
  root <- sqrt(Q^2 + 2 * P)
  s1 <- 2 / (Q^2 + 2 * P + Q * root)
  s2 <- 2 / (Q^2 + 2 * P - Q * root)
  exp(mu + sigma / root * log(stats::qf(p, 2 * s1, 2 * s2)))
}

truths <- list(
  exponential = list(family = "exponential", quantile = function(p) -2 * log1p(-p), theta = log(2)),
  weibull = list(
    family = "weibull", quantile = function(p) 2 * (-log1p(-p))^(1 / 1.4), theta = log(c(2, 1.4))
  ),
  lognormal = list(
    family = "lognormal", quantile = function(p) stats::qlnorm(p, 0.5, 0.8),
    theta = c(0.5, log(0.8))
  ),
  loglogistic = list(
    family = "loglogistic", quantile = function(p) 1.5 * (p / (1 - p))^(1 / 2),
    theta = log(c(1.5, 2))
  ),
  gamma = list(
    family = "gamma", quantile = function(p) stats::qgamma(p, 2, rate = 1), theta = c(0, log(2))
  ),
  gengamma = list(
    family = "gengamma", quantile = function(p) gengamma_quantile(p, 0.5, 0.8, 0.5),
    theta = c(0.5, log(0.8), 0.5)
  ),
  genf = list(
    family = "genf", quantile = function(p) genf_quantile(p, 0.5, 0.6, 0.3, 0.8),
    theta = c(0.5, log(0.6), 0.3, log(0.8)), n = 2000L
  ),
  gompertz = list(
    family = "gompertz", quantile = function(p) log1p(-0.3 * log1p(-p) / 0.25) / 0.3,
    theta = c(log(0.25), 0.3)
  ),
  pieces = list(
    family = ttp_pieces(cuts = c(1, 2)), theta = log(c(0.2, 0.6, 0.4)),
    quantile = function(p) {
      H <- -log1p(-p)
      ifelse(H < 0.2, H / 0.2, ifelse(H < 0.8, 1 + (H - 0.2) / 0.6, 2 + (H - 0.8) / 0.4))
    }
  ),
  spline = list(
    family = ttp_spline(knots = 1), quantile = function(p) 2 * (-log1p(-p))^(1 / 1.4),
    theta = c(slope1 = 1.4, slope2 = 1.4) # the level is that at a knot of the data
  ),
  smooth = list(
    family = ttp_smooth(), quantile = function(p) 2 * (-log1p(-p))^(1 / 1.4), theta = NULL
  )
)

scale_of <- function(name) {
  if (name %in% c("gompertz", "pieces", "spline", "smooth")) "hazard" else "time"
}

# Times of groups 0 and 1
draw_times <- function(truth, scale, group) {
  u <- stats::runif(length(group))
  if (scale == "time") return(truth$quantile(u) * exp(effect * group))
  truth$quantile(-expm1(log1p(-u) * exp(-effect * group)))
}

# ---- one study ----------------------------------------------------------------------------------

draw_study <- function(truth, scale, kind, n) {
  draw <- function(n) {
    group <- rep_len(0:1, n)
    data.frame(group, time = draw_times(truth, scale, group))
  }
  median <- truth$quantile(0.5)
  data <- draw(n)
  if (kind == "entry") { # drawn anew until enough have come under observation
    data <- draw(4L * n)
    data$entry <- ifelse(stats::runif(4L * n) < 0.5, stats::runif(4L * n, 0, median), 0)
    data <- data[data$time > data$entry, ][seq_len(n), ]
  }
  end <- stats::runif(n, 0.5, 4) * median
  if (kind == "entry") end <- data$entry + end
  seen <- data$time <= end
  data$left <- pmin(data$time, end)
  data$right <- ifelse(seen, data$time, NA)
  if (kind == "left") {
    first <- truth$quantile(0.25)
    is_early <- data$left <= first
    data$right[is_early] <- ifelse(seen[is_early], first, NA)
    data$left[is_early & seen] <- NA
  } else if (kind == "interval") { # scans until the end of follow-up, the first at a random time
    gap <- median / 4
    first <- stats::runif(n, 0, gap)
    last <- first + floor((end - first) / gap) * gap
    number <- pmax(ceiling((data$time - first) / gap), 0)
    is_found <- data$time <= last
    data$left <- ifelse(is_found, ifelse(number == 0, NA, first + (number - 1) * gap), last)
    data$right <- ifelse(is_found, first + number * gap, NA)
    data <- data[last >= 0 & last >= first, ] # nobody whose follow-up ended before a scan
  }
  data
}

fit_study <- function(truth, kind, data) {
  formula <- Surv(left, right, type = "interval2") ~ group
  if (kind == "entry") {
    return(fit_ttp(formula, data, truth$family, entry = entry))
  }
  fit_ttp(formula, data, truth$family)
}

over_time <- seq(0.05, 0.95, by = 0.05)

# Estimate, limits and truth of S(t) at the times of over_time, and the effective parameters
measure_smooth <- function(fit, truth) {
  at <- predict(
    fit, data.frame(group = 0), "survival", times = truth$quantile(over_time),
    interval = "confidence"
  )
  rbind(
    data.frame(
      target = sprintf("S at %.0f %%", 100 * over_time), truth = 1 - over_time,
      estimate = at$estimate, low = at$conf.low, high = at$conf.high
    ),
    data.frame(
      target = "effective parameters", truth = NA, estimate = fit$smooth$edf_baseline, low = NA,
      high = NA
    )
  )
}

# Estimate, limits and truth of every target, one row each
measure <- function(fit, truth, name, scale) {
  at <- truth$quantile(c(0.25, 0.5, 0.75))
  base <- data.frame(group = 0)
  limits <- stats::confint(fit, "group")
  survival <- predict(fit, base, "survival", times = at, interval = "confidence")
  mean <- predict(fit, base, "rmst", times = at[[3L]], interval = "confidence")
  true_mean <- stats::integrate(truth$quantile, 0, 0.75)$value + 0.25 * at[[3L]]
  out <- data.frame(
    target = c("effect", "S at lower quartile", "S at median", "S at upper quartile", "rmst"),
    truth = c(effect, 0.75, 0.5, 0.25, true_mean),
    estimate = c(coef(fit)[["group"]], survival$estimate, mean$estimate),
    low = c(limits[[1L]], survival$conf.low, mean$conf.low),
    high = c(limits[[2L]], survival$conf.high, mean$conf.high)
  )
  if (name == "smooth") out <- rbind(out, measure_smooth(fit, truth))
  if (is.null(truth$theta)) return(out)
  theta <- names(truth$theta)
  if (is.null(theta)) theta <- names(coef(fit))[-1L]
  limits <- stats::confint(fit, theta)
  rbind(out, data.frame(
    target = theta, truth = truth$theta[seq_along(theta)], estimate = coef(fit)[theta],
    low = limits[, 1L], high = limits[, 2L]
  ))
}

# The fit, or at the border of the generalised F that of the family which it is there
settle_study <- function(truth, kind, data) {
  fit <- suppressWarnings(fit_study(truth, kind, data))
  is_narrower <- identical(truth$family, "genf") && !fit$convergence$converged &&
    any(grepl("family = \"gengamma\"", fit$convergence$message, fixed = TRUE))
  if (is_narrower) {
    truth$family <- "gengamma"
    fit <- suppressWarnings(fit_study(truth, kind, data))
  }
  list(fit = fit, is_narrower = is_narrower)
}

# ---- all replicates -----------------------------------------------------------------------------

simulate_kind <- function(name, kind) {
  truth <- truths[[name]]
  scale <- scale_of(name)
  n <- if (is.null(truth$n)) 300L else truth$n
  one <- function(k) {
    set.seed(k)
    data <- draw_study(truth, scale, kind, n)
    tryCatch({
      found <- settle_study(truth, kind, data)
      if (found$fit$convergence$converged) {
        cbind(measure(found$fit, truth, name, scale), k, is_narrower = found$is_narrower)
      }
    }, error = function(e) NULL)
  }
  found <- lapply(seq_len(replicates), one)
  failed <- sum(vapply(found, is.null, NA))
  all <- do.call(rbind, found)
  all$is_covered <- all$low <= all$truth & all$truth <= all$high
  narrower <- length(unique(all$k[all$is_narrower]))
  about <- data.frame(n, replicates, failed, narrower)
  lines <- lapply(split(all, factor(all$target, unique(all$target))), function(part) {
    error <- part$estimate - part$truth
    covered <- part$is_covered
    data.frame(
      family = name, kind, target = part$target[[1L]], truth = part$truth[[1L]],
      mean = mean(part$estimate), bias = mean(error),
      bias_mc = stats::sd(error) / sqrt(length(error)), coverage = mean(covered),
      coverage_mc = sqrt(mean(covered) * mean(!covered) / length(error)), about
    )
  })
  table <- do.call(rbind, lines)
  if (name == "smooth") {
    times <- all[all$target %in% sprintf("S at %.0f %%", 100 * over_time), ]
    share <- tapply(times$is_covered, times$k, mean)
    error <- tapply(times$estimate - times$truth, times$k, mean)
    table <- rbind(table, data.frame(
      family = name, kind, target = "S over time", truth = mean(times$truth),
      mean = mean(times$estimate), bias = mean(error),
      bias_mc = stats::sd(error) / sqrt(length(error)), coverage = mean(share),
      coverage_mc = stats::sd(share) / sqrt(length(share)), about
    ))
  }
  message(sprintf(
    "%-12s %-9s not converged %3d; coverage of the effect %.3f, of all %.3f to %.3f", name, kind,
    failed, table$coverage[[1L]], min(table$coverage[1:5]), max(table$coverage[1:5])
  ))
  table
}

# ---- intervals taken for something else ---------------------------------------------------------

simulate_naive <- function() {
  truth <- truths$weibull
  readings <- list(
    "interval" = function(d) d,
    "event at the right end" = function(d) transform(d, left = ifelse(is.na(right), left, right)),
    "event at the midpoint" = function(d) {
      middle <- (ifelse(is.na(d$left), 0, d$left) + d$right) / 2
      transform(d, left = ifelse(is.na(right), left, middle), right = middle)
    }
  )
  estimates <- lapply(seq_len(replicates), function(k) {
    set.seed(k)
    data <- draw_study(truth, "time", "interval", 300L)
    vapply(readings, function(read) {
      fit <- fit_ttp(Surv(left, right, type = "interval2") ~ group, read(data))
      c(coef(fit)[["group"]], coef(fit)[["log(shape)"]],
        predict(fit, data.frame(group = 0), "quantile", p = 0.5)$estimate)
    }, numeric(3L))
  })
  all <- simplify2array(estimates)
  target <- c("effect", "log(shape)", "median")
  truths <- c(effect, log(1.4), truth$quantile(0.5))
  table <- do.call(rbind, lapply(seq_along(readings), function(j) {
    data.frame(
      reading = names(readings)[[j]], target, truth = truths,
      bias = rowMeans(all[, j, ]) - truths,
      bias_mc = apply(all[, j, ], 1L, stats::sd) / sqrt(replicates)
    )
  }))
  utils::write.csv(table, file.path(results, "sim-ttp-naive.csv"), row.names = FALSE)
  print(table, digits = 3)
}

if (sys.nframe() == 0L) {
  asked <- commandArgs(TRUE)
  set_threads(1)
  if (length(asked) == 0L) asked <- c(names(truths), "naive")
  for (name in setdiff(asked, "naive")) {
    table <- do.call(rbind, lapply(kinds, simulate_kind, name = name))
    utils::write.csv(
      table, file.path(results, paste0("sim-ttp-", name, ".csv")), row.names = FALSE
    )
  }
  if ("naive" %in% asked) simulate_naive()
}

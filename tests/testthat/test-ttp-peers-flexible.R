# Where peers stop, the flexible families arrive as well: data simulated to the descriptions of
# reported failures (the closed families: test-ttp-peers-issues.R).

all_families <- function() {
  list(
    exponential = "exponential", weibull = "weibull", lognormal = "lognormal",
    loglogistic = "loglogistic", gamma = "gamma", gengamma = "gengamma", gompertz = "gompertz",
    spline_0 = ttp_spline(knots = 0), spline_2 = ttp_spline(knots = 2),
    odds_2 = ttp_spline(knots = 2, link = "odds"),
    normal_2 = ttp_spline(knots = 2, link = "normal"), smooth = ttp_smooth()
  )
}

expect_arrives <- function(fit, name) {
  expect_true(fit$convergence$converged, label = paste(name, fit$convergence$message[1L]))
  expect_lt(fit$convergence$gradient, 1e-6)
  kept <- !is.na(coef(fit))
  expect_gt(min(eigen(stats::cov2cor(vcov(fit)[kept, kept, drop = FALSE]))$values), 0)
}

# flexsurv 5: splines stop where four censored times are beyond 72 and all others below 18
test_that("four follow-up times far beyond the rest: every family", {
  withr::local_seed(5)
  d <- data.frame(time = pmin(rweibull(150, 1.4, 9), 18), x = rnorm(150))
  d$status <- as.integer(d$time < 18)
  d$time[1:4] <- c(73, 80, 88, 95)
  d$status[1:4] <- 0L
  for (name in names(all_families())) {
    fit <- fit_ttp(Surv(time, status) ~ 1, d, family = all_families()[[name]])
    expect_arrives(fit, name)
    expect_arrives(fit_ttp(Surv(time, status) ~ x, d, family = all_families()[[name]]), name)
  }
})

# flexsurv 54: a hazard that falls for most of the follow-up; 74: intervals of a trial read off a
# published curve, with counts as weights, for log-logistic and Gompertz
test_that("falling hazards, and counts by interval", {
  withr::local_seed(54)
  t <- c(rweibull(120, 0.5, 4), rep(40, 30)) # a heavy start, then few
  d <- data.frame(t = pmin(t, 30), s = as.integer(t < 30))
  fit <- fit_ttp(Surv(t, s) ~ 1, d, family = "gompertz")
  expect_arrives(fit, "gompertz")
  expect_lt(coef(fit)[["shape"]], 0)
  table <- data.frame(
    from = 0.75 * 0:11, to = 0.75 * 1:12, n = c(3, 9, 5, 9, 2, 17, 7, 4, 6, 3, 2, 1)
  )
  table <- rbind(table, data.frame(from = c(4.1, 6.4, 9), to = NA, n = c(5, 4, 6)))
  for (name in setdiff(names(all_families()), "smooth")) {
    fit <- fit_ttp(
      Surv(from, to, type = "interval2") ~ 1, table, family = all_families()[[name]], weights = n,
      robust = FALSE
    )
    expect_arrives(fit, name)
  }
})

# flexsurv 199: an arm and the linear predictor of another model, of any size
test_that("a linear predictor as a covariate: every family, of any size", {
  withr::local_seed(199)
  n <- 250
  z <- rnorm(n)
  t <- exp(2 - 0.8 * z + log(rexp(n)) / 1.5)
  d <- data.frame(time = pmin(t, 20), status = as.integer(t < 20), arm = rep(0:1, n / 2))
  fits <- list()
  for (size in c(1e-4, 1, 40, 1e4)) {
    d$lp <- size * z - 3 * size
    for (name in names(all_families())) {
      fit <- fit_ttp(Surv(time, status) ~ arm + lp, d, family = all_families()[[name]],
                     scale = if (startsWith(name, "normal")) NULL else "hazard")
      expect_arrives(fit, name)
      # the same model, whatever the size (where a shift goes into the baseline)
      if (name %in% c("weibull", "gompertz", "spline_2", "normal_2")) {
        fits[[name]] <- fits[[name]] %||% fit
        expect_close(fit$loglik, fits[[name]]$loglik, 1e-8)
      }
    }
  }
})

# survival 270: nobody is seen between two scans; each is left- or right-censored
test_that("open intervals only: every family", {
  withr::local_seed(270)
  n <- 1500
  x <- rnorm(n)
  t <- exp(0.3 * x + log(rexp(n)) / 1.5)
  seen <- runif(n, 0.1, 2)
  d <- data.frame(left = ifelse(t > seen, seen, NA), right = ifelse(t > seen, NA, seen), x)
  families <- all_families()
  # how often, with two knots and no time seen, the best spline falls somewhere is another matter
  for (link in c("hazard", "odds", "normal")) {
    families[[paste(link, 1)]] <- ttp_spline(knots = 1, link = link)
  }
  for (name in setdiff(names(families), c("spline_2", "odds_2", "normal_2"))) {
    fit <- fit_ttp(Surv(left, right, type = "interval2") ~ x, d, family = families[[name]])
    expect_arrives(fit, name)
    # the truth, on whichever scale: x shortens or lengthens as it should
    sign <- if (fit$scale == "time") 1 else -1
    expect_gt(sign * coef(fit)[["x"]], 0)
  }
  pieces <- fit_ttp(
    Surv(left, right, type = "interval2") ~ x, d, family = ttp_pieces(c(0.5, 1))
  )
  expect_arrives(pieces, "pieces")
})

# flexsurv 110 and 217: entry late, with the time of entry as a covariate, or on the scale of age
test_that("left-truncated splines: dependent entry, and age as the clock", {
  withr::local_seed(534)
  n <- 2000
  entry <- rexp(n, 0.6)
  t <- (rexp(n) / (0.3 * 1.03^entry))^(1 / 2.5)
  d <- data.frame(entry, t, s = rbinom(n, 1, 0.8))[t > entry, ]
  for (link in c("hazard", "odds", "normal")) {
    for (knots in 0:3) {
      fit <- fit_ttp(
        Surv(entry, t, s) ~ entry, d, family = ttp_spline(knots = knots, link = link),
        id = seq_len(nrow(d))
      )
      expect_arrives(fit, paste(link, knots))
    }
  }
  pbc <- survival::pbc
  pbc$from <- pbc$age
  pbc$to <- pbc$age + pbc$time / 365.25
  # the highest that flexsurvspline() comes to, from starts given by hand
  highest <- c(-566.8548, -566.3213, -566.0256, -565.7373)
  for (knots in 1:4) {
    fit <- fit_ttp(
      Surv(from, to, status == 2) ~ sex, pbc, family = ttp_spline(knots = knots), id = id
    )
    expect_arrives(fit, paste("age", knots))
    expect_gt(fit$loglik[[2L]], highest[[knots]] - 1e-4)
    expect_lt(abs(coef(fit)[["sexf"]] + 0.33), 0.1) # coxph(): -0.327
  }
  # and every other family, where flexsurvreg() gets there too
  skip_if_not_installed("flexsurv")
  pbc$dead <- as.integer(pbc$status == 2)
  ours <- c(lnorm = "lognormal", llogis = "loglogistic", gamma = "gamma", gengamma = "gengamma",
            gompertz = "gompertz", weibull = "weibull")
  for (name in names(ours)) {
    fit <- fit_ttp(Surv(from, to, dead) ~ sex, pbc, family = ours[[name]], id = id)
    expect_arrives(fit, name)
    peer <- suppressWarnings(
      flexsurv::flexsurvreg(Surv(from, to, dead) ~ sex, data = pbc, dist = name)
    )
    expect_gt(fit$loglik[[2L]], peer$loglik - 1e-6)
  }
})

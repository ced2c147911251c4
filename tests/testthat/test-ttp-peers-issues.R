# Where other programs stop, fit_ttp() arrives: data simulated to the descriptions of reported
# failures. That a fit is the maximum is read from its gradient and information, from the plain
# likelihood in helper-oracle-ttp.R and optim() around it, and from the peer where that works.

expect_maximum <- function(fit, loglik = NULL) {
  expect_true(fit$convergence$converged, label = fit$convergence$message[1L])
  expect_lt(fit$convergence$gradient, 1e-6)
  kept <- !is.na(coef(fit))
  expect_gt(min(eigen(stats::cov2cor(vcov(fit)[kept, kept, drop = FALSE]))$values), 0)
  if (is.null(loglik)) return(invisible(fit))
  expect_close(loglik(coef(fit)), fit$loglik[[2L]], 1e-9)
  expect_lt(oracle_maximum(loglik, coef(fit)) - fit$loglik[[2L]], 1e-6)
  invisible(fit)
}

plain <- function(left, right, x = matrix(0, length(left), 0L), w = 1) {
  n <- length(left)
  list(
    left = left, right = right, entry = numeric(n), x = x, stratum = rep(1L, n),
    z = matrix(0, n, 0L), w = rep_len(w, n)
  )
}
censored <- function(t, s, ...) plain(t, ifelse(s == 1, t, Inf), ...)
four_families <- c("exponential", "weibull", "lognormal", "loglogistic")

test_that("four follow-up times far beyond all others", {
  withr::local_seed(1)
  d <- data.frame(t = c(rexp(200, 2), 1e3, 5e4, 2e6, 1e8), x = rnorm(204))
  d$s <- c(rbinom(200, 1, 0.8), 0, 0, 0, 0)
  for (s in 0:1) {
    d$s[201:204] <- s
    for (family in four_families) {
      fit <- fit_ttp(Surv(t, s) ~ x, d, family = family)
      expect_maximum(fit, oracle_ttp(censored(d$t, d$s, cbind(d$x)), family, "time"))
    }
  }
})

test_that("interval-censored log-logistic times", {
  withr::local_seed(2)
  x <- rnorm(300)
  t <- exp(1 + 0.5 * x + rlogis(300) / 2)
  left <- floor(t)
  right <- ifelse(left > 8, Inf, left + 1)
  d <- data.frame(left = pmin(left, 9), right, x)
  for (scale in c("time", "hazard", "odds")) {
    fit <- fit_ttp(
      Surv(left, right, type = "interval2") ~ x, d, family = "loglogistic", scale = scale
    )
    expect_maximum(fit, oracle_ttp(plain(d$left, d$right, cbind(x)), "loglogistic", scale))
  }
  peer <- survival::survreg(
    Surv(ifelse(left == 0, NA, left), right, type = "interval2") ~ x, d, dist = "loglogistic",
    control = list(rel.tolerance = 1e-12)
  )
  fit <- fit_ttp(Surv(left, right, type = "interval2") ~ x, d, family = "loglogistic")
  expect_close(fit$loglik, peer$loglik, 1e-10)
})

test_that("shapes in the hundreds and thousands, and of a few hundredths", {
  withr::local_seed(3)
  x <- rbinom(150, 1, 0.5)
  noise <- list(weibull = log(rexp(150)), lognormal = rnorm(150), loglogistic = rlogis(150))
  for (k in c(0.03, 300, 1e4)) {
    for (family in names(noise)) {
      d <- data.frame(t = 700 * exp(0.2 * x / k + noise[[family]] / k), s = rbinom(150, 1, 0.8), x)
      fit <- fit_ttp(Surv(t, s) ~ x, d, family = family)
      expect_maximum(fit)
      sign <- if (family == "lognormal") -1 else 1
      expect_lt(abs(sign * coef(fit)[[3L]] - log(k)), 0.4)
      ends <- data.frame(l = d$t * exp(-0.2 / k), r = d$t * exp(0.3 / k), x)
      expect_maximum(fit_ttp(Surv(l, r, type = "interval2") ~ x, ends, family = family))
    }
  }
})

test_that("the linear predictor of another model as the only covariate", {
  cox <- survival::coxph(Surv(rtime, recur) ~ age + nodes + grade, survival::rotterdam)
  d <- survival::rotterdam[seq(1, 2982, by = 7), ]
  d$lp <- predict(cox, d)
  for (family in four_families) {
    fit <- expect_maximum(fit_ttp(Surv(rtime, recur) ~ lp, d, family = family))
    peer <- survival::survreg(
      Surv(rtime, recur) ~ lp, d, dist = family, control = list(rel.tolerance = 1e-12)
    )
    expect_close(fit$loglik, peer$loglik, 1e-10)
  }
  # as an offset it leaves the baseline alone
  expect_maximum(fit_ttp(Surv(rtime, recur) ~ offset(lp), d, scale = "hazard"))
})

test_that("open intervals only: left- or right-censored, no end in between", {
  withr::local_seed(4)
  x <- rnorm(400)
  t <- exp(0.3 * x + log(rexp(400)) / 1.5)
  seen <- runif(400, 0.1, 2)
  left <- ifelse(t > seen, seen, NA)
  right <- ifelse(t > seen, NA, seen)
  d <- data.frame(left, right, x)
  for (family in four_families) {
    fit <- fit_ttp(Surv(left, right, type = "interval2") ~ x, d, family = family)
    whole <- plain(ifelse(is.na(left), 0, left), ifelse(is.na(right), Inf, right), cbind(x))
    expect_maximum(fit, oracle_ttp(whole, family, "time"))
  }
  # current status at so few times that only two points of the curve are known: exactly fitted
  d$at <- rep(c(0.5, 1.5), 200)
  d$left <- ifelse(t > d$at, d$at, NA)
  d$right <- ifelse(t > d$at, NA, d$at)
  fit <- expect_maximum(fit_ttp(Surv(left, right, type = "interval2") ~ 1, d))
  share <- tapply(t > d$at, d$at, mean)
  surv <- exp(-exp((log(c(0.5, 1.5)) - coef(fit)[[1L]]) * exp(coef(fit)[[2L]])))
  expect_close(surv, unname(share), 1e-8)
  # at one time, one point: the two parameters are not determined, which is told
  d$left <- ifelse(t > 1, 1, NA)
  d$right <- ifelse(t > 1, NA, 1)
  expect_warning(
    flat <- fit_ttp(Surv(left, right, type = "interval2") ~ 1, d), "do not determine|still rises",
    class = "survresist_warning_convergence"
  )
  expect_false(flat$convergence$converged)
  expect_maximum(fit_ttp(Surv(left, right, type = "interval2") ~ 1, d, family = "exponential"))
})

test_that("units of time from 1e-150 to 1e150", {
  withr::local_seed(5)
  d <- data.frame(t = rexp(60), x = rnorm(60), s = rbinom(60, 1, 0.7))
  d$l <- floor(d$t * 3) / 3
  d$r <- ifelse(d$s == 1, d$l + 1 / 3, NA)
  d$l[d$l == 0 & d$s == 0] <- 0.1
  for (family in four_families) {
    exact <- fit_ttp(Surv(t, s) ~ x, d, family = family)
    between <- fit_ttp(Surv(l, r, type = "interval2") ~ x, d, family = family)
    for (unit in c(1e-150, 1e-20, 1e20, 1e150)) {
      fit <- fit_ttp(Surv(t * unit, s) ~ x, d, family = family)
      expect_maximum(fit)
      expect_close(coef(fit)[-2L], coef(exact)[-2L], 1e-9)
      fit <- fit_ttp(Surv(l * unit, r * unit, type = "interval2") ~ x, d, family = family)
      expect_maximum(fit)
      expect_close(coef(fit)[-2L], coef(between)[-2L], 1e-9)
    }
  }
})

test_that("weights of 1e-8 and 1e8", {
  withr::local_seed(6)
  d <- data.frame(t = rexp(60), x = rnorm(60), s = rbinom(60, 1, 0.7))
  for (family in four_families) {
    one <- fit_ttp(Surv(t, s) ~ x, d, family = family)
    for (size in c(1e-8, 1e8)) {
      d$w <- size
      fit <- fit_ttp(Surv(t, s) ~ x, d, family = family, weights = w, robust = FALSE)
      expect_maximum(fit)
      expect_close(coef(fit), coef(one), 1e-9)
      expect_close(vcov(fit), vcov(one) / size, 1e-8)
      robust <- fit_ttp(Surv(t, s) ~ x, d, family = family, weights = w, robust = TRUE)
      expect_close(vcov(robust), vcov(fit_ttp(Surv(t, s) ~ x, d, family = family, robust = TRUE)),
        1e-8
      )
    }
    d$w <- c(1e8, rep(1e-8, 59)) # one row is everything, and yet there is a maximum
    d$s[1] <- 1
    mixed <- suppressWarnings(fit_ttp(Surv(t, s) ~ 1, d, family = family, weights = w))
    expect_true(mixed$convergence$converged || length(mixed$convergence$message) > 0L)
  }
})

test_that("covariates of size 1e6, dates and seconds", {
  withr::local_seed(7)
  n <- 200
  d <- data.frame(z = rnorm(n), s = rbinom(n, 1, 0.8))
  d$t <- exp(0.4 * d$z + log(rexp(n)) / 1.3)
  d$date <- as.Date("2018-05-01") + round(400 * d$z)
  d$second <- as.numeric(as.POSIXct("2018-05-01", tz = "UTC")) + 4e7 * d$z
  for (family in four_families) {
    plain <- fit_ttp(Surv(t, s) ~ z, d, family = family)
    for (by in c(1e6, 1e-6)) {
      d$x <- d$z * by
      fit <- expect_maximum(fit_ttp(Surv(t, s) ~ x, d, family = family))
      expect_close(coef(fit)[[1L]] * by, coef(plain)[[1L]], 1e-9)
    }
    d$x <- 1e6 + d$z
    fit <- expect_maximum(fit_ttp(Surv(t, s) ~ x, d, family = family))
    expect_close(coef(fit)[[1L]], coef(plain)[[1L]], 1e-5)
    expect_close(fit$loglik, plain$loglik, 1e-10)
    fit <- expect_maximum(fit_ttp(Surv(t, s) ~ second, d, family = family))
    expect_close(coef(fit)[[1L]] * 4e7, coef(plain)[[1L]], 1e-7)
    fit <- expect_maximum(fit_ttp(Surv(t, s) ~ as.numeric(date), d, family = family))
    expect_lt(abs(fit$loglik[[2L]] - plain$loglik[[2L]]), 0.1)
  }
})

test_that("a covariate far from 0 does not bend the way to the maximum, on any scale", {
  withr::local_seed(9)
  n <- 200
  d <- data.frame(z = rnorm(n), s = rbinom(n, 1, 0.8), group = rep(1:2, n / 2))
  d$t <- exp(0.4 * d$z + log(rexp(n)) / 1.3)
  models <- list(
    list("weibull", "hazard"), list("exponential", "hazard"), list("loglogistic", "odds"),
    list("gompertz", "hazard"), list(ttp_pieces(c(0.3, 1)), "hazard"),
    list(ttp_spline(knots = 1), "hazard"), list("weibull", "time"), list("lognormal", "time")
  )
  for (model in models) {
    plain <- fit_ttp(Surv(t, s) ~ z + strata(group), d, family = model[[1L]], scale = model[[2L]])
    for (by in c(1e2, -1e3, 2e4)) {
      d$x <- d$z + by
      fit <- fit_ttp(Surv(t, s) ~ x + strata(group), d, family = model[[1L]], scale = model[[2L]])
      expect_maximum(fit)
      expect_close(coef(fit)[[1L]], coef(plain)[[1L]], 1e-6)
      expect_close(vcov(fit)[1L, 1L], vcov(plain)[1L, 1L], 1e-5)
      expect_close(fit$loglik, plain$loglik, 1e-10)
      expect_lt(fit$convergence$iterations, 6)
    }
  }
})

test_that("a group without events has no finite effect, and is named", {
  withr::local_seed(8)
  d <- data.frame(t = rexp(80), s = rbinom(80, 1, 0.7), arm = gl(2, 40, labels = c("A", "B")))
  d$s[d$arm == "B"] <- 0
  for (family in four_families) {
    for (scale in c("time", "hazard", "odds")) {
      expect_warning(
        fit <- fit_ttp(Surv(t, s) ~ arm, d, family = family, scale = scale),
        "`armB`: the likelihood still rises", class = "survresist_warning_convergence"
      )
      expect_false(fit$convergence$converged)
      expect_match(fit$convergence$message[[2L]], "merge levels")
    }
  }
  # also beside a covariate far from 0
  d$year <- 2000 + rnorm(80)
  expect_warning(
    fit <- fit_ttp(Surv(t, s) ~ arm + year, d), "`armB`", class = "survresist_warning_convergence"
  )
  # as the reference level: the same, through the intercept
  d$arm <- relevel(d$arm, "B")
  expect_warning(
    fit <- fit_ttp(Surv(t, s) ~ arm, d), "`arm(A|B)`", class = "survresist_warning_convergence"
  )
})

# --- a battery ------------------------------------------------------------------------------------

battery_case <- function(seed) {
  withr::local_seed(seed)
  pick <- function(...) {
    among <- c(...)
    among[[sample.int(length(among), 1L)]]
  }
  family <- pick(four_families)
  n <- pick(10L, 20L, 40L, 80L)
  p <- pick(0L, 1L, 2L)
  x <- matrix(rnorm(n * p), n, p)
  k <- exp(rnorm(1L, 0, 0.5)) * pick(1, 1, 30)
  noise <- switch(family, lognormal = rnorm(n), loglogistic = rlogis(n), log(rexp(n)))
  t <- exp(drop(x %*% rnorm(p, 0, 0.6)) + if (family == "exponential") noise else noise / k)
  entry <- numeric(n)
  if (pick(TRUE, FALSE, FALSE)) {
    entry <- stats::quantile(t, 0.3) * runif(n) * rbinom(n, 1L, 0.7)
    t <- pmax(t, entry * 1.01)
  }
  end <- pmax(stats::quantile(t, pick(0.4, 0.7, 0.95)) * exp(rnorm(n, 0, 0.3)), entry * 1.01)
  kind <- pick("right", "interval", "mixed", "left")
  left <- t
  right <- t
  width <- stats::median(t) / 3
  is_between <- if (kind == "mixed") runif(n) < 0.5 else rep(kind == "interval", n)
  left[is_between] <- pmax(width * floor(t / width), entry)[is_between]
  right[is_between] <- (width * (floor(t / width) + 1))[is_between]
  is_cut <- kind != "left" & (if (kind == "interval") left > end else end < t)
  left[is_cut] <- end[is_cut]
  right[is_cut] <- Inf
  if (kind == "left") {
    left[end > t] <- entry[end > t]
    right[end > t] <- end[end > t]
  }
  has_shape <- family != "exponential" && pick(TRUE, FALSE, FALSE, FALSE)
  list(
    seed = seed, family = family, scale = pick("time", "hazard", "odds"), d = list(
      left = left, right = right, entry = entry, x = x,
      stratum = if (pick(TRUE, FALSE, FALSE)) rep_len(1:2, n) else rep(1L, n),
      z = matrix(rbinom(n * has_shape, 1L, 0.5), n, as.integer(has_shape)),
      w = if (pick(TRUE, FALSE, FALSE)) sample(1:3, n, TRUE) else rep(1, n)
    )
  )
}

battery_fit <- function(case) {
  d <- case$d
  data <- data.frame(left = d$left, right = d$right, entry = d$entry, w = d$w, s = d$stratum)
  data$x <- d$x
  if (ncol(d$z) > 0L) data$z <- d$z[, 1L]
  terms <- c("1", if (ncol(d$x) > 0L) "x", if (max(d$stratum) > 1L) "strata(s)")
  formula <- stats::reformulate(terms, quote(Surv(left, right, type = "interval2")))
  environment(formula) <- environment()
  fit_ttp(
    formula, data, family = case$family, scale = case$scale, entry = entry, weights = w,
    robust = FALSE, shape = if (ncol(d$z) > 0L) ~z
  )
}

test_that("200 small studies: the maximum, or a word on what is wrong", {
  n_case <- if (identical(Sys.getenv("NOT_CRAN"), "true")) 200L else 60L
  n_converged <- 0L
  for (seed in seq_len(n_case)) {
    case <- battery_case(seed)
    fit <- tryCatch(suppressWarnings(battery_fit(case)), survresist_error_input = identity)
    if (inherits(fit, "error")) {
      expect_match(
        conditionMessage(fit), "agree with one time|free of the event|needs an event", label = seed
      )
      next
    }
    loglik <- oracle_ttp(case$d, case$family, case$scale)
    if (!fit$convergence$converged) {
      expect_match(fit$convergence$message[[1L]], "`.*(still rises|flat)", label = seed)
      next
    }
    n_converged <- n_converged + 1L
    expect_lt(fit$convergence$gradient, 1e-6)
    expect_close(fit$loglik[[2L]], loglik(coef(fit)), 1e-8, label = seed)
    better <- oracle_maximum(loglik, coef(fit), 2L) - fit$loglik[[2L]]
    expect_lt(better, 1e-6, label = sprintf("case %d: what optim() finds above", seed))
  }
  expect_gt(n_converged, 0.75 * n_case)
})

test_that("a scan long after everybody's event does not stop the search", {
  set.seed(2)
  time <- 10 * rweibull(200, 500, 1)
  for (late in list(c(NA, 80), c(9.9, 80))) {
    data <- data.frame(left = c(time, late[[1L]]), right = c(time, late[[2L]]))
    formula <- Surv(left, right, type = "interval2") ~ 1
    fit <- fit_ttp(formula, data)
    expect_true(fit$convergence$converged)
    expect_close(fit$loglik[[2L]], survival::survreg(formula, data)$loglik[[2L]], 1e-8)
    expect_true(fit_ttp(formula, data, "gengamma")$convergence$converged)
  }
  time <- 10 * rweibull(200, 8, 1)
  data <- data.frame(left = c(time, 5), right = c(time, 1000))
  expect_true(fit_ttp(formula, data, "gompertz")$convergence$converged)
})

test_that("a log likelihood near 0 does not stop the search short of the maximum", {
  # terms of both signs: their sum has fewer digits than its size says
  set.seed(86)
  x <- rnorm(1e5)
  data <- data.frame(x, time = exp(log(rweibull(1e5, 4.84, 1)) + 0.1 * x))
  fit <- fit_ttp(Surv(time) ~ x, data)
  expect_true(fit$convergence$converged)
  expect_lt(fit$convergence$iterations, 20)
  expect_lt(fit$convergence$gradient, 1e-6)
})

test_that("a status that no Surv() would give is not read as nothing", {
  y <- Surv(c(1, 2, 3, 4), c(2, 3, 4, 5), type = "interval2")
  y[2, 3] <- 7
  expect_error(fit_ttp(y ~ 1), class = "survresist_error_input")
})

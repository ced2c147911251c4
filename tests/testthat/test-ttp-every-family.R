# What holds in every family: what an interval means, the sign of an effect, strata, weights,
# clusters, the unit of time, covariates of any parameter.

d <- survival::rotterdam[round(seq(1, 2982, length.out = 260)), ]
d$years <- d$rtime / 365.25
d$z <- log1p(d$nodes)
d$arm <- factor(d$hormon)

every_family <- function() {
  list(
    exponential = "exponential", weibull = "weibull", lognormal = "lognormal",
    loglogistic = "loglogistic", gamma = "gamma", gengamma = "gengamma", gompertz = "gompertz",
    pieces = ttp_pieces(c(2, 4)), spline = ttp_spline(knots = 1),
    odds = ttp_spline(knots = 1, link = "odds"), normal = ttp_spline(knots = 1, link = "normal"),
    smooth = ttp_smooth(df = 6)
  )
}

each_family <- function(check, leave = character()) {
  families <- every_family()
  for (name in setdiff(names(families), leave)) check(families[[name]], name)
}

test_that("intervals without width are exact, (0, R] is left-censored at R", {
  d$end <- ifelse(d$recur == 1, d$years, NA)
  d$from <- ifelse(d$recur == 1 & d$years < 3, 0, d$years)
  d$none <- ifelse(d$from == 0, NA, d$from)
  d$by <- ifelse(d$recur == 1, d$years, NA)
  each_family(function(family, name) {
    exact <- fit_ttp(Surv(years, recur) ~ z, d, family = family)
    same <- fit_ttp(Surv(years, end, type = "interval2") ~ z, d, family = family)
    expect_identical(coef(same), coef(exact), label = name)
    zero <- fit_ttp(Surv(from, by, type = "interval2") ~ z, d, family = family)
    left <- fit_ttp(Surv(none, by, type = "interval2") ~ z, d, family = family)
    expect_identical(coef(zero), coef(left), label = name)
    expect_identical(zero$loglik, left$loglik, label = name)
  })
})

test_that("a positive coefficient lengthens time, raises hazard and odds, in every family", {
  at <- data.frame(z = c(0, 2))
  each_family(function(family, name) {
    scales <- fit_ttp(Surv(years, recur) ~ z, d, family = family)$family$scales
    for (scale in scales) {
      fit <- fit_ttp(Surv(years, recur) ~ z, d, family = family, scale = scale)
      # more positive nodes, earlier relapse
      sign <- if (scale == "time") -1 else 1
      expect_gt(sign * coef(fit)[["z"]], 0.2, label = paste(name, scale))
      curve <- predict(fit, at, "survival", times = 3)$estimate
      expect_lt(curve[[2L]], curve[[1L]])
      shift <- 2 * coef(fit)[["z"]]
      moved <- switch(scale,
        hazard = log(curve[[2L]]) / log(curve[[1L]]) - exp(shift),
        odds = qlogis(curve[[1L]]) - qlogis(curve[[2L]]) - shift,
        probit = qnorm(curve[[1L]]) - qnorm(curve[[2L]]) - shift,
        time = curve[[2L]] -
          predict(fit, at[1L, , drop = FALSE], "survival", times = 3 * exp(-shift))$estimate
      )
      expect_lt(abs(moved), 1e-8, label = paste(name, scale))
    }
  })
})

test_that("strata have a baseline each: fits by level", {
  each_family(function(family, name) {
    whole <- fit_ttp(Surv(years, recur) ~ strata(arm), d, family = family)
    parts <- lapply(levels(d$arm), function(level) {
      # knots and cuts are those of the whole
      family <- whole$family
      family$prepare <- NULL
      fit_ttp(Surv(years, recur) ~ 1, d[d$arm == level, ], family = family)
    })
    if (name == "smooth") return(expect_true(whole$convergence$converged)) # lambda is shared
    expect_close(unname(coef(whole)), unname(unlist(lapply(parts, coef))), 1e-6, label = name)
    expect_close(
      whole$loglik[[2L]], sum(vapply(parts, function(fit) fit$loglik[[2L]], 0)), 1e-9, label = name
    )
  })
})

test_that("weights are copies, and clusters make the sandwich of their scores", {
  d$w <- rep_len(1:3, nrow(d))
  copies <- d[rep(seq_len(nrow(d)), d$w), ]
  d$ward <- rep_len(1:40, nrow(d))
  each_family(function(family, name) {
    weighted <- fit_ttp(Surv(years, recur) ~ z, d, family = family, weights = w)
    prepared <- weighted$family
    if (name != "smooth") prepared$prepare <- NULL
    plain <- fit_ttp(Surv(years, recur) ~ z, copies, family = prepared)
    if (name != "smooth") { # whose knots are quantiles of the rows
      expect_close(coef(weighted), coef(plain), 1e-6, label = name)
      expect_close(vcov(weighted), vcov(plain), 1e-5, label = name)
    }
    fit <- fit_ttp(Surv(years, recur) ~ z, d, family = family, cluster = ward)
    score <- rowsum(residuals(fit, type = "score"), d$ward)
    bread <- fit$smooth$bread %||% fit$naive.var # with the penalty, the inverse of all of it
    if (name != "smooth") expect_lt(max(abs(colSums(score)) * sqrt(diag(fit$naive.var))), 1e-5)
    expect_close(
      unname(vcov(fit)), unname(bread %*% crossprod(score) %*% bread), 1e-8,
      label = name
    )
  })
})

test_that("years, days and milliseconds, however the times are censored", {
  d$left <- floor(2 * d$years) / 2
  d$right <- ifelse(d$recur == 1, d$left + 0.5, Inf)
  d <- d[d$left > 0 | is.finite(d$right), ]
  d$is_exact <- seq_len(nrow(d)) %% 2 == 0 & is.finite(d$right)
  d$left[d$is_exact] <- d$right[d$is_exact] <- d$years[d$is_exact]
  d$entry <- ifelse(seq_len(nrow(d)) %% 5 == 0, d$left / 2, 0)
  each_family(function(family, name) {
    ask <- function(unit) {
      moved <- transform(d, left = left * unit, right = right * unit, entry = entry * unit)
      if (name == "pieces") family <- ttp_pieces(c(2, 4) * unit)
      fit_ttp(
        Surv(left, right, type = "interval2") ~ z, moved, family = family, entry = entry
      )
    }
    years <- ask(1)
    for (unit in c(365.25, 365.25 * 864e5)) {
      other <- ask(unit)
      # the smoothing parameter is found to 1 %
      near <- if (name == "smooth") 1e-3 else 1e-6
      expect_close(coef(other)[["z"]], coef(years)[["z"]], near, label = paste(name, unit))
      expect_close(
        other$loglik[[2L]], years$loglik[[2L]] - sum(d$is_exact) * log(unit), near, label = name
      )
    }
  })
})

test_that("covariates of any parameter, as flexsurv's anc has them", {
  skip_if_not_installed("flexsurv")
  fit <- fit_ttp(
    Surv(years, recur) ~ z, d, family = "gengamma", shape = list(`log(sigma)` = ~arm, Q = ~arm)
  )
  peer <- suppressWarnings(flexsurv::flexsurvreg(
    Surv(years, recur) ~ z, data = d, dist = "gengamma", anc = list(sigma = ~arm, Q = ~arm),
    control = list(reltol = 1e-14, maxit = 5000)
  ))
  expect_gt(fit$loglik[[2L]], peer$loglik - 1e-6)
  expect_lt(fit$loglik[[2L]], peer$loglik + 1e-3)
  ours <- coef(fit)[c("z", "log(sigma):arm1", "Q:arm1")]
  expect_close(unname(ours), unname(peer$res[c("z", "sigma(arm1)", "Q(arm1)"), "est"]), 0.01)
})

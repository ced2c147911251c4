# predict() of fit_ttp() against survreg, flexsurv, numeric derivatives and numeric integrals

four <- c("exponential", "weibull", "lognormal", "loglogistic")

# A fit that has everything: strata, own shape, interaction, spline basis, offset, factor
rich_fit <- function(family, scale, data = rotterdam_years()) {
  shape <- if (family != "exponential") ~ splines::ns(age, 2) + arm
  fit_ttp(
    Surv(years, recur) ~ arm * splines::ns(nodes, df = 2) + strata(rank) + offset(z), data,
    family = family, scale = scale, shape = shape
  )
}

test_that("survival, hazard, density and quantiles are those of flexsurv", {
  skip_if_not_installed("flexsurv")
  d <- rotterdam_years()
  dists <- c(exponential = "exp", weibull = "weibull", lognormal = "lnorm", loglogistic = "llogis")
  times <- c(0.01, 1, 5, 40)
  for (family in four) {
    fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, d, family = family)
    peer <- flexsurv::flexsurvreg(
      Surv(years, recur) ~ arm + nodes, data = d, dist = dists[[family]]
    )
    # their estimate, at our coefficients: their optimum is only known to 1e-5
    ours <- coef(fit)
    at <- switch(family,
      exponential = c(-ours[3], -ours[1:2]), weibull = c(ours[4], ours[3], ours[1:2]),
      lognormal = c(ours[3], ours[4], ours[1:2]), loglogistic = c(ours[4], ours[3], ours[1:2])
    )
    expect_lt(max(abs(peer$res.t[, "est"] - at)), 1e-3)
    peer$res.t[, "est"] <- at
    peer$res[, "est"] <- peer$res.t[, "est"]
    here <- c(rate = exp, shape = exp, sdlog = exp, scale = exp)
    for (name in intersect(names(here), rownames(peer$res))) {
      peer$res[name, "est"] <- exp(peer$res[name, "est"])
    }
    theirs <- function(..., type) {
      summary(peer, three_patients, type = type, ci = FALSE, tidy = TRUE, ...)$est
    }
    for (type in c("survival", "cumhaz", "hazard")) {
      expect_close(
        predict(fit, three_patients, type, times)$estimate, theirs(type = type, t = times), 1e-10
      )
    }
    expect_close(
      predict(fit, three_patients, "quantile", p = c(0.1, 0.5, 0.999))$estimate,
      theirs(type = "quantile", quantiles = c(0.1, 0.5, 0.999)), 1e-10
    )
    expect_close(
      predict(fit, three_patients, "rmst", times = c(2, 10))$estimate,
      theirs(type = "rmst", t = c(2, 10)), 1e-6
    )
    if (family != "loglogistic") {
      expect_close(predict(fit, three_patients, "mean")$estimate, theirs(type = "mean"), 1e-6)
    }
  }
})

test_that("quantiles and their standard errors are those of survreg", {
  d <- rotterdam_years()
  p <- c(0.05, 0.5, 0.9)
  for (family in four) {
    fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, d, family = family)
    peer <- survival::survreg(
      Surv(years, recur) ~ arm + nodes, d, dist = family,
      control = list(rel.tolerance = 1e-13, maxiter = 100)
    )
    theirs <- predict(peer, three_patients, type = "quantile", p = p, se.fit = TRUE)
    ours <- predict(fit, three_patients, "quantile", p = p, se.fit = TRUE)
    expect_close(ours$estimate, as.vector(t(theirs$fit)), 1e-8)
    expect_close(ours$std.error, as.vector(t(theirs$se.fit)), 1e-6)
    link <- predict(fit, three_patients, "link", se.fit = TRUE)
    expect_close(link$fit + coef(fit)[["mu"]], predict(peer, three_patients, type = "lp"), 1e-8)
  }
})

test_that("every standard error is that of numeric derivatives", {
  for (scale in c("time", "hazard", "odds")) {
    for (family in if (scale == "time") four[-1] else "lognormal") {
      fit <- rich_fit(family, scale, rotterdam_years(300))
      for (start in if (family == "lognormal") list(0, c(0, 1, 3)) else list(0)) {
        for (type in c("survival", "hazard", "density", "rmst")) {
          ask <- list(fit, newdata = three_patients, type = type, times = c(0.5, 4), start = start)
          expect_close(
            do.call(predict, c(ask, se.fit = TRUE))$std.error, do.call(numeric_errors, ask), 1e-6,
            paste(family, scale, type)
          )
        }
        ask <- list(
          fit, newdata = three_patients, type = "quantile", p = c(0.2, 0.7), start = start
        )
        expect_close(
          do.call(predict, c(ask, se.fit = TRUE))$std.error, do.call(numeric_errors, ask), 1e-6
        )
      }
      ask <- list(fit, newdata = three_patients, type = "hr", times = c(0.5, 4))
      expect_close(
        do.call(predict, c(ask, se.fit = TRUE))$std.error, do.call(numeric_errors, ask), 1e-6
      )
      for (of in c("survival", "rmst")) {
        ask <- list(
          fit, newdata = three_patients, type = "difference", of = of, times = c(0.5, 4),
          reference = three_patients[2, ]
        )
        expect_close(
          do.call(predict, c(ask, se.fit = TRUE))$std.error, do.call(numeric_errors, ask), 1e-6
        )
      }
      ask <- list(fit, newdata = three_patients, type = "mean")
      ours <- do.call(predict, c(ask, se.fit = TRUE))
      if (all(is.finite(ours$estimate))) {
        expect_close(ours$std.error, do.call(numeric_errors, ask), 1e-5)
      }
    }
  }
})

test_that("mean times are the areas under the curve", {
  for (family in c("weibull", "lognormal")) {
    fit <- rich_fit(family, "time")
    row <- three_patients[2, ]
    expect_close(
      predict(fit, row, "rmst", times = c(0, 1, 8, 200))$estimate,
      c(0, vapply(c(1, 8, 200), function(to) area_under(fit, row, 0, to), 0)), 1e-8
    )
    expect_close(
      predict(fit, row, "rmst", times = c(1, 8), start = 2)$estimate,
      c(0, area_under(fit, row, 2, 8, start = 2)), 1e-8
    )
    expect_close(
      predict(fit, row, "mean")$estimate,
      area_under(fit, row, 0, 10) + area_under(fit, row, 10, Inf), 1e-7
    )
    expect_close(
      predict(fit, row, "mean", start = 3)$estimate,
      area_under(fit, row, 3, 10, start = 3) + area_under(fit, row, 10, Inf, start = 3), 1e-7
    )
  }
})

test_that("a derivative that begins late is found, and does not cut panels for ever", {
  n_point <- 0
  integrals <- function(value) {
    n_point <<- 0
    f <- function(cell, x) {
      n_point <<- n_point + length(x)
      cbind(1, value(x))
    }
    integrate_panels(f, 1:2, c(0, 0.5), c(1, 1), 2L, c(1e-11, 1e-9))
  }
  found <- integrals(function(x) pmax(x - 0.99, 0)^4)
  expect_close(found[, 1L], c(1, 0.5), 1e-13)
  expect_close(found[, 2L], rep(0.01^5 / 5, 2L), 1e-9)
  expect_lt(n_point, 1000)
  noise <- integrals(function(x) 1e-14 * sin(1e17 * x))
  expect_close(noise[, 1L], c(1, 0.5), 1e-13)
  expect_lt(max(abs(noise[, 2L])), 1e-14)
  expect_lt(n_point, 1e4)
})

test_that("a restricted mean that ends just after a knot of a smooth hazard has its error", {
  fit <- fit_ttp(Surv(futime, fustat) ~ age, survival::ovarian, ttp_smooth(df = 6))
  knot <- fit$family$setting[[3L]]
  at <- predict(fit, data.frame(age = 50), "rmst", times = knot * (1 + 10^-(2:9)), se.fit = TRUE)
  expect_close(at$std.error, rep(at$std.error[[8L]], 8L), 0.05)
  expect_true(all(diff(at$std.error) < 0))
})

test_that("means with a heavy tail are right up to where they are infinite", {
  d <- rotterdam_years()
  fit <- fit_ttp(Surv(years, recur) ~ 1, d, family = "loglogistic")
  row <- d[1, ]
  for (shape in c(1.02, 1.3, 3, 300)) {
    fit$coefficients[] <- c(1, log(shape))
    # scale * (pi / k) / sin(pi / k)
    expect_close(
      predict(fit, row, "mean")$estimate, exp(1) * (pi / shape) / sin(pi / shape), 1e-9
    )
  }
  fit$coefficients[] <- c(1, log(0.9))
  expect_warning(
    mean <- predict(fit, row, "mean", se.fit = TRUE), class = "survresist_warning_infinite"
  )
  expect_identical(mean$estimate, Inf)
  expect_identical(mean$std.error, NA_real_)
  fit <- fit_ttp(Surv(years, recur) ~ 1, d, family = "lognormal")
  for (sigma in c(0.01, 1, 4)) {
    fit$coefficients[] <- c(2, log(sigma))
    expect_close(predict(fit, row, "mean")$estimate, exp(2 + sigma^2 / 2), 1e-9)
  }
  expect_close(
    predict(fit, row, "quantile", p = 1e-300)$estimate, qlnorm(1e-300, 2, 4), 1e-10
  )
})

test_that("a delayed start conditions on survival up to then", {
  fit <- rich_fit("lognormal", "time")
  times <- c(1, 2, 3, 9)
  plain <- predict(fit, three_patients, times = times)
  at_start <- predict(fit, three_patients, times = 2)$estimate
  given <- predict(fit, three_patients, times = times, start = 2)
  expect_close(given$estimate, pmin(plain$estimate / at_start[plain$.row], 1), 1e-12)
  median <- predict(fit, three_patients, "quantile", p = 0.5, start = c(2, 0, 40))
  for (i in 1:3) {
    expect_close(
      predict(fit, three_patients[i, ], times = median$estimate[[i]], start = c(2, 0, 40)[[i]])$
        estimate, 0.5, 1e-12
    )
  }
})

test_that("limits are Wald's on their scale, and simulation agrees", {
  fit <- rich_fit("weibull", "hazard")
  found <- predict(fit, three_patients, times = c(0, 3), interval = "confidence", level = 0.9)
  se <- found$std.error / abs(found$estimate * log(found$estimate))
  wide <- outer(se, qnorm(c(0.95, 0.05)))
  limits <- exp(-exp(log(-log(found$estimate)) + wide))
  limits[found$time == 0, ] <- 1
  expect_close(cbind(found$conf.low, found$conf.high), limits, 1e-10)
  for (type in c("survival", "rmst", "hr")) {
    delta <- predict(fit, three_patients, type, times = 3, interval = "confidence")
    draws <- predict(
      fit, three_patients, type, times = 3, interval = "confidence", method = "simulation",
      n_sim = 2000, seed = 7
    )
    expect_identical(draws$estimate, delta$estimate)
    is_open <- delta$std.error > 0
    expect_lt(max(abs(draws$std.error / delta$std.error - 1)[is_open]), 0.15)
    expect_lt(max(abs(draws$conf.low - delta$conf.low) / delta$std.error, na.rm = TRUE), 0.4)
  }
  set.seed(1)
  before <- .Random.seed
  predict(
    fit, three_patients, times = 3, se.fit = TRUE, method = "simulation", seed = 3, n_sim = 20
  )
  expect_identical(.Random.seed, before)
})

test_that("rows of the fit are predicted at their own times, and blocks change nothing", {
  d <- rotterdam_years()
  d$nodes[c(2, 9)] <- NA
  fit <- rich_fit("weibull", "time", d)
  own <- predict(fit, se.fit = TRUE)
  expect_identical(own$.row, setdiff(seq_len(nrow(d)), c(2L, 9L)))
  expect_identical(own$time, d$years[own$.row])
  some <- c(1, 50, 300)
  again <- predict(fit, d[own$.row[some], ], times = own$time[some], se.fit = TRUE)
  again <- again[again$time == own$time[some][again$.row], ]
  expect_close(again$estimate, own$estimate[some], 1e-14)
  expect_close(again$std.error, own$std.error[some], 1e-14)
  expect_identical(row_blocks(rep(1:5, each = 3), 7L), list(1:9, 10:15))
  with_missing <- predict(fit, d[1:3, ], times = c(1, 2), interval = "confidence")
  expect_identical(with_missing$.row, rep(1:3, each = 2))
  expect_identical(is.na(with_missing$conf.low), c(FALSE, FALSE, TRUE, TRUE, FALSE, FALSE))
  expect_identical(predict(fit, d[1:3, ], times = 1, na.action = na.omit)$.row, c(1L, 3L))
})

test_that("rows are numbered as they are in the data, whatever was left out of them", {
  d <- rotterdam_years()
  d$nodes[c(3, 11)] <- NA
  d$age[5] <- NA
  fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, d, subset = age > 55)
  found <- predict(fit)
  expect_identical(found$.row, which(d$age > 55 & !is.na(d$nodes)))
  expect_identical(found$time, d$years[found$.row])
})

test_that("time 0 and times far beyond the data have their limits", {
  d <- rotterdam_years()
  for (family in four) {
    fit <- fit_ttp(Surv(years, recur) ~ arm, d, family = family)
    found <- predict(fit, three_patients, times = c(0, 1e12), interval = "confidence")
    expect_identical(found$estimate[found$time == 0], c(1, 1, 1))
    expect_identical(found$std.error[found$time == 0], c(0, 0, 0))
    expect_identical(found$conf.low[found$time == 0], c(1, 1, 1))
    expect_true(all(found$estimate[found$time > 0] < 1e-6))
    expect_false(anyNA(found))
    fit$coefficients[["mu"]] <- 0
    start <- function(log_shape) {
      if (family != "exponential") fit$coefficients[[length(fit$coefficients)]] <- log_shape
      predict(fit, data.frame(arm = "none"), "hazard", times = 0)$estimate
    }
    limits <- list(
      exponential = c(1, 1, 1), weibull = c(Inf, 1, 0), lognormal = c(0, 0, 0),
      loglogistic = c(Inf, 1, 0)
    )
    expect_identical(c(start(-0.5), start(0), start(0.5)), limits[[family]])
  }
})

test_that("a hazard ratio at time 0 is its limit, without an error where that is 0 or infinite", {
  d <- rotterdam_years()
  two <- data.frame(arm = c("none", "tamoxifen"), rank = c("low", "high"))
  families <- list(
    "exponential", "weibull", "lognormal", "loglogistic", "gamma", "gengamma", "gompertz",
    ttp_pieces(c(1, 3)), ttp_spline(knots = 1)
  )
  for (family in families) {
    fit <- fit_ttp(Surv(years, recur) ~ arm, d, family = family)
    found <- predict(fit, two, "hr", times = c(0, 1e-12, 1), interval = "confidence")
    drawn <- predict(
      fit, two, "hr", times = 0, interval = "confidence", method = "simulation", seed = 1
    )
    same <- found[found$.row == 1L, ]
    expect_identical(same$estimate, c(1, 1, 1))
    expect_identical(same$std.error, c(0, 0, 0))
    limit <- found[found$.row == 2L & found$time == 0, ]
    near <- found[found$.row == 2L & found$time == 1e-12, ]
    if (fit$family$name %in% c("lognormal", "gengamma")) { # sooner or later by a factor
      expect_true(limit$estimate %in% c(0, Inf))
      expect_true(all(is.na(limit[c("std.error", "conf.low", "conf.high")])))
      expect_true(is.na(drawn$conf.low[[2L]]))
      at_one <- found$estimate[found$.row == 2L & found$time == 1]
      expect_true(if (limit$estimate == 0) near$estimate < at_one else near$estimate > at_one)
    } else {
      expect_close(limit$estimate, near$estimate, 1e-5)
      expect_close(limit$std.error, near$std.error, 1e-5)
      expect_close(limit$conf.low, near$conf.low, 1e-5)
    }
  }
  shape <- fit_ttp(Surv(years, recur) ~ arm, d, shape = ~rank)
  found <- predict(shape, two, "hr", times = c(0, 1), se.fit = TRUE)
  is_low_steeper <- coef(shape)[["log(shape):ranklow"]] > 0
  expect_identical(found$estimate[found$time == 0], c(1, if (is_low_steeper) Inf else 0))
  expect_identical(is.na(found$std.error), c(FALSE, FALSE, TRUE, FALSE))
  # Inf - Inf, and all curves at their common start
  never <- predict(shape, two, "difference", of = "quantile", p = 1, se.fit = TRUE)
  expect_identical(never$estimate, c(NA_real_, NA_real_))
  start <- predict(shape, two, "difference", of = "cumhaz", times = 0, interval = "confidence")
  expect_identical(start$estimate, c(0, 0))
})

test_that("what cannot be predicted is said", {
  fit <- rich_fit("weibull", "time")
  refused <- function(..., message, class = "survresist_error_input") {
    expect_error(predict(fit, ...), message, class = class)
  }
  refused(three_patients, message = "`times` must be times")
  refused(three_patients, times = -1, message = "not negative")
  refused(three_patients, times = c(1, NA), message = "finite")
  refused(three_patients, "mean", times = 1, message = "no meaning")
  refused(three_patients, "quantile", p = 2, message = "from 0 to 1")
  refused(three_patients, "risk", times = 1, message = "must be one of")
  refused(three_patients, times = 1, level = 95, message = "between 0 and 1")
  refused(three_patients, times = 1, start = 1:2, message = "one for each of the 3 rows")
  refused(three_patients, times = 1, ci = TRUE, message = "not known here")
  refused(three_patients, "hr", times = 1, reference = three_patients, message = "of one row")
  refused(
    three_patients, times = 1, se.fit = TRUE, method = "simulation", n_sim = 1, message = "10 at"
  )
  refused(three_patients[-1], times = 1, message = "`newdata`")
  refused(three_patients[-2], times = 1, message = "strata")
  refused(three_patients[-4], times = 1, message = "age")
  refused(transform(three_patients, rank = "middle"), times = 1, message = "not seen")
  refused(as.list(three_patients), times = 1, message = "data frame")
  d <- rotterdam_years()
  d$left <- floor(d$years)
  d$right <- d$left + 1
  between <- fit_ttp(Surv(left, right, type = "interval2") ~ arm, d)
  expect_error(predict(between), "have intervals", class = "survresist_error_input")
})

test_that("every family predicts: errors are numeric ones, quantiles come back, areas agree", {
  d <- rotterdam_years(300)
  families <- list(
    "gamma", "gengamma", "genf", "gompertz", ttp_pieces(c(1, 4)), ttp_spline(knots = 1),
    ttp_spline(knots = 1, link = "odds"), ttp_spline(knots = 1, link = "normal"),
    ttp_smooth(df = 6)
  )
  row <- three_patients[2, ]
  for (family in families) {
    fit <- suppressWarnings(fit_ttp(Surv(years, recur) ~ arm + nodes, d, family = family))
    for (type in c("survival", "hazard", "rmst")) {
      ask <- list(fit, newdata = row, type = type, times = c(0.3, 5, 30))
      expect_close(
        do.call(predict, c(ask, se.fit = TRUE))$std.error, do.call(numeric_errors, ask), 1e-5,
        paste(fit$title, type)
      )
    }
    p <- c(0.001, 0.2, 0.4)
    quantile <- predict(fit, row, "quantile", p = p, se.fit = TRUE)
    expect_close(1 - predict(fit, row, times = quantile$estimate)$estimate, p, 1e-10)
    expect_close(quantile$std.error, numeric_errors(fit, row, "quantile", p = p), 1e-5)
    expect_close(
      predict(fit, row, "rmst", times = 5)$estimate, area_under(fit, row, 0, 5), 1e-7
    )
  }
})

test_that("a plateau has no late quantile, no mean, and draws that never progress", {
  fit <- suppressWarnings(
    fit_ttp(Surv(years, recur) ~ 1, rotterdam_years(), family = "gompertz")
  )
  fit$coefficients[] <- c(log(0.1), -0.2)
  row <- data.frame(years = 1)
  # H tends to 0.1 / 0.2: S never falls below exp(-0.5)
  plateau <- exp(-0.5)
  found <- predict(fit, row, "quantile", p = c(0.2, 1 - plateau - 1e-6, 1 - plateau + 1e-6, 0.9))
  expect_identical(is.infinite(found$estimate), c(FALSE, FALSE, TRUE, TRUE))
  expect_close(found$estimate[[1]], -log(1 + 2 * log(0.8)) / 0.2, 1e-12)
  expect_close(predict(fit, row, times = 1e9)$estimate, plateau, 1e-12)
  expect_warning(mean <- predict(fit, row, "mean"), class = "survresist_warning_infinite")
  expect_identical(mean$estimate, Inf)
  drawn <- unlist(simulate(fit, nsim = 2000, seed = 5, newdata = row))
  expect_lt(abs(mean(is.infinite(drawn)) - plateau), 0.05)
  expect_true(all(simulate(fit, seed = 5, newdata = row, censoring = 3)$sim_1[, 1] <= 3))
})

test_that("a number given as text, or a factor given as a number, is refused by name", {
  d <- transform(survival::lung, s = factor(sex))
  fit <- fit_ttp(Surv(time, status) ~ s + age, d)
  text <- data.frame(s = c("1", "2"), age = c("50", "60"))
  expect_error(predict(fit, text, times = 100), "age", class = "survresist_error_input")
  number <- data.frame(s = 1:2, age = 50)
  expect_error(
    suppressWarnings(predict(fit, number, times = 100)), "newdata",
    class = "survresist_error_input"
  )
  fine <- data.frame(s = c("1", "2"), age = c(50, 60))
  expect_equal(nrow(predict(fit, fine, times = 100)), 2L)
})

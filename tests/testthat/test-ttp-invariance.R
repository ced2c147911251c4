# What must not change a parametric fit: order of rows, weights for copies, splitting of follow-up,
# recoding of covariates, units of time, threads.

families <- c("exponential", "weibull", "lognormal", "loglogistic")
scales <- c("time", "hazard", "odds")

patients <- local({
  d <- survival::rotterdam[round(seq(1, 2982, length.out = 240)), ]
  d$w <- rep(1:3, 80)
  scan <- 182.625
  d$left <- scan * floor(d$rtime / scan)
  d$right <- ifelse(d$recur == 1, d$left + scan, NA)
  d$left[d$left == 0 & is.na(d$right)] <- 1
  is_exact <- seq_len(240) %% 5 == 0 & d$recur == 1
  d$left[is_exact] <- d$right[is_exact] <- d$rtime[is_exact]
  d$entry <- ifelse(seq_len(240) %% 4 == 0, d$left / 2, 0)
  d
})

mixed <- Surv(left, right, type = "interval2") ~ nodes + log(age) + strata(meno)

fit_mixed <- function(d, family, scale, formula = mixed, has_shape = family != "exponential") {
  environment(formula) <- environment()
  if (is.null(d$copies)) d$copies <- 1
  fit_ttp(
    formula, d, family = family, scale = scale, entry = entry, weights = copies,
    shape = if (has_shape) ~hormon
  )
}

each_model <- function(check) {
  for (family in families) for (scale in scales) check(family, scale)
}

expect_same_fit <- function(a, b, tolerance = 1e-8) {
  expect_close(coef(a), coef(b), tolerance)
  expect_close(vcov(a), vcov(b), 10 * tolerance)
  expect_close(a$loglik, b$loglik, 1e-11)
}

test_that("the order of rows", {
  withr::local_seed(1)
  each_model(function(family, scale) {
    fit <- fit_mixed(patients, family, scale)
    expect_same_fit(fit_mixed(patients[sample(240), ], family, scale), fit)
  })
})

test_that("weights stand for copies", {
  copies <- patients[rep(seq_len(240), patients$w), ]
  weighted_patients <- transform(patients, copies = w)
  each_model(function(family, scale) {
    weighted <- fit_mixed(weighted_patients, family, scale)
    expect_same_fit(weighted, fit_mixed(copies, family, scale))
    expect_identical(weighted$n, 240L)
  })
})

test_that("on the scale of the hazard, follow-up may be split", {
  whole <- patients
  whole$start <- whole$entry / 2
  whole$id <- seq_len(240)
  split <- survival::survSplit(
    Surv(start, rtime, recur) ~ ., whole, cut = c(300, 700, 1500), start = "from", end = "to"
  )
  expect_gt(nrow(split), 500)
  for (family in families) {
    one <- fit_ttp(
      Surv(start, rtime, recur) ~ nodes + log(age), whole, family = family, scale = "hazard"
    )
    several <- fit_ttp(
      Surv(from, to, recur) ~ nodes + log(age), split, family = family, scale = "hazard"
    )
    expect_same_fit(several, one)
  }
})

test_that("an affine recoding of covariates recodes the effects", {
  d <- patients
  d$wide <- 1e5 * d$nodes
  each_model(function(family, scale) {
    fit <- fit_mixed(patients, family, scale)
    other <- fit_mixed(
      d, family, scale, Surv(left, right, type = "interval2") ~ wide + log(age) + strata(meno)
    )
    expect_close(coef(other)[-1L], coef(fit)[-1L], 1e-8)
    expect_close(1e5 * coef(other)[[1L]], coef(fit)[[1L]], 1e-8)
    expect_close(other$loglik, fit$loglik, 1e-11)
  })
  # a shift goes into the baseline where the family is closed under the scale (with one shape a
  # stratum, where the scale is not that of time)
  closed <- list(
    c("exponential", "time"), c("exponential", "hazard"), c("weibull", "time"),
    c("weibull", "hazard"), c("lognormal", "time"), c("loglogistic", "time"),
    c("loglogistic", "odds")
  )
  d$nodes <- d$nodes - 1e3
  for (model in closed) {
    fit <- fit_mixed(patients, model[[1L]], model[[2L]], has_shape = FALSE)
    moved <- fit_mixed(d, model[[1L]], model[[2L]], has_shape = FALSE)
    expect_close(coef(moved)[1:2], coef(fit)[1:2], 1e-6)
    expect_close(moved$loglik[[2L]], fit$loglik[[2L]], 1e-10)
  }
})

test_that("the unit of time", {
  each_model(function(family, scale) {
    fit <- fit_mixed(patients, family, scale)
    for (unit in c(1 / 365.25, 864e5)) {
      d <- patients
      for (column in c("left", "right", "entry")) d[[column]] <- d[[column]] * unit
      other <- fit_mixed(d, family, scale)
      is_location <- startsWith(names(coef(fit)), "mu")
      expect_close(coef(other), coef(fit) + is_location * log(unit), 1e-9)
      expect_close(vcov(other), vcov(fit), 1e-8)
      n_exact <- sum(patients$left == patients$right, na.rm = TRUE)
      expect_close(other$loglik, fit$loglik - n_exact * log(unit), 1e-11)
    }
  })
})

test_that("threads: the same bits", {
  skip_on_cran()
  many <- patients[rep(seq_len(240), 60), ]
  many$left <- many$left * rep(seq(0.9, 1.1, length.out = 60), each = 240)
  many$right <- many$right * rep(seq(0.9, 1.1, length.out = 60), each = 240)
  before <- set_threads(1)
  withr::defer(set_threads(before))
  for (model in list(c("weibull", "time"), c("lognormal", "odds"))) {
    set_threads(1)
    one <- fit_mixed(many, model[[1L]], model[[2L]])
    set_threads(2)
    two <- fit_mixed(many, model[[1L]], model[[2L]])
    parts <- c("coefficients", "var", "loglik")
    expect_identical(two[parts], one[parts])
  }
})

test_that("a large study whose strata come in turn is fitted as any other", {
  # the first rows to be tried are some of all: with every tenth one stratum would be left out
  set.seed(4)
  n <- 6e4
  g <- factor(rep(c("low", "high"), length.out = n), c("low", "high"))
  data <- data.frame(time = rweibull(n, c(1, 2)[g], 3), x = rnorm(n), g)
  sorted <- data[order(data$g), ]
  for (family in c("weibull", "gengamma")) {
    fit <- fit_ttp(Surv(time) ~ x + strata(g), data, family)
    expect_true(fit$convergence$converged)
    expect_close(fit$loglik, fit_ttp(Surv(time) ~ x + strata(g), sorted, family)$loglik, 1e-10)
  }
  # a rare stratum
  data$g <- factor(replace(as.character(data$g), 1:3, "rare"))
  fit <- fit_ttp(Surv(time) ~ x + strata(g), data)
  expect_true(fit$convergence$converged)
  expect_length(fit$strata$level, 3L)
})

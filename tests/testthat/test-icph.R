cosmesis <- utils::read.csv(test_path("ref", "cosmesis.csv"), comment.char = "#")
cosmesis$treatment <- factor(cosmesis$treatment, c("RT", "RCT"))

# never lower than the peer by more than 1e-6, and proven to be the maximum
expect_top <- function(fit, peer, tol_coef = 1e-4) {
  expect_true(fit$certificate$holds)
  expect_lt(fit$certificate$hazard, 1e-8)
  expect_gt(fit$loglik[[2L]], peer$llk - 1e-6)
  # where the peer has come as high, it has the same coefficients
  if (fit$loglik[[2L]] - peer$llk < 1e-7) expect_close(coef(fit), coef(peer), tol_coef)
}

test_that("breast cosmesis is as published", {
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ treatment, cosmesis)
  published <- utils::read.csv(test_path("ref", "cosmesis-answers.csv"), comment.char = "#")
  cox <- published[published$what == "cox", ]
  # the estimate to its three digits, the standard error (there from the profile) to its two
  expect_equal(unname(coef(fit)), cox$value[cox$name == "coef"], tolerance = 0.0005 / 0.797)
  expect_equal(sqrt(fit$var[[1L]]), cox$value[cox$name == "se"], tolerance = 0.005 / 0.29)
  by_group <- fit_icph(Surv(left, right, type = "interval2") ~ strata(treatment), cosmesis)
  for (group in c("RT", "RCT")) {
    want <- published[published$what == "turnbull" & published$name == group, ]
    got <- by_group$baseline[by_group$baseline$stratum == group, ]
    expect_identical(got$from, as.double(want$from))
    expect_identical(got$to, as.double(want$to))
    expect_lt(max(abs(got$mass - want$value)), 6e-5)
  }
  expect_lt(by_group$certificate$mass, 1e-8)
})

test_that("the likelihood is never lower than icenReg's, the coefficients the same", {
  skip_if_not_installed("icenReg")
  data("IR_diabetes", "miceData", package = "icenReg", envir = environment())
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ gender, IR_diabetes)
  expect_top(fit, ic_tight(cbind(left, right) ~ gender, IR_diabetes))
  fit <- suppressWarnings(fit_icph(Surv(l, u, type = "interval2") ~ grp, miceData))
  expect_top(fit, ic_tight(cbind(l, u) ~ grp, miceData))
})

test_that("simulated scans: many and few, at common times and at each patient's own", {
  skip_if_not_installed("icenReg")
  designs <- list(
    list(n = 400, seed = 1, scans = 30), list(n = 400, seed = 2, scans = 5),
    list(n = 300, seed = 3, scans = 20, is_continuous = TRUE), list(n = 60, seed = 4, scans = 8)
  )
  for (design in designs) {
    data <- do.call(scan_trial, design)
    fit <- suppressWarnings(
      fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2 + x3, data)
    )
    peer <- ic_tight(cbind(left, ifelse(is.na(right), Inf, right)) ~ x1 + x2 + x3, data)
    expect_top(fit, peer)
  }
})

test_that("the log-likelihood is that of the definition, with strata and entry too", {
  data <- scan_trial(200, 11, scans = 12)
  data$g <- rep_len(1:2, nrow(data))
  data$entry <- pmax(data$left - 2, 0) * stats::runif(nrow(data))
  right <- ifelse(is.finite(data$right), data$right, Inf)
  fit <- suppressWarnings(fit_icph(
    Surv(left, right, type = "interval2") ~ x1 + strata(g), data, entry = entry
  ))
  eta <- coef(fit) * (data$x1 - fit$means)
  want <- icph_loglik(fit, data$left, right, eta, data$entry, data$g - 1L)
  expect_equal(fit$loglik[[2L]], want, tolerance = 1e-10)
  expect_true(fit$certificate$holds)
})

test_that("without covariates, right-censored data give the Kaplan-Meier curve, also with entry", {
  lung <- survival::lung
  fit <- fit_icph(Surv(time, status) ~ 1, lung)
  curve <- survival::survfit(survival::Surv(time, status) ~ 1, lung)
  at <- summary(curve)
  expect_close(fit$baseline$survival, at$surv, 1e-9)
  expect_identical(fit$baseline$to, at$time)
  # Greenwood's variance is that of this likelihood
  told <- predict(fit, type = "survival", times = at$time, se.fit = TRUE)
  expect_close(told$std.error, at$std.err, 1e-8)
  heart <- survival::heart
  heart <- heart[heart$start > 0 | heart$stop > 5, ]
  fit <- suppressWarnings(fit_icph(Surv(start, stop, event) ~ 1, heart))
  at <- summary(survival::survfit(survival::Surv(start, stop, event) ~ 1, heart))
  expect_close(fit$baseline$survival, at$surv, 1e-9)
  entry <- heart$start
  by_argument <- suppressWarnings(fit_icph(Surv(stop, event) ~ 1, heart, entry = start))
  expect_identical(by_argument$baseline, fit$baseline)
})

test_that("standard errors are those of the information, and of the profile's curvature", {
  data <- scan_trial(500, 21, scans = 10, p = 2L)
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data)
  profile <- function(beta) {
    offset <- drop(as.matrix(data[c("x1", "x2")]) %*% beta)
    fit_icph(
      Surv(left, right, type = "interval2") ~ offset(offset), cbind(data, offset = offset)
    )$loglik[[2L]]
  }
  skip_if_not_installed("numDeriv")
  information <- -numDeriv::hessian(profile, coef(fit))
  expect_close(solve(information), fit$var, 1e-5)
  expect_lt(max(abs(fit$curvature - 1)), 0.01)
  expect_close(numDeriv::grad(profile, coef(fit)) / sqrt(diag(information)), c(0, 0) + 1e-9, 1e3)
})

test_that("the fit does not depend on the order of rows, the unit, weights against copies", {
  data <- scan_trial(150, 31, scans = 9)
  base <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data)
  set.seed(1)
  turned <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data[sample(nrow(data)), ])
  expect_close(coef(turned), coef(base), 1e-10)
  expect_close(turned$var, base$var, 1e-8)
  far <- transform(data, left = 365e6 * left, right = 365e6 * right, x1 = 1e4 + 1e-3 * x1)
  scaled <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, far)
  expect_close(coef(scaled) * c(1e-3, 1), coef(base), 1e-7)
  expect_close(scaled$loglik, base$loglik, 1e-10)
  times <- 1 + seq_len(nrow(data)) %% 3
  copies <- fit_icph(
    Surv(left, right, type = "interval2") ~ x1 + x2, data[rep(seq_len(nrow(data)), times), ]
  )
  weighted <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data, weights = times)
  expect_close(coef(weighted), coef(copies), 1e-9)
  expect_close(weighted$var, copies$var, 1e-8)
  expect_close(weighted$loglik, copies$loglik, 1e-10)
})

test_that("strata are separate fits when the effects are too", {
  data <- scan_trial(240, 41, scans = 8, p = 1L)
  data$g <- factor(rep_len(c("low", "high"), nrow(data)))
  both <- fit_icph(Surv(left, right, type = "interval2") ~ x1:g + strata(g), data)
  each <- lapply(levels(data$g), function(level) {
    fit_icph(Surv(left, right, type = "interval2") ~ x1, data[data$g == level, ])
  })
  expect_close(coef(both), vapply(each, coef, 0), 1e-8)
  expect_close(both$loglik[[2L]], sum(vapply(each, function(fit) fit$loglik[[2L]], 0)), 1e-11)
  one <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + strata(g), data)
  other <- fit_icph(Surv(left, right, type = "interval2") ~ x1, data, strata = g)
  expect_identical(coef(one), coef(other))
  expect_identical(one$baseline, other$baseline)
})

test_that("any number of threads gives the same bits", {
  set.seed(51)
  n <- 60000 # fewer rows stay on one thread
  data <- data.frame(x1 = stats::rnorm(n), x2 = stats::runif(n), left = sample(0:20, n, TRUE))
  data$right <- data$left + sample(c(1, 2, 5, NA), n, TRUE)
  data <- data[data$left > 0 | !is.na(data$right), ]
  old <- set_threads(1)
  on.exit(set_threads(old))
  one <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data)
  set_threads(2)
  two <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data)
  expect_identical(coef(one), coef(two))
  expect_identical(one$nodes, two$nodes)
})

test_that("an aliased column is NA, a coefficient without a maximum is named", {
  data <- scan_trial(120, 61, scans = 8)
  data$twice <- 2 * data$x1
  fit <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + twice + x2, data)
  expect_true(is.na(coef(fit)[["twice"]]))
  alone <- fit_icph(Surv(left, right, type = "interval2") ~ x1 + x2, data)
  expect_close(coef(fit)[c(1, 3)], coef(alone), 1e-8)
  data$none <- ifelse(is.finite(data$right), 0, rep_len(0:1, nrow(data)))
  expect_warning(
    split <- fit_icph(Surv(left, right, type = "interval2") ~ none + x2, data), "no maximum",
    class = "survresist_warning_convergence"
  )
  expect_false(split$convergence$converged)
  expect_output(print(split), "`none`: the likelihood has no maximum")
})

test_that("fewer events than parameters is a warning, though nothing has a maximum", {
  withr::local_seed(1)
  d <- data.frame(t = runif(20, 1, 5), s = c(1, 0, 0, 1, rep(0, 16)), x = rnorm(20), g = gl(2, 10))
  d$e <- rnorm(20)
  expect_warning(
    fit <- suppressWarnings(
      fit_icph(Surv(t, s) ~ x + I(x^2) + g + e, d), classes = "survresist_warning_convergence"
    ),
    "2 events, 4 parameters", class = "survresist_warning_few_events"
  )
  expect_false(fit$convergence$converged)
  expect_match(fit$convergence$message, "no maximum", all = FALSE)
})

test_that("mass that a few early rows draw is told", {
  # two rows enter early and have their event before anybody else enters
  data <- data.frame(
    entry = c(0, 0, rep(3, 40)), left = c(1, 1, 3 + rep(1:4, 10)),
    right = c(2, 2, 3 + rep(c(2:4, NA), 10))
  )
  expect_warning(
    fit <- fit_icph(Surv(left, right, type = "interval2") ~ 1, data, entry = entry),
    "2 rows are at risk and 40 enter later", class = "survresist_warning_estimate"
  )
  expect_true(fit$certificate$holds)
  later <- data[-(1:2), ]
  alone <- fit_icph(Surv(left, right, type = "interval2") ~ 1, later, entry = entry)
  # the jumps after are what they would be without those rows
  expect_close(fit$baseline$hazard[-1L], alone$baseline$hazard, 1e-9)
})

test_that("mixtures of every kind of row, tied and truncated, carry the certificate", {
  # with 110, 607 and 1234 some jumps are told apart by survivors alone: no curvature, but a slope
  seeds <- c(110, 607, 1234, seq(3, 240, by = 3))
  for (seed in seeds) {
    data <- mixed_trial(seed)
    if (!any(is.finite(data$right))) next
    formula <- switch(1 + seed %% 3,
      Surv(left, right, type = "interval2") ~ 1,
      Surv(left, right, type = "interval2") ~ x1 + x2,
      Surv(left, right, type = "interval2") ~ x1 + strata(g)
    )
    fit <- suppressWarnings(fit_icph(formula, data, entry = entry))
    expect_true(fit$certificate$holds, label = paste("certificate of seed", seed))
    if (seed %% 3 != 0) next
    left <- pmax(data$left, data$entry)
    want <- icph_loglik(fit, left, data$right, numeric(nrow(data)), data$entry)
    expect_equal(fit$loglik[[2L]], want, tolerance = 1e-9)
  }
})

test_that("bad input is named", {
  data <- scan_trial(30, 71, scans = 6)
  y <- Surv(left, right, type = "interval2") ~ x1
  crossed <- transform(data, right = replace(right, 3, 0.1))
  crossed$left[[3L]] <- 2
  error <- expect_error(fit_icph(y, crossed), class = "survresist_error_input", "not end before")
  expect_identical(as.character(error$rows), row.names(crossed)[[3L]])
  open <- transform(data, left = replace(left, 4, NA), right = replace(right, 4, NA))
  expect_error(fit_icph(y, open), class = "survresist_error_input", "Both ends")
  expect_error(
    fit_icph(y, data, entry = left + 50), class = "survresist_error_input", "before the event"
  )
  expect_error(
    fit_icph(Surv(left, is.finite(right) & FALSE) ~ x1, data), class = "survresist_error_input",
    "must be an event"
  )
  expect_error(
    fit_icph(Surv(c(0, 1, 2), c(1, 1, 0)) ~ 1), class = "survresist_error_input", "after time 0"
  )
  expect_error(fit_icph(), class = "survresist_error_input")
  expect_error(
    fit_icph(y, data, control = list(eps = 1)), class = "survresist_error_input", "`eps`"
  )
  expect_error(fit_icph(y, data, control = 3), class = "survresist_error_input", "Found `3`")
  expect_error(
    fit_icph(y, data, control = list(tolerance = -1)), class = "survresist_error_input", "positive"
  )
  expect_warning(
    stopped <- fit_icph(y, data, control = list(max_iter = 1, check = FALSE)), "After 1 steps",
    class = "survresist_warning_convergence"
  )
  expect_output(print(stopped), "conditions of a maximum fail")
})

# Fits of the gamma families against flexsurv. Its searches end a little below the maximum: what
# is tested is that ours is never lower.

peer_loglik <- function(formula, data, family) {
  suppressWarnings(flexsurv::flexsurvreg(formula, data = data, dist = family)$loglik)
}

test_that("gamma and generalised gamma fits are never below flexsurv's", {
  skip_if_not_installed("flexsurv")
  withr::local_seed(5)
  relapse <- survival::rotterdam[sample(nrow(survival::rotterdam), 300L), ]
  studies <- list(
    list(Surv(recyrs, censrec) ~ group, flexsurv::bc),
    list(Surv(futime, fustat) ~ age, survival::ovarian),
    list(Surv(rtime, recur) ~ hormon + nodes + age, relapse),
    list(Surv(time, status) ~ sex + age, survival::lung)
  )
  for (family in c("gamma", "gengamma")) {
    for (study in studies) {
      fit <- fit_ttp(study[[1L]], study[[2L]], family = family)
      expect_true(fit$convergence$converged)
      expect_gt(fit$loglik[[2L]], peer_loglik(study[[1L]], study[[2L]], family) - 1e-6)
    }
  }
})

test_that("a generalised gamma fit with its parameters is flexsurv's", {
  skip_if_not_installed("flexsurv")
  fit <- fit_ttp(Surv(recyrs, censrec) ~ group, flexsurv::bc, family = "gengamma")
  peer <- flexsurv::flexsurvreg(
    Surv(recyrs, censrec) ~ group,
    data = flexsurv::bc, dist = "gengamma", control = list(reltol = 1e-14)
  )
  same <- coef(peer)[c("groupMedium", "groupPoor", "mu", "sigma", "Q")]
  expect_close(unname(coef(fit)), unname(same), 1e-4)
  expect_close(fit$loglik[[2L]], peer$loglik, 1e-10)
  expect_lt(fit$convergence$gradient, 1e-6)
})

test_that("generalised F fits run to their border and say so, never below the generalised gamma", {
  skip_if_not_installed("flexsurv")
  expect_warning(
    wide <- fit_ttp(Surv(recyrs, censrec) ~ group, flexsurv::bc, family = "genf"), "log\\(P\\)"
  )
  narrow <- fit_ttp(Surv(recyrs, censrec) ~ group, flexsurv::bc, family = "gengamma")
  expect_false(wide$convergence$converged)
  expect_close(wide$loglik[[2L]], narrow$loglik[[2L]], 1e-8)
  expect_close(coef(wide)[1:5], coef(narrow), 1e-4)
  expect_match(wide$convergence$message[[2L]], "gengamma")
  # so near the border that the likelihood is flat to the last digit, it still says so
  expect_warning(
    far <- fit_ttp(
      Surv(recyrs, censrec) ~ group, flexsurv::bc, family = "genf", init = c(coef(narrow), -60)
    ),
    "P runs to 0"
  )
  expect_lt(far$convergence$gradient, 1e-9)
  fit <- fit_ttp(Surv(time, status) ~ sex + age, survival::lung, family = "genf")
  expect_true(fit$convergence$converged)
  peer <- peer_loglik(Surv(time, status) ~ sex + age, survival::lung, "genf")
  expect_gt(fit$loglik[[2L]], peer - 1e-6)
})

test_that("a generalised gamma is found next to its limits, and with shapes in the hundreds", {
  withr::local_seed(6)
  n <- 400L
  x <- rnorm(n)
  times <- list(
    lognormal = exp(1 + 0.3 * x + 0.5 * rnorm(n)),
    weibull = exp(1 + 0.3 * x + 0.5 * log(rexp(n))),
    frechet = exp(1 + 0.3 * x - 0.5 * log(rexp(n)))
  )
  expected <- c(lognormal = 0, weibull = 1, frechet = -1)
  for (name in names(times)) {
    study <- data.frame(time = pmin(times[[name]], 8), status = +(times[[name]] < 8), x)
    fit <- fit_ttp(Surv(time, status) ~ x, study, family = "gengamma")
    expect_true(fit$convergence$converged)
    error <- (coef(fit)[["Q"]] - expected[[name]]) / sqrt(vcov(fit)["Q", "Q"])
    expect_lt(abs(error), 3.5)
    if (name == "lognormal") {
      fixed <- fit_ttp(Surv(time, status) ~ x, study, family = "lognormal")
      expect_gt(fit$loglik[[2L]], fixed$loglik[[2L]] - 1e-8)
    }
  }
  # flexsurv stops at such shapes: "initial value in vmmin is not finite"
  study <- data.frame(time = rgamma(n, 400, 400 / exp(3 + 0.05 * x)), x)
  fit <- fit_ttp(Surv(time) ~ x, study, family = "gamma")
  expect_true(fit$convergence$converged)
  se <- sqrt(diag(vcov(fit)))
  expect_lt(abs(coef(fit)[["log(shape)"]] - log(400)), 4 * se[["log(shape)"]])
  expect_lt(abs(coef(fit)[["x"]] - 0.05), 4 * se[["x"]])
  wide <- fit_ttp(Surv(time) ~ x, study, family = "gengamma")
  expect_true(wide$convergence$converged)
  expect_gt(wide$loglik[[2L]], fit$loglik[[2L]] - 1e-8)
})

test_that("interval-censored gamma families are fitted as well", {
  withr::local_seed(7)
  time <- rgamma(300L, 3, exp(-0.4 * rep(0:1, 150L)))
  left <- floor(2 * time) / 2
  study <- data.frame(
    left = ifelse(left == 0, NA, left), right = ifelse(left > 4, NA, left + 0.5), x = rep(0:1, 150L)
  )
  study$left[left > 4] <- 4.5
  formula <- Surv(left, right, type = "interval2") ~ x
  gamma <- fit_ttp(formula, study, family = "gamma")
  wide <- fit_ttp(formula, study, family = "gengamma")
  expect_true(gamma$convergence$converged && wide$convergence$converged)
  expect_gt(wide$loglik[[2L]], gamma$loglik[[2L]] - 1e-8)
  expect_lt(abs(coef(gamma)[["x"]] - 0.4), 4 * sqrt(vcov(gamma)["x", "x"]))
  skip_if_not_installed("flexsurv")
  expect_gt(gamma$loglik[[2L]], peer_loglik(formula, study, "gamma") - 1e-6)
  expect_gt(wide$loglik[[2L]], peer_loglik(formula, study, "gengamma") - 1e-6)
})

test_that("rows whose shapes differ are those of one shape each", {
  w <- seq(-3, 3, by = 0.25)
  for (family in list(family_gengamma(), family_genf())) {
    theta <- cbind(0, 0, 0.4, -1)[rep(1L, length(w)), seq_along(family$theta)]
    hazard <- ttp_hazard(family, "time")
    alone <- hazard_table(hazard, w, theta, order = 2L)
    mixed <- hazard_table(
      hazard, c(w, 0), rbind(theta, replace(theta[1L, ], 3L, 0.7)),
      order = 2L
    )
    rows <- seq_along(w) # the power series of cells, and the integrals themselves
    expect_close(mixed$cum[rows], alone$cum, 1e-14)
    expect_close(mixed$haz[rows], alone$haz, 1e-14)
    expect_close(mixed$cum_first[rows, ], alone$cum_first, 1e-13)
    expect_close(mixed$haz_first[rows, ], alone$haz_first, 1e-13)
    expect_close(mixed$cum_second[rows, ], alone$cum_second, 1e-12)
    expect_close(mixed$haz_second[rows, ], alone$haz_second, 1e-12)
  }
})

test_that("a row that says nothing changes nothing, however light the lower tail", {
  set.seed(3)
  d <- data.frame(time = 10 * stats::rexp(400)^(-1 / 100), status = 1)
  alone <- fit_ttp(Surv(time, status) ~ 1, d, family = "gengamma")
  early <- fit_ttp(
    Surv(time, status) ~ 1, rbind(d, data.frame(time = 0.005, status = 0)), family = "gengamma"
  )
  expect_true(early$convergence$converged)
  expect_lt(coef(early)[["Q"]], -0.5)
  expect_close(coef(early), coef(alone), 1e-7)
  expect_close(vcov(early), vcov(alone), 1e-6)
  expect_equal(early$loglik, alone$loglik, tolerance = 1e-12)
})

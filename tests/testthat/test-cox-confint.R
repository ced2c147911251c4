# The value of twice the fall of the log-likelihood with one coefficient held, by coxph's offset.
profile_fall <- function(fit, formula, name, data) {
  function(value) {
    data$held <- value * data[[name]]
    held <- survival::coxph(formula, data, ties = fit$method, control = tight)
    2 * (fit$loglik[2] - held$loglik[2])
  }
}

test_that("Wald intervals are those of coxph", {
  library(survival)
  fit <- fit_cox(Surv(time, status) ~ age + I(2 * age) + sex, lung, cluster = inst)
  expect_equal(confint(fit), confint(as_coxph(fit)), tolerance = 1e-12)
  expect_equal(
    confint(fit, "sex", level = 0.9), confint(as_coxph(fit), "sex", level = 0.9), tolerance = 1e-12
  )
  expect_identical(confint(fit, 3), confint(fit, "sex"))
  expect_error(confint(fit, "race"), "race", class = "survresist_error_input")
  expect_error(confint(fit, level = 95), "level", class = "survresist_error_input")
  expect_error(confint(fit, method = "profile"), "robust", class = "survresist_error_unsupported")
})

test_that("profile limits lie where the likelihood has fallen by the quantile", {
  library(survival)
  fit <- fit_cox(Surv(futime, fustat) ~ age + rx + ecog.ps, ovarian, control = tight)
  found <- confint(fit, method = "profile")
  expect_identical(dimnames(found), dimnames(confint(fit)))
  fall <- profile_fall(fit, Surv(futime, fustat) ~ age + ecog.ps + offset(held), "rx", ovarian)
  expect_close(c(fall(found["rx", 1]), fall(found["rx", 2])), rep(stats::qchisq(0.95, 1), 2), 1e-8)
  fall <- profile_fall(fit, Surv(futime, fustat) ~ rx + ecog.ps + offset(held), "age", ovarian)
  expect_close(
    c(fall(found["age", 1]), fall(found["age", 2])), rep(stats::qchisq(0.95, 1), 2), 1e-8
  )

  veteran$w <- veteran$diagtime / 5
  fit <- fit_cox(
    Surv(time, status) ~ karno + celltype + strata(trt), veteran,
    weights = w, robust = FALSE, ties = "breslow", control = tight
  )
  found <- confint(fit, "karno", level = 0.99, method = "profile")
  fall <- function(value) {
    veteran$held <- value * veteran$karno
    held <- coxph(
      Surv(time, status) ~ celltype + offset(held) + strata(trt), veteran,
      weights = w, robust = FALSE, ties = "breslow", control = tight
    )
    2 * (fit$loglik[2] - held$loglik[2])
  }
  expect_close(c(fall(found[1]), fall(found[2])), rep(stats::qchisq(0.99, 1), 2), 1e-8)
})

test_that("aliased coefficients have no interval, (start, stop] data have", {
  library(survival)
  fit <- fit_cox(Surv(start, stop, event) ~ age + I(2 * age) + transplant, heart, control = tight)
  found <- confint(fit, method = "profile")
  expect_identical(unname(is.na(found[, 1])), c(FALSE, TRUE, FALSE))
  fall <- profile_fall(fit, Surv(start, stop, event) ~ transplant + offset(held), "age", heart)
  expect_close(c(fall(found[1, 1]), fall(found[1, 2])), rep(stats::qchisq(0.95, 1), 2), 1e-8)
})

test_that("a side without a maximum has an infinite limit, Firth's has a finite one", {
  library(survival)
  d <- data.frame(
    time = 1:10, status = 1, x = rep(1:0, c(4, 6)), z = c(1, 3, 2, 5, 2, 4, 7, 3, 2, 1) / 10
  )
  fit <- suppressWarnings(fit_cox(Surv(time, status) ~ x + z, d))
  found <- confint(fit, "x", method = "profile")
  expect_identical(found[[2]], Inf)
  fall <- profile_fall(fit, Surv(time, status) ~ z + offset(held), "x", d)
  expect_close(fall(found[[1]]), stats::qchisq(0.95, 1), 1e-6)
  d$x <- 1 - d$x
  fit <- suppressWarnings(fit_cox(Surv(time, status) ~ x + z, d))
  expect_close(confint(fit, "x", method = "profile"), -rev(found), 1e-6)
  fit <- fit_cox(Surv(time, status) ~ x + z, d, firth = TRUE, ties = "breslow")
  expect_true(all(is.finite(confint(fit, method = "profile"))))
  skip_if_not_installed("coxphf")
  peer <- coxphf::coxphf(Surv(time, status) ~ x + z, d)
  found <- confint(fit, method = "profile")
  expect_close(found[, 1], log(peer$ci.lower), 1e-5)
  expect_close(found[, 2], log(peer$ci.upper), 1e-5)
})

test_that("the exact likelihood has no profile here", {
  fit <- fit_cox(Surv(futime, fustat) ~ age, survival::ovarian, ties = "exact")
  expect_error(confint(fit, method = "profile"), "exact", class = "survresist_error_unsupported")
})

test_that("vcov, logLik, nobs and AIC are those of coxph", {
  library(survival)
  fit <- fit_cox(Surv(time, status) ~ age + I(2 * age) + sex, lung)
  peer <- coxph(Surv(time, status) ~ age + I(2 * age) + sex, lung)
  expect_equal(vcov(fit), vcov(peer), tolerance = 1e-8)
  expect_equal(vcov(fit, complete = FALSE), vcov(peer, complete = FALSE), tolerance = 1e-8)
  expect_equal(logLik(fit), logLik(peer), tolerance = 1e-10)
  expect_identical(nobs(fit), nobs(peer))
  expect_equal(c(AIC(fit), BIC(fit)), c(AIC(peer), BIC(peer)), tolerance = 1e-10)
  expect_equal(extractAIC(fit), extractAIC(peer), tolerance = 1e-10)
  expect_equal(extractAIC(fit_cox(Surv(time, status) ~ 1, lung))[1], 0)
})

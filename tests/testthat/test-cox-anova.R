expect_anova <- function(found, wanted, tol = 1e-8) {
  part <- names(attributes(wanted))
  expect_identical(attributes(found)[part], attributes(wanted))
  for (j in names(wanted)) expect_close(found[[j]], wanted[[j]], tol)
}

test_that("anova() of one fit is anova.coxph()", {
  library(survival)
  expect_terms <- function(...) {
    fit <- do.call(fit_cox, list(..., control = tight))
    expect_anova(anova(fit), anova(as_coxph(fit)))
  }
  expect_terms(Surv(time, status) ~ age + sex + ph.ecog, lung)
  expect_terms(Surv(time, status) ~ age * sex + factor(ph.ecog) + strata(inst), lung)
  expect_terms(Surv(time, status) ~ karno * celltype + strata(trt), veteran, ties = "breslow")
  expect_terms(Surv(start, stop, event) ~ age + surgery + transplant, heart)
  expect_terms(Surv(futime, fustat) ~ age + rx, ovarian, ties = "exact")
  expect_terms(Surv(time, status) ~ age + I(2 * age) + sex, lung)
})

refitted <- function(formulas, data) {
  vapply(formulas, function(formula) {
    fit <- do.call(survival::coxph, list(formula, data, data$w, robust = FALSE, control = tight))
    fit$loglik[length(fit$loglik)]
  }, 0)
}

test_that("anova() is right with weights, offset and init", {
  # anova.coxph of survival 3.8-12 fits the smaller models without weights, and takes the first line
  # from `init`; the models are fitted one by one here
  library(survival)
  veteran$w <- veteran$diagtime
  fit <- fit_cox(
    Surv(time, status) ~ karno + offset(age / 50) + celltype + strata(trt), veteran,
    weights = w, init = c(0.1, 0, 0, 0), robust = FALSE, control = tight
  )
  wanted <- refitted(list(
    Surv(time, status) ~ offset(age / 50) + strata(trt),
    Surv(time, status) ~ karno + offset(age / 50) + strata(trt),
    Surv(time, status) ~ karno + offset(age / 50) + celltype + strata(trt)
  ), veteran)
  found <- anova(fit)
  expect_close(found$loglik, wanted)
  expect_close(found$Chisq[-1], 2 * diff(wanted))
  expect_identical(found$Df, c(NA, 1L, 3L))
  expect_gt(abs(anova(as_coxph(fit))$loglik[2] - wanted[2]), 1)
})

test_that("several fits are compared as anova.coxph() does", {
  library(survival)
  null <- fit_cox(Surv(time, status) ~ 1, veteran)
  small <- fit_cox(Surv(time, status) ~ karno, veteran)
  large <- fit_cox(Surv(time, status) ~ karno + celltype, veteran)
  expect_anova(
    anova(null, small, large), anova(as_coxph(null), as_coxph(small), as_coxph(large))
  )
  expect_identical(names(anova(small, large, test = FALSE)), c("loglik", "Chisq", "Df"))
  expect_identical(nrow(anova(null)), 1L)
  expect_error(
    anova(small, fit_cox(Surv(time, status) ~ karno, veteran[-1, ])), "same rows",
    class = "survresist_error_input"
  )
  expect_error(
    anova(small, fit_cox(Surv(time, status) ~ karno + strata(trt), veteran)), "strata",
    class = "survresist_error_input"
  )
  expect_error(
    anova(small, fit_cox(Surv(time, status) ~ karno, veteran, ties = "breslow")), "ties",
    class = "survresist_error_input"
  )
  expect_error(anova(small, stats::lm(time ~ 1, veteran)), "Cox", class = "survresist_error_input")
  expect_warning(
    anova(small, fit_cox(Surv(time, status == 1) ~ karno, veteran)), "response",
    class = "survresist_warning"
  )
  expect_warning(anova(small, tset = "Chisq"), "tset", class = "survresist_warning")
})

test_that("there is no likelihood ratio with a robust variance", {
  library(survival)
  fit <- fit_cox(Surv(time, status) ~ karno, veteran, robust = TRUE)
  expect_error(anova(fit), "robust", class = "survresist_error_unsupported")
})

test_that("penalised fits are compared with one determinant", {
  library(survival)
  fit <- fit_cox(Surv(futime, fustat) ~ age + rx, ovarian, firth = TRUE, ties = "breslow")
  found <- anova(fit)
  tested <- cox_firth_tests(
    cox_data(cbind(ovarian$age, ovarian$rx), cbind(ovarian$futime, ovarian$fustat)), "breslow",
    list(coefficients = fit$coefficients, var = fit$var, loglik = fit$loglik), tight, c(TRUE, TRUE)
  )
  expect_close(found$Chisq[3], tested[2, "chisq"], 1e-6)
  expect_error(anova(fit, fit), "penalt", class = "survresist_error_unsupported")
  skip_if_not_installed("coxphf")
  peer <- coxphf::coxphf(Surv(futime, fustat) ~ age + rx, ovarian)
  # the units of the columns shift both by the same
  expect_close(diff(found$loglik[c(1, 3)]), diff(peer$loglik), 1e-4)
})

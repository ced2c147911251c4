# Progression-free and overall survival of a trial in lung cancer by arm, against survreg()

test_that("OAK: both endpoints by arm", {
  oak <- skip_without_shared("oak_outcomes.csv")
  oak$arm <- factor(oak$arm)
  oak <- oak[oak$pfs_time > 0 & oak$os_time > 0, ]
  expect_gt(nrow(oak), 190)
  for (family in c("exponential", "weibull", "lognormal", "loglogistic")) {
    for (endpoint in c("pfs", "os")) {
      outcome <- sprintf("Surv(%s_time, %s_event)", endpoint, endpoint)
      for (terms in list("arm", c("arm", "age", "sex", "ecog", "log(sld)"))) {
        formula <- stats::reformulate(terms, str2lang(outcome))
        fit <- fit_ttp(formula, oak, family = family)
        peer <- survival::survreg(
          formula, oak, dist = family, control = list(rel.tolerance = 1e-13, maxiter = 100)
        )
        expect_true(fit$convergence$converged)
        expect_identical(fit$n, length(peer$linear.predictors))
        expect_close(fit$loglik, peer$loglik, 1e-10)
        expect_close(coef(fit)[fit$effects], coef(peer)[-1L], 1e-8)
        at <- c(length(fit$effects) + 1L, fit$effects)
        theirs <- peer$var[seq_along(at), seq_along(at)]
        expect_close(unname(vcov(fit)[at, at]), unname(theirs), 1e-6)
      }
      # an own shape and an own baseline by arm
      own <- fit_ttp(stats::reformulate("strata(arm)", str2lang(outcome)), oak, family = family)
      expect_true(own$convergence$converged)
      if (family == "exponential") next
      shaped <- fit_ttp(stats::reformulate("arm", str2lang(outcome)), oak, family = family,
        shape = ~arm)
      peer <- survival::survreg(
        stats::reformulate(c("arm", "strata(arm)"), str2lang(outcome)), oak, dist = family,
        control = list(rel.tolerance = 1e-13, maxiter = 100)
      )
      expect_close(shaped$loglik[[2L]], peer$loglik[[2L]], 1e-10)
      expect_close(own$loglik[[2L]], peer$loglik[[2L]], 1e-10)
      expect_close(coef(shaped)[[1L]], coef(peer)[[2L]], 1e-7)
    }
  }
})

# A fit without events, and models without coefficients: what follows them has coxph's values,
# names and tables, wherever coxph's own methods get through.

lung <- transform(survival::lung, none = 0)
formulas <- list(
  Surv(time, none) ~ age + sex, Surv(time, none) ~ age, Surv(time, none) ~ age + strata(sex),
  Surv(time, none) ~ age + offset(sex / 10), Surv(time, none) ~ 1, Surv(time, none) ~ strata(sex),
  Surv(time, status) ~ 1, Surv(time, status) ~ strata(sex),
  Surv(time, status) ~ offset(age / 100), Surv(time, status) ~ offset(age / 100) + strata(sex)
)
fits <- lapply(formulas, function(formula) {
  list(
    ours = suppressWarnings(fit_cox(formula, lung)),
    theirs = survival::coxph(formula, lung), label = deparse1(formula)
  )
})

# Calls `method` on both; where coxph's stops, ours must not stop with a bare error.
expect_like_coxph <- function(fit, label, method) {
  theirs <- tryCatch(method(fit$theirs), error = function(e) NULL)
  ours <- tryCatch(method(fit$ours), survresist_error = function(e) NULL)
  if (is.null(theirs)) return(FALSE)
  testthat::expect_equal(
    ours, theirs, tolerance = 1e-8, label = paste(fit$label, label), expected.label = "coxph's"
  )
  TRUE
}

test_that("predictions have coxph's values and row names", {
  n_compared <- 0
  for (fit in fits) {
    for (type in c("lp", "risk", "expected", "terms", "survival")) {
      for (reference in c("strata", "sample", "zero")) {
        for (se.fit in c(FALSE, TRUE)) {
          n_compared <- n_compared + expect_like_coxph(
            fit, paste(type, reference, se.fit),
            function(object) predict(object, type = type, reference = reference, se.fit = se.fit)
          )
        }
      }
    }
  }
  expect_gt(n_compared, 150)
})

test_that("residuals have coxph's values and row names", {
  n_compared <- 0
  for (fit in fits) {
    for (type in c("martingale", "deviance", "score", "schoenfeld", "dfbeta", "scaledsch")) {
      n_compared <- n_compared +
        expect_like_coxph(fit, type, function(object) residuals(object, type))
    }
  }
  expect_gt(n_compared, 30)
})

test_that("anova() of a fit without events gives coxph's table: nothing explains nothing", {
  for (k in 1:4) {
    ours <- anova(fits[[k]]$ours)
    expect_equal(ours, anova(fits[[k]]$theirs))
    expect_true(all(ours$loglik == 0))
  }
  expect_equal(anova(fits[[2]]$ours, fits[[1]]$ours), anova(fits[[2]]$theirs, fits[[1]]$theirs))
  # a model without terms has one line, where coxph's method stops
  expect_identical(rownames(anova(fits[[5]]$ours)), "NULL")
})

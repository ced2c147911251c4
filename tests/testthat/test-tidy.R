expect_table <- function(found, wanted) {
  expect_identical(names(found), names(wanted))
  expect_identical(dim(found), dim(wanted))
  for (column in names(wanted)) {
    if (is.numeric(wanted[[column]]) && !inherits(wanted[[column]], "Surv")) {
      expect_close(found[[column]], wanted[[column]], 1e-8, column)
    } else {
      expect_equal(found[[column]], wanted[[column]], ignore_attr = TRUE)
    }
  }
}

test_that("tidy() and glance() have broom's columns and values", {
  skip_if_not_installed("broom")
  library(survival)
  for (robust in c(FALSE, TRUE)) {
    fit <- fit_cox(Surv(time, status) ~ age + sex + strata(inst), lung, robust = robust)
    peer <- coxph(Surv(time, status) ~ age + sex + strata(inst), lung, robust = robust)
    expect_table(tidy(fit), broom::tidy(peer))
    expect_table(
      tidy(fit, exponentiate = TRUE, conf.int = TRUE, conf.level = 0.9),
      broom::tidy(peer, exponentiate = TRUE, conf.int = TRUE, conf.level = 0.9)
    )
    expect_table(glance(fit), broom::glance(peer))
  }
  expect_identical(tidy(fit), broom::tidy(fit))
})

test_that("augment() has broom's columns and values", {
  skip_if_not_installed("broom")
  library(survival)
  fit <- fit_cox(Surv(time, status) ~ age + ph.ecog, lung)
  peer <- coxph(Surv(time, status) ~ age + ph.ecog, lung)
  expect_table(augment(fit), broom::augment(peer))
  expect_table(augment(fit, lung), broom::augment(peer, lung))
  expect_table(
    augment(fit, lung, type.residuals = "deviance", type.predict = "risk"),
    broom::augment(peer, lung, type.residuals = "deviance", type.predict = "risk")
  )
  expect_table(augment(fit, newdata = lung[10:15, ]), broom::augment(peer, newdata = lung[10:15, ]))
  padded <- fit_cox(Surv(time, status) ~ age + ph.ecog, lung, na.action = na.exclude)
  found <- augment(padded, lung)
  expect_identical(nrow(found), nrow(lung))
  expect_identical(which(is.na(found$.resid)), which(is.na(lung$ph.ecog)))
  expect_identical(augment(padded), augment(fit)) # what the fit used has no row to pad
  expect_error(augment(fit, lung[1:9, ]), "newdata", class = "survresist_error_input")
  expect_error(augment(fit, newdata = 1:3), "data frame", class = "survresist_error_input")
})

test_that("aliased coefficients, models without any, profile limits and Firth fits have a table", {
  library(survival)
  aliased <- tidy(fit_cox(Surv(time, status) ~ age + I(2 * age), lung), conf.int = TRUE)
  expect_identical(aliased$term, c("age", "I(2 * age)"))
  expect_true(all(is.na(aliased[2, -1])))
  null <- fit_cox(Surv(time, status) ~ 1, lung)
  expect_identical(dim(tidy(null)), c(0L, 5L))
  expect_identical(glance(null)$nevent, 165)
  expect_true(is.na(glance(null)$p.value.log))
  fit <- fit_cox(Surv(futime, fustat) ~ age + rx, ovarian, firth = TRUE)
  found <- tidy(fit, conf.int = TRUE)
  expect_identical(found$conf.low, unname(confint(fit, method = "profile")[, 1]))
  found <- tidy(fit, conf.int = TRUE, conf.method = "wald")
  expect_identical(found$conf.low, unname(confint(fit, method = "wald")[, 1]))
  expect_s3_class(found, "tbl_df")
})

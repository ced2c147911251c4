test_that("the robust variance and score are those of coxph", {
  for (name in c("colon", "cgd", "bladder")) {
    fit <- follow_fits()[[name]]
    expect_close(fit$ours$var, fit$theirs$var, 1e-8)
    expect_close(fit$ours$naive.var, fit$theirs$naive.var, 1e-8)
    expect_close(fit$ours$rscore, fit$theirs$rscore, 1e-8)
    expect_close(fit$ours$wald.test, fit$theirs$wald.test, 1e-8)
  }
  alone <- fit_cox(
    Surv(time, status) ~ age + sex, survival::lung, robust = TRUE, weights = ph.karno + 1,
    control = tight
  )
  theirs <- survival::coxph(
    Surv(time, status) ~ age + sex, survival::lung, robust = TRUE, weights = ph.karno + 1,
    control = tight
  )
  expect_close(alone$var, theirs$var, 1e-8)
  expect_close(alone$rscore, theirs$rscore, 1e-8)
})

test_that("clusters of one row are no clusters, and codes only name the groups", {
  lung <- survival::lung[complete.cases(survival::lung[c("ph.ecog", "inst")]), ]
  x <- cbind(lung$age, lung$sex, lung$ph.ecog)
  data <- cox_data(x, cbind(lung$time, lung$status - 1), NULL, as.double(lung$ph.karno))
  lp <- 0.01 * lung$age
  robust <- function(cluster) cox_robust(data, lp, NULL, diag(3), "efron", cluster)
  expect_close(robust(seq_len(nrow(lung)))$var, robust(NULL)$var, 1e-12)
  codes <- match(lung$inst, unique(lung$inst))
  expect_close(robust(max(codes) + 1L - codes)$var, robust(codes)$var, 1e-12)
})

test_that("it is the crossproduct of the collapsed dfbeta", {
  fit <- follow_fits()$colon
  dfbeta <- residuals(fit$ours, "dfbeta", collapse = TRUE)
  expect_close(fit$ours$var, crossprod(dfbeta), 1e-12)
  score <- cox_score_residuals(
    cox_parts_data(cox_rebuild(fit$ours)), numeric(fit$ours$n), "efron", weighted = TRUE
  )
  score <- rowsum(score, cox_rebuild(fit$ours)$cluster)
  total <- colSums(score)
  expect_close(fit$ours$rscore, drop(total %*% solve(crossprod(score), total)), 1e-8)
})

test_that("a covariate that depends on the others has no variance and no part in the test", {
  lung <- survival::lung
  ours <- fit_cox(
    Surv(time, status) ~ age + I(2 * age) + sex, lung, cluster = inst, control = tight
  )
  theirs <- survival::coxph(
    Surv(time, status) ~ age + I(2 * age) + sex, lung, cluster = inst, control = tight
  )
  expect_close(ours$var, theirs$var, 1e-8)
  expect_close(ours$rscore, theirs$rscore, 1e-6)
  expect_identical(ours$var[2, ], numeric(3))
})

test_that("the robust score test does not depend on the units of the covariates", {
  # coxph() takes a column for aliased when its variance is 1e-12 of another's: with age in units of
  # 1e-4 years and sex in units of 1e4 it drops sex from the test.
  lung <- survival::lung
  plain <- fit_cox(Surv(time, status) ~ age + sex, lung, cluster = inst)
  lung$age <- lung$age * 1e4
  lung$sex <- lung$sex * 1e-4
  scaled <- fit_cox(Surv(time, status) ~ age + sex, lung, cluster = inst)
  theirs <- survival::coxph(Surv(time, status) ~ age + sex, lung, cluster = inst)
  expect_close(scaled$rscore, plain$rscore, 1e-8)
  expect_gt(abs(theirs$rscore / plain$rscore - 1), 0.1)
})

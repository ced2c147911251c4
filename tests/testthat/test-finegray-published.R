reference <- function(file) {
  utils::read.csv(test_path("ref", file), comment.char = "#", stringsAsFactors = TRUE)
}

# Scrucca, Santucci and Aversa (2010), the Fine-Gray model of relapse after transplantation
test_that("the published table of the transplants comes out", {
  d <- reference("finegray-bmt.csv")
  d$state <- factor(d$status, 0:2, c("none", "relapse", "death"))
  d$sex <- relevel(d$sex, "M")
  d$phase <- relevel(d$phase, "Relapse")
  fit <- fit_finegray(Surv(time, state) ~ sex + disease + phase + source + age, d)
  table <- reference("finegray-bmt-table.csv")
  ours <- tidy(fit)
  expect_identical(ours$term, as.character(table$term))
  expect_equal(round(ours$estimate, 4), table$estimate)
  expect_equal(round(sqrt(unname(diag(vcov(fit)))), 4), table$std.error)
  expect_equal(fit$nevent, 56)
})

# Pintilie (2006), as TH Scheike and MJ Zhang, J Stat Softw 38(2) (2011), doi:10.18637/jss.v038.i02,
# describe the patients: 272 relapsed or did not respond, 76 died in remission, 193 were censored;
# age 57 (standard deviation 14), haemoglobin 138 (15), median follow-up 5.5 years. Their regression
# is another estimator (comp.risk(), weighted binomial equations), so its table is not ours.
test_that("follicular lymphoma is as published", {
  d <- reference("finegray-follic.csv")
  expect_equal(unname(c(table(d$status))), c(193, 272, 76))
  expect_equal(round(c(mean(d$age), sd(d$age), sd(d$hgb))), c(57, 14, 15))
  expect_equal(floor(mean(d$hgb)), 138)
  expect_equal(round(median(d$time) / 365.25, 1), 5.5)
  d$state <- factor(d$status, 0:2, c("none", "relapse", "death"))
  curves <- fit_cif(Surv(time, state) ~ 1, d)
  last <- nrow(curves$pstate)
  # an incidence at the end of follow-up is not less than the share who were seen to have the event
  expect_true(all(curves$pstate[last, 2:3] >= c(272, 76) / 541))
  expect_equal(sum(curves$pstate[last, ]), 1, tolerance = 1e-12)
})

test_that("follicular lymphoma with competing death: crr() and finegray() agree with us", {
  d <- reference("finegray-follic.csv")
  d$state <- factor(d$status, 0:2, c("none", "relapse", "death"))
  fit <- fit_finegray(
    Surv(time, state) ~ age + hgb + clinstg + ch, d, variance = "model", control = tight
  )
  expect_equal(c(fit$n, fit$nevent, fit$n_competing), c(541, 272, 76))
  expanded <- survival::finegray(Surv(time, state) ~ ., d[names(d) != "status"])
  peer <- survival::coxph(
    Surv(fgstart, fgstop, fgstatus) ~ age + hgb + clinstg + ch, expanded, weights = fgwt,
    ties = "breslow", control = tight, robust = FALSE
  )
  expect_close(coef(fit), coef(peer), 1e-8)
  expect_close(vcov(fit), vcov(peer), 1e-8)
  skip_if_not_installed("cmprsk")
  # no censoring at the time of a relapse
  d <- d[!(d$status == 0 & d$time %in% d$time[d$status == 1]), ]
  d[c("age", "hgb")] <- scale(d[c("age", "hgb")]) # crr() stops early with columns as they are
  fit <- fit_finegray(Surv(time, state) ~ age + hgb + clinstg + ch, d, control = tight)
  peer <- cmprsk::crr(d$time, d$status, model.matrix(fit), gtol = 1e-12, maxiter = 50)
  expect_close(coef(fit), peer$coef, 1e-8)
})

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

# Pintilie (2006): 541 patients, of whom 272 relapsed or did not respond, 76 died in remission
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

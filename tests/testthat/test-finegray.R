# monoclonal gammopathy: plasma cell malignancy, death competing; times in months
gammopathy <- local({
  d <- survival::mgus2
  d$time <- ifelse(d$pstat == 0, d$futime, d$ptime)
  d$state <- factor(ifelse(d$pstat == 0, 2 * d$death, 1), 0:2, c("censored", "pcm", "death"))
  d$id <- seq_len(nrow(d))
  d[stats::complete.cases(d[c("age", "sex", "mspike", "hgb")]), ]
})

# breast cancer: relapse, death without it competing; times in days
relapse <- local({
  d <- survival::rotterdam
  d$state <- factor(
    ifelse(d$recur == 1, 1, ifelse(d$death == 1, 2, 0)), 0:2, c("none", "relapse", "death")
  )
  d$time <- ifelse(d$recur == 1, d$rtime, d$dtime)
  d$id <- seq_len(nrow(d))
  d
})

test_that("finegray() and coxph() give the same, for both kinds of ties", {
  expanded <- survival::finegray(
    Surv(time, state) ~ ., gammopathy[c("time", "state", "age", "sex", "mspike")], etype = "pcm"
  )
  for (ties in c("breslow", "efron")) {
    peer <- survival::coxph(
      Surv(fgstart, fgstop, fgstatus) ~ age + sex + mspike, expanded, weights = fgwt,
      ties = ties, control = tight, robust = FALSE
    )
    fit <- fit_finegray(
      Surv(time, state) ~ age + sex + mspike, gammopathy, cause = "pcm", ties = ties,
      variance = "model", control = tight
    )
    expect_close(coef(fit), coef(peer), 1e-8)
    expect_close(vcov(fit), vcov(peer), 1e-8)
    expect_close(fit$loglik, peer$loglik, 1e-8)
    expect_identical(names(coef(fit)), names(coef(peer)))
  }
})

test_that("the other cause, and days with many ties, agree too", {
  expanded <- survival::finegray(
    Surv(time, state) ~ ., relapse[c("time", "state", "age", "nodes", "hormon")], etype = "death"
  )
  peer <- survival::coxph(
    Surv(fgstart, fgstop, fgstatus) ~ age + nodes + hormon, expanded, weights = fgwt,
    ties = "efron", control = tight, robust = FALSE
  )
  fit <- fit_finegray(
    Surv(time, state) ~ age + nodes + hormon, relapse, cause = "death", ties = "efron",
    variance = "model", control = tight
  )
  expect_close(coef(fit), coef(peer), 1e-8)
  expect_close(vcov(fit), vcov(peer), 1e-8)
})

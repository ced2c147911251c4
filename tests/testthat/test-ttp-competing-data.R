# The real studies with death competing: OAK by arm (progression, and death without it) and the
# Rotterdam patients (relapse, and death without it), through fit_cif(), fit_finegray(), fit_ttp(),
# absolute_risk() and the peers of each.

rotterdam <- finegray_relapse()
rotterdam$years <- rotterdam$time / 365.25

expect_competing <- function(data, effects, cause, group) {
  formula <- stats::reformulate(effects, quote(Surv(years, state)))
  # what share has had it by then: Aalen and Johansen, as survfit() and cuminc() have it
  by_group <- stats::reformulate(group, quote(Surv(years, state)))
  curves <- fit_cif(by_group, data)
  peer <- survival::survfit(by_group, data)
  expect_close(curves$pstate, peer$pstate, 1e-10)
  expect_close(curves$std.err, peer$std.err, 1e-8)
  # what changes that share
  fit <- fit_finegray(formula, data, cause = cause, variance = "model", control = tight)
  expanded <- survival::finegray(
    stats::reformulate(".", quote(Surv(years, state))), data[c("years", "state", effects)],
    etype = cause
  )
  peer <- survival::coxph(
    stats::reformulate(effects, quote(Surv(fgstart, fgstop, fgstatus))), expanded, weights = fgwt,
    ties = "breslow", control = tight, robust = FALSE
  )
  expect_close(coef(fit), coef(peer), 1e-8)
  expect_close(vcov(fit), vcov(peer), 1e-8)
  if (!requireNamespace("cmprsk", quietly = TRUE)) return(invisible())
  tests <- cmprsk::cuminc(data$years, data$state, data[[group]], cencode = levels(data$state)[1L])
  ours <- curves$gray
  theirs <- tests$Tests[match(ours$cause, rownames(tests$Tests)), "stat"]
  expect_close(ours$statistic, theirs, 1e-6)
}

# From a hazard of each cause to the share that has had it, by integral, near the observed one
expect_absolute <- function(data, group, levels, at, within) {
  causes <- levels(data$state)[-1L]
  fits <- lapply(stats::setNames(nm = causes), function(cause) {
    data$seen <- data$state == cause
    fit_ttp(
      stats::reformulate(sprintf("strata(%s)", group), quote(Surv(years, seen))), data,
      family = ttp_spline(knots = 2)
    )
  })
  new <- stats::setNames(data.frame(levels), group)
  risk <- absolute_risk(fits, new, times = at)
  observed <- summary(
    fit_cif(stats::reformulate(group, quote(Surv(years, state))), data), times = at
  )$pstate
  for (cause in causes) {
    ours <- risk$estimate[risk$cause == cause]
    expect_lt(max(abs(ours - observed[, match(cause, levels(data$state))])), within)
  }
}

test_that("rotterdam: relapse with death competing", {
  rotterdam$meno <- factor(rotterdam$meno)
  expect_equal(c(table(rotterdam$state)), c(none = 1269, relapse = 1518, death = 195))
  expect_competing(rotterdam, c("age", "nodes", "hormon"), "relapse", "meno")
  expect_absolute(rotterdam, "meno", levels(rotterdam$meno), c(2, 5, 8), within = 0.02)
})

test_that("OAK: progression with death competing, by arm", {
  oak <- skip_without_shared("oak_outcomes.csv")
  oak <- oak[oak$pfs_time > 0, ]
  oak$arm <- factor(oak$arm)
  oak$years <- oak$pfs_time
  # an event of progression-free survival at the time of death was a death
  is_death <- oak$pfs_event & oak$os_event & oak$os_time <= oak$pfs_time + 1e-8
  oak$state <- factor(
    ifelse(!oak$pfs_event, 0, ifelse(is_death, 2, 1)), 0:2, c("none", "progression", "death")
  )
  expect_gt(min(table(oak$state)), 5)
  oak$treated <- as.numeric(oak$arm == levels(oak$arm)[[2L]])
  expect_competing(oak, c("treated", "age"), "progression", "arm")
  # a standard error of the observed shares is 0.05
  expect_absolute(oak, "arm", levels(oak$arm), c(0.2, 0.5, 1), within = 0.05)
  # the hazard of either is that of progression-free survival
  both <- fit_ttp(Surv(pfs_time, pfs_event) ~ arm, oak, family = "weibull", scale = "hazard")
  expect_true(both$convergence$converged)
  survival <- standardise(both, by = "arm", times = 0.5, type = "rmst", contrast = "difference")
  expect_true(is.finite(survival$estimate) && survival$std.error > 0)
})

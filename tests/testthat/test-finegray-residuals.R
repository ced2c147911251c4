gammopathy <- finegray_gammopathy()

test_that("martingale residuals are coxph()'s on the rows of finegray(), summed by subject", {
  expanded <- survival::finegray(
    Surv(time, state) ~ age + mspike + id, gammopathy, etype = "pcm"
  )
  for (ties in c("breslow", "efron")) {
    peer <- survival::coxph(
      Surv(fgstart, fgstop, fgstatus) ~ age + mspike, expanded, weights = fgwt, ties = ties,
      control = tight, robust = FALSE
    )
    fit <- fit_finegray(Surv(time, state) ~ age + mspike, gammopathy, ties = ties,
                        control = tight, variance = "robust")
    expect_close(
      residuals(fit), rowsum(residuals(peer) * expanded$fgwt, expanded$id)[, 1L], 1e-8
    )
    score <- residuals(peer, type = "score", weighted = TRUE)
    expect_close(residuals(fit, type = "score"), rowsum(score, expanded$id), 1e-8)
    expect_close(
      residuals(fit, type = "dfbeta"),
      residuals(peer, type = "dfbeta", collapse = expanded$id, weighted = TRUE), 1e-8
    )
    ours <- residuals(fit, type = "schoenfeld")
    theirs <- residuals(peer, type = "schoenfeld")
    expect_close(
      ours[order(as.numeric(rownames(ours)), ours[, 1L]), ],
      theirs[order(as.numeric(rownames(theirs)), theirs[, 1L]), ], 1e-8
    )
  }
})

test_that("the scores give the variance back, and pad rows that were left out", {
  d <- simulate_finegray(200, 31)
  d$a[c(3, 50)] <- NA
  fit <- fit_finegray(
    Surv(time, state) ~ a + b, d, weights = w, na.action = na.exclude, censoring = ~ b
  )
  shift <- residuals(fit, type = "dfbeta")
  expect_identical(which(is.na(shift[, "a"])), c(`3` = 3L, `50` = 50L))
  expect_close(crossprod(shift[-c(3, 50), ]), vcov(fit), 1e-10)
  expect_length(residuals(fit), 200L)
  skip_if_not_installed("sandwich")
  expect_close(sandwich::sandwich(fit), vcov(fit), 1e-10)
})

test_that("the test of proportionality is cox.zph()'s on the rows of finegray()", {
  expanded <- survival::finegray(
    Surv(time, state) ~ age + sex + mspike, gammopathy, etype = "pcm"
  )
  for (ties in c("breslow", "efron")) {
    peer <- survival::coxph(
      Surv(fgstart, fgstop, fgstatus) ~ age + sex + mspike, expanded, weights = fgwt,
      ties = ties, control = tight, robust = FALSE
    )
    fit <- fit_finegray(
      Surv(time, state) ~ age + sex + mspike, gammopathy, ties = ties, control = tight
    )
    for (transform in c("identity", "log")) {
      theirs <- survival::cox.zph(peer, transform)
      ours <- zph(fit, transform)
      expect_close(ours$table, theirs$table, 1e-8)
      expect_identical(dimnames(ours$table), dimnames(theirs$table))
      expect_close(ours$x, theirs$x, 1e-10)
      expect_close(
        ours$y[order(ours$time, ours$y[, 1L]), ], theirs$y[order(theirs$time, theirs$y[, 1L]), ],
        1e-8
      )
      expect_close(ours$var, theirs$var, 1e-8)
    }
  }
  # a function is the clock at each time; "km" is the cumulative incidence just before it
  expect_close(zph(fit, function(t) 2 * t + 1)$table, zph(fit, "identity")$table, 1e-8)
  incidence <- survival::survfit(Surv(time, state) ~ 1, gammopathy)
  before <- c(0, incidence$pstate[, "pcm"])[
    findInterval(zph(fit)$time, incidence$time, left.open = TRUE) + 1L
  ]
  expect_close(zph(fit)$x, before, 1e-8)
  expect_error(zph(fit, function(t) 1), class = "survresist_error_input")
  expect_error(zph(fit, "clock"), class = "survresist_error_input")
})

test_that("the test has strata, aliased columns and a Cox model of censoring", {
  d <- simulate_finegray(300, 32)
  d$twice <- 2 * d$a
  fit <- fit_finegray(Surv(time, state) ~ a + twice + b + strata(s), d, censoring = ~ a)
  found <- zph(fit, "rank")
  expect_identical(rownames(found$table), c("a", "b", "GLOBAL"))
  expect_identical(levels(found$strata), levels(d$s))
  expect_length(found$time, fit$nevent)
  expect_true(all(is.finite(found$y)))
})

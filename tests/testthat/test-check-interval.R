# What every model for interval-censored data asks of its response

request_for <- function(formula, data = NULL, call = quote(fit(formula))) {
  list(formula = formula, data = data, call = call)
}

expect_refused <- function(object, pattern, rows = NULL) {
  error <- expect_error(object, pattern, class = "survresist_error_input")
  if (!is.null(rows)) expect_identical(as.integer(error$rows), as.integer(rows))
}

test_that("every form of Surv() becomes an interval", {
  left <- c(1, NA, 0, 3, 2, 5)
  right <- c(2, 5, 3, NA, 2, Inf)
  parts <- interval_parts(survival::Surv(left, right, type = "interval2"), NULL, letters[1:6])
  expect_identical(parts$left, c(1, 0, 0, 3, 2, 5))
  expect_identical(parts$right, c(2, 5, 3, Inf, 2, Inf))
  expect_identical(parts$kind, c("interval", "left", "left", "right", "exact", "right"))
  expect_null(parts$entry)
  coded <- survival::Surv(c(1, 5, 3, 2), c(2, 1, 1, 1), c(3, 2, 0, 1), type = "interval")
  parts <- interval_parts(coded, c(0, 0, 0, 0), 1:4)
  expect_identical(parts$left, c(1, 0, 3, 2))
  expect_identical(parts$right, c(2, 5, Inf, 2))
  expect_null(parts$entry)
  parts <- interval_parts(survival::Surv(c(4, 6), c(0, 1), type = "left"), NULL, 1:2)
  expect_identical(parts$left, c(0, 6))
  expect_identical(parts$right, c(4, 6))
  parts <- interval_parts(survival::Surv(c(0, 1), c(4, 6), c(1, 0)), NULL, 1:2)
  expect_identical(parts$entry, c(0, 1))
  expect_identical(parts$right, c(4, Inf))
})

test_that("who enters is known to be free of the event until then", {
  y <- survival::Surv(c(NA, 1), c(5, 4), type = "interval2")
  parts <- interval_parts(y, c(2, 0.5), 1:2)
  expect_identical(parts$left, c(2, 1))
})

test_that("times that no likelihood can use are named by row", {
  surv <- survival::Surv
  expect_refused(interval_parts(surv(c(1, 0), c(1, 1)), NULL, 1:2), "after time 0", 2)
  expect_refused(
    interval_parts(surv(c(0, 2), c(0, 1), type = "left"), NULL, 1:2), "after time 0", 1
  )
  expect_refused(interval_parts(surv(c(1, -2), c(1, 0)), NULL, 1:2), "not be negative", 2)
  expect_refused(interval_parts(surv(c(1, Inf), c(1, 0)), NULL, 1:2), "finite", 2)
  y <- surv(c(1, 3), c(2, NA), type = "interval2")
  expect_refused(interval_parts(y, c(2, 0), 1:2), "before the event", 1)
  expect_refused(interval_parts(y, c(0, 4), 1:2), "before the event", 2)
  expect_refused(interval_parts(y, c(0, NA), 1:2), "finite and not negative", 2)
  expect_refused(interval_parts(y, c("0", "1"), 1:2), "must be numbers")
  expect_refused(
    interval_parts(surv(c(0, 1), c(4, 6), c(1, 0)), c(0, 1), 1:2), "cannot be given"
  )
  right <- interval_parts(surv(c(1, 2), c(0, 0)), NULL, 1:2)
  expect_refused(check_interval_events(right), "must be an event")
})

test_that("rows that Surv() makes NA are named before na.action hides them", {
  data <- data.frame(l = c(1, 2, NA), r = c(2, 1, NA), s = c(1, 0, 5))
  wanted <- request_for(survival::Surv(l, r, type = "interval2") ~ 1, data)
  expect_refused(stop_interval_response(wanted), "must not end before", 2)
  expect_refused(check_interval_ends(wanted), "one end", 3)
  wanted$call <- quote(fit(formula, subset = 1))
  expect_null(check_interval_ends(wanted))
  expect_refused(stop_interval_response(request_for(Surv(l, r, s) ~ 1, data)), "after it begins", 2)
  expect_refused(stop_interval_response(request_for(Surv(l, s) ~ 1, data)), "Found 5", 3)
  made_before <- request_for(y ~ 1, data)
  expect_refused(stop_interval_response(made_before), "cannot use")
})

test_that("a response that is no interval is refused", {
  expect_error(
    check_interval_response(survival::Surv(1:2, factor(c("a", "b"))), y ~ 1), "multi-state",
    class = "survresist_error_unsupported"
  )
  expect_refused(check_interval_response(1:3, y ~ 1), "survival object")
  expect_null(check_interval_response(survival::Surv(1:2, 2:3, type = "interval2"), y ~ 1))
})

test_that("the fast way and the ordinary way to intervals give the same fit", {
  set.seed(11)
  n <- 200
  time <- stats::rexp(n, 1 / 8)
  seen <- data.frame(
    left = 2 * floor(time / 2), right = 2 * floor(time / 2) + 2, x = stats::rnorm(n),
    g = factor(sample(c("low", "high"), n, TRUE))
  )
  seen$right[time > 15] <- NA
  seen$left[1:3] <- c(NA, 0, -Inf)
  seen$right[1:6] <- c(2, 2, 2, NA, Inf, 3)
  seen$left[4:6] <- c(2, 0, 3)
  seen$x[7] <- NA
  fits <- lapply(c(TRUE, FALSE), function(fast) {
    old <- options(survresist.fast = fast)
    on.exit(options(old))
    formula <- Surv(left, right, type = "interval2") ~ x + strata(g)
    list(ttp = fit_ttp(formula, seen), icph = fit_icph(formula, seen))
  })
  for (model in c("ttp", "icph")) {
    for (part in c("coefficients", "var", "loglik", "y", "strata", "xlevels", "na.action", "n")) {
      expect_identical(fits[[1L]][[model]][[part]], fits[[2L]][[model]][[part]], label = part)
    }
  }
  refused <- lapply(c(TRUE, FALSE), function(fast) {
    old <- options(survresist.fast = fast)
    on.exit(options(old))
    crossed <- transform(seen, left = replace(left, 9, 50), right = replace(right, 9, 3))
    open <- transform(seen, left = replace(left, 9, NA), right = replace(right, 9, Inf))
    lapply(list(crossed, open), function(data) {
      tryCatch(
        fit_ttp(Surv(left, right, type = "interval2") ~ x, data),
        survresist_error_input = conditionMessage
      )
    })
  })
  expect_identical(refused[[1L]], refused[[2L]])
  expect_match(refused[[1L]][[1L]], "must not end before it begins")
  expect_match(refused[[1L]][[2L]], "Both ends are missing")
})

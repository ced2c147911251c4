# Death between scans in fit_ttp(): what each method makes of it

test_that("last_scan censors there, pfs has the event between scan and death", {
  d <- scanned_patients(300)
  dead <- is.na(d$right) & d$os_status == 1
  expect_gt(sum(dead), 40)
  plain <- fit_ttp(Surv(left, right, type = "interval2") ~ arm, d)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm, d, death = Surv(os_time, os_status),
    death_method = "last_scan"
  )
  expect_identical(coef(fit), coef(plain))
  expect_identical(fit$loglik, plain$loglik)
  expect_output(print(fit), sprintf("Deaths without progression seen: %d, censored", sum(dead)))

  d$either <- ifelse(dead, d$os_time, d$right)
  plain <- fit_ttp(Surv(left, either, type = "interval2") ~ arm, d)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm, d, death = Surv(os_time, os_status),
    death_method = "pfs"
  )
  expect_identical(coef(fit), coef(plain))
  expect_identical(vcov(fit), vcov(plain))
  expect_equal(fit$nevent, plain$nevent)
  expect_identical(fit$death[c("before", "after")], list(
    before = sum(dead), after = sum(!is.na(d$right) & d$os_status == 1)
  ))
  expect_output(print(fit), sprintf("Deaths without progression seen: %d, events", sum(dead)))
  # the data again: the response that was used, and the deaths
  expect_identical(unclass(sr_rebuild(fit)$y)[, ], unclass(fit$y)[, ])
  expect_s3_class(model.frame(fit)[["(death)"]], "Surv")
  expect_equal(coef(update(fit, death_method = "last_scan")), coef(
    fit_ttp(Surv(left, right, type = "interval2") ~ arm, d)
  ))
})

test_that("right-censored responses, strata, entry and missing deaths", {
  d <- scanned_patients(300)
  d$time <- ifelse(is.na(d$right), d$left, d$right)
  d$status <- !is.na(d$right)
  d <- d[d$time > 0, ]
  d$entry <- pmin(d$time / 2, 3)
  d$os_time[3:5] <- NA
  d$end <- ifelse(!d$status & d$os_status == 1, d$os_time, ifelse(d$status, d$time, NA))
  fit <- fit_ttp(
    Surv(time, status) ~ strata(arm), d, death = Surv(os_time, os_status == 1),
    death_method = "pfs", entry = entry
  )
  plain <- fit_ttp(
    Surv(time, end, type = "interval2") ~ strata(arm), d[-(3:5), ], entry = entry
  )
  expect_equal(coef(fit), coef(plain), tolerance = 1e-12)
  expect_identical(unname(c(fit$na.action)), 3:5)
})

test_that("survival need not be attached for Surv() in `death`", {
  d <- scanned_patients(100)
  call <- quote(survresist::fit_ttp(
    Surv(left, right, type = "interval2") ~ arm, d, death = Surv(os_time, os_status),
    death_method = "pfs"
  ))
  bare <- new.env(parent = baseenv())
  bare$d <- d
  environment(call[[2L]]) <- NULL
  expect_s3_class(eval(call, bare), "sr_ttp")
})

test_that("what death cannot be is refused, by row", {
  d <- scanned_patients(60)
  fit <- function(data = d, method = "pfs", ...) {
    fit_ttp(
      Surv(left, right, type = "interval2") ~ arm, data, death = Surv(os_time, os_status),
      death_method = method, ...
    )
  }
  refused <- function(object, text, rows = NULL) {
    found <- expect_error(object, text, class = "survresist_error_input")
    expect_identical(as.integer(found$rows), as.integer(rows))
  }
  found_row <- which(!is.na(d$right))[[2L]]
  free_row <- which(is.na(d$right) & d$left > 1)[[2L]]
  refused(fit(transform(d, os_time = replace(os_time, free_row, 1))), "after death or the last",
    free_row)
  refused(
    fit(transform(d, os_time = replace(os_time, found_row, right[found_row] - 0.5))),
    "Progression cannot be found after", found_row
  )
  refused(fit(transform(d, os_time = replace(os_time, 7, -1))), "not negative", 7L)
  refused(fit(transform(d, os_time = replace(os_time, 7, Inf))), "finite", 7L)
  refused(
    fit(transform(d, left = replace(left, 7, 0), right = replace(right, 7, NA),
      os_time = replace(os_time, 7, 0), os_status = replace(os_status, 7, 1))),
    "after time 0", 7L
  )
  refused(fit(transform(d, os_status = replace(os_status, 9:10, 4))), "status of `death`", 9:10)
  formula <- Surv(left, right, type = "interval2") ~ arm
  refused(fit_ttp(formula, d, death = os_time, death_method = "pfs"), "must be `Surv")
  refused(
    fit_ttp(formula, d, death = Surv(left, os_time, os_status), death_method = "pfs"),
    "must be `Surv"
  )
  refused(fit_ttp(formula, d, death_method = "pfs"), "which is missing")
  refused(fit(method = "censor"), "must be one of")
  expect_error(
    fit_ttp(
      Surv(left, os_time + 1, os_status) ~ arm, d, death = Surv(os_time, os_status),
      death_method = "pfs"
    ),
    "one row a person", class = "survresist_error_unsupported"
  )
})

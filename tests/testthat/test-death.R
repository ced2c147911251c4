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

# --- illness-death --------------------------------------------------------------------------------

# C's data and coefficients of a fit of Weibull hazards on the scale of hazard; time unit 1
illness_at <- function(d, families = list("weibull", "weibull", "weibull"), entry = NULL,
                       scales = rep("hazard", 3L), weights = NULL) {
  y <- survival::Surv(d$left, d$right, type = "interval2")
  parts <- death_parts(
    y, entry, survival::Surv(d$os_time, d$os_status), as.character(seq_len(nrow(d)))
  )
  times <- c(list(ttp_times(y, entry, NULL)), illness_times(parts))
  frame <- list(n = nrow(d), x_names = "arm", x = cbind(arm = as.double(d$arm)), weights = weights)
  paths <- Map(function(times, family, scale) {
    family <- if (is.character(family)) ttp_family(family) else family
    list(
      bundle = ttp_bundle(frame, times, list(), 0), hazard = ttp_hazard(family, scale)
    )
  }, times, families, scales)
  illness_bundle(parts, paths, weights, 0)
}

test_that("rows are those of adaptive integrals, for hazards of any shape", {
  d <- scanned_patients(60)
  d[1:2, "left"] <- d[1:2, "right"] <- pmin(d$os_time[1:2], c(5, 60)) # exact progression
  d$left[3] <- d$os_time[3]
  d$right[3] <- NA # known to be free of progression at the end
  d$left[4] <- 1e-6 # a scan at once, then none
  d$right[4] <- d$os_time[4]
  at <- illness_at(d)
  expect_true(all(0:2 %in% at[[3L]]))
  for (shapes in list(c(0.3, 0.1, 0.2), c(-1, 0.5, -0.7), c(1.2, -0.5, 1), c(-1.8, 0, 0))) {
    coef <- c(
      -0.5, log(45), shapes[[1]], 0.3, log(150), shapes[[2]], 0.2, log(60), shapes[[3]]
    )
    slow <- oracle_illness(
      d, oracle_weibull(coef[2], coef[3], coef[1] * d$arm),
      oracle_weibull(coef[5], coef[6], coef[4] * d$arm),
      oracle_weibull(coef[8], coef[9], coef[7] * d$arm)
    )
    fine <- .Call(C_illness_rows, at, rep(4L, nrow(d)), coef)
    expect_close(fine$loglik, slow, 1e-9)
    # the nodes that a fit would choose: as if all were fixed there
    chosen <- run_illness(at, coef, rep(1L, 9L), list(max_iter = 1L, eps = 1e-6))
    expect_lt(chosen$change, 1e-8)
    expect_lt(max(abs(chosen$loglik[[2L]] - sum(slow))), 1e-7)
    expect_close(chosen$loglik[[2L]], .Call(C_illness_value, at, rep(4L, nrow(d)), coef)$loglik,
      1e-11)
  }
})

test_that("derivatives are those of central differences, for each path and kind of row", {
  d <- scanned_patients(50, seed = 3)
  d$left[1:2] <- d$right[1:2] <- pmin(d$os_time[1:2], c(5, 60))
  d$left[3] <- d$os_time[3]
  d$right[3] <- NA
  entry <- pmin(d$left / 2, 4)
  weights <- rep_len(c(1, 2.5), 50)
  kinds <- list(
    list(list("weibull", "lognormal", "exponential"), c("time", "hazard", "odds")),
    list(list("loglogistic", "gompertz", "weibull"), c("odds", "hazard", "time")),
    list(list(ttp_pieces(c(10, 30)), "weibull", ttp_pieces(50)), rep("hazard", 3L))
  )
  start <- list(
    exponential = 4, weibull = c(4, 0.2), lognormal = c(4, 0), loglogistic = c(4, 0.3),
    gompertz = c(-4, 0.005), pieces = c(-4.2, -4, -3.8)
  )
  for (kind in kinds) {
    at <- illness_at(d, kind[[1L]], entry, kind[[2L]], weights)
    coef <- unlist(lapply(at[[2L]], function(hazard) {
      c(0.3, utils::head(start[[hazard[[1L]]]], hazard[[4L]]))
    }))
    level <- rep(2L, 50L)
    value <- function(coef) .Call(C_illness_value, at, level, coef)
    here <- value(coef)
    for (j in seq_along(coef)) {
      up <- value(replace(coef, j, coef[[j]] + 1e-5))
      down <- value(replace(coef, j, coef[[j]] - 1e-5))
      size <- sqrt(here$info[j, j])
      expect_lt(abs((up$loglik - down$loglik) / 2e-5 - here$gradient[[j]]) / size, 1e-5)
      gap <- (down$gradient - up$gradient) / 2e-5 - here$info[j, ]
      expect_lt(max(abs(gap / size / sqrt(diag(here$info)))), 1e-6)
    }
    rows <- .Call(C_illness_rows, at, level, coef)
    expect_close(sum(weights * rows$loglik), here$loglik, 1e-12)
    n_theta <- at[[2L]][[1L]][[4L]]
    expect_close(
      colSums(weights * rows$score)[1L + seq_len(n_theta)], here$gradient[1L + seq_len(n_theta)],
      1e-10
    )
  }
})

test_that("without deaths it is censoring by intervals", {
  d <- scanned_patients(80)
  d$os_status <- 0L
  at <- illness_at(d)
  coef <- c(-0.4, 3.8, 0.3, 0, 800, 0, 0, 800, 0)
  plain <- .Call(C_ttp_value, at[[1L]][[1L]], at[[2L]][[1L]], coef[1:3])
  both <- .Call(C_illness_value, at, rep(3L, 80L), coef)
  expect_close(both$loglik, plain$loglik, 1e-11)
  expect_close(both$gradient[1:3], plain$gradient, 1e-9)
  expect_close(both$info[1:3, 1:3], plain$info, 1e-9)
})

formula_of_scans <- Surv(left, right, type = "interval2") ~ arm

fit_both <- function(d, formula = formula_of_scans, ...) {
  call <- match.call(expand.dots = FALSE)
  eval(as.call(c(
    quote(fit_ttp), list(formula, quote(d)), call[["..."]],
    list(death = quote(Surv(os_time, os_status)))
  )), list(d = d), parent.frame())
}

test_that("the fit is the maximum, finds the truth, and says all three hazards", {
  d <- scanned_patients(3000, seed = 11)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm, d, scale = "hazard",
    death = Surv(os_time, os_status)
  )
  expect_true(fit$convergence$converged)
  truth <- c(-0.5, log(45), log(1.3), 0, log(150), log(1.1), 0, log(60), log(1.2))
  error <- sqrt(diag(fit$death$var))
  expect_lt(max(abs(fit$death$coefficients - truth) / error), 3.5)
  expect_lt(fit$death$nodes$change, 1e-8)
  expect_identical(unname(coef(fit)), unname(fit$death$coefficients[1:3]))
  expect_identical(unname(vcov(fit)), unname(fit$death$var[1:3, 1:3]))
  at <- unname(fit$death$coefficients)
  few <- d[1:400, ]
  slow <- oracle_illness(
    few, oracle_weibull(at[2], at[3], at[1] * few$arm), oracle_weibull(at[5], at[6], at[4] *
      few$arm), oracle_weibull(at[8], at[9], at[7] * few$arm)
  )
  unit <- illness_at(few)
  expect_close(sum(slow), .Call(C_illness_value, unit, rep(2L, 400L), at)$loglik, 1e-10)
  expect_equal(attr(logLik(fit), "df"), 9)
  expect_output(print(fit), "Death without progression: Weibull.*Death after progression: Weibull")
  expect_output(print(summary(fit)), "As hazard ratio.*Death after progression: Weibull")
  before <- fit$death$hazards$before
  expect_s3_class(before, "sr_ttp")
  expect_equal(
    predict(before, data.frame(arm = 0:1), type = "link"), c(`1` = 0, `2` = coef(before)[["arm"]])
  )
  # predictions are those of the Weibull that was estimated
  k <- exp(at[[3]])
  expect_close(
    predict(fit, data.frame(arm = 1), type = "survival", times = c(5, 40))$estimate,
    exp(-exp(at[[1]]) * (c(5, 40) / exp(at[[2]]))^k), 1e-10
  )
  # what the three have together cannot be asked of one of them (test-death-after.R)
  expect_false(".resid" %in% names(generics::augment(before, data = d)))
  expect_error(residuals(before), class = "survresist_error_unsupported")
  expect_error(confint(before, method = "profile"), class = "survresist_error_unsupported")
  # the likelihood ratio is that of progression alone
  null <- fit_both(
    d, Surv(left, right, type = "interval2") ~ 1, scale = "hazard",
    death_method = ttp_illness_death(~ arm)
  )
  expect_close(fit$loglik[[1L]], null$loglik[[2L]], 1e-9)
  expect_equal(fit$df - fit$df_null, 1)
})

test_that("unit of time, order of rows, weights and threads do not matter", {
  d <- scanned_patients(300, seed = 5)
  fit <- fit_both(d)
  days <- d
  times <- c("left", "right", "os_time")
  days[times] <- days[times] * 7 * 86400
  other <- fit_both(days)
  moved <- fit$death$coefficients
  is_mu <- grepl("mu$", names(moved))
  moved[is_mu] <- moved[is_mu] + log(7 * 86400)
  expect_close(other$death$coefficients, moved, 1e-10)
  expect_close(
    other$loglik[[2L]], fit$loglik[[2L]] - sum(d$os_status) * log(7 * 86400), 1e-11
  )
  expect_close(coef(fit_both(d[300:1, ])), coef(fit), 1e-10)
  d$times <- rep_len(1:3, 300)
  weighted <- fit_both(d, weights = times)
  repeated <- fit_both(d[rep(1:300, d$times), ])
  expect_close(weighted$death$coefficients, repeated$death$coefficients, 1e-9)
  expect_close(weighted$loglik, repeated$loglik, 1e-11)
  wide <- scanned_patients(2000, seed = 6)
  old <- set_threads(1)
  one <- fit_both(wide)
  set_threads(2)
  two <- fit_both(wide)
  set_threads(old)
  expect_identical(one$death$coefficients, two$death$coefficients)
  expect_identical(one$death$var, two$death$var)
})

test_that("strata of everything are fits by level; robust variances come from the rows", {
  d <- scanned_patients(500, seed = 7)
  whole <- fit_both(d, Surv(left, right, type = "interval2") ~ strata(arm))
  parts <- lapply(0:1, function(level) {
    fit_both(d[d$arm == level, ], Surv(left, right, type = "interval2") ~ 1)
  })
  expect_close(whole$loglik[[2L]], parts[[1L]]$loglik[[2L]] + parts[[2L]]$loglik[[2L]], 1e-11)
  expect_close(coef(whole), c(coef(parts[[1L]]), coef(parts[[2L]])), 1e-7)
  expect_close(
    coef(whole$death$hazards$after),
    c(coef(parts[[1L]]$death$hazards$after), coef(parts[[2L]]$death$hazards$after)), 1e-7
  )
  d$site <- rep(1:50, 10)
  fit <- fit_both(d, cluster = site, scale = "hazard")
  expect_false(is.null(fit$naive.var))
  # against the jackknife by cluster
  left_out <- t(vapply(1:50, function(k) {
    fit_both(d[d$site != k, ], scale = "hazard")$death$coefficients
  }, numeric(9)))
  jackknife <- crossprod(sweep(left_out, 2, colMeans(left_out))) * 49 / 50
  expect_lt(max(abs(log(diag(fit$death$var) / diag(jackknife)))), 0.25)
})

test_that("death can have covariates, families and scales of its own", {
  d <- scanned_patients(400, seed = 8)
  d$age <- rep_len(c(0, 1, 0.5, -1), 400)
  d$age[11:12] <- NA
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm, d, death = Surv(os_time, os_status),
    death_method = ttp_illness_death(~ age, after = ~ strata(arm),
      family = list(before = "gompertz", after = "exponential"))
  )
  expect_identical(unname(c(fit$na.action)), 11:12)
  expect_named(fit$death$coefficients, c(
    "arm", "mu", "log(shape)", "before:age", "before:log(rate)", "before:shape",
    "after:mu[arm=0]", "after:mu[arm=1]"
  ))
  expect_identical(fit$death$hazards$before$scale, "hazard")
  expect_equal(coef(update(fit, subset = arm >= 0)), coef(fit))
  expect_false("(death_1)" %in% names(model.frame(fit)))
  expect_equal(nrow(model.frame(fit$death$hazards$after)), 398)
  kinds <- list(
    list("lognormal", "time"), list("gompertz", "hazard"), list(ttp_spline(df = 2), "hazard"),
    list(ttp_pieces(c(20, 50)), "hazard")
  )
  for (kind in kinds) {
    other <- fit_both(d, family = kind[[1L]], scale = kind[[2L]])
    expect_true(other$convergence$converged)
    expect_lt(other$death$nodes$change, 1e-8)
  }
})

test_that("what the three hazards cannot be fitted to is refused", {
  d <- scanned_patients(100, seed = 9)
  refused <- function(object, text, class = "survresist_error_input") {
    expect_error(object, text, class = class)
  }
  alive <- transform(d, os_status = ifelse(is.na(right), os_status, 0L))
  refused(fit_both(alive), "a death after progression")
  alive <- transform(d, os_status = ifelse(is.na(right), 0L, os_status))
  refused(fit_both(alive), "a death without progression")
  d$few <- seq_len(100) %in% which(!is.na(d$right) & d$os_status == 0)[1:6]
  refused(
    fit_both(d, Surv(left, right, type = "interval2") ~ strata(few)), "Every stratum needs a death"
  )
  refused(
    fit_both(d, Surv(left, right, type = "interval2") ~ offset(os_time)), "says nothing of death"
  )
  refused(fit_both(d, family = ttp_smooth()), "Penalised", "survresist_error_unsupported")
  refused(ttp_illness_death(y ~ arm), "without a left side")
  refused(ttp_illness_death(~ ., family = "weibull"), "name its variables",
    "survresist_error_unsupported")
  refused(ttp_illness_death(family = list("weibull", "weibull")), "must be one family")
})

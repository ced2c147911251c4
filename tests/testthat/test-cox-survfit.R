some_rows <- c(3, 10, 20, 31, 8)
survfit <- survival::survfit

# survfit() of both fits; the arguments stay as written, since `id` is looked up in newdata
same_curves <- function(fit, label, ...) {
  args <- eval(substitute(alist(...)))
  curve <- function(of) {
    call <- as.call(c(quote(survival::survfit), of, args))
    suppressWarnings(eval(call, list(fit = fit), parent.frame(2)))
  }
  expect_same_result(curve(quote(fit$ours)), curve(quote(fit$theirs)), label)
}

test_that("curves at the means are those of survival, component by component", {
  for (name in setdiff(names(follow_fits()), "crossed")) {
    fit <- follow_fits()[[name]]
    same_curves(fit, name)
    same_curves(fit, name, se.fit = FALSE)
    same_curves(fit, name, ctype = 1)
    same_curves(fit, name, ctype = 2, conf.type = "log-log", conf.int = 0.9)
    same_curves(fit, name, censor = FALSE, conf.type = "none")
    if (name != "bladder") same_curves(fit, name, stype = 1)
  }
})

test_that("a curve has survival's class and says how it was made", {
  fit <- follow_fits()$lung$ours
  curve <- survfit(fit, se.fit = FALSE)
  expect_identical(class(curve), c("survfitcox", "survfit"))
  expect_identical(deparse(curve$call), "survfit(formula = fit, se.fit = FALSE)")
})

test_that("curves of new patients are those of survival, each in its stratum", {
  for (name in setdiff(names(follow_fits()), "null")) {
    fit <- follow_fits()[[name]]
    for (rows in list(some_rows, 8)) {
      new <- fit$data[rows, ]
      same_curves(fit, name, new)
      same_curves(fit, name, new, censor = FALSE, ctype = 1, conf.type = "plain")
      if (name != "bladder") same_curves(fit, name, new, stype = 1, se.fit = FALSE)
    }
  }
})

test_that("without strata in newdata every patient has a curve in every stratum", {
  for (name in c("weighted", "heart_strata", "cgd", "bladder", "basis")) {
    fit <- follow_fits()[[name]]
    plain <- setdiff(names(fit$data), c("sex", "transplant", "hos.cat", "enum"))
    same_curves(fit, name, fit$data[some_rows, plain])
    same_curves(fit, name, fit$data[8, plain])
  }
})

test_that("one patient with a stratum has one curve", {
  lung <- survival::lung
  fit <- fit_cox(Surv(time, status) ~ age + sex + wt.loss + strata(inst), lung)
  new <- data.frame(age = 60, sex = 2, wt.loss = 5, inst = 11)
  curve <- survfit(fit, newdata = new)
  expect_identical(unname(dim(curve)), 1L)
  expect_identical(curve$n, sum(lung$inst == 11 & !is.na(lung$wt.loss), na.rm = TRUE))
  two <- survfit(fit, newdata = rbind(new, transform(new, inst = 1)))
  expect_identical(unname(dim(two)), 2L)
  expect_identical(two[1]$surv, curve$surv)
  # survival looks for `cut` among the variables of newdata, does not find it, and gives all strata
  fit <- fit_cox(Surv(time, status) ~ sex + strata(cut(age, c(0, 60, 99))), lung)
  expect_identical(unname(dim(survfit(fit, data.frame(sex = 1, age = 50)))), 1L)
  new$inst <- 99
  fit <- fit_cox(Surv(time, status) ~ age + strata(inst), lung)
  expect_error(survfit(fit, new), "99", class = "survresist_error_strata")
})

test_that("start.time, older `type` and basehaz() are those of survival", {
  for (name in c("lung", "weighted", "rotterdam", "heart", "bladder")) {
    fit <- follow_fits()[[name]]
    y <- fit$ours$y
    start <- unname(stats::median(y[, ncol(y) - 1]))
    same_curves(fit, name, start.time = start)
    same_curves(fit, name, fit$data[some_rows, ], start.time = start)
    for (type in c("efron", "aalen", "kalbfleisch-prentice")) {
      if (name != "bladder") same_curves(fit, name, type = type)
    }
    for (centered in c(TRUE, FALSE)) {
      expect_same_result(
        as.list(survival::basehaz(fit$ours, centered = centered)),
        as.list(survival::basehaz(fit$theirs, centered = centered)), name
      )
    }
    expect_same_result(
      as.list(survival::basehaz(fit$ours, fit$data[some_rows, ])),
      as.list(survival::basehaz(fit$theirs, fit$data[some_rows, ])), name
    )
  }
  expect_error(survfit(fit$ours, start.time = 1e9), class = "survresist_error_input")
  # With start.time a stratum can be left without rows. survival then takes the rows of the next
  # stratum for the patients that follow it in newdata; a fit's own curve decides.
  two <- follow_fits()$two_strata
  start <- stats::median(two$ours$y[, 1])
  curves <- survfit(two$ours, two$data[some_rows, ], start.time = start)
  expect_identical(length(curves$time), sum(curves$strata))
  for (i in seq_along(some_rows)) {
    alone <- survfit(two$ours, two$data[some_rows[i], ])
    later <- alone$time >= start
    expect_identical(curves[i]$time, alone$time[later])
    before <- max(alone$cumhaz[!later], 0)
    expect_close(curves[i]$cumhaz, alone$cumhaz[later] - before, 1e-12)
  }
})

test_that("covariates that change over time give a path's curve", {
  heart <- survival::heart
  fit <- follow_fits()$heart
  path <- subset(heart, id %in% c(3, 4, 10, 16))
  same_curves(fit, "paths", path, id = id)
  same_curves(fit, "paths", path, id = id, se.fit = FALSE)
  same_curves(fit, "paths", path, id = id, stype = 1)
  same_curves(fit, "paths", path, id = id, censor = FALSE)
  same_curves(fit, "one path", subset(heart, id == 4), individual = TRUE)
  strata <- follow_fits()$heart_strata
  same_curves(strata, "through strata", path, id = id)
  # two intervals that meet are one
  whole <- data.frame(start = 0, stop = 500, event = 0, age = 2, year = 3, surgery = 0, who = 1)
  halves <- rbind(transform(whole, stop = 99), transform(whole, start = 99))
  parts <- c("time", "n.risk", "n.event", "surv", "cumhaz", "std.err")
  one <- survfit(fit$ours, whole, id = who)
  two <- survfit(fit$ours, halves, id = who)
  for (part in parts) expect_close(two[[part]], one[[part]], 1e-12)
  plain <- survfit(fit$ours, whole)
  expect_close(one$cumhaz, plain$cumhaz[plain$time <= 500], 1e-12)
  expect_error(survfit(fit$ours, id = id), class = "survresist_error_input")
  expect_error(
    survfit(follow_fits()$lung$ours, survival::lung[1:2, ], id = inst),
    class = "survresist_error_input"
  )
})

test_that("when the last at risk dies, the product limit ends at 0", {
  # In stratum 4 of bladder2 the only subject at risk at 7 months dies. survival's step there is
  # (1 - w r / S0)^(1 / r) with S0 a hair below w r by rounding: NaN from there on.
  fit <- follow_fits()$bladder
  ours <- survfit(fit$ours, stype = 1)
  theirs <- survfit(fit$theirs, stype = 1)
  lost <- is.na(theirs$surv)
  expect_true(any(lost))
  expect_true(all(ours$surv[lost] == 0))
  expect_close(ours$surv[!lost], theirs$surv[!lost], 1e-8)
})

test_that("the standard error is the delta method's, on data where two hands can add it up", {
  time <- c(1, 2, 2, 4, 5, 7)
  status <- c(1, 1, 1, 0, 1, 1)
  x <- c(0, 1, 0, 1, 1, 0)
  fit <- fit_cox(Surv(time, status) ~ x, ties = "breslow", control = tight)
  risk <- exp(x * coef(fit))
  at <- c(1, 2, 5, 7)
  died <- c(1, 2, 1, 1)
  S0 <- vapply(at, function(t) sum(risk[time >= t]), 0)
  S1 <- vapply(at, function(t) sum((risk * x)[time >= t]), 0)
  hazard <- cumsum(died / S0)
  drift <- hazard - cumsum(died * S1 / S0^2) # for a patient with x = 1
  variance <- cumsum(died / S0^2) + drift^2 * drop(fit$var)
  curve <- survfit(fit, data.frame(x = 1), censor = FALSE)
  expect_close(curve$cumhaz, hazard * exp(coef(fit)), 1e-12)
  expect_close(curve$std.err, sqrt(variance) * exp(coef(fit)), 1e-12)
})

test_that("Kalbfleisch and Prentice's step solves its equation", {
  veteran <- survival::veteran
  fit <- follow_fits()$veteran
  curve <- suppressWarnings(survfit(fit$ours, stype = 1, se.fit = FALSE))
  risk <- exp(fit$ours$linear.predictors)
  step <- exp(diff(c(0, log(curve$surv))))
  for (k in which(curve$n.event > 1)) {
    dead <- veteran$time == curve$time[k] & veteran$status == 1
    at_risk <- veteran$time >= curve$time[k]
    expect_close(sum(risk[dead] / (1 - step[k]^risk[dead])), sum(risk[at_risk]), 1e-9)
  }
})

test_that("curves follow coefficients that were changed by hand", {
  lung <- survival::lung
  ours <- fit_cox(Surv(time, status) ~ age + sex, lung)
  theirs <- survival::coxph(Surv(time, status) ~ age + sex, lung)
  ours$coefficients[] <- theirs$coefficients[] <- c(0.02, -0.4)
  for (se in c(TRUE, FALSE)) {
    expect_same_result(survfit(ours, se.fit = se), survfit(theirs, se.fit = se), "changed", 1e-6)
  }
})

test_that("curves that mean nothing are refused, those that may mislead are warned of", {
  crossed <- follow_fits()$crossed$ours
  expect_error(survfit(crossed), class = "survresist_error_input")
  expect_warning(survfit(follow_fits()$veteran$ours), class = "survresist_warning")
  half <- fit_cox(Surv(time, status) ~ age:sex, survival::lung)
  expect_error(survfit(half, survival::lung[1, ]), class = "survresist_error_input")
  fit <- follow_fits()$lung$ours
  expect_error(survfit(fit, stype = 3), class = "survresist_error_input")
  expect_error(survfit(fit, ctype = 0), class = "survresist_error_input")
  expect_error(survfit(fit, "lung"), class = "survresist_error_input")
  missing <- survival::lung[1:2, ]
  missing$age <- NA
  expect_error(survfit(fit, missing), class = "survresist_error_input")
})

test_that("weights, row order and threads do not change a curve", {
  lung <- survival::lung
  whole <- fit_cox(Surv(time, status) ~ age, lung, ties = "breslow", control = tight)
  shuffled <- lung[order(lung$wt.loss, lung$ph.karno), ]
  mixed <- fit_cox(Surv(time, status) ~ age, shuffled, ties = "breslow", control = tight)
  expect_close(survfit(mixed)$std.err, survfit(whole)$std.err, 1e-10)
  twice <- fit_cox(Surv(time, status) ~ age, lung[rep(seq_len(nrow(lung)), 2), ],
                   ties = "breslow", control = tight)
  two <- lung
  two$w <- 2
  weighted <- fit_cox(Surv(time, status) ~ age, two, weights = w, ties = "breslow", control = tight)
  for (part in c("n.risk", "n.event", "surv", "std.err")) {
    expect_close(survfit(weighted)[[part]], survfit(twice)[[part]], 1e-10)
  }
  old <- set_threads(1)
  on.exit(set_threads(old))
  big <- lung[rep(seq_len(nrow(lung)), 100), c("time", "status", "age", "sex")]
  big$time <- big$time + seq_len(nrow(big)) / 1e5
  fit <- fit_cox(Surv(time, status) ~ age + sex, big)
  one <- survfit(fit)
  set_threads(2)
  expect_identical(survfit(fit)$std.err, one$std.err)
  expect_identical(
    predict(fit, type = "expected", se.fit = TRUE)$se.fit,
    {
      set_threads(1)
      predict(fit, type = "expected", se.fit = TRUE)$se.fit
    }
  )
})

test_that("hundreds of small strata have the curves of survival", {
  # more pairs of a stratum and a time than could be counted in a table
  set.seed(5)
  n <- 2000
  sets <- data.frame(
    start = runif(n), x = rnorm(n), set = rep(1:500, each = 4), weight = runif(n, 0.5, 2),
    event = rbinom(n, 1, 0.6)
  )
  sets$stop <- sets$start + rexp(n)
  sets$late <- sets$start - 10 * (sets$set %% 2)
  fit_both <- function(formula, ...) {
    list(
      ours = do.call(fit_cox, list(formula, sets, ..., control = tight)),
      theirs = do.call(survival::coxph, list(formula, sets, ..., control = tight))
    )
  }
  for (fit in list(
    fit_both(survival::Surv(stop, event) ~ x + strata(set)),
    fit_both(survival::Surv(start, stop, event) ~ x + strata(set), weights = sets$weight),
    fit_both(survival::Surv(late, stop, event) ~ x + strata(set))
  )) {
    same_curves(fit, "sets")
    same_curves(fit, "sets", se.fit = FALSE, censor = FALSE)
  }
})

test_that("data that changed after the fit are an error that says so", {
  study <- survival::lung
  fit <- fit_cox(Surv(time, status) ~ age + strata(sex), study)
  for (lost in list(1L, seq_len(nrow(study)))) {
    study$sex[lost] <- NA
    expect_error(survival::survfit(fit), "not those of the fit", class = "survresist_error_input")
    expect_error(zph(fit), "not those of the fit", class = "survresist_error_input")
  }
})

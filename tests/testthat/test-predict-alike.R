# What users may count on whatever the model is: newdata, missing values, arguments without meaning.

rotterdam <- transform(
  survival::rotterdam, years = rtime / 365.25, grade = factor(grade),
  state = factor(ifelse(recur == 1, 1, 2 * death), 0:2, c("none", "relapse", "death"))
)
rotterdam$left <- floor(2 * rotterdam$years) / 2
rotterdam$right <- ifelse(rotterdam$recur == 1, rotterdam$left + 0.5, NA)
seen <- rotterdam[rotterdam$left > 0 | !is.na(rotterdam$right), ]
formula <- Surv(years, recur) ~ nodes + grade + strata(hormon)

fits <- list(
  cox = fit_cox(formula, rotterdam), ttp = fit_ttp(formula, rotterdam),
  shape = fit_ttp(Surv(years, recur) ~ nodes, rotterdam, shape = ~grade),
  finegray = fit_finegray(Surv(years, state) ~ nodes + grade, rotterdam, strata = hormon),
  icph = fit_icph(Surv(left, right, type = "interval2") ~ nodes + grade + strata(hormon), seen)
)
new <- data.frame(nodes = c(0, 5), grade = c("2", "3"), hormon = 0:1, years = 1, recur = 0)
ask <- list(
  cox = function(new) predict(fits$cox, new, type = "survival"),
  ttp = function(new) predict(fits$ttp, new, type = "survival", times = 1:2),
  shape = function(new) predict(fits$shape, new, type = "survival", times = 1:2),
  finegray = function(new) predict(fits$finegray, new, times = 1:2),
  icph = function(new) predict(fits$icph, new, type = "survival", times = 1:2),
  risk = function(new) {
    absolute_risk(
      list(
        relapse = fit_cox(Surv(years, state == "relapse") ~ nodes + grade, rotterdam),
        death = fit_ttp(Surv(years, state == "death") ~ nodes, rotterdam, shape = ~grade)
      ),
      new, 1:2
    )
  }
)

test_that("a level that the fit has not seen is an error that names it and its rows", {
  for (name in names(ask)) {
    error <- tryCatch(ask[[name]](transform(new, grade = c("2", "4"))), error = identity)
    expect_s3_class(error, "survresist_error_input")
    expect_identical(error$rows, 2L, label = name)
    expect_match(conditionMessage(error), '"4"', label = name)
  }
})

test_that("numbers given as text are an error, also for columns of bare numbers", {
  for (name in names(ask)) {
    expect_error(
      ask[[name]](transform(new, nodes = c("0", "5"))), class = "survresist_error_input",
      regexp = "nodes", label = name
    )
  }
  bare <- fit_cox(Surv(years, recur) ~ nodes, rotterdam)
  expect_error(predict(bare, data.frame(nodes = "5")), class = "survresist_error_input")
  treated <- fit_ttp(Surv(years, recur) ~ hormon, rotterdam)
  expect_identical(
    predict(treated, data.frame(hormon = TRUE), "link"),
    predict(treated, data.frame(hormon = 1), "link")
  )
  is_treated <- fit_cox(Surv(years, recur) ~ h, transform(rotterdam, h = hormon == 1))
  expect_error(predict(is_treated, data.frame(h = 1)), class = "survresist_error_input")
})

test_that("a row in which a value is missing comes back as NA, in its place", {
  for (name in setdiff(names(ask), "cox")) {
    with_missing <- ask[[name]](transform(new, grade = c(NA, "3")))
    whole <- ask[[name]](new)
    expect_identical(nrow(with_missing), nrow(whole), label = name)
    expect_identical(with_missing$.row, whole$.row, label = name)
    expect_identical(is.na(with_missing$estimate), whole$.row == 1L, label = name)
    expect_identical(
      with_missing$estimate[whole$.row == 2L], whole$estimate[whole$.row == 2L], label = name
    )
  }
  # without `times` a row of unknown stratum has one line
  lost <- transform(new, hormon = c(NA, 1))
  for (found in list(
    predict(fits$finegray, lost), predict(fits$icph, lost, type = "survival", interval = "conf")
  )) {
    expect_identical(sum(found$.row == 1L), 1L)
    expect_gt(sum(found$.row == 2L), 10L)
    expect_identical(is.na(found$estimate[found$.row == 1L]), TRUE)
  }
})

test_that("an argument that makes no difference is an error", {
  refused <- function(code, arg) {
    expect_identical(tryCatch(code, survresist_error_input = function(e) e$arg), arg)
  }
  for (type in c("lp", "link")) {
    for (name in c("ttp", "finegray", "icph")) {
      refused(predict(fits[[name]], new, type = type, times = 1), "times")
    }
    for (name in c("finegray", "icph")) {
      refused(predict(fits[[name]], new, type = type, interval = "confidence"), "interval")
    }
  }
  refused(predict(fits$icph, new, type = "risk", times = 1), "times")
  refused(predict(fits$icph, new, type = "survival", foo = 1), "...")
  refused(predict(fits$finegray, new, type = "cif", start = 1), "...")
  refused(predict(fits$ttp, new, type = "link", p = 0.5), "p")
  refused(predict(fits$ttp, new, type = "link", start = 1), "start")
  refused(predict(fits$ttp, new, type = "quantile", times = 1), "times")
  refused(predict(fits$ttp, new, type = "survival", times = 1, of = "rmst"), "of")
  refused(predict(fits$ttp, new, type = "survival", times = 1, reference = new[1, ]), "reference")
  refused(predict(fits$ttp, new, type = "survival", times = 1, seed = 1), "seed")
  refused(predict(fits$ttp, new, type = "survival", times = 1, method = "simulation"), "method")
})

test_that("an argument that a fit does not know is a classed error", {
  calls <- list(
    quote(fit_cox(formula, rotterdam, foo = 1)), quote(fit_ttp(formula, rotterdam, foo = 1)),
    quote(fit_finegray(Surv(years, state) ~ nodes, rotterdam, foo = 1)),
    quote(fit_cif(Surv(years, state) ~ 1, rotterdam, foo = 1)),
    quote(fit_icph(Surv(left, right, type = "interval2") ~ nodes, seen, foo = 1)),
    quote(fit_cox_xy(cbind(1:4), cbind(1:4, 1), foo = 1))
  )
  for (call in calls) {
    error <- tryCatch(eval(call), error = identity)
    expect_s3_class(error, "survresist_error_input")
    said <- sprintf("`%s()` has no argument `foo`", deparse1(call[[1L]]))
    expect_match(conditionMessage(error), said, fixed = TRUE)
  }
  error <- tryCatch(
    fit_finegray(Surv(years, state) ~ nodes, rotterdam, control = list(foo = 1)), error = identity
  )
  expect_match(conditionMessage(error), "`control` has no part `foo`", fixed = TRUE)
})

test_that("strata can be given as a formula", {
  again <- fit_finegray(Surv(years, state) ~ nodes + grade, rotterdam, strata = ~hormon)
  expect_identical(coef(again), coef(fits$finegray))
  expect_identical(again$strata, fits$finegray$strata)
})

test_that("proportionality_test() is zph() where that makes the test", {
  for (fit in fits[c("cox", "finegray")]) {
    expect_identical(proportionality_test(fit, "rank")$table, zph(fit, "rank")$table)
  }
  expect_error(
    proportionality_test(fits$ttp), "ttp_spline", class = "survresist_error_unsupported"
  )
})

test_that("newdata without rows gives a table without rows", {
  none <- new[0, ]
  for (name in c("ttp", "shape", "finegray", "icph")) {
    type <- if (name == "finegray") "cif" else "survival"
    whole <- predict(fits[[name]], new, type, times = 1, interval = "confidence")
    found <- predict(fits[[name]], none, type, times = 1, interval = "confidence")
    expect_identical(nrow(found), 0L)
    expect_identical(names(found), names(whole))
  }
})

test_that("augment() takes curves at one time", {
  for (name in c("ttp", "finegray", "icph")) {
    type <- if (name == "finegray") "cif" else "survival"
    added <- augment(fits[[name]], newdata = new, type.predict = type, times = 2)
    found <- predict(fits[[name]], new, type, times = 2, se.fit = TRUE)
    expect_identical(added$.fitted, found$estimate)
    expect_identical(added$.se.fit, found$std.error)
    expect_error(
      augment(fits[[name]], newdata = new, type.predict = type, times = 1:2), "one prediction",
      class = "survresist_error_input"
    )
  }
})

lung <- survival::lung
heart <- survival::heart

expect_input_error <- function(object, pattern, ...) {
  expect_error(object, pattern, class = "survresist_error_input", ...)
}

expect_unsupported <- function(object, pattern, ...) {
  expect_error(object, pattern, class = "survresist_error_unsupported", ...)
}

test_that("a formula must be one, with a survival response", {
  expect_input_error(fit_cox(), "`formula` is missing")
  expect_input_error(fit_cox("age", lung), "must be a formula")
  expect_input_error(fit_cox(time ~ age, lung), "must be a survival object")
  expect_input_error(fit_cox(~age, lung), "no left side")
  expect_unsupported(fit_cox(list(Surv(time, status) ~ age), lung), "multi-state")
  expect_input_error(fit_cox(lung, Surv(time, status) ~ age), "comes first")
  lung$end <- c("alive", "dead")[lung$status]
  expect_input_error(fit_cox(Surv(time, end) ~ age, lung), "Found strings")
})

test_that("what is not fitted here is refused by name", {
  expect_unsupported(fit_cox(Surv(time, status) ~ tt(age), lung), "survSplit")
  expect_unsupported(fit_cox(Surv(time, status) ~ age + frailty(inst), lung), "coxme")
  expect_unsupported(
    fit_cox(Surv(time, status) ~ age + survival::frailty.gamma(inst), lung), "frailty"
  )
  expect_unsupported(fit_cox(Surv(time, status) ~ survival::pspline(age), lung), "ns\\(\\)")
  expect_unsupported(fit_cox(Surv(time, status) ~ ridge(age), lung), "glmnet")
  expect_unsupported(fit_cox(Surv(time, status) ~ age, lung, tt = identity), "`tt`")
  expect_unsupported(fit_cox(Surv(time, status) ~ age, lung, istate = sex), "`istate`")
  expect_unsupported(fit_cox(Surv(time, status) ~ age, lung, statedata = lung), "`statedata`")
  expect_unsupported(fit_cox(Surv(time, factor(status)) ~ age, lung), "multi-state")
  expect_unsupported(fit_cox(Surv(time, time + 1, type = "interval2") ~ age, lung), "fit_icph")
  expect_unsupported(fit_cox(Surv(time, status, type = "left") ~ age, lung), "left")
  expect_unsupported(fit_cox(Surv2(time, status) ~ age, lung), "Surv2")
})

test_that("a column named like a special word is a column", {
  lung$tt <- lung$age
  lung$frailty <- lung$sex
  fit <- fit_cox(Surv(time, status) ~ tt + frailty, lung)
  expect_equal(unname(coef(fit)), unname(coef(fit_cox(Surv(time, status) ~ age + sex, lung))))
})

test_that("the exact likelihood refuses what coxph's refuses", {
  expect_unsupported(
    fit_cox(Surv(time, status) ~ age, lung, ties = "exact", weights = rep(2, 228)), "no weights"
  )
  expect_unsupported(
    fit_cox(Surv(time, status) ~ age, lung, ties = "exact", robust = TRUE), "robust variance"
  )
  expect_unsupported(
    fit_cox(Surv(time, status) ~ age, lung, ties = "exact", firth = TRUE), "exact likelihood"
  )
})

test_that("unknown variables are named, with columns of like names", {
  error <- expect_input_error(fit_cox(Surv(time, status) ~ agee + sex, lung), "no `agee`")
  expect_match(conditionMessage(error), "Did you mean `age`", fixed = TRUE)
  expect_identical(error$columns, "agee")
  expect_input_error(fit_cox(Surv(tme, status) ~ age, lung), "`time`")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, weights = wt.los), "`wt.loss`")
  expect_input_error(fit_cox(Surv(time, status) ~ strata(sx), lung), "`sex`")
  expect_input_error(fit_cox(Surv(time, status) ~ nowhere_at_all), "no `time`, `status`")
  expect_input_error(fit_cox(Surv(time, status) ~ nowhere_at_all(age), lung), "package::")
})

test_that("a variable that is only where the call stands is told apart from one that is nowhere", {
  made_here <- Surv(time, status) ~ age
  fit_there <- function(data, size) fit_cox(made_here, data, weights = size)
  error <- expect_input_error(fit_there(lung, rep(2, 228)), "`size` is only at the place")
  expect_identical(error$columns, "size")
  fit_here <- function(data, size) fit_cox(Surv(time, status) ~ age, data, weights = size)
  expect_identical(fit_here(lung, rep(2, 228))$n, 228L)
})

test_that("methods say so when the data of a fit are gone, and model = TRUE keeps them", {
  made_here <- Surv(time, status) ~ age + sex
  fit_there <- function(...) {
    rows <- lung
    fit_cox(made_here, rows, ...)
  }
  expect_input_error(residuals(fit_there(), "score"), "cannot be found again")
  expect_equal(
    residuals(fit_there(model = TRUE), "score"), residuals(fit_cox(made_here, lung), "score")
  )
})

test_that("list columns, single-level factors and odd lengths are told", {
  lung$l <- as.list(lung$age)
  expect_input_error(fit_cox(Surv(time, status) ~ l, lung), "`l` holds a list")
  lung$one <- factor("a")
  expect_input_error(fit_cox(Surv(time, status) ~ age + one, lung), "`one` has one")
  expect_input_error(fit_cox(Surv(time, status) ~ age[1:5], lung), "age.1:5.` has 5; the others")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, weights = 1:3), "`weights` has 3")
})

test_that("Inf and NaN in covariates are errors with rows and column", {
  lung$age[c(7, 30)] <- c(Inf, NaN)
  error <- expect_input_error(fit_cox(Surv(time, status) ~ age + sex, lung), "`age` .* rows 7, 30")
  expect_identical(error$rows, c(7L, 30L))
  expect_input_error(fit_cox(Surv(time, status) ~ age + factor(sex), lung), "rows 7, 30")
  expect_input_error(fit_cox(Surv(time, status) ~ log(sex - 1), survival::lung), "sex - 1")
  expect_input_error(fit_cox(Surv(time, status) ~ I(1 / (sex - 1)):ph.karno, survival::lung), "row")
  expect_equal(
    coef(fit_cox(Surv(time, status) ~ age + sex, lung, subset = is.finite(age))),
    coef(survival::coxph(Surv(time, status) ~ age + sex, lung, subset = is.finite(age)))
  )
})

test_that("weights and offsets must be usable", {
  expect_input_error(
    fit_cox(Surv(time, status) ~ age, lung, weights = replace(rep(1, 228), c(3, 8), c(0, -1))),
    "rows 3, 8"
  )
  expect_input_error(
    fit_cox(Surv(time, status) ~ age + wt.loss, lung, weights = replace(rep(1, 228), 9, Inf)),
    "row 9"
  )
  expect_input_error(
    fit_cox(Surv(time, status) ~ age, lung, weights = as.character(sex)), "numbers"
  )
  expect_input_error(fit_cox(Surv(time, status) ~ age + offset(time), lung), "finite risk")
})

test_that("rows must remain", {
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung[0, ]), "0 rows")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, subset = age > 1000), "0 rows")
  lung$none <- NA_real_
  expect_input_error(fit_cox(Surv(time, status) ~ age + none, lung), "`none` in 228")
  expect_input_error(fit_cox(Surv(time, status) ~ wt.loss, lung, na.action = na.fail), "wt.loss")
  expect_input_error(fit_cox(Surv(time, status) ~ wt.loss, lung, na.action = na.pass), "wt.loss")
  lung$sex[c(3, 9)] <- NA
  by_sex <- Surv(time, status) ~ age + strata(sex)
  error <- expect_input_error(fit_cox(by_sex, lung, na.action = na.pass), "in rows 3, 9")
  expect_identical(error$rows, c(3L, 9L))
  own <- fit_cox(Surv(time, status) ~ age + strata(sex, na.group = TRUE), lung, na.action = na.pass)
  expect_identical(own$n, nrow(lung))
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, na.action = 3), "na.action")
})

test_that("rows that Surv() cannot use are named", {
  heart$stop[c(5, 17)] <- heart$start[c(5, 17)]
  warning <- expect_warning(
    fit <- fit_cox(Surv(start, stop, event) ~ age, heart), "rows 5, 17",
    class = "survresist_warning_response"
  )
  expect_identical(warning$rows, c(5L, 17L))
  theirs <- suppressWarnings(survival::coxph(Surv(start, stop, event) ~ age, heart))
  expect_same_components(fit, theirs)
  expect_warning(
    fit_cox(Surv(start, stop, event) ~ factor(surgery), heart), "rows 5, 17",
    class = "survresist_warning_response"
  )
  lung$status[c(2, 3)] <- c(7, 9)
  expect_warning(
    fit <- fit_cox(Surv(time, status) ~ age, lung), "rows 1, 2, 3",
    class = "survresist_warning_response"
  )
  theirs <- suppressWarnings(survival::coxph(Surv(time, status) ~ age, lung))
  expect_same_components(fit, theirs)
  empty <- data.frame(time = 1:3, event = 1, age = 1:3)
  expect_input_error(
    suppressWarnings(fit_cox(Surv(time, time, event) ~ age, empty)), "Every row"
  )
})

test_that("codes of the status that Surv() does not take are told with their cause", {
  told <- function(fit) {
    warning <- tryCatch(fit, survresist_warning_response = identity)
    expect_s3_class(warning, "survresist_warning_response")
    list(rows = warning$rows, text = gsub("[[:space:]]+", " ", conditionMessage(warning)))
  }
  # 1 and 2, and a stray 5: Surv() then takes 2 for unknown too, but the 5 is at fault
  lung$code <- replace(lung$status, c(3, 8), 5)
  stray <- told(fit_cox(Surv(time, code) ~ age, lung))
  expect_identical(stray$rows, which(lung$code != 1))
  expect_match(stray$text, "codes 1, 2, 5 `Surv()` takes 0 as censored and 1", fixed = TRUE)
  expect_match(stray$text, "Without the code 5, in rows 3, 8, 2 would be the event", fixed = TRUE)
  theirs <- suppressWarnings(survival::coxph(Surv(time, code) ~ age, lung))
  expect_identical(length(theirs$na.action), length(stray$rows))
  # 0, 1, 2: the 0 is unknown
  lung$code <- replace(lung$status, c(4, 9), 0)
  zero <- told(fit_cox(Surv(time, code) ~ age, lung))
  expect_identical(zero$rows, c(4L, 9L))
  expect_match(zero$text, "takes 1 as censored and 2 as the event; the others are in rows 4, 9")
  # rows are called as the data call them, and only those that `subset` keeps are told
  expect_identical(told(fit_cox(Surv(time, code) ~ age, lung[-(1:5), ]))$rows, 9L)
  is_late <- seq_len(nrow(lung)) > 4
  expect_identical(told(fit_cox(Surv(time, code) ~ age, lung, subset = is_late))$rows, 9L)
  expect_identical(told(fit_cox(Surv(time, code) ~ age, lung, subset = 5:200))$rows, 9L)
  expect_silent(fit_cox(Surv(time, code) ~ age, lung, subset = seq_along(code) > 9))
  # `subset` by what is left out, and by row names
  expect_identical(told(fit_cox(Surv(time, code) ~ age, lung, subset = -(1:4)))$rows, 9L)
  named <- lung[11:60, ]
  named["15", "code"] <- 0
  kept <- as.character(c(12:40, 15))
  expect_identical(told(fit_cox(Surv(time, code) ~ age, named, subset = kept))$rows, 15L)
  # the event is named by the code that it has
  expect_match(zero$text, "`Surv(time, status == 2)`", fixed = TRUE)
  lung$code <- replace(lung$status - 1, 7, -1)
  expect_match(
    told(fit_cox(Surv(time, code) ~ age, lung))$text, "`Surv(time, status == 1)`", fixed = TRUE
  )
})

test_that("infinite times are refused where coxph refuses them, and taken where it takes them", {
  lung$time <- replace(as.double(lung$time), c(5, 20), c(Inf, -Inf))
  for (ties in c("efron", "breslow", "exact")) {
    expect_error(survival::coxph(Surv(time, status) ~ age, lung, ties = ties), "NA/NaN/Inf")
    error <- expect_input_error(
      fit_cox(Surv(time, status) ~ age, lung, ties = ties), "Found Inf, -Inf in rows 5, 20"
    )
    expect_identical(error$rows, c(5L, 20L))
  }
  expect_input_error(fit_cox(Surv(time, status) ~ log(age), lung, firth = TRUE), "rows 5, 20")
  # (start, stop]: at risk from ever, or for ever
  heart$start[heart$start == 0] <- -Inf
  heart$stop[heart$id == 3] <- heart$stop[heart$id == 3] + c(if (sum(heart$id == 3) > 1) 0, Inf)
  expect_true(any(heart$stop == Inf))
  ours <- fit_cox(Surv(start, stop, event) ~ age + surgery, heart, control = tight)
  theirs <- survival::coxph(Surv(start, stop, event) ~ age + surgery, heart, control = tight)
  expect_same_components(ours, theirs)
  expect_close(residuals(ours, "score"), residuals(theirs, "score"), 1e-8)
})

test_that("weights beyond what can be summed and squared are an error, not an infinite estimate", {
  for (size in c(1e-300, 1e160, 1e300)) {
    error <- expect_input_error(
      fit_cox(Surv(time, status) ~ age, lung, weights = size * (1 + sex)), "Divide them by their"
    )
    expect_identical(error$arg, "weights")
    expect_input_error(
      fit_cox_xy(as.matrix(lung["age"]), Surv(lung$time, lung$status), weights = size * lung$sex),
      "Divide them by their"
    )
  }
  for (size in c(1e-145, 1e145)) { # coxph gets through, and so do we
    ours <- fit_cox(Surv(time, status) ~ age, lung, weights = size * sex)
    theirs <- survival::coxph(Surv(time, status) ~ age, lung, weights = size * sex)
    expect_same_components(ours, theirs)
  }
})

test_that("arguments are checked", {
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, ties = "efrom"), "one of")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, method = "none"), "`method`")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, dats = 3), "no argument `dats`")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, offset = sex), "offset\\(z\\)")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, control = 3), "must be a list")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, eps = -1), "cannot be used")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, robust = "yes"), "`robust`")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, firth = NA), "`firth`")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, init = 1:2), "`init` must be 1")
  expect_input_error(fit_cox(Surv(time, status) ~ age, lung, init = 1e5), "nearer to 0")
  expect_input_error(fit_cox(Surv(time, status) ~ age, as.matrix(lung)), "as.data.frame")
  expect_input_error(fit_cox(Surv(time, status) ~ age, "lung"), "`data`")
  expect_input_error(fit_cox(Surv(start, stop, event) ~ age, heart, robust = TRUE), "subjects")
  expect_input_error(fit_cox(Surv(time, status) ~ age + cluster(sex) + cluster(inst), lung), "one")
  expect_input_error(fit_cox(Surv(time, status) ~ age * cluster(inst), lung), "interaction")
})

test_that("parts of the control are matched by their first letters", {
  fit <- fit_cox(Surv(time, status) ~ age, lung, iter = 0)
  expect_identical(fit$iter, 0L)
  fit <- fit_cox(Surv(time, status) ~ age, lung, control = list(iter.max = 5), iter.max = 0)
  expect_identical(fit$iter, 0L)
})

test_that("a coefficient without a maximum is named and explained", {
  separated <- data.frame(
    time = 1:20, status = rep(0:1, 10), arm = rep(c("A", "B"), 10), z = sin(1:20)
  )
  expect_warning(
    fit <- fit_cox(Surv(time, status) ~ arm + z, separated),
    "`armB`: the likelihood has no maximum; all 10 events are in one group", fixed = TRUE,
    class = "survresist_warning_infinite"
  )
  expect_identical(fit$sr$infinite, "armB")
  expect_output(print(fit), "No maximum of the likelihood")
  finite <- fit_cox(Surv(time, status) ~ arm + z, separated, firth = TRUE)
  expect_lt(abs(coef(finite)[["armB"]]), 5)
  monotone <- data.frame(time = 20:1, status = 1, z = 1:20)
  expect_warning(
    fit <- fit_cox(Surv(time, status) ~ z, monotone), "goes to Inf",
    class = "survresist_warning_infinite"
  )
})

test_that("no convergence is told", {
  expect_warning(
    fit <- fit_cox(Surv(time, status) ~ age + sex + ph.karno, lung, iter.max = 2, eps = 1e-11),
    "did not converge", class = "survresist_warning_convergence"
  )
  expect_false(fit$sr$converged)
  expect_output(print(fit), "did not converge")
})

test_that("more columns than rows are an error where nothing can be estimated", {
  wide <- data.frame(time = 1:8, status = 1, outer(1:8, 1:12, function(i, j) sin(i * j^2)))
  expect_input_error(
    suppressWarnings(fit_cox(Surv(time, status) ~ ., wide)), "12 columns and 8 rows"
  )
})

test_that("merged times are told when they are many", {
  close <- data.frame(time = c(1:50, 1:50 + 1e-10), status = 1, z = cos(1:100))
  expect_warning(
    fit <- fit_cox(Surv(time, status) ~ z, close), "50 of 100 distinct",
    class = "survresist_warning_merged"
  )
  expect_same_components(fit, survival::coxph(Surv(time, status) ~ z, close))
  expect_output(print(fit), "50 of 100")
  expect_no_warning(fit_cox(Surv(time, status) ~ z, close, timefix = FALSE))
  short <- data.frame(start = c(0, 0, 1), stop = c(2, 3, 1 + 1e-12), event = 1, z = 1:3)
  expect_input_error(fit_cox(Surv(start, stop, event) ~ z, short), "same time")
})

test_that("a variable on both sides is told", {
  expect_warning(
    suppressWarnings(
      fit_cox(Surv(time, status) ~ age + time, lung), classes = "survresist_warning_infinite"
    ),
    "`time` is on both sides", class = "survresist_warning_both_sides"
  )
})

test_that("inputs are not modified", {
  before <- serialize(lung, NULL)
  weights <- rep(2, 228)
  fit_cox(Surv(time, status) ~ age + strata(sex) + offset(wt.loss / 100), lung, weights = weights)
  fit_cox(Surv(time, status) ~ age + wt.loss + strata(sex), lung, weights = weights)
  expect_identical(serialize(lung, NULL), before)
  expect_identical(weights, rep(2, 228))
})

test_that("what coxph accepts is accepted", {
  lung$c <- as.character(lung$ph.ecog)
  lung$neg <- lung$time - 500
  lung$l <- lung$sex == 1
  expect_as_coxph(survival::coxph(Surv(neg, status) ~ c + l, lung))
  expect_as_coxph(survival::coxph(Surv(neg, status == 2) ~ age + sex, lung))
  expect_as_coxph(survival::coxph(Surv(time, status) ~ age + sex, lung[1:12, ]))
})

test_that("what is said twice, or is of another kind, is told", {
  expect_warning(
    fit <- fit_cox(Surv(time, status) ~ age + cluster(inst), lung, cluster = sex), "is ignored"
  )
  expect_equal(fit$var, fit_cox(Surv(time, status) ~ age, lung, cluster = sex)$var)
  expect_output(print(summary(fit)), "Robust score test .*allow for the clusters")
  lung$timeline <- survival::Surv2(lung$time, lung$status == 2)
  expect_unsupported(fit_cox(timeline ~ age, lung), "Surv2")
  lung$states <- survival::Surv(lung$time, factor(lung$status))
  expect_unsupported(fit_cox(states ~ age, lung), "multi-state")
  expect_unsupported(as_coxph(fit_cox(Surv(time, status) ~ age, lung, firth = TRUE)), "firth")
  expect_input_error(as_coxph(lm(time ~ age, lung)), "must be a Cox model")
})

some_rows <- c(3, 10, 20, 31, 8)

# the same call on both fits, for the fit's rows and for new ones
expect_same_prediction <- function(fit, label, ..., is_new = TRUE) {
  expect_same_result(
    suppressWarnings(predict(fit$ours, ...)), suppressWarnings(predict(fit$theirs, ...)), label
  )
  if (!is_new) return(invisible())
  for (rows in list(some_rows, 8)) {
    expect_same_result(
      suppressWarnings(predict(fit$ours, fit$data[rows, ], ...)),
      suppressWarnings(predict(fit$theirs, fit$data[rows, ], ...)), paste(label, "new")
    )
  }
}

test_that("every prediction is that of survival, in value, names and attributes", {
  for (name in setdiff(names(follow_fits()), "null")) {
    fit <- follow_fits()[[name]]
    for (type in c("lp", "risk", "terms", "expected", "survival")) {
      # survival adds the offset of new rows to their risk (below), and cannot read a new row where
      # strata meet covariates
      is_curve <- type %in% c("expected", "survival")
      is_new <- name != "crossed" && !(name == "rotterdam" && is_curve)
      for (se in c(FALSE, TRUE)) {
        expect_same_prediction(
          fit, paste(name, type, se), type = type, se.fit = se, is_new = is_new
        )
      }
    }
  }
})

test_that("predictions refer to the stratum, the sample or zero, as asked", {
  for (name in c("lung", "weighted", "rotterdam", "heart_strata", "basis")) {
    fit <- follow_fits()[[name]]
    for (type in c("lp", "risk", "terms")) for (se in c(FALSE, TRUE)) {
      for (reference in c("strata", "sample", "zero")) {
        expect_same_prediction(
          fit, paste(name, type, reference, se), type = type, se.fit = se, reference = reference
        )
      }
    }
  }
  crossed <- follow_fits()$crossed
  rows <- crossed$data[some_rows, ]
  expect_same_result(
    predict(crossed$ours, rows, se.fit = TRUE), predict(crossed$theirs, rows, se.fit = TRUE), "lp"
  )
  expect_close(
    predict(crossed$ours, crossed$data[8, ], type = "survival"),
    predict(crossed$ours, rows, type = "survival")[5], 1e-12
  )
})

test_that("terms, missing values and groups are treated as survival does", {
  fit <- follow_fits()$veteran
  for (terms in list(1, "trt", c("trt", "karno"), 3:1)) {
    expect_same_result(
      predict(fit$ours, type = "terms", terms = terms, se.fit = TRUE),
      predict(fit$theirs, type = "terms", terms = terms, se.fit = TRUE), "terms"
    )
  }
  expect_error(predict(fit$ours, type = "terms", terms = "x"), class = "survresist_error_input")
  expect_error(predict(fit$ours, type = "terms", terms = 9), class = "survresist_error_input")
  for (name in c("one", "weighted")) {
    gaps <- follow_fits()[[name]]
    rows <- 1:20
    for (action in list(na.pass, na.omit, na.exclude)) for (type in c("lp", "survival")) {
      expect_same_result(
        predict(gaps$ours, gaps$data[rows, ], type, se.fit = TRUE, na.action = action),
        predict(gaps$theirs, gaps$data[rows, ], type, se.fit = TRUE, na.action = action), name
      )
    }
  }
  group <- rep_len(1:7, fit$ours$n)
  for (type in c("lp", "terms", "expected")) {
    expect_same_result(
      predict(fit$ours, type = type, se.fit = TRUE, collapse = group),
      predict(fit$theirs, type = type, se.fit = TRUE, collapse = group), type
    )
  }
  new <- fit$data[some_rows, ]
  expect_same_result(
    predict(fit$ours, new, collapse = celltype), predict(fit$theirs, new, collapse = celltype),
    "new"
  )
  expect_error(predict(fit$ours, collapse = 1:2), class = "survresist_error_input")
})

test_that("new rows that are the fit's rows have the fit's expected numbers, offset and all", {
  # With an offset, survival::predict.coxph(type = "expected") of the fit's own data as newdata
  # differs from the same call without newdata: it adds the offset to exp(x beta). With an aliased
  # coefficient it gives NA. Breslow ties, since under Efron tied deaths have part of their hazard.
  rotterdam <- follow_data()$rotterdam
  fit <- fit_cox(
    Surv(rtime, recur) ~ age + strata(hormon) + nodes + offset(er / 1000), rotterdam,
    weights = w, ties = "breslow", control = tight
  )
  expect_close(predict(fit, rotterdam, type = "expected"), predict(fit, type = "expected"), 1e-10)
  expect_close(
    predict(fit, rotterdam, type = "expected", se.fit = TRUE)$se.fit,
    predict(fit, type = "expected", se.fit = TRUE)$se.fit, 1e-10
  )
  aliased <- fit_cox(
    Surv(time, status) ~ age + I(2 * age) + sex, survival::lung, ties = "breslow", control = tight
  )
  expect_close(
    predict(aliased, survival::lung, type = "survival"), predict(aliased, type = "survival"), 1e-10
  )
})

test_that("expected numbers are the integral of the hazard over a row's follow-up", {
  heart <- survival::heart
  fit <- fit_cox(Surv(start, stop, event) ~ age + surgery, heart, ties = "breslow")
  risk <- exp(predict(fit))
  hazard_between <- function(from, to) {
    times <- unique(heart$stop[heart$event == 1 & heart$stop > from & heart$stop <= to])
    sum(vapply(times, function(time) {
      sum(heart$event == 1 & heart$stop == time) /
        sum(risk[heart$start < time & heart$stop >= time])
    }, 0))
  }
  expected <- risk * mapply(hazard_between, heart$start, heart$stop)
  expect_close(predict(fit, type = "expected"), expected, 1e-12)
  expect_close(predict(fit, heart, type = "expected"), expected, 1e-12)
})

test_that("a missing or unknown stratum in newdata is named", {
  lung <- survival::lung
  fit <- fit_cox(Surv(time, status) ~ age + strata(inst, sex), lung)
  no_strata <- lung[1:2, "age", drop = FALSE]
  error <- expect_error(predict(fit, no_strata), class = "survresist_error_strata")
  expect_match(conditionMessage(error), "inst")
  expect_match(conditionMessage(error), "sex")
  expect_s3_class(error, "survresist_error_input")
  new <- lung[1:2, ]
  new$inst <- 99
  expect_error(predict(fit, new), "99", class = "survresist_error_strata")
  # strata that the answer does not depend on need not be there
  expect_close(
    predict(fit, no_strata, reference = "sample"),
    predict(fit, lung[1:2, ], reference = "sample"), 1e-14
  )
})

test_that("what newdata lacks, and a wrong type, are named", {
  fit <- fit_cox(Surv(time, status) ~ age + celltype, survival::veteran)
  expect_refused <- function(object, pattern) {
    expect_error(object, pattern, class = "survresist_error_input")
  }
  expect_refused(predict(fit, data.frame(age = 60)), "no column `celltype`")
  expect_refused(survival::survfit(fit, data.frame(celltype = "large")), "no column `age`")
  expect_refused(
    predict(fit, data.frame(age = 60, celltype = "large"), type = "expected"), "`time`, `status`"
  )
  expect_refused(predict(fit, data.frame(age = 60, celltype = "huge")), "huge")
  expect_refused(predict(fit, type = "hazard"), "`type` must be one of")
  expect_refused(residuals(fit, "raw"), "`type` must be one of")
})

test_that("a null model predicts, and a wrong response is refused", {
  fit <- follow_fits()$null
  expect_same_result(predict(fit$ours), predict(fit$theirs), "lp")
  expect_same_result(
    predict(fit$ours, type = "expected"), predict(fit$theirs, type = "expected"), "expected"
  )
  new <- survival::lung[1:5, ]
  km <- survival::survfit(Surv(time, status) ~ 1, survival::lung, ctype = 2, stype = 2)
  found <- predict(fit$ours, new, type = "survival", se.fit = TRUE)
  expect_close(found$fit, summary(km, times = sort(new$time))$surv[rank(new$time)], 1e-12)
  # the response of newdata is (start, stop], that of the fit is not
  heart <- survival::heart
  data <- data.frame(age = heart$age)
  data$y <- Surv(heart$stop, heart$event)
  fit <- fit_cox(y ~ age, data)
  new <- data
  new$y <- Surv(heart$start, heart$stop, heart$event)
  expect_error(predict(fit, new, type = "expected"), class = "survresist_error_input")
})

test_that("a row of newdata without its stratum is NA where the stratum counts", {
  lung <- survival::lung
  new <- transform(lung[1:5, ], sex = replace(sex, 2, NA), age = replace(age, 4, NA))
  fit <- fit_cox(Surv(time, status) ~ age + ph.ecog + strata(sex), lung)
  theirs <- survival::coxph(Surv(time, status) ~ age + ph.ecog + strata(sex), lung)
  for (type in c("lp", "risk")) {
    ours <- predict(fit, new, type = type, se.fit = TRUE)
    expect_equal(ours, predict(theirs, new, type = type, se.fit = TRUE), tolerance = 1e-8)
    expect_identical(unname(which(is.na(ours$fit))), c(2L, 4L))
  }
  # an expected number needs the hazard of the stratum: coxph's method has 0 events expected there
  whole <- predict(fit, lung[1:5, ], type = "expected", se.fit = TRUE)
  ours <- predict(fit, new, type = "expected", se.fit = TRUE)
  expect_identical(unname(which(is.na(ours$fit))), c(2L, 4L))
  expect_equal(ours$fit[-c(2, 4)], whole$fit[-c(2, 4)])
  expect_equal(ours$se.fit[-c(2, 4)], whole$se.fit[-c(2, 4)])
})

test_that("the standard error of an expected number is what the help says, with entry times", {
  formula <- Surv(start, stop, event) ~ age + surgery
  fit <- fit_cox(formula, survival::heart, ties = "breslow")
  steps <- survival::coxph.detail(survival::coxph(formula, survival::heart, ties = "breslow"))
  patient <- data.frame(start = 100, stop = 900, event = 0, age = 5, surgery = 0)
  from_mean <- matrix(c(5, 0), length(steps$time), 2, byrow = TRUE) - steps$means
  variance <- function(is_in) {
    q <- colSums(from_mean[is_in, ] * steps$hazard[is_in])
    sum(steps$varhaz[is_in]) + drop(t(q) %*% fit$var %*% q)
  }
  risk <- exp(sum((c(5, 0) - fit$means) * coef(fit)))
  found <- predict(fit, patient, type = "expected", se.fit = TRUE)
  expect_close(
    found$se.fit,
    risk * sqrt(variance(steps$time <= 900) - variance(steps$time <= 100)), 1e-8
  )
  curve <- survival::survfit(fit, patient[c("age", "surgery")], start.time = 100.01)
  at <- max(which(curve$time <= 900))
  expect_close(found$fit, curve$cumhaz[[at]], 1e-8)
  own <- steps$time > 100 & steps$time <= 900
  expect_close(curve$std.err[[at]], risk * sqrt(variance(own)), 1e-8)
})

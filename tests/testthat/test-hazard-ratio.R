gbsg <- survival::gbsg
gbsg$marker <- rank_status(gbsg$pgr)
gbsg$treated <- factor(gbsg$hormon, 0:1, c("no", "yes"))

test_that("the ratios are sums of coefficients, with their variance", {
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * marker + age + nodes, gbsg)
  hr <- hazard_ratio(fit, "treated", "marker")
  expect_s3_class(hr, "data.frame")
  expect_identical(as.character(hr$marker), c("low", "high"))
  expect_identical(hr$contrast, rep("yes / no", 2))
  b <- coef(fit)
  v <- vcov(fit)
  pick <- c("treatedyes", "treatedyes:markerhigh")
  expect_close(log(hr$estimate), c(b[[pick[1]]], sum(b[pick])), 1e-12)
  se <- sqrt(c(v[pick[1], pick[1]], sum(v[pick, pick])))
  expect_close(hr$std.error, se, 1e-12)
  expect_close(hr$conf.low, exp(log(hr$estimate) - qnorm(0.975) * se), 1e-12)
  expect_close(hr$p.value, 2 * pnorm(-abs(log(hr$estimate) / se)), 1e-10)
  expect_identical(hr$n, c(table(gbsg$marker)), ignore_attr = TRUE)
  expect_identical(hr$events, as.integer(tapply(gbsg$status, gbsg$marker, sum)))
  test <- attr(hr, "interaction")
  expect_close(test$statistic[1], (b[[pick[2]]])^2 / v[pick[2], pick[2]], 1e-10)
  small <- survival::coxph(Surv(rfstime, status) ~ treated + marker + age + nodes, gbsg)
  expect_close(test$statistic[2], 2 * (fit$loglik[2] - small$loglik[2]), 1e-8)
  expect_identical(test$df, c(1L, 1L))
})

test_that("the answer does not depend on how the model is written", {
  forms <- list(
    Surv(rfstime, status) ~ treated * marker + age,
    Surv(rfstime, status) ~ marker / treated + age,
    Surv(rfstime, status) ~ marker:treated + age,
    Surv(rfstime, status) ~ age + hormon * rank_status(pgr),
    Surv(rfstime, status) ~ age + I(1 - hormon) * relevel(marker, "high")
  )
  first <- hazard_ratio(survival::coxph(forms[[1]], gbsg, control = tight), "treated", "marker")
  other <- list(
    hazard_ratio(survival::coxph(forms[[2]], gbsg, control = tight), "treated", "marker"),
    hazard_ratio(survival::coxph(forms[[3]], gbsg, control = tight), "treated", "marker"),
    hazard_ratio(
      survival::coxph(forms[[4]], gbsg, control = tight), "hormon", "rank_status(pgr)"
    ),
    hazard_ratio(
      survival::coxph(forms[[5]], gbsg, control = tight), list(hormon = 0:1), "marker"
    )
  )
  old <- options(contrasts = c("contr.sum", "contr.poly"))
  on.exit(options(old))
  other[[5]] <- hazard_ratio(
    survival::coxph(forms[[1]], gbsg, control = tight), "treated", "marker"
  )
  options(contrasts = c("contr.helmert", "contr.poly"))
  other[[6]] <- hazard_ratio(
    survival::coxph(forms[[1]], gbsg, control = tight), "treated", "marker"
  )
  for (hr in other) {
    expect_close(hr$estimate, first$estimate, 1e-9)
    expect_close(hr$std.error, first$std.error, 1e-8)
    expect_identical(hr$n, first$n)
    expect_close(attr(hr, "interaction")$statistic[1], attr(first, "interaction")$statistic[1],
      1e-7)
  }
  reversed <- hazard_ratio(
    survival::coxph(forms[[1]], gbsg, control = tight), list(treated = c("yes", "no")), "marker"
  )
  expect_close(reversed$estimate, 1 / first$estimate, 1e-9)
})

test_that("strata that interact with the treatment are levels too", {
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * strata(marker) + age:strata(marker),
    gbsg, control = tight)
  hr <- hazard_ratio(fit, "treated", "marker")
  alone <- lapply(c("low", "high"), function(level) {
    survival::coxph(Surv(rfstime, status) ~ treated + age, gbsg, subset = marker == level,
      control = tight)
  })
  expect_close(log(hr$estimate), vapply(alone, function(f) coef(f)[[1]], 0), 1e-8)
  expect_close(hr$std.error, vapply(alone, function(f) sqrt(vcov(f)[1, 1]), 0), 1e-8)
  expect_identical(attr(hr, "interaction")$df[1], 1L)
})

test_that("a status within strata() can be named as it stands", {
  fit <- fit_cox(Surv(rfstime, status) ~ treated * strata(rank_status(pgr)) + age, gbsg)
  first <- hazard_ratio(fit, "treated", "strata(rank_status(pgr))")
  inner <- hazard_ratio(fit, "treated", "rank_status(pgr)")
  expect_identical(as.character(inner[["rank_status(pgr)"]]), c("low", "high"))
  expect_identical(inner$estimate, first$estimate)
  expect_identical(inner$n, c(table(gbsg$marker)), ignore_attr = TRUE)
  # the interaction test refits with fit_cox()
  expect_false(anyNA(attr(inner, "interaction")$p.value))
})

test_that("three levels, three ways and numbers", {
  fit <- survival::coxph(Surv(rfstime, status) ~ factor(grade) * marker * log(age), gbsg)
  hr <- hazard_ratio(fit, "grade", "marker")
  expect_identical(hr$contrast, rep(c("grade 2 / 1", "grade 3 / 1"), 2))
  expect_identical(attr(hr, "averaged"), "log(age)")
  b <- coef(fit)
  want <- b[["factor(grade)2"]] + mean(log(gbsg$age)) * b[["factor(grade)2:log(age)"]]
  expect_close(log(hr$estimate[1]), want, 1e-10)

  fit <- survival::coxph(Surv(rfstime, status) ~ hormon * log(pgr + 1) + age, gbsg)
  hr <- hazard_ratio(fit, "hormon", list(pgr = c(0, 9)))
  expect_close(log(hr$estimate), coef(fit)[["hormon"]] + log(c(1, 10)) *
    coef(fit)[["hormon:log(pgr + 1)"]], 1e-12)
  expect_identical(hr$n, c(NA_integer_, NA))
  expect_identical(attr(hr, "interaction")$df[1], 1L)
  expect_identical(hazard_ratio(fit, "hormon", "pgr")$pgr,
    unname(quantile(gbsg$pgr, c(0.25, 0.5, 0.75))))
  age <- hazard_ratio(fit, "age")
  expect_close(log(age$estimate), coef(fit)[["age"]], 1e-10)
  expect_identical(attr(age, "by"), character())
  expect_match(capture.output(print(age))[1], "Hazard ratio of age")
})

test_that("weights and robust variances are those of the fit", {
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * marker + cluster(pid), gbsg,
    weights = rep(1:2, 343))
  hr <- hazard_ratio(fit, "treated", "marker")
  expect_close(hr$std.error[1], sqrt(fit$var[1, 1]), 1e-12)
  expect_identical(attr(hr, "interaction")$p.value[2], NA_real_)
})

test_that("an aliased column harms only what depends on it", {
  gbsg$untreated <- 1 - gbsg$hormon
  fit <- survival::coxph(Surv(rfstime, status) ~ hormon + untreated + age, gbsg)
  expect_true(is.na(hazard_ratio(fit, "hormon")$estimate))
  expect_false(is.na(hazard_ratio(fit, "age")$estimate))
  expect_output(print(hazard_ratio(fit, "hormon")), "aliased")
  # nobody of grade 1 with a high marker was treated: one cell is empty, two ratios remain
  some <- subset(gbsg, !(grade == 1 & marker == "high" & hormon == 1))
  fit <- suppressWarnings(
    survival::coxph(Surv(rfstime, status) ~ treated * interaction(marker, grade), some)
  )
  expect_true(anyNA(coef(fit)))
  hr <- hazard_ratio(fit, "treated", c("interaction(marker, grade)"))
  expect_identical(is.na(hr$estimate), hr[[1]] == "high.1")
})

test_that("rows left out, and data that are gone", {
  some <- gbsg
  some$age[5:9] <- NA
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * marker + age, some, subset = grade > 1)
  hr <- hazard_ratio(fit, "treated", "marker")
  expect_identical(sum(hr$n), as.integer(fit$n))
  expect_identical(sum(hr$events), as.integer(fit$nevent))
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * marker, some, model = TRUE)
  before <- hazard_ratio(fit, "treated", "marker")
  rm(some)
  expect_close(hazard_ratio(fit, "treated", "marker")$estimate, before$estimate, 1e-14)
})

test_that("it tells when there is no interaction, and prints both tests", {
  fit <- survival::coxph(Surv(rfstime, status) ~ treated + marker, gbsg)
  hr <- hazard_ratio(fit, "treated", "marker")
  expect_identical(hr$estimate[[1]], hr$estimate[[2]])
  expect_output(print(hr), "by assumption")
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * marker, gbsg)
  expect_output(print(hazard_ratio(fit, "treated", "marker")), "likelihood ratio test.*p")
  plain <- generics::tidy(hazard_ratio(fit, "treated", "marker"))
  expect_s3_class(plain, "data.frame", exact = TRUE)
})

test_that("what cannot be answered is told", {
  input <- "survresist_error_input"
  fit <- survival::coxph(Surv(rfstime, status) ~ treated * marker + strata(grade), gbsg)
  expect_error(hazard_ratio(fit, "arm"), "no `arm`", class = input)
  expect_error(hazard_ratio(fit, "grade"), "only makes strata", class = input)
  expect_error(hazard_ratio(fit, c("treated", "marker")), "one variable", class = input)
  expect_error(hazard_ratio(fit, list(treated = c("yes", "maybe"))), "maybe", class = input)
  expect_error(hazard_ratio(fit, list(treated = "yes")), "two different", class = input)
  expect_error(hazard_ratio(fit, "treated", "treated"), "must not name", class = input)
  expect_error(hazard_ratio(fit, 3), "name of a variable", class = input)
  expect_error(hazard_ratio(fit, "treated", conf.level = 95), "between 0 and 1", class = input)
  expect_error(hazard_ratio(lm(age ~ pgr, gbsg), "pgr"), "Cox model", class = input)
  expect_error(hazard_ratio(survival::coxph(Surv(rfstime, status) ~ 1, gbsg), "age"),
    "no coefficient", class = input)
  ridge <- survival::coxph(Surv(rfstime, status) ~ treated + pspline(age), gbsg)
  expect_error(hazard_ratio(ridge, "treated"), class = "survresist_error_unsupported")
})

test_that("logical and character covariates have their ratios", {
  lung <- transform(survival::lung, old = age > 60)
  lung$who <- c("man", "woman")[lung$sex]
  fit <- fit_cox(Surv(time, status) ~ old + who + ph.karno, lung)
  ratios <- exp(coef(survival::coxph(Surv(time, status) ~ old + who + ph.karno, lung)))
  expect_equal(hazard_ratio(fit, "old")$estimate, ratios[["oldTRUE"]], tolerance = 1e-8)
  expect_equal(hazard_ratio(fit, "who")$estimate, ratios[["whowoman"]], tolerance = 1e-8)
})

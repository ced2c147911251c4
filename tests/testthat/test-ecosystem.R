# The packages that users apply to a Cox model give on ours what they give on coxph's, with
# survresist attached and survival not. A package that is absent skips its test, but never under CI.

needs <- function(package) {
  if (requireNamespace(package, quietly = TRUE)) return(invisible())
  if (identical(Sys.getenv("CI"), "true")) {
    stop(sprintf("CI must have the package '%s': its tests may not skip.", package), call. = FALSE)
  }
  testthat::skip(sprintf("package '%s' is not here", package))
}

# Methods evaluate the call of a fit again, where its formula was made: so fits live in the global
# environment's child that the tests share.
study <- survival::rotterdam
study$grade <- factor(study$grade, labels = c("two", "three"))
study$meno <- factor(study$meno, labels = c("pre", "post"))

model <- Surv(dtime, death) ~ age + size * meno + hormon + strata(grade)
ours <- fit_cox(model, study)
theirs <- survival::coxph(model, study)
simple <- Surv(dtime, death) ~ age + size + meno
ours_simple <- fit_cox(simple, study, x = TRUE)
theirs_simple <- survival::coxph(simple, study, x = TRUE)

same <- function(a, b, tol = 1e-7) {
  testthat::expect_equal(a, b, tolerance = tol, ignore_attr = TRUE)
}

test_that("drop1, step and update find the same models", {
  same(stats::drop1(ours), stats::drop1(theirs))
  same(stats::drop1(ours, test = "Chisq"), stats::drop1(theirs, test = "Chisq"))
  a <- stats::step(ours, trace = 0)
  b <- stats::step(theirs, trace = 0)
  expect_s3_class(a, "sr_cox")
  expect_identical(names(a$coefficients), names(b$coefficients))
  same(coef(a), coef(b))
  a <- stats::update(ours, . ~ . - age + log(nodes + 1))
  b <- stats::update(theirs, . ~ . - age + log(nodes + 1))
  expect_identical(names(coef(a)), names(coef(b)))
  same(coef(a), coef(b))
  same(stats::add1(ours_simple, ~ . + hormon), stats::add1(theirs_simple, ~ . + hormon))
})

test_that("information criteria are the same", {
  criteria <- list(AIC, BIC, stats::extractAIC, stats::logLik, stats::nobs, stats::deviance)
  for (criterion in criteria) {
    a <- tryCatch(criterion(ours), error = function(e) "none")
    b <- tryCatch(criterion(theirs), error = function(e) "none")
    same(a, b)
  }
  expect_equal(attr(logLik(ours), "df"), 7)
})

test_that("emmeans", {
  needs("emmeans")
  same(
    as.data.frame(emmeans::emmeans(ours, ~ size | meno)),
    as.data.frame(emmeans::emmeans(theirs, ~ size | meno))
  )
  pairs <- function(fit) {
    as.data.frame(graphics::pairs(
      emmeans::emmeans(fit, ~ size | meno), reverse = TRUE, type = "response"
    ))
  }
  same(pairs(ours), pairs(theirs))
  trend <- function(fit) as.data.frame(emmeans::emtrends(fit, ~meno, var = "age"))
  same(trend(ours), trend(theirs))
})

test_that("multcomp", {
  needs("multcomp")
  test <- function(fit) {
    found <- summary(
      multcomp::glht(fit, c("age = 0", "hormon - age = 0")), test = multcomp::univariate()
    )
    unclass(found$test)[c("coefficients", "sigma", "tstat", "pvalues")]
  }
  same(test(ours), test(theirs))
  tukey <- function(fit) {
    found <- multcomp::glht(fit, multcomp::mcp(size = "Tukey"))
    list(coef(found), stats::vcov(found))
  }
  same(tukey(ours_simple), tukey(theirs_simple))
})

test_that("car", {
  needs("car")
  for (type in c("II", "III")) {
    for (statistic in c("LR", "Wald")) {
      table <- function(fit) {
        suppressMessages(suppressWarnings(
          car::Anova(fit, type = type, test.statistic = statistic)
        ))
      }
      same(table(ours), table(theirs))
      same(table(ours_simple), table(theirs_simple))
    }
  }
  same(car::linearHypothesis(ours, "age = 0"), car::linearHypothesis(theirs, "age = 0"))
  same(car::deltaMethod(ours, "exp(age)"), car::deltaMethod(theirs, "exp(age)"))
})

test_that("sandwich", {
  needs("sandwich")
  same(sandwich::estfun(ours), sandwich::estfun(theirs))
  same(sandwich::bread(ours), sandwich::bread(theirs))
  same(sandwich::sandwich(ours), sandwich::sandwich(theirs))
  same(sandwich::vcovCL(ours, cluster = study$year), sandwich::vcovCL(theirs, cluster = study$year))
})

test_that("broom", {
  needs("broom")
  for (pair in list(list(ours, theirs), list(as_coxph(ours), theirs))) {
    same(broom::tidy(pair[[1]]), broom::tidy(pair[[2]]))
    same(
      broom::tidy(pair[[1]], exponentiate = TRUE, conf.int = TRUE),
      broom::tidy(pair[[2]], exponentiate = TRUE, conf.int = TRUE)
    )
    same(broom::glance(pair[[1]]), broom::glance(pair[[2]]))
    expect_identical(names(broom::glance(pair[[1]])), names(broom::glance(pair[[2]])))
    same(broom::augment(pair[[1]], study), broom::augment(pair[[2]], study))
    same(
      broom::augment(pair[[1]], newdata = study[1:9, ], type.predict = "risk"),
      broom::augment(pair[[2]], newdata = study[1:9, ], type.predict = "risk")
    )
  }
  same(broom::tidy(survival::survfit(ours_simple)), broom::tidy(survival::survfit(theirs_simple)))
})

test_that("mice", {
  needs("mice")
  # meal.cal and wt.loss are missing in 61 of 228 rows
  lung <- survival::lung[c("time", "status", "age", "sex", "meal.cal", "wt.loss")]
  filled <- mice::mice(lung, m = 3, maxit = 2, seed = 1, printFlag = FALSE)
  a <- with(filled, fit_cox(Surv(time, status) ~ age + meal.cal + wt.loss + strata(sex)))
  b <- with(filled, survival::coxph(Surv(time, status) ~ age + meal.cal + wt.loss + strata(sex)))
  same(summary(mice::pool(a)), summary(mice::pool(b)))
})

test_that("riskRegression", {
  needs("riskRegression")
  times <- c(365, 1000, 3000)
  a <- stats::update(ours, x = TRUE)
  b <- stats::update(theirs, x = TRUE)
  same(
    riskRegression::predictRisk(a, newdata = study[1:20, ], times = times),
    riskRegression::predictRisk(b, newdata = study[1:20, ], times = times)
  )
  score <- function(fit) {
    found <- riskRegression::Score(
      list(fit), Surv(dtime, death) ~ 1, data = study[1:300, ], times = 1000, se.fit = FALSE
    )
    as.data.frame(found$Brier$score)[c("times", "Brier")]
  }
  same(score(a), score(b))
})

test_that("pec", {
  needs("pec")
  same(
    pec::predictSurvProb(ours_simple, newdata = study[1:20, ], times = c(365, 1000)),
    pec::predictSurvProb(theirs_simple, newdata = study[1:20, ], times = c(365, 1000))
  )
})

test_that("survminer", {
  needs("survminer")
  curves <- function(fit) {
    suppressWarnings(survminer::ggsurvplot(survival::survfit(fit), data = study))$plot$data
  }
  same(curves(ours), curves(theirs))
  zph_plot <- function(fit) {
    plots <- suppressWarnings(survminer::ggcoxzph(survival::cox.zph(fit)))
    lapply(plots, function(plot) plot$data)
  }
  same(zph_plot(ours_simple), zph_plot(theirs_simple))
  expect_length(suppressWarnings(survminer::ggcoxzph(zph(ours_simple))), 3)
  expect_s3_class(suppressWarnings(survminer::ggforest(ours_simple, data = study)), "ggplot")
  adjusted <- function(fit) {
    suppressWarnings(survminer::ggadjustedcurves(fit, variable = "size", data = study))$data
  }
  same(adjusted(ours_simple), adjusted(theirs_simple))
})

test_that("gtsummary, where it is installed", {
  skip_if_not_installed("gtsummary")
  expect_s3_class(gtsummary::tbl_regression(ours), "tbl_regression")
})

test_that("ggsurvfit, where it is installed", {
  skip_if_not_installed("ggsurvfit")
  expect_s3_class(ggsurvfit::ggsurvfit(survival::survfit(ours)), "ggplot")
})

test_that("functions of survival take our fit", {
  same(survival::cox.zph(ours)$table, survival::cox.zph(theirs)$table)
  same(survival::basehaz(ours_simple), survival::basehaz(theirs_simple))
  same(
    survival::basehaz(ours_simple, centered = FALSE),
    survival::basehaz(theirs_simple, centered = FALSE)
  )
  same(survival::concordance(ours)$concordance, survival::concordance(theirs)$concordance)
  same(
    survival::concordance(ours, theirs_simple)$concordance,
    survival::concordance(theirs, theirs_simple)$concordance
  )
  same(survival::coxph.detail(ours)$hazard, survival::coxph.detail(theirs)$hazard)
  same(stats::anova(ours), stats::anova(theirs))
  same(
    stats::anova(ours_simple, stats::update(ours_simple, . ~ . + hormon)),
    stats::anova(theirs_simple, stats::update(theirs_simple, . ~ . + hormon))
  )
  same(stats::model.frame(ours), stats::model.frame(theirs))
  same(stats::model.matrix(ours), stats::model.matrix(theirs))
  same(survival::royston(ours_simple), survival::royston(theirs_simple))
  expect_identical(formula(ours), formula(theirs))
  expect_identical(class(as_coxph(ours)), "coxph")
})

test_that("boot.ci takes a bootstrap", {
  needs("boot")
  skip_if_not(exists("bootstrap"), "bootstrap() is not part of this build")
  set <- bootstrap(ours_simple, times = 200, seed = 1)
  interval <- boot::boot.ci(set, type = c("norm", "basic", "perc"), index = 1)
  expect_s3_class(interval, "bootci")
  wald <- stats::confint(theirs_simple)[1, ]
  expect_lt(max(abs(interval$percent[4:5] - wald)), 0.3 * diff(wald))
})

test_that("mclapply over fits after a threaded fit ends, with the same bits", {
  skip_on_os("windows")
  results <- tempfile(fileext = ".rds")
  on.exit(unlink(results))
  run_child(c(
    "n <- 2e5",
    "x <- cbind(a = sin(seq_len(n)), b = cos(seq_len(n)^2))",
    "y <- Surv(1 + abs(sin(seq_len(n) * 3)), rep(1:0, length.out = n))",
    "set_threads(2)",
    "coefficients <- function(k) fit_cox_xy(x, y)$coefficients",
    "formula_fit <- function(k) fit_cox(Surv(time, status) ~ age, survival::lung)$coefficients",
    "found <- list(here = coefficients(1), forked = parallel::mclapply(1:2, coefficients),",
    "  formula = formula_fit(1), formula_forked = parallel::mclapply(1:4, formula_fit))",
    sprintf("saveRDS(found, %s)", deparse(results))
  ), seconds = 120)
  found <- readRDS(results)
  expect_length(found$here, 2L)
  expect_identical(found$forked, rep(list(found$here), 2L))
  expect_identical(found$formula_forked, rep(list(found$formula), 4L))
})

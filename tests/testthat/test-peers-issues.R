# What users of other packages met: each a test.

# --- more than 2^31 cells (survival issue 54) ----------------------------------------------------
# A residual matrix of 2^31 cells takes 17 GB, so none is made here. What can overflow is the
# arithmetic of an index: no C file may multiply or index in `int`.

c_sources <- function() {
  places <- file.path(c("../../src", "../../../src", "../../survresist/src"))
  found <- Filter(function(place) file.exists(file.path(place, "r_init.c")), places)
  if (length(found) == 0L) testthat::skip("the C sources are not beside the tests")
  list.files(found[[1L]], "[.][ch]$", full.names = TRUE)
}

test_that("no kernel counts rows or cells in int", {
  kernels <- grep("/(core|model)_[a-z_]+[.][ch]$", c_sources(), value = TRUE)
  expect_gt(length(kernels), 20)
  for (file in kernels) {
    code <- paste(readLines(file, warn = FALSE), collapse = " ")
    code <- gsub('"[^"]*"', "", gsub("/\\*.*?\\*/", "", code, perl = TRUE))
    counted <- regmatches(
      code, gregexpr("\\b(int|unsigned) +(n|n_row|n_rows|row|rows|n_cell|cells)\\b[^(]", code)
    )[[1L]]
    expect_identical(counted, character(), label = basename(file))
    cast <- regmatches(code, gregexpr("\\(int\\) *\\(?[A-Za-z_>.-]*(n|p|rows) *\\*", code))[[1L]]
    expect_identical(cast, character(), label = basename(file))
  }
})

test_that("the last cells of a wide residual matrix are right", {
  n <- 20000
  p <- 20
  x <- matrix(sin(seq_len(n * p)^1.5), n)
  y <- Surv(1 + abs(cos(seq_len(n))), rep(1:0, length.out = n))
  ours <- residuals(fit_cox(y ~ x, control = tight), "score")
  theirs <- residuals(survival::coxph(y ~ x, control = tight), "score")
  expect_identical(dim(ours), c(as.integer(n), as.integer(p)))
  expect_lte(gap(ours[n, ], theirs[n, ]), 1e-8)
  expect_lte(gap(ours[, p], theirs[, p]), 1e-8)
})

# --- robust clusters on many (start, stop] rows (lifelines issue 1067) ---------------------------

test_that("a robust variance by cluster of 300,000 (start, stop] rows takes seconds", {
  skip_on_cran()
  n <- 300000
  set.seed(1)
  cohort <- data.frame(id = rep(seq_len(n / 3), each = 3), visit = rep(0:2, n / 3), x = rnorm(n))
  cohort$start <- cohort$visit * 30
  cohort$stop <- cohort$start + ifelse(cohort$visit == 2, 1 + floor(runif(n) * 30), 30)
  cohort$event <- as.numeric(cohort$visit == 2 & runif(n) < 0.4)
  setTimeLimit(elapsed = 60, transient = TRUE)
  on.exit(setTimeLimit())
  fit <- fit_cox(Surv(start, stop, event) ~ x, cohort, cluster = id)
  setTimeLimit()
  expect_false(is.null(fit$naive.var))
  # the sandwich, from dfbeta summed within clusters
  dfbeta <- rowsum(residuals(fit, "dfbeta"), cohort$id)
  expect_equal(drop(fit$var), sum(dfbeta^2), tolerance = 1e-10)
  # by another road: the same of every tenth subject, from survival
  few <- cohort[cohort$id %% 10 == 0, ]
  expect_equal(
    fit_cox(Surv(start, stop, event) ~ x, few, cluster = id)$var,
    survival::coxph(Surv(start, stop, event) ~ x, few, cluster = id)$var,
    tolerance = 1e-7
  )
})

# --- one curve for one patient of a stratified model (survival issue 130) -------------------------

test_that("a patient with a stratum gets one curve, the right one", {
  colon <- subset(survival::colon, etype == 2)
  fit <- fit_cox(Surv(time, status) ~ age + nodes + strata(rx), colon)
  theirs <- survival::coxph(Surv(time, status) ~ age + nodes + strata(rx), colon)
  patient <- data.frame(age = 61, nodes = 3, rx = factor("Lev", levels(colon$rx)))
  curve <- survival::survfit(fit, newdata = patient)
  expect_null(dim(curve$surv))
  expect_identical(as.integer(curve$n), sum(colon$rx == "Lev" & !is.na(colon$nodes)))
  every <- survival::survfit(theirs, newdata = patient[c("age", "nodes")])
  expect_equal(curve$time, every["Lev"]$time)
  expect_equal(curve$surv, every["Lev"]$surv, tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(curve$std.err, every["Lev"]$std.err, tolerance = 1e-8, ignore_attr = TRUE)
  # two patients of two strata: a curve each
  two <- rbind(patient, transform(patient, rx = factor("Obs", levels(colon$rx))))
  expect_equal(
    summary(survival::survfit(fit, newdata = two), times = 1000)$surv,
    summary(survival::survfit(theirs, newdata = two), times = 1000)$surv, tolerance = 1e-8
  )
})

# --- a strata variable that newdata lacks (tidymodels/censored issue 41) --------------------------

test_that("a strata variable that is missing in newdata is named", {
  lung <- transform(survival::lung, institution = factor(inst))
  fit <- fit_cox(Surv(time, status) ~ age + strata(institution), lung)
  new <- data.frame(age = 60)
  for (type in c("expected", "survival", "lp")) {
    if (type != "lp") new <- data.frame(age = 60, time = 300, status = 1)
    expect_error(predict(fit, newdata = new, type = type), "institution")
  }
  # a misspelt covariate too
  expect_error(survival::survfit(fit, newdata = data.frame(Age = 60)), "age")
})

# --- our own --------------------------------------------------------------------------------------

test_that("a term may index a matrix: x[, 1]", {
  lung <- survival::lung
  x <- cbind(lung$age, lung$sex)
  fit <- fit_cox(Surv(time, status) ~ x[, 1] + x[, 2], lung)
  theirs <- survival::coxph(Surv(time, status) ~ x[, 1] + x[, 2], lung)
  expect_equal(fit$coefficients, theirs$coefficients, tolerance = 1e-8)
  expect_equal(residuals(fit, "score"), residuals(theirs, "score"), tolerance = 1e-7)
})

test_that("contrasts set by C() in the formula hold for what follows the fit, without a warning", {
  lung <- transform(survival::lung, ecog = factor(ph.ecog))
  formula <- Surv(time, status) ~ C(ecog, contr.sum) + age + strata(sex)
  # coxph's own methods lose the contrasts, with a warning, unless the fit keeps x
  theirs <- survival::coxph(formula, lung, x = TRUE)
  patients <- subset(lung, !is.na(ph.ecog))[1:9, ]
  # coxph's curve loses them even then; treatment contrasts are the same model
  same <- survival::coxph(Surv(time, status) ~ ecog + age + strata(sex), lung)
  curve <- survival::survfit(same, newdata = patients)
  for (keeps_x in c(FALSE, TRUE)) {
    expect_silent({
      ours <- fit_cox(formula, lung, x = keeps_x)
      of_rows <- list(residuals(ours, "score"), residuals(ours, "schoenfeld"), zph(ours)$table)
      lp <- predict(ours, patients)
      ours_curve <- survival::survfit(ours, newdata = patients)
    })
    expect_equal(
      of_rows, list(
        residuals(theirs, "score"), residuals(theirs, "schoenfeld"), survival::cox.zph(theirs)$table
      ), tolerance = 1e-6
    )
    expect_equal(lp, suppressWarnings(predict(theirs, patients)), tolerance = 1e-8)
    expect_equal(ours_curve$surv, curve$surv, tolerance = 1e-8)
    expect_equal(ours_curve$std.err, curve$std.err, tolerance = 1e-8)
  }
})

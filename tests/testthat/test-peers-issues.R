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

# Score residuals of Efron's likelihood at `beta` from sums by day, not from lists of rows: what is
# at risk on a day is what has entered before less what has left before.
scores_by_day <- function(study, x, beta) {
  day <- seq_len(max(study$stop))
  risk <- exp(drop(x %*% beta))
  dead <- study$event == 1
  by_day <- function(value, at) {
    total <- numeric(length(day))
    sums <- rowsum(value, at)
    total[as.integer(rownames(sums))] <- sums
    total
  }
  at_risk <- function(value) {
    entered <- cumsum(by_day(value, study$start + 1))
    left <- c(0, cumsum(by_day(value, study$stop)))[day]
    entered - left
  }
  n_dead <- by_day(as.numeric(dead), study$stop)
  s0 <- at_risk(risk)
  t0 <- by_day(risk[dead], study$stop[dead])
  scores <- vapply(seq_len(ncol(x)), function(j) {
    s1 <- at_risk(risk * x[, j])
    t1 <- by_day((risk * x[, j])[dead], study$stop[dead])
    # columns: hazard, hazard times mean, the same for those that die, mean of the means
    sums <- t(vapply(day, function(k) {
      share <- (seq_len(n_dead[[k]]) - 1) / n_dead[[k]]
      below <- s0[[k]] - share * t0[[k]]
      mean <- (s1[[k]] - share * t1[[k]]) / below
      c(
        sum(1 / below), sum(mean / below), sum((1 - share) / below),
        sum((1 - share) * mean / below), if (n_dead[[k]] > 0) mean(mean) else 0
      )
    }, numeric(5)))
    until <- rbind(0, apply(sums[, 1:2], 2, cumsum))
    passed <- until[study$stop + 1, ] - until[study$start + 1, ]
    own <- sums[study$stop, ]
    own[!dead, ] <- 0
    passed <- passed - own[, 1:2] + own[, 3:4]
    dead * x[, j] - own[, 5] - risk * (x[, j] * passed[, 1] - passed[, 2])
  }, numeric(nrow(x)))
  scores
}

test_that("a robust variance by cluster of millions of (start, stop] rows is the sum by cluster", {
  skip_on_cran()
  n_subject <- if (identical(Sys.getenv("SURVRESIST_LONG"), "true")) 4e6 else 7e5
  n <- 3 * n_subject # three visits each, any of them with an event; subjects differ in their hazard
  set.seed(1067)
  entry <- sample.int(60L, n_subject, replace = TRUE)
  width <- matrix(sample.int(20L, n, replace = TRUE), 3L)
  stop <- rep(entry, each = 3L) + as.vector(rbind(width[1, ], width[1, ] + width[2, ],
    width[1, ] + width[2, ] + width[3, ]))
  frail <- stats::rnorm(n_subject)
  study <- data.frame(
    id = rep(sample.int(n_subject), each = 3L), # clusters are not in the order of their numbers
    start = stop - as.vector(width), stop = stop, x = stats::rnorm(n),
    z = rep(stats::rnorm(n_subject), each = 3L)
  )
  study$event <- as.numeric(stats::runif(n) < 0.05 * exp(0.3 * study$x + rep(frail, each = 3L)))
  fit <- fit_cox(Surv(start, stop, event) ~ x + z, study, cluster = id)
  scores <- scores_by_day(study, cbind(study$x, study$z), coef(fit))
  expect_lt(max(abs(colSums(scores))), 1e-5 * sqrt(sum(scores^2))) # the likelihood's maximum
  summed <- rowsum(scores, study$id)
  expect_identical(nrow(summed), as.integer(n_subject))
  expect_close(fit$var, fit$naive.var %*% crossprod(summed) %*% fit$naive.var, 1e-9)
  # clusters matter here: without them the variance of z is another
  alone <- fit$naive.var %*% crossprod(scores) %*% fit$naive.var
  expect_gt(abs(alone[2, 2] / fit$var[2, 2] - 1), 1e-4)
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

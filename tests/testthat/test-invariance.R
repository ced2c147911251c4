# What must not change an answer: the order of rows, the unit of time, weight 2 in place of a row
# twice, follow-up cut in pieces, the unit and origin of covariates, the number of threads.

same_fit <- function(a, b, tol, parts = c("coefficients", "var", "loglik", "score")) {
  for (part in parts) expect_lte(gap(unname(a[[part]]), unname(b[[part]])), tol, label = part)
}

some_designs <- function(n = 24L) {
  designs <- lapply(seq(3L, by = 7L, length.out = n), make_design)
  Filter(function(design) !is_divergent(fit_design(design, quote(fit_cox))), designs)
}

test_that("the order of rows does not matter", {
  for (design in some_designs()) {
    n <- nrow(design$data)
    moved <- design
    moved$data <- design$data[order(sin(seq_len(n))), ]
    a <- fit_design(design, quote(fit_cox), control = tight)
    b <- fit_design(moved, quote(fit_cox), control = tight)
    same_fit(b, a, 1e-9)
    expect_lte(gap(b$residuals[names(a$residuals)], a$residuals), 1e-9)
  }
})

test_that("the unit of time does not matter, down to 1e-9", {
  for (design in some_designs(12L)) {
    a <- fit_design(design, quote(fit_cox), control = tight)
    for (unit in c(1e-9, 1 / 365.25, 1e6)) {
      other <- design
      times <- intersect(names(design$data), c("start", "stop", "time"))
      other$data[times] <- design$data[times] * unit
      as_they_are <- utils::modifyList(tight, list(timefix = FALSE))
      b <- fit_design(other, quote(fit_cox), control = as_they_are)
      same_fit(b, a, 1e-9, c("coefficients", "var", "loglik", "score", "residuals"))
    }
  }
})

test_that("times of 1e-9 are told apart only when timefix = FALSE", {
  time <- seq_len(40) * 1e-9
  x <- rep(c(1, 0, 0, 1, 1), 8)
  tied <- suppressWarnings(fit_cox(Surv(1 + time, rep(1, 40)) ~ x))
  apart <- fit_cox(Surv(1 + time, rep(1, 40)) ~ x, timefix = FALSE)
  expect_gt(tied$sr$n_merged, 0)
  expect_identical(apart$sr$n_merged, 0)
  expect_equal(apart$coefficients, fit_cox(Surv(seq_len(40), rep(1, 40)) ~ x)$coefficients)
  expect_equal(
    tied$coefficients, suppressWarnings(coef(survival::coxph(Surv(1 + time, rep(1, 40)) ~ x)))
  )
})

test_that("weight 2 is a row twice (Breslow, the variance included)", {
  colon <- subset(survival::colon, etype == 1)
  colon <- stats::na.omit(colon[c("time", "status", "rx", "age", "nodes", "obstruct")])
  colon$times <- rep(1:3, length.out = nrow(colon))
  repeated <- colon[rep(seq_len(nrow(colon)), colon$times), ]
  formula <- Surv(time, status) ~ rx + age + nodes + strata(obstruct)
  weighted <- fit_cox(formula, colon, weights = times, ties = "breslow", control = tight)
  twice <- fit_cox(formula, repeated, ties = "breslow", control = tight)
  same_fit(weighted, twice, 1e-10)
  first <- !duplicated(rep(seq_len(nrow(colon)), colon$times))
  expect_lte(gap(weighted$residuals, unname(twice$residuals)[first]), 1e-10)
  expect_equal(twice$nevent, sum(colon$status * colon$times))
  # Efron's correction depends on the number of tied rows: there the two differ
  efron <- fit_cox(formula, colon, weights = times)
  expect_gt(gap(efron$coefficients, weighted$coefficients), 1e-6)
})

test_that("follow-up cut in pieces is the same follow-up", {
  lung <- stats::na.omit(survival::lung[c("time", "status", "age", "sex", "ph.ecog")])
  lung$event <- lung$status - 1
  lung$id <- seq_len(nrow(lung))
  cut <- survival::survSplit(
    Surv(time, event) ~ ., lung, cut = c(50, 180, 181, 365.5, 700), episode = "piece"
  )
  for (ties in c("efron", "breslow")) {
    whole <- fit_cox(
      Surv(time, event) ~ age + sex + strata(ph.ecog), lung, ties = ties, control = tight
    )
    pieces <- fit_cox(
      Surv(tstart, time, event) ~ age + sex + strata(ph.ecog), cut, ties = ties, control = tight
    )
    same_fit(pieces, whole, 1e-9)
    expect_lte(gap(rowsum(pieces$residuals, cut$id), as.matrix(whole$residuals)), 1e-9)
    expect_lte(
      gap(
        unname(residuals(pieces, "dfbeta", collapse = cut$id)),
        unname(residuals(whole, "dfbeta"))
      ),
      1e-9
    )
    robust <- fit_cox(
      Surv(tstart, time, event) ~ age + sex + strata(ph.ecog), cut, ties = ties, cluster = id,
      control = tight
    )
    whole_robust <- fit_cox(
      Surv(time, event) ~ age + sex + strata(ph.ecog), lung, ties = ties, robust = TRUE,
      control = tight
    )
    same_fit(robust, whole_robust, 1e-9, c("var", "naive.var"))
  }
})

test_that("covariates of another unit and origin give the same model", {
  rotterdam <- survival::rotterdam
  recoded <- transform(
    rotterdam, age = (age - 50) * 1e5, nodes = nodes / 1e6 + 3, er = 7 - er
  )
  formula <- Surv(dtime, death) ~ age + nodes + er + strata(grade)
  a <- fit_cox(formula, rotterdam, control = tight)
  b <- fit_cox(formula, recoded, control = tight)
  factor <- c(1e-5, 1e6, -1)
  expect_lte(max(abs(b$coefficients / (a$coefficients * factor) - 1)), 1e-9)
  expect_lte(max(abs(b$var / (a$var * outer(factor, factor)) - 1)), 1e-8)
  same_fit(b, a, 1e-10, c("loglik", "score", "wald.test", "residuals"))
  expect_lte(gap(b$linear.predictors, a$linear.predictors), 1e-9)
  expect_lte(gap(zph(b)$table, zph(a)$table), 1e-8)
  # a whole linear map of the columns
  map <- matrix(c(2, 1, 0, -1, 3, 1, 0, 1, 4), 3)
  x <- as.matrix(rotterdam[c("age", "nodes", "er")])
  z <- x %*% map
  plain <- fit_cox(Surv(dtime, death) ~ x, rotterdam, control = tight)
  mapped <- fit_cox(Surv(dtime, death) ~ z, rotterdam, control = tight)
  expect_lte(gap(drop(map %*% mapped$coefficients), unname(plain$coefficients)), 1e-9)
  expect_lte(gap(map %*% mapped$var %*% t(map), plain$var), 1e-8)
})

test_that("one thread and two give the same bits", {
  before <- get_threads()
  on.exit(set_threads(before))
  n <- 150000
  set.seed(4)
  x <- matrix(rnorm(n * 3), n)
  exit <- rexp(n) * exp(-0.3 * x[, 1])
  studies <- list(
    days = list(y = Surv(ceiling(exit * 300), rep(1:0, length.out = n))),
    continuous = list(y = Surv(exit, rep(1:0, length.out = n)), weights = runif(n, 0.5, 2)),
    entry = list(
      y = Surv(exit * runif(n, 0, 0.9), exit, rep(1:0, length.out = n)),
      stratum = sample.int(3, n, TRUE)
    )
  )
  for (study in studies) {
    work <- function(threads) {
      set_threads(threads)
      parts <- list(y = study$y, x = x, w = study$weights, s = study$stratum)
      data <- Filter(Negate(is.null), parts)
      formula <- if (is.null(study$stratum)) y ~ x else y ~ x + strata(s)
      fit <- if (is.null(study$weights)) {
        fit_cox(formula, data)
      } else {
        fit_cox(formula, data, weights = w, robust = TRUE)
      }
      list(
        fit[setdiff(names(fit), c("call", "terms", "formula", "sr"))], residuals(fit, "score"),
        zph(fit)$table, survival::survfit(fit)$std.err
      )
    }
    expect_identical(work(2), work(1))
  }
  fewer <- seq_len(2000)
  y <- studies$days$y[fewer]
  few <- function(threads, ...) {
    set_threads(threads)
    fit_cox_xy(x[fewer, ], y, ...)
  }
  expect_identical(few(2), few(1))
})

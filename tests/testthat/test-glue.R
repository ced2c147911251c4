# What reaches C is checked once more there: a bundle of the wrong type, length or code is an error,
# never a read beyond an end. These messages are for developers.

x <- matrix(as.double(c(3, 1, 4, 1, 5, 9, 2, 6)), 4)
y <- cbind(as.double(1:4), c(1, 0, 1, 1))

fit_bundle <- function(data, init = NULL, is_centred = c(TRUE, TRUE)) {
  .Call(survresist:::C_cox_fit, data, TRUE, init, 20L, 1e-9, 1e-11, is_centred, 0)
}

test_that("the sound bundle is fitted", {
  found <- fit_bundle(list(x, y, NULL, NULL, NULL))
  expect_length(found$coefficients, 2L)
  expect_identical(fit_bundle(list(list(x[, 1], x[, 2]), y, NULL, NULL, NULL)), found)
})

test_that("a bundle of the wrong shape, type or code is refused", {
  refused <- list(
    "must come from cox_data" = list(x, y),
    "must come from cox_data" = x,
    "`y` must be a double matrix of 2 or 3" = list(x, y[, 1, drop = FALSE], NULL, NULL, NULL),
    "`y` must be a double matrix of 2 or 3" = list(x, y == 1, NULL, NULL, NULL),
    "`x` must have 4 rows" = list(x[1:3, ], y, NULL, NULL, NULL),
    "must be 4 doubles" = list(list(x[, 1], x[1:3, 2]), y, NULL, NULL, NULL),
    "must be 4 doubles" = list(list(x[, 1], 1:4), y, NULL, NULL, NULL),
    "must be 4 doubles" = list(list(x[, 1], NULL), y, NULL, NULL, NULL),
    "`x` must be a double matrix or a list" = list("x", y, NULL, NULL, NULL),
    "`stratum` must be 4 integers" = list(x, y, c(0, 0, 1, 1), NULL, NULL),
    "`stratum` must be 0 or more" = list(x, y, c(0L, 0L, -1L, 1L), NULL, NULL),
    "`stratum` must be 0 or more" = list(x, y, c(0L, 0L, NA, 1L), NULL, NULL),
    "`weights` must be 4 doubles" = list(x, y, NULL, c(1, 1), NULL),
    "`offset` must be 4 doubles" = list(x, y, NULL, NULL, 1:4)
  )
  for (k in seq_along(refused)) {
    expect_error(fit_bundle(refused[[k]]), names(refused)[[k]], label = names(refused)[[k]])
  }
  data <- list(x, y, NULL, NULL, NULL)
  expect_error(fit_bundle(data, init = 1), "`init` must be 2 doubles")
  expect_error(fit_bundle(data, is_centred = TRUE), "`is_centred` must be 2 logicals")
})

test_that("counting by stratum reads and writes no place that is not there", {
  count <- function(y, stratum, n_stratum) {
    .Call(survresist:::C_frame_count, y, stratum, n_stratum)
  }
  expect_identical(
    count(y, c(0L, 1L, 1L, 1L), 2L), list(rows = c(1, 3), events = c(1, 2))
  )
  for (stratum in list(c(0L, NA, 1L, 1L), c(0L, 1L, 2L, 1L), c(0L, -1L, 1L, 1L))) {
    expect_error(count(y, stratum, 2L), "must lie from 0")
  }
  expect_error(count(y, c(0L, 1L), 2L), "must be 4 integers")
  expect_error(count(y[, 1], NULL, 1L), "must be a double matrix")
})

test_that("what the other entries take beside the bundle is checked too", {
  data <- list(x, y, NULL, NULL, NULL)
  call <- function(name, ...) .Call(getFromNamespace(name, "survresist"), data, ...)
  expect_error(call("C_cox_schoenfeld", c(0, 0), TRUE), "must be 4 doubles")
  expect_error(call("C_concordance", c(1, 2), NULL, 0L), "`lp` must be 4 doubles")
  expect_error(call("C_concordance", y[, 1], c(0L, 1L, -1L, 0L), 0L), "0 or more")
  profile <- function(coef = c(0, 0), is_centred = c(TRUE, TRUE), which = 0L) {
    call("C_cox_profile", TRUE, coef, is_centred, which, 1.96)
  }
  expect_error(profile(coef = 0), "`coef` must be 2 doubles")
  expect_error(profile(is_centred = TRUE), "`is_centred` must be 2 logicals")
  for (which in list(2L, -1L, NA_integer_)) {
    expect_error(profile(which = which), "must be columns of `x`")
  }
  expect_error(
    call("C_cox_firth", TRUE, NULL, 20L, 1e-9, 1e-11, c(TRUE, TRUE), 0, TRUE), "`fixed` must be"
  )
})

test_that("a hazard has the sizes that its family can hold", {
  table <- function(family, K, setting = numeric(), scale = 1L) {
    hazard <- list(family, scale, as.double(setting), K)
    .Call(survresist:::C_hazard_table, hazard, c(0.1, 0.7), c(0, 0), double(2L * K), 0L)
  }
  # the most that each can hold: a spline's link and knots, knots of a smooth one, cuts of pieces
  expect_length(table("spline", 24L, c(0, 0:23))$cum, 2L)
  expect_length(table("smooth", 32L, 0:29)$cum, 2L)
  expect_length(table("pieces", 64L, 1:63)$cum, 2L)
  expect_length(table("weibull", 2L)$cum, 2L)
  expect_error(table("spline", 25L, c(0, 0:24)), "'spline' has 2 to 24 parameters")
  expect_error(table("spline", 64L, 0:65), "'spline' has 2 to 24 parameters")
  expect_error(table("smooth", 33L, 0:30), "'smooth' has 4 to 32 parameters")
  expect_error(table("pieces", 65L, 1:64), "'pieces' has 1 to 64 parameters")
  expect_error(table("weibull", 1L), "'weibull' has 2 to 2 parameters")
  expect_error(table("genf", 5L), "'genf' has 4 to 4 parameters")
  expect_error(table("spline", 4L, c(0, 0:2)), "'spline' with 4 parameters fixes 5 numbers")
  expect_error(table("smooth", 5L, 0:3), "'smooth' with 5 parameters fixes 3 numbers")
  expect_error(table("pieces", 3L, 1), "'pieces' with 3 parameters fixes 2 numbers")
  expect_error(table("weibull", 2L, 1), "'weibull' with 2 parameters fixes 0 numbers")
  for (scale in list(NA_integer_, -1L, 4L)) {
    expect_error(table("weibull", 2L, scale = scale), "no such scale")
  }
  expect_error(table("cauchy", 2L), "there is no family 'cauchy'")
  weibull <- list("weibull", 1L, numeric(), 2L)
  expect_error(
    .Call(survresist:::C_hazard_table, weibull, 0.1, 0, NULL, 0L), "`theta` must be 2 doubles"
  )
})

# Fine and Gray's model: kind 1 is of interest, 2 competes
kinds <- cbind(as.double(1:4), c(1, 0, 2, 1))
competing <- list(x[, 1, drop = FALSE], kinds, NULL, NULL, NULL)
control <- c(1, 20, 1e-9, 1e-11, 0)
still <- survresist:::finegray_robust("model")

test_that("Fine and Gray's model takes only what it can read", {
  fit <- function(group = NULL, control = c(1, 20, 1e-9, 1e-11, 0), init = NULL, robust = still) {
    spec <- list(1, group, NULL, NULL)
    .Call(survresist:::C_finegray_fit, competing, spec, control, init, robust)
  }
  expect_identical(fit(group = integer(4)), fit())
  expect_error(fit(group = c(0L, -1L, 0L, 0L)), "must be 0 or more")
  expect_error(fit(group = c(0L, NA, 0L, 0L)), "must be 0 or more")
  expect_error(fit(control = control[1:4]), "`control` must be 5 doubles")
  expect_error(fit(control = as.integer(control)), "`control` must be 5 doubles")
  expect_error(fit(init = c(0, 0)), "`init` must be 1 doubles")
  expect_error(fit(robust = still[1:4]), "must come from finegray_robust")
  expect_error(fit(robust = list(1L, 0:3, 3L, NULL, FALSE)), "4 clusters, not 3")
  expect_error(fit(robust = list(1L, c(0L, -1L, 1L, 1L), 2L, NULL, FALSE)), "must be 0 or more")

  curves <- function(at = list(0, 1), query = list(0L, 2, NULL)) {
    spec <- list(1, NULL, NULL, NULL)
    .Call(survresist:::C_finegray_curves, competing, spec, control, at, still, query)
  }
  expect_length(curves()$hazard, 1L)
  expect_error(curves(at = list(0)), "must be asked for by finegray_spread")
  expect_error(curves(at = list(0, c(1, 1))), "`var` must be 1 doubles")
  expect_error(curves(query = list(0L, 2)), "must be asked for by finegray_spread")
  expect_error(curves(query = list(0L, 2L, NULL)), "`time` must be 1 doubles")
  expect_error(curves(query = list(1L, 2, NULL)), "stratum of the query is not in the data")
  expect_error(curves(query = list(NULL, 2, NULL)), "must have strata")
  zph <- function(coef = 0, clock = as.double(1:4)) {
    spec <- list(1, NULL, NULL, NULL)
    .Call(survresist:::C_finegray_zph, competing, spec, control, coef, clock, 2L)
  }
  expect_length(zph()$row, 2L)
  expect_error(zph(coef = NULL), "`coef` must be 1 doubles")
  expect_error(zph(clock = 1), "`clock` must be 4 doubles")
})

test_that("the interval-censored model takes only what it can read", {
  data <- list(x[, 1, drop = FALSE], c(0, 1, 2, 1), c(2, 3, Inf, Inf), NULL, NULL, NULL, NULL)
  fit <- function(data, control = c(100, 1e-8), wants = c(TRUE, FALSE)) {
    .Call(survresist:::C_icph_fit, data, NULL, NULL, NULL, control, wants)
  }
  found <- fit(data)
  expect_identical(dim(found$var), c(1L, 1L))
  bare <- fit(c(list(NULL), data[-1]))
  expect_identical(dim(bare$var), c(0L, 0L))
  expect_error(fit(data, control = 100), "`control` must be 2 doubles")
  expect_error(fit(data, wants = TRUE), "two logical values")
  expect_error(fit(replace(data, 3L, list(NULL))), "`right` must be 4 doubles")
  for (entry in c("C_icph_rows", "C_icph_curve")) {
    call <- function(...) .Call(getFromNamespace(entry, "survresist"), data, ...)
    jump <- found$node$jump
    expect_length(call(0, jump)[[1L]], if (entry == "C_icph_rows") 4L else length(jump))
    expect_error(call(0L, jump), "`beta` must be 1 doubles")
    expect_error(call(NULL, jump), "`beta` must be 1 doubles")
    expect_error(call(0, as.character(jump)), "`jump` must be")
    expect_error(call(0, c(jump, 1)), class = "survresist_error")
  }
})

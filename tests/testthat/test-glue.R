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

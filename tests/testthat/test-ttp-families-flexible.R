# The flexible families by themselves: values, derivatives, the unit of time. Their fits are in
# test-ttp-spline.R.

skip_if_not_installed("flexsurv")

gompertz_theta <- function(n) cbind(rnorm(n, -1, 0.5), rnorm(n, sd = 0.3))

knotted_spline <- function(link, knots = c(-1.5, -0.4, 0.3, 1.1, 2)) {
  family <- ttp_spline(knots = length(knots) - 2L, link = link)
  family$setting <- c(match(link, c("hazard", "odds", "normal")) - 1, knots)
  family
}

# log H by the definition of the link, from flexsurv's basis of truncated powers
by_truncated_powers <- function(gamma, log_time, knots, link) {
  s <- drop(flexsurv::fss(log_time, knots) %*% gamma)
  switch(link,
    hazard = s, odds = log(-plogis(s, lower.tail = FALSE, log.p = TRUE)),
    normal = log(-pnorm(s, lower.tail = FALSE, log.p = TRUE))
  )
}

test_that("derivatives of the flexible families are those of central differences, on every scale", {
  withr::local_seed(1)
  n <- 60L
  log_time <- seq(-4, 3, length.out = n)
  check <- function(family, theta, log_time) {
    for (scale in family$scales) {
      eta <- rnorm(n, sd = 0.4)
      expect_lt(hazard_derivative_error(family, scale, log_time, eta, theta), 2e-6)
    }
  }
  check(family_gompertz(), gompertz_theta(n), seq(-9, 3, length.out = n))
  check(ttp_pieces(c(0.5, 1, 4)), matrix(rnorm(4 * n, sd = 0.5), n), log_time)
  for (link in c("hazard", "odds", "normal")) {
    theta <- cbind(rnorm(n, sd = 0.4), matrix(exp(rnorm(4 * n, sd = 0.3)), n))
    check(knotted_spline(link), theta, log_time)
    check(knotted_spline(link, c(-1, 1)), theta[, 1:2], log_time)
  }
})

test_that("the Gompertz hazard is smooth through the exponential and keeps its digits", {
  shape <- c(-3, -1 - 1e-12, -1 + 1e-12, -1e-3, -1e-9, 0, 1e-9, 1e-3, 1 - 1e-12, 1 + 1e-12, 3)
  at <- hazard_table(
    ttp_hazard(family_gompertz(), "hazard"), numeric(11L), cbind(log(0.2), shape),
    eta = numeric(11L), order = 2L
  )
  near <- abs(shape) > 1e-3 # expm1(a) / a is right to the last digits as it stands
  expect_close(at$cum[near], log(0.2 * expm1(shape) / shape)[near], 1e-14)
  expect_close(at$cum[near], log(flexsurv::Hgompertz(1, shape, 0.2))[near], 1e-14)
  expect_close(at$haz, log(flexsurv::hgompertz(1, shape, 0.2)), 1e-14)
  # g = a / 2 + a^2 / 24 ...
  expect_close(at$cum[5:7], log(0.2) + shape[5:7] / 2, 1e-15)
  # derivatives on both sides of the change from the series to the closed form
  expect_close(at$cum_second[2L, ], at$cum_second[3L, ], 1e-11)
  expect_close(at$cum_second[9L, ], at$cum_second[10L, ], 1e-11)
})

test_that("a falling Gompertz hazard leaves a plateau", {
  late <- hazard_table(ttp_hazard(family_gompertz(), "hazard"), log(1e6), cbind(log(0.2), -0.5), 0)
  expect_close(exp(late$cum), 0.4, 1e-14)
})

test_that("a piecewise constant hazard is summed over its pieces", {
  cuts <- c(0.5, 1, 4)
  rate <- c(0.3, 0.1, 0.7, 0.05)
  time <- c(1e-300, 0.2, 0.5, 0.6, 1, 3.9, 4, 100)
  spent <- t(vapply(time, function(t) pmax(0, pmin(t, c(cuts, Inf)) - c(0, cuts)), numeric(4L)))
  at <- hazard_table(
    ttp_hazard(ttp_pieces(cuts), "hazard"), log(time), matrix(log(rate), 8L, 4L, byrow = TRUE),
    eta = numeric(8L)
  )
  expect_close(at$cum, log(drop(spent %*% rate)), 1e-14)
  expect_close(exp(at$haz), rate[c(1, 1, 1, 2, 2, 3, 3, 4)], 1e-14)
})

test_that("an event at a cut belongs to the piece that ends there, whatever its log rounds to", {
  cuts <- seq(7, 7 * 20, by = 7)
  family <- ttp_pieces(cuts)
  for (unit in c(1, 365.25, 1 / 3, 1e9)) {
    moved <- family$unit(family, log(unit))$family
    theta <- matrix(as.double(1:21), 20L, 21L, byrow = TRUE)
    at <- hazard_table(
      ttp_hazard(moved, "hazard"), log(cuts) - log(unit), theta, eta = numeric(20L)
    )
    expect_identical(at$haz, as.double(1:20))
  }
})

test_that("splines are those of flexsurv in truncated powers", {
  withr::local_seed(2)
  knots <- c(-1.5, -0.4, 0.3, 1.1, 2)
  log_time <- c(-6, seq(-2, 2.5, length.out = 40L), 4)
  for (link in c("hazard", "odds", "normal")) {
    theta <- c(-0.3, exp(rnorm(4L, sd = 0.3)))
    gamma <- drop(spline_gamma_map(knots) %*% theta)
    at <- hazard_table(
      ttp_hazard(knotted_spline(link), knotted_spline(link)$scales[[1L]]), log_time,
      matrix(theta, length(log_time), 5L, byrow = TRUE), eta = numeric(length(log_time))
    )
    expect_close(at$cum, by_truncated_powers(gamma, log_time, knots, link), 1e-12)
    # psurvspline() and hsurvspline() lose digits where survival is near 1 or near 0
    survival <- flexsurv::psurvspline(
      exp(log_time), gamma, knots = knots, scale = link, lower.tail = FALSE
    )
    expect_close(exp(-exp(at$cum)), survival, 1e-12)
    haz <- flexsurv::hsurvspline(exp(log_time), gamma, knots = knots, scale = link)
    middle <- survival > 1e-3 & survival < 1 - 1e-3
    expect_gt(sum(middle), 25L)
    expect_close(exp(at$haz)[middle], haz[middle], 1e-11)
  }
})

test_that("a spline on the probit scale adds the linear predictor to the probit", {
  theta <- matrix(c(0.2, 0.7, 0.7, 0.7, 0.7), 5L, 5L, byrow = TRUE)
  x <- c(-3, -1, 0, 1, 3)
  at <- hazard_table(ttp_hazard(knotted_spline("normal"), "probit"), x, theta, eta = rep(0.5, 5L))
  # all slopes equal: lognormal; the level is that at the middle knot, 0.3
  probit <- 0.2 + 0.5 + 0.7 * (x - 0.3)
  expect_close(-exp(at$cum), pnorm(probit, lower.tail = FALSE, log.p = TRUE), 1e-13)
})

test_that("value, slope and curvature of a spline are continuous at its knots", {
  family <- knotted_spline("hazard")
  knots <- family$setting[-1L]
  theta <- matrix(c(-0.3, 0.4, 1.5, 0.6, 1.1), 10L, 5L, byrow = TRUE)
  x <- rep(knots, each = 2L) + c(-1, 1) * 1e-10
  at <- hazard_table(ttp_hazard(family, "hazard"), x, theta, order = 2L)
  jump <- function(column) max(abs(diff(column)[c(TRUE, FALSE)]))
  expect_lt(jump(at$cum), 1e-8)
  expect_lt(jump(at$cum_first[, 1L]), 1e-8)
  expect_lt(jump(at$cum_second[, 1L]), 1e-8)
  # linear beyond the boundary knots
  expect_identical(at$cum_second[c(1L, 10L), 1L], c(0, 0))
})

test_that("a spline that falls somewhere does not exist, one that only has a low slope does", {
  family <- knotted_spline("hazard")
  at <- function(slopes) {
    hazard_table(ttp_hazard(family, "hazard"), c(-2, 1), rbind(c(0, slopes), c(0, slopes)), c(0, 0))
  }
  # s' = sum of slopes times B-splines; here its least value in between is 0.07
  knots <- family$setting[-1L]
  x <- seq(-1.5, 2, length.out = 20001L)
  least <- function(slopes) {
    min(diff(drop(flexsurv::fss(x, knots) %*% (spline_gamma_map(knots) %*% c(0, slopes))))) /
      diff(x[1:2])
  }
  low <- c(1, -0.05, 0.8, 1)
  expect_gt(least(low), 0)
  expect_true(all(is.finite(unlist(at(low)[c("cum", "haz")]))))
  falling <- c(1, -0.6, 0.8, 1)
  expect_lt(least(falling), 0)
  expect_true(all(is.nan(unlist(at(falling)[c("cum", "haz")]))))
  expect_true(all(is.nan(at(c(1, 1, 1, -0.1))$cum)))
  expect_true(all(is.nan(at(c(-0.1, 1, 1, 1))$cum)))
})

test_that("parameters move with the unit of time as the families say", {
  withr::local_seed(3)
  log_unit <- log(365.25)
  log_time <- log(c(3, 40, 200, 500, 4000))
  families <- list(family_gompertz(), ttp_pieces(c(30, 400)), knotted_spline("odds", c(3, 4, 6, 8)))
  news <- list(c(-0.5, 0.4), c(0.1, -0.3, 0.4), c(-0.2, 0.8, 1.3, 0.5))
  for (k in seq_along(families)) {
    family <- families[[k]]
    moved <- family$unit(family, log_unit)
    old <- drop(moved$A %*% news[[k]] + moved$b)
    rows <- function(theta) matrix(theta, 5L, length(theta), byrow = TRUE)
    scale <- family$scales[[1L]]
    here <- hazard_table(ttp_hazard(family, scale), log_time, rows(old), numeric(5L))
    there <- hazard_table(
      ttp_hazard(moved$family, scale), log_time - log_unit, rows(news[[k]]), numeric(5L)
    )
    expect_close(here$cum, there$cum, 1e-13)
    expect_close(here$haz, there$haz - log_unit, 1e-13)
  }
})

test_that("knots stand at quantiles of log event times, or of midpoints where no time is exact", {
  bc <- flexsurv::bc
  times <- list(kind = bc$censrec, time = bc$recyrs, right = NULL)
  knots <- spline_prepare(ttp_spline(knots = 2), times)$setting[-1L]
  peer <- quantile(log(bc$recyrs[bc$censrec == 1]), c(0, 1 / 3, 2 / 3, 1), names = FALSE)
  expect_identical(knots, peer)
  scans <- list(
    kind = c(0L, 2L, 3L, 3L, 3L), time = c(9, 2, 1, 3, 2), right = c(1, 1, 3, 5, 8)
  )
  expect_equal(exp(spline_prepare(ttp_spline(knots = 0), scans)$setting[-1L]), c(1, 5))
  placed <- spline_prepare(ttp_spline(at = c(1, 2)), times)$setting
  expect_identical(placed[3:4], log(c(1, 2)))
})

test_that("starting values are the special case with one slope", {
  moments <- list(mean = 0.7, sd = 0.9)
  for (link in c("hazard", "odds", "normal")) {
    family <- knotted_spline(link)
    special <- switch(link,
      hazard = family_weibull(), odds = family_loglogistic(), normal = family_lognormal()
    )
    at <- function(family, scale) {
      theta <- matrix(family$start(family, moments), 9L, length(family$theta), byrow = TRUE)
      hazard_table(ttp_hazard(family, scale), seq(-3, 3, length.out = 9L), theta, numeric(9L))$cum
    }
    expect_close(at(family, "hazard"), at(special, "hazard"), 1e-12)
  }
})

test_that("knots and cuts that cannot be used are refused", {
  input <- "survresist_error_input"
  expect_error(ttp_spline(df = 0), "whole number from 1", class = input)
  expect_error(ttp_spline(knots = 1.5), "whole number from 0", class = input)
  expect_error(ttp_spline(df = 3, knots = 2), "Only one of", class = input)
  expect_error(ttp_spline(at = c(2, 1)), "each later", class = input)
  expect_error(ttp_spline(link = "log"), "must be one of", class = input)
  expect_error(ttp_pieces(c(0, 1)), "positive", class = input)
  expect_error(ttp_pieces(1:23), "at most 22", class = input)
  few <- list(kind = c(1L, 1L, 1L, 0L), time = c(1, 2, 2, 5), right = NULL)
  expect_error(spline_prepare(ttp_spline(knots = 2), few), "4 event times", class = input)
  expect_error(spline_prepare(ttp_spline(at = 3), few), "between the first", class = input)
  expect_error(pieces_prepare(ttp_pieces(6), few), "before the last", class = input)
  expect_error(pieces_prepare(ttp_pieces(c(1, 1.5)), few), "needs an event", class = input)
  # (0, 2] and (4, 8] may have their events in the first pieces and the last
  early <- list(kind = c(2L, 3L, 1L), time = c(2, 4, 3), right = c(1, 8, 1))
  expect_identical(pieces_with_events(c(1, 2, 3, 6, 8), early), c(rep(TRUE, 5), FALSE))
  expect_error(pieces_prepare(ttp_pieces(c(1, 3.2, 4)), early), "(3.2,4]", fixed = TRUE)
  tied <- list(kind = rep(1L, 9L), time = c(1, rep(2, 6), 3, 4), right = NULL)
  expect_error(spline_prepare(ttp_spline(knots = 2), tied), "must differ", class = input)
})

# What a row adds to the log likelihood, and its first and second derivatives: every family on every
# scale, exact, left-, right- and interval-censored (wide and narrow), with and without late entry,
# in the middle and in both tails. Against central differences in doubles where these have digits,
# and against the definition in extended precision (helper-oracle-censored-mp.R) everywhere.

set_to <- function(family, setting) {
  family$setting <- setting
  family
}
knots <- c(-1, -0.2, 0.5, 1.3)
families <- list(
  list(family_exponential(), 0.2),
  list(family_weibull(), c(0.2, 0.4)),
  list(family_lognormal(), c(0.1, -0.3)),
  list(family_loglogistic(), c(0.1, 0.5)),
  list(family_gompertz(), c(-0.5, 0.3)),
  list(family_gompertz(), c(-0.5, -0.6)), # a plateau
  list(ttp_pieces(c(0.5, 1, 2)), c(-0.5, 0.2, -0.1, 0.3)),
  list(ttp_pieces(c(1, 5)), log(c(2, 0.005, 0.001))), # late and rare
  list(family_gamma(), c(0.1, 0.7)),
  list(family_gengamma(), c(0.1, -0.3, 0.6)),
  list(family_gengamma(), c(0.1, -0.3, -0.3)),
  list(family_genf(), c(0.1, -0.3, 0.6, -0.5)),
  list(set_to(ttp_spline(knots = 2), c(0, knots)), c(0.1, 1.2, 0.8, 1.1)),
  list(set_to(ttp_spline(knots = 2, link = "odds"), c(1, knots)), c(0.1, 1.2, 0.8, 1.1)),
  list(set_to(ttp_spline(knots = 2, link = "normal"), c(2, knots)), c(0.1, 1.2, 0.8, 1.1)),
  list(set_to(ttp_smooth(6), c(0, 0.4, 1, 3)), c(-0.5, 0.1, -0.3, 0.2, 0.4, -0.2))
)
n_fast <- 8L

rows_at <- function(x) {
  list(
    list(kind = "left", x = x), list(kind = "interval", x = x, right = x + 0.7),
    list(kind = "exact", x = x, entry = x - 0.4), list(kind = "exact", x = x),
    list(kind = "right", x = x), list(kind = "interval", x = x, right = x + 1e-5),
    list(kind = "right", x = x, entry = x - 0.4),
    list(kind = "interval", x = x, right = x + 0.3, entry = x - 0.2)
  )
}

told <- function(family, scale, row) {
  sprintf(
    "%s, %s, %s at %g%s", family$name, scale, row$kind, row$x,
    if (is.null(row$entry)) "" else ", entry"
  )
}

test_that("differences in doubles: every family, scale and kind of censoring", {
  step <- 1e-5
  for (model in families) {
    family <- model[[1L]]
    z <- c(0.3, model[[2L]])
    for (scale in family$scales) {
      for (row in c(rows_at(-0.63), rows_at(0.6))) {
        at <- row_derivatives(family, scale, row, z)
        move <- function(j, by) row_derivatives(family, scale, row, replace(z, j, z[[j]] + by))
        gap <- vapply(seq_along(z), function(j) {
          up <- move(j, step)
          down <- move(j, -step)
          max(
            abs((up$value - down$value) / (2 * step) - at$first[[j]]),
            abs((up$first - down$first) / (2 * step) - at$second[j, ])
          )
        }, 0)
        size <- 1 + abs(at$value) + max(abs(at$second))
        expect_lt(max(gap) / size, 2e-7, label = told(family, scale, row))
      }
    }
  }
})

expect_mp <- function(family, theta, scale, row) {
  z <- c(0.3, theta)
  ours <- row_derivatives(family, scale, row, z)
  want <- mp_derivatives(family$name, scale, family$setting, row, as.list(z))
  label <- told(family, scale, row)
  # relative to the largest entry, or to a row that says next to nothing
  near <- function(part, relative, least) {
    gap <- max(abs(ours[[part]] - want[[part]]))
    expect_lte(
      gap, relative * max(abs(want[[part]])) + least, label = paste(part, "of", label)
    )
  }
  near("value", 3e-12, 1e-15)
  near("first", 1e-10, 1e-15)
  # ends that nearly meet take digits from each other: 1e-16 over the square of their distance in c
  is_narrow <- row$kind == "interval" && row$right - row$x < 1e-4
  near("second", if (is_narrow) 1e-6 else 1e-8, 1e-9)
}

test_that("extended precision, the tails included: families in closed form", {
  skip_if_not_installed("Rmpfr")
  is_long <- identical(Sys.getenv("NOT_CRAN"), "true")
  for (model in families[seq_len(n_fast)]) {
    family <- model[[1L]]
    for (scale in family$scales) {
      for (x in if (is_long) c(-9, -3, 0.3, 1.6, 4) else c(-9, 4)) {
        rows <- rows_at(x)
        for (row in if (is_long) rows else rows[1:3]) expect_mp(family, model[[2L]], scale, row)
      }
    }
  }
})

test_that("extended precision, the tails included: gamma families, splines and smooth hazards", {
  skip_on_cran()
  skip_if_not_installed("Rmpfr")
  for (model in families[-seq_len(n_fast)]) {
    family <- model[[1L]]
    for (scale in family$scales) {
      # what a scale does to a family is code of its own: the tails on one of them
      for (x in if (scale == family$scales[[1L]]) c(-9, 0.3, 4) else 0.3) {
        for (row in rows_at(x)[1:3]) expect_mp(family, model[[2L]], scale, row)
      }
    }
  }
})

# log F(1e-9) of a lognormal with sigma 0.2 is -5,374, where H = -log(1 - F) has underflowed
test_that("the far tail of a lognormal keeps its digits", {
  skip_if_not_installed("Rmpfr")
  for (t in c(1e-9, 1e-30)) {
    for (row in rows_at(log(t))[c(1L, 2L, 4L, 6L)]) {
      for (scale in all_scales) expect_mp(family_lognormal(), c(0, log(0.2)), scale, row)
    }
  }
  at <- row_derivatives(family_lognormal(), "time", list(kind = "left", x = log(1e-9)),
                        c(0, 0, log(0.2)))
  expect_equal(round(at$value), -5374)
})

# The density of an interval that is short beside H may jump within it, or fall by orders of
# magnitude: three nodes alone gave 10 % less than the probability here.
test_that("intervals over a cut, and on a plateau", {
  rate <- c(2, 0.005, 0.001)
  at <- row_derivatives(
    ttp_pieces(c(1, 5)), "hazard", list(kind = "interval", x = log(4.9), right = log(5.2)),
    c(0, log(rate))
  )
  spent <- 0.1 * rate[[2L]] + 0.2 * rate[[3L]]
  expect_close(at$value, -(2 + 3.9 * rate[[2L]]) + log(-expm1(-spent)), 1e-9)
  at <- row_derivatives(
    family_gompertz(), "hazard", list(kind = "interval", x = log(50), right = log(100)),
    c(0, 0, -0.6)
  )
  # H is 1 / 0.6 but for e^-30; the probability is e^-H0 times what is left of it
  left <- function(t) exp(-0.6 * t) / 0.6
  expect_close(at$value, -1 / 0.6 + log(left(50) - left(100)), 1e-9)
})

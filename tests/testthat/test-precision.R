# Subjects of huge risk who come and go: (start, stop] risk sets lose them by subtraction, and with
# them the digits of everyone else. The oracle in extended precision decides.
#
# Largest relative errors against it (the worse of Efron and Breslow), ours and survival 3.8-12's:
#
#   risk of the guests   coefficients        variance            martingale res.     score residuals
#   1e6                  1e-15   2e-11       5e-16   6e-11       1e-16   4e-11       1e-15   5e-10
#   1e9                  6e-16   3e-8        7e-16   1e-8        3e-16   7e-8        9e-16   5e-7
#   1e12                 8e-16   3e-5        7e-16   3e-5        2e-16   7e-5        8e-16   1e-3
#   1e16                 3e-16   0.6         3e-16   1           3e-16   1           8e-16   5

with_guests <- function(size, ties, n = 120, guests = 6) {
  set.seed(7, "Mersenne-Twister", "Inversion", "Rejection")
  data <- data.frame(
    start = runif(n, 0, 2), x = rnorm(n), z = rnorm(n), o = 0, event = rbinom(n, 1, 0.7),
    s = rep(1:2, length.out = n)
  )
  data$stop <- data$start + rexp(n) + 0.05
  at <- seq(4, n, length.out = guests)
  data$o[at] <- log(size)
  data$event[at] <- 0
  data$stop[at] <- data$start[at] + 0.4
  if (ties == "efron") {
    data$stop <- ceiling(data$stop * 8) / 8
    data$start <- floor(data$start * 8) / 8
  }
  data
}

# With the data in the formula's environment, where methods look for them
guest_fit <- function(size, ties, fitter = fit_cox) {
  data <- with_guests(size, ties)
  fitter(
    Surv(start, stop, event) ~ x + z + offset(o) + strata(s), data, ties = ties, control = tight
  )
}

guest_oracle <- function(size, ties) {
  data <- with_guests(size, ties)
  oracle_data(
    data[c("x", "z")], Surv(data$start, data$stop, data$event), ties, data$s, NULL, data$o
  )
}

test_that("risks that span 1e12 and more leave our digits alone", {
  skip_if_not_installed("Rmpfr")
  for (size in c(1e9, 1e12, 1e16)) {
    for (ties in c("efron", "breslow")) {
      fit <- guest_fit(size, ties)
      at <- guest_oracle(size, ties)
      exact <- oracle_fit(at, unname(fit$coefficients))
      residual <- oracle_residuals(at, exact$coef)
      expect_close(fit$coefficients, exact$coef, 1e-12)
      expect_lte(gap(fit$var, exact$var), 1e-12)
      expect_close(fit$loglik[2], exact$loglik, 1e-14)
      expect_close(fit$residuals, residual$martingale, 1e-12)
      expect_lte(gap(unname(residuals(fit, "score")), residual$score), 1e-11)
      expect_lte(
        gap(unname(residuals(fit, "dfbeta")), residual$score %*% exact$var), 1e-11
      )
    }
  }
})

test_that("survival's answer to the same is worse, by the oracle", {
  skip_if_not_installed("Rmpfr")
  theirs <- suppressWarnings(guest_fit(1e12, "efron", survival::coxph))
  exact <- oracle_fit(guest_oracle(1e12, "efron"), unname(theirs$coefficients))
  # If this fails, survival has become better, and the table above is out of date.
  expect_gt(gap(theirs$coefficients, exact$coef), 1e-7)
})

test_that("curves and tests of proportional hazards keep their digits too", {
  # Beyond 1e11 the size of the guests' risk no longer shows in the first 9 digits.
  for (ties in c("efron", "breslow")) {
    a <- guest_fit(1e11, ties)
    b <- guest_fit(1e13, ties)
    expect_lte(gap(b$coefficients, a$coefficients), 1e-9)
    for (transform in c("km", "rank", "identity")) {
      table_of <- function(fit) zph(fit, transform = transform)$table
      expect_lte(gap(table_of(b), table_of(a)), 1e-8)
    }
    expect_lte(gap(residuals(b, "schoenfeld"), residuals(a, "schoenfeld")), 1e-9)
    new <- data.frame(x = 0.3, z = -1, o = 0)
    curve <- lapply(list(a, b), survival::survfit, newdata = new)
    expect_lte(gap(curve[[2]]$cumhaz, curve[[1]]$cumhaz), 1e-8)
    expect_lte(gap(curve[[2]]$std.err, curve[[1]]$std.err), 1e-8)
  }
})

test_that("linear predictors beyond the range of exp() are fitted", {
  skip_if_not_installed("Rmpfr")
  # the last rows to leave have risks of exp(-800): nothing but their ratios matter
  set.seed(3, "Mersenne-Twister", "Inversion", "Rejection")
  data <- data.frame(time = rexp(60), x = rnorm(60), event = rep(c(1, 1, 0), 20))
  data$s <- rep(1:2, each = 30)
  plain <- fit_cox(Surv(time, event) ~ x + strata(s), data, control = tight)
  data$far <- c(-690, 690)[data$s] # one constant a stratum changes nothing
  shifted <- fit_cox(Surv(time, event) ~ x + strata(s) + offset(far), data, control = tight)
  expect_close(shifted$coefficients, plain$coefficients, 1e-12)
  expect_close(shifted$loglik, plain$loglik, 1e-12)
  expect_close(shifted$residuals, plain$residuals, 1e-11)
})

test_that("curves of patients whose risk is beyond the range of doubles are drawn", {
  # A factor times a column far from 0: nobody is near the means, where eta is 0. What is far does
  # not change a curve.
  set.seed(4, "Mersenne-Twister", "Inversion", "Rejection")
  data <- data.frame(x = round(rnorm(90) * 1024) / 1024, g = rep(c("a", "b", "c"), 30))
  risk <- exp(c(a = 1, b = -2, c = 0)[data$g] * data$x)
  data$stop <- 1 + rexp(90) / risk
  data$start <- data$stop * runif(90, 0, 0.7)
  data$event <- rep(c(1, 1, 1, 0), length.out = 90)
  moved <- transform(data, x = x + 2048)
  new <- data.frame(x = c(0.5, -1), g = c("a", "b"))
  path <- cbind(new[c(1, 2), ], start = c(0, 2), stop = c(2, 3), event = 0, id = 1)
  expect_same_curves <- function(a, b) {
    expect_true(all(is.finite(b$cumhaz)))
    expect_close(a$cumhaz, b$cumhaz, 1e-9)
    expect_close(a$surv, b$surv, 1e-9)
    expect_close(a$std.err, b$std.err, 1e-8)
  }
  fit <- function(data, ties) {
    fit_cox(Surv(start, stop, event) ~ x * g, data, ties = ties, control = tight)
  }
  for (ties in c("efron", "breslow")) {
    near <- fit(data, ties)
    far <- fit(moved, ties)
    expect_gt(min(abs(far$linear.predictors)), 710)
    expect_same_curves(
      survival::survfit(far, transform(new, x = x + 2048)), survival::survfit(near, new)
    )
    expect_same_curves(
      survival::survfit(far, transform(path, x = x + 2048), id = id),
      survival::survfit(near, path, id = id)
    )
  }
})

test_that("tests of proportional hazards keep their digits where columns almost coincide", {
  set.seed(5, "Mersenne-Twister", "Inversion", "Rejection")
  data <- data.frame(x = round(rnorm(120) * 1024) / 1024, g = rep(c("a", "b", "c"), 40))
  data$time <- rexp(120) / exp(c(a = 1, b = -2, c = 0)[data$g] * data$x)
  data$event <- rep(c(1, 1, 1, 0), length.out = 120)
  data$s <- rep(1:2, 60)
  far <- 16384
  moved <- transform(data, x = x + far)
  # columns of `moved` from those about 0: the product takes `far` times the factor
  moves <- diag(5)
  moves[2, 4] <- moves[3, 5] <- far
  for (formula in c(Surv(time, event) ~ x * g, Surv(time, event) ~ x * g + strata(s))) {
    environment(formula) <- environment()
    a <- fit_cox(formula, data, control = tight)
    b <- fit_cox(formula, moved, control = tight)
    for (transform in c("km", "identity")) {
      near <- zph(a, transform, terms = FALSE)
      clock <- zph_clock(a$y, transform, transform)
      rows <- cox_rebuild(a, as_columns = TRUE)
      found <- .Call(
        C_cox_zph, cox_data(rows$x, a$y, rows$stratum), as.double(a$linear.predictors), TRUE,
        clock$kind, NULL
      )
      left <- found$info_gg - found$info_g %*% solve(found$info, found$info_g)
      left <- crossprod(moves, left %*% moves)
      score <- drop(drop(found$score) %*% moves)
      chisq <- function(j) sum(score[j] * solve(left[j, j, drop = FALSE], score[j]))
      want <- c(chisq(1), chisq(2:3), chisq(4:5), near$table["GLOBAL", "chisq"])
      expect_close(zph(b, transform)$table[, "chisq"], want, 1e-9)
      single <- zph(b, transform, terms = FALSE)
      expect_close(single$table[1:5, "chisq"], vapply(1:5, chisq, 0), 1e-9)
      # the coefficients of x and its products mean the same in both
      expect_lte(gap(single$y[, c(1, 4, 5)], near$y[, c(1, 4, 5)]), 1e-8)
      expect_close(single$var[c(1, 4, 5), c(1, 4, 5)], near$var[c(1, 4, 5), c(1, 4, 5)], 1e-8)
    }
  }
})

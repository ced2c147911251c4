# fit_ttp() against survival::survreg(), whose log likelihood and coefficients must come out to 1e-8

tight <- list(rel.tolerance = 1e-13, maxiter = 200)
four <- c("exponential", "weibull", "lognormal", "loglogistic")

# Our coefficients in survreg's order and signs
as_survreg <- function(fit) {
  coef <- coef(fit)
  p <- length(fit$effects)
  location <- coef[p + 1L]
  sign <- if (fit$family$name == "lognormal") 1 else -1
  unname(c(location, coef[seq_len(p)], sign * coef[-seq_len(p + 1L)]))
}

expect_as_survreg <- function(fit, peer, tolerance = 1e-8) {
  theirs <- c(coef(peer), if (ncol(peer$var) > length(coef(peer))) log(peer$scale))
  expect_close(as_survreg(fit), unname(theirs), tolerance)
  expect_close(fit$loglik[[2L]], peer$loglik[[2L]], 1e-8)
  order <- c(length(fit$effects) + 1L, fit$effects)
  expect_close(
    unname(vcov(fit)[order, order]), unname(peer$var[seq_along(order), seq_along(order)]), 1e-6
  )
  expect_true(fit$convergence$converged)
}

# n patients of the study, whose rows are sorted by outcome
every <- function(n) survival::rotterdam[round(seq(1, 2982, length.out = n)), ]

half_yearly <- function(n = 1500) {
  d <- every(n)
  scan <- 182.625
  d$left <- scan * floor(d$rtime / scan)
  d$right <- ifelse(d$recur == 1, d$left + scan, NA)
  d$left[d$left == 0] <- NA
  d[!is.na(d$left) | !is.na(d$right), ]
}

test_that("right-censored fits are those of survreg", {
  for (family in four) {
    fit <- fit_ttp(
      Surv(rtime, recur) ~ hormon + nodes + log(age), survival::rotterdam, family = family
    )
    peer <- survival::survreg(
      Surv(rtime, recur) ~ hormon + nodes + log(age), survival::rotterdam, dist = family,
      control = tight
    )
    expect_as_survreg(fit, peer)
  }
})

test_that("left-, interval- and mixed-censored fits are those of survreg", {
  d <- half_yearly()
  mixed <- d
  is_exact <- seq_len(nrow(d)) %% 3 == 0 & !is.na(d$right)
  mixed$left[is_exact] <- mixed$right[is_exact] <- mixed$rtime[is_exact]
  left_only <- survival::tobin
  left_only$durable <- left_only$durable + 1
  for (family in four) {
    for (data in list(d, mixed)) {
      fit <- fit_ttp(
        Surv(left, right, type = "interval2") ~ hormon + nodes, data, family = family
      )
      peer <- survival::survreg(
        Surv(left, right, type = "interval2") ~ hormon + nodes, data, dist = family,
        control = tight
      )
      expect_as_survreg(fit, peer)
    }
    fit <- fit_ttp(Surv(durable, durable > 1, type = "left") ~ age, left_only, family = family)
    peer <- survival::survreg(
      Surv(durable, durable > 1, type = "left") ~ age, left_only, dist = family, control = tight
    )
    expect_as_survreg(fit, peer, 1e-7)
  }
})

test_that("weights, offsets, clusters and own shapes are those of survreg", {
  d <- every(900)
  d$w <- rep(1:3, 300)
  d$z <- d$age / 100
  for (family in c("weibull", "lognormal")) {
    fit <- fit_ttp(Surv(rtime, recur) ~ nodes + offset(z), d, family = family, weights = w)
    peer <- survival::survreg(
      Surv(rtime, recur) ~ nodes + offset(z), d, dist = family, weights = w, control = tight
    )
    expect_as_survreg(fit, peer)
    fit <- fit_ttp(Surv(rtime, recur) ~ nodes + cluster(size), d, family = family)
    peer <- survival::survreg(
      Surv(rtime, recur) ~ nodes + cluster(size), d, dist = family, control = tight
    )
    expect_as_survreg(fit, peer)
    expect_close(fit$naive.var[1, 1], peer$naive.var[2, 2], 1e-7)
    fit <- fit_ttp(Surv(rtime, recur) ~ nodes, d, family = family, shape = ~ factor(meno))
    peer <- survival::survreg(
      Surv(rtime, recur) ~ nodes + strata(meno), d, dist = family, control = tight
    )
    sign <- if (family == "lognormal") 1 else -1
    expect_close(fit$loglik[[2L]], peer$loglik[[2L]], 1e-10)
    expect_close(sign * c(coef(fit)[[3L]], sum(coef(fit)[3:4])), unname(log(peer$scale)), 1e-7)
  }
})

test_that("strata have a baseline of their own: the sum of fits by level", {
  d <- every(900)
  whole <- fit_ttp(Surv(rtime, recur) ~ strata(meno), d, family = "loglogistic")
  parts <- lapply(0:1, function(level) {
    fit_ttp(Surv(rtime, recur) ~ 1, d[d$meno == level, ], family = "loglogistic")
  })
  expect_close(unname(coef(whole)), unname(c(coef(parts[[1L]]), coef(parts[[2L]]))), 1e-9)
  expect_close(whole$loglik[[2L]], parts[[1L]]$loglik[[2L]] + parts[[2L]]$loglik[[2L]], 1e-12)
})

test_that("delayed entry conditions on having come so far", {
  d <- every(600)
  d$entry <- seq(0, 900, length.out = 600)
  d <- d[d$rtime > d$entry, ]
  fit <- fit_ttp(Surv(entry, rtime, recur) ~ nodes, d, id = seq_along(rtime))
  loglik <- function(par) {
    k <- exp(par[[3]])
    scale <- exp(par[[2]] + par[[1]] * d$nodes)
    sum(d$recur * dweibull(d$rtime, k, scale, log = TRUE) +
      (1 - d$recur) * pweibull(d$rtime, k, scale, lower.tail = FALSE, log.p = TRUE) -
      pweibull(d$entry, k, scale, lower.tail = FALSE, log.p = TRUE))
  }
  expect_close(fit$loglik[[2L]], loglik(coef(fit)), 1e-12)
  for (j in 1:3) {
    step <- replace(numeric(3), j, 1e-4)
    expect_lt(loglik(coef(fit) + step), fit$loglik[[2L]])
    expect_lt(loglik(coef(fit) - step), fit$loglik[[2L]])
  }
  # an interval with entry: divided by the survival at entry
  d <- half_yearly(400)
  d$entry <- pmin(ifelse(is.na(d$left), 0, d$left) / 2, 200)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ nodes, d, family = "lognormal", entry = entry
  )
  upper <- function(t) {
    mean <- coef(fit)[[2]] + coef(fit)[[1]] * d$nodes
    pnorm(ifelse(is.na(t), Inf, log(t)), mean, exp(coef(fit)[[3]]), lower.tail = FALSE)
  }
  left <- upper(ifelse(is.na(d$left), 0, d$left))
  right <- upper(d$right)
  right[is.na(d$right)] <- 0
  expect_close(fit$loglik[[2L]], sum(log((left - right) / upper(d$entry))), 1e-10)
})

test_that("the unit of time does not matter", {
  d <- every(500)
  d$years <- d$rtime / 365.25
  d$ms <- d$rtime * 864e5
  for (family in four) {
    days <- fit_ttp(Surv(rtime, recur) ~ nodes, d, family = family)
    for (unit in c("years", "ms")) {
      by <- if (unit == "years") 1 / 365.25 else 864e5
      other <- fit_ttp(stats::reformulate("nodes", sprintf("Surv(%s, recur)", unit)), d,
        family = family
      )
      moved <- coef(days)
      moved[["mu"]] <- moved[["mu"]] + log(by)
      expect_close(coef(other), moved, 1e-12)
      expect_close(vcov(other), vcov(days), 1e-9)
      expect_close(other$loglik, days$loglik - sum(d$recur) * log(by), 1e-12)
    }
  }
})

test_that("an interval without width is an exact time, a narrow one nearly so", {
  d <- every(300)
  d$end <- ifelse(d$recur == 1, d$rtime, NA)
  exact <- fit_ttp(Surv(rtime, recur) ~ nodes, d)
  same <- fit_ttp(Surv(rtime, end, type = "interval2") ~ nodes, d)
  expect_identical(coef(same), coef(exact))
  for (width in c(1e-9, 1e-5, 1e-3)) {
    d$end <- ifelse(d$recur == 1, d$rtime * (1 + width), NA)
    near <- fit_ttp(Surv(rtime, end, type = "interval2") ~ nodes, d)
    expect_close(coef(near), coef(exact), max(1e-8, width))
    seen <- (d$end - d$rtime)[d$recur == 1] # what rounding leaves of the width
    gap <- near$loglik[[2L]] - sum(log(seen)) - exact$loglik[[2L]]
    expect_lt(abs(gap), 300 * width + 1e-14 / width) # log(t) is known to 1e-16, its width to
    # 1e-16 / width in each of 150 rows
  }
})

test_that("ends that differ by rounding alone are an exact time, in milliseconds too", {
  set.seed(2)
  left <- 1000 * stats::rweibull(100, 2, 1) * 86400 * 1000
  exact <- fit_ttp(Surv(left) ~ 1, data.frame(left))
  for (digits in c(1, 4, 8)) {
    right <- left
    right[1:7] <- left[1:7] * (1 + digits * .Machine$double.eps)
    y <- Surv(left, right, type = "interval2")
    expect_equal(coef(fit_ttp(y ~ 1, data.frame(left))), coef(exact), tolerance = 1e-12)
    late <- fit_ttp(y ~ 1, data.frame(left, from = left / 2), entry = from)
    same <- fit_ttp(Surv(left / 2, left, rep(1, 100)) ~ 1, data.frame(left))
    expect_equal(coef(late), coef(same), tolerance = 1e-10)
  }
})

test_that("derivatives are those of central differences for all kinds of censoring and scales", {
  d <- half_yearly(200)
  d$entry <- ifelse(is.na(d$left), 0, d$left) * rep_len(c(0, 0.4), nrow(d))
  d$group <- d$grade
  is_exact <- seq_len(nrow(d)) %% 3 == 0 & !is.na(d$right)
  d$left[is_exact] <- d$right[is_exact] <- d$rtime[is_exact]
  for (family in four) {
    for (scale in c("time", "hazard", "odds")) {
      shape <- if (family != "exponential") ~ age
      request <- quote(fit_ttp(
        Surv(left, right, type = "interval2") ~ nodes + strata(group), d, family = family,
        scale = scale, entry = entry, shape = shape
      ))
      fit <- eval(request)
      expect_lt(ttp_derivative_error(fit, d), 1e-5)
    }
  }
})

# survreg's robust variance of the same rows (cluster(id), one row each) differs by a third: its
# dfbeta residuals of interval-censored rows are not the derivatives of their likelihood.
test_that("a robust variance of intervals is made of the scores of the rows", {
  skip_if_not_installed("numDeriv")
  d <- half_yearly(400)
  fit <- fit_ttp(Surv(left, right, type = "interval2") ~ nodes, d, robust = TRUE)
  by_row <- function(theta) {
    scale <- exp(theta[[2L]] + theta[[1L]] * d$nodes)
    upper <- function(t) exp(-(t / scale)^exp(theta[[3L]]))
    log(ifelse(is.na(d$left), 1, upper(d$left)) - ifelse(is.na(d$right), 0, upper(d$right)))
  }
  score <- numDeriv::jacobian(by_row, coef(fit))
  naive <- unname(fit$naive.var)
  expect_close(unname(vcov(fit)), naive %*% crossprod(score) %*% naive, 1e-7)
})

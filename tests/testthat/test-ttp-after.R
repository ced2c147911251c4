# Residuals, draws, profile intervals and the natural scale of fit_ttp(), against survreg, flexsurv
# and slow oracles

four <- c("exponential", "weibull", "lognormal", "loglogistic")
quiet <- list(rel.tolerance = 1e-13, maxiter = 100)

# rotterdam with yearly scans: exact, right-, left- and interval-censored rows together
scanned <- function(n = 500) {
  d <- rotterdam_years(n)
  d$left <- floor(d$years)
  d$right <- ifelse(d$recur == 1, d$left + 1, NA)
  is_exact <- seq_len(nrow(d)) %% 4 == 0 & d$recur == 1
  d$left[is_exact] <- d$right[is_exact] <- d$years[is_exact]
  d$left[d$left == 0] <- NA
  d[!is.na(d$left) | !is.na(d$right), ]
}

test_that("right-censored residuals are those of survreg and flexsurv", {
  d <- rotterdam_years()
  for (family in four) {
    fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, d, family = family)
    peer <- survival::survreg(Surv(years, recur) ~ arm + nodes, d, dist = family, control = quiet)
    K <- length(fit$family$theta)
    order <- c(3L, 1:2, if (K == 2L) 4L)
    sign <- c(1, 1, 1, if (K == 2L) if (family == "lognormal") 1 else -1)
    for (type in c("dfbeta", "dfbetas")) {
      expect_close(
        residuals(fit, type)[, order] %*% diag(sign), residuals(peer, type)[, seq_along(order)],
        1e-6, paste(family, type)
      )
    }
    if (family %in% c("exponential", "weibull")) {
      expect_close(residuals(fit, "deviance"), -residuals(peer, "deviance"), 1e-7)
    }
    cumhaz <- predict(fit, type = "cumhaz")$estimate
    expect_close(residuals(fit, "coxsnell"), cumhaz, 1e-12)
    expect_close(residuals(fit), d$recur - cumhaz, 1e-12)
  }
})

test_that("score residuals add up to 0 and make the robust variance", {
  d <- scanned()
  d$w <- rep_len(1:3, nrow(d))
  d$practice <- rep_len(1:60, nrow(d))
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm * nodes + strata(rank), d, weights = w,
    shape = ~ age, family = "loglogistic"
  )
  score <- residuals(fit, "score")
  expect_identical(colnames(score), names(coef(fit)))
  expect_lt(max(abs(colSums(score * d$w) * sqrt(diag(vcov(fit))))), 1e-6)
  expect_close(residuals(fit, "score", weighted = TRUE), score * d$w, 1e-14)
  robust <- update(fit, cluster = practice)
  by_practice <- rowsum(score * d$w, d$practice)
  expect_close(vcov(robust), vcov(fit) %*% crossprod(by_practice) %*% vcov(fit), 1e-8)
  skip_if_not_installed("sandwich")
  expect_close(sandwich::estfun(fit), score * d$w, 1e-12)
})

test_that("residuals of intervals are expectations of a draw from the exponential", {
  d <- scanned()
  late <- pmin(ifelse(is.na(d$left), 0, d$left) * (seq_len(nrow(d)) %% 3 == 0) * 0.7, 3)
  d$late <- late
  for (scale in c("time", "hazard")) {
    fit <- fit_ttp(
      Surv(left, right, type = "interval2") ~ arm + nodes, d, entry = late, scale = scale,
      family = if (scale == "time") "lognormal" else "weibull"
    )
    H <- function(time) {
      out <- numeric(nrow(d))
      is_some <- is.finite(time) & time > 0
      cumhaz <- predict(fit, d, "cumhaz", times = unique(time[is_some]))
      key <- paste(cumhaz$.row, cumhaz$time)
      out[is_some] <- cumhaz$estimate[match(paste(which(is_some), time[is_some]), key)]
      out
    }
    A <- H(ifelse(is.na(d$left), 0, d$left)) - H(late)
    B <- H(ifelse(is.na(d$right), 0, d$right)) - H(late)
    coxsnell <- residuals(fit, "coxsnell")
    deviance <- residuals(fit, "deviance")
    is_between <- !is.na(d$right) & (is.na(d$left) | d$left < d$right)
    for (i in c(head(which(is_between), 6), head(which(is_between & is.na(d$left)), 3))) {
      inside <- exp(-A[i]) - exp(-B[i])
      mean <- stats::integrate(function(u) u * exp(-u), A[i], B[i], rel.tol = 1e-11)$value / inside
      expect_close(coxsnell[i], mean, 1e-7)
      # survreg's deviance of an interval is not this maximum (3.8-3): it is compared for exact and
      # right-censored times alone
      best <- stats::optimize(
        function(u) log(exp(-A[i] * exp(u)) - exp(-B[i] * exp(u))), c(-8, 8), maximum = TRUE,
        tol = 1e-10
      )$objective
      if (A[i] == 0) best <- 0
      expect_lt(abs(deviance[i]^2 - 2 * (best - log(inside))), 1e-6)
    }
    is_exact <- d$left %in% d$right & !is_between & !is.na(d$right)
    expect_close(coxsnell[is_exact], A[is_exact], 1e-10)
    expect_close(coxsnell[is.na(d$right)], A[is.na(d$right)], 1e-10)
    expect_identical(sign(deviance), sign(residuals(fit)))
    if (scale == "hazard") expect_lt(abs(sum(residuals(fit))), 1e-6)
  }
})

test_that("residuals of rows left out are padded, and others are as in all of the data", {
  d <- rotterdam_years(200)
  d$nodes[3] <- NA
  fit <- fit_ttp(Surv(years, recur) ~ nodes, d, shape = ~arm, na.action = na.exclude)
  found <- residuals(fit)
  expect_identical(which(is.na(found)), stats::setNames(3L, row.names(d)[3]))
  expect_identical(names(found), row.names(d))
  expect_error(residuals(fit, "response"), class = "survresist_error_input")
  expect_error(residuals(fit, weighted = NA), class = "survresist_error_input")
  expect_error(residuals(fit, collapse = TRUE), "not known", class = "survresist_error_input")
})

test_that("draws have the distribution of the model", {
  d <- rotterdam_years(400)
  fit <- fit_ttp(Surv(years, recur) ~ arm + strata(rank), d, family = "loglogistic")
  drawn <- simulate(fit, nsim = 25, seed = 42)
  expect_identical(dim(drawn), c(400L, 25L))
  expect_identical(row.names(drawn), row.names(d))
  expect_identical(drawn, simulate(fit, nsim = 25, seed = 42))
  u <- vapply(drawn, function(time) exp(-predict_own(fit, d, time)), numeric(400))
  expect_gt(stats::ks.test(as.vector(u), "punif")$p.value, 1e-3)
  later <- simulate(fit, seed = 1, newdata = d[1:200, ], start = 4)$sim_1
  expect_gt(min(later), 4)
  half <- predict(fit, d[1:200, ], "quantile", start = 4)$estimate
  expect_lt(abs(mean(later < half) - 0.5), 0.12)
  set.seed(9)
  before <- .Random.seed
  first <- simulate(fit)
  expect_identical(attr(first, "seed"), before)
  expect_false(identical(.Random.seed, before))
  with_missing <- d[1:3, ]
  with_missing$arm[2] <- NA
  expect_identical(is.na(simulate(fit, newdata = with_missing)$sim_1), c(FALSE, TRUE, FALSE))
  expect_error(simulate(fit, nsim = 0), class = "survresist_error_input")
  expect_error(simulate(fit, censoring = -1), "after 0", class = "survresist_error_input")
})

test_that("a fit to draws recovers what was told", {
  d <- rotterdam_years(2900)
  fit <- fit_ttp(Surv(years, recur) ~ arm + nodes + strata(rank), d, shape = ~arm)
  drawn <- simulate(fit, nsim = 20, seed = 3, censoring = function(n) 5 + 10 * (seq_len(n) %% 2))
  found <- vapply(drawn, function(y) {
    d$y <- y
    coef(fit_ttp(y ~ arm + nodes + strata(rank), d, shape = ~arm))
  }, coef(fit))
  z <- (rowMeans(found) - coef(fit)) / (apply(found, 1, sd) / sqrt(20))
  expect_lt(max(abs(z)), 4)
})

test_that("profile limits are where the likelihood has fallen far enough", {
  d <- scanned(250)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm + nodes + strata(rank), d, shape = ~arm
  )
  limits <- confint(fit, method = "profile", level = 0.9)
  drop <- qchisq(0.9, 1) / 2
  again <- ttp_again(fit)
  at_top <- .Call(C_ttp_value, again$bundle, again$hazard, again$coef)
  expect_close(at_top$loglik, logLik(fit), 1e-12)
  # the other coefficients by a general optimiser
  for (j in c(1L, 4L, 7L)) {
    for (end in limits[j, ]) {
      loglik <- function(others) {
        at <- replace(again$coef, j, end)
        at[-j] <- others
        .Call(C_ttp_value, again$bundle, again$hazard, at)
      }
      best <- stats::optim(
        again$coef[-j], function(o) -loglik(o)$loglik, function(o) -loglik(o)$gradient[-j],
        method = "BFGS", control = list(reltol = 1e-15, maxit = 500)
      )
      expect_lt(abs(as.numeric(logLik(fit)) + best$value - drop), 1e-6)
    }
  }
  expect_true(all(limits[, 1] < coef(fit) & coef(fit) < limits[, 2]))
  some <- confint(fit, c("nodes", "log(shape)[low]"), method = "profile")
  expect_identical(rownames(some), c("nodes", "log(shape)[low]"))
  # years or days: the same interval
  days <- d
  days[c("left", "right")] <- 365.25 * days[c("left", "right")]
  refit <- update(fit, data = days)
  moved <- confint(refit, method = "profile", level = 0.9)
  shift <- log(365.25) * startsWith(names(coef(fit)), "mu")
  expect_close(moved - shift, limits, 1e-6)
})

test_that("a limit that the likelihood does not have is infinite", {
  d <- data.frame(time = c(1, 2, 3, 4, 5, 6, 7, 8), status = c(1, 1, 1, 1, 0, 1, 0, 0))
  fit <- fit_ttp(Surv(time, status) ~ 1, d, family = family_gompertz())
  limits <- confint(fit, method = "profile")
  expect_true(all(is.finite(limits)))
  d <- data.frame(time = c(5, 6, 7, 5.5, 8, 9), status = c(1, 0, 0, 0, 0, 0), x = rep(0:1, 3))
  fit <- suppressWarnings(fit_ttp(Surv(time, status) ~ x, d, family = "exponential"))
  expect_true(any(is.infinite(suppressWarnings(confint(fit, "x", method = "profile")))))
})

test_that("a profile is followed where a family runs to its limit", {
  # P = 0 is the best generalised F here: log(P) has no lower limit, and Newton's starts are far off
  fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, rotterdam_years(250), family = "genf")
  limits <- confint(fit, c("armtamoxifen", "log(P)"), method = "profile", level = 0.8)
  expect_identical(limits[2, 1], -Inf)
  expect_true(all(is.finite(limits[-2])))
  # the generalised gamma is that limit, which the generalised F is not below
  inner <- update(fit, family = "gengamma")
  expect_lt(as.numeric(logLik(inner)) - as.numeric(logLik(fit)), 1e-6)
})

test_that("the natural scale is that of flexsurv", {
  skip_if_not_installed("flexsurv")
  d <- rotterdam_years(400)
  fit <- fit_ttp(Surv(years, recur) ~ arm, d, family = "weibull")
  peer <- flexsurv::flexsurvreg(
    Surv(years, recur) ~ arm, data = d, dist = "weibull", control = list(reltol = 1e-15)
  )$res
  found <- tidy(fit, natural = TRUE, conf.int = TRUE)
  expect_identical(found$term, c("armtamoxifen", "scale", "shape"))
  ours <- as.matrix(found[c("estimate", "conf.low", "conf.high", "std.error")])
  expect_close(ours, unname(peer[c(3, 2, 1), ]), 1e-3)
  expect_identical(is.na(found$p.value), c(FALSE, TRUE, TRUE))
  expect_identical(coef(fit, natural = TRUE), stats::setNames(found$estimate, found$term))
  two <- fit_ttp(Surv(years, recur) ~ arm + strata(rank), d, shape = ~age, family = "lognormal")
  expect_identical(names(coef(two, natural = TRUE)), c(
    "armtamoxifen", "meanlog[high]", "sdlog[high]", "meanlog[low]", "sdlog[low]", "log(sigma):age"
  ))
  expect_close(coef(two, natural = TRUE)[[5]], exp(coef(two)[[5]]), 1e-15)
  expect_close(
    tidy(two, natural = TRUE)$std.error[[5]], exp(coef(two)[[5]]) * sqrt(vcov(two)[5, 5]), 1e-12
  )
  expect_identical(coef(two, natural = FALSE), two$coefficients)
  gamma <- fit_ttp(Surv(years, recur) ~ arm, d, family = "gamma")
  found <- tidy(gamma, natural = TRUE, conf.int = TRUE)
  expect_identical(found$term[2:3], c("rate", "shape"))
  expect_close(found$estimate[2:3], exp(c(-1, 1) * unname(coef(gamma)[2:3])), 1e-14)
  expect_close(found$conf.low[[2]], exp(-confint(gamma)[2, 2]), 1e-14)
  expect_close(found$conf.high[[2]], exp(-confint(gamma)[2, 1]), 1e-14)
})

# The table "Families and the coefficients of other packages" of ?fit_ttp, line by line
test_that("the help's map to survreg's and flexsurv's coefficients is true", {
  skip_if_not_installed("flexsurv")
  bc <- flexsurv::bc
  formula <- Surv(recyrs, censrec) ~ group
  ours <- function(family, ...) unname(coef(fit_ttp(formula, bc, family, ...)))
  of_survreg <- function(dist) {
    fit <- survival::survreg(formula, bc, dist = dist, control = list(rel.tolerance = 1e-12))
    unname(c(coef(fit)[-1L], coef(fit)[[1L]], log(fit$scale)))
  }
  of_flexsurv <- function(dist, order, ...) {
    fit <- flexsurv::flexsurvreg(formula, data = bc, dist = dist, control = list(reltol = 1e-15))
    unname(coef(fit)[c("groupMedium", "groupPoor", order)])
  }
  turn <- c(1, 1, 1, -1)
  expect_close(ours("exponential"), of_survreg("exponential")[1:3], 1e-8)
  expect_close(ours("exponential"), -of_flexsurv("exp", "rate"), 1e-4)
  expect_close(ours("weibull"), turn * of_survreg("weibull"), 1e-8)
  expect_close(ours("weibull"), of_flexsurv("weibull", c("scale", "shape")), 1e-4)
  expect_close(ours("lognormal"), of_survreg("lognormal"), 1e-8)
  expect_close(ours("lognormal"), of_flexsurv("lnorm", c("meanlog", "sdlog")), 1e-4)
  expect_close(ours("loglogistic"), turn * of_survreg("loglogistic"), 1e-8)
  expect_close(ours("loglogistic"), of_flexsurv("llogis", c("scale", "shape")), 1e-4)
  expect_close(ours("gamma"), c(-1, -1, -1, 1) * of_flexsurv("gamma", c("rate", "shape")), 1e-4)
  expect_close(ours("gengamma"), of_flexsurv("gengamma", c("mu", "sigma", "Q")), 1e-3)
  expect_close(ours("gompertz"), of_flexsurv("gompertz", c("rate", "shape")), 1e-3)
  hazard <- ours("weibull", scale = "hazard")
  time <- ours("weibull")
  expect_close(hazard[1:2], -exp(time[[4L]]) * time[1:2], 1e-8)
  expect_close(hazard[1:2], of_flexsurv("weibullPH", character()), 1e-4)
  spline <- fit_ttp(formula, bc, ttp_spline(knots = 2))
  peer <- flexsurv::flexsurvspline(formula, data = bc, k = 2, control = list(reltol = 1e-15))
  expect_close(spline_gamma(spline)$estimate, unname(coef(peer)[1:4]), 1e-3)
  expect_close(coef(spline)[1:2], unname(coef(peer)[5:6]), 1e-4)
  # pieces without covariates: events over time at risk
  pieces <- fit_ttp(Surv(recyrs, censrec) ~ 1, bc, ttp_pieces(c(1, 3)))
  at_risk <- survival::pyears(
    Surv(recyrs, censrec) ~ survival::tcut(0 * recyrs, c(0, 1, 3, 99)), bc, scale = 1
  )
  expect_close(exp(unname(coef(pieces))), unname(c(at_risk$event / at_risk$pyears)), 1e-8)
})

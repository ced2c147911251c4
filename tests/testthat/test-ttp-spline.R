# Fits of the flexible families: against flexsurv, the published example, and where peers stop.

skip_if_not_installed("flexsurv")

bc <- flexsurv::bc
by_group <- Surv(recyrs, censrec) ~ group

loglik_of <- function(fit) as.numeric(logLik(fit))

# Never lower than the peer; its optimiser (BFGS, relative tolerance 1e-8) may stop short of ours.
expect_not_below <- function(fit, peer, above = 1e-3) {
  gain <- loglik_of(fit) - peer$loglik
  testthat::expect_gt(gain, -1e-6)
  testthat::expect_lt(gain, above)
  testthat::expect_true(fit$convergence$converged)
}

test_that("the published spline of the breast cancer data comes out", {
  # Royston and Parmar (2002), doi:10.1002/sim.1203: proportional odds, one interior knot. The
  # authors' years are days / 365.25; those of flexsurv::bc are days / 365.
  published <- read.csv(test_path("ref", "royston-parmar-2002.csv"))
  bc$years <- bc$rectime / 365.25
  fit <- fit_ttp(
    Surv(years, censrec) ~ group, bc, family = ttp_spline(knots = 1, link = "odds")
  )
  gamma <- spline_gamma(fit)
  expect_identical(gamma$term, published$term)
  expect_identical(round(gamma$estimate, 3L), published$estimate)
  expect_identical(round(gamma$std.error, 3L), published$std.error)
})

test_that("splines reach flexsurvspline(), on every link and with 0 to 4 knots", {
  for (link in c("hazard", "odds", "normal")) {
    for (knots in c(0, 1, 3, 4)) {
      fit <- fit_ttp(by_group, bc, family = ttp_spline(knots = knots, link = link))
      peer <- flexsurv::flexsurvspline(by_group, data = bc, k = knots, scale = link)
      expect_not_below(fit, peer)
      expect_close(unname(coef(fit)[1:2]), unname(coef(peer)[knots + 3:4]), 2e-3)
      expect_close(attr(spline_gamma(fit), "knots"), unname(peer$knots), 1e-14)
    }
  }
})

test_that("with tight control the peer's coefficients and variances are ours", {
  fit <- fit_ttp(by_group, bc, family = ttp_spline(knots = 2, link = "odds"))
  peer <- flexsurv::flexsurvspline(
    by_group, data = bc, k = 2, scale = "odds", control = list(reltol = 1e-15, maxit = 1e5)
  )
  expect_not_below(fit, peer, above = 1e-6)
  gamma <- spline_gamma(fit)
  expect_close(gamma$estimate, unname(peer$res[1:4, "est"]), 1e-3)
  expect_close(unname(coef(fit)[1:2]), unname(coef(peer)[5:6]), 1e-4)
  expect_close(unname(vcov(fit)[1:2, 1:2]), unname(vcov(peer)[5:6, 5:6]), 1e-3)
})

test_that("Gompertz fits reach flexsurvreg(), rising and falling", {
  fit <- fit_ttp(by_group, bc, family = "gompertz")
  peer <- flexsurv::flexsurvreg(by_group, data = bc, dist = "gompertz")
  expect_not_below(fit, peer)
  expect_gt(coef(fit)[["shape"]], 0)
  # relapse of the Rotterdam patients becomes rarer with time
  rotterdam <- survival::rotterdam
  rotterdam$years <- rotterdam$rtime / 365.25
  fit <- fit_ttp(Surv(years, recur) ~ nodes + hormon, rotterdam, family = "gompertz")
  peer <- flexsurv::flexsurvreg(
    Surv(years, recur) ~ nodes + hormon, data = rotterdam, dist = "gompertz"
  )
  expect_not_below(fit, peer)
  expect_lt(coef(fit)[["shape"]], 0)
  theirs <- coef(peer)[c("nodes", "hormon", "rate", "shape")]
  expect_close(unname(coef(fit)), unname(theirs), 1e-3)
})

test_that("rates of a piecewise exponential are events over person-time", {
  cuts <- c(1, 2, 4)
  fit <- fit_ttp(Surv(recyrs, censrec) ~ 1, bc, family = ttp_pieces(cuts))
  ends <- c(cuts, Inf)
  starts <- c(0, cuts)
  spent <- mapply(function(a, b) sum(pmax(0, pmin(bc$recyrs, b) - a)), starts, ends)
  events <- mapply(function(a, b) sum(bc$censrec[bc$recyrs > a & bc$recyrs <= b]), starts, ends)
  expect_close(exp(unname(coef(fit))), events / spent, 1e-8)
  expect_close(unname(diag(vcov(fit))), 1 / events, 1e-8)
})

test_that("a piecewise exponential model with covariates is a Poisson regression", {
  cuts <- c(1, 2, 4)
  fit <- fit_ttp(by_group, bc, family = ttp_pieces(cuts))
  split <- survival::survSplit(by_group, bc, cut = cuts, episode = "piece", start = "from")
  split$spent <- split$recyrs - split$from
  peer <- glm(
    censrec ~ group + factor(piece) - 1 + offset(log(spent)), poisson, split,
    control = list(epsilon = 1e-14)
  )
  b <- coef(peer)
  expect_close(unname(coef(fit)[1:2]), unname(b[2:3] - b[[1L]]), 1e-7)
  rates <- b[[1L]] + c(0, b[4:6])
  expect_close(unname(coef(fit)[3:6]), unname(rates), 1e-7)
})

test_that("strata give each group a spline of its own, tvc an effect that changes with time", {
  apart <- fit_ttp(Surv(recyrs, censrec) ~ strata(group), bc, family = ttp_spline(knots = 1))
  changing <- fit_ttp(
    by_group, bc, family = ttp_spline(knots = 1), tvc = ~ group
  )
  # the same model, written twice
  expect_close(loglik_of(apart), loglik_of(changing), 1e-10)
  expect_equal(attr(logLik(apart), "df"), 9)
  peer <- flexsurv::flexsurvspline(
    Surv(recyrs, censrec) ~ group + gamma1(group) + gamma2(group), data = bc, k = 1
  )
  expect_not_below(changing, peer)
  gamma <- spline_gamma(apart)
  expect_identical(gamma$stratum[c(1, 4, 7)], levels(bc$group))
})

test_that("tvc needs the effect itself, as it is or within others", {
  d <- survival::rotterdam
  d$size_group <- factor(d$size)
  fit <- function(formula, tvc) fit_ttp(formula, d, ttp_spline(knots = 1), tvc = tvc)
  refused <- function(...) {
    expect_error(fit(...), "needs its effect in the formula", class = "survresist_error_input")
  }
  refused(Surv(rtime, recur) ~ nodes, ~hormon)
  refused(Surv(rtime, recur) ~ 1, ~hormon)
  refused(Surv(rtime, recur) ~ nodes + hormon, ~ hormon + grade)
  refused(Surv(rtime, recur) ~ nodes + hormon + grade, ~ hormon:grade)
  refused(Surv(rtime, recur) ~ I(size == "<=20"), ~size_group)
  plain <- fit(Surv(rtime, recur) ~ nodes + hormon, ~hormon)
  again <- fit(Surv(rtime, recur) ~ nodes + factor(hormon), ~hormon)
  expect_equal(logLik(plain), logLik(again), tolerance = 1e-12)
  expect_no_error(fit(Surv(rtime, recur) ~ size_group, ~ I(size == ">50")))
  # so an effect comes into an analysis of deviance with what changes of it
  both <- fit_ttp(Surv(rtime, recur) ~ nodes + hormon, d, ttp_spline(knots = 1), tvc = ~hormon)
  steps <- anova(both)
  expect_identical(steps$Df, c(NA, 1, 3))
  without <- fit_ttp(Surv(rtime, recur) ~ nodes, d, ttp_spline(knots = 1))
  expect_equal(steps$loglik[[2L]], as.numeric(logLik(without)), tolerance = 1e-12)
})

test_that("years, days and milliseconds give the same fit", {
  for (family in list("gompertz", ttp_spline(knots = 2), ttp_spline(link = "normal"))) {
    years <- fit_ttp(by_group, bc, family = family)
    for (unit in c(365, 365 * 86400e3)) {
      moved <- bc
      moved$recyrs <- bc$recyrs * unit
      fit <- fit_ttp(by_group, moved, family = family)
      expect_close(coef(fit)[1:2], coef(years)[1:2], 1e-9)
      expect_close(vcov(fit)[1:2, 1:2], vcov(years)[1:2, 1:2], 1e-7)
      expect_close(loglik_of(fit), loglik_of(years) - log(unit) * sum(bc$censrec), 1e-11)
    }
  }
  place <- function(unit) {
    moved <- bc
    moved$recyrs <- bc$recyrs * unit
    coef(fit_ttp(by_group, moved, family = ttp_pieces(c(1, 3) * unit)))
  }
  expect_close(place(1), place(365) + c(0, 0, rep(log(365), 3)), 1e-9)
})

test_that("interval-censored splines put their knots in the midst of the intervals and fit", {
  scan <- 0.5
  d <- bc
  d$left <- scan * floor(d$recyrs / scan)
  d$right <- ifelse(d$censrec == 1, d$left + scan, Inf)
  seen <- d[d$left > 0 | is.finite(d$right), ]
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ group, seen, family = ttp_spline(knots = 2)
  )
  expect_true(fit$convergence$converged)
  middle <- (seen$left + seen$right)[is.finite(seen$right)] / 2
  expect_close(
    fit$family$setting[-1L], quantile(log(middle), c(0, 1 / 3, 2 / 3, 1), names = FALSE), 1e-14
  )
  exact <- fit_ttp(by_group, bc, family = ttp_spline(knots = 2))
  expect_lt(max(abs(coef(fit)[1:2] - coef(exact)[1:2])), 0.05)
})

test_that("predictions of a spline are those of flexsurv", {
  fit <- fit_ttp(by_group, bc, family = ttp_spline(knots = 2, link = "odds"))
  peer <- flexsurv::flexsurvspline(
    by_group, data = bc, k = 2, scale = "odds", control = list(reltol = 1e-15, maxit = 1e5)
  )
  newdata <- data.frame(group = c("Good", "Poor"))
  for (type in c("survival", "hazard", "cumhaz", "rmst")) {
    ours <- predict(fit, newdata, type, times = c(1, 2, 5))
    theirs <- summary(peer, newdata, type = type, t = c(1, 2, 5), ci = FALSE, tidy = TRUE)
    expect_close(ours$estimate, theirs$est, 1e-4)
  }
  plateau <- fit_ttp(Surv(rtime, recur) ~ 1, survival::rotterdam, family = "gompertz")
  share <- exp(exp(coef(plateau)[[1L]]) / coef(plateau)[[2L]])
  late <- predict(plateau, data.frame(row.names = 1), "survival", times = 1e6)
  expect_close(late$estimate, share, 1e-10)
  above <- predict(plateau, data.frame(row.names = 1), "quantile", p = c(0.5, 1 - share) + 0.05)
  expect_identical(is.finite(above$estimate), c(TRUE, FALSE))
})

# --- where peers stop ---------------------------------------------------------------------------

test_that("left-truncated splines take the time of entry as a covariate", {
  withr::local_seed(110)
  n <- 600
  entry <- rgamma(4 * n, 2, 0.7)
  time <- 4 * (rexp(4 * n) * exp(-0.15 * entry))^(1 / 1.4)
  is_seen <- which(time > entry)[seq_len(n)]
  d <- data.frame(entry = entry[is_seen], stop = pmin(time, entry + 5)[is_seen])
  d$event <- as.integer(time[is_seen] <= entry[is_seen] + 5)
  for (knots in 1:3) {
    fit <- fit_ttp(Surv(entry, stop, event) ~ entry, d, family = ttp_spline(knots = knots))
    expect_true(fit$convergence$converged)
    expect_lt(abs(coef(fit)[["entry"]] - 0.15), 3 * sqrt(vcov(fit)[1L, 1L]))
  }
  # the likelihood by hand, from flexsurv's spline
  gamma <- spline_gamma(fit)
  H <- function(t) {
    s <- drop(flexsurv::fss(log(t), attr(gamma, "knots")) %*% gamma$estimate)
    exp(s + coef(fit)[["entry"]] * d$entry)
  }
  h <- flexsurv::hsurvspline(d$stop, gamma$estimate, knots = attr(gamma, "knots")) *
    exp(coef(fit)[["entry"]] * d$entry)
  expect_close(loglik_of(fit), sum(d$event * log(h) - H(d$stop) + H(d$entry)), 1e-10)
})

test_that("four follow-up times far beyond the rest stop no family", {
  withr::local_seed(5)
  d <- data.frame(time = rweibull(200, 1.3, 2), x = rnorm(200))
  d$status <- as.integer(d$time < 4)
  d$time <- pmin(d$time, 4)
  d$time[1:4] <- c(900, 2000, 5000, 12000)
  d$status[1:4] <- 0L
  for (family in list("gompertz", ttp_spline(), ttp_spline(link = "normal"), ttp_pieces(c(1, 2)))) {
    fit <- fit_ttp(Surv(time, status) ~ x, d, family = family)
    expect_true(fit$convergence$converged)
  }
  gompertz <- fit_ttp(Surv(time, status) ~ x, d, family = "gompertz")
  expect_lt(coef(gompertz)[["shape"]], 0)
  # its own profile over the shape has its maximum there
  profile <- function(shape) {
    H <- function(rate, b) rate * expm1(shape * d$time) / shape * exp(b * d$x)
    -optim(c(0, 0), function(p) {
      -sum(d$status * (p[1L] + p[2L] * d$x + shape * d$time) - H(exp(p[1L]), p[2L]))
    }, method = "BFGS", control = list(reltol = 1e-14))$value
  }
  at <- coef(gompertz)[["shape"]]
  expect_close(profile(at), loglik_of(gompertz), 1e-8)
  expect_lt(profile(at * 1.05), loglik_of(gompertz))
  expect_lt(profile(at * 0.95), loglik_of(gompertz))
})

test_that("a falling Gompertz hazard with a plateau is recovered", {
  withr::local_seed(6)
  n <- 2000
  x <- rbinom(n, 1, 0.5)
  rate <- 0.5 * exp(0.4 * x)
  shape <- -0.6
  unit <- rexp(n) / rate
  # 1 + shape E / rate below 0: the event never comes
  time <- suppressWarnings(log1p(shape * unit) / shape)
  time[!is.finite(time)] <- Inf
  d <- data.frame(x, time = pmin(time, 8), status = as.integer(time <= 8))
  fit <- fit_ttp(Surv(time, status) ~ x, d, family = "gompertz")
  expect_true(fit$convergence$converged)
  se <- sqrt(diag(vcov(fit)))
  expect_lt(max(abs((coef(fit) - c(0.4, log(0.5), -0.6)) / se)), 3)
  peer <- flexsurv::flexsurvreg(
    Surv(time, status) ~ x, data = d, dist = "gompertz", inits = c(-0.6, 0.5, 0.4)
  )
  expect_not_below(fit, peer)
})

test_that("a falling Gompertz hazard is told of", {
  rotterdam <- survival::rotterdam
  expect_output(
    print(fit_ttp(Surv(rtime, recur) ~ hormon, rotterdam, family = "gompertz")), "plateau"
  )
  rising <- fit_ttp(by_group, bc, family = "gompertz")
  expect_false(grepl("plateau", rising$title))
})

test_that("a spline whose best estimate would fall is not accepted, and says where", {
  # events in (0, 1) and (5, 6), none between: six parameters make log H fall there
  withr::local_seed(48)
  d <- data.frame(time = c(runif(20), runif(20, 5, 6)), status = 1L)
  expect_warning(
    fit <- fit_ttp(Surv(time, status) ~ 1, d, family = ttp_spline(knots = 4, link = "normal")),
    "would fall near [0-9.]+", class = "survresist_warning_convergence"
  )
  expect_false(fit$convergence$converged)
  x <- seq(log(min(d$time)), log(6), length.out = 500L)
  at <- hazard_table(
    ttp_hazard(fit$family, "probit"), x, matrix(coef(fit), 500L, 6L, byrow = TRUE), numeric(500L)
  )
  expect_true(all(diff(at$cum) > 0))
  smooth <- fit_ttp(Surv(time, status) ~ 1, d, family = ttp_smooth())
  expect_true(smooth$convergence$converged)
})

test_that("gamma is asked of spline fits only", {
  expect_error(spline_gamma(1), "must be a fit", class = "survresist_error_input")
  weibull <- fit_ttp(by_group, bc)
  expect_error(spline_gamma(weibull), "ttp_spline", class = "survresist_error_input")
})

# Each line of the table in the help of fit_ttp(): what our coefficients are in survreg() and in
# flexsurv. (ttp_pieces() and its Poisson regression: test-ttp-spline.R.)

skip_if_not_installed("flexsurv")
d <- survival::rotterdam[round(seq(1, 2982, length.out = 300)), ]
d$years <- d$rtime / 365.25
d$arm <- factor(d$hormon)
y <- Surv(years, recur) ~ arm + nodes
tight_search <- list(reltol = 1e-15, maxit = 1e4)

# estimates of flexsurv on their natural scale, effects as they are
peer_of <- function(dist, formula = y, ...) {
  suppressWarnings(flexsurv::flexsurvreg(
    formula, data = d, dist = dist, control = tight_search, ...
  ))$res[, "est"]
}

survreg_of <- function(dist, formula = y) {
  fit <- survival::survreg(
    formula, d, dist = dist, control = list(rel.tolerance = 1e-13, maxiter = 100)
  )
  list(mu = coef(fit)[[1L]], effects = unname(coef(fit)[2:3]), scale = fit$scale)
}

ours <- function(family, scale = NULL, ...) {
  coef <- coef(fit_ttp(y, d, family = family, scale = scale, ...))
  list(effects = unname(coef[1:2]), theta = unname(coef[-(1:2)]))
}

test_that("survreg's coefficients", {
  fit <- ours("exponential")
  peer <- survreg_of("exponential")
  expect_close(c(fit$effects, fit$theta), c(peer$effects, peer$mu), 1e-8)
  for (family in c("weibull", "lognormal", "loglogistic")) {
    fit <- ours(family)
    peer <- survreg_of(family)
    sign <- if (family == "lognormal") 1 else -1
    expect_close(
      c(fit$effects, fit$theta), c(peer$effects, peer$mu, sign * log(peer$scale)), 1e-8
    )
  }
  peer <- survreg_of("weibull")
  expect_close(ours("weibull", "hazard")$effects, -peer$effects / peer$scale, 1e-8)
  peer <- survreg_of("loglogistic")
  expect_close(ours("loglogistic", "odds")$effects, -peer$effects / peer$scale, 1e-8)
  # covariates of the shape
  fit <- fit_ttp(y, d, family = "weibull", shape = ~arm)
  peer <- survreg_of("weibull", Surv(years, recur) ~ arm + nodes + strata(arm))
  expect_close(coef(fit)[["log(shape):arm1"]], -diff(log(peer$scale)), 1e-7)
})

test_that("flexsurv's coefficients", {
  expect_peer <- function(fit, peer, names, sign = 1, tolerance = 1e-4) {
    theirs <- c(sign * peer[c("arm1", "nodes")], names)
    expect_close(c(fit$effects, fit$theta), unname(theirs), tolerance)
  }
  peer <- peer_of("exp")
  expect_peer(ours("exponential"), peer, -log(peer[["rate"]]), -1)
  peer <- peer_of("weibull")
  expect_peer(ours("weibull"), peer, log(peer[c("scale", "shape")]))
  peer <- peer_of("weibullPH")
  shape <- peer[["shape"]]
  expect_peer(ours("weibull", "hazard"), peer, c(-log(peer[["scale"]]) / shape, log(shape)))
  peer <- peer_of("lnorm")
  expect_peer(ours("lognormal"), peer, c(peer[["meanlog"]], log(peer[["sdlog"]])))
  peer <- peer_of("llogis")
  expect_peer(ours("loglogistic"), peer, log(peer[c("scale", "shape")]))
  peer <- peer_of("gamma")
  expect_peer(ours("gamma"), peer, c(-log(peer[["rate"]]), log(peer[["shape"]])), -1, 1e-3)
  peer <- peer_of("gengamma")
  expect_peer(ours("gengamma"), peer, c(peer[["mu"]], log(peer[["sigma"]]), peer[["Q"]]), 1, 1e-3)
  peer <- peer_of("gompertz")
  expect_peer(ours("gompertz"), peer, c(log(peer[["rate"]]), peer[["shape"]]), 1, 1e-3)
  fit <- fit_ttp(y, d, family = "weibull", shape = ~arm)
  peer <- peer_of("weibull", anc = list(shape = ~arm))
  expect_close(coef(fit)[["log(shape):arm1"]], peer[["shape(arm1)"]], 1e-3)
})

# flexsurv's searches stop early here, so densities are compared at the same parameters.
test_that("flexsurv's gengamma.orig and genf are ours", {
  t <- c(0.1, 0.7, 2, 9)
  at <- function(family, theta) {
    hazard_table(
      ttp_hazard(family, "time"), log(t), matrix(theta, 4L, length(theta), byrow = TRUE)
    )
  }
  theta <- c(0.4, -0.2, 0.7)
  sigma <- exp(theta[[2L]])
  Q <- theta[[3L]]
  found <- at(family_gengamma(), theta)
  expect_close(
    exp(found$haz), flexsurv::hgengamma.orig(
      t, shape = Q / sigma, scale = exp(theta[[1L]] + 2 * log(Q) * sigma / Q), k = 1 / Q^2
    ), 1e-10
  )
  expect_close(exp(found$haz), flexsurv::hgengamma(t, theta[[1L]], sigma, Q), 1e-10)
  theta <- c(theta, -0.8)
  expect_close(
    exp(at(family_genf(), theta)$haz),
    flexsurv::hgenf(t, theta[[1L]], sigma, Q, exp(theta[[4L]])), 1e-10
  )
})

test_that("flexsurvspline()'s coefficients, on every link", {
  for (link in c("hazard", "odds", "normal")) {
    fit <- fit_ttp(y, d, family = ttp_spline(knots = 1, link = link))
    peer <- suppressWarnings(flexsurv::flexsurvspline(
      y, data = d, k = 1, scale = link, control = tight_search
    ))$res[, "est"]
    expect_close(unname(coef(fit)[1:2]), unname(peer[c("arm1", "nodes")]), 2e-3)
    expect_close(spline_gamma(fit)$estimate, unname(peer[1:3]), 2e-3)
  }
})

# (start, stop] rows whose covariates change: on the scale of the hazard a person's rows are
# independent pieces of follow-up, exactly; on other scales they are not, and are refused.

hearts <- local({ # Stanford heart transplants: the transplant comes during follow-up
  d <- survival::heart
  d$age <- d$age / 10
  d$transplant <- as.numeric(d$transplant == "1")
  d[d$stop > d$start, ]
})
changing <- Surv(start, stop, event) ~ age + transplant

# sum of log h(stop) at events, less H(stop) - H(start), by R's own functions
by_hand <- function(d, eta, cumhaz, haz, weights = 1) {
  sum(weights * (d$event * (haz(d$stop) + eta) - exp(eta) * (cumhaz(d$stop) - cumhaz(d$start))))
}

expect_by_hand <- function(fit, d, cumhaz, log_haz, formula = changing) {
  loglik <- function(coef) {
    eta <- drop(cbind(d$age, d$transplant) %*% coef[1:2])
    theta <- coef[-(1:2)]
    by_hand(d, eta, function(t) cumhaz(t, theta), function(t) log_haz(t, theta))
  }
  expect_true(fit$convergence$converged)
  expect_close(fit$loglik[[2L]], loglik(coef(fit)), 1e-11)
  # a maximum of it, with its curvature
  skip_if_not_installed("numDeriv")
  information <- -numDeriv::hessian(loglik, coef(fit))
  expect_lt(max(abs(numDeriv::grad(loglik, coef(fit))) / sqrt(diag(information))), 1e-4)
  expect_close(solve(information), unname(vcov(fit)), 1e-4)
}

test_that("the likelihood of changing covariates is that of its pieces", {
  fit <- fit_ttp(changing, hearts, family = "weibull", scale = "hazard", id = id)
  expect_by_hand(
    fit, hearts, function(t, p) (t / exp(p[[1L]]))^exp(p[[2L]]),
    function(t, p) p[[2L]] - p[[1L]] + (exp(p[[2L]]) - 1) * (log(t) - p[[1L]])
  )
  fit <- fit_ttp(changing, hearts, family = "exponential", scale = "hazard", id = id)
  expect_by_hand(fit, hearts, function(t, p) t / exp(p), function(t, p) -p)
  fit <- fit_ttp(changing, hearts, family = "gompertz", id = id)
  expect_by_hand(
    fit, hearts, function(t, p) exp(p[[1L]]) * expm1(p[[2L]] * t) / p[[2L]],
    function(t, p) p[[1L]] + p[[2L]] * t
  )
  fit <- fit_ttp(changing, hearts, family = "lognormal", scale = "hazard", id = id)
  expect_by_hand(
    fit, hearts, function(t, p) {
      -stats::plnorm(t, p[[1L]], exp(p[[2L]]), lower.tail = FALSE, log.p = TRUE)
    }, function(t, p) {
      stats::dlnorm(t, p[[1L]], exp(p[[2L]]), log = TRUE) -
        stats::plnorm(t, p[[1L]], exp(p[[2L]]), lower.tail = FALSE, log.p = TRUE)
    }
  )
})

test_that("flexsurv's proportional hazards models of the same rows are never above ours", {
  skip_if_not_installed("flexsurv")
  models <- list(
    weibullPH = fit_ttp(changing, hearts, family = "weibull", scale = "hazard", id = id),
    gompertz = fit_ttp(changing, hearts, family = "gompertz", id = id)
  )
  for (name in names(models)) {
    peer <- flexsurv::flexsurvreg(changing, data = hearts, dist = name)
    expect_gt(models[[name]]$loglik[[2L]], peer$loglik - 1e-6)
    expect_lt(models[[name]]$loglik[[2L]], peer$loglik + 1e-3)
    theirs <- coef(peer)[c("age", "transplant")]
    expect_close(unname(coef(models[[name]])[1:2]), unname(theirs), 0.02)
  }
})

test_that("pieces with changing covariates are a Poisson regression", {
  cuts <- c(30, 90, 300)
  fit <- fit_ttp(changing, hearts, family = ttp_pieces(cuts), id = id)
  split <- survival::survSplit(changing, hearts, cut = cuts, episode = "piece")
  peer <- stats::glm(
    event ~ age + transplant + factor(piece) - 1 + offset(log(stop - start)), stats::poisson,
    split, control = list(epsilon = 1e-14)
  )
  expect_close(unname(coef(fit)), unname(coef(peer)), 1e-7)
  expect_close(unname(vcov(fit)), unname(vcov(peer)), 1e-6)
})

test_that("follow-up that is cut where nothing changes is the same follow-up, in every family", {
  d <- survival::lung[!is.na(survival::lung$ph.ecog), ]
  d$from <- 0
  d$person <- seq_len(nrow(d))
  split <- survival::survSplit(Surv(from, time, status) ~ ., d, cut = c(100, 250, 500))
  families <- list(
    "exponential", "weibull", "lognormal", "loglogistic", "gamma", "gengamma", "gompertz",
    ttp_pieces(c(200, 400)), ttp_spline(knots = 2), ttp_spline(knots = 1, link = "odds"),
    ttp_smooth(df = 6)
  )
  for (family in families) {
    whole <- fit_ttp(Surv(time, status) ~ sex + ph.ecog, d, family = family, scale = "hazard")
    cut <- fit_ttp(
      Surv(from, time, status) ~ sex + ph.ecog, split, family = family, scale = "hazard",
      id = person
    )
    # the smoothing parameter is found to 1 %
    expect_close(coef(cut)[1:2], coef(whole)[1:2], if (isTRUE(whole$is_penalised)) 1e-4 else 1e-7)
    expect_close(cut$loglik[[2L]], whole$loglik[[2L]], 1e-7)
  }
})

test_that("days and milliseconds give the same fit of changing covariates", {
  for (family in list("weibull", "gompertz", "gengamma", ttp_spline(knots = 1))) {
    days <- fit_ttp(changing, hearts, family = family, scale = "hazard", id = id)
    moved <- transform(hearts, start = start * 864e5, stop = stop * 864e5)
    other <- fit_ttp(changing, moved, family = family, scale = "hazard", id = id)
    expect_close(coef(other)[1:2], coef(days)[1:2], 1e-7)
    expect_close(vcov(other)[1:2, 1:2], vcov(days)[1:2, 1:2], 1e-6)
    expect_close(other$loglik, days$loglik - sum(hearts$event) * log(864e5), 1e-9)
  }
})

test_that("on other scales, several rows of a person are refused, one is not", {
  for (scale in c("time", "odds")) {
    for (family in list("weibull", "loglogistic", "gengamma", ttp_spline(knots = 1))) {
      expect_error(
        fit_ttp(changing, hearts, family = family, scale = scale, id = id), "several",
        class = "survresist_error_unsupported"
      )
      expect_error( # also without `id`: rows start where others stop
        fit_ttp(changing, hearts, family = family, scale = scale), "several",
        class = "survresist_error_unsupported"
      )
    }
  }
  expect_error(
    fit_ttp(changing, hearts, family = ttp_spline(link = "normal"), id = id), "several",
    class = "survresist_error_unsupported"
  )
  late <- hearts[!duplicated(hearts$id, fromLast = TRUE), ] # entry alone has a meaning
  expect_true(fit_ttp(changing, late, scale = "time", id = id)$convergence$converged)
})

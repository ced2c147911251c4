# The log likelihood of fit_ttp()'s four first families in plain R: p and d functions, row by row.
# Shares nothing with the package.

log_one_minus_exp <- function(a) ifelse(a > log(2), log1p(-exp(-a)), log(-expm1(-a)))

# log S, log F and log h of the baseline
oracle_baseline <- function(family, t, mu, lambda) {
  k <- exp(lambda)
  w <- k * (log(t) - mu)
  switch(family,
    exponential = oracle_baseline("weibull", t, mu, 0 * mu),
    weibull = list(S = -exp(w), F = log_one_minus_exp(exp(w)), h = lambda + w - log(t)),
    lognormal = {
      S <- plnorm(t, mu, k, lower.tail = FALSE, log.p = TRUE)
      list(S = S, F = plnorm(t, mu, k, log.p = TRUE), h = dlnorm(t, mu, k, log = TRUE) - S)
    },
    loglogistic = {
      below <- plogis(w, log.p = TRUE)
      list(
        S = plogis(w, lower.tail = FALSE, log.p = TRUE), F = below, h = lambda - log(t) + below
      )
    }
  )
}

# log S and log f with a linear predictor
oracle_scaled <- function(family, scale, t, eta, mu, lambda) {
  if (scale == "time") {
    at <- oracle_baseline(family, t * exp(-eta), mu, lambda)
    return(list(S = at$S, f = at$h + at$S - eta))
  }
  at <- oracle_baseline(family, t, mu, lambda)
  if (scale == "hazard") return(list(S = exp(eta) * at$S, f = eta + at$h + exp(eta) * at$S))
  y <- at$F - at$S + eta
  S <- plogis(y, lower.tail = FALSE, log.p = TRUE)
  list(S = S, f = plogis(y, log.p = TRUE) + S + at$h - at$F)
}

#' @param d list(left, right (Inf: right-censored; equal: exact), entry, x (matrix), stratum (from
#'   1), z (matrix of covariates of the shape), w).
#' @returns function(coefficients in the order of fit_ttp()).
oracle_ttp <- function(d, family, scale) {
  K <- if (family == "exponential") 1L else 2L
  p <- ncol(d$x)
  function(par) {
    eta <- drop(d$x %*% par[seq_len(p)])
    at <- p + (d$stratum - 1L) * K
    mu <- par[at + 1L]
    lambda <- if (K == 2L) par[at + 2L] else 0 * mu
    if (ncol(d$z) > 0L) {
      lambda <- lambda + drop(d$z %*% par[p + max(d$stratum) * K + seq_len(ncol(d$z))])
    }
    log_surv <- function(t) {
      S <- oracle_scaled(family, scale, ifelse(t > 0 & t < Inf, t, 1), eta, mu, lambda)$S
      ifelse(t == 0, 0, ifelse(t == Inf, -Inf, S))
    }
    S_left <- log_surv(d$left)
    S_right <- log_surv(d$right)
    is_exact <- d$left == d$right
    f <- oracle_scaled(family, scale, pmax(d$left, 1e-300), eta, mu, lambda)$f
    between <- ifelse(d$right == Inf, S_left, S_left + log_one_minus_exp(S_left - S_right))
    sum(d$w * (ifelse(is_exact, f, between) - log_surv(d$entry)))
  }
}

# The highest value that optim() finds from several starts around `near`
oracle_maximum <- function(loglik, near, n_start = 4L) {
  loss <- function(par) {
    value <- suppressWarnings(loglik(par))
    if (is.finite(value)) -value else 1e10
  }
  best <- -Inf
  for (k in seq_len(n_start)) {
    start <- near + stats::rnorm(length(near), 0, if (k %% 2L == 0L) 0.1 else 0.7)
    found <- tryCatch({
      rough <- if (length(start) > 1L) stats::optim(start, loss)$par else start
      stats::optim(rough, loss, method = "BFGS", control = list(maxit = 300, reltol = 1e-14))
    }, error = function(e) list(value = Inf))
    best <- max(best, -found$value)
  }
  best
}

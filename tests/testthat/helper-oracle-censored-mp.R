# What one row adds to the log likelihood, in extended precision from the definitions of the
# families, scales and kinds of censoring: S, F = 1 - S and the density f, each by a formula that
# keeps its digits. Derivatives are central differences with steps of 1e-20. Shares nothing with
# the package but the map from slopes to truncated powers (which test-ttp-spline.R holds to
# flexsurv's).

mp_bits <- 280L
mp <- function(x) if (methods::is(x, "mpfr")) x else Rmpfr::mpfr(x, mp_bits)

# S, F of H, which may be tiny
mp_of_cumhaz <- function(H, h) list(S = exp(-H), F = -expm1(-H), f = h * exp(-H))

# Phi(s) and its mirror; ds is the derivative of s in t
mp_of_probit <- function(s, ds) {
  list(
    S = Rmpfr::erfc(s / sqrt(mp(2))) / 2, F = Rmpfr::erfc(-s / sqrt(mp(2))) / 2,
    f = exp(-s^2 / 2) / sqrt(2 * Rmpfr::Const("pi", mp_bits)) * ds
  )
}
mp_of_logit <- function(s, ds) {
  list(S = 1 / (1 + exp(s)), F = 1 / (1 + exp(-s)), f = exp(s) / (1 + exp(s))^2 * ds)
}

# sum over n of the product of ratio(1) ... ratio(n), from 1, until nothing is added
mp_series <- function(ratio) {
  total <- term <- mp(1)
  for (n in seq_len(20000L)) {
    term <- term * ratio(n)
    total <- total + term
    if (n %% 32L == 0L && as.numeric(log(max(term / total))) < -0.7 * mp_bits) break
  }
  total
}

# Incomplete gamma functions, regularised: the lower one by its series, the upper one far out by
# Legendre's continued fraction, from its end
mp_gamma <- function(a, x) {
  if (as.numeric(x[[1L]]) < 100) {
    low <- exp(a * log(x) - x - lgamma(a + 1)) * mp_series(function(n) x / (a + n))
    return(list(low = low, up = 1 - low))
  }
  rest <- mp(0)
  for (n in 250:1) rest <- n * (n - a) / (x + 2 * n + 1 - a - rest)
  up <- exp(a * log(x) - x - lgamma(a)) / (x + 1 - a - rest)
  list(low = 1 - up, up = up)
}

# Incomplete beta function, regularised, for x not near 1
mp_beta <- function(x, a, b) {
  front <- exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a + 1) - lgamma(b))
  front * mp_series(function(n) x * (a + b + n - 1) / (a + n))
}

# log t, its derivative and the shape: families of a location and a scale of log time
mp_standard <- function(x, mu, k) list(w = (x - mu) * k, dw = k * exp(-x))

mp_baseline <- list(
  exponential = function(x, theta, setting) {
    mp_of_cumhaz(exp(x - theta[[1L]]), exp(-theta[[1L]]))
  },
  weibull = function(x, theta, setting) {
    at <- mp_standard(x, theta[[1L]], exp(theta[[2L]]))
    mp_of_cumhaz(exp(at$w), exp(at$w) * at$dw)
  },
  lognormal = function(x, theta, setting) {
    at <- mp_standard(x, theta[[1L]], exp(-theta[[2L]]))
    mp_of_probit(at$w, at$dw)
  },
  loglogistic = function(x, theta, setting) {
    at <- mp_standard(x, theta[[1L]], exp(theta[[2L]]))
    mp_of_logit(at$w, at$dw)
  },
  gamma = function(x, theta, setting) {
    a <- exp(theta[[2L]])
    u <- exp(x - theta[[1L]])
    at <- mp_gamma(a, u)
    list(S = at$up, F = at$low, f = exp(a * log(u) - u - lgamma(a) - x))
  },
  gengamma = function(x, theta, setting) {
    at <- mp_standard(x, theta[[1L]], exp(-theta[[2L]]))
    Q <- theta[[3L]]
    k <- 1 / Q^2
    part <- mp_gamma(k, k * exp(Q * at$w))
    is_up <- as.numeric(Q[[1L]]) > 0
    f <- exp(log(abs(Q)) + k * log(k) - lgamma(k) + k * (Q * at$w - exp(Q * at$w))) * at$dw
    list(S = if (is_up) part$up else part$low, F = if (is_up) part$low else part$up, f = f)
  },
  genf = function(x, theta, setting) {
    at <- mp_standard(x, theta[[1L]], exp(-theta[[2L]]))
    Q <- theta[[3L]]
    P <- exp(theta[[4L]])
    d <- sqrt(Q^2 + 2 * P)
    s1 <- 2 / (Q^2 + 2 * P + Q * d)
    s2 <- 2 / (Q^2 + 2 * P - Q * d)
    ratio <- s1 / s2 * exp(d * at$w)
    is_low <- as.numeric(ratio[[1L]]) < 1
    part <- if (is_low) mp_beta(ratio / (1 + ratio), s1, s2) else mp_beta(1 / (1 + ratio), s2, s1)
    f <- exp(
      log(d) + s1 * log(ratio) - (s1 + s2) * log1p(ratio) + lgamma(s1 + s2) - lgamma(s1) -
        lgamma(s2)
    ) * at$dw
    list(S = if (is_low) 1 - part else part, F = if (is_low) part else 1 - part, f = f)
  },
  gompertz = function(x, theta, setting) {
    grown <- theta[[2L]] * exp(x)
    mp_of_cumhaz(
      exp(theta[[1L]]) * expm1(grown) / theta[[2L]], exp(theta[[1L]] + grown)
    )
  },
  pieces = function(x, theta, setting) {
    t <- exp(x)
    from <- c(0, setting)
    to <- c(setting, Inf)
    H <- mp(0)
    for (j in seq_along(from)) {
      if (t[[1L]] > from[[j]]) {
        spent <- if (t[[1L]] > to[[j]]) mp(to[[j]] - from[[j]]) else t - from[[j]]
        H <- H + exp(theta[[j]]) * spent
      }
    }
    mp_of_cumhaz(H, exp(theta[[sum(from < t[[1L]])]]))
  },
  spline = function(x, theta, setting) {
    knots <- setting[-1L]
    N <- length(knots)
    gamma <- lapply(seq_len(N), function(row) {
      Reduce(`+`, Map(`*`, spline_gamma_map(knots)[row, ], theta))
    })
    cube <- function(k) if (x[[1L]] > k) (x - k)^3 else 0 * x
    square <- function(k) if (x[[1L]] > k) 3 * (x - k)^2 else 0 * x
    s <- gamma[[1L]] + gamma[[2L]] * x
    rise <- gamma[[2L]]
    for (j in seq_len(N - 2L) + 1L) {
      share <- (mp(knots[[N]]) - knots[[j]]) / (mp(knots[[N]]) - knots[[1L]])
      bend <- function(f) f(knots[[j]]) - share * f(knots[[1L]]) - (1 - share) * f(knots[[N]])
      s <- s + gamma[[j + 1L]] * bend(cube)
      rise <- rise + gamma[[j + 1L]] * bend(square)
    }
    rise <- rise * exp(-x)
    switch(setting[[1L]] + 1,
      mp_of_cumhaz(exp(s), exp(s) * rise), mp_of_logit(s, rise), mp_of_probit(s, rise)
    )
  },
  smooth = function(x, theta, setting) {
    t <- exp(x)
    last <- setting[[length(setting)]]
    clamped <- c(rep(setting[[1L]], 4L), setting[-1L], rep(last, 4L)) # one more at the end
    inside <- if (t[[1L]] < last) t else mp(last)
    # B-splines of degree 0 to 4 (Cox and de Boor); the piece is known from the middle point
    at <- max(which(clamped <= inside[[1L]] & clamped < last))
    basis <- lapply(seq_len(length(clamped) - 1L), function(i) mp(as.numeric(i == at)) + 0 * t)
    cubic <- NULL
    for (degree in 1:4) {
      basis <- lapply(seq_len(length(basis) - 1L), function(i) {
        part <- function(j, sign) {
          width <- clamped[[j + degree]] - clamped[[j]]
          if (width == 0) return(0 * t)
          (if (sign > 0) inside - clamped[[j]] else clamped[[j + degree]] - inside) / width
        }
        part(i, 1) * basis[[i]] + part(i + 1L, -1) * basis[[i + 1L]]
      })
      if (degree == 3L) cubic <- basis
    }
    K <- length(theta)
    weight <- lapply(theta, exp)
    h <- Reduce(`+`, Map(`*`, weight, cubic[seq_len(K)]))
    # the integral of a cubic B-spline is a sum of quartic ones
    area <- lapply(seq_len(K), function(j) {
      width <- clamped[[j + 4L]] - clamped[[j]]
      width / 4 * Reduce(`+`, basis[seq.int(j, length(basis))])
    })
    H <- Reduce(`+`, Map(`*`, weight, area))
    if (t[[1L]] > last) H <- H + weight[[K]] * (t - last)
    mp_of_cumhaz(H, h)
  }
)

# With a linear predictor
mp_scaled <- function(family, scale, x, eta, theta, setting) {
  baseline <- mp_baseline[[family]]
  if (scale == "probit") {
    theta[[1L]] <- theta[[1L]] + eta
    return(baseline(x, theta, setting))
  }
  if (scale == "time") {
    at <- baseline(x - eta, theta, setting)
    at$f <- at$f * exp(-eta)
    return(at)
  }
  at <- baseline(x, theta, setting)
  if (scale == "hazard") {
    log_S <- if (at$F[[1L]] < 0.5) log1p(-at$F) else log(at$S)
    S <- exp(exp(eta) * log_S)
    return(list(S = S, F = -expm1(exp(eta) * log_S), f = exp(eta) * S * at$f / at$S))
  }
  whole <- at$S + at$F * exp(eta)
  list(S = at$S / whole, F = at$F * exp(eta) / whole, f = at$f * exp(eta) / whole^2)
}

#' @param row list(kind, x, right, entry): log times.
#' @param z (eta, theta), mpfr vectors of the same length each (a list).
mp_row <- function(family, scale, setting, row, z) {
  at <- function(x) mp_scaled(family, scale, mp(x), z[[1L]], z[-1L], setting)
  here <- at(row$x)
  log_S <- function(part) if (part$F[[1L]] < 0.5) log1p(-part$F) else log(part$S)
  value <- switch(row$kind,
    right = log_S(here), exact = log(here$f),
    left = if (here$F[[1L]] < 0.5) log(here$F) else log1p(-here$S),
    interval = {
      there <- at(row$right)
      log(if (there$F[[1L]] < 0.5) there$F - here$F else here$S - there$S)
    }
  )
  if (is.null(row$entry)) value else value - log_S(at(row$entry))
}

# Value, gradient and Hessian of a row at z by differences, as doubles
mp_derivatives <- function(family, scale, setting, row, z, step = "1e-20") {
  h <- Rmpfr::mpfr(step, mp_bits)
  P <- length(z)
  pairs <- which(upper.tri(diag(P), diag = TRUE), arr.ind = TRUE)
  places <- rbind(
    matrix(0, 1L, P), diag(P), -diag(P),
    do.call(rbind, lapply(seq_len(nrow(pairs)), function(k) {
      a <- diag(P)[pairs[k, 1L], ]
      b <- diag(P)[pairs[k, 2L], ]
      rbind(a + b, a - b, b - a, -a - b)
    }))
  )
  moved <- lapply(seq_len(P), function(j) mp(z[[j]]) + h * places[, j])
  value <- mp_row(family, scale, setting, row, moved)
  first <- as.numeric((value[1L + seq_len(P)] - value[1L + P + seq_len(P)]) / (2 * h))
  second <- matrix(0, P, P)
  for (k in seq_len(nrow(pairs))) {
    v <- value[1L + 2L * P + (k - 1L) * 4L + 1:4]
    second[pairs[k, , drop = FALSE]] <- as.numeric((v[1L] - v[2L] - v[3L] + v[4L]) / (4 * h^2))
  }
  second[lower.tri(second)] <- t(second)[lower.tri(second)]
  list(value = as.numeric(value[1L]), first = first, second = second)
}

# The same from the package: one row with the covariate 1
row_derivatives <- function(family, scale, row, z) {
  bundle <- list(
    matrix(1), NULL, NULL, NULL, NULL, NULL, ttp_kinds[[row$kind]], row$x,
    if (row$kind == "interval") row$right, row$entry, NULL
  )
  at <- .Call(C_ttp_value, bundle, ttp_hazard(family, scale), as.double(z))
  list(value = at$loglik, first = at$gradient, second = -at$info)
}

# Generalised gamma and F distributions in extended precision, from their textbook definitions.

# log of the integral over s > 0 of exp(log_density(s)): the trapezoidal rule in t, s = exp(t -
# exp(-t)), whose ends fall doubly exponentially (Takahasi and Mori 1974).
oracle_log_integral <- function(log_density, bits = 160L, step = 1 / 64) {
  t <- Rmpfr::mpfr(seq(-5, 9, by = step), bits)
  s <- exp(t - exp(-t))
  log(sum(exp(log_density(s)) * s * (1 + exp(-t))) * step)
}

# log H and log h at w of a density on the whole line whose mode is 0
oracle_hazard <- function(w, log_density, bits = 160L) {
  w <- Rmpfr::mpfr(w, bits)
  side <- if (w < 0) -1 else 1
  tail <- oracle_log_integral(function(s) log_density(w + side * s), bits)
  log_survival <- if (w < 0) log1p(-exp(tail)) else tail
  list(
    cum = as.numeric(log(-log_survival)), haz = as.numeric(log_density(w) - log_survival)
  )
}

# log|Q| + k log k - log Gamma(k) + k (Q w - e^Qw), k = 1 / Q^2
oracle_gengamma <- function(w, Q, bits = 160L) {
  Q <- Rmpfr::mpfr(Q, bits)
  k <- 1 / Q^2
  constant <- log(abs(Q)) + k * log(k) - lgamma(k)
  oracle_hazard(w, function(w) constant + k * (Q * w - exp(Q * w)), bits)
}

# Prentice's F: log d + s1 log(s1 / s2) + s1 d w - (s1 + s2) log(1 + s1 / s2 e^dw) - log B(s1, s2)
oracle_genf <- function(w, Q, P, bits = 160L) {
  Q <- Rmpfr::mpfr(Q, bits)
  P <- Rmpfr::mpfr(P, bits)
  d <- sqrt(Q^2 + 2 * P)
  s1 <- 2 / (Q^2 + 2 * P + Q * d)
  s2 <- 2 / (Q^2 + 2 * P - Q * d)
  constant <- log(d) + s1 * log(s1 / s2) + lgamma(s1 + s2) - lgamma(s1) - lgamma(s2)
  oracle_hazard(
    w, function(w) constant + s1 * d * w - (s1 + s2) * log1p(s1 / s2 * exp(d * w)), bits
  )
}

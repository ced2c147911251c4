# Firth's penalised log-likelihood by its definition: every risk set listed, the information summed
# from each tied step's mean and spread, the determinant from R.
oracle_firth <- function(x, y, ties = "efron", stratum = NULL, weights = NULL, offset = NULL) {
  y <- unclass(y)
  n <- nrow(y)
  k <- ncol(y)
  start <- if (k == 3L) y[, 1] else rep(-Inf, n)
  stop <- y[, k - 1]
  event <- y[, k] == 1
  stratum <- if (is.null(stratum)) rep(0, n) else stratum
  w <- if (is.null(weights)) rep(1, n) else weights
  offset <- if (is.null(offset)) rep(0, n) else offset
  function(beta) {
    eta <- drop(x %*% beta) + offset
    loglik <- sum((w * eta)[event])
    info <- matrix(0, ncol(x), ncol(x))
    for (s in unique(stratum)) {
      for (time in unique(stop[event & stratum == s])) {
        at_risk <- stratum == s & start < time & stop >= time
        dies <- at_risk & event & stop == time
        d <- sum(dies)
        steps <- if (ties == "efron") seq(0, d - 1) / d else 0
        for (share in steps) {
          r <- (w * exp(eta) * (1 - share * dies))[at_risk]
          z <- x[at_risk, , drop = FALSE]
          weight <- sum(w[dies]) / length(steps)
          mean <- colSums(r * z) / sum(r)
          z <- sweep(z, 2, mean)
          loglik <- loglik - weight * log(sum(r))
          info <- info + weight * crossprod(z, r * z) / sum(r)
        }
      }
    }
    structure(loglik + determinant(info)$modulus[1] / 2, loglik = loglik, info = info)
  }
}

# Central differences of fourth order.
slope_of <- function(value, at, step = 1e-3) {
  vapply(seq_along(at), function(j) {
    v <- function(m) as.numeric(value(replace(at, j, at[j] + m * step)))
    (8 * (v(1) - v(-1)) - (v(2) - v(-2))) / (12 * step)
  }, 0)
}

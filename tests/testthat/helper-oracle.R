# Slow and obvious: definitions written as sums over all pairs or over every risk set.

# Concordance counts, one row's balance and comparable weight at a time.
oracle_concordance <- function(y, score, stratum = NULL, weights = NULL, cluster = NULL) {
  n <- nrow(y)
  k <- ncol(y)
  start <- if (k == 3) y[, 1] else rep(-Inf, n)
  stop <- y[, k - 1]
  event <- y[, k] != 0
  stratum <- if (is.null(stratum)) rep(0, n) else stratum
  w <- if (is.null(weights)) rep(1, n) else weights
  # [i, j]: i fails while j is at risk and does not fail then
  fails_first <- outer(seq_len(n), seq_len(n), function(i, j) {
    event[i] & stratum[i] == stratum[j] & start[j] < stop[i] &
      (stop[j] > stop[i] | (stop[j] == stop[i] & !event[j]))
  })
  together <- outer(seq_len(n), seq_len(n), function(i, j) {
    event[i] & event[j] & stratum[i] == stratum[j] & stop[i] == stop[j] & i < j
  })
  ww <- outer(w, w)
  sign <- sign(outer(score, score, "-"))
  count <- c(
    concordant = sum(ww[fails_first & sign > 0]), discordant = sum(ww[fails_first & sign < 0]),
    tied.x = sum(ww[fails_first & sign == 0]),
    tied.y = sum(ww[together & sign != 0]), tied.xy = sum(ww[together & sign == 0])
  )
  pairs <- sum(count[1:3])
  excess <- unname(count[1] - count[2]) / pairs
  meets <- fails_first * sign
  balance <- drop(meets %*% w) + drop(crossprod(meets, w))
  comparable <- drop(fails_first %*% w) + drop(crossprod(fails_first, w))
  dfbeta <- w * (balance - comparable * excess) / (2 * pairs)
  if (!is.null(cluster)) dfbeta <- tapply(dfbeta, cluster, sum)
  c(count, concordance = (excess + 1) / 2, std = sqrt(sum(dfbeta^2)))
}

# The Cox log-likelihood, its gradient and the information at `beta`, one event time after another,
# each risk set listed. Efron: the tied deaths leave it in equal shares, one by one.
oracle_cox <- function(x, y, beta, ties = "efron", stratum = NULL, weights = NULL, offset = NULL) {
  x <- as.matrix(x)
  y <- unclass(y)
  n <- nrow(y)
  k <- ncol(y)
  p <- ncol(x)
  start <- if (k == 3) y[, 1] else rep(-Inf, n)
  stop <- y[, k - 1]
  event <- y[, k] != 0
  stratum <- if (is.null(stratum)) rep(0, n) else stratum
  w <- if (is.null(weights)) rep(1, n) else weights
  eta <- drop(x %*% beta) + if (is.null(offset)) 0 else offset
  loglik <- 0
  score <- numeric(p)
  info <- matrix(0, p, p)
  for (s in unique(stratum)) {
    for (t in unique(stop[event & stratum == s])) {
      at_risk <- stratum == s & start < t & t <= stop
      dies <- at_risk & event & stop == t
      d <- sum(dies)
      loglik <- loglik + sum(w[dies] * eta[dies])
      score <- score + colSums(w[dies] * x[dies, , drop = FALSE])
      for (gone in if (ties == "efron") seq(0, d - 1) / d else rep(0, d)) {
        r <- ifelse(at_risk, w * exp(eta), 0) * ifelse(dies, 1 - gone, 1)
        each <- mean(w[dies])
        mean_x <- colSums(r * x) / sum(r)
        about <- x - rep(mean_x, each = n)
        loglik <- loglik - each * log(sum(r))
        score <- score - each * mean_x
        info <- info + each * crossprod(about, r * about) / sum(r)
      }
    }
  }
  list(loglik = loglik, score = score, info = info)
}

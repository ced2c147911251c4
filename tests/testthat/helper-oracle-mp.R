# The Cox likelihood in numbers of 160 bits (Rmpfr), 48 digits: where two programs disagree,
# this decides. Risk-set sums are differences of running sums, which then lose nothing that matters.

oracle_bits <- 160L
mp <- function(z) Rmpfr::mpfr(z, oracle_bits)

# What the oracle takes, from the matrix, the response and the rest as plain vectors.
oracle_data <- function(x, y, ties, stratum = NULL, weights = NULL, offset = NULL) {
  y <- unclass(y)
  n <- nrow(y)
  k <- ncol(y)
  list(
    x = unname(as.matrix(x)), ties = ties, start = if (k == 3L) unname(y[, 1]) else rep(-Inf, n),
    stop = unname(y[, k - 1]), event = unname(y[, k]) == 1,
    stratum = if (is.null(stratum)) rep(1L, n) else as.integer(factor(stratum)),
    weights = if (is.null(weights)) rep(1, n) else as.double(weights),
    offset = if (is.null(offset)) rep(0, n) else as.double(offset)
  )
}

# sum of v[at] over at < t for each t of `times`
oracle_below <- function(v, at, times, or_equal = FALSE) {
  order <- order(at)
  running <- c(mp(0), cumsum(v[order]))
  running[findInterval(times, at[order], left.open = !or_equal) + 1L]
}

# One stratum: the log-likelihood, score, information, and the steps of the hazard with their times.
oracle_stratum <- function(data, rows, x, risk, weights) {
  start <- data$start[rows]
  stop <- data$stop[rows]
  dead <- which(data$event[rows])
  times <- sort(unique(stop[dead]))
  in_set <- function(v) {
    sum(v) - oracle_below(v, stop, times) - (sum(v) - oracle_below(v, start, times))
  }
  of_dead <- function(v) {
    v <- v[dead]
    oracle_below(v, stop[dead], times, TRUE) - oracle_below(v, stop[dead], times)
  }
  # all leave at stop < t; all that start at or after t have not entered
  n_dead <- as.numeric(of_dead(mp(rep(1, length(rows)))))
  p <- length(x)
  x <- lapply(x, function(column) column[rows])
  r <- risk[rows]
  weight <- of_dead(weights[rows])
  s0 <- in_set(r)
  t0 <- of_dead(r)
  rx <- lapply(x, function(column) r * column)
  s1 <- lapply(rx, in_set)
  t1 <- lapply(rx, of_dead)
  loglik <- mp(0)
  score <- lapply(x, function(column) sum((weights[rows] * column)[dead]))
  info <- matrix(list(mp(0)), p, p)
  step <- weight * 0
  n_step <- if (data$ties == "efron") n_dead else pmin(n_dead, 1)
  second <- lapply(seq_len(p * p), function(k) {
    i <- (k - 1) %% p + 1
    j <- (k - 1) %/% p + 1
    if (i <= j) list(s = in_set(rx[[i]] * x[[j]]), t = of_dead(rx[[i]] * x[[j]]))
  })
  for (m in seq_len(max(n_step))) {
    k <- which(n_step >= m)
    share <- mp(m - 1) / n_dead[k]
    part <- weight[k] / n_step[k]
    below <- s0[k] - share * t0[k]
    loglik <- loglik - sum(part * log(below))
    step[k] <- step[k] + part / below
    mean <- lapply(seq_len(p), function(j) (s1[[j]][k] - share * t1[[j]][k]) / below)
    for (j in seq_len(p)) {
      score[[j]] <- score[[j]] - sum(part * mean[[j]])
      for (i in seq_len(j)) {
        both <- second[[(j - 1) * p + i]]
        square <- (both$s[k] - share * both$t[k]) / below
        info[[i, j]] <- info[[i, j]] + sum(part * (square - mean[[i]] * mean[[j]]))
        info[[j, i]] <- info[[i, j]]
      }
    }
  }
  list(loglik = loglik, score = score, info = info, times = times, step = step)
}

# list(loglik, score, info) at `beta` (double or mpfr). Columns are centred first, exactly: nothing
# changes but the size of the numbers.
oracle_mp <- function(data, beta) {
  p <- ncol(data$x)
  x <- lapply(seq_len(p), function(j) mp(data$x[, j]) - mean(data$x[, j]))
  eta <- mp(data$offset)
  for (j in seq_len(p)) eta <- eta + x[[j]] * beta[j]
  weights <- mp(data$weights)
  risk <- weights * exp(eta)
  strata <- split(seq_along(data$stop), data$stratum)
  strata <- Filter(function(rows) any(data$event[rows]), strata)
  parts <- lapply(strata, function(rows) oracle_stratum(data, rows, x, risk, weights))
  total <- function(a, b) mapply(`+`, a, b, SIMPLIFY = FALSE)
  info <- Reduce(total, lapply(parts, `[[`, "info"))
  list(
    loglik = sum((weights * eta)[data$event]) + Reduce(`+`, lapply(parts, `[[`, "loglik")),
    score = do.call(c, Reduce(total, lapply(parts, `[[`, "score"))),
    info = matrix(info, p, p)
  )
}

# Gauss-Jordan: the inverse of a matrix of such numbers, kept as a list with dimensions.
oracle_inverse <- function(a) {
  p <- nrow(a)
  inverse <- matrix(lapply(diag(p), mp), p, p)
  for (k in seq_len(p)) {
    pivot <- a[[k, k]]
    for (j in seq_len(p)) {
      a[[k, j]] <- a[[k, j]] / pivot
      inverse[[k, j]] <- inverse[[k, j]] / pivot
    }
    for (i in setdiff(seq_len(p), k)) {
      f <- a[[i, k]]
      for (j in seq_len(p)) {
        a[[i, j]] <- a[[i, j]] - f * a[[k, j]]
        inverse[[i, j]] <- inverse[[i, j]] - f * inverse[[k, j]]
      }
    }
  }
  inverse
}

# v' a v of such a matrix and a vector of such numbers
oracle_quadratic_form <- function(a, v) {
  sum(v * do.call(c, lapply(seq_along(v), function(i) sum(do.call(c, a[i, ]) * v))))
}

# The maximum, by Newton steps from `beta`, as doubles.
oracle_fit <- function(data, beta, n_step = 8L) {
  beta <- mp(beta)
  for (k in seq_len(n_step)) {
    at <- oracle_mp(data, beta)
    var <- oracle_inverse(at$info)
    step <- do.call(c, lapply(seq_along(beta), function(i) {
      sum(do.call(c, var[i, ]) * at$score)
    }))
    beta <- beta + step
    if (max(abs(as.numeric(step) / as.numeric(beta))) < 1e-12) break
  }
  at <- oracle_mp(data, beta)
  list(
    coef = as.numeric(beta), loglik = as.numeric(at$loglik),
    var = matrix(vapply(oracle_inverse(at$info), as.numeric, 0), length(beta))
  )
}

# Martingale and score residuals at `beta`, unweighted, by their definition: one step of one event
# time after another, every row of the risk set in turn. For small data.
oracle_residuals <- function(data, beta) {
  n <- length(data$stop)
  p <- ncol(data$x)
  x <- lapply(seq_len(p), function(j) mp(data$x[, j]) - mean(data$x[, j]))
  eta <- mp(data$offset)
  for (j in seq_len(p)) eta <- eta + x[[j]] * beta[j]
  risk <- exp(eta)
  w <- mp(data$weights)
  martingale <- mp(as.numeric(data$event))
  score <- rep(list(mp(rep(0, n))), p)
  deaths <- unique(data.frame(s = data$stratum, t = data$stop)[data$event, ])
  for (k in seq_len(nrow(deaths))) {
    here <- data$stratum == deaths$s[k]
    at_risk <- which(here & data$start < deaths$t[k] & data$stop >= deaths$t[k])
    dies <- data$event[at_risk] & data$stop[at_risk] == deaths$t[k]
    d <- sum(dies)
    n_step <- if (data$ties == "efron") d else 1L
    for (m in seq_len(n_step)) {
      left <- mp(rep(1, length(at_risk)))
      left[dies] <- 1 - mp(m - 1) / d
      r <- w[at_risk] * risk[at_risk] * left
      step <- sum(w[at_risk][dies]) / n_step / sum(r) * risk[at_risk] * left
      martingale[at_risk] <- martingale[at_risk] - step
      for (j in seq_len(p)) {
        z <- x[[j]][at_risk]
        z <- z - sum(r * z) / sum(r)
        score[[j]][at_risk] <- score[[j]][at_risk] - z * step
        score[[j]][at_risk[dies]] <- score[[j]][at_risk[dies]] + z[dies] / n_step
      }
    }
  }
  list(martingale = as.numeric(martingale), score = vapply(score, as.numeric, numeric(n)))
}

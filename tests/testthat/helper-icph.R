# Data for fit_icph(), and slow, obvious answers to check it with

# Patients scanned at 1, 2, ..., each scan missed with some probability, or at times of their own
scan_trial <- function(n, seed, scans = 30, p = 3L, miss = 0.3, is_continuous = FALSE) {
  set.seed(seed)
  x <- matrix(stats::rnorm(n * p), n, dimnames = list(NULL, paste0("x", seq_len(p))))
  effect <- rep_len(c(0.5, -0.3, 0.2, 0), p)
  time <- stats::rweibull(n, 1.5, 0.4 * scans * exp(-drop(x %*% effect) / 1.5))
  if (is_continuous) {
    visit <- matrix(scans * stats::runif(8 * n, 0.02, 0.25), n)
    visit <- t(apply(visit, 1L, cumsum))
  } else {
    visit <- matrix(seq_len(scans), n, scans, byrow = TRUE)
    visit[stats::runif(n * scans) < miss] <- NA
  }
  last <- scans * stats::runif(n, 0.3, 1.2)
  visit[visit > last] <- NA
  before <- suppressWarnings(apply(ifelse(visit < time, visit, NA), 1L, max, na.rm = TRUE))
  after <- suppressWarnings(apply(ifelse(visit >= time, visit, NA), 1L, min, na.rm = TRUE))
  data <- data.frame(x, left = pmax(before, 0), right = after, time = time)
  data[data$left > 0 | is.finite(data$right), ]
}

# The log-likelihood as it is written, row by row: the hazard survived, the hazard met
icph_loglik <- function(fit, left, right, eta, entry = 0, stratum = 0L) {
  node <- fit$nodes
  hazard <- ifelse(node$kind == 2L, Inf, node$jump)
  stratum <- rep_len(stratum, length(left))
  entry <- rep_len(entry, length(left))
  term <- function(i) {
    own <- node$stratum == stratum[[i]] & node$kind != 0L & node$to > entry[[i]]
    past <- if (left[[i]] == right[[i]]) node$to < left[[i]] else node$to <= left[[i]]
    r <- exp(eta[[i]])
    survived <- r * sum(hazard[own & past])
    if (!is.finite(right[[i]])) return(-survived)
    log1p(-exp(-r * sum(hazard[own & !past & node$to <= right[[i]]]))) - survived
  }
  sum(vapply(seq_along(left), term, 0))
}

# Whole times with heavy ties: exact, left-, right- and interval-censored, half of the time entries
mixed_trial <- function(seed) {
  set.seed(seed)
  n <- sample(c(5, 8, 15, 30, 60, 120), 1)
  last <- sample(c(3, 6, 12, 40), 1)
  left <- sample(0:last, n, TRUE)
  right <- left + sample(c(0, 1, 1, 2, 4, Inf), n, TRUE)
  entry <- if (stats::runif(1) < 0.6) pmax(0, left - sample(0:last, n, TRUE)) else numeric(n)
  entry[right == left & entry >= left] <- 0
  data <- data.frame(
    left, right, entry, x1 = stats::rnorm(n), x2 = stats::rbinom(n, 1, 0.5),
    g = sample(1:2, n, TRUE)
  )
  data[right > 0, ]
}

# icenReg's fit, tight
ic_tight <- function(formula, data, iterations = 50000L) {
  icenReg::ic_sp(
    formula, data = data, model = "ph", bs_samples = 0L,
    controls = icenReg::makeCtrls_icsp(maxIter = iterations)
  )
}

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

# The log-likelihood as it is written, from the curve of predict(): survival at every end of every
# row, where the curve's lower bound is the right one for left ends that are no exact time.
icph_loglik <- function(fit, left, right, eta, entry = 0, stratum = 0L) {
  node <- fit$nodes
  hazard <- ifelse(node$kind == 2L, Inf, node$jump)
  before <- function(t, s, is_exact) {
    past <- node$stratum == s & node$kind != 0L & (if (is_exact) node$to < t else node$to <= t)
    exp(-sum(hazard[past]))
  }
  term <- function(i) {
    r <- exp(eta[[i]])
    s <- rep_len(stratum, length(left))[[i]]
    is_exact <- left[[i]] == right[[i]]
    e <- rep_len(entry, length(left))[[i]]
    start <- before(e, s, FALSE)
    end <- if (is.finite(right[[i]])) before(right[[i]], s, FALSE)^r else 0
    log(before(left[[i]], s, is_exact)^r - end) - r * log(start)
  }
  sum(vapply(seq_along(left), term, 0))
}

# icenReg's fit, tight
ic_tight <- function(formula, data, iterations = 50000L) {
  icenReg::ic_sp(
    formula, data = data, model = "ph", bs_samples = 0L,
    controls = icenReg::makeCtrls_icsp(maxIter = iterations)
  )
}

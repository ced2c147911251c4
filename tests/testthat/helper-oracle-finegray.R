# Fine and Gray's model as its definition reads: one row for each subject and event time at which it
# is at risk, with its weight, for coxph(). Slow: O(n K) rows.

# list(rows, start, stop, event, weight): the rows of the expanded data set, `row` the subject.
#   entry  entry times, -Inf where none;  group  of the censoring distribution
#   ratio  hazard ratios of censoring (Breslow), NULL for product-limit estimates
#   weight weights in the censoring distribution
oracle_finegray_rows <- function(time, status, cause = 1, entry = rep(-Inf, length(time)),
                                 group = rep(1, length(time)), ratio = NULL,
                                 weight = rep(1, length(time))) {
  hazard <- opening <- vector("list", length(time))
  for (g in unique(group)) {
    mine <- which(group == g)
    risk <- weight * if (is.null(ratio)) 1 else ratio
    u <- sort(unique(time[mine][status[mine] == 0]))
    # events leave before censorings at the same time
    step <- vapply(u, function(t) {
      at_risk <- mine[entry[mine] < t & (time[mine] > t | time[mine] == t & status[mine] == 0)]
      sum(weight[mine][time[mine] == t & status[mine] == 0]) / sum(risk[at_risk])
    }, 0)
    fall <- if (is.null(ratio)) -log(1 - step) else step
    v <- sort(unique(entry[mine][is.finite(entry[mine])]))
    enter <- vapply(v, function(t) {
      at_risk <- mine[entry[mine] <= t & time[mine] > t]
      sum(weight[mine][entry[mine] == t]) / sum(weight[at_risk])
    }, 0)
    for (i in mine) {
      hazard[[i]] <- list(time = u, fall = fall * if (is.null(ratio)) 1 else ratio[[i]])
      opening[[i]] <- list(time = v, step = enter)
    }
  }
  times <- sort(unique(time[status == cause]))
  before <- c(min(times, time) - 1, times[-length(times)])
  rows <- lapply(seq_along(time), function(i) {
    is_late <- status[[i]] != 0 && status[[i]] != cause
    at <- which(times > entry[[i]] & (times <= time[[i]] | is_late))
    if (length(at) == 0L) return(NULL)
    omega <- vapply(times[at], function(t) {
      if (t <= time[[i]]) return(1)
      h <- hazard[[i]]
      o <- opening[[i]]
      exp(-sum(h$fall[h$time >= time[[i]] & h$time < t])) /
        prod(1 - o$step[o$time >= time[[i]] & o$time < t])
    }, 0)
    data.frame(
      row = i, start = before[at], stop = times[at],
      event = as.numeric(status[[i]] == cause & times[at] == time[[i]]), omega = omega
    )
  })
  rows <- do.call(rbind, rows)
  rows[rows$omega > 0, ]
}

# coxph() on these rows; `rhs` the right side of its formula, `weights` case weights
oracle_finegray_fit <- function(data, rhs, ties = "breslow", weights = rep(1, nrow(data)), ...) {
  rows <- oracle_finegray_rows(data$time, data$kind, entry = data$entry, ...)
  long <- cbind(data[rows$row, setdiff(names(data), c("time", "entry"))], rows)
  long$both <- long$omega * weights[rows$row]
  survival::coxph(
    stats::as.formula(paste("Surv(start, stop, event) ~", rhs)), long, weights = both,
    ties = ties, control = tight, robust = FALSE
  )
}

# Competing risks whose censoring depends on g and a; `scale` > 0: times are whole numbers.
simulate_finegray <- function(n, seed, scale = 0, late = FALSE) {
  set.seed(seed)
  d <- data.frame(
    a = rnorm(n), b = rbinom(n, 1, 0.5), s = factor(sample(c("p", "q"), n, TRUE)),
    g = factor(sample(c("x", "y"), n, TRUE)), w = sample(1:3, n, TRUE)
  )
  first <- rexp(n, exp(0.5 * d$a))
  other <- rexp(n, 0.7 * exp(-0.4 * d$b))
  censored <- rexp(n, 0.6 * exp(0.8 * (d$g == "x") + 0.3 * d$a))
  d$entry <- if (late) runif(n, 0, 0.6) * rbinom(n, 1, 0.6) else 0
  d$time <- pmin(first, other, censored)
  d$kind <- ifelse(d$time == censored, 0, ifelse(d$time == first, 1, 2))
  if (scale > 0) {
    d$time <- ceiling(d$time * scale)
    d$entry <- floor(d$entry * scale)
  }
  d <- d[d$entry < d$time, ]
  if (!late) d$entry <- -Inf
  d$state <- factor(d$kind, 0:2, c("censored", "event", "other"))
  d$id <- seq_len(nrow(d))
  d
}

# The influence of each row on the score, weights estimated, as Fine and Gray (1999) define it
# (Breslow ties, no late entry, one baseline): n x p. `fit` from oracle_finegray_fit().
oracle_finegray_influence <- function(d, x, beta, group = rep(1, nrow(d))) {
  rows <- oracle_finegray_rows(d$time, d$kind, group = group)
  risk <- rows$omega * exp(drop(x %*% beta))[rows$row]
  times <- sort(unique(rows$stop))
  k <- match(rows$stop, times)
  s0 <- drop(rowsum(risk, k))
  s1 <- rowsum(risk * x[rows$row, , drop = FALSE], k)
  mean <- s1 / s0
  hazard <- drop(rowsum(rows$event, k)) / s0
  part <- (x[rows$row, , drop = FALSE] - mean[k, , drop = FALSE]) *
    (rows$event - risk * hazard[k])
  out <- matrix(0, nrow(d), ncol(x))
  sums <- rowsum(part, rows$row)
  out[as.integer(rownames(sums)), ] <- sums
  is_late <- rows$stop > d$time[rows$row]
  for (g in unique(group)) {
    mine <- which(group == g)
    for (u in sort(unique(d$time[mine][d$kind[mine] == 0]))) {
      at_risk <- mine[d$time[mine] > u | d$time[mine] == u & d$kind[mine] == 0]
      gone <- mine[d$time[mine] == u & d$kind[mine] == 0]
      used <- is_late & rows$stop > u & d$time[rows$row] <= u & rows$row %in% mine
      q <- -colSums(part[used, , drop = FALSE]) / length(at_risk)
      out[gone, ] <- sweep(out[gone, , drop = FALSE], 2, q, "+")
      out[at_risk, ] <- sweep(
        out[at_risk, , drop = FALSE], 2, q * length(gone) / length(at_risk)
      )
    }
  }
  out
}

# monoclonal gammopathy: plasma cell malignancy, death competing; times in months
finegray_gammopathy <- function() {
  d <- survival::mgus2
  d$time <- ifelse(d$pstat == 0, d$futime, d$ptime)
  d$state <- factor(ifelse(d$pstat == 0, 2 * d$death, 1), 0:2, c("censored", "pcm", "death"))
  d$id <- seq_len(nrow(d))
  d[stats::complete.cases(d[c("age", "sex", "mspike", "hgb")]), ]
}

# breast cancer: relapse, death without it competing; times in days
finegray_relapse <- function() {
  d <- survival::rotterdam
  d$state <- factor(
    ifelse(d$recur == 1, 1, ifelse(d$death == 1, 2, 0)), 0:2, c("none", "relapse", "death")
  )
  d$time <- ifelse(d$recur == 1, d$rtime, d$dtime)
  d$id <- seq_len(nrow(d))
  d
}

# Fine and Gray's model as its definition reads: one row for each subject and event time at which it
# is at risk, with its weight, for coxph(). Slow: O(n K) rows.

# -log of the curve: sum of the terms of the times `at` for which is_before(at) holds
curve_before <- function(times, terms, before) {
  vapply(before, function(t) sum(terms[times < t]), 0)
}

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

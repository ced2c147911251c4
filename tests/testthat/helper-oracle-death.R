# Patients who progress, die, and are scanned every so often, to try `death` of fit_ttp() on.

# Two-arm patients: hazards of progression, of death without it and of death after it (Weibull,
# time since origin, exp(effect * arm) times the first); scans every `every` until progression is
# found, death or the end of follow-up, after which only death is seen.
scanned_patients <- function(n, every = 8, effect = -0.5, seed = 1, follow = c(60, 120)) {
  set.seed(seed)
  arm <- rep_len(0:1, n)
  progression <- 45 * (-log(runif(n)) / exp(effect * arm))^(1 / 1.3)
  before <- 150 * (-log(runif(n)))^(1 / 1.1)
  # conditional on survival to progression, H12(t) = (t / 60)^1.2
  after <- 60 * ((progression / 60)^1.2 - log(runif(n)))^(1 / 1.2)
  death <- ifelse(progression < before, after, before)
  end <- runif(n, follow[[1L]], follow[[2L]])
  os_time <- pmin(death, end)
  first <- every * runif(n, 0.5, 1) # the first scan, then regularly
  last <- function(t) ifelse(t < first, 0, first + every * floor((t - first) / every))
  is_progressed <- progression < pmin(before, end)
  found_at <- ifelse(
    progression <= first, first, first + every * ceiling((progression - first) / every)
  )
  is_found <- is_progressed & found_at <= os_time
  data.frame(
    arm = arm, left = ifelse(is_found, pmax(found_at - every, 0), last(pmin(os_time, progression))),
    right = ifelse(is_found, found_at, NA), os_time = os_time,
    os_status = as.integer(death <= end), progression = progression,
    is_unseen = is_progressed & !is_found
  ) |> transform(left = ifelse(!is.na(right) & right == first, 0, left))
}

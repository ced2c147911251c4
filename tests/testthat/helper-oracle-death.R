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

# The log likelihood of rows with hazards h01, h02, h12, each list(h, H): functions of time and of
# the row, by R's adaptive integrals. `d` has left, right, os_time, os_status.
oracle_illness <- function(d, h01, h02, h12) {
  vapply(seq_len(nrow(d)), function(i) {
    end <- d$os_time[[i]]
    is_dead <- d$os_status[[i]] == 1
    after <- function(u) {
      h01$h(u, i) * exp(-h01$H(u, i) - h02$H(u, i) - (h12$H(end, i) - h12$H(u, i))) *
        (if (is_dead) h12$h(end, i) else 1)
    }
    is_found <- !is.na(d$right[[i]])
    to <- if (is_found) d$right[[i]] else end
    from <- d$left[[i]]
    if (is_found && from == to) return(log(after(to)))
    # t = to * s^4: a density that is infinite at 0 is not, in s
    some <- if (from == to) 0 else stats::integrate(
      function(s) after(to * s^4) * 4 * to * s^3, (from / to)^(1 / 4), 1, rel.tol = 1e-11,
      subdivisions = 2000L, stop.on.error = FALSE
    )$value
    none <- exp(-h01$H(end, i) - h02$H(end, i)) * (if (is_dead) h02$h(end, i) else 1)
    log(some + if (is_found) 0 else none)
  }, 0)
}

# A Weibull on the scale of hazard as those functions, from (mu, log(shape)) and a log hazard ratio
# for each row
oracle_weibull <- function(mu, log_shape, eta) {
  k <- exp(log_shape)
  list(
    h = function(t, i) exp(eta[[i]]) * k / exp(mu) * (t / exp(mu))^(k - 1),
    H = function(t, i) exp(eta[[i]]) * (t / exp(mu))^k
  )
}

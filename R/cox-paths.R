# Survival curves of patients whose covariates change over time: survfit(fit, newdata, id =).

path_curves <- function(object, base, patients) {
  centre <- if (!is.null(base$var)) base$means
  middle <- if (all(abs(patients$eta) < 250)) 0 else mean(range(patients$eta)) # exp() stays finite
  patients$risk <- exp(patients$eta - middle)
  baseline <- .Call(C_cox_baseline, base$data, base$eta - middle, base$kind, centre)
  if (!is.null(centre) && length(centre) == 0L) {
    baseline$drift <- matrix(0, length(baseline$time), 0L)
  }
  ids <- unique(patients$id)
  curves <- lapply(ids, function(one) {
    path_curve(baseline, base, patients, which(patients$id == one))
  })
  if (length(curves) == 1L) return(curves[[1L]])
  rows <- lapply(curves, function(curve) length(curve$time))
  joined <- lapply(stats::setNames(nm = names(curves[[1L]])), function(name) {
    unlist(lapply(curves, `[[`, name), use.names = FALSE)
  })
  assemble_curves(joined, stats::setNames(unlist(rows), ids))
}

# One patient's curve: the pieces of the baselines that the intervals cover, one after the other on
# the patient's own time scale.
path_curve <- function(baseline, base, patients, intervals) {
  first <- cumsum(c(0L, baseline$rows))
  stratum <- patients$stratum[intervals] %||% integer(length(intervals))
  hazard <- survival <- variance <- 0
  drift <- numeric(length(base$means))
  moved <- 0
  pieces <- list()
  for (k in seq_along(intervals)) {
    i <- intervals[[k]]
    if (k > 1L) {
      moved <- moved + patients$interval[intervals[[k - 1L]], 2L] - patients$interval[i, 1L]
    }
    s <- stratum[[k]] + 1L
    of_stratum <- first[[s]] + seq_len(baseline$rows[[s]])
    ends <- findInterval(patients$interval[i, ], baseline$time[of_stratum])
    at <- of_stratum[ends[[1L]] + seq_len(ends[[2L]] - ends[[1L]])]
    if (length(at) == 0L) next
    before <- if (ends[[1L]] > 0L) of_stratum[[ends[[1L]]]]
    risk <- patients$risk[[i]]
    since <- function(value) (value[at] - if (is.null(before)) 0 else value[[before]])
    h <- since(baseline$cumhaz)
    piece <- list(
      time = moved + baseline$time[at], n.risk = baseline$n.risk[at],
      n.event = baseline$n.event[at], n.censor = baseline$n.censor[at],
      cumhaz = hazard + risk * h, log_surv = survival + risk * since(baseline$logsurv)
    )
    if (!is.null(base$var)) {
      piece$variance <- variance + risk^2 * since(baseline$variance)
      part <- baseline$drift[at, , drop = FALSE]
      if (!is.null(before)) part <- part - rep(baseline$drift[before, ], each = length(at))
      piece$drift <- rep(drift, each = length(at)) + risk * (outer(h, patients$z[, i]) - part)
      drift <- piece$drift[length(at), ]
      variance <- piece$variance[[length(at)]]
    }
    hazard <- piece$cumhaz[[length(at)]]
    survival <- piece$log_surv[[length(at)]]
    pieces[[length(pieces) + 1L]] <- piece
  }
  join_path(pieces, baseline$n[[stratum[[1L]] + 1L]], base$var)
}

join_path <- function(pieces, n, var) {
  part <- function(name) unlist(lapply(pieces, `[[`, name))
  curve <- list(
    n = as.integer(n), time = part("time"), n.risk = part("n.risk"), n.event = part("n.event"),
    n.censor = part("n.censor"), surv = exp(part("log_surv")), cumhaz = part("cumhaz")
  )
  if (is.null(var)) return(curve)
  drift <- do.call(rbind, lapply(pieces, `[[`, "drift"))
  curve$std.err <- sqrt(part("variance") + rowSums((drift %*% var) * drift))
  curve
}

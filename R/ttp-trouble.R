# What the data cannot tell: baselines of which they say nothing, refused before the fit, and after
# it the parameters that run to a border or are not determined.

# --- before ---------------------------------------------------------------------------------------

#' Refuse strata that say nothing of the shape of their hazard
#'
#' A row knows that the event was after `free` and not after `by`. Where some t has free < t <= by
#' in all rows of a stratum, a distribution with its mass just before t has likelihood 1: intervals
#' that all overlap. Where events are exact and all at one t that nobody outlived, its density rises
#' without a bound. Families that cannot sharpen (their field `concentrates` is FALSE) fail only
#' where nobody was seen free of the event.
#' @noRd
check_baseline_information <- function(frame, family) {
  concentrates <- family$concentrates %||% (length(family$theta) > 1L)
  stratum <- frame$stratum %||% integer(frame$n)
  suspects <- if (is.null(frame$stratum)) 0L else unique(stratum)
  # a few rows mostly suffice to see that a stratum is informative
  for (rows in list(unique(round(seq(1, frame$n, length.out = 200))), seq_len(frame$n))) {
    rows <- rows[stratum[rows] %in% suspects]
    known <- known_bounds(lapply(frame$times, `[`, rows))
    by_stratum <- split(seq_along(rows), stratum[rows])
    is_bare <- vapply(by_stratum, function(at) {
      if (!concentrates) return(all(known$is_early[at]))
      gap <- min(known$by[at]) - max(known$free[at])
      gap > 0 || gap == 0 && any(known$is_exact[at])
    }, NA)
    suspects <- as.integer(names(by_stratum)[is_bare])
    if (length(suspects) == 0L) return(invisible())
  }
  stop_bare_baseline(known, by_stratum[is_bare], frame, concentrates)
}

# Bounds of the event in each row: after `free` (exact: at it), not after `by`. is_early: the row
# never was under observation while free of the event.
known_bounds <- function(times) {
  kind <- times$kind
  is_left <- kind == ttp_kinds[["left"]] | kind == ttp_kinds[["nothing"]]
  is_interval <- kind == ttp_kinds[["interval"]]
  free <- ifelse(is_left, 0, times$time)
  by <- ifelse(kind %in% ttp_kinds[c("exact", "left")], times$time, Inf)
  if (any(is_interval)) by[is_interval] <- times$right[is_interval]
  list(
    free = free, by = by, is_exact = kind == ttp_kinds[["exact"]],
    is_early = free <= (times$entry %||% 0)
  )
}

stop_bare_baseline <- function(known, rows, frame, concentrates) {
  levels <- frame$strata_levels[as.integer(names(rows)) + 1L]
  at <- rows[[1L]]
  earliest <- max(known$free[at])
  latest <- min(known$by[at])
  where <- if (is.null(levels)) {
    "All rows agree"
  } else {
    sprintf("Those of %s do", format_names(levels))
  }
  stop_input(c(
    if (concentrates) {
      "The rows of a stratum must not all agree with one time of the event."
    } else {
      "Some rows must have been seen free of the event."
    },
    x = if (!concentrates) {
      sub("agree$", "had it before they were seen", sub("do$", "were not", where))
    } else {
      sprintf(
        "%s: %s.", where, if (earliest == latest) {
          paste("at", format(latest, digits = 6L))
        } else {
          sprintf("in (%s, %s]", format(earliest, digits = 6L), format(latest, digits = 6L))
        }
      )
    },
    i = if (concentrates) {
      "They say nothing of a shape: the likelihood rises without a bound as it sharpens."
    },
    i = if (!is.null(levels)) {
      "Merge these levels with others, or use the variable as a covariate."
    } else if (concentrates) {
      "Use `family = \"exponential\"`, or more data."
    }
  ), arg = "formula", strata = levels)
}

# --- after ----------------------------------------------------------------------------------------

ttp_convergence <- function(estimate, control) {
  fit <- estimate$fit
  message <- ttp_trouble(fit, estimate$layout, control, estimate)
  if (!is.null(message)) message <- ttp_border(estimate) %||% message
  list(
    converged = is.null(message), iterations = fit$iter, gradient = fit$gap, message = message
  )
}

# NULL for a maximum; else what is wrong, and what to do
ttp_trouble <- function(fit, layout, control, estimate) {
  is_maximum <- fit$converged && fit$definite && fit$gap < 1e-6
  lost <- lost_on_the_way(fit, is_maximum, control, estimate)
  was_cut <- fit$iter >= control$max_iter && control$max_iter < 100
  if (!was_cut && (!is.null(lost) || !fit$definite && fit$gap > 1e-4)) {
    names <- running_names(lost %||% fit$flat, fit, layout)
    is_effect <- names %in% layout$names[seq_len(layout$p)]
    return(c(
      sprintf(
        "%s: the likelihood still rises on the way to the border, so there is no finite estimate.",
        format_names(names)
      ),
      if (any(is_effect)) {
        "Some rows foretell the outcome of others: merge levels, or leave columns out."
      } else {
        "Use fewer covariates or strata, or a family with fewer parameters."
      }
    ))
  }
  if (!was_cut && !fit$definite) {
    return(c(
      sprintf(
        "The data do not determine %s: the likelihood is flat in that direction.",
        format_names(direction_names(fit$flat, fit, layout))
      ),
      "Leave out what they cannot tell apart."
    ))
  }
  if (is_maximum) return(NULL)
  c(
    sprintf(
      "Newton's method stopped after %d steps; the gradient is still %s standard errors.",
      fit$iter, format(fit$gap, digits = 2)
    ),
    if (fit$iter >= control$max_iter) "Use a larger `max_iter`." else "Try other values of `init`."
  )
}

#' The direction in which a search ran to a border, or NULL
#'
#' Newton's last step squares the error, but of a likelihood that flattens it leaves more than half:
#' a larger gradient asks for a closer look. So far out that the likelihood is flat to the last
#' digit, its gradient is as small as it likes, but little information is left. Where the search
#' without covariates ran there first, or the user's `init` lies there, that with them has started
#' from the border, and its end is seen against the start of the former. What a penalty
#' holds has information of another size at the start.
#' @noRd
lost_on_the_way <- function(fit, is_maximum, control, estimate) {
  if (!is.null(fit$smooth)) return(NULL)
  is_sure <- is_maximum && fit$gap < 1e-3 * control$eps
  least <- if (is_sure) 1e-12 else if (is_maximum) 1e-8 else 1e-3
  lost <- lost_direction(fit, least)
  null <- estimate$null
  if (!is.null(lost) || is.null(null)) return(lost)
  null$aliased <- logical(length(null$coefficients))
  if (!estimate$has_init && is.null(lost_direction(null, 1e-6))) return(NULL)
  lost_direction(seen_from_origin(fit, estimate), least)
}

# The fit, as if its search had started where that without covariates did
seen_from_origin <- function(fit, estimate) {
  layout <- estimate$layout
  bundle <- estimate$bundle
  thin <- thin_bundle(bundle)
  fit$start <- c(numeric(layout$p), estimate$null$start, numeric(layout$n_extra))
  value <- .Call(C_ttp_value, thin %||% bundle, estimate$hazard, fit$start)
  fit$info_start <- value$info * (length(bundle[[7L]]) / length((thin %||% bundle)[[7L]]))
  fit
}

#' A direction of which the start knew and the end knows nothing
#'
#' The likelihood of a parameter that runs to its border flattens on the way: its gradient may end
#' below any bound. With the information at the start I0 = R'R and at the end I, the least
#' eigenvalue of R^-T I R^-1 is how much is left in the direction that lost most; no unit of time
#' or of a covariate changes it.
#' @returns the direction, or NULL.
#' @noRd
lost_direction <- function(fit, least) {
  free <- which(!fit$aliased)
  scale <- sqrt(abs(diag(fit$info_start)[free]))
  if (length(free) == 0L || !all(is.finite(scale) & scale > 0)) return(NULL)
  unit <- tcrossprod(scale)
  put <- function(direction) replace(numeric(length(fit$aliased)), free, direction)
  start <- fit$info_start[free, free, drop = FALSE] / unit
  root <- tryCatch(chol(start), error = function(e) NULL)
  if (is.null(root)) {
    several <- cbind(fit$flat[free], diag(length(free)))
    for (k in seq_len(ncol(several))) {
      direction <- several[, k]
      along <- drop(fit$info[free, free, drop = FALSE] %*% direction)
      left <- sum(direction * along) / sum((direction * scale)^2)
      if (isTRUE(left < least)) return(put(direction))
    }
    return(NULL)
  }
  half <- backsolve(root, fit$info[free, free, drop = FALSE] / unit, transpose = TRUE)
  left <- backsolve(root, t(half), transpose = TRUE)
  parts <- eigen((left + t(left)) / 2, symmetric = TRUE)
  last <- length(free)
  if (parts$values[[last]] > least) return(NULL)
  put(backsolve(root, parts$vectors[, last]) / scale)
}

# Those of a direction that have moved far; where there are none, whatever has moved far, since a
# shape on the run takes all information with it. Far is in the standard errors of the start.
running_names <- function(direction, fit, layout) {
  in_direction <- direction_names(direction, fit, layout)
  moved <- fit$coefficients - fit$start
  if (!any(moved != 0)) return(in_direction)
  free <- !fit$aliased
  variance <- tryCatch(
    diag(solve(fit$info_start[free, free, drop = FALSE], tol = 0)), error = function(e) NA
  )
  far <- if (all(is.finite(variance) & variance > 0)) {
    share <- abs(moved[free]) / sqrt(variance)
    layout$names[free][share > 0.1 * max(share)]
  } else {
    direction_names(moved, fit, layout)
  }
  both <- intersect(far, in_direction)
  if (length(both) > 0L) both else far
}

# The parameters that a direction moves, in their own units
direction_names <- function(direction, fit, layout) {
  scale <- sqrt(abs(diag(fit$info_start)))
  share <- abs(direction) * ifelse(is.finite(scale) & scale > 0, scale, 1)
  layout$names[share > 0.1 * max(share)]
}

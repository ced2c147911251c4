# What a fit of fit_icph() says of itself: the certificate, coefficients without a maximum, mass
# that a few early rows draw.

# Coefficients on which the likelihood says next to nothing: it has no maximum, or no slope.
icph_infinite <- function(estimate) {
  # the standard error for one standard deviation of the column: the fold change that is left open
  # is beyond e^60 either way
  error <- sqrt(diag(estimate$var)) * estimate$scale
  is_far <- !estimate$converged & abs(estimate$coefficients) * estimate$scale > 8
  which(!estimate$aliased & (error == 0 | error > 30 | is_far))
}

icph_certificate <- function(estimate, frame, control) {
  gaps <- c(estimate$hazard_gap, estimate$beta_gap)
  is_plain <- length(frame$x_names) == 0L && is.null(frame$times$entry) && is.null(frame$offset)
  mass <- if (is_plain) mass_gap(frame, estimate$node)
  list(
    hazard = gaps[[1L]], effects = gaps[[2L]], mass = mass, tolerance = control$tolerance,
    holds = all(gaps <= control$tolerance) && isTRUE((mass %||% 0) <= control$tolerance)
  )
}

# Gentleman and Geyer's form: the slope of the log-likelihood from the estimated masses towards any
# one interval, over the number of rows, worst of the strata. From the masses alone, not from what
# the search knew.
mass_gap <- function(frame, node) {
  stratum <- frame$stratum %||% rep.int(0L, frame$n)
  weights <- as.vector(frame$weights %||% rep.int(1, frame$n))
  hazard <- ifelse(node$kind == node_kinds[["last"]], Inf, node$jump)
  gaps <- vapply(unique(stratum), function(s) {
    at <- which(node$stratum == s & node$kind != node_kinds[["ground"]])
    rows <- stratum == s
    left <- frame$times$left[rows]
    right <- frame$times$right[rows]
    w <- weights[rows]
    survival <- exp(-c(0, cumsum(hazard[at])))
    # intervals that lie up to the left end, up to the right end
    is_exact <- left == right
    first <- findInterval(left, node$to[at], left.open = FALSE)
    first[is_exact] <- findInterval(left[is_exact], node$to[at], left.open = TRUE)
    last <- ifelse(is.finite(right), findInterval(right, node$to[at]), length(at) + 1L)
    ends <- c(survival, 0)
    per_row <- w / (ends[first + 1L] - ends[last + 1L])
    change <- numeric(length(at) + 2L)
    add <- rowsum(c(per_row, -per_row), c(first, last) + 1L)
    change[as.integer(rownames(add))] <- add
    slopes <- cumsum(change)[seq_len(length(at) + 1L)]
    is_possible <- c(rep.int(TRUE, length(at)), any(!is.finite(right)))
    max(slopes[is_possible] / sum(w) - 1)
  }, 0)
  max(gaps, 0)
}

icph_convergence <- function(estimate, frame, certificate, infinite, curvature) {
  names <- frame$x_names
  gap <- max(estimate$hazard_gap, estimate$beta_gap, certificate$mass)
  off <- which(!is.na(curvature) & abs(log(pmax(curvature, 0))) > log(1.25))
  off <- setdiff(off, infinite)
  message <- c(
    if (!certificate$holds) {
      sprintf(
        paste(
          "After %d steps the conditions of a maximum fail by %.2g, more than %.2g.",
          "Raise `max_iter` of `control`."
        ),
        estimate$iter, gap, certificate$tolerance
      )
    },
    if (length(infinite) > 0L) {
      sprintf(
        paste(
          "%s: the likelihood has no maximum, or does not depend on it.",
          "Leave it out, or join groups."
        ),
        format_names(names[infinite])
      )
    },
    if (length(off) > 0L) {
      sprintf(
        paste(
          "%s: the profile likelihood curves %s times as much as the information says.",
          "Use `confint(method = \"profile\")`."
        ), format_names(names[off]), paste(format(curvature[off], digits = 2), collapse = ", ")
      )
    },
    icph_early_mass(estimate, frame),
    if (estimate$rank < estimate$n_free) {
      "The baseline is not unique: other jumps give the same likelihood."
    }
  )
  list(
    converged = certificate$holds && length(infinite) == 0L, iterations = estimate$iter,
    gradient = gap, message = message
  )
}

# Under left truncation: an early interval in which survival falls to a small share of what it was,
# while few are at risk and others enter later.
icph_early_mass <- function(estimate, frame) {
  entry <- frame$times$entry
  if (is.null(entry)) return(NULL)
  node <- data.frame(estimate$node)
  node$hazard <- ifelse(node$kind == node_kinds[["last"]], Inf, node$jump)
  exit <- ifelse(is.finite(frame$times$right), frame$times$right, frame$times$left)
  stratum <- frame$stratum %||% rep.int(0L, frame$n)
  told <- NULL
  for (at in which(node$hazard > log(2))) {
    rows <- stratum == node$stratum[[at]]
    n_risk <- sum(rows & entry < node$to[[at]] & exit >= node$to[[at]])
    n_later <- sum(rows & entry >= node$from[[at]])
    if (n_later == 0 || n_risk > 0.1 * (n_risk + n_later)) next
    told <- sprintf(
      paste(
        "Survival falls to %s of what it was in (%s, %s], where %d rows are at risk and %d enter",
        "later. Start the clock later, or leave these rows out."
      ),
      format(exp(-node$hazard[[at]]), digits = 2), format(node$from[[at]]), format(node$to[[at]]),
      n_risk, n_later
    )
    break
  }
  told
}

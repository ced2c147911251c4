# From an estimate to a fit: the components of a coxph in their order, our own `sr` last, and what
# the user must know of the estimate.
#
#   estimate  what cox_newton(), cox_exact() or cox_firth() gives, and `data`, the bundle it had
#   frame     R/cox-frame.R;  asked  the arguments of fit_cox() that are not data

# coefficients to method, in the order of a coxph
estimate_components <- function(estimate, frame, asked) {
  residuals <- estimate$residuals
  names(residuals) <- frame$row_names
  is_counting <- ncol(frame$y) == 3L
  if (length(frame$x_names) == 0L) {
    offset <- frame$offset %||% rep.int(0, frame$n)
    fit <- list(
      loglik = estimate$loglik[[1L]], linear.predictors = offset, residuals = residuals,
      method = asked$method
    )
    return(if (is_counting && asked$method != "exact") fit[c(1L, 2L, 4L, 3L)] else fit)
  }
  coefficients <- estimate$coefficients
  means <- estimate$means
  lp <- estimate$linear.predictors
  if (is_counting && !is.null(frame$weights) && asked$method != "exact") {
    plain <- ifelse(columns_centred(frame, asked$nocenter), column_means(frame$x), 0)
    lp <- lp + sum(coefficients * (means - plain))
    means <- plain
  }
  if (asked$control$iter.max > 0L) coefficients[is_aliased(estimate)] <- NA
  names(coefficients) <- names(means) <- frame$x_names
  c(
    list(
      coefficients = coefficients, var = estimate$var, loglik = estimate$loglik,
      score = estimate$score_test, iter = iterations_as_coxph(estimate, is_counting, asked),
      linear.predictors = lp,
      residuals = residuals, means = means
    ),
    if (is_counting && asked$method != "exact") {
      list(first = estimate$score, info = iteration_info(estimate))
    },
    list(method = asked$method)
  )
}

# coxph() counts one iteration more when right-censored data run out of them.
iterations_as_coxph <- function(estimate, is_counting, asked) {
  has_run_out <- !estimate$converged && estimate$iter > 0L && !is_counting && !asked$firth
  estimate$iter + if (has_run_out && asked$method != "exact") 1L else 0L
}

is_aliased <- function(estimate) {
  p <- length(estimate$coefficients)
  estimate$rank < p & diag(estimate$var) == 0
}

# Of the columns without information at the estimate, those that had some on the way there: Newton's
# method moved their coefficients, so far that the risks of all others vanish beside those of a few.
is_emptied <- function(estimate, init = NULL) {
  is_moved <- is_aliased(estimate) & estimate$coefficients != (init %||% 0)
  if (any(is_moved) && diff(range(estimate$linear.predictors)) > 20) is_moved else is_moved & FALSE
}

iteration_info <- function(estimate) {
  c(
    rank = estimate$rank, rescale = 0L, `step halving` = as.integer(estimate$halving),
    convergence = as.integer(!estimate$converged)
  )
}

# n to call, in the order of a coxph. A robust variance takes the place of the plain one.
remaining_components <- function(fit, estimate, frame, asked, plan) {
  fit$n <- frame$n
  fit$nevent <- sum_of_events(frame)
  if (!is.null(frame$id)) fit$n.id <- max(group_numbers(frame$id)) + 1L
  fit$terms <- frame$terms
  fit$assign <- frame$assign
  data <- estimate$data
  data[[2L]] <- frame$y
  estimable <- !is.na(fit$coefficients)
  if (plan$robust && any(estimable)) {
    robust <- robust_variance(fit, data, frame, plan, asked)
    fit$naive.var <- fit$var
    fit$var <- robust$var
    fit$rscore <- robust$rscore
  }
  if (length(frame$x_names) > 0L) {
    fit$wald.test <- wald_statistic(fit$var, fit$coefficients - (frame$init %||% 0), estimable)
  }
  fit$concordance <- cox_concordance(
    frame$y, fit$linear.predictors, frame$stratum, data[[4L]], plan$cluster
  )
  if (length(frame$na_action) > 0L) fit$na.action <- frame$na_action
  if (asked$model) fit$model <- frame$mf
  if (asked$x) {
    fit$x <- frame$x
    if (!is.null(frame$strata)) fit$strata <- frame$strata
  }
  if (asked$y) fit$y <- frame$y
  fit$timefix <- asked$control$timefix
  if (!is.null(frame$weights) && any(frame$weights != 1)) fit$weights <- frame$weights
  fit$formula <- stats::formula(frame$terms)
  if (length(frame$xlevels) > 0L) fit$xlevels <- frame$xlevels
  fit$contrasts <- frame$contrasts
  if (frame$mean_offset != 0) fit$linear.predictors <- fit$linear.predictors + frame$mean_offset
  if (asked$x && !is.null(frame$offset)) fit$offset <- frame$offset
  fit$call <- frame$call
  fit
}

robust_variance <- function(fit, data, frame, plan, asked) {
  lp0 <- if (is.null(frame$init)) rep.int(0, frame$n) else columns_times(frame$x, frame$init)
  robust <- cox_robust(
    data, fit$linear.predictors, lp0, fit$var, asked$method, plan$cluster, asked$control$toler.chol
  )
  if (length(fit$coefficients) == 1L) robust$rscore <- matrix(robust$rscore, 1L, 1L)
  robust
}

# b' V^-1 b over the coefficients that can be estimated; a vector with a name when there is one.
wald_statistic <- function(var, b, estimable) {
  b <- b[estimable]
  var <- var[estimable, estimable, drop = FALSE]
  if (length(b) == 1L) return(b * b / var[[1L]])
  quadratic_form(var, b)
}

# b' V^-1 b, V scaled to correlations first; directions in which V has no extent add nothing.
quadratic_form <- function(var, b) ranked_form(var, b)$value

# list(value, rank): the same with the number of directions in which V has an extent
ranked_form <- function(var, b) {
  size <- sqrt(diag(var))
  is_used <- is.finite(size) & size > 0
  if (!any(is_used)) return(list(value = 0, rank = 0L))
  size <- size[is_used]
  correlation <- var[is_used, is_used, drop = FALSE] / outer(size, size)
  z <- b[is_used] / size
  root <- suppressWarnings(chol(correlation, pivot = TRUE, tol = .Machine$double.eps^0.75))
  rank <- attr(root, "rank")
  kept <- attr(root, "pivot")[seq_len(rank)]
  root <- root[seq_len(rank), seq_len(rank), drop = FALSE]
  list(value = sum(backsolve(root, z[kept], transpose = TRUE)^2), rank = rank)
}

# No event: coxph() gives NA coefficients, and so do we, with a warning.
fit_without_events <- function(frame, asked) {
  warn_user(c(
    "There is no event, so no coefficient can be estimated.",
    i = "Look at the coding of the status: 1 (or TRUE, or 2 beside 1) is an event."
  ), class = "survresist_warning_no_event")
  coefficients <- rep.int(NA, length(frame$x_names))
  names(coefficients) <- frame$x_names
  fit <- list(
    coefficients = coefficients, var = matrix(0, length(coefficients), length(coefficients)),
    loglik = c(0, 0), score = 0, iter = 0,
    linear.predictors = frame$offset %||% rep.int(0, frame$n),
    residuals = rep.int(0, frame$n), means = column_means(frame$x, frame$x_names),
    method = asked$method, n = frame$n, nevent = 0, terms = frame$terms, assign = frame$assign,
    concordance = c(
      concordant = 0, discordant = 0, tied.x = 0, tied.y = 0, tied.xy = 0, concordance = NA,
      std = NA, timefix = FALSE
    ),
    wald.test = 0, y = frame$y, call = frame$call
  )
  fit$sr <- own_components(NULL, frame, asked, character())
  structure(fit, class = c("sr_cox", "coxph"))
}

own_components <- function(estimate, frame, asked, infinite) {
  list(
    firth = asked$firth, converged = isTRUE(estimate$converged), infinite = infinite,
    n_merged = estimate$n_merged %||% 0, n_distinct = estimate$n_distinct %||% NA_real_,
    na_columns = frame$na_columns, strata = stratum_counts(frame), is_fast = isTRUE(frame$is_fast),
    beta = as.vector(estimate$coefficients), firth_tests = estimate$tests,
    control = asked$control,
    has_iterated = length(frame$x_names) > 0L && asked$control$iter.max > 1L && !is.null(estimate)
  )
}

stratum_counts <- function(frame) {
  if (is.null(frame$stratum)) return(NULL)
  list(level = frame$strata_levels, n = frame$count$rows, events = frame$count$events)
}

# --- convergence ----------------------------------------------------------------------------------

# Names of coefficients whose Newton step stays large although the likelihood has settled: it grows
# without end as they go to infinity. Without convergence the step and the coefficient must be large
# over the range of the column.
find_infinite <- function(fit, estimate, frame, asked) {
  control <- asked$control
  if (length(fit$coefficients) == 0L || control$iter.max < 2L || asked$firth) return(character())
  step <- abs(drop(estimate$score %*% (fit$naive.var %||% fit$var)))
  size <- abs(estimate$coefficients)
  if (isTRUE(estimate$converged)) {
    is_large <- if (ncol(frame$y) == 3L && asked$method != "exact") {
      step > control$toler.inf * (1 + size)
    } else {
      step > control$eps & step > control$toler.inf * size
    }
  } else {
    width <- column_ranges(frame$x)
    is_large <- size * width > 8 & step * width > 0.1
  }
  is_infinite <- !is.finite(estimate$score) | !is.finite(step) | is_large
  is_found <- is_infinite & !is.na(fit$coefficients) | is_emptied(estimate, frame$init)
  names(fit$coefficients)[is_found]
}

# Adds our own components and the class; warns once of what is wrong with the estimate.
close_fit <- function(fit, estimate, frame, asked) {
  infinite <- find_infinite(fit, estimate, frame, asked)
  refuse_unestimable(fit, estimate, infinite, frame, asked)
  has_coefficients <- length(frame$x_names) > 0L
  is_settled <- !has_coefficients || isTRUE(estimate$converged) || asked$control$iter.max < 2L
  if (length(infinite) > 0L || !is_settled) {
    warn_user(c(
      if (!is_settled) {
        sprintf("Newton's method did not converge in %d iterations.", asked$control$iter.max)
      } else {
        "A coefficient has no finite estimate."
      },
      stats::setNames(explain_infinite(infinite, estimate, frame), rep.int("x", length(infinite))),
      i = if (length(infinite) > 0L) {
        if (asked$method == "exact") {
          'Use `ties = "efron", firth = TRUE` for estimates that are finite.'
        } else {
          "Use `firth = TRUE` for estimates that are finite."
        }
      } else {
        "Raise `iter.max`, or look at the scale of the columns."
      }
    ), class = c(
      if (length(infinite) > 0L) "survresist_warning_infinite",
      if (!is_settled) "survresist_warning_convergence"
    ), coefficients = infinite)
  }
  fit$sr <- own_components(estimate, frame, asked, infinite)
  class(fit) <- c("sr_cox", if (!has_coefficients) "coxph.null", "coxph")
  fit
}

# "`armB`: the likelihood has no maximum; all 12 events are in one group."
explain_infinite <- function(infinite, estimate, frame) {
  event <- NULL
  vapply(infinite, function(name) {
    j <- match(name, frame$x_names)
    column <- frame_column(frame$x, j)
    ends <- range(column)
    sign <- if (estimate$coefficients[[j]] < 0) "-" else ""
    reason <- sprintf("it grows as the coefficient goes to %sInf", sign)
    if (all(column == ends[[1L]] | column == ends[[2L]])) {
      event <- event %||% is_event(frame$y)
      at_low <- sum(event & column == ends[[1L]])
      n_event <- sum(event)
      if (at_low == 0L || at_low == n_event) {
        reason <- sprintf("all %d events are in one group", n_event)
      }
    }
    sprintf("`%s`: the likelihood has no maximum; %s.", name, reason)
  }, "", USE.NAMES = FALSE)
}

refuse_unestimable <- function(fit, estimate, infinite, frame, asked) {
  p <- length(frame$x_names)
  if (p == 0L) return(invisible())
  is_aliased <- is.na(fit$coefficients)
  if (p > frame$n) {
    is_lost <- is_aliased | frame$x_names %in% infinite | !isTRUE(estimate$converged)
    if (all(is_lost)) {
      stop_input(c(
        "With more columns than rows, no coefficient can be estimated.",
        x = sprintf("There are %d columns and %d rows.", p, frame$n),
        i = "Use fewer covariates, or a penalised model such as `glmnet::glmnet()`."
      ), arg = "formula")
    }
  }
  if (any(is_aliased) && !asked$singular.ok) {
    stop_input(c(
      "With `singular.ok = FALSE` no column may be determined by the others.",
      x = sprintf("%s is.", format_names(frame$x_names[is_aliased])),
      i = "Leave it out of the formula."
    ), arg = "singular.ok", columns = frame$x_names[is_aliased])
  }
}

# --- columns, in a matrix or in a list ------------------------------------------------------------

frame_column <- function(x, j) if (is.list(x)) x[[j]] else x[, j]

column_means <- function(x, names = NULL) {
  if (length(x) == 0L) return(numeric())
  means <- if (is.list(x)) vapply(x, mean, 0) else colMeans(x)
  if (is.null(names)) means else stats::setNames(means, names)
}

column_ranges <- function(x) {
  vapply(seq_len(if (is.list(x)) length(x) else ncol(x)), function(j) {
    diff(range(frame_column(x, j)))
  }, 0)
}

# sum_j x_j beta_j
columns_times <- function(x, beta) {
  if (!is.list(x)) return(drop(x %*% beta))
  total <- x[[1L]] * beta[[1L]]
  for (j in seq_along(x)[-1L]) total <- total + x[[j]] * beta[[j]]
  total
}

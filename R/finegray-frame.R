# From a call of fit_finegray() to its numbers: the response with several kinds of event, the cause
# of interest, and what decides who is censored.

finegray_arguments <- function(n) sprintf("censoring_%d", seq_len(n))

# cox_request() for several kinds of event. `strata` joins the formula; the variables of
# `censoring` go through the model frame as arguments of their own, so that rows in which they are
# missing are left out with the others.
finegray_request <- function(call, formula, data, env, nafun, keep_frame, censoring) {
  check_formula(formula)
  formula <- add_strata_argument(call, formula)$formula
  request <- cox_request(call, formula, data, env, nafun, keep_frame)
  variables <- all.vars(censoring)
  names <- finegray_arguments(length(variables))
  request$call[names] <- lapply(variables, as.name)
  request$arguments <- c(frame_arguments, names)
  request$check_response <- check_finegray_response
  request$bad_response <- stop_finegray_response
  response <- new.env(parent = emptyenv()) # what as_surv() must know of the status
  request$fast_response <- function(found) finegray_fast_response(found, response)
  request$as_surv <- function(y, row_names) finegray_as_surv(y, row_names, response$levels)
  request
}

check_censoring <- function(censoring, call = rlang::caller_env()) {
  if (!inherits(censoring, "formula") || length(censoring) != 2L) {
    stop_input(c(
      "`censoring` must be a formula without a left side.",
      x = sprintf("Found %s.", describe(censoring)),
      i = "`~ 1`: one distribution for all; `~ arm`: one for each arm; `~ age`: a Cox model."
    ), arg = "censoring", call = call)
  }
  if ("." %in% all.vars(censoring)) {
    stop_unsupported("`censoring` must name its variables, not `.`.", arg = "censoring")
  }
}

# --- the response ---------------------------------------------------------------------------------

check_finegray_response <- function(y, formula) {
  if (!inherits(y, "Surv")) check_response(y, formula)
  type <- attr(y, "type")
  if (!(type %in% c("mright", "mcounting"))) stop_plain_status(formula)
  if (length(attr(y, "states")) < 2L) {
    stop_input(c(
      "The status must have two kinds of event or more, one of which competes.",
      x = sprintf("It has one: %s.", format_names(attr(y, "states"), quote = "\"")),
      i = "Without a competing event, use `fit_cox()`."
    ), arg = "formula")
  }
}

# Surv() also warns of `type = "mstate"`, which is as good as a factor.
is_interval_response <- function(request) {
  formula <- request$formula
  y <- tryCatch(
    suppressWarnings(eval(formula[[2L]], request$data, environment(formula))),
    error = function(e) NULL
  )
  !identical(attr(y, "type"), "mright")
}

stop_plain_status <- function(formula) {
  stop_input(c(
    "The status must be a factor: its first level is censored, the others are kinds of event.",
    x = sprintf("`%s` knows one kind of event, or is not a factor.", shorten(formula[[2L]])),
    i = "Write `Surv(time, factor(status, 0:2, c(\"censored\", \"relapse\", \"death\")))`.",
    i = "For one kind of event, use `fit_cox()`, or `survival::survfit()` for curves by group."
  ), arg = "formula")
}

# Rows of which Surv() made NA: an interval that ends before it begins.
stop_finegray_response <- function(request) {
  parts <- response_parts(request$formula[[2L]], request$data, environment(request$formula))
  rows <- integer()
  if (!is.null(parts) && !is.factor(parts$status)) stop_plain_status(request$formula)
  if (is.null(parts) && !is_interval_response(request)) return(invisible())
  if (!is.null(parts)) {
    kept <- rows_in_subset(
      request$call, request$data, environment(request$formula), length(parts$stop)
    )
    rows <- intersect(which(parts$start >= parts$stop), kept)
    names <- if (is.data.frame(request$data)) row.names(request$data)
    if (!is.null(names)) rows <- row_labels(names, rows)
  }
  stop_input(c(
    "Entry must come before exit: `Surv(start, stop, status)`.",
    x = if (length(rows) > 0L) {
      sprintf("The stop time is not after the start time in %s.", format_rows(rows))
    } else {
      "`Surv()` cannot use some rows."
    },
    i = "Correct these rows, or leave them out with `subset`."
  ), arg = "formula", rows = rows)
}

# Surv(time, factor) and Surv(start, stop, factor) as a matrix, NULL for any other; see
# cox_frame_fast().
finegray_fast_response <- function(found, response) {
  parts <- found$response
  k <- length(parts)
  status <- parts[[k]]
  n <- length(status)
  is_usable <- n > 0L && is.factor(status) && nlevels(status) > 2L && is.null(names(status)) &&
    all(vapply(parts[-k], is_plain_number, TRUE, n = n))
  if (!is_usable) return(NULL)
  response$levels <- levels(status)
  y <- matrix(0, n, k)
  for (j in seq_len(k - 1L)) y[, j] <- parts[[j]]
  y[, k] <- as.integer(status) - 1L
  n_bad <- if (k == 3L) sum(y[, 1L] >= y[, 2L], na.rm = TRUE) else 0L
  list(y = y, n_bad_time = n_bad, n_bad_status = 0L)
}

finegray_as_surv <- function(y, row_names, levels) {
  columns <- if (ncol(y) == 2L) c("time", "status") else c("start", "stop", "status")
  attributes(y) <- list(
    dim = dim(y), dimnames = list(row_names, columns),
    type = if (ncol(y) == 2L) "mright" else "mcounting", states = levels[-1L],
    clabel = levels[[1L]], inputAttributes = list(event = list(levels = levels, class = "factor")),
    class = "Surv"
  )
  y
}

# The number of the cause among the states
check_cause <- function(cause, y) {
  states <- attr(y, "states")
  if (is.null(cause)) cause <- states[[1L]]
  if (is.factor(cause)) cause <- as.character(cause)
  at <- if (length(cause) == 1L) match(cause, states) else NA
  if (is.na(at)) {
    is_censored <- identical(as.character(cause), as.character(attr(y, "clabel")))
    stop_input(c(
      sprintf("`cause` must be one of %s.", format_names(states, quote = "\"", show = 12L)),
      x = sprintf("Found %s.", describe(cause)),
      i = if (is_censored) "The first level of the status is taken as censored: see `relevel()`."
    ), arg = "cause")
  }
  at
}

# Numbers of rows by what ended them, a stratum, and the last time: list(level, n, events,
# competing, horizon)
finegray_counts <- function(frame, cause) {
  n <- frame$n
  k <- max(length(frame$strata_levels), 1L)
  last <- (ncol(frame$y) - 1L) * n
  cells <- seq.int(last + 1L, length.out = n) # y[, k] of a Surv object would copy all of it
  status <- .subset(frame$y, cells)
  time <- .subset(frame$y, cells - n)
  if (k == 1L) {
    events <- sum(status == cause)
    return(list(
      n = n, events = events, competing = sum(status != 0) - events, horizon = max(time)
    ))
  }
  counted <- function(keep) tabulate(frame$stratum[keep] + 1L, k)
  list(
    level = frame$strata_levels, n = tabulate(frame$stratum + 1L, k),
    events = counted(status == cause), competing = counted(status != cause & status != 0),
    horizon = unname(vapply(split(time, frame$stratum), max, 0))
  )
}

stop_no_cause <- function(cause, y) {
  states <- attr(y, "states")
  counts <- tabulate(unclass(y)[, ncol(y)], length(states))
  stop_input(c(
    sprintf("There must be events of the cause \"%s\".", states[[cause]]),
    x = sprintf("The rows used have none; they have %s.", paste(
      sprintf("%d \"%s\"", counts[-cause], states[-cause]), collapse = ", "
    )),
    i = "Choose another `cause`, or look at `subset` and at missing values."
  ), arg = "cause")
}

# --- who is censored ------------------------------------------------------------------------------

# list(kind, group, level, z): kind "km" (a product-limit estimate for each group) or "cox"; z the
# columns of the Cox model
finegray_censoring <- function(censoring, frame) {
  variables <- all.vars(censoring)
  kind <- list(kind = "km", formula = censoring)
  if (length(variables) == 0L) return(kind)
  data <- lapply(sprintf("(%s)", finegray_arguments(length(variables))), function(name) {
    frame$mf[[name]]
  })
  names(data) <- variables
  formula <- resolve_survival_words(censoring)$formula
  terms <- stats::terms(formula, specials = "strata")
  mf <- stats::model.frame(terms, data, na.action = stats::na.pass)
  at <- attr(terms, "specials")$strata
  is_strata <- seq_along(mf) %in% at
  is_group <- vapply(mf, function(x) is.factor(x) || is.character(x) || is.logical(x), TRUE)
  if (all(is_group)) {
    groups <- if (length(mf) == 1L) factor(mf[[1L]]) else interaction(mf, drop = TRUE, sep = ", ")
    kind$group <- as.integer(groups) - 1L
    kind$level <- levels(groups)
    return(kind)
  }
  kind$kind <- "cox"
  if (any(is_strata)) {
    groups <- interaction(mf[is_strata], drop = TRUE, sep = ", ")
    kind$group <- as.integer(groups) - 1L
    kind$level <- levels(groups)
  }
  kind$z <- frame_matrix(terms, mf)
  if (!all(is.finite(kind$z))) {
    stop_input("The variables of `censoring` must be finite.", arg = "censoring")
  }
  kind
}

# Responses of which only an interval is known: what fit_icph() and fit_ttp() share.
#
# interval_request() makes a request for such a model: Surv() may be right, left, interval or
# (start, stop]; rows of which Surv() makes NA, or of which it says nothing though both of their
# ends are missing, are errors that name them. The numbers come from interval_parts(), which refuses
# what no likelihood can use.

interval_request <- function(request) {
  request$arguments <- c(frame_arguments, "entry")
  request$check_response <- check_interval_response
  request$bad_response <- stop_interval_response
  request$before_frame <- check_interval_ends
  request$takes_intervals <- TRUE
  request
}

check_interval_response <- function(y, formula) {
  is_fit <- inherits(y, "Surv") &&
    attr(y, "type") %in% c("right", "left", "interval", "interval2", "counting")
  if (is_fit) return(invisible())
  if (!inherits(y, "Surv") || inherits(y, "Surv2")) return(check_response(y, formula))
  stop_unsupported(c(
    "The status is a factor, which makes this a multi-state model; none is fitted here.",
    i = "For one kind of event, code it: `Surv(time, status == \"progressed\")`.",
    i = "For competing events, use `fit_finegray()` or `fit_cif()`."
  ), arg = "formula")
}

# The arguments of a literal Surv() call, evaluated, and its type; NULL where it is none or cannot
# be evaluated.
interval_call_parts <- function(request) {
  formula <- request$formula
  if (length(formula) < 3L) return(NULL)
  lhs <- formula[[2L]]
  if (!is.call(lhs) || !identical(survival_word(lhs[[1L]]), "Surv")) return(NULL)
  args <- as.list(match.call(survival::Surv, lhs))[-1L]
  if (!all(names(args) %in% c("time", "time2", "event", "type", "origin"))) return(NULL)
  env <- environment(formula) %||% globalenv()
  values <- tryCatch(
    lapply(args, eval, envir = request$data %||% env, enclos = env), error = function(e) NULL
  )
  if (is.null(values$time)) return(NULL)
  types <- c("right", "left", "interval", "counting", "interval2", "mstate")
  values$type <- if (is.character(values$type) && length(values$type) == 1L) {
    types[pmatch(values$type, types)]
  } else if (length(values) > 2L) {
    "counting"
  } else {
    "right"
  }
  if (values$type %in% c("right", "left") && is.null(values$event)) values$event <- values$time2
  values
}

# Rows of the data that a call uses, and what the user calls them.
interval_rows <- function(request, n) {
  kept <- rows_in_subset(request$call, request$data, environment(request$formula), n)
  names <- if (is.data.frame(request$data)) row.names(request$data)
  list(
    kept = kept[!is.na(kept)],
    label = function(at) if (is.null(names)) at else row_labels(names, at)
  )
}

# The bad_response of a request: Surv() made NA of rows and warned; say which and why.
stop_interval_response <- function(request) {
  parts <- interval_call_parts(request)
  if (is.null(parts)) {
    stop_input(c(
      "The response has rows that `Surv()` cannot use.",
      i = "An interval must not end before it begins, a stop must be after its start, and a status",
      " " = "must be one of those that `?survival::Surv` lists."
    ), arg = "formula")
  }
  found <- interval_rows(request, length(parts$time))
  is_two <- parts$type %in% c("interval2", "interval", "counting")
  ends <- if (parts$type == "interval") parts$event %in% 3 else TRUE
  crossed <- if (is_two && !is.null(parts$time2)) {
    which(ends & if (parts$type == "counting") parts$time >= parts$time2 else
      parts$time > parts$time2)
  }
  kept <- intersect(crossed, found$kept)
  if (length(kept) > 0L) {
    rows <- found$label(kept)
    stop_input(c(
      if (parts$type == "counting") {
        "An interval (start, stop] must end after it begins."
      } else {
        "An interval (left, right] must not end before it begins."
      },
      x = sprintf(
        "(%s, %s] in %s.", format(parts$time[kept[[1L]]]), format(parts$time2[kept[[1L]]]),
        format_rows(rows)
      ),
      i = "Correct these rows, or leave them out with `subset`."
    ), arg = "formula", rows = rows)
  }
  stop_interval_status(parts, found, crossed)
}

# Rows that a `subset` leaves out (`crossed` ones among them) do no harm.
stop_interval_status <- function(parts, found, crossed) {
  allowed <- if (parts$type == "interval") 0:3 else 0:2
  status <- parts$event
  if (is.logical(status)) status <- as.numeric(status)
  bad <- if (is.numeric(status)) which(!is.na(status) & !status %in% allowed) else integer()
  if (parts$type != "interval" && is.numeric(status) && length(bad) == 0L &&
    any(status %in% 2)) {
    bad <- which(status %in% 0)
  }
  is_elsewhere <- length(crossed) + length(bad) > 0L
  bad <- intersect(bad, found$kept)
  if (is_elsewhere && length(bad) == 0L) return(invisible())
  rows <- found$label(bad)
  stop_input(c(
    if (parts$type == "interval") {
      "The status must be 0 (right-censored), 1 (exact), 2 (left-censored) or 3 (interval)."
    } else {
      "The status must be 0 and 1, 1 and 2, or FALSE and TRUE."
    },
    x = if (length(bad) > 0L) {
      sprintf("Found %s in %s.", format_values(status[bad]), format_rows(rows))
    },
    i = "Name the event to be sure of it, or leave these rows out with `subset`."
  ), arg = "formula", rows = rows)
}

# A row of type interval2 whose ends are both missing says nothing of the event, and Surv() says
# nothing of the row.
check_interval_ends <- function(request) {
  parts <- interval_call_parts(request)
  if (is.null(parts) || parts$type != "interval2") return(invisible())
  is_open <- function(x, end) is.na(x) | x == end
  bad <- which(is_open(parts$time, -Inf) & is_open(parts$time2, Inf))
  found <- interval_rows(request, length(parts$time))
  bad <- intersect(bad, found$kept)
  if (length(bad) == 0L) return(invisible())
  rows <- found$label(bad)
  stop_input(c(
    "An interval must have one end that is known.",
    x = sprintf("Both ends are missing in %s.", format_rows(rows)),
    i = "Leave these rows out with `subset`, or give the last scan without progression as `left`."
  ), arg = "formula", rows = rows)
}

#' The interval in which each event lies
#'
#' @param y a Surv of the types that check_interval_response() lets through, without NA.
#' @param entry time at which each row came under observation, or NULL; (start, stop] data have
#'   their own.
#' @param row_names what the user calls the rows.
#' @returns list(left, right, entry, kind): doubles with 0 <= entry <= left <= right <= Inf, where
#'   the event is in (left, right], at left where they are equal (as they are made when they differ
#'   by rounding); entry is NULL when everybody is observed from 0; kind is "exact", "right", "left"
#'   or "interval". Where an entry is after the left end, the left end is the entry: the event is
#'   known to be later.
#' @noRd
interval_parts <- function(y, entry, row_names) {
  type <- attr(y, "type")
  values <- unclass(y)
  dimnames(values) <- NULL
  status <- values[, ncol(values)]
  check_interval_codes(status, if (type == "interval") 0:3 else 0:1, row_names)
  first <- values[, 1L]
  parts <- if (type == "counting") {
    list(left = values[, 2L], right = ifelse(status == 1, values[, 2L], Inf))
  } else if (type == "right") {
    list(left = first, right = ifelse(status == 1, first, Inf))
  } else if (type == "left") {
    list(left = ifelse(status == 1, first, 0), right = first)
  } else {
    list(
      left = ifelse(status == 2, 0, first),
      right = ifelse(status == 3, values[, 2L], ifelse(status == 0, Inf, first))
    )
  }
  is_exact <- ends_meet(parts$left, parts$right)
  parts$right[is_exact] <- parts$left[is_exact]
  check_interval_times(parts, is_exact, type, row_names)
  parts["entry"] <- list(interval_entry(y, entry, row_names))
  if (!is.null(parts$entry)) {
    check_entry_before_exit(parts, row_names)
    parts$left <- pmax(parts$left, parts$entry)
  }
  kind <- rep.int("interval", length(status))
  kind[parts$left == 0] <- "left"
  kind[parts$right == Inf] <- "right"
  kind[is_exact] <- "exact"
  parts$kind <- kind
  parts
}

# Surv() gives no other codes, but its rows can be written to.
check_interval_codes <- function(status, allowed, row_names) {
  bad <- which(!status %in% allowed)
  if (length(bad) == 0L) return(invisible())
  rows <- row_labels(row_names, bad)
  stop_input(c(
    sprintf("The status of a `Surv()` of this type must be one of %s.", toString(allowed)),
    x = sprintf("Found %s in %s.", format_values(status[bad]), format_rows(rows)),
    i = "Make the response anew: `Surv(...)`."
  ), arg = "formula", rows = rows)
}

# Ends that their logarithms may not tell apart: the last digit of log(t) is 1e-13 at the largest
# times.
ends_meet <- function(left, right) right <= left * (1 + 2.5e-13)

check_interval_times <- function(parts, is_exact, type, row_names) {
  refuse <- function(is_bad, required, value, way_out) {
    bad <- which(is_bad)
    if (length(bad) == 0L) return(invisible())
    rows <- row_labels(row_names, bad)
    stop_input(c(
      required, x = sprintf("Found %s in %s.", format_values(value[bad]), format_rows(rows)),
      i = way_out
    ), arg = "formula", rows = rows)
  }
  refuse(
    !is.finite(parts$left), "Times must be finite.", parts$left,
    "Only the right end of an interval may be infinite: it says that no event was seen."
  )
  refuse(
    parts$left < 0, "Times must not be negative.", parts$left,
    "Count them from the origin at which everybody is free of the event."
  )
  refuse(
    is_exact & parts$right == 0, "An event must be after time 0.", parts$right,
    "Nobody can have had it at the origin: correct these rows, or leave them out with `subset`."
  )
  refuse(
    parts$right <= 0, "The right end of an interval must be after time 0.", parts$right,
    "A right end is the first time at which the event was known to have happened."
  )
}

# Entry times as doubles; NULL when all are 0.
interval_entry <- function(y, entry, row_names) {
  if (attr(y, "type") == "counting") {
    if (!is.null(entry)) {
      stop_input(c(
        "`entry` cannot be given with a (start, stop] response.",
        i = "`start` is the entry time. Use one or the other."
      ), arg = "entry")
    }
    entry <- unclass(y)[, 1L]
  }
  if (is.null(entry)) return(NULL)
  if (!is.numeric(entry)) {
    stop_input(c(
      "`entry` must be numbers.", x = sprintf("Found %s.", describe(entry))
    ), arg = "entry")
  }
  entry <- as.double(entry)
  bad <- which(!is.finite(entry) | entry < 0)
  if (length(bad) > 0L) {
    rows <- row_labels(row_names, bad)
    stop_input(c(
      "Entry times must be finite and not negative.",
      x = sprintf("Found %s in %s.", format_values(entry[bad]), format_rows(rows)),
      i = "An entry of 0 says that the row was observed from the origin."
    ), arg = "entry", rows = rows)
  }
  if (any(entry > 0)) entry
}

check_entry_before_exit <- function(parts, row_names) {
  exit <- ifelse(parts$right == Inf, parts$left, parts$right)
  is_late <- parts$entry > exit | parts$entry == exit & parts$right < Inf
  if (!any(is_late)) return(invisible())
  bad <- which(is_late)
  rows <- row_labels(row_names, bad)
  first <- bad[[1L]]
  stop_input(c(
    "An entry must be before the event, and not after the last time at which a row was seen.",
    x = sprintf(
      "Entry at %s, exit at %s: %s.", format(parts$entry[[first]]), format(exit[[first]]),
      format_rows(rows)
    ),
    i = "Who had the event before entry cannot have entered: leave such rows out with `subset`."
  ), arg = "entry", rows = rows)
}

# Somebody must have had the event.
check_interval_events <- function(parts, weights = NULL) {
  if (any(parts$kind != "right")) return(invisible())
  stop_input(c(
    "There must be an event.",
    x = sprintf("All %d rows are right-censored.", length(parts$kind)),
    i = "Look at how the status, or the right ends of the intervals, are coded."
  ), arg = "formula")
}

# Death between scans: the argument `death` of fit_ttp(), its checks, and the two simple methods.
#
# A death frame has, for each row, what is known of both:
#   left, right   progression in (left, right]; right Inf where none was seen; entry or NULL
#   time, is_dead death at `time`, or alive at last contact
# Nobody is seen free of progression after `time`, nor found progressed after it.

death_methods <- c("illness_death", "pfs", "last_scan")

# list(method, paths: what ttp_illness_death() gives, or NULL); NULL where there is no `death`
ttp_death_asked <- function(method, is_given) {
  if (!is_given) {
    if (!identical(method, death_methods)) {
      stop_input(c(
        "`death_method` says what to make of `death`, which is missing.",
        i = "Give the time and status of death: `death = Surv(os_time, os_status)`."
      ), arg = "death")
    }
    return(NULL)
  }
  if (inherits(method, "sr_illness_death")) {
    return(list(method = "illness_death", paths = unclass(method)))
  }
  method <- choose_one(method, death_methods, "death_method")
  list(
    method = method, paths = if (method == "illness_death") unclass(ttp_illness_death())
  )
}

ttp_death_request <- function(request, asked) {
  lhs <- request$call[["death"]]
  if (is.call(lhs) && identical(lhs[[1L]], quote(Surv))) {
    request$call[["death"]][[1L]] <- quote(survival::Surv)
  }
  request$arguments <- c(request$arguments, "death")
  request$bad_response <- function(request) {
    check_death_status(request)
    stop_interval_response(request)
  }
  if (is.null(asked$paths)) request else illness_request(request, asked$paths)
}

# Surv() made NA of a status: was it that of death?
check_death_status <- function(request) {
  lhs <- request$call[["death"]]
  if (!is.call(lhs) || !identical(survival_word(lhs[[1L]]), "Surv")) return(invisible())
  args <- as.list(match.call(survival::Surv, lhs))[-1L]
  values <- tryCatch(
    lapply(args, eval, envir = request$data %||% request$env, enclos = request$env),
    error = function(e) NULL
  )
  status <- values$event %||% values$time2
  if (!is.numeric(status)) return(invisible())
  made <- suppressWarnings(do.call(survival::Surv, values))
  if (!is.matrix(made)) return(invisible())
  found <- interval_rows(request, length(status))
  bad <- intersect(which(!is.na(status) & is.na(made[, ncol(made)])), found$kept)
  if (length(bad) == 0L) return(invisible())
  rows <- found$label(bad)
  stop_input(c(
    "The status of `death` must be 0 and 1, 1 and 2, or FALSE and TRUE.",
    x = sprintf("Found %s in %s.", format_values(status[bad]), format_rows(rows)),
    i = "Name the event to be sure of it: `death = Surv(os_time, os_status == \"dead\")`."
  ), arg = "death", rows = rows)
}

#' What is known of progression and of death, row by row
#'
#' @param y the response; `entry` as in interval_parts(); `death` a Surv(time, status).
#' @returns list(left, right, kind, entry, time, is_dead): see the top of this file.
#' @noRd
death_parts <- function(y, entry, death, row_names) {
  if (attr(y, "type") == "counting") {
    stop_unsupported(c(
      "`death` cannot be given with a (start, stop] response.",
      i = "Give one row a person, and the late entry as `entry`."
    ), arg = "death")
  }
  if (!inherits(death, "Surv") || attr(death, "type") != "right") {
    stop_input(c(
      "`death` must be `Surv(time, status)`: time of death or of the last contact.",
      x = sprintf("Found %s.", describe(death))
    ), arg = "death")
  }
  values <- unclass(death)
  dimnames(values) <- NULL
  parts <- interval_parts(y, entry, row_names)
  parts$time <- values[, 1L]
  parts$is_dead <- values[, 2L] == 1
  check_death_times(parts, row_names)
  parts
}

check_death_times <- function(parts, row_names) {
  time <- parts$time
  refuse <- function(is_bad, required, found, way_out) {
    bad <- which(is_bad)
    if (length(bad) == 0L) return(invisible())
    rows <- row_labels(row_names, bad)
    stop_input(c(
      required, x = sprintf("%s in %s.", found(bad[[1L]]), format_rows(rows)), i = way_out
    ), arg = "death", rows = rows)
  }
  as_found <- function(k) sprintf("Found %s", format(time[[k]]))
  refuse(
    !is.finite(time) | time < 0, "Times of `death` must be finite and not negative.", as_found,
    "Count them from the origin of the response."
  )
  refuse(
    parts$is_dead & time == 0, "A death must be after time 0.", as_found,
    "Leave these rows out with `subset`."
  )
  event <- ifelse(parts$is_dead, "death", "last contact")
  refuse(
    time < parts$left, "Nobody can be free of progression after death or the last contact.",
    function(k) {
      sprintf("Free of it at %s, %s at %s", format(parts$left[[k]]), event[[k]], format(time[[k]]))
    },
    "`left` is the last scan without progression, `death` the end of the overall survival."
  )
  refuse(
    parts$right < Inf & time < parts$right,
    "Progression cannot be found after death or the last contact.",
    function(k) {
      sprintf("Found at %s, %s at %s", format(parts$right[[k]]), event[[k]], format(time[[k]]))
    },
    "`right` is missing for who was never found progressed, dead or alive."
  )
}

#' The response that a simple method reads
#'
#' "last_scan" leaves it as it is; "pfs" puts a death without progression seen into (left, death].
#' @returns the frame with `y`, and `death`: what the fit says of the deaths.
#' @noRd
settle_death <- function(frame, asked) {
  parts <- death_parts(
    frame$y, frame$mf[["(entry)"]], frame$mf[["(death)"]], frame$row_names
  )
  is_unseen <- parts$right == Inf
  method <- asked$death$method
  if (method == "pfs") {
    right <- ifelse(is_unseen & parts$is_dead, parts$time, parts$right)
    y <- survival::Surv(parts$left, right, type = "interval2")
    rownames(y) <- rownames(frame$y)
    frame$y <- y
  }
  frame$death <- list(
    method = method, before = sum(is_unseen & parts$is_dead),
    after = sum(!is_unseen & parts$is_dead), parts = parts
  )
  frame
}

# The second line of the title of a fit
death_title <- function(death) {
  if (is.null(death)) return("")
  said <- switch(death$method,
    pfs = "events between the last scan and death", last_scan = "censored at the last scan",
    illness_death = "either after progression or not"
  )
  sprintf(
    "\nDeaths without progression seen: %d, %s (\"%s\")", death$before, said, death$method
  )
}

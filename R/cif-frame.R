# From a call of fit_cif() to rows for C.
#
# cif_rows() gives list(start, stop, cause, weights, cluster, goes_on, n) of vectors (NULL where
# there are none), the kinds of event (`states`, `censored`), `type` as survival names it, the
# groups of the curves (`curve` from 0, `labels`, and for Gray's test `group`, `stratum` of each
# curve), `n_id`, `na_action`.
#
# As in cox-fast.R, bare columns without a missing value are read where they lie; all else goes by
# way of the model frame.

cif_request <- function(call, formula, data, env, nafun) {
  request <- cox_request(call, formula, data, env, nafun, keep_frame = FALSE)
  request$check_response <- check_cif_response
  request$bad_response <- stop_finegray_response
  request
}

cif_rows <- function(request) {
  parts <- if (isTRUE(getOption("survresist.fast", TRUE))) cif_parts_fast(request)
  if (is.null(parts)) parts <- cif_parts_ordinary(request)
  check_cif_times(parts)
  check_weights(parts$weights, FALSE, parts$row_names)
  parts <- c(parts, group_curves(parts$groups, parts$is_stratum, parts$n))
  subjects <- cif_subjects(parts)
  parts$goes_on <- subjects$goes_on
  parts$n_id <- subjects$n_id
  parts$n_moved <- subjects$n_moved
  by <- if (!is.null(parts$cluster)) parts$cluster else if (subjects$is_repeated) parts$id
  parts$cluster <- if (!is.null(by)) group_numbers(by)
  parts
}

check_cif_response <- function(y, formula) {
  if (!inherits(y, "Surv")) check_response(y, formula)
  if (!(attr(y, "type") %in% c("mright", "mcounting"))) stop_plain_status(formula)
}

check_cif_times <- function(parts) {
  refuse <- function(is_bad, required, way_out) {
    bad <- which(is_bad)
    if (length(bad) == 0L) return(invisible())
    rows <- cif_row_names(parts, bad)
    stop_input(c(
      required,
      x = sprintf("Found %s in %s.", format_values(parts$stop[bad]), format_rows(rows)), i = way_out
    ), arg = "formula", rows = rows)
  }
  ends <- range(parts$stop)
  if (!all(is.finite(ends))) {
    refuse(
      !is.finite(parts$stop), "Times must be finite.",
      "Give the time at which follow-up ended, with the status censored where no event was seen."
    )
  }
  if (is.null(parts$start) && ends[[1L]] < 0) {
    refuse(
      parts$stop < 0, "Times must not be negative.",
      "Count them from the origin at which everybody is free of all events."
    )
  }
}

# What the user calls the rows `at`
cif_row_names <- function(parts, at) {
  if (is.null(parts$row_names)) at else row_labels(parts$row_names, at)
}

# --- the ordinary path ----------------------------------------------------------------------------

cif_parts_ordinary <- function(request) {
  request$terms <- terms_with_specials(request$formula, request$data)
  check_cif_terms(request$terms)
  left <- settle_missing(evaluate_frame(request), request)
  mf <- left$mf
  y <- stats::model.response(mf)
  request$check_response(y, request$formula)
  values <- unclass(y)
  last <- ncol(values)
  labels <- attr(request$terms, "term.labels")
  groups <- lapply(labels, function(label) mf[[cif_variable(label)]])
  list(
    start = if (last == 3L) as.double(values[, 1L]), stop = as.double(values[, last - 1L]),
    cause = as.integer(values[, last]), states = attr(y, "states"), censored = attr(y, "clabel"),
    type = attr(y, "type"), weights = as_double(stats::model.weights(mf)),
    cluster = mf[["(cluster)"]], id = mf[["(id)"]], groups = stats::setNames(groups, labels),
    is_stratum = is_strata_label(labels, request$terms), n = nrow(mf), row_names = row.names(mf),
    na_action = attr(mf, "na.action")
  )
}

# A label may be quoted: `a b`
cif_variable <- function(label) {
  is_quoted <- startsWith(label, "`") && endsWith(label, "`")
  if (is_quoted) substring(label, 2L, nchar(label) - 1L) else label
}

is_strata_label <- function(labels, terms) {
  variables <- vapply(as.list(attr(terms, "variables"))[-1L], deparse1, "")
  labels %in% variables[attr(terms, "specials")$strata]
}

check_cif_terms <- function(terms) {
  if (any(attr(terms, "order") > 1L)) {
    stop_input(c(
      "Curves are by group: the formula can have no interaction.",
      i = "`~ a + b` gives a curve for each combination of `a` and `b`."
    ), arg = "formula")
  }
  if (!is.null(attr(terms, "offset"))) {
    stop_unsupported("Curves by group have no offset.", arg = "formula")
  }
}

# --- the fast path --------------------------------------------------------------------------------

cif_parts_fast <- function(request) {
  alone <- length(request$formula) == 3L && identical(request$formula[[3L]], 1)
  if (alone) request$formula[[3L]] <- quote(strata(survresist_none))
  read <- read_request(request)
  if (is.null(read) || length(read$offset) > 0L) return(NULL)
  if (alone) read$strata <- character()
  found <- find_columns(read, request)
  if (is.null(found)) return(NULL)
  times <- found$response[-length(found$response)]
  status <- found$response[[length(found$response)]]
  n <- length(status)
  if (n == 0L || !is_plain_status(status) || !are_complete(found, times, status, n)) return(NULL)
  times <- lapply(unname(times), as_double)
  if (length(times) == 2L && any(times[[1L]] >= times[[2L]])) return(NULL)
  groups <- c(found$x, lapply(found$strata, survival::strata))
  labels <- c(read$x, sprintf("strata(%s)", read$strata))
  order <- match(attr(stats::terms(request$formula), "term.labels"), labels)
  order <- order[!is.na(order)]
  list(
    start = if (length(times) == 2L) times[[1L]], stop = times[[length(times)]],
    cause = as.integer(status) - 1L, states = levels(status)[-1L], censored = levels(status)[[1L]],
    type = if (length(times) == 2L) "mcounting" else "mright",
    weights = as_double(found$arguments[["(weights)"]]),
    cluster = found$arguments[["(cluster)"]], id = found$arguments[["(id)"]],
    groups = stats::setNames(groups, labels)[order],
    is_stratum = startsWith(labels, "strata(")[order], n = n, na_action = NULL,
    row_names = if (is.data.frame(request$data)) row.names(request$data)
  )
}

is_plain_status <- function(status) {
  identical(class(status), "factor") && is.null(names(status)) && nlevels(status) > 1L
}

# Vectors without a class and without a missing value, all of one length
are_complete <- function(found, times, status, n) {
  groups <- c(found$x, found$strata)
  arguments <- found$arguments[names(found$arguments) != "(weights)"]
  is_weight <- names(found$arguments) == "(weights)"
  numbers <- c(times, found$arguments[is_weight])
  fits <- all(vapply(numbers, is_plain_number, NA, n = n)) &&
    all(vapply(c(groups, arguments), is_plain_group, NA, n = n))
  fits && !any(vapply(c(numbers, groups, arguments, list(status)), anyNA, NA))
}

# --- groups ---------------------------------------------------------------------------------------

# Codes from 0 and one value of each code, in the order of the values
distinct_values <- function(x) {
  whole <- if (is.double(x) && !is.object(x)) whole_numbers(x) else x
  is_whole <- typeof(whole) %in% c("integer", "logical") && (!is.object(whole) || is.factor(whole))
  grouped <- if (is_whole) .Call(C_frame_group, whole)
  if (is.null(grouped)) {
    as_factor <- factor(x)
    first <- match(levels(as_factor), as.character(x))
    return(list(code = as.integer(as_factor) - 1L, value = x[first]))
  }
  value <- grouped$value
  if (is.factor(x)) {
    value <- structure(value, levels = levels(x), class = oldClass(x))
  } else if (typeof(value) != typeof(x)) {
    storage.mode(value) <- typeof(x)
  }
  list(code = grouped$code, value = value)
}

# list(curve, labels, group, stratum): the curve of each row, and of each curve its label (as
# survfit() gives it) and its number among the groups that Gray's test compares and among the strata
# in which it does.
group_curves <- function(groups, is_stratum, n) {
  if (length(groups) == 0L) return(list(curve = NULL, labels = "", group = 0L, stratum = 0L))
  found <- lapply(groups, distinct_values)
  size <- vapply(found, function(one) length(one$value), 1L)
  code <- found[[1L]]$code
  for (k in seq_along(found)[-1L]) {
    if (prod(size[seq_len(k)]) > .Machine$integer.max) {
      stop_unsupported("There are too many combinations of groups.", arg = "formula")
    }
    code <- code * size[[k]] + found[[k]]$code
  }
  used <- if (length(found) > 1L) {
    which(tabulate(code + 1L, prod(size)) > 0L) - 1L
  } else {
    seq_len(size) - 1L
  }
  at <- vector("list", length(found))
  rest <- used
  for (k in rev(seq_along(found))) {
    at[[k]] <- rest %% size[[k]]
    rest <- rest %/% size[[k]]
  }
  values <- Map(function(one, at) one$value[at + 1L], found, at)
  label <- survival::strata(as.data.frame(values, optional = TRUE))
  place <- as.integer(factor(label)) - 1L
  order <- order(place)
  number <- function(which) {
    if (!any(which)) return(rep.int(0L, length(used)))
    group_numbers(do.call(paste, at[which]))[order]
  }
  # one variable whose values stand in the order of the labels needs no second look at the rows
  is_same <- length(found) == 1L && identical(place, seq_along(place) - 1L)
  if (!is_same) {
    new <- rep.int(NA_integer_, prod(size))
    new[used + 1L] <- place
    code <- new[code + 1L]
  }
  list(
    curve = code, labels = levels(factor(label)), group = number(!is_stratum),
    stratum = number(is_stratum)
  )
}

# --- subjects -------------------------------------------------------------------------------------

# list(goes_on, n_id, is_repeated, n_moved): which rows are followed at once by another of their
# subject in the same curve, the subjects of each curve, and how many rows are followed by one that
# is elsewhere or later
cif_subjects <- function(parts) {
  n_curve <- length(parts$labels)
  curve <- parts$curve %||% rep.int(0L, parts$n)
  plain <- list(
    goes_on = NULL, n_id = tabulate(curve + 1L, n_curve), is_repeated = FALSE, n_moved = 0L
  )
  if (is.null(parts$id)) {
    if (is.null(parts$start)) return(plain)
    stop_input(c(
      "(start, stop] data need `id`, which says whose the rows are.",
      i = "With one row a subject, `id = seq_len(nrow(data))`."
    ), arg = "id")
  }
  id <- group_numbers(parts$id)
  if (!anyDuplicated(id)) return(plain)
  if (is.null(parts$start)) {
    twice <- which(duplicated(id) | duplicated(id, fromLast = TRUE))
    rows <- cif_row_names(parts, twice)
    stop_input(c(
      "A subject can have one row only, or rows (start, stop].",
      x = sprintf("`id` repeats in %s.", format_rows(rows)),
      i = "For correlated subjects, give `cluster`."
    ), arg = "id", rows = rows)
  }
  follow_subjects(parts, id, curve, n_curve)
}

follow_subjects <- function(parts, id, curve, n_curve) {
  order <- order(id, parts$start)
  this <- order[-parts$n]
  that <- order[-1L]
  is_same <- id[this] == id[that]
  name <- function(at) cif_row_names(parts, at)
  overlap <- that[is_same & parts$start[that] < parts$stop[this]]
  if (length(overlap) > 0L) {
    stop_input(c(
      "The rows (start, stop] of a subject must not overlap.",
      x = sprintf("They do in %s.", format_rows(name(overlap))),
      i = "Check `id`, and the times of these rows."
    ), arg = "id", rows = name(overlap))
  }
  after <- that[is_same & parts$cause[this] > 0L]
  if (length(after) > 0L) {
    stop_unsupported(c(
      "After an event of any kind the follow-up of a subject must end.",
      x = sprintf("It goes on in %s.", format_rows(name(after))),
      i = "For events that follow each other, use `survival::survfit()` (multi-state curves)."
    ), arg = "id", rows = name(after))
  }
  gap <- that[is_same & parts$start[that] > parts$stop[this]]
  if (length(gap) > 0L) {
    warn_user(c(
      "Some subjects are not followed all the time.",
      x = sprintf("There is a gap before %s.", format_rows(name(gap))),
      i = "They count as at risk only while they are followed."
    ), class = "survresist_warning_gap")
  }
  goes_on <- integer(parts$n)
  goes_on[this[is_same & parts$start[that] == parts$stop[this] & curve[this] == curve[that]]] <- 1L
  pair <- curve + n_curve * as.double(id)
  list(
    goes_on = goes_on, n_id = tabulate(curve[!duplicated(pair)] + 1L, n_curve),
    is_repeated = TRUE, n_moved = sum(is_same & goes_on[this] == 0L)
  )
}

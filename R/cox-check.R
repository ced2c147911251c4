# What a Cox model is asked, checked before anything is computed: the choices, the control, the
# response, the columns. Every message says what is required, what was found and where, and the way
# out. Nothing here runs long on a sound input.

# --- arguments ------------------------------------------------------------------------------------

# One of `choices`, as match.arg() has it; a vector of all of them stands for the first.
choose_one <- function(value, choices, arg) {
  if (identical(value, choices)) return(choices[[1L]])
  at <- if (is.character(value) && length(value) == 1L) pmatch(value, choices) else NA
  if (is.na(at)) {
    stop_input(c(
      sprintf("`%s` must be one of %s.", arg, format_names(choices, quote = '"', show = 12L)),
      x = sprintf("Found %s.", describe(value))
    ), arg = arg)
  }
  choices[[at]]
}

# TRUE or FALSE
check_flag <- function(value, arg) {
  if (!is.logical(value) || length(value) != 1L || is.na(value)) {
    stop_input(c(
      sprintf("`%s` must be TRUE or FALSE.", arg), x = sprintf("Found %s.", describe(value))
    ), arg = arg)
  }
  value
}

# What coxph.control() gives by itself, asked for once
defaults <- new.env(parent = emptyenv())
default_control <- function() {
  if (is.null(defaults$control)) defaults$control <- survival::coxph.control()
  defaults$control
}

# The control list: `control` completed, then anything in `...` that names one of its parts. `dots`
# is list(...), not evaluated before its names (`given`) are known to be right.
cox_control <- function(control, dots, given = names(dots)) {
  if (is.null(control) && length(given) == 0L) return(default_control())
  known <- names(default_control())
  full <- control_names(given, known, "...")
  dots <- stats::setNames(dots, full)
  if (!is.null(control) && !is.list(control)) {
    stop_input(c(
      "`control` must be a list, as `survival::coxph.control()` gives.",
      x = sprintf("Found %s.", describe(control))
    ), arg = "control")
  }
  if (length(control) > 0L) {
    own <- names(control) %||% rep.int("", length(control))
    names(control) <- control_names(own, known, "control")
  }
  parts <- c(control, dots)
  parts <- parts[!duplicated(names(parts), fromLast = TRUE)]
  tryCatch(
    do.call(survival::coxph.control, parts),
    error = function(e) {
      stop_input(c(
        "`control` holds a value that cannot be used.", x = conditionMessage(e),
        i = "See `?survival::coxph.control`."
      ), arg = "control")
    }
  )
}

# Full names for the parts of a control; partial ones are understood.
control_names <- function(given, known, arg) {
  at <- pmatch(given, known)
  if (anyNA(at)) {
    unknown <- given[is.na(at)]
    shown <- ifelse(nzchar(unknown), paste0("`", unknown, "`"), "one without a name")
    stop_input(c(
      sprintf(
        "%s %s.", if (arg == "control") "`control` has no part" else "`fit_cox()` has no argument",
        paste(shown, collapse = ", ")
      ),
      i = if ("offset" %in% unknown) "Put an offset in the formula: `+ offset(z)`.",
      i = sprintf(
        "%s: %s.", if (arg == "control") "It has" else "`...` takes parts of the control",
        paste(known, collapse = ", ")
      )
    ), arg = arg)
  }
  known[at]
}

refuse_argument <- function(arg) {
  instead <- switch(arg,
    tt = "split the follow-up with `survival::survSplit()`, or use `survival::coxph()`",
    "use `survival::coxph()`"
  )
  stop_unsupported(c(
    sprintf("`fit_cox()` takes no `%s`.", arg), i = sprintf("For it, %s.", instead)
  ), arg = arg)
}

refuse_words <- function(called) {
  if ("Surv2" %in% called) {
    stop_unsupported(c(
      "A `Surv2()` response (timeline data) is not fitted here.", i = "Use `survival::coxph()`."
    ), arg = "formula")
  }
  instead <- c(
    tt = "split the follow-up with `survival::survSplit()`, or use `survival::coxph()`",
    frailty = "use `survival::coxph()` or `coxme::coxme()`",
    ridge = "use `survival::coxph()` or `glmnet::glmnet()`",
    pspline = "use `splines::ns()` in the formula, or `survival::coxph()`"
  )
  word <- sub("[.].*$", "", called)
  found <- which(word %in% names(instead))
  if (length(found) == 0L) return(invisible())
  first <- found[[1L]]
  stop_unsupported(c(
    sprintf("`%s()` terms are not fitted here.", called[[first]]),
    i = sprintf("For them, %s.", instead[[word[[first]]]])
  ), arg = "formula")
}

check_formula <- function(formula) {
  if (inherits(formula, "formula")) return(invisible())
  if (is.data.frame(formula)) {
    stop_input(c(
      "`formula` comes first, then `data`.", x = "Found a data frame as `formula`.",
      i = "With a pipe, name it: `formula = Surv(time, status) ~ x`."
    ), arg = "formula")
  }
  if (is.list(formula)) {
    stop_unsupported(c(
      "A list of formulas describes a multi-state model, which is not fitted here.",
      i = "Use `survival::coxph()`."
    ), arg = "formula")
  }
  stop_input(c(
    "`formula` must be a formula with a survival response.",
    x = sprintf("Found %s.", describe(formula)),
    i = "Write `Surv(time, status) ~ x`."
  ), arg = "formula")
}

check_data <- function(data) {
  is_usable <- is.null(data) || is.data.frame(data) || is.environment(data) ||
    (is.list(data) && is.null(dim(data)))
  if (!is_usable) {
    stop_input(c(
      "`data` must be a data frame, a list or an environment.",
      x = sprintf("Found %s.", describe(data)),
      i = if (is.matrix(data)) "Use `as.data.frame(data)`."
    ), arg = "data")
  }
  if (is.data.frame(data) && nrow(data) == 0L) {
    stop_input(c("`data` must have rows.", x = "Found 0 rows."), arg = "data")
  }
}

# The function that deals with missing values, from what the user or the option says.
na_function <- function(na_action, is_given) {
  if (!is_given) na_action <- getOption("na.action")
  if (is.function(na_action)) return(na_action)
  standard <- list(
    na.omit = stats::na.omit, na.exclude = stats::na.exclude, na.fail = stats::na.fail,
    na.pass = stats::na.pass
  )
  if (is.character(na_action) && length(na_action) == 1L) {
    if (!is.null(standard[[na_action]])) return(standard[[na_action]])
    found <- get0(na_action, envir = parent.frame(2L), mode = "function")
    if (!is.null(found)) return(found)
  }
  if (is.null(na_action) && !is_given) return(stats::na.omit)
  stop_input(c(
    "`na.action` must be a function, or the name of one.",
    x = sprintf("Found %s.", describe(na_action)),
    i = 'Use "na.omit", "na.exclude" or "na.fail".'
  ), arg = "na.action")
}

# --- the response ---------------------------------------------------------------------------------

check_response <- function(y, formula) {
  if (inherits(y, "Surv2")) {
    stop_unsupported(c(
      "A `Surv2()` response (timeline data) is not fitted here.", i = "Use `survival::coxph()`."
    ), arg = "formula")
  }
  if (!inherits(y, "Surv")) {
    stop_input(c(
      "The response must be a survival object.",
      x = if (length(formula) < 3L) {
        "The formula has no left side."
      } else {
        sprintf("`%s` is %s.", shorten(formula[[2L]]), describe(y))
      },
      i = "Write `Surv(time, status) ~ ...` or `Surv(start, stop, status) ~ ...`."
    ), arg = "formula")
  }
  type <- attr(y, "type")
  if (type %in% c("right", "counting")) return(invisible())
  if (type %in% c("mright", "mcounting")) {
    stop_unsupported(c(
      "The status is a factor, which makes this a multi-state model; none is fitted here.",
      i = "For one kind of event, code it: `Surv(time, status == \"death\")`.",
      i = "For several that compete, use `fit_finegray()` or `fit_cif()`."
    ), arg = "formula")
  }
  stop_unsupported(c(
    sprintf("The Cox model takes right-censored or (start, stop] data, not \"%s\".", type),
    i = "Use `fit_icph()` for proportional hazards, `fit_ttp()` for a hazard with a shape."
  ), arg = "formula")
}

# A literal Surv() call turned rows into NA: find and name them.
warn_bad_response <- function(request) {
  parts <- response_parts(request$formula[[2L]], request$data, environment(request$formula))
  if (is.null(parts)) {
    warn_user(c(
      "The response has rows that `Surv()` cannot use; they are treated as missing.",
      i = "A stop must be after its start, a status must be 0 or 1, or 1 or 2."
    ), class = "survresist_warning_response")
    return(invisible())
  }
  n <- length(parts$status)
  kept <- rows_in_subset(request$call, request$data, environment(request$formula), n)
  bad <- lapply(bad_response_rows(parts), intersect, kept)
  if (length(bad$time) + length(bad$status) == 0L) return(invisible())
  label <- function(at) {
    names <- if (is.data.frame(request$data)) row.names(request$data)
    if (is.null(names)) at else row_labels(names, at)
  }
  warn_user(c(
    "The response has rows that cannot be used; they are treated as missing.",
    x = if (length(bad$time) > 0L) {
      sprintf("The stop time is not after the start time in %s.", format_rows(label(bad$time)))
    },
    if (length(bad$status) > 0L) explain_status(parts$status, bad$status, label),
    i = "Correct these rows, or leave them out with `subset`."
  ), class = "survresist_warning_response", rows = label(sort(unique(unlist(bad)))))
}

# Surv() takes 2 as the event when it is the largest code, and 1 otherwise: with the codes 1, 2 and
# 5 every 2 is lost, though the fault lies with the 5.
explain_status <- function(status, bad, label) {
  codes <- sort(unique(status))
  is_two <- max(codes) == 2
  is_stray <- !is_two && all(c(1, 2) %in% codes) && !(0 %in% codes)
  stray <- setdiff(codes, 1:2)
  c(
    x = sprintf(
      "Of the codes %s `Surv()` takes %s; the others are in %s.", format_values(codes, show = 6L),
      if (is_two) "1 as censored and 2 as the event" else "0 as censored and 1 as the event",
      format_rows(label(bad))
    ),
    i = if (is_stray) {
      sprintf(
        "Without the code %s, in %s, 2 would be the event and 1 censored.",
        format_values(stray), format_rows(label(which(status %in% stray)))
      )
    },
    i = if (length(codes) > 2L) {
      sprintf(
        "Name the event to be sure of it: `Surv(time, status == %d)`.", 1L + (is_two || is_stray)
      )
    }
  )
}

# Numbers of the rows that the `subset` of a call keeps, whatever kind of index it is; NA where it
# is missing
rows_in_subset <- function(call, data, env, n) {
  rows <- seq_len(n)
  if (is.null(call$subset)) return(rows)
  if (is.data.frame(data)) names(rows) <- row.names(data)
  tryCatch(
    unname(rows[eval(call$subset, data, env %||% globalenv())]), error = function(e) seq_len(n)
  )
}

bad_response_rows <- function(parts) {
  status <- parts$status
  if (is.logical(status)) status <- as.numeric(status)
  bad_status <- integer()
  if (is.numeric(status)) {
    seen <- !is.na(status)
    if (any(seen) && max(status[seen]) == 2) status <- status - 1
    bad_status <- which(seen & status != 0 & status != 1)
  }
  list(
    time = if (is.null(parts$start)) integer() else which(parts$start >= parts$stop),
    status = bad_status
  )
}

# The vectors in a literal Surv() call: list(start, stop, status), or NULL when it is none.
response_parts <- function(lhs, data, env) {
  if (!is.call(lhs) || !identical(survival_word(lhs[[1L]]), "Surv")) return(NULL)
  args <- as.list(match.call(survival::Surv, lhs))[-1L]
  if (!all(names(args) %in% c("time", "time2", "event")) || is.null(args$time)) return(NULL)
  is_counting <- length(args) == 3L
  place <- list(
    start = if (is_counting) args$time,
    stop = if (is_counting) args$time2 else args$time,
    status = if (is.null(args$event)) args$time2 else args$event
  )
  if (is.null(place$status)) return(NULL)
  tryCatch(lapply(place, eval, envir = data %||% env, enclos = env), error = function(e) NULL)
}

warn_both_sides <- function(formula) {
  lhs <- formula[[2L]]
  if (!is.call(lhs)) return(invisible())
  parts <- as.list(lhs)[-1L]
  # Surv(entry, stop, event): when somebody came under observation may well predict the rest
  if (length(parts) == 3L && is.null(names(parts))) parts <- parts[-1L]
  left <- unlist(lapply(parts, function(part) if (is.name(part)) as.character(part)))
  both <- intersect(left, right_side_names(formula[[length(formula)]]))
  if (length(both) > 0L) {
    warn_user(c(
      sprintf("%s is on both sides of the formula.", format_names(both)),
      i = "A time or status that predicts itself gives no usable model."
    ), class = "survresist_warning_both_sides")
  }
}

# Names that stand alone, or alone in a call such as log(x), joined by + - * :
right_side_names <- function(expr) {
  if (is.name(expr)) return(as.character(expr))
  if (!is.call(expr)) return(character())
  head <- if (is.name(expr[[1L]])) as.character(expr[[1L]]) else ""
  if (head %in% c("+", "-", "*", ":", "(")) {
    unlist(lapply(as.list(expr)[-1L], right_side_names))
  } else if (length(expr) == 2L && !(head %in% c("$", "["))) {
    right_side_names(expr[[2L]])
  } else {
    character()
  }
}

# --- words ----------------------------------------------------------------------------------------

# `a`, `b` and 3 more
format_names <- function(names, quote = "`", collapse = ", ", show = 6L) {
  shown <- paste0(quote, utils::head(names, show), quote)
  if (is.null(collapse)) return(paste0(quote, names, quote))
  paste0(
    paste(shown, collapse = collapse),
    if (length(names) > show) sprintf(" and %d more", length(names) - show)
  )
}

format_values <- function(values, show = 3L) {
  values <- unique(values)
  paste0(
    paste(format(utils::head(values, show), trim = TRUE, digits = 4), collapse = ", "),
    if (length(values) > show) ", ..."
  )
}

# "a character vector of length 3"
describe <- function(value) {
  if (is.null(value)) return("NULL")
  if (is.function(value)) return("a function")
  if (is.matrix(value)) return(with_article(paste(typeof(value), "matrix")))
  if (is.object(value)) {
    return(sprintf("an object of class <%s>", paste(class(value), collapse = "/")))
  }
  if (is.atomic(value) && length(value) == 1L) return(paste0("`", deparse1(value), "`"))
  kind <- if (is.list(value)) "list" else paste(typeof(value), "vector")
  sprintf("%s of length %d", with_article(kind), length(value))
}

with_article <- function(noun) paste(if (grepl("^[aeio]", noun)) "an" else "a", noun)

shorten <- function(expr, width = 60L) {
  text <- paste(deparse(expr, width.cutoff = 500L), collapse = " ")
  if (nchar(text) > width) paste0(substr(text, 1L, width - 3L), "...") else text
}

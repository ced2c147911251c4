# What a Cox model finds in its columns: unknown names, lists, infinite values, rows that are all
# missing, weights that are not positive.

# model.frame() failed: say which name is unknown, or which column has the wrong type.
explain_frame_error <- function(error, request) {
  formula <- request$formula
  env <- environment(formula) %||% globalenv()
  data <- request$data
  call <- request$call
  wanted <- unique(c(all.vars(formula), unlist(lapply(
    c("weights", "subset", "cluster", "id"),
    function(arg) if (!is.null(call[[arg]]) && is.language(call[[arg]])) all.vars(call[[arg]])
  ))))
  columns <- if (is.environment(data)) ls(data) else names(data)
  is_known <- wanted %in% c(columns, ".") | vapply(wanted, is_variable, TRUE, place = env)
  is_far <- !is_known & vapply(wanted, is_variable, TRUE, place = request$env)
  if (!all(is_known | is_far)) stop_unknown(wanted[!is_known & !is_far], columns %||% ls(env))
  if (any(is_far)) {
    stop_input(c(
      "Every variable must be a column of `data`, or be found where the formula was made.",
      x = sprintf("%s is only at the place of the call.", format_names(wanted[is_far])),
      i = "Put it in `data`, or write the formula there."
    ), arg = "data", columns = wanted[is_far])
  }
  is_list <- vapply(wanted, function(name) {
    value <- if (is.environment(data)) NULL else data[[name]]
    if (is.null(value)) value <- get0(name, envir = if (is.environment(data)) data else env)
    is.list(value) && !is.data.frame(value)
  }, TRUE)
  if (any(is_list)) {
    stop_input(c(
      "Every column must be a vector, a factor or a matrix.",
      x = sprintf("%s holds a list.", format_names(wanted[is_list])),
      i = "Use `unlist()` where each element is one value."
    ), arg = "data", columns = wanted[is_list])
  }
  stop_status(request)
  stop_lengths(request)
  stop_input(c(
    "The model frame cannot be built from `formula` and `data`.", x = conditionMessage(error),
    i = if (grepl("function", conditionMessage(error), fixed = TRUE)) {
      "Attach the package of the function, or write `package::function()`."
    }
  ), arg = "data", parent = NA)
}

is_variable <- function(name, place) {
  value <- get0(name, envir = place)
  !is.null(value) && !is.function(value)
}

# Surv() takes no words as a status.
stop_status <- function(request) {
  formula <- request$formula
  if (length(formula) < 3L) return(invisible())
  status <- response_parts(formula[[2L]], request$data, environment(formula))$status
  if (!is.character(status)) return(invisible())
  stop_input(c(
    "The status must be numbers, or TRUE and FALSE.",
    x = sprintf("Found strings: %s.", format_names(unique(status), quote = "\"", show = 3L)),
    i = "Say which is the event: `Surv(time, status == \"death\")`."
  ), arg = "formula")
}

# Variables of the formula and the arguments beside it that differ in length
stop_lengths <- function(request) {
  env <- environment(request$formula) %||% globalenv()
  parts <- as.list(attr(request$terms, "variables"))[-1L]
  beside <- as.list(request$call)[c("weights", "cluster", "id")]
  beside <- beside[!vapply(beside, is.null, TRUE)]
  names(parts) <- vapply(parts, shorten, "")
  parts <- c(parts, beside)
  size <- vapply(parts, function(part) {
    tryCatch(NROW(eval(part, request$data, env)), error = function(e) NA_integer_)
  }, 1L)
  size <- size[!is.na(size)]
  usual <- if (is.data.frame(request$data)) nrow(request$data) else size[[1L]]
  is_odd <- size != usual
  if (!any(is_odd)) return(invisible())
  stop_input(c(
    "Every variable must have one value a row; variable lengths differ.",
    x = sprintf(
      "%s; the others have %d.",
      paste(sprintf("`%s` has %d", names(size)[is_odd], size[is_odd]), collapse = ", "), usual
    )
  ), arg = "data", columns = names(size)[is_odd])
}

stop_unknown <- function(unknown, columns) {
  close <- unlist(lapply(unknown, function(name) {
    distance <- utils::adist(name, columns, ignore.case = TRUE)
    columns[distance <= max(1, nchar(name) %/% 3) & distance == min(distance, Inf)]
  }))
  stop_input(c(
    "Every variable must be a column of `data`, or be found where the formula was made.",
    x = sprintf("There is no %s.", format_names(unknown)),
    i = if (length(close) > 0L) sprintf("Did you mean %s?", format_names(unique(close)))
  ), arg = "data", columns = unknown)
}

explain_matrix_error <- function(error, mf) {
  n_level <- vapply(mf, function(x) {
    is_factor <- is.factor(x) || is.character(x) || is.logical(x)
    if (is_factor) length(unique(x[!is.na(x)])) else NA_integer_
  }, 1L)
  is_single <- !is.na(n_level) & n_level < 2L
  if (any(is_single)) {
    stop_input(c(
      "A factor must have two levels or more in the rows that are used.",
      x = sprintf("%s has one.", format_names(names(mf)[is_single])),
      i = "Leave it out of the formula, or look at what `subset` and missing values leave."
    ), arg = "formula", columns = names(mf)[is_single])
  }
  stop_input(c(
    "The model matrix cannot be built.", x = conditionMessage(error)
  ), arg = "formula")
}

stop_not_finite <- function(columns, rows, names, row_names) {
  labels <- row_labels(row_names, rows)
  is_hit <- vapply(columns, function(x) {
    is.double(x) && any(is_not_finite(if (is.matrix(x)) x[rows, ] else x[rows]))
  }, TRUE)
  told <- vapply(which(is_hit), function(k) {
    x <- columns[[k]]
    bad <- is_not_finite(if (is.matrix(x)) x[rows, , drop = FALSE] else x[rows])
    if (is.matrix(bad)) bad <- rowSums(bad) > 0
    sprintf("`%s` is infinite or NaN in %s.", names[[k]], format_rows(labels[bad]))
  }, "")
  stop_input(c(
    "Covariates must be finite.", stats::setNames(told, rep.int("x", length(told))),
    i = "Correct these values, or set them to NA to leave the rows out."
  ), arg = "data", rows = labels, columns = names[is_hit])
}

# What the user calls these rows: numbers where the row names are, the names elsewhere.
row_labels <- function(row_names, rows) {
  label <- row_names[rows]
  number <- suppressWarnings(as.integer(label))
  if (anyNA(number)) label else number
}

# Inf, -Inf, or a NaN that is not NA
is_not_finite <- function(x) is.infinite(x) | is.nan(x)

stop_missing <- function(rows, na_columns) {
  stop_input(c(
    "`na.action` is na.fail, and values are missing.",
    x = sprintf("Missing in %s, of %s.", format_rows(rows), format_names(names(na_columns))),
    i = 'Use `na.action = "na.omit"` to leave them out.'
  ), arg = "na.action", rows = rows, columns = names(na_columns))
}

stop_all_missing <- function(na_columns, n) {
  if (n == 0L) {
    stop_input(c(
      "There must be rows to fit.", x = "Found 0 rows.",
      i = "Look at `subset`, and at the lengths of the variables."
    ), arg = "data")
  }
  told <- sprintf("%s in %.0f", format_names(names(na_columns), collapse = NULL), na_columns)
  stop_input(c(
    "Every row has a missing value, so there is nothing to fit.",
    x = sprintf("Missing of %.0f rows: %s.", n, paste(told, collapse = ", ")),
    i = "Leave out the variable that is missing most, or look at how it was made."
  ), arg = "data", columns = names(na_columns))
}

# An infinite time is refused where coxph() refuses it: in right-censored data. Of an interval
# (start, stop] either end may be infinite.
check_times <- function(y, row_names) {
  if (ncol(y) == 3L) return(invisible())
  bad <- scan_rows(list(y), TRUE, nrow(y))$not_finite
  if (length(bad) == 0L) return(invisible())
  rows <- row_labels(row_names, bad)
  stop_input(c(
    "Times must be finite.",
    x = sprintf("Found %s in %s.", format_values(unclass(y)[bad, 1L]), format_rows(rows)),
    i = "Give the time at which follow-up ended, with the status 0 where no event was seen."
  ), arg = "formula", rows = rows)
}

check_weights <- function(weights, is_exact, row_names) {
  if (is.null(weights)) return(invisible())
  if (!is.numeric(weights)) {
    stop_input(c(
      "`weights` must be numbers.", x = sprintf("Found %s.", describe(weights))
    ), arg = "weights")
  }
  ends <- range(weights)
  if (!(is.finite(ends[[1L]]) && is.finite(ends[[2L]]) && ends[[1L]] > 0)) {
    bad <- which(!(is.finite(weights) & weights > 0))
    rows <- row_labels(row_names, bad)
    stop_input(c(
      "`weights` must be positive and finite.",
      x = sprintf("Found %s in %s.", format_values(weights[bad]), format_rows(rows)),
      i = "Leave out the rows of weight 0."
    ), arg = "weights", rows = rows)
  }
  # sums over the risk sets are squared
  if (ends[[1L]] < 1e-150 || ends[[2L]] > 1e100 && sum(weights) > 1e150) {
    stop_input(c(
      "`weights` must be of a size that a computer can sum and square.",
      x = sprintf("They range from %.3g to %.3g.", ends[[1L]], ends[[2L]]),
      i = "Divide them by their mean: the coefficients depend on their ratios alone."
    ), arg = "weights")
  }
  if (is_exact && any(weights != 1)) {
    stop_unsupported(c(
      "The exact likelihood takes no weights.", i = 'Use `ties = "efron"`.'
    ), arg = "weights")
  }
}

check_offset <- function(offset, row_names) {
  if (is.null(offset)) return(invisible())
  bad <- which(!is.finite(offset) | !is.finite(exp(offset)))
  if (length(bad) > 0L) {
    rows <- row_labels(row_names, bad)
    stop_input(c(
      "The offset must give a finite risk `exp(offset)`.",
      x = sprintf("Found %s in %s.", format_values(offset[bad]), format_rows(rows)),
      i = "An offset is on the log scale: `offset(log(risk))`."
    ), arg = "formula", rows = rows)
  }
}

# The response and the columns as they go to the fit: log(0) and the like arise only there, and
# na.pass keeps what is missing.
check_finite <- function(frame) {
  has_holes <- !is.null(scan_rows(list(frame$y), FALSE, frame$n))
  if (has_holes && anyNA(frame$y)) {
    rows <- row_labels(frame$row_names, which(is.na(frame$y)))
    stop_input(c(
      "The response must not be missing.", x = sprintf("It is in %s.", format_rows(rows)),
      i = 'Use `na.action = "na.omit"`.'
    ), arg = "na.action", rows = rows)
  }
  if (anyNA(frame$stratum)) {
    rows <- row_labels(frame$row_names, which(is.na(frame$stratum)))
    stop_input(c(
      "Strata must not be missing.", x = sprintf("They are in %s.", format_rows(rows)),
      i = 'Use `na.action = "na.omit"`, or make the missing a level: `strata(x, na.group = TRUE)`.'
    ), arg = "na.action", rows = rows)
  }
  if (length(frame$x_names) == 0L) return(invisible())
  found <- scan_rows(list(frame$x), TRUE, frame$n)
  if (is.null(found)) return(invisible())
  at <- sort(c(found$missing, found$not_finite))
  rows <- row_labels(frame$row_names, at)
  is_bad <- colSums(!is.finite(frame$x[at, , drop = FALSE])) > 0
  stop_input(c(
    "Covariates must be finite.",
    x = sprintf(
      "%s is infinite or missing in %s.", format_names(frame$x_names[is_bad]), format_rows(rows)
    ),
    i = "Correct these values, or set them to NA to leave the rows out."
  ), arg = "data", rows = rows, columns = frame$x_names[is_bad])
}

check_init <- function(init, frame) {
  p <- length(frame$x_names)
  if (is.null(init)) return(NULL)
  if (!is.numeric(init) || length(init) != p || !all(is.finite(init))) {
    stop_input(c(
      sprintf(
        "`init` must be %d finite number%s, one for each coefficient.", p, if (p == 1L) "" else "s"
      ),
      x = sprintf("Found %s.", describe(init)),
      i = sprintf("The coefficients are %s.", format_names(frame$x_names))
    ), arg = "init")
  }
  init <- as.double(init)
  centre <- sum(column_means(frame$x) * init)
  risk <- exp(columns_times(frame$x, init) - centre + (frame$offset %||% 0))
  if (any(is.infinite(risk)) || all(risk == 0)) {
    stop_input(c(
      "`init` must give risks that a computer can hold.",
      x = "exp(x * init) overflows or underflows.", i = "Start nearer to 0."
    ), arg = "init")
  }
  init
}

# The fast path: columns read where they lie.
#
# A formula such as
#   Surv(time, status == 2) ~ age + nodes + arm + strata(grade) + offset(z)
# whose terms are bare numeric columns (or numeric matrices) without a class, factors or logicals
# with treatment contrasts, needs no model frame and no model matrix. The columns are found once,
# one pass in C finds missing values and builds the response, and C reads the columns where R keeps
# them. So is Surv(left, right, type = "interval2") by models that take intervals.
# `cox_frame_fast()` gives NULL whenever something needs the ordinary path; the frame is the same to
# the last bit.
#
# Nothing is evaluated twice that could give another value the second time: response, weights,
# cluster and id may be expressions of the harmless operators below only.

harmless <- c(
  "+", "-", "*", "/", "^", "(", "==", "!=", "<", ">", "<=", ">=", "!", "&", "|", "$", "[[",
  "%in%", "c", "is.na", "as.numeric", "as.integer"
)

cox_frame_fast <- function(request) {
  read <- read_request(request)
  if (is.null(read)) return(NULL)
  if (is_interval2(read$response) && !isTRUE(request$takes_intervals)) return(NULL)
  found <- find_columns(read, request)
  if (is.null(found)) return(NULL)
  response <- fast_response_maker(read, request)(found)
  if (is.null(response)) return(NULL)
  if (!are_usable(found, nrow(response$y))) return(NULL)
  grouped <- if (length(found$strata) > 0L) group_strata(found$strata[[1L]], read$strata)
  fast_frame(read, found, response, grouped, request)
}

# The parts of a fit whose response `y` is kept and that left no row out: nothing of the response is
# made again, and x only where it is needed. NULL when the columns are not as they were.
fast_parts <- function(request, y, needs_x, is_scanned) {
  read <- read_request(request)
  n <- nrow(y)
  if (is.null(read) || is.data.frame(request$data) && nrow(request$data) != n) return(NULL)
  read$response <- list()
  if (!needs_x) read$x <- character()
  found <- find_columns(read, request)
  if (is.null(found) || !are_usable(found, n)) return(NULL)
  grouped <- if (length(found$strata) > 0L) group_strata(found$strata[[1L]], read$strata)
  scanned <- c(
    if (!is_scanned) found$x, if (!is.null(grouped)) list(grouped$code), found$offset,
    lapply(found$arguments, column_to_scan)
  )
  if (length(scanned) > 0L) {
    holes <- scan_rows(unname(scanned), !logical(length(scanned)), n)
    if (length(holes$not_finite) + length(holes$missing) > 0L) return(NULL)
  }
  list(
    x = if (needs_x) double_columns(found$x), y = y, stratum = grouped$code,
    strata_levels = grouped$levels, weights = found$arguments[["(weights)"]],
    offset = if (length(found$offset)) found$offset[[1L]],
    cluster = found$arguments[["(cluster)"]]
  )
}

# --- reading the call -----------------------------------------------------------------------------

# list(response, x, strata, offset, arguments), NULL where the ordinary path is needed
read_request <- function(request) {
  if (request$keep_frame || !is.null(request$call$subset)) return(NULL)
  if (any(setdiff(request$arguments, frame_arguments) %in% names(request$call))) return(NULL)
  nafun <- request$nafun
  if (!identical(nafun, stats::na.omit) && !identical(nafun, stats::na.exclude)) return(NULL)
  read <- read_formula(request$formula)
  if (!is.null(read)) c(read, read_arguments(request$call))
}

# list(response, x, strata, offset): expressions and names; NULL when the formula has anything else.
read_formula <- function(formula) {
  if (length(formula) != 3L) return(NULL)
  response <- read_response(formula[[2L]])
  if (is.null(response)) return(NULL)
  parts <- list(x = character(), strata = character(), offset = character())
  expr <- formula[[3L]]
  repeat { # a + b + c is (a + b) + c: the last term comes first
    is_sum <- is.call(expr) && identical(expr[[1L]], quote(`+`)) && length(expr) == 3L
    term <- if (is_sum) expr[[3L]] else expr
    kind <- term_kind(term)
    if (is.null(kind)) return(NULL)
    name <- as.character(if (kind == "x") term else term[[2L]])
    parts[[kind]] <- c(name, parts[[kind]])
    if (!is_sum) break
    expr <- expr[[2L]]
  }
  names <- unlist(parts, use.names = FALSE)
  is_usual <- !anyDuplicated(parts$x) && length(parts$strata) <= 1L && length(parts$offset) <= 1L &&
    !any(parts$x %in% unlist(lapply(response, all.vars))) && identical(make.names(names), names)
  if (is_usual) c(list(response = response), parts)
}

term_kind <- function(term) {
  if (is.name(term)) return(if (!identical(term, quote(.))) "x")
  if (!is.call(term) || length(term) != 2L || !is.name(term[[2L]]) || !is.null(names(term))) {
    return(NULL)
  }
  if (identical(term[[1L]], quote(strata))) return("strata")
  if (identical(term[[1L]], quote(offset))) return("offset")
  NULL
}

read_arguments <- function(call) {
  asked <- as.list(call)[c("weights", "cluster", "id")]
  asked <- asked[!vapply(asked, is.null, TRUE)]
  names(asked) <- sprintf("(%s)", names(asked))
  list(arguments = asked)
}

is_harmless <- function(expr) {
  if (is.name(expr)) return(TRUE)
  if (!is.call(expr)) return(is.atomic(expr) && length(expr) == 1L)
  if (!is.name(expr[[1L]]) || !(as.character(expr[[1L]]) %in% harmless)) return(FALSE)
  all(vapply(as.list(expr)[-1L], is_harmless, TRUE))
}

# --- finding the columns --------------------------------------------------------------------------

# list(response, x, strata, offset, arguments), each a list of vectors. Names are looked up as
# model.frame() does: in the data, then where the formula was made.
find_columns <- function(read, request) {
  if (!all(vapply(read$arguments, is_harmless, TRUE))) return(NULL)
  data <- request$data
  is_plain <- is.null(data) || is.data.frame(data) || is.environment(data) || !is.object(data)
  if (!is_plain) return(NULL)
  env <- environment(request$formula)
  wanted <- list(
    response = read$response, x = lapply(read$x, as.name), strata = lapply(read$strata, as.name),
    offset = lapply(read$offset, as.name), arguments = read$arguments
  )
  sizes <- lengths(wanted)
  list_call <- as.call(c(list(quote(list)), unlist(wanted, recursive = FALSE, use.names = FALSE)))
  values <- tryCatch(
    eval(list_call, data %||% env, env),
    error = function(e) NULL
  )
  if (is.null(values)) return(NULL)
  part <- rep.int(seq_along(sizes), sizes)
  found <- lapply(seq_along(sizes), function(k) values[part == k])
  names(found) <- names(wanted)
  names(found$x) <- read$x
  names(found$arguments) <- names(read$arguments)
  found
}

# Can each column be taken as it is?
are_usable <- function(found, n) {
  is_weight <- names(found$arguments) == "(weights)"
  all(vapply(found$x, is_plain_column, TRUE, n = n)) &&
    all(vapply(c(found$strata, found$arguments[!is_weight]), is_plain_group, TRUE, n = n)) &&
    all(vapply(c(found$offset, found$arguments[is_weight]), is_plain_number, TRUE, n = n))
}

# Numbers of a covariate: a vector, or a matrix with columns, of no class; or a factor that
# model.matrix() codes by treatment contrasts
is_plain_column <- function(x, n) {
  if (is_coded(x)) {
    return(length(x) == n && is.null(attr(x, "contrasts")) && is.null(dim(x)) &&
      identical(getOption("contrasts")[[1L]], "contr.treatment") &&
      (is.logical(x) && !is.object(x) || identical(class(x), "factor") && nlevels(x) > 1L))
  }
  if (!is.numeric(x) || is.object(x)) return(FALSE)
  if (is.null(dim(x))) length(x) == n else is.matrix(x) && nrow(x) == n && ncol(x) > 0L
}

is_coded <- function(x) is.factor(x) || is.logical(x)

is_plain_number <- function(x, n) is.numeric(x) && is.null(attributes(x)) && length(x) == n

is_plain_group <- function(x, n) {
  if (length(x) != n) return(FALSE)
  if (is.factor(x)) return(all(class(x) %in% c("factor", "ordered")) && is.null(names(x)))
  is.atomic(x) && is.null(attributes(x)) && !is.complex(x)
}

# --- strata ---------------------------------------------------------------------------------------

# list(code from 0, levels) as strata(g) labels them: the values of a factor or of strings as they
# are, other values as "g=value"; levels that do not occur are left out.
group_strata <- function(g, name) {
  if (is.character(g)) {
    values <- sort(unique(g))
    return(list(code = match(g, values) - 1L, levels = values))
  }
  if (is.factor(g)) {
    grouped <- .Call(C_frame_group, g)
    return(list(code = grouped$code, levels = levels(g)[grouped$value]))
  }
  whole <- if (is.double(g)) whole_numbers(g) else g
  grouped <- if (!is.null(whole)) .Call(C_frame_group, whole)
  if (is.null(grouped)) {
    as_factor <- factor(g)
    grouped <- list(code = as.integer(as_factor) - 1L, value = levels(as_factor))
  } else if (is.double(g)) {
    grouped$value <- as.double(grouped$value)
  } else if (is.logical(g)) {
    grouped$value <- as.logical(grouped$value)
  }
  list(code = grouped$code, levels = paste(name, grouped$value, sep = "="))
}

# Numbers the distinct values of a vector from 0 up: in their order where C can tell it fast, else
# in the order of their appearance.
group_numbers <- function(x) {
  if (is.double(x) && !is.object(x)) x <- whole_numbers(x) %||% x
  is_whole <- typeof(x) %in% c("integer", "logical") && (!is.object(x) || is.factor(x))
  grouped <- if (is_whole) .Call(C_frame_group, x)
  if (is.null(grouped)) match(x, unique(x)) - 1L else grouped$code
}

# The integers that the doubles are, or NULL
whole_numbers <- function(x) {
  whole <- suppressWarnings(as.integer(x))
  same <- whole == x
  if (isTRUE(all(same | is.na(x))) && identical(anyNA(whole), anyNA(x))) whole
}

# --- the frame ------------------------------------------------------------------------------------

fast_frame <- function(read, found, response, grouped, request) {
  n <- nrow(response$y)
  labels <- fast_labels(read, request$formula)
  scanned <- c(
    found$x, list(response$y), if (!is.null(grouped)) list(grouped$code), found$offset,
    lapply(found$arguments, column_to_scan)
  )
  is_covariate <- seq_along(scanned) <= length(found$x)
  holes <- scan_rows(unname(scanned), is_covariate, n)
  if (length(holes$not_finite) > 0L || length(holes$missing) == n) return(NULL)
  if (response$n_bad_time + response$n_bad_status > 0) {
    (request$bad_response %||% warn_bad_response)(request)
  }
  names <- fast_row_names(request$data, n)
  if (is.null(names)) return(NULL)
  terms <- fast_terms(read, found, request, labels, ncol(response$y))
  variables <- names(attr(terms, "dataClasses"))
  frame <- list(
    call = request$call, formula = request$formula, terms = terms, y = response$y,
    x = double_columns(found$x), x_names = column_names(found$x),
    assign = fast_assign(found$x), contrasts = fast_contrasts(found$x),
    xlevels = fast_levels(found, grouped, labels, variables),
    strata = NULL, stratum = grouped$code, strata_levels = grouped$levels,
    weights = found$arguments[["(weights)"]], offset = if (length(found$offset)) found$offset[[1L]],
    cluster = found$arguments[["(cluster)"]], id = found$arguments[["(id)"]],
    row_names = names, n = n, na_action = NULL, na_columns = NULL, mf = NULL, is_fast = TRUE,
    has_numbers = !is.data.frame(request$data) || .row_names_info(request$data) < 0L
  )
  if (length(holes$missing) > 0L) {
    labels_scanned <- c(
      read$x, labels$response, labels$strata, labels$offset, names(found$arguments)
    )
    counts <- count_missing(scanned, holes$by_column, labels_scanned)
    frame <- drop_rows(frame, holes$missing, identical(request$nafun, stats::na.exclude))
    frame$na_columns <- counts[order(match(names(counts), variables))]
  }
  make_surv <- if (is_interval2(read$response)) interval_as_surv else request$as_surv %||% as_surv
  frame$y <- make_surv(frame$y, frame$row_names)
  frame
}

# Leaves rows out of every part.
drop_rows <- function(frame, rows, is_exclude) {
  keep <- seq_len(frame$n)[-rows]
  frame$na_action <- structure(
    rows, names = frame$row_names[rows], class = if (is_exclude) "exclude" else "omit"
  )
  frame$x <- if (is.list(frame$x)) {
    lapply(frame$x, function(column) column[keep])
  } else {
    frame$x[keep, , drop = FALSE]
  }
  frame$y <- frame$y[keep, , drop = FALSE]
  for (part in c("stratum", "weights", "offset", "cluster", "id")) {
    if (!is.null(frame[[part]])) frame[[part]] <- frame[[part]][keep]
  }
  frame$row_names <- if (frame$has_numbers) as.character(keep) else frame$row_names[keep]
  frame$n <- length(keep)
  frame
}

# Row names as text, NULL when the data have another number of rows. The numbers of rows without
# names stay a deferred string, which costs nothing until it is looked at.
fast_row_names <- function(data, n) {
  given <- if (is.data.frame(data)) .row_names_info(data, 0L)
  is_automatic <- is.integer(given) && length(given) == 2L && is.na(given[[1L]])
  if (is.null(given) || is_automatic && abs(given[[2L]]) == n) return(as.character(seq_len(n)))
  if (!is_automatic && length(given) == n) as.character(given)
}

# --- columns --------------------------------------------------------------------------------------

# A lone matrix as it is, else a list of double vectors
double_columns <- function(x) {
  if (length(x) == 1L && is.matrix(x[[1L]])) {
    if (!is.double(x[[1L]])) storage.mode(x[[1L]]) <- "double"
    return(x[[1L]])
  }
  columns <- lapply(unname(x), function(column) {
    if (is.matrix(column)) {
      lapply(seq_len(ncol(column)), function(j) as.double(column[, j]))
    } else if (is.factor(column)) {
      code <- unclass(column)
      lapply(seq_len(nlevels(column))[-1L], function(k) as.double(code == k))
    } else {
      list(if (is.double(column)) column else as.double(column))
    }
  })
  unlist(columns, recursive = FALSE, use.names = FALSE)
}

# Names as model.matrix() makes them
column_names <- function(x) {
  if (length(x) == 0L) return(NULL)
  unlist(lapply(names(x), function(name) {
    column <- x[[name]]
    if (is_coded(column)) {
      return(paste0(name, if (is.factor(column)) levels(column)[-1L] else "TRUE"))
    }
    if (!is.matrix(column)) return(name)
    if (ncol(column) == 1L) return(name)
    paste0(name, colnames(column) %||% seq_len(ncol(column)))
  }))
}

fast_assign <- function(x) {
  width <- vapply(x, function(column) {
    if (is.factor(column)) nlevels(column) - 1L else if (is.matrix(column)) ncol(column) else 1L
  }, 1L)
  assign_list(rep.int(seq_along(x), width), names(x))
}

# As model.matrix() and .getXlevels() report factors
fast_contrasts <- function(x) {
  is_factor <- vapply(x, is_coded, TRUE)
  if (any(is_factor)) lapply(x[is_factor], function(column) "contr.treatment")
}

fast_levels <- function(found, grouped, labels, variables) {
  found_levels <- lapply(Filter(is.factor, found$x), levels)
  if (!is.null(grouped)) found_levels[[labels$strata]] <- grouped$levels
  found_levels[order(match(names(found_levels), variables))]
}

# --- terms ----------------------------------------------------------------------------------------

fast_labels <- function(read, formula) {
  list(
    response = deparse1(formula[[2L]]),
    strata = if (length(read$strata) > 0L) sprintf("strata(%s)", read$strata),
    offset = if (length(read$offset) > 0L) sprintf("offset(%s)", read$offset)
  )
}

fast_terms <- function(read, found, request, labels, n_column) {
  terms <- terms_with_specials(request$formula, NULL)
  variables <- vapply(as.list(attr(terms, "variables"))[-1L], deparse1, "")
  classes <- c(
    stats::setNames(vapply(found$x, stats::.MFclass, ""), read$x),
    stats::setNames(sprintf("nmatrix.%d", n_column), labels$response),
    if (length(read$strata)) stats::setNames("factor", labels$strata),
    if (length(read$offset)) stats::setNames("numeric", labels$offset)
  )
  attr(terms, "intercept") <- 1
  attr(terms, "predvars") <- attr(terms, "variables")
  attr(terms, "dataClasses") <- c(
    classes[variables], vapply(found$arguments, stats::.MFclass, "")
  )
  terms
}

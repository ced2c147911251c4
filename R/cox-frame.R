# From a call to the numbers of a Cox model.
#
# A *frame* is what the fit needs, rows with missing values already left out:
#   call, formula, terms   as they are kept in the fit
#   y                      Surv, rows named
#   x                      double matrix n x p, or a list of p double vectors (fast path)
#   x_names, assign, contrasts, xlevels
#   strata                 factor, or NULL;  stratum  integer from 0, or NULL;  strata_levels
#   weights, offset, cluster, id   vectors, or NULL
#   row_names              character;  n
#   na_action, na_columns  rows left out, and how many of them each variable is missing in
#   mf                     the model frame (ordinary path only)
#
# `cox_frame_fast()` (cox-fast.R) reads bare columns where they lie; everything else goes through
# model.frame() and model.matrix() here. Both give the same frame.

# A request is what the two paths need to know of the call:
#   call, formula, data (NULL when missing), env (of the caller), nafun, keep_frame
# and, for models other than Cox's, what differs from it:
#   arguments       the call's arguments that are variables of the data (frame_arguments)
#   check_response  function(y, formula) that refuses a response
#   bad_response    function(request) told when Surv() made NA of rows (warn_bad_response)
#   before_frame    function(request) that looks at the call where the fast path does not serve
#   takes_intervals TRUE: the fast path may read Surv(left, right, type = "interval2")
#   fast_response   function(found) that makes the response from the arguments of Surv(), and
#   as_surv         function(y, row_names) that gives it its attributes (cox-fast.R)
cox_frame <- function(request) {
  frame <- if (isTRUE(getOption("survresist.fast", TRUE))) cox_frame_fast(request)
  if (is.null(frame)) frame <- cox_frame_ordinary(request)
  frame
}

frame_arguments <- c("weights", "cluster", "id")

cox_frame_ordinary <- function(request) {
  if (!is.null(request$before_frame)) request$before_frame(request)
  request$terms <- terms_with_specials(request$formula, request$data)
  mf <- evaluate_frame(request)
  left <- settle_missing(mf, request)
  frame_parts(left$mf, request, left$na_columns)
}

# --- the formula ----------------------------------------------------------------------------------

# Functions of survival that mean something special in a formula.
formula_words <- c(
  "Surv", "Surv2", "strata", "cluster", "tt", "frailty", "frailty.gaussian", "frailty.gamma",
  "frailty.t", "ridge", "pspline"
)

# Takes `survival::` off the words above (but for Surv, which needs no such help), and gives the
# formula an environment in which they are survival's, whether that is attached or not.
resolve_survival_words <- function(formula) {
  called <- character()
  as_variable <- character()
  resolve <- function(expr) {
    if (is.name(expr)) {
      word <- as.character(expr)
      if (word %in% formula_words) as_variable <<- c(as_variable, word)
      return(expr)
    }
    if (!is.call(expr)) return(expr)
    head <- expr[[1L]]
    word <- survival_word(head)
    if (!is.null(word)) {
      if (word != "Surv" || is.name(head)) called <<- c(called, word)
      if (!startsWith(word, "Surv")) expr[[1L]] <- as.name(word)
    }
    for (i in seq_along(expr)[-1L]) {
      # x[, 1] has an empty argument, which may not be bound to a name
      if (is.call(expr[[i]]) || is.name(expr[[i]]) && nzchar(as.character(expr[[i]]))) {
        expr[[i]] <- resolve(expr[[i]])
      }
    }
    expr
  }
  resolved <- resolve(formula)
  found <- setdiff(unique(called), as_variable)
  if (length(found) > 0L) {
    words <- new.env(parent = environment(formula) %||% globalenv())
    for (word in intersect(found, c("Surv", "strata", "cluster"))) {
      assign(word, getExportedValue("survival", word), envir = words)
    }
    environment(resolved) <- words
  }
  list(formula = resolved, called = unique(called))
}

# Which of these words a call's first element is, NULL for none of them.
survival_word <- function(head) {
  if (is.name(head)) {
    word <- as.character(head)
  } else if (is.call(head) && identical(head[[1L]], quote(`::`)) &&
    identical(as.character(head[[2L]]), "survival")) {
    word <- as.character(head[[3L]])
  } else {
    return(NULL)
  }
  if (word %in% formula_words) word
}

# Moves a cluster() term into the argument of that name, as coxph() does.
move_cluster_term <- function(call, formula, data) {
  terms <- if (is.null(data)) {
    stats::terms(formula, specials = "cluster")
  } else {
    stats::terms(formula, specials = "cluster", data = data)
  }
  row <- attr(terms, "specials")$cluster
  if (length(row) == 0L) return(list(call = call, formula = formula))
  factors <- attr(terms, "factors")
  if (length(row) > 1L) {
    stop_input(c(
      "A formula can have one `cluster()` term.",
      x = paste("Found", format_names(rownames(factors)[row])),
      i = "Combine them: `cluster(interaction(a, b))`."
    ), arg = "formula")
  }
  label <- rownames(factors)[row]
  is_with_it <- factors[row, ] > 0
  if (any(attr(terms, "order")[is_with_it] > 1L)) {
    stop_input("`cluster()` cannot be part of an interaction.", arg = "formula")
  }
  if (is.null(call$cluster)) {
    call$cluster <- attr(terms, "variables")[[1L + row]][[2L]]
  } else {
    warn_user(c(
      "There is a `cluster()` term and a `cluster` argument.",
      i = "The argument is used, the term is ignored."
    ))
  }
  kept <- c(
    attr(terms, "term.labels")[!is_with_it],
    rownames(factors)[attr(terms, "offset")]
  )
  rest <- stats::reformulate(
    if (length(kept) > 0L) kept else "1",
    response = if (attr(terms, "response") == 1L) terms[[2L]],
    intercept = attr(terms, "intercept") == 1L, env = environment(terms)
  )
  formula <- stats::formula(stats::terms(rest))
  call$formula <- formula
  list(call = call, formula = formula)
}

terms_with_specials <- function(formula, data) {
  special <- c("strata", "tt", "frailty", "ridge", "pspline")
  if (is.null(data)) stats::terms(formula, special) else stats::terms(formula, special, data = data)
}

# --- the model frame ------------------------------------------------------------------------------

# model.frame() in the caller's environment, all rows kept. What Surv() turned into NA is told by
# row; what cannot be evaluated is explained.
evaluate_frame <- function(request) {
  call <- request$call
  arguments <- request$arguments %||% frame_arguments
  used <- match(c("formula", "data", "subset", "na.action", arguments), names(call), nomatch = 0L)
  call <- call[c(1L, used)]
  call[[1L]] <- quote(stats::model.frame)
  call$formula <- request$terms
  if (!is.null(request$data)) call$data <- request$data
  call$na.action <- quote(stats::na.pass)
  is_response_bad <- FALSE
  mf <- tryCatch(
    withCallingHandlers(
      eval(call, request$env),
      warning = function(w) {
        if (is_surv_warning(w)) {
          is_response_bad <<- TRUE
          invokeRestart("muffleWarning")
        }
      }
    ),
    error = function(e) explain_frame_error(e, request)
  )
  if (is_response_bad) (request$bad_response %||% warn_bad_response)(request)
  attr(attr(mf, "terms"), "predvars") <- remember_rank_cuts(
    attr(attr(mf, "terms"), "predvars"), request$data, environment(request$terms)
  )
  mf
}

is_surv_warning <- function(w) {
  call <- conditionCall(w)
  is.call(call) && identical(survival_word(call[[1L]]), "Surv") ||
    grepl("no non-missing arguments to max", conditionMessage(w), fixed = TRUE)
}

# Leaves out rows with missing values as `nafun` says. Inf and NaN are errors, not missing values.
settle_missing <- function(mf, request) {
  checked <- lapply(mf, column_to_scan)
  response <- attr(attr(mf, "terms"), "response")
  is_covariate <- rep.int(FALSE, length(mf))
  is_covariate[seq_len(length(attr(attr(mf, "terms"), "variables")) - 1L)] <- TRUE
  is_covariate[c(response, attr(attr(mf, "terms"), "offset"))] <- FALSE
  found <- scan_rows(checked, is_covariate, nrow(mf))
  if (length(found$not_finite) > 0L) {
    stop_not_finite(
      checked[is_covariate], found$not_finite, names(mf)[is_covariate], row.names(mf)
    )
  }
  nafun <- request$nafun
  na_columns <- NULL
  if (length(found$missing) > 0L) {
    na_columns <- count_missing(checked, found$by_column, names(mf))
    if (identical(nafun, stats::na.fail)) {
      stop_missing(row_labels(row.names(mf), found$missing), na_columns)
    }
  }
  is_standard <- identical(nafun, stats::na.omit) || identical(nafun, stats::na.exclude) ||
    identical(nafun, stats::na.pass) || identical(nafun, stats::na.fail)
  if (length(found$missing) > 0L || !is_standard || request$keep_frame) mf <- nafun(mf)
  if (nrow(mf) == 0L) stop_all_missing(na_columns, length(found$missing))
  list(mf = mf, na_columns = if (!is.null(attr(mf, "na.action"))) na_columns)
}

# A vector that the C scan can read: double, integer, logical, or integer codes in place of others.
column_to_scan <- function(x) {
  if (typeof(x) %in% c("double", "integer", "logical")) {
    x
  } else if (is.atomic(x)) {
    code <- rep.int(0L, length(x))
    if (anyNA(x)) code[is.na(x)] <- NA
    code
  } else {
    as.integer(ifelse(stats::complete.cases(x), 0L, NA))
  }
}

# list(missing, by_column, not_finite) or NULL, from C
scan_rows <- function(columns, is_covariate, n) {
  .Call(C_frame_scan, columns, is_covariate, n)
}

# How many rows each variable is missing in, those without any left out.
count_missing <- function(columns, by_column, names) {
  is_hit <- by_column > 0
  count <- by_column[is_hit]
  is_wide <- vapply(columns[is_hit], is.matrix, TRUE)
  for (k in which(is_wide)) count[k] <- sum(rowSums(is.na(unclass(columns[is_hit][[k]]))) > 0)
  stats::setNames(count, names[is_hit])
}

# --- the parts ------------------------------------------------------------------------------------

frame_parts <- function(mf, request, na_columns) {
  terms <- attr(mf, "terms")
  y <- stats::model.response(mf)
  (request$check_response %||% check_response)(y, request$formula)
  if (typeof(y) != "double") storage.mode(y) <- "double"
  if (any(vapply(mf, inherits, TRUE, "coxph.penalty"))) {
    stop_unsupported(c(
      "Penalised terms are not fitted here.",
      i = "Use `survival::coxph()` for them."
    ), arg = "formula")
  }
  warn_both_sides(request$formula)
  strata <- frame_strata(terms, mf)
  xlevels <- stats::.getXlevels(terms, mf)
  attr(terms, "intercept") <- 1
  x <- frame_matrix(terms, mf)
  list(
    call = request$call, formula = request$formula, terms = terms, y = y, x = x,
    x_names = colnames(x), assign = assign_list(attr(x, "assign"), attr(terms, "term.labels")),
    contrasts = attr(x, "contrasts"), xlevels = xlevels, strata = strata,
    stratum = if (!is.null(strata)) as.integer(strata) - 1L, strata_levels = levels(strata),
    weights = stats::model.weights(mf), offset = stats::model.offset(mf),
    cluster = mf[["(cluster)"]], id = mf[["(id)"]], row_names = row.names(mf), n = nrow(mf),
    na_action = attr(mf, "na.action"), na_columns = na_columns, mf = mf
  )
}

frame_strata <- function(terms, mf) {
  if (length(attr(terms, "specials")$strata) == 0L) return(NULL)
  vars <- survival::untangle.specials(terms, "strata", 1)$vars
  if (length(vars) == 1L) mf[[vars]] else survival::strata(mf[, vars], shortlabel = TRUE)
}

# The columns of the model without the intercept and those of strata().
frame_matrix <- function(terms, mf) {
  found <- survival::untangle.specials(terms, "strata", 1)
  factors <- attr(terms, "factors")
  is_crossed <- vapply(found$vars, function(var) {
    any(attr(terms, "order")[factors[var, ] > 0] > 1L)
  }, TRUE)
  dropped <- found$terms
  if (length(dropped) > 0L && !any(is_crossed)) {
    x <- checked_matrix(terms[-dropped], mf)
    assign <- attr(x, "assign")
    kept <- setdiff(seq_along(attr(terms, "term.labels")), dropped)
    attr(x, "assign") <- c(0, kept)[assign + 1L]
    dropped <- NULL
  } else {
    x <- checked_matrix(terms, mf)
  }
  assign <- attr(x, "assign")
  contrasts <- attr(x, "contrasts")
  is_kept <- !(assign %in% c(0, dropped))
  x <- x[, is_kept, drop = FALSE]
  attr(x, "assign") <- assign[is_kept]
  attr(x, "contrasts") <- contrasts
  x
}

checked_matrix <- function(terms, mf) {
  tryCatch(stats::model.matrix(terms, mf), error = function(e) explain_matrix_error(e, mf))
}

# Which columns belong to each term: a list of column numbers, in the order of the terms.
assign_list <- function(assign, labels) {
  label <- labels[assign]
  split(seq_along(label), factor(label, levels = unique(label)))
}

# What would the covariates be, if some variables had other values?
#
# `grid_setup(fit)` collects the terms, the model frame and the data of a Cox fit.
# `grid_frame(grid, values, rows)` is the model frame of `rows` with variables set to `values`: a
# variable of the data ("arm", also where the formula says factor(arm) or strata(arm)), or a
# column of the model frame by its name ("rank_status(pgr)"). Columns that do not depend on a set
# variable stay as they are; the others are evaluated anew with what the terms remember.
# `grid_matrix(grid, frame)` is the design matrix, with one column for each coefficient.

grid_setup <- function(fit, call = NULL) {
  if (!inherits(fit, "coxph") || inherits(fit, "coxphms")) {
    stop_input(c(
      "`fit` must be a Cox model, from `fit_cox()` or `survival::coxph()`.",
      x = sprintf("It is of class %s.", class(fit)[[1L]]),
      i = if (inherits(fit, "sr_ttp")) {
        "For hazard ratios over time use `predict(type = \"hr\")`, for others `emmeans::emmeans()`."
      } else if (inherits(fit, "sr_fit")) {
        "For contrasts of its effects use `emmeans::emmeans()`."
      }
    ), arg = "fit", call = call)
  }
  if (length(stats::coef(fit)) == 0L) {
    stop_input("`fit` has no coefficient.", arg = "fit", call = call)
  }
  terms <- stats::delete.response(stats::terms(fit))
  special <- attr(terms, "specials")
  if (length(special$tt) || any(fit$pterms > 0)) {
    stop_unsupported(c(
      "Models with tt() or penalised terms have no reference grid here.",
      i = "Set the contrast by hand from `coef()` and `vcov()`."
    ), arg = "fit", call = call)
  }
  frame <- fit_frame(fit, call)
  columns <- as.list(attr(terms, "variables"))[-1L]
  predvars <- attr(terms, "predvars")
  predvars <- if (is.null(predvars)) columns else as.list(predvars)[-1L]
  names(columns) <- vapply(columns, function(v) paste(deparse(v, 500L), collapse = " "), "")
  # `terms` has no response, so that its variables are columns of `frame` by name
  names(predvars) <- names(columns)
  list(
    fit = fit, terms = terms, frame = frame, columns = columns, predvars = predvars,
    y = if (is.null(fit$y)) stats::model.response(frame) else fit$y, data = grid_data(fit, frame),
    weights = stats::model.weights(frame), enclos = environment(stats::formula(fit)),
    strata = if (length(special$strata)) names(columns)[special$strata],
    cluster = if (length(special$cluster)) names(columns)[special$cluster]
  )
}

# the rows of the data that were used, with the variables of the formula; NULL if they are gone
grid_data <- function(fit, frame) {
  enclos <- environment(stats::formula(fit))
  data <- tryCatch(eval(fit$call$data, enclos), error = function(e) NULL)
  if (!is.null(data) && !is.data.frame(data)) data <- as.list(data)
  all <- tryCatch(
    stats::get_all_vars(stats::delete.response(stats::terms(fit)), data), error = function(e) NULL
  )
  if (is.null(all)) return(NULL)
  if (identical(attr(frame, "row.names"), attr(all, "row.names"))) return(all)
  here <- match(rownames(frame), rownames(all))
  if (anyNA(here)) NULL else all[here, , drop = FALSE]
}

# the model frame's name of what the user named, or of the strata made from it, or NULL; blanks do
# not count
grid_column <- function(grid, name) {
  squash <- function(s) gsub("[[:space:]]+", "", s)
  known <- squash(names(grid$columns))
  found <- match(c(squash(name), sprintf("strata(%s)", squash(name))), known)
  found <- found[!is.na(found)]
  if (length(found)) names(grid$columns)[[found[[1L]]]]
}

# the variable as it was seen, for its levels and values
grid_variable <- function(grid, name, arg, call = NULL) {
  if (name %in% names(grid$data)) return(grid$data[[name]])
  column <- grid_column(grid, name)
  if (is.null(column)) {
    known <- unique(c(names(grid$data), setdiff(names(grid$columns), grid$cluster)))
    stop_input(c(
      sprintf("`%s` must name a variable of the model.", arg),
      x = sprintf("There is no `%s` in it.", name),
      i = paste0("It has ", paste0("`", known, "`", collapse = ", "), ".")
    ), arg = arg, call = call)
  }
  grid$frame[[column]]
}

# columns of the model frame that change with a variable
grid_touched <- function(grid, names) {
  column <- lapply(names, function(name) {
    if (!name %in% names(grid$data)) return(grid_column(grid, name))
    uses <- vapply(grid$columns, function(v) name %in% all.vars(v), NA)
    names(grid$columns)[uses]
  })
  unique(unlist(column))
}

grid_frame <- function(grid, values, rows = seq_len(nrow(grid$frame))) {
  frame <- grid$frame[rows, , drop = FALSE]
  raw <- intersect(names(values), names(grid$data))
  if (length(raw)) {
    data <- grid$data[rows, , drop = FALSE]
    for (name in raw) data[[name]] <- grid_repeat(grid$data[[name]], values[[name]], length(rows))
    for (column in grid_touched(grid, raw)) {
      new <- eval(grid$predvars[[column]], data, grid$enclos)
      frame[[column]] <- grid_as(new, grid$frame[[column]], grid$fit$xlevels[[column]])
    }
  }
  for (name in setdiff(names(values), raw)) {
    column <- grid_column(grid, name)
    frame[[column]] <- grid_repeat(grid$frame[[column]], values[[name]], length(rows))
  }
  attr(frame, "terms") <- attr(grid$frame, "terms")
  frame
}

# `value` n times, of the kind of `x`
grid_repeat <- function(x, value, n) {
  if (is.factor(x)) {
    code <- match(as.character(value), levels(x))
    return(structure(rep(code, n), levels = levels(x), class = oldClass(x)))
  }
  if (is.character(x)) return(rep(as.character(value), n))
  if (is.logical(x)) return(rep(as.logical(value), n))
  rep(as.numeric(value), n)
}

# a column that was evaluated anew, with the levels that the fit knows
grid_as <- function(new, old, levels) {
  if (is.null(levels)) return(new)
  factor(as.character(new), levels = levels, ordered = is.ordered(old))
}

grid_matrix <- function(grid, frame) {
  terms <- grid$terms
  attr(terms, "intercept") <- 1L
  factors <- attr(terms, "factors")
  labels <- attr(terms, "term.labels")
  is_main <- function(names) labels %in% names & attr(terms, "order") == 1L
  drop <- is_main(grid$cluster)
  strata_alone <- is_main(grid$strata)
  interacts <- length(grid$strata) > 0L &&
    any(attr(terms, "order")[colSums(factors[grid$strata, , drop = FALSE]) > 0] > 1L)
  if (!interacts) drop <- drop | strata_alone
  kept <- if (any(drop)) terms[which(!drop)] else terms
  contrasts <- grid$fit$contrasts
  contrasts <- contrasts[names(contrasts) %in% names(frame)]
  in_use <- rownames(attr(kept, "factors"))
  contrasts <- contrasts[names(contrasts) %in% in_use]
  x <- stats::model.matrix(kept, frame, contrasts.arg = if (length(contrasts)) contrasts)
  from <- c("", attr(kept, "term.labels"))[attr(x, "assign") + 1L]
  x <- x[, !from %in% c("", labels[strata_alone]), drop = FALSE]
  wanted <- names(stats::coef(grid$fit))
  if (!identical(colnames(x), wanted)) {
    stop_unsupported(c(
      "The design matrix of `fit` could not be made again.",
      x = sprintf(
        "Columns made: %s. Coefficients: %s.", paste(colnames(x), collapse = ", "),
        paste(wanted, collapse = ", ")
      )
    ), arg = "fit")
  }
  x
}

# distinct values of a variable, in the order of its levels, as they were used
grid_levels <- function(x) {
  if (is.factor(x)) return(levels(x)[levels(x) %in% as.character(x)])
  sort(unique(x[!is.na(x)]))
}

# From newdata to the columns of a fit: what predict() and survfit() share.

# Coefficients with 0 where aliased, and the fit's centre; a null model has none of either.
cox_coefficients <- function(object) {
  coefficients <- object$coefficients
  if (is.null(coefficients)) return(numeric(0))
  coefficients <- as.vector(coefficients)
  coefficients[is.na(coefficients)] <- 0
  coefficients
}

cox_means <- function(object) {
  if (is.null(object$means)) numeric(0) else as.vector(object$means)
}

cox_var <- function(object) {
  var <- object$var
  if (is.null(object$coefficients)) return(matrix(0, 0L, 0L))
  dimnames(var) <- NULL
  storage.mode(var) <- "double"
  var
}

# The bundle for C of a rebuilt fit (cox_rebuild()); the offset is in the linear predictor already.
cox_parts_data <- function(parts, x = parts$x) {
  weights <- if (!is.null(parts$weights)) as.double(parts$weights)
  cox_data(if (length(x)) x, parts$y, parts$stratum, weights)
}

# The strata() terms of a fit: names of the variables in the model frame, numbers of the terms that
# are a stratum and no more, the plain variables within, and whether one meets a covariate.
cox_strata_terms <- function(object) {
  terms <- object$terms
  if (length(attr(terms, "specials")$strata) == 0L) return(NULL)
  alone <- survival::untangle.specials(terms, "strata", 1L)
  in_term <- colSums(attr(terms, "factors")[alone$vars, , drop = FALSE] > 0) > 0
  list(
    vars = alone$vars, terms = alone$terms,
    plain = unique(unlist(lapply(alone$vars, function(text) all.vars(str2lang(text))))),
    is_interacting = any(in_term & attr(terms, "order") > 1L)
  )
}

cluster_vars <- function(terms) {
  if (length(attr(terms, "specials")$cluster) == 0L) return(character(0))
  survival::untangle.specials(terms, "cluster")$vars
}

# Terms whose model frame lacks some variables, by their names there. Unlike `[.terms`, this keeps
# the offset and what makepredictcall() stored.
drop_from_frame <- function(terms, vars) {
  names <- vapply(as.list(attr(terms, "variables"))[-1L], deparse1, "")
  keep <- c(TRUE, !names %in% vars)
  attr(terms, "variables") <- attr(terms, "variables")[keep]
  if (!is.null(attr(terms, "predvars"))) {
    attr(terms, "predvars") <- attr(terms, "predvars")[keep]
  }
  terms
}

# Model frame of newdata. `extra`: quoted arguments evaluated in newdata too (id, collapse).
cox_new_frame <- function(object, newdata, with_strata, with_response, na.action,
                          extra = list(), env = parent.frame()) {
  terms <- object$terms
  variables <- vapply(as.list(attr(terms, "variables"))[-1L], deparse1, "")
  strata <- cox_strata_terms(object)
  dropped <- cluster_vars(terms)
  if (!with_strata) dropped <- c(dropped, strata$vars)
  if (!with_response) dropped <- c(dropped, variables[attr(terms, "response")])
  if (with_strata) check_strata_columns(strata, newdata, environment(terms))
  # strata are not among the levels: unknown ones are told in cox_new_strata()
  kept <- setdiff(variables, c(dropped, strata$vars))
  xlev <- object$xlevels[intersect(names(object$xlevels), kept)]
  frame <- new_frame_of(
    drop_from_frame(terms, dropped), newdata, xlev, setdiff(variables, dropped), na.action, extra,
    env
  )
  check_new_classes(terms, frame)
  frame
}

# model.frame() of newdata with the levels of the fit; `variables` are told when they are not there
new_frame_of <- function(terms, newdata, xlev, variables, na.action, extra, env) {
  call <- as.call(c(
    list(quote(stats::model.frame), terms, data = quote(newdata)),
    list(na.action = na.action, xlev = if (length(xlev)) xlev), extra
  ))
  tryCatch(
    frame_without_contrasts(eval(call, list(newdata = newdata), env)),
    error = function(e) {
      call$na.action <- stats::na.pass
      call$xlev <- NULL
      plain <- tryCatch(eval(call, list(newdata = newdata), env), error = function(e) NULL)
      stop_new_levels(plain, xlev, newdata)
      stop_new_frame(e, variables, newdata, environment(terms))
    }
  )
}

# Factors with values that the fit has not seen
stop_new_levels <- function(frame, xlev, newdata) {
  for (name in intersect(names(xlev), names(frame))) {
    value <- as.character(frame[[name]])
    at <- which(!is.na(value) & !value %in% xlev[[name]])
    if (length(at) == 0L) next
    rows <- row_labels(row.names(newdata), at)
    stop_input(c(
      sprintf("`newdata` must have levels of `%s` that the fit has seen.", name),
      x = sprintf(
        "New: %s, in %s.", format_names(unique(value[at]), quote = '"'), format_rows(rows)
      ),
      i = sprintf("The fit has: %s.", format_names(xlev[[name]], quote = '"', show = 12L))
    ), arg = "newdata", rows = rows)
  }
}

stop_new_frame <- function(error, variables, newdata, env) {
  wanted <- unique(unlist(lapply(variables, function(text) all.vars(str2lang(text)))))
  is_known <- wanted %in% names(newdata) | vapply(wanted, is_variable, TRUE, place = env)
  stop_input(c(
    if (all(is_known)) {
      "`newdata` must be like the data of the fit."
    } else {
      sprintf("`newdata` needs the variables %s.", format_names(wanted))
    },
    x = if (all(is_known)) {
      conditionMessage(error)
    } else {
      sprintf("It has no column %s.", format_names(wanted[!is_known]))
    }
  ), arg = "newdata")
}

check_strata_columns <- function(strata, newdata, env) {
  absent <- setdiff(strata$plain, names(newdata))
  is_found <- vapply(absent, function(name) {
    value <- get0(name, envir = env, mode = "any")
    !is.null(value) && !is.function(value) && NROW(value) == NROW(newdata)
  }, NA)
  absent <- absent[!is_found]
  if (length(absent) == 0L) return(invisible())
  names <- paste0("`", absent, "`", collapse = ", ")
  stop_input(c(
    sprintf("`newdata` needs the strata of the fit: %s.", paste(strata$vars, collapse = ", ")),
    x = sprintf("It has no column %s.", names),
    i = "Add it, so that each row says which stratum it belongs to."
  ), arg = "newdata", class = "survresist_error_strata")
}

# Columns of the coefficients, from a model frame of newdata.
cox_new_matrix <- function(object, frame) {
  terms <- stats::delete.response(object$terms)
  strata <- cox_strata_terms(object)
  whole <- match(cluster_vars(terms), attr(terms, "term.labels"), nomatch = 0L)
  if (!is.null(strata) && !strata$is_interacting) whole <- c(whole, strata$terms)
  whole <- whole[whole > 0L]
  if (length(whole)) terms <- terms[-whole]
  for (var in if (isTRUE(strata$is_interacting)) strata$vars) {
    frame[[var]] <- factor(frame[[var]], levels = object$xlevels[[var]])
  }
  columns <- intersect(names(object$contrasts), names(frame))
  contrasts <- object$contrasts[columns]
  x <- stats::model.matrix(terms, frame, contrasts.arg = if (length(contrasts)) contrasts)
  unwanted <- 0L
  if (!is.null(strata) && strata$is_interacting) unwanted <- c(unwanted, strata$terms)
  x <- x[, !attr(x, "assign") %in% unwanted, drop = FALSE]
  storage.mode(x) <- "double"
  x
}

# The sum of the offsets in a model frame, 0 when there is none.
cox_new_offset <- function(object, frame) {
  terms <- object$terms
  at <- attr(terms, "offset")
  names <- vapply(as.list(attr(terms, "variables"))[-1L], deparse1, "")[at]
  total <- 0
  for (name in names) total <- total + as.vector(frame[[name]])
  total
}

# The stratum of each row as a factor with the levels of the fit.
cox_new_strata <- function(strata, frame, levels) {
  if (length(strata$vars) == 1L) {
    value <- frame[[strata$vars]]
  } else {
    value <- survival::strata(frame[, strata$vars], shortlabel = TRUE)
  }
  if (!is.factor(value)) value <- factor(value)
  code <- match(levels(value), levels)[as.integer(value)]
  unknown <- levels(value)[unique(as.integer(value[is.na(code)]))]
  unknown <- unknown[!is.na(unknown)]
  if (length(unknown)) {
    stop_input(c(
      "`newdata` has strata that the fit has not seen.",
      x = paste0("New: ", paste(unknown, collapse = ", "), "."),
      i = paste0("The fit has: ", paste(levels, collapse = ", "), ".")
    ), arg = "newdata", class = "survresist_error_strata")
  }
  structure(code, levels = levels, class = "factor")
}

# Death and progression together: fit_ttp(death_method = "illness_death").
#
# Three hazards, the *paths* of this file: progression (01), death before it (02), death after it
# (12). Each has a frame, layout and bundle as fit_ttp() makes them; C adds their likelihood up
# (src/model_illness.h). Coefficients of the three stand one after the other.

illness_paths <- c("progression", "before", "after")

#' How do patients die, before progression and after it?
#'
#' The hazards of death for `fit_ttp(death_method = )`, which fits them together with that of
#' progression: see "Death between scans" in [fit_ttp()].
#'
#' @param before,after covariates of the hazard of death before progression and after it, formulas
#'   without a left side such as `~ arm + strata(site)`; `~ 1` for none. Default of `before`: the
#'   right side of the model; of `after`: `before`.
#' @param family the family of both hazards, as in [fit_ttp()], or `list(before = , after = )`.
#' @param scale what their coefficients do, as in [fit_ttp()]. Default: `"hazard"` where the family
#'   has it, else its first.
#'
#' @returns A list of class `sr_illness_death` with `before` and `after`, each `formula` (or NULL),
#'   `family` and `scale`.
#' @seealso [fit_ttp()]
#' @examples
#' ttp_illness_death(after = ~ 1, family = list(before = "exponential", after = "weibull"))
#' @export
ttp_illness_death <- function(before = NULL, after = before, family = "weibull", scale = NULL) {
  is_pair <- is.list(family) && !inherits(family, "sr_family")
  if (is_pair && !identical(sort(names(family)), c("after", "before"))) {
    stop_input(c(
      "`family` must be one family, or `list(before = , after = )`.",
      x = sprintf("Found %s.", describe(family))
    ), arg = "family")
  }
  path <- function(formula, name) {
    if (!is.null(formula) && (!inherits(formula, "formula") || length(formula) != 2L)) {
      stop_input(c(
        sprintf("`%s` must be a formula without a left side, such as `~ arm`.", name),
        x = sprintf("Found %s.", describe(formula))
      ), arg = name)
    }
    if ("." %in% all.vars(formula)) {
      stop_unsupported(sprintf("`%s` must name its variables, not `.`.", name), arg = name)
    }
    own <- ttp_family(if (is_pair) family[[name]] else family)
    if (is.null(scale) && "hazard" %in% own$scales) scale <- "hazard"
    list(formula = formula, family = own, scale = ttp_scale(scale, own))
  }
  structure(
    list(before = path(before, "before"), after = path(after, "after")),
    class = "sr_illness_death"
  )
}

# --- the data -------------------------------------------------------------------------------------

# Variables of the formulas of death go through every model frame, so that rows in which one of them
# is missing are left out of all.
illness_request <- function(request, paths) {
  formulas <- lapply(paths[c("before", "after")], `[[`, "formula")
  if (all(vapply(formulas, is.null, NA))) return(request)
  variables <- unique(unlist(lapply(c(formulas, list(request$formula[[3L]])), all.vars)))
  if ("." %in% variables) {
    stop_unsupported(
      "A model with formulas for death must name its variables, not `.`.", arg = "formula"
    )
  }
  names <- sprintf("death_%d", seq_along(variables))
  request$shown <- request$call
  request$call[names] <- lapply(variables, as.name)
  request$arguments <- c(request$arguments, names)
  request$variables <- c(request$variables, variables)
  request
}

# The frame of a path of death: rows of `frame`, columns of its own formula.
illness_frame <- function(path, frame, request) {
  if (is.null(path$formula)) {
    if (!is.null(frame$offset)) {
      stop_input(c(
        "An offset of progression says nothing of death.",
        i = "Give the hazards of death covariates of their own:",
        " " = "`death_method = ttp_illness_death(~ arm)`."
      ), arg = "death_method")
    }
    return(frame)
  }
  formula <- path$formula
  formula <- stats::as.formula(
    call("~", request$formula[[2L]], formula[[2L]]), env = environment(path$formula)
  )
  own <- cox_request(
    request$call, formula, request$data, request$env, request$nafun, request$keep_frame
  )
  own[c("arguments", "check_response", "bad_response")] <- request[
    c("arguments", "check_response", "bad_response")
  ]
  own$call$formula <- own$formula
  found <- cox_frame(own)
  if (found$n != frame$n) {
    rows <- match(frame$row_names, found$row_names)
    found$has_numbers <- FALSE
    found <- drop_rows(found, setdiff(seq_len(found$n), rows), FALSE)
    found$mf <- found$mf[rows, , drop = FALSE]
  }
  check_offset(found$offset, found$row_names)
  check_finite(found)
  shared <- c("y", "death", "na_action", "na_columns")
  found[shared] <- frame[shared]
  found
}

#' When each path began and ended for each row, as far as that is known without the others
#'
#' What the search starts from: progression when its interval says (the middle, as the entry into
#' the time after it), no progression after the last scan without it.
#' @param parts from death_parts().
#' @returns list(before, after) of times as ttp_times() gives them.
#' @noRd
illness_times <- function(parts) {
  is_found <- parts$right < Inf
  began <- ifelse(is_found, (parts$left + pmin(parts$right, parts$time)) / 2, 0)
  last <- ifelse(is_found, began, parts$time)
  entry <- parts$entry %||% numeric(length(last))
  times <- function(kind, time, entry) {
    list(kind = kind, time = time, right = NULL, entry = if (any(entry > 0)) entry)
  }
  kind <- function(is_dead, is_here) {
    ifelse(is_here, ifelse(is_dead, ttp_kinds[["exact"]], ttp_kinds[["right"]]),
      ttp_kinds[["nothing"]]
    )
  }
  list(
    before = times(kind(parts$is_dead & !is_found, last > 0), last, entry),
    after = times(kind(parts$is_dead, is_found), ifelse(is_found, parts$time, 0), began)
  )
}

# What C reads beside the paths (src/r_illness.c)
illness_bundle <- function(parts, paths, weights, log_unit) {
  is_found <- parts$right < Inf
  is_exact <- is_found & parts$left == parts$right
  kind <- ifelse(is_exact, 1L, ifelse(is_found, 0L, ifelse(parts$time > 0, 2L, 3L)))
  in_unit <- function(time) log(time) - log_unit
  cuts <- lapply(paths, function(path) {
    setting <- path$hazard[[3L]]
    switch(path$hazard[[1L]], pieces = log(setting), spline = setting[-1L], numeric())
  })
  list(
    lapply(paths, `[[`, "bundle"), lapply(paths, `[[`, "hazard"), as.integer(kind),
    in_unit(parts$left), in_unit(ifelse(is_found, parts$right, parts$time)), in_unit(parts$time),
    if (!is.null(parts$entry)) in_unit(parts$entry), as.integer(parts$is_dead),
    as_double(weights), sort(unique(as.double(unlist(cuts, use.names = FALSE))))
  )
}

# --- the fit --------------------------------------------------------------------------------------

#' All three hazards at once
#'
#' @param frame with `parts`, from death_parts(). Each path alone gives the values to start from.
#' @returns the fit, of class sr_ttp: that of progression, the others in its component `death`.
#' @noRd
fit_illness <- function(frame, extra, asked, request) {
  check_illness_families(asked)
  parts <- frame$death$parts
  progression <- estimate_ttp(frame, extra, asked)
  progression$frame <- frame
  progression$asked <- asked
  times <- illness_times(parts)
  deaths <- lapply(c("before", "after"), function(name) {
    path <- asked$death$paths[[name]]
    own <- illness_frame(path, frame, request)
    own$times <- times[[name]]
    own$is_event <- own$times$kind == ttp_kinds[["exact"]]
    check_deaths(own, name)
    own_asked <- list(
      family = path$family, scale = path$scale, control = asked$control,
      log_unit = progression$log_unit
    )
    c(estimate_ttp(own, list(), own_asked), list(frame = own, asked = own_asked))
  })
  paths <- stats::setNames(c(list(progression), deaths), illness_paths)
  bundle <- illness_bundle(parts, paths, frame$weights, progression$log_unit)
  estimate <- estimate_illness(bundle, paths, asked)
  if (!is.null(request$shown)) {
    request$arguments <- grep("^death_", request$arguments, value = TRUE, invert = TRUE)
    for (k in seq_along(estimate$paths)) estimate$paths[[k]]$frame$call <- request$shown
  }
  close_illness(estimate, extra, asked, request)
}

check_illness_families <- function(asked) {
  families <- list(
    asked$family, asked$death$paths$before$family, asked$death$paths$after$family
  )
  is_smooth <- vapply(families, function(family) family$name == "smooth", NA)
  if (!any(is_smooth)) return(invisible())
  stop_unsupported(c(
    "Penalised hazards are not fitted with \"illness_death\".",
    i = "Use `ttp_spline()`, whose knots are few, or the method \"pfs\" or \"last_scan\"."
  ), arg = "death_method")
}

check_deaths <- function(own, name) {
  if (!any(own$is_event)) {
    stop_input(c(
      sprintf("There must be a death %s progression to estimate its hazard.",
        if (name == "before") "without" else "after"
      ),
      x = "There is none.", i = "Use `death_method = \"last_scan\"` or \"pfs\"."
    ), arg = "death")
  }
  if (is.null(own$stratum)) return(invisible())
  events <- tabulate(own$stratum[own$is_event] + 1L, length(own$strata_levels))
  empty <- own$strata_levels[events == 0L]
  if (length(empty) == 0L) return(invisible())
  stop_input(c(
    sprintf("Every stratum needs a death %s progression.",
      if (name == "before") "without" else "after"
    ),
    x = sprintf("There is none in %s.", format_names(empty)),
    i = "Give the hazards of death covariates of their own:",
    " " = "`death_method = ttp_illness_death(~ arm)`."
  ), arg = "death")
}

# The maximum, and that without covariates of progression
estimate_illness <- function(bundle, paths, asked) {
  start <- unlist(lapply(paths, function(path) path$fit$coefficients))
  fixed <- unlist(lapply(paths, function(path) {
    path$fit$aliased %||% logical(length(path$fit$coefficients))
  }))
  fit <- run_illness(bundle, start, fixed, asked$control)
  layout <- paths$progression$layout
  n_first <- length(layout$names)
  is_effect <- logical(length(fixed))
  is_effect[c(
    seq_len(layout$p), n_first - layout$n_extra + seq_len(layout$n_extra)
  )] <- TRUE
  null <- if (any(is_effect & !fixed)) {
    own <- paths$progression$null$coefficients
    start <- replace(fit$coefficients, is_effect, 0)
    start[layout$p + seq_along(own)] <- own
    run_illness(bundle, start, fixed | is_effect, asked$control)
  } else {
    fit
  }
  fit$aliased <- fixed
  # whence it came, for lost_direction()
  fit$start <- unlist(lapply(paths, function(path) path$fit$start), use.names = FALSE)
  fit$info_start <- block_diagonal(lapply(paths, function(path) path$fit$info_start))
  list(
    fit = fit, null = null, df_null = sum(!(fixed | is_effect)), paths = paths, bundle = bundle
  )
}

run_illness <- function(bundle, start, fixed, control) {
  .Call(
    C_illness_fit, bundle, integer(length(bundle[[3L]])), as.double(start), as.integer(fixed),
    as.integer(control$max_iter), as.double(control$eps)
  )
}

# --- the object -----------------------------------------------------------------------------------

close_illness <- function(estimate, extra, asked, request) {
  fit <- estimate$fit
  paths <- estimate$paths
  frame <- paths$progression$frame
  map <- illness_map(paths)
  sizes <- lengths(lapply(paths, function(path) path$layout$names))
  prefix <- rep.int(c("", "before:", "after:"), sizes)
  names <- unlist(lapply(paths, function(path) path$layout$names), use.names = FALSE)
  labels <- paste0(prefix, names)
  coef <- drop(map$J %*% fit$coefficients) + map$b
  coef[fit$aliased] <- NA
  names(coef) <- labels
  plan <- robust_plan(frame, asked)
  var <- map$J %*% fit$var %*% t(map$J)
  naive <- if (plan$robust) var
  if (plan$robust) {
    var <- map$J %*% illness_sandwich(estimate, frame, plan$cluster) %*% t(map$J)
  }
  dimnames(var) <- list(labels, labels)
  # densities are per unit of time: those of exact progressions and of deaths
  weights <- frame$weights %||% rep.int(1, frame$n)
  n_density <- (estimate$bundle[[3L]] == 1L) + estimate$bundle[[8L]]
  moved <- -paths$progression$log_unit * sum(weights * n_density)
  at <- split(seq_along(coef), rep.int(seq_along(paths), sizes))
  joint <- list(
    loglik = c(estimate$null$loglik[[2L]], fit$loglik[[2L]]) + moved, df = sum(!fit$aliased),
    df_null = estimate$df_null,
    convergence = ttp_convergence(
      list(fit = fit, layout = list(names = labels, p = paths$progression$layout$p)),
      asked$control
    )
  )
  part <- function(k) illness_part(paths[[k]], at[[k]], coef, var, naive)
  death <- frame$death[c("method", "before", "after")]
  death$coefficients <- coef
  death$var <- var
  death$y <- frame$mf[["(death)"]]
  death$nodes <- list(most = max(fit$level), change = fit$change)
  death$hazards <- lapply(c(before = 2L, after = 3L), function(k) {
    own <- c(part(k), joint)
    own$loglik[[1L]] <- NA
    own$death <- c(
      death[c("method", "coefficients", "var")], list(path = illness_paths[[k]], at = at[[k]])
    )
    suppressWarnings(new_sr_fit(own, "sr_ttp", paths[[k]]$frame, request))
  })
  main <- part(1L)
  main$title <- paste0(main$title, death_title(frame$death))
  new_sr_fit(c(main, joint, list(extra = extra$parts, death = death)), "sr_ttp", frame, request)
}

# The components of a fit that are those of one path
illness_part <- function(path, at, coef, var, naive) {
  layout <- path$layout
  own <- function(matrix) {
    if (is.null(matrix)) return(NULL)
    matrix <- matrix[at, at, drop = FALSE]
    dimnames(matrix) <- list(layout$names, layout$names)
    matrix
  }
  list(
    coefficients = stats::setNames(coef[at], layout$names), effects = seq_len(layout$p),
    var = own(var), naive.var = own(naive), nevent = sum(path$frame$is_event),
    title = ttp_title(path$family, path$asked$scale),
    ratio = scale_words[[path$asked$scale]]$ratio, family = path$family,
    scale = path$asked$scale, layout = layout, strata = ttp_strata(path$frame)
  )
}

# As ttp_unit_map(), of all coefficients
illness_map <- function(paths) {
  list(
    J = block_diagonal(lapply(paths, function(path) path$map$J)),
    b = unlist(lapply(paths, function(path) path$map$b), use.names = FALSE)
  )
}

block_diagonal <- function(blocks) {
  sizes <- vapply(blocks, nrow, 0L)
  out <- matrix(0, sum(sizes), sum(sizes))
  end <- cumsum(sizes)
  for (k in seq_along(blocks)) {
    at <- end[[k]] - sizes[[k]] + seq_len(sizes[[k]])
    out[at, at] <- blocks[[k]]
  }
  out
}

# Derivatives of the rows in all coefficients, not weighted
illness_scores <- function(estimate, n) {
  rows <- .Call(
    C_illness_rows, estimate$bundle, estimate$fit$level, estimate$fit$coefficients
  )
  slots <- 0L
  do.call(cbind, lapply(unname(estimate$paths), function(path) {
    at <- slots + seq_len(1L + path$layout$K)
    slots <<- slots + length(at)
    ttp_chain(rows$score[, at, drop = FALSE], ttp_bundle_parts(path$bundle, n), path$layout)
  }))
}

illness_sandwich <- function(estimate, frame, cluster) {
  score <- illness_scores(estimate, frame$n) * (frame$weights %||% 1)
  if (anyDuplicated(cluster)) score <- rowsum(score, cluster, reorder = FALSE)
  estimate$fit$var %*% crossprod(score) %*% estimate$fit$var
}

# What fit_ttp() is asked, checked before anything is computed.

# The family as an object, from its name (ours, survreg's, flexsurv's) or as a constructor gives it
ttp_family <- function(family) {
  if (inherits(family, "sr_family")) return(family)
  known <- list(
    exponential = family_exponential, weibull = family_weibull, lognormal = family_lognormal,
    loglogistic = family_loglogistic, gamma = family_gamma, gengamma = family_gengamma,
    genf = family_genf, gompertz = family_gompertz, pieces = pieces_without_cuts,
    spline = ttp_spline, smooth = ttp_smooth
  )
  alias <- c(exp = "exponential", lnorm = "lognormal", llogis = "loglogistic")
  if (is.function(family)) {
    stop_input(c(
      "`family` must be the name of a family, or a family.",
      i = "Call the constructor: `family = ttp_spline()`."
    ), arg = "family")
  }
  if (is.character(family) && length(family) == 1L && family %in% names(alias)) {
    family <- alias[[family]]
  }
  known[[choose_one(family, names(known), "family")]]()
}

pieces_without_cuts <- function() {
  stop_input(c(
    "A hazard in pieces needs the times between them.",
    i = "Write `family = ttp_pieces(c(1, 2, 5))`."
  ), arg = "family")
}

ttp_scale <- function(scale, family) {
  if (is.null(scale)) return(family$scales[[1L]])
  scale <- choose_one(scale, hazard_scales, "scale")
  if (!scale %in% family$scales) {
    stop_unsupported(c(
      sprintf(
        "The scale \"%s\" has no meaning for the family \"%s\".", scale, family$label
      ),
      i = sprintf("Use %s.", format_names(family$scales, quote = '"'))
    ), arg = "scale")
  }
  scale
}

# `dots` is list(...), not evaluated before its names (`named`) are known to be right.
ttp_control <- function(control, dots, named = names(dots)) {
  known <- list(max_iter = 200L, eps = 1e-6)
  if (!is.null(control) && !is.list(control)) {
    stop_input(c("`control` must be a list.", x = sprintf("Found %s.", describe(control))),
      arg = "control"
    )
  }
  own <- names(control) %||% rep.int("", length(control))
  unknown <- setdiff(c(own, named), names(known))
  if (length(unknown) > 0L) {
    shown <- ifelse(nzchar(unknown), paste0("`", unknown, "`"), "one without a name")
    stop_input(c(
      sprintf("`fit_ttp()` has no argument %s.", paste(shown, collapse = ", ")),
      i = if ("offset" %in% unknown) "Put an offset in the formula: `+ offset(z)`.",
      i = if ("dist" %in% unknown) "Use `family`.",
      i = sprintf("`...` takes parts of the control: %s.", paste(names(known), collapse = ", "))
    ), arg = "...")
  }
  given <- c(control, dots)
  known[names(given)] <- given
  is_number <- function(x) is.numeric(x) && length(x) == 1L && isTRUE(x >= 0)
  for (part in names(known)) {
    if (!is_number(known[[part]])) {
      stop_input(c(
        sprintf("`control$%s` must be a number, not negative.", part),
        x = sprintf("Found %s.", describe(known[[part]]))
      ), arg = "control")
    }
  }
  known$max_iter <- min(floor(known$max_iter), .Machine$integer.max)
  known
}

# A fit that takes nothing in `...`
refuse_dots <- function(fun, named) {
  if (length(named) == 0L) return(invisible())
  shown <- ifelse(nzchar(named), paste0("`", named, "`"), "one without a name")
  stop_input(c(
    sprintf("`%s` has no argument %s.", fun, paste(shown, collapse = ", ")),
    i = if ("offset" %in% named) "Put an offset in the formula: `+ offset(z)`."
  ), arg = "...")
}

# Names of the arguments in `...`, "" where there is none, without evaluating them
dot_names <- function(...) {
  dots <- as.list(substitute(list(...)))[-1L]
  names(dots) %||% rep.int("", length(dots))
}

# (start, stop] rows of one person with covariates that change are a product of intervals only
# where the hazard at a time depends on the covariates of that time.
check_changing_covariates <- function(frame, scale) {
  if (attr(frame$y, "type") != "counting" || scale == "hazard") return(invisible())
  id <- frame$id
  several <- if (!is.null(id)) {
    anyDuplicated(id) > 0L
  } else {
    y <- frame$y
    any(y[y[, 3L] == 0, 2L] %in% y[y[, 1L] > 0, 1L])
  }
  if (!several) return(invisible())
  stop_unsupported(c(
    sprintf("On the scale \"%s\" a person cannot have several (start, stop] rows.", scale),
    x = if (is.null(id)) {
      "Some rows start when a censored row stops, as those of one person do."
    } else {
      "Some values of `id` have several rows."
    },
    i = "Use `scale = \"hazard\"`, where covariates may change.",
    i = if (is.null(id)) "If each row is a person, say so: `id = <a value for each row>`."
  ), arg = "formula")
}

# `shape`: a formula for the second parameter, or a list of formulas by parameter; `tvc`: a
# formula for the parameters of the spline but its level. list(name = formula), by parameter.
ttp_extra_formulas <- function(shape, tvc, family) {
  if (inherits(shape, "formula")) {
    if (length(family$theta) < 2L) {
      stop_unsupported(c(
        sprintf("The family \"%s\" has no shape.", family$label), i = "Leave `shape` out."
      ), arg = "shape")
    }
    shape <- stats::setNames(list(shape), family$theta[[2L]])
  }
  if (!is.null(shape) && !is.list(shape)) {
    stop_input(c(
      "`shape` must be a formula such as `~ rank`, or a named list of them.",
      x = sprintf("Found %s.", describe(shape))
    ), arg = "shape")
  }
  if (length(shape) > 0L) {
    given <- names(shape) %||% rep.int("", length(shape))
    names(shape) <- vapply(given, parameter_named, "", family = family)
  }
  if (!is.null(tvc)) shape <- c(shape, ttp_tvc_formulas(tvc, family))
  for (part in shape) {
    if (!inherits(part, "formula") || length(part) != 2L) {
      stop_input(c(
        "Each part of `shape` must be a formula without a left side, such as `~ rank`.",
        x = sprintf("Found %s.", describe(part))
      ), arg = "shape")
    }
  }
  shape
}

# The parameter of a family that a user names, as estimated ("log(shape)") or not ("shape")
parameter_named <- function(name, family) {
  at <- match(name, c(family$theta, names(family$natural)))
  if (is.na(at) || !nzchar(name)) {
    stop_input(c(
      sprintf(
        "`shape` must name parameters of the family: %s.",
        format_names(family$theta[-1L], quote = '"')
      ),
      x = sprintf("Found %s.", if (nzchar(name)) paste0("\"", name, "\"") else "no name")
    ), arg = "shape")
  }
  rep.int(family$theta, 2L)[[at]]
}

ttp_tvc_formulas <- function(tvc, family) {
  if (!isTRUE(family$has_tvc)) {
    stop_unsupported(c(
      "`tvc` is for the spline family.",
      i = "Use `family = ttp_spline()`, or `shape` for the parameters of other families."
    ), arg = "tvc")
  }
  if (!inherits(tvc, "formula") || length(tvc) != 2L) {
    stop_input(c(
      "`tvc` must be a formula without a left side, such as `~ rank`.",
      x = sprintf("Found %s.", describe(tvc))
    ), arg = "tvc")
  }
  stats::setNames(rep.int(list(tvc), length(family$theta) - 1L), family$theta[-1L])
}

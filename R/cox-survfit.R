#' What is the survival curve of a patient under the Cox model?
#'
#' The curves that [survival::survfit.coxph()] gives, with the same arguments, components and class,
#' so that everything that takes a `survfit` object takes these. Hazards and standard errors of all
#' curves cost one pass over the rows.
#'
#' @section Formulas:
#' With the cumulative hazard \eqn{H(t)}, the drift \eqn{XH(t) = \int \bar x \, dH} and the variance
#' \eqn{V(t)} that \eqn{H} has for known coefficients, a patient with covariates \eqn{x} and risk
#' \eqn{r = \exp\{(x - c)'\beta\}} has the cumulative hazard \eqn{r H(t)} with variance
#' \deqn{r^2 \{V + d' B d\}, \quad d = H(t) (x - c) - XH(t),}
#' \eqn{B} the variance of the coefficients. `ctype` 1 is the hazard of Nelson, Aalen and Breslow, 2
#' of Fleming and Harrington (Efron's for ties); survival is its exponential (`stype = 2`) or the
#' product limit of Kalbfleisch and Prentice (`stype = 1`).
#'
#' Without `newdata` the curve is that of a patient whose columns have the fit's means, who may be
#' nobody at all.
#'
#' @section Strata:
#' Where `newdata` has the strata, each of its rows has one curve, of its own stratum, and that
#' holds for one row too. Where it has not, each row has a curve in every stratum.
#'
#' @param formula a fit of [fit_cox()] (the generic gives the argument its name).
#' @param newdata data frame of patients, one row each; with `id`, one row for each interval.
#' @param se.fit standard errors and confidence limits too?
#' @param conf.int confidence level.
#' @param individual is `newdata` the path of one patient through time? `id` says the same for any
#'   number.
#' @param stype,ctype the estimates of survival and hazard; see Formulas. `ctype` follows the fit's
#'   `ties` by default.
#' @param conf.type scale of the confidence limits.
#' @param censor rows for times without an event too?
#' @param start.time leave out rows that end before, and start the curve there.
#' @param id the patient of each row of `newdata`, whose response then gives the intervals:
#'   covariates that change over time.
#' @param influence not used by Cox curves.
#' @param na.action not used: rows of `newdata` with missing values have no curve.
#' @param type older name for `stype` and `ctype` in one.
#' @param time0 not used by Cox curves.
#' @param ... ignored.
#' @returns An object of class `survfitcox`, `survfit`: `n`, `time`, `n.risk`, `n.event`,
#'   `n.censor`, `strata` (rows of each curve), `surv`, `cumhaz`, `std.err` (of the cumulative
#'   hazard), `logse`, `std.chaz`, `lower`, `upper`, `conf.type`, `conf.int`, `start.time`,
#'   `newdata`, `call`; `surv` and the like are matrices, a patient a column, when every patient
#'   has the same times.
#' @references Tsiatis AA (1981). A large sample study of Cox's regression model. *Annals of
#'   Statistics* 9, 93-108. \doi{10.1214/aos/1176345335}
#'
#'   Kalbfleisch JD, Prentice RL (1973). Marginal likelihoods based on Cox's regression and life
#'   model. *Biometrika* 60, 267-278. \doi{10.1093/biomet/60.2.267}
#' @examples
#' fit <- fit_cox(Surv(rtime, recur) ~ age + nodes + strata(hormon), data = survival::rotterdam)
#' two <- data.frame(age = 55, nodes = c(0, 8), hormon = 1)
#' summary(survival::survfit(fit, newdata = two), times = c(365, 1826))
#' @exportS3Method survival::survfit sr_cox
survfit.sr_cox <- function(formula, newdata, se.fit = TRUE, conf.int = 0.95, individual = FALSE,
                           stype = 2, ctype,
                           conf.type = c("log", "log-log", "plain", "none", "logit", "arcsin"),
                           censor = TRUE, start.time, id, influence = FALSE,
                           na.action = stats::na.pass, type, time0 = FALSE, ...) {
  call <- match.call()
  call[[1L]] <- as.name("survfit")
  conf_type <- choose_one(conf.type, eval(formals(survfit.sr_cox)$conf.type), "conf.type")
  if (!se.fit) conf_type <- "none"
  types <- curve_types(
    formula$method, stype, if (!missing(ctype)) ctype, if (!missing(type)) type,
    !missing(stype) || !missing(ctype)
  )
  if (!missing(individual)) {
    warn_user(c("`individual` is an older way.", i = "Give the patient of each row as `id`."))
  }
  is_path <- individual || !missing(id)
  refuse_curve(formula, missing(newdata), is_path)
  base <- curve_base(formula, se.fit, if (!missing(start.time)) start.time)
  base$kind <- c(types$ctype == 2 && types$stype == 2, types$stype == 1)
  if (missing(newdata)) {
    result <- mean_curve(formula, base)
  } else {
    # survival::brier() hands over the expression of the call
    if (is.language(newdata)) newdata <- eval(newdata, environment(formula$terms), parent.frame())
    newdata <- as_new_patients(newdata)
    extra <- if (missing(id)) list() else list(id = substitute(id))
    patients <- new_patients(formula, newdata, base, is_path, extra, parent.frame())
    result <- if (is_path) path_curves(formula, base, patients) else
      patient_curves(formula, base, patients)
  }
  if (!censor) result <- drop_censored(result)
  if (se.fit) {
    result$logse <- TRUE
    if (types$stype == 2) result$std.chaz <- result$std.err
  }
  if (conf_type != "none") {
    limits <- survival::survfit_confint(
      result$surv, result$std.err, logse = TRUE, conf_type, conf.int
    )
    result <- c(result, list(
      lower = limits$lower, upper = limits$upper, conf.type = conf_type, conf.int = conf.int
    ))
  }
  if (!missing(start.time)) result$start.time <- start.time
  if (!missing(newdata)) result$newdata <- newdata
  result$call <- call
  structure(result, class = c("survfitcox", "survfit"))
}

# stype and ctype, from the older `type` where it is given alone.
curve_types <- function(method, stype, ctype, type, is_given) {
  if (!is.null(type)) {
    if (is_given) {
      warn_user("`type` is ignored, since `stype` or `ctype` is given.")
    } else {
      known <- c(
        "kalbfleisch-prentice", "aalen", "efron", "kaplan-meier", "breslow", "fleming-harrington",
        "greenwood", "tsiatis", "exact"
      )
      type <- choose_one(type, known, "type")
      stype <- if (type %in% c("kalbfleisch-prentice", "kaplan-meier")) 1 else 2
      if (stype == 2) ctype <- if (type %in% c("efron", "fleming-harrington")) 2 else 1
    }
  }
  if (is.null(ctype)) ctype <- if (identical(method, "efron")) 2 else 1
  for (name in c("stype", "ctype")) {
    value <- get(name)
    if (length(value) != 1L || !value %in% 1:2) {
      stop_input(sprintf("`%s` must be 1 or 2.", name), arg = name)
    }
  }
  list(stype = stype, ctype = ctype)
}

# Curves that mean nothing are refused, those that may mislead are warned of.
refuse_curve <- function(object, is_mean, is_path) {
  if (is_path && is_mean) {
    stop_input("`id` needs `newdata`, with one row for each interval.", arg = "newdata")
  }
  terms <- object$terms
  strata <- cox_strata_terms(object)
  factors <- attr(terms, "factors")
  if (length(factors)) {
    is_stratum <- colSums(factors[strata$vars, , drop = FALSE] > 0) > 0
    if (any(factors[, !is_stratum] > 1)) {
      stop_input(c(
        "The fit has an interaction without its main effects, for which no curve is defined here.",
        i = "Write `a * b` in place of `a:b`."
      ), arg = "formula")
    }
  }
  if (!is_mean) return(invisible())
  if (!is.null(strata) && strata$is_interacting) {
    stop_input(c(
      "The strata interact with covariates, so there is no mean patient.",
      i = "Say for whom the curve is: `newdata`."
    ), arg = "newdata")
  }
  if (any(attr(terms, "order") > 1L)) {
    warn_user(c(
      "With interactions, the curve at the means of the columns is hardly that of a patient.",
      i = "Say for whom the curve is: `newdata`."
    ))
  }
}

# What every curve is made from: the bundle of the fit's rows, their linear predictor, the centre,
# the variance of the coefficients, the strata.
curve_base <- function(object, se.fit, start.time) {
  strata <- cox_strata_terms(object)
  means <- cox_means(object)
  beta <- cox_coefficients(object)
  is_as_fitted <- identical(beta, object$sr$beta) || length(beta) == 0L
  has_offset <- !is.null(attr(object$terms, "offset"))
  needs_parts <- se.fit || !is.null(strata) || is.null(object[["y"]]) || has_offset ||
    !is_as_fitted || (!is.null(object$call$weights) && is.null(object$weights))
  if (needs_parts) {
    parts <- cox_rebuild(object, as_columns = TRUE, needs_x = se.fit || !is_as_fitted)
  } else {
    parts <- list(y = object$y, weights = object$weights)
  }
  offset_mean <- offset_mean(parts)
  data <- cox_parts_data(parts, if (se.fit || !is_as_fitted) parts$x)
  if (is_as_fitted) {
    eta <- as.double(object$linear.predictors) - offset_mean
  } else {
    plain <- cox_data(parts$x, parts$y)
    eta <- .Call(C_cox_linear, plain, means, beta) - offset_mean
    if (!is.null(parts$offset)) eta <- eta + parts$offset
  }
  base <- list(
    data = data, eta = eta, means = means, beta = beta, offset_mean = offset_mean,
    var = if (se.fit) cox_var(object), levels = levels(parts$strata), strata = strata,
    is_counting = ncol(parts$y) == 3L, has_offset = has_offset
  )
  if (is.null(start.time)) base else start_later(base, start.time)
}

# Curves are those of an offset at its weighted mean.
offset_mean <- function(parts) {
  offset <- parts$offset
  if (is.null(offset)) return(0)
  weights <- parts$weights
  if (is.null(weights)) mean(offset) else sum(offset * (weights / sum(weights)))
}

start_later <- function(base, start.time) {
  if (!is.numeric(start.time) || length(start.time) != 1L || is.na(start.time)) {
    stop_input("`start.time` must be one number.", arg = "start.time")
  }
  data <- base$data
  y <- unclass(data[[2L]])
  last <- ncol(y)
  keep <- which(y[, last - 1L] >= start.time)
  if (!any(y[keep, last] == 1)) {
    stop_input(c(
      "There is no event from `start.time` on.",
      x = sprintf("The last is at %s.", format(max(y[y[, last] == 1, last - 1L])))
    ), arg = "start.time")
  }
  x <- data[[1L]]
  x <- if (is.list(x)) lapply(x, `[`, keep) else if (!is.null(x)) x[keep, , drop = FALSE]
  base$data <- cox_data(x, y[keep, , drop = FALSE], data[[3L]][keep], data[[4L]][keep])
  base$eta <- base$eta[keep]
  base
}

as_new_patients <- function(newdata) {
  if (is.data.frame(newdata)) return(newdata)
  if (is.numeric(newdata) && is.null(dim(newdata)) && !is.null(names(newdata))) {
    return(data.frame(as.list(newdata), stringsAsFactors = FALSE))
  }
  if (is.list(newdata)) return(as.data.frame(newdata))
  stop_input(c(
    "`newdata` must be a data frame, one row a patient.",
    x = paste0("It is of class ", class(newdata)[[1L]], ".")
  ), arg = "newdata")
}

# The patients of newdata: z (p x patients, about the means), eta, names, and where they are known
# stratum, interval and id.
new_patients <- function(object, newdata, base, is_path, extra, env) {
  strata <- base$strata
  has_strata <- !is.null(strata) &&
    (all(strata$plain %in% names(newdata)) || strata$is_interacting || is_path)
  frame <- cox_new_frame(object, newdata, has_strata, is_path, stats::na.omit, extra, env)
  if (nrow(frame) == 0L) {
    stop_input("Every row of `newdata` has missing values.", arg = "newdata")
  }
  x <- cox_new_matrix(object, frame)
  z <- t(x) - base$means
  offset <- cox_new_offset(object, frame)
  patients <- list(
    z = z, names = row.names(frame), n = nrow(frame),
    eta = as.vector(crossprod(z, base$beta)) + offset - base$offset_mean
  )
  if (has_strata) {
    patients$stratum <- as.integer(cox_new_strata(strata, frame, base$levels)) - 1L
  }
  if (!is_path) return(patients)
  patients$id <- if (length(extra)) stats::model.extract(frame, "id") else rep(1, nrow(frame))
  if (is.null(patients$id)) stop_input("`id` must not be NULL.", arg = "id")
  patients$interval <- path_intervals(frame, base)
  patients
}

path_intervals <- function(frame, base) {
  y <- stats::model.response(frame)
  if (!inherits(y, "Surv") || attr(y, "type") != "counting" || !base$is_counting) {
    stop_input(c(
      "Paths through time need (start, stop] times, in the fit and in `newdata`.",
      i = "Write the response as `Surv(start, stop, event)`."
    ), arg = "newdata")
  }
  unclass(y)[, 1:2, drop = FALSE]
}

call_survfit <- function(base, z, eta, stratum) {
  centre <- if (!is.null(base$var)) base$means
  storage.mode(z) <- "double"
  found <- .Call(
    C_cox_survfit, base$data, base$eta, base$kind, centre, z, as.double(eta), stratum, base$var
  )
  found$n <- as.integer(found$n)
  found$rows <- as.integer(found$rows)
  if (is.null(found$std.err)) found["std.err"] <- NULL
  found
}

# Components in survival's order: rows, strata, then the curves.
assemble_curves <- function(found, strata) {
  rows <- found[c("n", "time", "n.risk", "n.event", "n.censor")]
  curves <- found[intersect(c("surv", "cumhaz", "std.err"), names(found))]
  c(rows, if (!is.null(strata)) list(strata = strata), curves)
}

strata_rows <- function(found, base) {
  if (length(base$levels) < 2L) return(NULL)
  rows <- integer(length(base$levels))
  rows[seq_along(found$rows)] <- found$rows
  stats::setNames(rows, base$levels)
}

mean_curve <- function(object, base) {
  found <- call_survfit(base, matrix(0, length(base$means), 1L), 0, NULL)
  assemble_curves(found, strata_rows(found, base))
}

patient_curves <- function(object, base, patients) {
  if (is.null(patients$stratum)) return(crossed_curves(base, patients))
  found <- call_survfit(base, patients$z, patients$eta, patients$stratum)
  s <- patients$stratum + 1L
  first <- cumsum(c(0L, found$rows))[s]
  rows <- found$rows[s]
  at <- sequence(rows, from = first + 1L)
  found$n <- found$n[s]
  for (name in c("time", "n.risk", "n.event", "n.censor")) found[[name]] <- found[[name]][at]
  assemble_curves(found, stats::setNames(rows, patients$names))
}

# Each patient in each stratum: a column a patient.
crossed_curves <- function(base, patients) {
  if (nrow(patients$z) == 0L && !base$has_offset) patients$n <- 1L # all patients are alike
  patients$eta <- patients$eta[seq_len(patients$n)]
  found <- call_survfit(base, patients$z, patients$eta, NULL)
  if (patients$n > 1L) {
    for (name in intersect(c("surv", "cumhaz", "std.err"), names(found))) {
      dim(found[[name]]) <- c(length(found$time), patients$n)
    }
    dimnames(found$surv) <- list(NULL, patients$names)
  }
  assemble_curves(found, strata_rows(found, base))
}

# Rows with an event only.
drop_censored <- function(result) {
  keep <- result$n.event > 0
  if (!is.null(result$strata)) {
    curve <- factor(
      rep(seq_along(result$strata), result$strata), levels = seq_along(result$strata)
    )
    result$strata <- stats::setNames(as.vector(table(curve[keep])), names(result$strata))
  }
  rows <- c("time", "n.risk", "n.event", "n.censor", "surv", "cumhaz", "std.err")
  for (name in intersect(rows, names(result))) {
    value <- result[[name]]
    result[[name]] <- if (is.matrix(value)) value[keep, , drop = FALSE] else value[keep]
  }
  result
}

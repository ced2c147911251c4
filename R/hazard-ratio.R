# The effect of a treatment within the levels of a marker.
#
#   L = mean over patients of  x(treated, level) - x(untreated, level)
#   log HR = L beta,  variance L V L',  interaction: all L of a level minus that of the first
#
# Nothing depends on how factors are coded or on what coefficients are called: L comes from the
# design matrix. Where the treatment interacts with nothing but `by`, one patient is enough.

#' What does the treatment do to the hazard, by RANK status?
#'
#' Takes a Cox model with an interaction apart: the hazard ratio of one variable within each level
#' of another, with its confidence interval, and the test whether the levels differ. It
#' works for any coding of factors, further covariates, robust variances, Firth's likelihood, and
#' for strata that interact with the treatment (`arm * strata(rank)`).
#'
#' Only the interaction test compares the levels. That the interval covers 1 in one level
#' and not in the other does not show a difference.
#'
#' @param fit a model of [fit_cox()] or [survival::coxph()].
#' @param contrast the variable whose effect is wanted, a string. A factor gives a ratio for each
#'   level against the first; a number with two values the higher against the lower; any other
#'   number one unit more. To choose, a named list: `list(arm = c("A", "B"))` is B against A.
#' @param by strings, the variables that may modify the effect; `NULL`: none. A number with more
#'   than five values is taken at its quartiles, unless a named list gives values:
#'   `list(age = c(40, 60))`. A column of the model can be named as it stands in the formula:
#'   `"rank_status(pgr)"`.
#' @param conf.level confidence level, between 0 and 1.
#' @returns A data frame of class `c("sr_hazard_ratio", "data.frame")`, a row for each level and
#'   contrast:
#'   * the variables of `by`;
#'   * `contrast`: what is compared with what;
#'   * `estimate`, `conf.low`, `conf.high`: the hazard ratio and its interval (Wald);
#'   * `std.error`, `statistic`, `p.value`: of the logarithm of the ratio, against 1;
#'   * `n`, `events`: rows and events at that level in the two groups compared (`NA` where the
#'     level is a number taken from a continuous variable).
#'
#'   Attribute `interaction`: data frame with `test` (Wald, likelihood ratio), `statistic`, `df`,
#'   `p.value`; the likelihood ratio is `NA` for robust variances and Firth's likelihood.
#'   Attribute `averaged`: covariates that also interact with `contrast`; the log hazard ratio
#'   is then the mean over the patients of the fit.
#' @examples
#' fit <- fit_cox(
#'   Surv(rfstime, status) ~ hormon * rank_status(pgr) + age + nodes, data = survival::gbsg
#' )
#' hazard_ratio(fit, contrast = "hormon", by = "rank_status(pgr)")
#'
#' # the marker as it was measured
#' fit <- fit_cox(
#'   Surv(rfstime, status) ~ hormon * log(pgr + 1) + age + nodes, data = survival::gbsg
#' )
#' hazard_ratio(fit, contrast = "hormon", by = list(pgr = c(0, 20, 200)))
#' @export
hazard_ratio <- function(fit, contrast, by = NULL, conf.level = 0.95) {
  grid <- grid_setup(fit)
  check_level(conf.level, "conf.level")
  contrast <- hr_spec(grid, contrast, "contrast")
  if (length(contrast) != 1L) {
    stop_input(c(
      "`contrast` must name one variable.", x = sprintf("It names %d.", length(contrast)),
      i = "To choose two levels, use a list: `contrast = list(arm = c(\"A\", \"B\"))`."
    ), arg = "contrast")
  }
  by <- hr_spec(grid, by, "by")
  hr_check_estimated(grid, names(contrast))
  if (names(contrast) %in% names(by)) {
    stop_input("`by` must not name the variable of `contrast`.", arg = "by")
  }
  pairs <- hr_pairs(grid, contrast)
  levels <- hr_levels(grid, by)
  averaged <- hr_averaged(grid, names(contrast), names(by))
  rows <- if (length(averaged)) seq_len(nrow(grid$frame)) else 1L
  step <- hr_steps(grid, levels, names(contrast), pairs, rows)
  estimated <- hr_estimable(grid, step)

  beta <- stats::coef(fit)
  variance <- hr_variance(fit)
  beta[is.na(beta)] <- 0
  log_ratio <- as.vector(step %*% beta)
  std_error <- sqrt(pmax(rowSums((step %*% variance) * step), 0))
  log_ratio[!estimated] <- NA
  std_error[!estimated] <- NA
  wide <- stats::qnorm(0.5 + conf.level / 2) * std_error
  out <- levels[rep(seq_len(nrow(levels)), each = length(pairs)), , drop = FALSE]
  out$contrast <- rep(vapply(pairs, `[[`, "", "label"), nrow(levels))
  out$estimate <- exp(log_ratio)
  out$conf.low <- exp(log_ratio - wide)
  out$conf.high <- exp(log_ratio + wide)
  out$std.error <- std_error
  out$statistic <- log_ratio / std_error
  out$p.value <- 2 * stats::pnorm(-abs(out$statistic))
  counts <- hr_counts(grid, levels, contrast, pairs)
  out$n <- counts$n
  out$events <- counts$events
  rownames(out) <- NULL

  wider <- hr_levels(grid, by, many = TRUE)
  if (!identical(wider, levels)) step <- hr_steps(grid, wider, names(contrast), pairs, rows)
  between <- hr_between(step, length(pairs), hr_estimable(grid, step))
  structure(
    out, class = c("sr_hazard_ratio", "data.frame"),
    interaction = hr_interaction(
      grid, between, beta, variance, names(contrast), names(by)
    ),
    averaged = averaged, conf.level = conf.level, variable = names(contrast),
    by = as.character(names(by)),
    labels = stats::setNames(
      vapply(c(names(contrast), names(by)), function(v) grid_label(grid, v), ""),
      c(names(contrast), names(by))
    )
  )
}

# strings or a named list -> named list of values, NULL where none were given
hr_spec <- function(grid, spec, arg) {
  if (is.null(spec)) return(list())
  if (is.character(spec) && is.null(names(spec)) && length(spec) && !anyNA(spec)) {
    spec <- stats::setNames(vector("list", length(spec)), spec)
  }
  if (!is.list(spec) || is.null(names(spec)) || !all(nzchar(names(spec)))) {
    stop_input(c(
      sprintf("`%s` must be the name of a variable, or a named list of values.", arg),
      i = sprintf("For example `%s = \"arm\"`, or `%s = list(arm = c(\"A\", \"B\"))`.", arg, arg)
    ), arg = arg)
  }
  for (name in names(spec)) {
    x <- grid_variable(grid, name, arg)
    if (is.null(spec[[name]])) next
    known <- grid_levels(x)
    unknown <- setdiff(as.character(spec[[name]]), as.character(known))
    if (!is.numeric(x) && length(unknown)) {
      stop_input(c(
        sprintf("`%s` must give levels that `%s` has.", arg, name),
        x = paste0("Unknown: ", paste0("\"", unknown, "\"", collapse = ", "), "."),
        i = paste0("It has ", paste0("\"", known, "\"", collapse = ", "), ".")
      ), arg = arg)
    }
    if (is.numeric(x) && !(is.numeric(spec[[name]]) && all(is.finite(spec[[name]])))) {
      stop_input(sprintf("`%s` must give finite numbers for `%s`.", arg, name), arg = arg)
    }
  }
  spec
}

hr_check_estimated <- function(grid, name) {
  touched <- grid_touched(grid, name)
  factors <- attr(grid$terms, "factors")
  in_terms <- colSums(factors[touched, , drop = FALSE]) > 0
  only_strata <- colnames(factors)[in_terms] %in% c(grid$strata, grid$cluster)
  if (all(only_strata)) {
    stop_input(c(
      sprintf("`contrast` must be a covariate; `%s` only makes strata or clusters.", name),
      x = "Strata have baseline hazards of their own, and no ratio between them is estimated.",
      i = sprintf("Fit it as a covariate, or use it as `by` with `... * strata(%s)`.", name)
    ), arg = "contrast")
  }
}

hr_pairs <- function(grid, contrast) {
  name <- names(contrast)
  x <- grid_variable(grid, name, "contrast")
  given <- contrast[[1L]]
  touched <- grid_touched(grid, name)
  is_class <- all(vapply(grid$frame[touched], is.factor, NA))
  if (is.numeric(x) && !(is_class && is.null(given))) {
    known <- grid_levels(x)
    centre <- mean(x)
    if (is.null(given)) given <- if (length(known) == 2L) known else c(centre, centre + 1)
    if (length(given) != 2L || given[[1L]] == given[[2L]]) {
      stop_input(sprintf("`contrast` must give two different values of `%s`.", name),
        arg = "contrast")
    }
    label <- if (is.null(contrast[[1L]]) && length(known) != 2L) {
      paste(name, "+ 1")
    } else {
      paste(name, format(given[[2L]]), "/", format(given[[1L]]))
    }
    return(list(list(from = given[[1L]], to = given[[2L]], label = label)))
  }
  if (is.null(given)) given <- grid_levels(x)
  if (is.numeric(given)) name_level <- function(v) paste(name, v) else name_level <- as.character
  if (length(given) < 2L || anyDuplicated(given)) {
    stop_input(c(
      sprintf("`contrast` needs two different levels of `%s`.", name),
      x = paste0("It has ", paste0("\"", given, "\"", collapse = ", "), ".")
    ), arg = "contrast")
  }
  lapply(given[-1L], function(to) {
    list(from = given[[1L]], to = to, label = paste(name_level(to), "/", given[[1L]]))
  })
}

# L: a row for each level and, within it, each pair
hr_steps <- function(grid, levels, name, pairs, rows) {
  weights <- if (is.null(grid$weights)) rep(1, length(rows)) else grid$weights[rows]
  weights <- weights / sum(weights)
  steps <- lapply(seq_len(nrow(levels)), function(i) {
    at <- as.list(levels[i, , drop = FALSE])
    do.call(rbind, lapply(pairs, function(pair) {
      reach <- function(value) {
        set <- c(at, stats::setNames(list(value), name))
        colSums(grid_matrix(grid, grid_frame(grid, set, rows)) * weights)
      }
      reach(pair$to) - reach(pair$from)
    }))
  })
  step <- do.call(rbind, steps)
  step[abs(step) < 1e-12 * max(abs(step))] <- 0
  step
}

# a data frame with a row for each combination of levels; `many`: numbers over their whole range,
# to test an interaction that need not be a straight line
hr_levels <- function(grid, by, many = FALSE) {
  if (!length(by)) return(data.frame(row.names = 1L))
  values <- lapply(names(by), function(name) {
    x <- grid_variable(grid, name, "by")
    known <- grid_levels(x)
    if (many && is.numeric(x) && length(known) > 5L && length(by[[name]]) != 1L) {
      probabilities <- seq(0, 1, length.out = if (length(by) == 1L) 21L else 7L)
      unique(c(by[[name]], stats::quantile(x, probabilities, names = FALSE, type = 7L)))
    } else if (!is.null(by[[name]])) {
      if (is.factor(x)) factor(as.character(by[[name]]), levels(x)) else by[[name]]
    } else if (is.numeric(x) && length(known) > 5L) {
      stats::quantile(x, c(0.25, 0.5, 0.75), names = FALSE, type = 7L)
    } else if (is.factor(x)) {
      factor(known, levels(x))
    } else {
      known
    }
  })
  names(values) <- names(by)
  grid <- expand.grid(rev(values), KEEP.OUT.ATTRS = FALSE, stringsAsFactors = FALSE)
  grid[rev(seq_along(values))]
}

# variables, other than `by`, on which the effect of the contrast depends: partners in terms with
# it, and whatever else stands inside a function of it
hr_averaged <- function(grid, contrast, by) {
  touched <- grid_touched(grid, c(contrast, by))
  factors <- attr(grid$terms, "factors")
  with_it <- colSums(factors[grid_touched(grid, contrast), , drop = FALSE]) > 0
  partners <- rownames(factors)[rowSums(factors[, with_it, drop = FALSE]) > 0]
  raw <- intersect(c(contrast, by), names(grid$data))
  inside <- unlist(lapply(grid$columns[grid_touched(grid, raw)], all.vars))
  inside <- setdiff(intersect(inside, names(grid$data)), raw)
  unique(c(setdiff(partners, c(touched, grid$cluster)), inside))
}

hr_variance <- function(fit) {
  variance <- fit$var
  if (is.null(variance)) variance <- stats::vcov(fit)
  variance[is.na(variance)] <- 0
  variance
}

# Is L beta the same whichever aliased column was left out? It is if L is orthogonal to every
# combination of columns that is constant within strata.
hr_estimable <- function(grid, step) {
  aliased <- is.na(stats::coef(grid$fit))
  if (!any(aliased)) return(rep(TRUE, nrow(step)))
  x <- grid_matrix(grid, grid$frame)
  group <- if (length(grid$strata)) interaction(grid$frame[grid$strata], drop = TRUE) else 1L
  x <- x - apply(x, 2L, function(column) stats::ave(column, group))
  seen <- x[, !aliased, drop = FALSE]
  weight <- if (any(!aliased)) {
    qr.coef(qr(seen), x[, aliased, drop = FALSE])
  } else {
    matrix(0, 0L, sum(aliased))
  }
  gap <- step[, aliased, drop = FALSE] - step[, !aliased, drop = FALSE] %*% weight
  rowSums(abs(gap)) <= 1e-7 * (1 + rowSums(abs(step)))
}

hr_counts <- function(grid, levels, contrast, pairs) {
  event <- grid$y[, ncol(grid$y)] == 1
  x <- grid_variable(grid, names(contrast), "contrast")
  by <- lapply(names(levels), function(name) grid_variable(grid, name, "by"))
  is_group <- !is.numeric(x) || length(grid_levels(x)) == 2L
  out <- expand.grid(pair = seq_along(pairs), level = seq_len(nrow(levels)))
  counted <- vapply(seq_len(nrow(out)), function(i) {
    here <- rep(TRUE, length(event))
    for (k in seq_along(by)) {
      if (is.numeric(by[[k]]) && length(grid_levels(by[[k]])) > 5L) return(c(NA_real_, NA_real_))
      here <- here & as.character(by[[k]]) == as.character(levels[out$level[[i]], k])
    }
    pair <- pairs[[out$pair[[i]]]]
    if (is_group) here <- here & as.character(x) %in% as.character(c(pair$from, pair$to))
    c(sum(here), sum(here & event))
  }, numeric(2L))
  list(n = as.integer(counted[1L, ]), events = as.integer(counted[2L, ]))
}

# each level minus the first, contrast by contrast
hr_between <- function(step, n_pairs, estimated) {
  pair <- rep(seq_len(n_pairs), length.out = nrow(step))
  parts <- lapply(seq_len(n_pairs), function(k) {
    rows <- which(pair == k & estimated)
    if (length(rows) < 2L) return(NULL)
    sweep(step[rows[-1L], , drop = FALSE], 2L, step[rows[[1L]], ])
  })
  do.call(rbind, c(list(step[0L, , drop = FALSE]), parts))
}

hr_interaction <- function(grid, between, beta, variance, contrast, by) {
  none <- data.frame(
    test = c("Wald", "likelihood ratio"), statistic = NA_real_, df = 0L, p.value = NA_real_
  )
  if (!nrow(between) || all(between == 0)) return(none)
  # an orthonormal basis of the differences
  parts <- svd(t(between))
  rank <- sum(parts$d > 1e-8 * parts$d[[1L]])
  basis <- parts$u[, seq_len(rank), drop = FALSE]
  gap <- crossprod(basis, beta)
  wald <- tryCatch(
    sum(gap * solve(crossprod(basis, variance %*% basis), gap)), error = function(e) NA_real_
  )
  ratio <- hr_likelihood_ratio(grid, contrast, by, rank)
  out <- none
  out$statistic <- c(wald, ratio)
  out$df <- rank
  out$p.value <- stats::pchisq(out$statistic, rank, lower.tail = FALSE)
  out
}

# against the same model without the interaction
hr_likelihood_ratio <- function(grid, contrast, by, df) {
  fit <- grid$fit
  if (!is.null(fit$naive.var) || isTRUE(fit$sr$firth)) return(NA_real_)
  factors <- attr(grid$terms, "factors")
  has <- function(names) colSums(factors[grid_touched(grid, names), , drop = FALSE]) > 0
  both <- colnames(factors)[has(contrast) & has(by)]
  mains <- setdiff(grid_touched(grid, c(contrast, by)), grid$strata)
  parts <- c(sprintf("- %s", both), sprintf("+ %s", mains))
  smaller <- tryCatch({
    change <- stats::as.formula(paste(". ~ .", paste(parts, collapse = " ")))
    formula <- stats::update(stats::formula(fit), change)
    environment(formula) <- grid$enclos
    call <- fit$call
    call$formula <- formula
    call$init <- NULL
    call[[1L]] <- if (inherits(fit, "sr_cox")) {
      quote(survresist::fit_cox)
    } else {
      quote(survival::coxph)
    }
    suppressWarnings(eval(call, grid$enclos))
  }, error = function(e) NULL)
  if (is.null(smaller) || smaller$n != fit$n) return(NA_real_)
  lost <- sum(!is.na(stats::coef(fit))) - sum(!is.na(stats::coef(smaller)))
  if (lost != df) return(NA_real_)
  last <- function(f) f$loglik[[length(f$loglik)]]
  max(2 * (last(fit) - last(smaller)), 0)
}

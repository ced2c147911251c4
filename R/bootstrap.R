#' How much would the coefficients vary from study to study?
#'
#' Draws resamples of the rows (or of whole clusters) of a [fit_cox()] fit with replacement, fits
#' the model to each, and returns the coefficients in the form of [boot::boot()], so that
#' [boot::boot.ci()] and the plot method of boot take them. All of it runs in C: the risk
#' sets are laid out once, a resample is a set of counts, and every search starts at the estimate.
#' Each replicate is the fit to the rows written out as often as they were drawn: copies of a death
#' are tied deaths.
#'
#' @section Replicates without an estimate:
#' A resample can lack what a coefficient needs: it has no event, a factor level is absent, or all
#' events fall in one group and the likelihood has no maximum. Such coefficients are `NA`, and
#' `print()` tells how many there are. Intervals leave them out, which narrows them: with more than
#' a few, use `fit_cox(firth = TRUE)` and its profile intervals.
#'
#' @section Accelerated intervals:
#' `boot::boot.ci(type = "bca")` needs the influence of each unit on each coefficient. It takes the
#' dfbeta residuals, which are that influence in the limit; they are the element `data`, and
#' `statistic` is the coefficient to first order in them. `boot::boot.array()` and what builds on it
#' do not apply, as the replicates come from this package's own random streams.
#'
#' @param fit a fit of [fit_cox()], with `ties` `"efron"` or `"breslow"` and without `firth`.
#' @param times number of resamples, a whole number of at least 1.
#' @param cluster what is resampled as a whole: a vector with a value for each row, or a one-sided
#'   formula such as `~ id`, looked up in the data of the fit. `NULL`: the clusters of the fit if it
#'   has any, otherwise each row by itself.
#' @param strata groups within which to resample, each keeping its number of units: a vector or a
#'   one-sided formula. Not the strata of the model, unless you say so. `NULL`: one group.
#' @param seed a whole number that fixes the resamples, whatever the number of threads. `NULL`:
#'   taken from R's random numbers, so that [set.seed()] governs it.
#'
#' @returns An object of class `c("sr_boot", "boot")`, a list with
#'   \item{t0}{the coefficients of the fit.}
#'   \item{t}{matrix, a row for each resample, a column for each coefficient.}
#'   \item{R}{the number of resamples.}
#'   \item{data}{matrix of influences: a row for each unit, a column for each coefficient.}
#'   \item{seed}{the seed.}
#'   \item{statistic, sim, stype, weights, call}{as boot::boot() returns them.}
#'   \item{state}{for each resample `"done"`, `"infinite"`, `"not converged"` or `"no event"`.}
#'   \item{unit, group}{which unit each row belongs to, and which group each unit (`NULL`: one).}
#'
#' @references
#' Efron B (1979). Bootstrap methods: another look at the jackknife. *Annals of Statistics* 7, 1-26.
#' \doi{10.1214/aos/1176344552}
#'
#' Efron B (1987). Better bootstrap confidence intervals. *Journal of the American Statistical
#' Association* 82, 171-185. \doi{10.1080/01621459.1987.10478410}
#'
#' @examples
#' fit <- fit_cox(Surv(rtime, recur) ~ hormon + nodes + strata(grade), survival::rotterdam)
#' replicates <- bootstrap(fit, times = 200, seed = 1)
#' replicates
#' apply(replicates$t, 2, quantile, c(0.025, 0.975))
#'
#' # patients with several rows are drawn as a whole
#' fit <- fit_cox(Surv(tstart, tstop, status) ~ treat + age, survival::cgd, cluster = id)
#' bootstrap(fit, times = 200, seed = 1)
#' @export
bootstrap <- function(fit, times = 999, cluster = NULL, strata = NULL, seed = NULL) {
  call <- match.call()
  check_boot_fit(fit)
  times <- check_whole(times, "times", 1)
  seed <- if (is.null(seed)) sample.int(.Machine$integer.max, 1L) else check_whole(seed, "seed", 0)
  frame <- cox_rebuild(fit)
  n <- nrow(frame$y)
  cluster <- boot_variable(cluster, "cluster", fit, n)
  if (is.null(cluster)) cluster <- frame$cluster
  if (is.null(cluster) && ncol(frame$y) == 3L) {
    warn_user(c(
      "Rows of (start, stop] data were resampled one by one.",
      "i" = "Rows of one subject belong together: give `cluster`, such as `cluster = ~ id`."
    ), class = "survresist_warning_rows")
  }
  unit <- if (!is.null(cluster)) match(cluster, unique(cluster)) - 1L
  group <- boot_groups(boot_variable(strata, "strata", fit, n), unit)

  t0 <- fit$coefficients
  is_used <- !is.na(t0)
  data <- cox_data(
    as_double_matrix(frame$x)[, is_used, drop = FALSE], as_double_matrix(frame$y), frame$stratum,
    frame$weights, frame$offset
  )
  control <- fit$sr$control
  replicates <- .Call(
    C_cox_boot, data, fit$method == "efron", unname(t0[is_used]),
    list(control$iter.max, control$eps, control$toler.chol), unit, group, times, seed
  )
  t <- matrix(NA_real_, times, length(t0), dimnames = list(NULL, names(t0)))
  t[, is_used] <- replicates$coef
  influence <- matrix(NA_real_, boot_n_unit(unit, n), length(t0), dimnames = list(NULL, names(t0)))
  influence[, is_used] <- boot_influence(fit, data, is_used, unit, group)
  structure(
    list(
      t0 = t0, t = t, R = times, data = influence, seed = seed, statistic = boot_statistic(t0),
      sim = "ordinary", call = call, stype = "w",
      weights = rep(1 / nrow(influence), nrow(influence)),
      state = c("done", "infinite", "not converged", "no event")[replicates$state + 1L],
      unit = unit, group = group
    ),
    class = c("sr_boot", "boot"), boot_type = "boot"
  )
}

#' @export
print.sr_boot <- function(x, digits = max(3L, getOption("digits") - 4L), ...) {
  n_unit <- nrow(x$data)
  cat(sprintf(
    "Bootstrap: %d resamples of %d %s%s, seed %d\n\n", x$R, n_unit,
    if (is.null(x$unit)) "rows" else sprintf("clusters (%d rows)", length(x$unit)),
    if (is.null(x$group)) "" else sprintf(" within %d groups", max(x$group) + 1L), x$seed
  ))
  mean_of <- colMeans(x$t, na.rm = TRUE)
  print(cbind(
    original = x$t0, bias = mean_of - x$t0, "std. error" = apply(x$t, 2L, stats::sd, na.rm = TRUE)
  ), digits = digits)
  lost <- colSums(is.na(x$t))[!is.na(x$t0)]
  if (any(lost > 0)) {
    why <- table(x$state[x$state != "done"])
    cat(
      "\nResamples without an estimate: ",
      paste0(names(lost)[lost > 0], " ", lost[lost > 0], collapse = ", "),
      if (length(why) > 0L) paste0(" (", paste(why, names(why), collapse = ", "), ")"), "\n",
      sep = ""
    )
  }
  invisible(x)
}

#' @export
plot.sr_boot <- function(x, ...) {
  rlang::check_installed("boot", "to plot resampled coefficients")
  loadNamespace("boot")
  NextMethod()
}

# How often each unit was drawn: a matrix of units by resamples.
boot_counts <- function(object) {
  .Call(C_resample_counts, nrow(object$data), object$group, object$R, object$seed)
}

check_boot_fit <- function(fit) {
  if (!inherits(fit, "sr_cox")) {
    stop_input(c(
      "`fit` must be a fit of `fit_cox()`.", "x" = paste0("It is of class ", class(fit)[1], ".")
    ), arg = "fit")
  }
  if (length(fit$coefficients) == 0L || all(is.na(fit$coefficients))) {
    stop_input(c("`fit` has no coefficient to resample."), arg = "fit")
  }
  if (isTRUE(fit$sr$firth) || fit$method == "exact") {
    stop_unsupported(c(
      paste0("There is no bootstrap of a fit with ", if (isTRUE(fit$sr$firth)) {
        "`firth = TRUE`."
      } else {
        "`ties = \"exact\"`."
      }),
      "i" = if (isTRUE(fit$sr$firth)) {
        "Its profile intervals serve small samples; or fit without `firth`."
      } else {
        "Fit with `ties = \"efron\"` or `\"breslow\"`."
      }
    ), arg = "fit")
  }
}

check_whole <- function(value, arg, least) {
  is_whole <- is.numeric(value) && length(value) == 1L && !is.na(value) && value >= least &&
    value <= .Machine$integer.max && value == floor(value)
  if (!is_whole) {
    stop_input(c(
      sprintf("`%s` must be one whole number of at least %d.", arg, least),
      x = sprintf("Found %s.", describe(value))
    ), arg = arg)
  }
  as.integer(value)
}

# A variable with a value for each row used, from a vector or a one-sided formula.
boot_variable <- function(value, arg, fit, n) {
  if (is.null(value)) return(NULL)
  if (inherits(value, "formula")) value <- boot_formula_variable(value, arg, fit)
  if (length(value) == n + length(fit$na.action) && length(fit$na.action) > 0L) {
    value <- value[-fit$na.action]
  }
  if (length(value) != n) {
    stop_input(c(
      sprintf("`%s` must have a value for each row of the fit.", arg),
      "x" = sprintf("The fit used %d rows, `%s` has %d values.", n, arg, length(value))
    ), arg = arg)
  }
  if (anyNA(value)) {
    stop_input(c(
      sprintf("`%s` must not be missing.", arg), "x" = format_rows(which(is.na(value)))
    ), arg = arg, rows = which(is.na(value)))
  }
  value
}

# The variable of `~ id`, in the rows of the data that `subset` kept
boot_formula_variable <- function(formula, arg, fit) {
  env <- environment(fit$terms)
  data <- eval(fit$call$data, env)
  frame <- tryCatch(
    stats::model.frame(formula, if (is.null(data)) env else data, na.action = stats::na.pass),
    error = function(e) {
      stop_input(c(
        sprintf("`%s` must name columns of the data of the fit.", arg), x = conditionMessage(e)
      ), arg = arg)
    }
  )
  interaction(frame, drop = TRUE)[rows_in_subset(fit$call, data, env, nrow(frame))]
}

# The group of each unit, 0-based; clusters must lie within one group.
boot_groups <- function(strata, unit) {
  if (is.null(strata)) return(NULL)
  group <- match(strata, unique(strata)) - 1L
  if (is.null(unit)) return(group)
  of_unit <- group[match(seq_len(max(unit) + 1L) - 1L, unit)]
  astray <- which(of_unit[unit + 1L] != group)
  if (length(astray) > 0L) {
    stop_input(c(
      "Each cluster must lie within one of `strata`.",
      "x" = paste0(format_rows(astray), " lie in another than the cluster's first row.")
    ), arg = "strata", rows = astray)
  }
  of_unit
}

boot_n_unit <- function(unit, n) if (is.null(unit)) n else max(unit) + 1L

# dfbeta of the units, centred within the groups of the resampling
boot_influence <- function(fit, data, is_used, unit, group) {
  var <- if (is.null(fit$naive.var)) fit$var else fit$naive.var
  score <- cox_score_residuals(data, as.double(fit$linear.predictors), fit$method, weighted = TRUE)
  influence <- score %*% var[is_used, is_used, drop = FALSE]
  if (!is.null(unit)) influence <- rowsum(influence, unit, reorder = TRUE)
  if (is.null(group)) return(unname(influence))
  size <- tabulate(group + 1L)[group + 1L]
  mean_of <- rowsum(influence, group, reorder = TRUE) / tabulate(group + 1L)
  unname((influence - mean_of[group + 1L, , drop = FALSE]) * nrow(influence) / size)
}

# The coefficients to first order in the weights of the units
boot_statistic <- function(t0) {
  force(t0)
  function(data, w) t0 + nrow(data) * drop(crossprod(data, as.numeric(w))) / sum(w)
}

as_double_matrix <- function(x) {
  x <- unclass(x)
  matrix(as.double(x), nrow(x))
}

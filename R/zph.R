#' Do the hazards stay proportional over time?
#'
#' Tests, for each term of a Cox model and for all together, whether its coefficient changes with
#' time, and gives the scaled Schoenfeld residuals that show how. The same test as
#' [survival::cox.zph()], in a form whose cost grows in proportion to the number of rows.
#'
#' @section The test:
#' In \eqn{\beta(t) = \beta + \theta g(t)}{b(t) = b + theta g(t)} it is the score test of
#' \eqn{\theta = 0}{theta = 0}, with score \eqn{U = \sum_i w_i g(t_i) (x_i - \bar x(t_i))}{
#' U = sum_i w_i g(t_i) (x_i - xbar(t_i))} over the events and information blocks
#' \eqn{\sum V}{sum V}, \eqn{\sum g V}{sum g V}, \eqn{\sum g^2 V}{sum g^2 V}, where \eqn{\bar x(t)}{
#' xbar(t)} and \eqn{V(t)} are mean and variance of the covariates over the risk set. `g` is centred
#' at its mean over the events.
#'
#' @param fit a Cox model, from [fit_cox()] or [survival::coxph()], or a Fine-Gray model from
#'   [fit_finegray()]: then risk sets, and the information, have its weights.
#' @param transform the clock `g`: `"km"` (1 minus the Kaplan-Meier curve; for a Fine-Gray model the
#'   cumulative incidence), `"rank"`, `"identity"`, `"log"`, or a function of time.
#' @param terms `TRUE`: one test for all columns of a term; `FALSE`: one for each column.
#' @param singledf `TRUE`: a term of several columns is tested with one degree of freedom, for its
#'   contribution to the linear predictor. Here survival 3.8 gives another number, which changes
#'   when a covariate is given another unit; ours is the score test of `g(t)` times that
#'   contribution.
#' @param global `TRUE` adds the test of all terms together.
#'
#' @returns An object of class `cox.zph`, for which survival has `print()`, `plot()` and `[`, with
#'   `table` (matrix: chi-square, degrees of freedom, p for each term), `x` (`g` at each event),
#'   `time` (time of each event), `strata` (of each event, if the model has strata), `y` (scaled
#'   Schoenfeld residuals plus the coefficient: events x terms), `var` (variance of `y`),
#'   `transform` and `call`.
#'
#' @references Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on
#'   weighted residuals. Biometrika 1994;81:515-526. \doi{10.1093/biomet/81.3.515}
#' @seealso [plot_zph()] to draw it.
#' @examples
#' fit <- fit_cox(Surv(dtime, death) ~ age + grade + nodes, data = survival::rotterdam)
#' zph(fit)
#' zph(fit, transform = "log")$table
#' @export
zph <- function(fit, transform = "km", terms = TRUE, singledf = FALSE, global = TRUE) {
  call <- match.call()
  if (inherits(fit, "sr_finegray")) {
    zph_clock(fit$y, transform, "")
    name <- zph_clock_name(transform, substitute(transform))
    return(zph_finegray(fit, transform, name, terms, singledf, global, call))
  }
  check_zph(fit)
  data <- cox_rebuild(fit, as_columns = TRUE, is_scanned = TRUE)
  y <- data$y
  if (!is.double(y)) storage.mode(y) <- "double"
  clock <- zph_clock(y, transform, zph_clock_name(transform, substitute(transform)))
  kept <- zph_columns(fit, terms)
  x <- data$x
  if (!all(kept$is_kept)) {
    x <- if (is.list(x)) x[kept$is_kept] else x[, kept$is_kept, drop = FALSE]
  }
  if (is.integer(x)) storage.mode(x) <- "double"
  ask <- function(x) {
    .Call(
      C_cox_zph, cox_data(x, y, data$stratum, as_double(data$weights)),
      as.double(fit$linear.predictors), identical(fit$method, "efron"), clock$kind, clock$given
    )
  }
  found <- ask(x)
  check_clock(found, clock, y)
  if (!all(is.finite(found$score))) cox_rebuild(fit) # data that have changed are an error there
  found <- zph_sweep(found, x, ask)
  coef <- fit$coefficients[kept$is_kept]
  result <- list(
    table = zph_table(found, coef, kept$assign, terms && singledf, global),
    x = found$clock, time = found$time
  )
  if (!is.null(data$strata)) {
    result$strata <- structure(
      found$stratum + 1L, levels = levels(data$strata), class = class(data$strata)
    )
  }
  # text that is made when it is looked at
  labels <- as.character(.Call(C_cox_zph_short, found$time))
  scaled <- zph_residuals(found, coef, kept$assign, terms, list(labels, names(kept$assign)))
  result$y <- scaled$y
  result$var <- scaled$var
  result$transform <- clock$name
  result$call <- call
  structure(result, class = "cox.zph")
}

check_zph <- function(fit, call = rlang::caller_env()) {
  if (!inherits(fit, "coxph")) {
    stop_input(c(
      "`fit` must be a Cox model.",
      x = paste0("It is of class ", paste(class(fit), collapse = "/"), "."),
      i = "Fit one with `fit_cox()`."
    ), arg = "fit", call = call)
  }
  if (inherits(fit, "coxph.null")) {
    stop_input(c(
      "`fit` must have covariates: a model without them has no coefficient that could change."
    ), arg = "fit", call = call)
  }
  if (inherits(fit, c("coxphms", "coxph.penal")) || !is.null(attr(fit$terms, "specials")$tt)) {
    stop_unsupported(c(
      "`zph()` does not handle multi-state models, penalised terms, and `tt()` terms.",
      i = "Use `survival::cox.zph()`."
    ), arg = "fit", call = call)
  }
}

zph_clock_name <- function(transform, expr) {
  if (is.character(transform)) return(transform)
  name <- deparse(expr)
  if (length(name) > 1L) "user" else name
}

# list(kind: as C knows it, 0 with what a function gives for each row, name)
zph_clock <- function(y, transform, name, call = rlang::caller_env()) {
  known <- c("km", "rank", "identity", "log")
  if (!is.function(transform) && !(rlang::is_string(transform) && transform %in% known)) {
    stop_input(c(
      '`transform` must be "km", "rank", "identity", "log" or a function of time.',
      x = paste("Found", rlang::as_label(transform))
    ), arg = "transform", call = call)
  }
  if (!is.function(transform)) return(list(kind = match(transform, known), name = name))
  given <- as.double(transform(zph_times(y)))
  if (length(given) != nrow(y)) {
    stop_input(c(
      "`transform` must give one number for each time.",
      x = sprintf("It gives %d for %d times.", length(given), nrow(y))
    ), arg = "transform", call = call)
  }
  list(kind = 0L, given = given, name = name)
}

# The times at which rows end, without the names of the rows
zph_times <- function(y) {
  last <- (ncol(y) - 1L) * nrow(y)
  unclass(y)[seq.int(last - nrow(y) + 1L, length.out = nrow(y))]
}

check_clock <- function(found, clock, y, call = rlang::caller_env()) {
  if (all(is.finite(found$clock))) return(invisible())
  shown <- zph_times(y)
  shown <- if (clock$kind == 0L) clock$given else suppressWarnings(log(shown))
  rows <- which(!is.finite(shown) & unclass(y)[, ncol(y)] != 0)
  stop_input(c(
    "`transform` must give a finite number for the time of every event.",
    x = sprintf(
      "It does not at time %s.", format(found$time[which(!is.finite(found$clock))[1L]])
    ),
    i = 'Try `transform = "km"` or "rank".'
  ), arg = "transform", rows = unname(rows), call = call)
}

# Which coefficients are estimated, and which of these belong to each term
zph_columns <- function(fit, terms) {
  is_kept <- !is.na(fit$coefficients)
  assign <- fit$assign
  if (!terms) {
    assign <- stats::setNames(as.list(seq_along(is_kept)), names(fit$coefficients))
  }
  place <- cumsum(is_kept)
  assign <- lapply(assign, function(columns) unname(place[columns[is_kept[columns]]]))
  list(is_kept = is_kept, assign = assign[lengths(assign) > 0L])
}

zph_table <- function(found, coef, assign, singledf, global) {
  p <- length(coef)
  score <- drop(found$score)
  # what is left of the information of theta when beta is estimated
  left <- found$info_gg - found$info_g %*% solve_information(found$info, found$info_g)
  # less than this is what rounding leaves of a clock that moves only where one row is at risk
  if (any(diag(left) <= 1e-8 * diag(found$info_gg))) {
    stop_input(c(
      "The clock must move while there are rows to compare: `transform` stands still there.",
      i = 'Try `transform = "rank"` or "identity".'
    ), arg = "transform", call = rlang::caller_env())
  }
  score_x <- if (is.null(found$basis)) score else drop(score %*% found$basis)
  left_x <- if (is.null(found$basis)) left else crossprod(found$basis, left %*% found$basis)
  chisq <- vapply(assign, function(j) {
    part <- left_x[j, j, drop = FALSE]
    if (singledf && length(j) > 1L) {
      return(sum(coef[j] * score_x[j])^2 / drop(coef[j] %*% part %*% coef[j]))
    }
    sum(score_x[j] * solve_information(part, score_x[j]))
  }, numeric(1))
  df <- if (singledf) rep(1L, length(assign)) else lengths(assign)
  label <- names(assign)
  if (global) {
    chisq <- c(chisq, sum(score * solve_information(left, score)))
    df <- c(df, p)
    label <- c(label, "GLOBAL")
  }
  table <- cbind(unname(chisq), unname(df), stats::pchisq(chisq, df, lower.tail = FALSE))
  dimnames(table) <- list(label, c("chisq", "df", "p"))
  table
}

# solve(), with rows and columns brought to the same scale first
solve_information <- function(info, right) {
  size <- 1 / sqrt(diag(info))
  size[!is.finite(size)] <- 1
  size * solve(info * outer(size, size), size * right, tol = 1e-15)
}

# Schoenfeld residuals times the mean variance's inverse, plus the coefficient. Columns of one term
# become the linear predictor that they form, whose coefficient is 1.
zph_residuals <- function(found, coef, assign, terms, labels) {
  used <- found$is_varying * drop(found$stratum_event)
  for (j in assign) {
    # a level of a factor that a stratum lacks is no constant
    if (length(j) > 1L) used[, j] <- apply(used[, j, drop = FALSE], 1L, max)
  }
  events <- matrix(0, length(coef), length(coef))
  for (s in seq_len(nrow(used))) events <- events + outer(used[s, ], used[s, ], pmin)
  variance <- zph_information(found) / ifelse(events == 0, 1, events)
  combine <- diag(1, length(coef))
  slope <- coef
  if (terms && any(lengths(assign) > 1L)) {
    combine <- vapply(assign, function(j) {
      replace(numeric(length(coef)), j, if (length(j) == 1L) 1 else coef[j])
    }, numeric(length(coef)))
    variance <- t(combine) %*% variance %*% combine
    used <- used[, vapply(assign, `[`, 1L, 1L), drop = FALSE]
    slope <- ifelse(lengths(assign) == 1L, coef[vapply(assign, `[`, 1L, 1L)], 1)
  }
  inverse <- if (!is.null(found$root) && all(events == events[[1L]])) {
    zph_inverse(found, combine, events[[1L]])
  } else {
    solve_information(variance, diag(1, nrow(variance)))
  }
  if (all(used > 0)) {
    y <- .Call(C_cox_zph_scale, found$schoenfeld, combine %*% inverse, as.double(slope), labels)
  } else {
    residual <- found$schoenfeld %*% combine
    y <- scale_by_stratum(residual, variance, used, slope, drop(found$stratum_event))
    dimnames(y) <- labels
  }
  list(y = y, var = unname(inverse))
}

# Each stratum by the columns that vary in it; the others are missing there.
scale_by_stratum <- function(residual, variance, used, slope, events) {
  scaled <- matrix(NA_real_, nrow(residual), ncol(residual))
  stratum <- rep(seq_len(nrow(used)), events)
  for (s in seq_len(nrow(used))) {
    column <- which(used[s, ] > 0)
    row <- which(stratum == s)
    if (length(column) == 0L || length(row) == 0L) next
    scaled[row, column] <- residual[row, column, drop = FALSE] %*%
      solve_information(variance[column, column, drop = FALSE], diag(1, length(column)))
  }
  scaled + rep(slope, each = nrow(scaled))
}

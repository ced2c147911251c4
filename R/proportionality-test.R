#' Does an effect change with time?
#'
#' Score tests of proportional hazards. For a fit of [fit_cox()] or [fit_finegray()] they are those
#' of [zph()].
#'
#' @section The test:
#' For a fit of [fit_icph()]. In
#' \eqn{\beta(t) = \beta + \theta g(t)}{b(t) = b + theta g(t)} it is the score test of
#' \eqn{\theta = 0}{theta = 0} in the likelihood of the intervals: the slope of the log-likelihood
#' in \eqn{\theta}{theta}, against its information when coefficients and jumps follow. `g` is taken
#' at the middle of each innermost interval and centred at its mean over the baseline's mass. The
#' `slope` is the estimate of \eqn{\theta}{theta} after one Newton step: by how much the coefficient
#' grows while `g` grows by 1.
#'
#' @param fit from [fit_icph()], [fit_cox()] or [fit_finegray()].
#' @param transform the clock `g`: `"survival"` (1 minus the baseline survival), `"rank"` (of the
#'   intervals with mass), `"identity"`, `"log"`, or a function of time.
#' @param terms `TRUE`: one test for all columns of a term; `FALSE`: one for each column.
#' @param x such a test.
#' @param digits significant digits.
#' @param ... for Cox and Fine-Gray models: arguments of [zph()]. Else not used.
#' @returns `proportionality_test()`: a `cox.zph` object where [zph()] makes the test, else a list
#'   of class `sr_proportionality` with `table` (matrix: `chisq`, `df`, `p`, a row for each term
#'   and, where there are several, `GLOBAL`), `slope` (data frame: `column`, `slope`,
#'   `std.error`), `transform` and `call`. `tidy()`: a data frame with `term`, `statistic`, `df`,
#'   `p.value`.
#' @references Grambsch PM, Therneau TM (1994). Proportional hazards tests and diagnostics based on
#'   weighted residuals. *Biometrika* 81, 515-526. \doi{10.1093/biomet/81.3.515}
#' @examples
#' visit <- 182.625
#' rotterdam <- survival::rotterdam
#' rotterdam$left <- visit * floor(rotterdam$rtime / visit)
#' rotterdam$right <- ifelse(rotterdam$recur == 1, rotterdam$left + visit, NA)
#' seen <- rotterdam[rotterdam$left > 0 | !is.na(rotterdam$right), ]
#' fit <- fit_icph(Surv(left, right, type = "interval2") ~ grade + er, seen)
#' proportionality_test(fit)
#' @export
proportionality_test <- function(fit, ...) UseMethod("proportionality_test")

#' @export
proportionality_test.default <- function(fit, ...) {
  stop_unsupported(c(
    sprintf("There is no test of proportionality for <%s>.", class(fit)[[1L]]),
    i = if (inherits(fit, "sr_ttp")) {
      "Fit with `ttp_spline()`, with and without `tvc`, and use `anova()`."
    }
  ), arg = "fit")
}

#' @rdname proportionality_test
#' @export
proportionality_test.coxph <- function(fit, ...) zph(fit, ...)

#' @rdname proportionality_test
#' @export
proportionality_test.sr_finegray <- function(fit, ...) zph(fit, ...)

#' @rdname proportionality_test
#' @export
proportionality_test.sr_icph <- function(fit, transform = "survival", terms = TRUE, ...) {
  call <- match.call()
  check_flag(terms, "terms")
  name <- if (is.function(transform)) deparse1(substitute(transform)) else transform
  known <- which(!is.na(fit$coefficients))
  check_proportionality(fit, known)
  found <- time_effect_terms(fit, transform, known)
  groups <- proportionality_groups(fit, known, terms)
  rows <- lapply(groups, function(at) score_test(found$score[at], found$information[at, at]))
  if (length(rows) > 1L) rows$GLOBAL <- score_test(found$score, found$information)
  table <- do.call(rbind, rows)
  colnames(table) <- c("chisq", "df", "p")
  own <- diag(found$information)
  structure(list(
    table = table,
    slope = data.frame(
      column = names(fit$coefficients)[known], slope = found$score / own,
      std.error = 1 / sqrt(own)
    ),
    transform = name, call = call
  ), class = "sr_proportionality")
}

check_proportionality <- function(fit, known) {
  if (length(known) == 0L) {
    stop_input("There must be a covariate whose effect could change.", arg = "fit")
  }
  if (!is.null(fit$naive.var)) {
    stop_unsupported(c(
      "There is no test of proportionality with a robust variance.",
      i = "Fit without `cluster` and `robust`."
    ), arg = "fit")
  }
  if (fit$n_support > 3000) {
    stop_unsupported(c(
      "There are too many intervals with mass for this test.",
      x = sprintf("Found %.0f, at most 3000 are allowed.", fit$n_support),
      i = "Where times are all but exact, use `zph(fit_cox(...))`."
    ), arg = "fit")
  }
}

# Places among the known columns, by term or by column
proportionality_groups <- function(fit, known, by_term) {
  if (!by_term) {
    groups <- as.list(seq_along(known))
    names(groups) <- names(fit$coefficients)[known]
    return(groups)
  }
  groups <- lapply(fit$assign, function(columns) which(known %in% columns))
  groups[lengths(groups) > 0L]
}

score_test <- function(score, information) {
  information <- as.matrix(information)
  chisq <- tryCatch(sum(score * solve(information, score)), error = function(e) NA_real_)
  df <- length(score)
  c(chisq, df, stats::pchisq(chisq, df, lower.tail = FALSE))
}

# Score and information of theta, the coefficients and the jumps taken out. The derivatives are
# those of src/model_icph_eval.c with the hazard of each jump times exp(theta x g).
time_effect_terms <- function(fit, transform, known) {
  data <- icph_rebuild(fit)
  node <- fit$nodes
  hazard <- ifelse(node$kind == node_kinds[["last"]], Inf, node$jump)
  node <- node[hazard > 0, ]
  hazard <- hazard[hazard > 0]
  clock <- proportionality_clock(node, hazard, transform)
  at <- places_of_rows(data, node, hazard)
  jump <- ifelse(is.finite(hazard), hazard, 0)
  x <- sweep(data$x, 2L, fit$means)
  risk <- exp(drop(x %*% zero_aliased(fit)) + (data$offset %||% 0))
  x <- x[, known, drop = FALSE]
  w <- as.vector(data$weights %||% rep.int(1, nrow(x)))
  sums <- lapply(0:2, function(k) c(0, cumsum(jump * clock^k)))
  survived <- lapply(sums, function(s) risk * (s[at$left] - s[at$entry]))
  met <- lapply(sums, function(s) ifelse(at$is_seen, risk * (s[at$right] - s[at$left]), 0))
  t <- ifelse(at$is_seen, 1 / expm1(met[[1L]]), 0)
  curve <- t * (1 + t)
  # in theta^k beta^(2 - k)
  second <- function(k, i, j) survived[[k]] - t * met[[k]] + curve * met[[i]] * met[[j]]
  cross <- function(v) crossprod(x, w * v * x)
  effect <- rbind(
    cbind(cross(second(3, 2, 2)), cross(second(2, 2, 1))),
    cbind(cross(second(2, 2, 1)), cross(second(1, 1, 1)))
  )
  survivors <- add_along(at$entry, at$left, w * risk * x, length(jump))
  reached <- add_along(at$left, at$right, w * risk * t * x * at$is_seen, length(jump))
  weighed <- function(k) {
    add_along(at$left, at$right, w * risk * curve * met[[k]] * x * at$is_seen, length(jump))
  }
  mixed <- cbind(clock * (survivors - reached) + weighed(2), survivors - reached + weighed(1))
  is_free <- is.finite(hazard)
  jumps <- range_products(at, w * risk^2 * curve * at$is_seen, length(jump))
  mixed <- mixed[is_free, , drop = FALSE]
  rest <- effect - crossprod(mixed, solve(jumps[is_free, is_free, drop = FALSE], mixed))
  p <- ncol(x)
  theta <- seq_len(p)
  list(
    score = colSums(w * x * (t * met[[2L]] - survived[[2L]])),
    information = rest[theta, theta, drop = FALSE] - rest[theta, -theta, drop = FALSE] %*%
      solve(rest[-theta, -theta, drop = FALSE], rest[-theta, theta, drop = FALSE])
  )
}

# g at each interval with mass, centred at its mean over the mass
proportionality_clock <- function(node, hazard, transform) {
  middle <- (node$from + node$to) / 2
  within <- function(f) stats::ave(hazard, node$stratum, FUN = f)
  after <- exp(-within(cumsum))
  mass <- stats::ave(after, node$stratum, FUN = function(s) c(1, s[-length(s)]) - s)
  given <- if (is.function(transform)) {
    transform(middle)
  } else {
    switch(
      choose_one(transform, c("survival", "rank", "identity", "log"), "transform"),
      survival = 1 - after - mass / 2, rank = rank(middle), identity = middle, log = log(middle)
    )
  }
  if (!is.numeric(given) || length(given) != length(middle) || !all(is.finite(given))) {
    stop_input(c(
      "`transform` must give a finite number for every time.",
      x = sprintf("Found %s.", describe(given))
    ), arg = "transform")
  }
  given - sum(mass * given) / sum(mass)
}

# Each row's entry, left and right end as places in c(0, sums over the intervals with mass); who can
# have survived without limit has no right end that counts.
places_of_rows <- function(data, node, hazard) {
  times <- data$times
  n <- length(times$left)
  stratum <- data$stratum %||% rep.int(0L, n)
  entry <- times$entry %||% numeric(n)
  at <- list(entry = integer(n), left = integer(n), right = integer(n))
  for (s in unique(stratum)) {
    rows <- which(stratum == s)
    here <- which(node$stratum == s)
    # places before this stratum's own; sums only enter as differences within it
    base <- if (length(here) > 0L) here[[1L]] else 1L
    place <- function(t, open) base + findInterval(t, node$to[here], left.open = open)
    exact <- times$left[rows] == times$right[rows]
    at$entry[rows] <- place(entry[rows], FALSE)
    at$left[rows] <- ifelse(
      exact, place(times$left[rows], TRUE), place(times$left[rows], FALSE)
    )
    at$right[rows] <- place(times$right[rows], FALSE)
  }
  n_last <- c(0, cumsum(!is.finite(hazard)))
  at$is_seen <- is.finite(times$right) & n_last[at$right] == n_last[at$left]
  at
}

# For each interval k: the sum of `value` over the rows with from < k <= to
add_along <- function(from, to, value, m) {
  sums <- rowsum(rbind(value, -value), c(from, to))
  change <- matrix(0, m + 1L, ncol(value))
  change[as.integer(rownames(sums)), ] <- sums
  apply(change, 2L, cumsum)[seq_len(m), , drop = FALSE]
}

# m x m: the sum of `value` over the rows that have both intervals between their ends
range_products <- function(at, value, m) {
  rows <- which(at$is_seen)
  pair <- (at$left[rows] - 1) * (m + 1) + at$right[rows]
  sums <- drop(rowsum(value[rows], pair))
  pair <- as.double(names(sums))
  from <- (pair - 1) %/% (m + 1) + 1
  to <- (pair - 1) %% (m + 1) + 1
  corner <- matrix(0, m + 1L, m + 1L)
  add <- function(i, j, by) {
    total <- rowsum(by, i + (j - 1) * (m + 1))
    place <- as.integer(rownames(total))
    corner[place] <<- corner[place] + total
  }
  add(from, from, sums)
  add(from, to, -sums)
  add(to, from, -sums)
  add(to, to, sums)
  half <- apply(corner, 2L, cumsum)
  t(apply(half, 1L, cumsum))[seq_len(m), seq_len(m), drop = FALSE]
}

#' @rdname proportionality_test
#' @export
print.sr_proportionality <- function(x, digits = max(1L, getOption("digits") - 3L), ...) {
  cat(sprintf("Does the effect change with time? Score tests, clock: %s\n", x$transform))
  table <- data.frame(
    chisq = format(x$table[, "chisq"], digits = digits), df = x$table[, "df"],
    p = format.pval(x$table[, "p"], digits = 2)
  )
  row.names(table) <- rownames(x$table)
  print(table)
  invisible(x)
}

#' @rdname proportionality_test
#' @exportS3Method generics::tidy sr_proportionality
tidy.sr_proportionality <- function(x, ...) {
  as_table(data.frame(
    term = rownames(x$table), statistic = unname(x$table[, "chisq"]),
    df = unname(x$table[, "df"]), p.value = unname(x$table[, "p"])
  ))
}

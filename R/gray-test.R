#' Do the groups differ in the cumulative incidence of an event?
#'
#' Gray's test for each kind of event: it compares the shares that have had it by each time, where
#' a log-rank test of the cause-specific hazard (`fit_cox()` or `survival::survdiff()` with the
#' other kinds as censored) compares rates among those still free of all events.
#'
#' @section The test:
#' In group \eqn{k}, with \eqn{Y_k} at risk, \eqn{S_k} free of all events and incidence \eqn{F_k},
#' \deqn{z_k = \sum_t (1 - F_0(t-))^\rho \left(d_k - d \, g_k / \sum_l g_l\right), \qquad
#' g_k = Y_k (1 - F_k(t-)) / S_k(t-)}{z_k = sum_t (1 - F0(t-))^rho (d_k - d g_k / sum_l g_l),
#' g_k = Y_k (1 - F_k(t-)) / S_k(t-)}
#' with \eqn{d_k} events of the cause at \eqn{t}, \eqn{d} of them in all groups, and \eqn{F_0} the
#' incidence in all groups together. The statistic is \eqn{z' V^{-1} z} with Gray's variance,
#' including its correction for ties; strata add up. The numbers are those of [cmprsk::cuminc()].
#' The test takes right-censored data without weights or clusters.
#'
#' @param x a formula as for [fit_cif()], or what [fit_cif()] gave.
#' @param data,subset,na.action,timefix see [fit_cif()].
#' @param rho 0, the default, weighs all times alike; a positive value gives more weight to early
#'   ones.
#' @param ... not used.
#' @returns A data frame of class `sr_gray_test` with a row for each cause that was seen: `cause`,
#'   `statistic` (chi-square), `df`, `p.value`. `tidy()` gives it as a plain table.
#' @references Gray RJ (1988). A class of K-sample tests for comparing the cumulative incidence of a
#'   competing risk. *Annals of Statistics* 16, 1141-1154. \doi{10.1214/aos/1176350951}
#' @examples
#' # Does male sex go with plasma cell malignancy, or with death before it?
#' mgus <- survival::mgus2
#' mgus$event <- with(mgus, factor(
#'   ifelse(pstat == 1, 1, 2 * death), 0:2, c("none", "malignancy", "death")
#' ))
#' mgus$months <- with(mgus, ifelse(pstat == 1, ptime, futime))
#' gray_test(Surv(months, event) ~ sex, mgus)
#' # within strata of age
#' gray_test(Surv(months, event) ~ sex + strata(cut(age, c(0, 60, 75, 100))), mgus)
#' @export
gray_test <- function(x, ...) UseMethod("gray_test")

#' @rdname gray_test
#' @export
gray_test.formula <- function(x, data, subset, na.action, rho = 0, timefix = TRUE, ...) {
  call <- match.call()
  names(call)[[2L]] <- "formula"
  if (!is.numeric(rho) || length(rho) != 1L || !is.finite(rho)) {
    stop_input(c("`rho` must be one number.", x = sprintf("Found %s.", describe(rho))), arg = "rho")
  }
  check_gray_dots(...names())
  request <- cif_request(
    call, x, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action))
  )
  rows <- cif_rows(request)
  reason <- why_no_gray(rows)
  if (!is.null(reason)) stop_no_gray(reason, "x")
  found <- cif_compute(
    rows, cif_origin(rows), check_flag(timefix, "timefix"),
    list(rows$group, rows$stratum, as.double(rho)), FALSE
  )
  structure(gray_table(found, rows), class = c("sr_gray_test", "data.frame"))
}

#' @rdname gray_test
#' @export
gray_test.survfit <- function(x, ...) {
  check_gray_dots(...names())
  table <- x$gray
  if (is.null(table)) {
    stop_no_gray(if (is.null(x$states)) {
      "These curves know one kind of event."
    } else if (!identical(deparse1(x$call[[1L]]), "fit_cif")) {
      "These curves are not of `fit_cif()`."
    } else {
      "These curves are of one group, or of weighted, clustered or (start, stop] data."
    }, "x")
  }
  if (length(x$strata) != attr(table, "n_curve")) {
    stop_input(c(
      "Some of the curves were taken out, and the test is of all.",
      i = "Give the formula and the data: `gray_test(formula, data, subset = )`."
    ), arg = "x")
  }
  structure(table, class = c("sr_gray_test", "data.frame"))
}

check_gray_dots <- function(given) {
  if (is.null(given)) return(invisible())
  stop_input(c(
    sprintf("`gray_test()` has no argument %s.", format_names(given)),
    i = if (any(c("weights", "cluster", "id") %in% given)) {
      "Gray's test takes one unweighted row a subject."
    }
  ), arg = "...")
}

# Why there is no test, NULL where there is one
why_no_gray <- function(rows) {
  if (max(rows$group) == 0L) return("There is one group.")
  if (!is.null(rows$start)) return("The data are (start, stop].")
  if (!is.null(rows$weights)) return("The rows have weights.")
  if (!is.null(rows$cluster)) return("The rows come in clusters.")
  NULL
}

stop_no_gray <- function(reason, arg) {
  stop_unsupported(c(
    "Gray's test compares groups of right-censored subjects, one row each.", x = reason,
    i = "For other data, test the effect of the group with `fit_finegray()`."
  ), arg = arg)
}

gray_table <- function(found, rows) {
  seen <- which(colSums(found$n.left)[-1L] > 0)
  m <- ncol(found$score)
  tests <- lapply(seen, function(j) {
    form <- ranked_form(matrix(found$var[j, ], m, m), found$score[j, ])
    c(statistic = form$value, df = form$rank)
  })
  tests <- do.call(rbind, tests)
  table <- data.frame(
    cause = rows$states[seen], statistic = tests[, 1L], df = as.integer(tests[, 2L]),
    p.value = stats::pchisq(tests[, 1L], tests[, 2L], lower.tail = FALSE)
  )
  structure(table, n_curve = length(rows$labels))
}

#' @export
print.sr_gray_test <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  cat("Gray's test of equal cumulative incidence\n\n")
  shown <- as.data.frame(unclass(x)[c("cause", "statistic", "df", "p.value")])
  shown$statistic <- format(round(shown$statistic, 2), nsmall = 2)
  shown$p.value <- format.pval(x$p.value, digits = digits)
  names(shown) <- c("cause", "chisq", "df", "p")
  print(shown, row.names = FALSE)
  invisible(x)
}

#' @exportS3Method generics::tidy sr_gray_test
tidy.sr_gray_test <- function(x, ...) {
  attr(x, "n_curve") <- NULL
  as_table(x)
}

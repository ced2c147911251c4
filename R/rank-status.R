# RANK status: a marker cut in two, which remembers where it was cut.
#
# The object is a factor with three more attributes (`cut`, `origin`, `counts`). A formula that
# holds `rank_status(x)` stores the call with the cut of the training data in place of the rule
# (`makepredictcall()`), so that new patients are judged by the cut that the model was fitted with.

#' Who is RANK-high, and where was the cut?
#'
#' Cuts a marker in two: "high" is strictly above the cut, a value equal to the cut is "low".
#' The result is a factor that keeps its cut, the rule that gave it, and how many values fell on
#' each side.
#'
#' Inside a model formula the cut is remembered: `predict(fit, newdata)` uses the cut of the data
#' that the model was fitted to, never the median of the new patients. As with every function in
#' a formula (`scale()`, `splines::ns()`), the rule sees all rows of `data`, before `subset` and
#' before rows with missing values are left out. [survival::coxph()] remembers it when
#' `rank_status()` stands alone or in an interaction; within `strata()` only [fit_cox()] does.
#' With other packages make the status a column of the data first.
#'
#' A median or a quantile is a rule that was fixed before the outcome was seen. A cut that was
#' chosen because it separates the curves best is not: see
#' `vignette("marker-and-hazard", package = "survresist")` for what it does to the error rate.
#'
#' @param x numeric vector: expression, H-score, percentage. `NA` gives `NA`.
#' @param method `"median"`; `"quantile"`, with `cut` a probability; `"value"`, with `cut` in the
#'   unit of `x`.
#' @param cut `NULL` for the median. A probability between 0 and 1 for `"quantile"` (R's type 7;
#'   0.75: the highest quarter is high). For `"value"` one number, or with `by` a vector with the
#'   names of the batches.
#' @param levels two names, that at or below the cut first.
#' @param by `NULL`, or batches (plates, centres, series): a factor or vector as long as `x`. The
#'   rule is then applied within each batch. Where the batch is missing, so is the status.
#' @returns A factor of class `c("rank_status", "factor")`, as long as `x`, with its names (and the
#'   variable label of `x`), and the attributes
#'   * `cut`: the number that was cut at; with `by` one for each batch, named;
#'   * `origin`: list of `method`, `probability` (0.5 for the median, `NA` for a given value) and
#'     `batches` (is there a cut for each batch?);
#'   * `counts`: integers `low`, `high`, `at_cut` (values equal to the cut, counted as low) and
#'     `missing`, of the data that the status was made from; with `by` a matrix, a row a batch.
#'
#'   Subsets keep all three; `droplevels()` on a status that has lost a level, `factor()`, and
#'   `c()` of statuses with different cuts give an ordinary factor.
#' @seealso [h_score()] for the marker itself.
#' @examples
#' # progesterone receptor in the German Breast Cancer Study Group's trial
#' status <- with(survival::gbsg, rank_status(pgr))
#' status
#' attr(status, "cut")
#'
#' with(survival::gbsg, rank_status(pgr, "quantile", cut = 0.75))
#' with(survival::gbsg, rank_status(pgr, "value", cut = 20, levels = c("negative", "positive")))
#' # a cut within each grade
#' with(survival::gbsg, rank_status(pgr, by = grade))
#' @export
rank_status <- function(x, method = c("median", "quantile", "value"), cut = NULL,
                        levels = c("low", "high"), by = NULL) {
  method <- if (identical(method, c("median", "quantile", "value"))) "median" else method
  status_check_rule(method, cut, levels)
  label <- attr(x, "label", exact = TRUE)
  keep_names <- names(x)
  x <- status_check_marker(x)
  batch <- status_check_batch(by, length(x))
  if (is.null(batch)) {
    cuts <- status_find_cut(x, method, cut)
    each <- rep(cuts, length(x))
    counts <- status_count(x, each, levels)
  } else {
    cuts <- status_find_cuts(x, batch, method, cut)
    each <- unname(cuts[as.character(batch)])
    x[is.na(batch)] <- NA
    rows <- lapply(names(cuts), function(b) {
      here <- which(batch == b)
      status_count(x[here], each[here], levels)
    })
    counts <- do.call(rbind, c(rows, list(integer(4L)[0L])))
    if (length(rows)) dimnames(counts) <- list(names(cuts), names(rows[[1L]]))
  }
  status <- 1L + (x > each)
  status_warn_one_sided(status, method)
  structure(
    as.integer(status), names = keep_names, levels = as.character(levels),
    class = c("rank_status", "factor"), cut = cuts,
    origin = list(
      method = method, batches = !is.null(batch),
      probability = switch(method, median = 0.5, quantile = as.numeric(cut), value = NA_real_)
    ),
    counts = counts, label = label
  )
}

status_check_rule <- function(method, cut, levels) {
  known <- c("median", "quantile", "value")
  if (!is.character(method) || length(method) != 1L || !method %in% known) {
    stop_input(c(
      "`method` must be one of \"median\", \"quantile\" and \"value\".",
      x = paste0("It is ", status_describe(method), ".")
    ), arg = "method")
  }
  fine_levels <- is.character(levels) && length(levels) == 2L && !anyNA(levels) &&
    levels[[1L]] != levels[[2L]]
  if (!fine_levels) {
    stop_input(c(
      "`levels` must be two different names, that at or below the cut first.",
      x = paste0("It is ", status_describe(levels), "."),
      i = "For example `levels = c(\"low\", \"high\")`."
    ), arg = "levels")
  }
  if (method == "median" && !is.null(cut)) {
    stop_input(c(
      "`cut` has no meaning with `method = \"median\"`.",
      i = paste(
        "Use `method = \"value\"` to cut at a number, or `method = \"quantile\"` with a",
        "probability."
      )
    ), arg = "cut")
  }
  if (method == "quantile") {
    fine <- is.numeric(cut) && length(cut) == 1L && is.finite(cut) && cut > 0 && cut < 1
    if (!fine) {
      stop_input(c(
        "With `method = \"quantile\"`, `cut` must be one probability between 0 and 1.",
        x = paste0("It is ", status_describe(cut), "."),
        i = "For example `cut = 0.75`: the highest quarter is high."
      ), arg = "cut")
    }
  }
  if (method == "value" && !(is.numeric(cut) && length(cut) > 0L && all(is.finite(cut)))) {
    stop_input(c(
      "With `method = \"value\"`, `cut` must be a finite number in the unit of `x`.",
      x = paste0("It is ", status_describe(cut), ".")
    ), arg = "cut")
  }
}

# what an argument is, in a few words
status_describe <- function(x) {
  if (is.null(x)) return("NULL")
  if (is.atomic(x) && length(x) <= 3L) return(paste(deparse(as.vector(x)), collapse = ""))
  sprintf("%s of length %d", class(x)[[1L]], length(x))
}

status_check_marker <- function(x) {
  if (is.factor(x) || !is.numeric(x) || (is.matrix(x) && ncol(x) != 1L)) {
    stop_input(c(
      "`x` must be a numeric vector: the expression or the score to cut.",
      x = sprintf("It is %s.", if (is.matrix(x)) {
        sprintf("a matrix with %d columns", ncol(x))
      } else {
        paste("of class", class(x)[[1L]])
      }),
      i = if (is.character(x) || is.factor(x)) {
        "Make it numeric first, or use the groups as a factor without cutting."
      }
    ), arg = "x")
  }
  as.numeric(x)
}

status_check_batch <- function(by, n) {
  if (is.null(by)) return(NULL)
  if (!is.atomic(by) || length(by) != n) {
    stop_input(c(
      "`by` must be a factor or vector as long as `x`.",
      x = sprintf("`x` has %d values, `by` has %d.", n, NROW(by)),
      i = "Join several batch variables with `interaction()`."
    ), arg = "by")
  }
  droplevels(as.factor(by))
}

status_find_cut <- function(x, method, cut, where = "") {
  if (method == "value") {
    if (length(cut) != 1L) {
      stop_input(c(
        "`cut` must be one number.",
        x = sprintf("It has %d values.", length(cut)),
        i = "A cut for each batch needs `by`, and the names of the batches on `cut`."
      ), arg = "cut")
    }
    return(as.numeric(cut))
  }
  seen <- x[!is.na(x)]
  if (length(seen) == 0L) {
    stop_input(c(
      sprintf("`x` has no value to take a %s from%s.", method, where),
      x = sprintf("All %d values are missing.", length(x)),
      i = "Use `method = \"value\"` with a known cut."
    ), arg = "x")
  }
  if (min(seen) == max(seen)) {
    stop_input(c(
      sprintf("`x` is constant%s: its %s cannot tell low from high.", where, method),
      x = sprintf("All %d values are %s.", length(seen), format(seen[[1L]])),
      i = paste(
        "Use `method = \"value\"` with a known cut. For new patients, take the cut of the first",
        "ones: `cut = attr(status, \"cut\")`."
      )
    ), arg = "x")
  }
  found <- stats::quantile(
    seen, if (method == "median") 0.5 else cut, type = 7L, names = FALSE
  )
  if (!is.finite(found)) {
    stop_input(c(
      sprintf("The %s of `x` is not finite%s.", method, where),
      x = sprintf("%d values are infinite.", sum(is.infinite(seen))),
      i = "Replace infinite values (a logarithm of 0?) by the detection limit."
    ), arg = "x")
  }
  found
}

status_find_cuts <- function(x, batch, method, cut) {
  names <- levels(batch)
  if (method != "value") {
    return(vapply(names, function(b) {
      status_find_cut(x[which(batch == b)], method, cut, sprintf(" in batch \"%s\"", b))
    }, 0))
  }
  if (is.null(names(cut))) {
    return(stats::setNames(rep(status_find_cut(x, method, cut), length(names)), names))
  }
  unknown <- setdiff(names, names(cut))
  if (length(unknown)) {
    stop_input(c(
      "`cut` must name every batch of `by`.",
      x = sprintf(
        "No cut for %s (%s).", paste0("\"", utils::head(unknown, 5L), "\"", collapse = ", "),
        format_rows(which(batch %in% unknown))
      ),
      i = "A batch without a cut of its own cannot be judged by that of another."
    ), arg = "cut", rows = which(batch %in% unknown))
  }
  cut
}

status_count <- function(x, cut, levels) {
  stats::setNames(
    c(
      sum(x <= cut, na.rm = TRUE), sum(x > cut, na.rm = TRUE), sum(x == cut, na.rm = TRUE),
      sum(is.na(x))
    ),
    c(levels, "at_cut", "missing")
  )
}

status_warn_one_sided <- function(status, method) {
  if (method == "value" || !any(status == 1L, na.rm = TRUE) || any(status == 2L, na.rm = TRUE)) {
    return(invisible())
  }
  warn_user(c(
    sprintf("No value is above the %s: every status is the lower level.", method),
    x = "The largest value of `x` is tied so often that it is the cut itself.",
    i = "Choose a lower cut with `method = \"value\"`."
  ), class = "survresist_warning_one_sided")
}

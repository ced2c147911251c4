# A RANK status (R/rank-status.R) is a factor: what keeps its cut, and what a formula remembers.

# ---- a factor that keeps its cut -----------------------------------------------------------

status_keep <- function(y, x) {
  if (identical(levels(y), levels(x)) || identical(levels(y), rev(levels(x)))) {
    for (name in c("cut", "origin", "counts", "label")) attr(y, name) <- attr(x, name, TRUE)
    class(y) <- c("rank_status", "factor")
  }
  y
}

status_forget <- function(x) {
  for (name in c("cut", "origin", "counts", "label")) attr(x, name) <- NULL
  class(x) <- "factor"
  x
}

#' @export
`[.rank_status` <- function(x, ..., drop = FALSE) {
  y <- status_forget(x)[..., drop = drop]
  if (drop) y else status_keep(y, x)
}

#' @export
`[[.rank_status` <- function(x, ...) status_keep(status_forget(x)[[...]], x)

#' @export
rep.rank_status <- function(x, ...) status_keep(rep(status_forget(x), ...), x)

#' @export
c.rank_status <- function(...) {
  all <- list(...)
  same <- vapply(all, function(x) {
    inherits(x, "rank_status") && identical(levels(x), levels(all[[1L]])) &&
      identical(attr(x, "cut"), attr(all[[1L]], "cut"))
  }, NA)
  plain <- lapply(all, function(x) if (inherits(x, "rank_status")) status_forget(x) else x)
  y <- do.call(c, plain)
  if (all(same)) status_keep(y, all[[1L]]) else y
}

#' @export
droplevels.rank_status <- function(x, ...) {
  y <- droplevels(status_forget(x), ...)
  status_keep(y, x)
}

#' @importFrom stats relevel
#' @export
relevel.rank_status <- function(x, ref, ...) {
  status_keep(stats::relevel(status_forget(x), ref = ref, ...), x)
}

#' @export
print.rank_status <- function(x, max.levels = NULL, ...) {
  values <- status_forget(x)
  print(utils::head(values, 20L), max.levels = 0, ...)
  if (length(x) > 20L) cat(sprintf(" ... and %d more\n", length(x) - 20L))
  cat(format_status(x), sep = "\n")
  invisible(x)
}

# what is known about the cut, a line each
format_status <- function(x) {
  origin <- attr(x, "origin")
  counts <- attr(x, "counts")
  total <- if (is.matrix(counts)) colSums(counts) else counts
  sides <- names(total)[1:2]
  rule <- switch(
    origin$method,
    median = "the median", value = "a given value",
    quantile = sprintf("the %s quantile", format(origin$probability))
  )
  cut <- attr(x, "cut")
  where <- if (origin$batches) {
    shown <- utils::head(cut, 4L)
    paste0(
      "cut at ", rule, if (origin$method != "value") " of each batch", ": ",
      paste(names(shown), vapply(shown, format, "", digits = 4L), collapse = "; "),
      if (length(cut) > 4L) sprintf("; and %d more", length(cut) - 4L)
    )
  } else {
    sprintf("cut at %s, %s", format(cut, digits = 6L), rule)
  }
  now <- table(factor(as.character(x), levels(x)))
  n_made <- sum(total[1:2]) + total[["missing"]]
  lines <- c(
    sprintf(
      "RANK status: %s%s", paste(names(now), now, collapse = ", "),
      if (anyNA(x)) sprintf(", missing %d", sum(is.na(x))) else ""
    ),
    sprintf("  %s is above the cut; %s", sides[[2L]], where)
  )
  if (total[["at_cut"]] > 0L) {
    lines <- c(lines, sprintf(
      "  %d value%s equal to the cut count%s as %s", total[["at_cut"]],
      if (total[["at_cut"]] == 1L) "" else "s", if (total[["at_cut"]] == 1L) "s" else "",
      sides[[1L]]
    ))
  }
  if (n_made != length(x)) {
    lines <- c(lines, sprintf("  the cut was made with %d values, of which these are some", n_made))
  }
  lines
}

# ---- the cut in a formula --------------------------------------------------------------------

#' @importFrom stats makepredictcall
#' @export
makepredictcall.rank_status <- function(var, call) {
  status_replace_calls(call, function(made) status_fixed_call(made, var))
}

# rank_status(x, ...) with the cut of `status` in place of the rule
status_fixed_call <- function(call, status) {
  head <- call[[1L]]
  call <- match.call(rank_status, call)
  call$method <- "value"
  call$cut <- attr(status, "cut")
  call <- match.call(rank_status, call)
  call[[1L]] <- head
  call
}

is_status_call <- function(call) {
  if (!is.call(call)) return(FALSE)
  head <- call[[1L]]
  if (is.call(head) && length(head) == 3L) head <- head[[3L]]
  identical(head, quote(rank_status))
}

# `call` with replace() done to each rank_status() call in it
status_replace_calls <- function(call, replace) {
  if (!is.call(call)) return(call)
  if (is_status_call(call)) return(replace(call))
  for (i in seq_along(call)[-1L]) {
    part <- call[[i]]
    if (is.call(part)) call[[i]] <- status_replace_calls(part, replace)
  }
  call
}

# `predvars` of a terms object with the cuts also of the statuses that stand within another
# function, strata(rank_status(x)), where makepredictcall() never comes
remember_rank_cuts <- function(predvars, data, enclos) {
  if (!"rank_status" %in% all.names(predvars)) return(predvars)
  status_replace_calls(predvars, function(made) {
    status_fixed_call(made, eval(made, data, enclos))
  })
}

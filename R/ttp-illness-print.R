# The hazards of death of a fit of "illness_death", below that of progression.

#' @rdname summary.sr_fit
#' @export
print.sr_ttp <- function(x, digits = max(1L, getOption("digits") - 3L), ...) {
  NextMethod()
  for (name in names(x$death$hazards)) {
    print_death(describe_fit(x$death$hazards[[name]]), name, digits, ...)
  }
  invisible(x)
}

#' @rdname summary.sr_fit
#' @exportS3Method base::summary sr_ttp
summary.sr_ttp <- function(object, conf.int = 0.95, ...) {
  result <- NextMethod()
  result$death <- lapply(object$death$hazards, summary, conf.int = conf.int, ...)
  if (length(result$death) > 0L) class(result) <- c("summary.sr_ttp", class(result))
  result
}

#' @rdname summary.sr_fit
#' @export
print.summary.sr_ttp <- function(x, digits = max(getOption("digits") - 3, 3), ...) {
  NextMethod()
  for (name in names(x$death)) print_death(x$death[[name]], name, digits, ...)
  invisible(x)
}

print_death <- function(found, name, digits, ...) {
  cat(
    "\nDeath ", if (name == "before") "without" else "after", " progression: ", found$title, "\n",
    sep = ""
  )
  if (nrow(found$coefficients) > 0L) print_effects(found$coefficients, digits, FALSE, ...)
  print_baseline(found$baseline, digits, show = 12L)
  invisible(found)
}

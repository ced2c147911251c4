# How a hazard ratio is shown, and the formats of numbers that prints and plots share.

# the label of a variable, or of the one variable in a column of the model, or its name
grid_label <- function(grid, name) {
  column <- if (!name %in% names(grid$data)) grid_column(grid, name)
  inner <- if (is.null(column)) name else all.vars(grid$columns[[column]])
  if (length(inner) != 1L) return(name)
  data <- tryCatch(eval(grid$fit$call$data, grid$enclos), error = function(e) NULL)
  label <- if (is.list(data)) attr(data[[inner]], "label", exact = TRUE)
  if (is.null(label)) name else label
}

#' @export
print.sr_hazard_ratio <- function(x, digits = 3L, ...) {
  by <- attr(x, "by")
  if (is.null(by)) return(NextMethod())
  cat("Hazard ratio of ", attr(x, "variable"), sep = "")
  if (length(by)) cat(" by", paste(by, collapse = ", "))
  cat("\n\n")
  level <- attr(x, "conf.level")
  shown <- as.data.frame(x)[c(by, "contrast")]
  for (name in by) if (is.numeric(shown[[name]])) shown[[name]] <- format(shown[[name]])
  number <- function(v) format_significant(v, digits)
  interval <- paste(number(x$conf.low), "to", number(x$conf.high))
  shown[[sprintf("HR (%g %% CI)", 100 * level)]] <- sprintf(
    "%s (%s)", number(x$estimate), interval
  )
  shown[["p"]] <- format_p(x$p.value)
  shown$n <- x$n
  shown$events <- x$events
  print(shown, row.names = FALSE, right = TRUE)
  tests <- format_interaction(x)
  if (length(tests)) cat("\n", paste0(tests, "\n"), sep = "")
  if (length(attr(x, "averaged"))) {
    cat("Log hazard ratios are means over the patients'", toString(attr(x, "averaged")), "\n")
  }
  if (anyNA(x$estimate)) cat("NA: the data do not tell this ratio (aliased coefficients)\n")
  invisible(x)
}

format_interaction <- function(x) {
  tests <- attr(x, "interaction")
  if (!length(attr(x, "by"))) return(character())
  if (tests$df[[1L]] == 0L) {
    return("No interaction in the model: the ratio is the same at every level by assumption")
  }
  tests <- tests[!is.na(tests$statistic), ]
  sprintf(
    "Interaction, %s test: chi-squared %s on %d df, p %s", tests$test,
    format_significant(tests$statistic, 3L), tests$df,
    sub("^([^<])", "= \\1", format_p(tests$p.value))
  )
}

format_significant <- function(x, digits = 3L) {
  sub("[.]$", "", trimws(formatC(x, digits = digits, format = "fg", flag = "#")))
}

# three digits, never 0.000
format_p <- function(p) {
  out <- ifelse(
    is.na(p), "NA", ifelse(p < 0.001, "< 0.001", ifelse(
      p < 0.1, formatC(p, digits = 3L, format = "f"), formatC(p, digits = 2L, format = "f")
    ))
  )
  as.character(out)
}

#' @importFrom generics tidy
#' @export
tidy.sr_hazard_ratio <- function(x, ...) {
  for (name in c("interaction", "averaged", "conf.level", "variable", "by", "labels")) {
    attr(x, name) <- NULL
  }
  class(x) <- "data.frame"
  x
}

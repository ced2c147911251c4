# Runs lines of R, with survresist attached, in a process of its own, and gives what it printed. One
# that has not ended in `seconds` is killed with all that it forked, and the test fails.
run_child <- function(code, seconds) {
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines(c(
    sprintf(".libPaths(%s)", deparse1(.libPaths())), "suppressMessages(library(survresist))", code
  ), script)
  printed <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(script)), stdout = TRUE,
    stderr = TRUE, timeout = seconds
  ))
  status <- attr(printed, "status")
  if (is.null(status)) return(printed)
  stop(sprintf(
    "the child R %s; it said:\n%s",
    if (status == 124L) sprintf("did not end within %g s", seconds) else "failed",
    paste(utils::tail(printed, 5), collapse = "\n")
  ), call. = FALSE)
}

# Runs the testthat tests on the package installed in build/lib; prints what failed and what was
# skipped, with the reason; writes "passed failed skipped" (numbers of tests) to the file named by
# the first argument. A second argument filters test files. Where CI is set, a test of the
# ecosystem that skips since a package is missing has failed; gtsummary and ggsurvfit, which Debian
# does not have, may be missing.

arguments <- commandArgs(TRUE)
count_file <- arguments[1L]
filter <- if (length(arguments) > 1L) arguments[2L]
.libPaths(c(normalizePath("build/lib"), .libPaths()))
Sys.setenv(R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep), NOT_CRAN = "true")
library(testthat)
library(survresist)

results <- test_dir(
  "tests/testthat", package = "survresist", load_package = "installed", filter = filter,
  reporter = MultiReporter$new(list(
    CheckReporter$new(), list_reporter <- ListReporter$new()
  )),
  stop_on_failure = FALSE, stop_on_warning = FALSE
)

results <- list_reporter$get_results()
has <- function(test, class) vapply(test$results, inherits, NA, what = class)
is_failed <- vapply(results, function(test) {
  any(has(test, "expectation_failure") | has(test, "expectation_error"))
}, NA)
is_skipped <- !is_failed & vapply(results, function(test) any(has(test, "expectation_skip")), NA)

is_ci <- nzchar(Sys.getenv("CI"))
for (test in results[is_skipped]) {
  skip <- test$results[has(test, "expectation_skip")][[1L]]
  reason <- sub("^Reason: ", "", conditionMessage(skip))
  cat("skipped: ", test$file, ": ", test$test, " (", reason, ")\n", sep = "")
}
lacks_package <- vapply(results, function(test) {
  skips <- test$results[has(test, "expectation_skip")]
  grepl("^test-ecosystem", test$file) && length(skips) > 0L &&
    any(grepl("installed|cannot be loaded|is not available",
      vapply(skips, conditionMessage, ""))) &&
    !grepl("gtsummary|ggsurvfit", test$test)
}, NA)
if (is_ci && any(lacks_package & is_skipped)) {
  cat("under CI no package of the ecosystem may be missing\n")
  is_failed <- is_failed | (lacks_package & is_skipped)
  is_skipped <- is_skipped & !is_failed
}
seconds <- tapply(
  vapply(results, `[[`, 0, "real"), vapply(results, `[[`, "", "file"), sum
)
slow <- sort(seconds[seconds > 5], decreasing = TRUE)
if (length(slow)) cat("slow: ", paste0(names(slow), " ", round(slow), " s", collapse = ", "), "\n")
cat(sum(!is_failed & !is_skipped), sum(is_failed), sum(is_skipped), "\n", file = count_file)
quit(status = as.integer(any(is_failed)))

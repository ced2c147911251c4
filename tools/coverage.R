# Lines of R and C that the R tests reach (covr), file by file and in all.
Sys.setenv(NOT_CRAN = "true")
copy <- file.path(tempfile("coverage"), "survresist") # covr leaves objects behind
dir.create(copy, recursive = TRUE)
file.copy(setdiff(list.files(), c("build", "report")), copy, recursive = TRUE)
unlink(list.files(file.path(copy, "src"), "[.](o|so)$", full.names = TRUE))
coverage <- covr::package_coverage(copy, type = "tests", quiet = TRUE)
by_file <- covr::coverage_to_list(coverage)$filecoverage
for (file in names(by_file)) cat(sprintf("%6.1f%%  %s\n", by_file[[file]], file))
lines <- covr::tally_coverage(coverage, by = "line")
is_c <- grepl("^src/", lines$filename)
percent <- function(keep) 100 * mean(lines$value[keep] > 0)
cat(sprintf("%6.1f%%  all of R/\n%6.1f%%  all of src/, by the R tests\n",
  percent(!is_c), percent(is_c)))

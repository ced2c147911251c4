# Lines that the tests reach, file by file: those of R/ by tests/testthat, those of src/ by
# tests/testthat and by tests/c together. A line counts as reached when either of the two reaches
# it. Fails below 90 % of either language; the tests themselves are judged by `make test`, but what
# fails here is told.
#
# Called after `make -C tests/c coverage`, which leaves one .gcov a file in build/c/coverage. The
# package is compiled with R's -O2, so that its numbers are those that are shipped.

least <- 90
Sys.setenv(NOT_CRAN = "true")
if (!nzchar(Sys.getenv("SURVRESIST_SHARED")) && dir.exists("../shared/data")) {
  Sys.setenv(SURVRESIST_SHARED = normalizePath("../shared/data"))
}

# --- by tests/testthat ------------------------------------------------------------------------

copy <- file.path(tempfile("coverage"), "survresist") # covr leaves objects behind
dir.create(copy, recursive = TRUE)
kept <- file.copy(setdiff(list.files(), c("build", "report")), copy, recursive = TRUE)
stopifnot(kept)
unlink(list.files(file.path(copy, "src"), "[.](o|so)$", full.names = TRUE))
failures <- tempfile("failures")
code <- sprintf(
  paste(
    "library(testthat); library(survresist)",
    "results <- test_dir(%s, package = 'survresist', load_package = 'installed',",
    "  reporter = ListReporter$new(), stop_on_failure = FALSE)",
    "for (test in results) for (part in test$results)",
    "  if (inherits(part, c('expectation_failure', 'expectation_error')))",
    "    cat(test$file, ': ', test$test, '\\n', conditionMessage(part), '\\n\\n', sep = '',",
    "      file = %s, append = TRUE)",
    sep = "\n"
  ),
  deparse(file.path(copy, "tests", "testthat")), deparse(failures)
)
flags <- c(CPPFLAGS = "", CFLAGS = "-g -O2 --coverage", LDFLAGS = "--coverage")
options(covr.flags = flags)
coverage <- covr::package_coverage(copy, type = "none", code = code, quiet = TRUE)
tally <- covr::tally_coverage(coverage, by = "line")
by_r <- data.frame(file = tally$filename, line = tally$line, by_r = tally$value > 0)
by_r <- stats::aggregate(by_r ~ file + line, by_r, any)

# --- by tests/c -------------------------------------------------------------------------------

# "    count:  line:source"; "-" is no code, "#####" was not reached
read_gcov <- function(path) {
  text <- readLines(path, warn = FALSE)
  source <- sub("^.*:Source:", "", grep(":Source:", text, value = TRUE, fixed = TRUE)[[1L]])
  part <- regmatches(text, regexec("^ *([^: ]+)[*]?: *([0-9]+):", text))
  part <- do.call(rbind, part[lengths(part) == 3L])
  part <- part[part[, 3L] != "0" & part[, 2L] != "-", , drop = FALSE]
  data.frame(
    file = rep(file.path("src", basename(source)), nrow(part)), line = as.integer(part[, 3L]),
    by_c = grepl("^[0-9]", part[, 2L])
  )
}
by_c <- lapply(Sys.glob("build/c/coverage/*.gcov"), read_gcov)
by_c <- do.call(rbind, by_c)
by_c <- by_c[by_c$file %in% file.path("src", list.files("src")), ]
by_c <- stats::aggregate(by_c ~ file + line, by_c, any)

# --- together ---------------------------------------------------------------------------------

lines <- merge(by_r, by_c, all = TRUE)
reached <- lines$by_r %in% TRUE | lines$by_c %in% TRUE
show <- function(label, is_in) {
  percent <- function(is_hit) {
    is_known <- is_in & !is.na(is_hit)
    if (any(is_known)) sprintf("%6.1f", 100 * mean(is_hit[is_known])) else "     -"
  }
  cat(sprintf(
    "%6.1f %s %s %6d  %s\n", 100 * mean(reached[is_in]), percent(lines$by_r),
    percent(lines$by_c), sum(is_in), label
  ))
}
cat("percent of lines that are reached\n   all  tests tests/\n        /that     c  lines  file\n")
for (file in sort(unique(lines$file))) show(file, lines$file == file)
layer <- sub("^(R/|src/[a-z]+_).*$", "\\1", lines$file)
for (one in sort(unique(layer))) show(paste0(one, "*"), layer == one)
is_c <- startsWith(lines$file, "src/")
show("all of R/", !is_c)
show("all of src/", is_c)

if (nzchar(Sys.getenv("COVERAGE_GAPS"))) {
  gaps <- lines[!reached, c("file", "line")]
  gaps <- gaps[order(gaps$file, gaps$line), ]
  writeLines(paste(gaps$file, gaps$line, sep = ":"), Sys.getenv("COVERAGE_GAPS"))
}
if (file.exists(failures)) {
  cat("\nTests that failed in this build (see `make test`):\n")
  writeLines(readLines(failures))
}
if (min(mean(reached[is_c]), mean(reached[!is_c])) < least / 100) {
  cat(sprintf("coverage: below %d %%\n", least))
  quit(status = 1)
}

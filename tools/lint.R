# lintr over the R code, with the linters of .lintr; fails when it finds anything.
options(lintr.linter_file = normalizePath(".lintr"))
files <- c(
  list.files(c("R", "tests/testthat", "tools", "bench", "data-raw"), "[.]R$", full.names = TRUE),
  "tests/testthat.R"
)
lints <- do.call(c, lapply(files, function(file) unclass(lintr::lint(file))))
for (lint in lints) {
  cat(lint$filename, ":", lint$line_number, ":", lint$column_number, ": ", lint$message,
    " [", lint$linter, "]\n", sep = "")
}
cat(length(files), "files,", length(lints), "lints\n")
quit(status = as.integer(length(lints) > 0L))

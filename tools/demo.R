# Knits the study report of the package and prints its path: Rscript tools/demo.R [FOLDER]

folder <- c(commandArgs(TRUE), "report")[1L]
dir.create(folder, showWarnings = FALSE, recursive = TRUE)
folder <- normalizePath(folder)
study <- file.path(folder, "study.Rmd")
unlink(study)

library(survresist)
rmarkdown::draft(study, template = "resistance_study", package = "survresist", edit = FALSE)
report <- rmarkdown::render(study, output_dir = folder, quiet = TRUE, envir = new.env())
cat("The report of the study:\n", normalizePath(report), "\n", sep = "")

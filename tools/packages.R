# R packages for tools/setup.sh.
#   Rscript tools/packages.R missing NAME...   prints those that are missing, or too old
#   Rscript tools/packages.R install NAME...   installs them from CRAN
# Installs to the first library of .libPaths() that can be written, else to the user's own.

least <- list(survival = "3.8-3") # as DESCRIPTION asks

is_missing <- function(package) {
  path <- system.file(package = package)
  if (!nzchar(path)) {
    return(TRUE)
  }
  asked <- least[[package]]
  !is.null(asked) && utils::packageVersion(package, dirname(path)) < asked
}

library_to_write <- function() {
  writable <- .libPaths()[file.access(.libPaths(), 2L) == 0L]
  if (length(writable)) {
    return(writable[1L])
  }
  own <- strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep, fixed = TRUE)[[1L]][1L]
  dir.create(own, recursive = TRUE, showWarnings = FALSE)
  .libPaths(c(own, .libPaths()))
  own
}

install <- function(packages) {
  repos <- getOption("repos")
  if (is.null(repos) || "@CRAN@" %in% repos) {
    utils::chooseCRANmirror(graphics = FALSE, ind = 1L, local.only = TRUE)
  }
  utils::install.packages(packages, lib = library_to_write(), INSTALL_opts = "--no-test-load")
}

arguments <- commandArgs(TRUE)
packages <- unique(arguments[-1L])
switch(arguments[1L],
  missing = cat(Filter(is_missing, packages)),
  install = install(packages),
  library = cat(library_to_write()),
  stop("what to do? missing, install or library")
)

# NAMESPACE and man/ by roxygen2, from the package as it is installed in build/lib.
.libPaths(c(normalizePath("build/lib"), .libPaths()))
description <- readLines("DESCRIPTION")
roxygen2::roxygenise(".", load_code = "installed")
writeLines(description, "DESCRIPTION") # the version of roxygen2 is no news

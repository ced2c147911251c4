# max|a - b| <= tol * max|b|, and the same places missing
expect_close <- function(object, expected, tol = 1e-8, label = NULL) {
  label <- if (is.null(label)) paste(deparse(substitute(object)), collapse = "") else label
  a <- as.numeric(object)
  b <- as.numeric(expected)
  testthat::expect_identical(length(a), length(b), label = paste("length of", label))
  testthat::expect_identical(is.na(a), is.na(b), label = paste("missing values of", label))
  seen <- is.finite(a) & is.finite(b)
  testthat::expect_identical(a[!seen], b[!seen], label = paste("non-finite values of", label))
  size <- max(abs(b[seen]), 0)
  gap <- max(abs(a[seen] - b[seen]), 0)
  testthat::expect(
    gap <= tol * max(size, .Machine$double.xmin),
    sprintf("%s: the largest difference is %.3g, allowed %.3g.", label, gap, tol * size)
  )
  invisible(object)
}

tight <- survival::coxph.control(eps = 1e-12, iter.max = 60, toler.chol = 1e-13)

skip_without_shared <- function(file) {
  places <- c(
    Sys.getenv("SURVRESIST_SHARED"), file.path("..", "..", "..", "shared", "data"),
    file.path("..", "..", "..", "..", "shared", "data")
  )
  found <- Filter(function(place) nzchar(place) && file.exists(file.path(place, file)), places)
  if (length(found) == 0L) testthat::skip(paste("the shared data are not here:", file))
  utils::read.csv(file.path(found[[1]], file))
}

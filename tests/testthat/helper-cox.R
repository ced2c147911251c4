# Every component of a fit against coxph's, but the call's name, our own `sr`, and the gradient at
# the estimate, which is rounding noise.
expect_same_components <- function(ours, theirs, tol = 1e-6, skip = character(), first = 1e-2) {
  a <- unclass(ours)
  b <- unclass(theirs)
  testthat::expect_identical(names(a), c(names(b), "sr"))
  a$call[[1L]] <- b$call[[1L]]
  for (part in setdiff(names(b), c("first", skip))) {
    testthat::expect_equal(a[[part]], b[[part]], tolerance = tol, label = part)
  }
  if ("first" %in% names(b)) testthat::expect_lt(max(abs(a$first)), first)
  testthat::expect_identical(class(ours), c("sr_cox", class(theirs)))
  invisible(ours)
}

# The same call with survival::coxph() and with fit_cox().
expect_as_coxph <- function(call, tol = 1e-6, skip = character()) {
  call <- substitute(call)
  frame <- parent.frame()
  theirs <- suppressWarnings(eval(call, frame))
  call[[1L]] <- quote(fit_cox)
  expect_same_components(eval(call, frame), theirs, tol, skip)
}

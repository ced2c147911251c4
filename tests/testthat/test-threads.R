test_that("threads can be set, read and put back", {
  old <- set_threads(1)
  expect_identical(get_threads(), 1L)
  expect_identical(set_threads(old), 1L)
  expect_identical(get_threads(), old)
})

test_that("a wrong number of threads is an input error", {
  expect_error(set_threads(-1), class = "survresist_error_input")
  expect_error(set_threads("two"), class = "survresist_error_input")
})

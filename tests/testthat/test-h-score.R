test_that("the score is p1 + 2 p2 + 3 p3", {
  expect_identical(h_score(10, 20, 60), 230)
  expect_identical(h_score(c(a = 0, b = 100, c = 0), 0, c(100, 0, 0)), c(a = 300, b = 100, c = 0))
  expect_identical(h_score(c(1, NA), 0, 0), c(1, NA))
  expect_close(h_score(33.3, 33.3, 33.4), 33.3 + 66.6 + 100.2, 1e-15)
  expect_identical(h_score(numeric(), numeric(), 1), numeric())
})

test_that("what is no percentage is told, with its row", {
  input <- "survresist_error_input"
  err <- expect_error(h_score(c(1, 120), 0, 0), "`p1` must lie between", class = input)
  expect_identical(err$rows, 2L)
  expect_error(h_score(0, c(5, 5, -1), 0), "row 3", class = input)
  err <- expect_error(h_score(c(10, 60, 70), c(10, 30, 30), c(10, 20, 20)), "at most 100",
    class = input)
  expect_identical(err$rows, 2:3)
  expect_error(h_score(1:2, 1:3, 1), "one length", class = input)
  expect_error(h_score("10", 1, 1), "percentages", class = input)
  expect_warning(h_score(c(0.2, 0.5), 0.1, 0.1), class = "survresist_warning_fractions")
})

# Hand-worked answers: three data sets so small that every number of a Cox model is a closed form in
# r = exp(beta). Therneau, "Software validation" (vignette of survival), and appendix E of Therneau
# and Grambsch (2000). The likelihoods below are written from the risk sets of the data; the exact
# fractions are in ref/validation-answers.csv.

hand <- utils::read.csv(test_path("ref", "validation-test-data.csv"), comment.char = "#")
answers <- utils::read.csv(
  test_path("ref", "validation-answers.csv"), comment.char = "#",
  colClasses = c(value = "character")
)

fit_hand <- function(set, ties, ...) {
  data <- hand[hand$set == set, ]
  formula <- if (set == 2) Surv(start, stop, event) ~ x else Surv(stop, event) ~ x
  if (set == 3) {
    fit_cox(formula, data, weights = weight, ties = ties, ...)
  } else {
    fit_cox(formula, data, ties = ties, ...)
  }
}

# The fit held at beta
held <- function(set, ties, beta) fit_hand(set, ties, init = beta, iter.max = 0)

# log-likelihood, gradient and information of each set in r
closed <- list(
  "1 breslow" = function(r) {
    c(
      2 * log(r) - log(3 * r + 3) - 2 * log(r + 3),
      (6 + 3 * r - r^2) / ((r + 1) * (r + 3)),
      r / (r + 1)^2 + 6 * r / (r + 3)^2
    )
  },
  "1 efron" = function(r) {
    c(
      2 * log(r) - log(3 * r + 3) - log(r + 3) - log((r + 5) / 2),
      (30 + 23 * r - r^3) / ((r + 1) * (r + 3) * (r + 5)),
      r / (r + 1)^2 + 3 * r / (r + 3)^2 + 5 * r / (r + 5)^2
    )
  },
  "1 exact" = function(r) {
    c(
      2 * log(r) - 2 * log(3 * r + 3), 2 / (r + 1), 2 * r / (r + 1)^2
    )
  },
  "2 breslow" = function(r) {
    c(
      4 * log(r) - log(r + 1) - log(r + 2) - 3 * log(3 * r + 2) - 2 * log(3 * r + 1),
      4 - r / (r + 1) - r / (r + 2) - 9 * r / (3 * r + 2) - 6 * r / (3 * r + 1),
      r / (r + 1)^2 + 2 * r / (r + 2)^2 + 18 * r / (3 * r + 2)^2 + 6 * r / (3 * r + 1)^2
    )
  },
  "2 efron" = function(r) {
    c(
      4 * log(r) - log(r + 1) - log(r + 2) - 2 * log(3 * r + 2) - 2 * log(3 * r + 1) -
        log(2 * r + 2),
      4 - r / (r + 1) - r / (r + 2) - 6 * r / (3 * r + 2) - 6 * r / (3 * r + 1) - r / (r + 1),
      r / (r + 1)^2 + 2 * r / (r + 2)^2 + 12 * r / (3 * r + 2)^2 + 6 * r / (3 * r + 1)^2 +
        r / (r + 1)^2
    )
  },
  "3 breslow" = function(r) {
    first <- r^2 + 11 * r + 7
    mean <- (2 * r^2 + 11 * r) / first
    c(
      11 * log(r) - log(first) - 10 * log(11 * r + 5) - 2 * log(2 * r + 1),
      11 - mean - 110 * r / (11 * r + 5) - 4 * r / (2 * r + 1),
      (4 * r^2 + 11 * r) / first - mean^2 + 550 * r / (11 * r + 5)^2 + 4 * r / (2 * r + 1)^2
    )
  },
  "3 efron" = function(r) {
    first <- r^2 + 11 * r + 7
    mean <- (2 * r^2 + 11 * r) / first
    second <- c(11 * r / (11 * r + 5), 26 * r / (26 * r + 12), 19 * r / (19 * r + 9))
    sums <- c(11 * r + 5, (26 * r + 12) / 3, (19 * r + 9) / 3)
    c(
      11 * log(r) - log(first) - 10 / 3 * sum(log(sums)) - 2 * log(2 * r + 1),
      11 - mean - 10 / 3 * sum(second) - 4 * r / (2 * r + 1),
      (4 * r^2 + 11 * r) / first - mean^2 + 10 / 3 * sum(second - second^2) +
        4 * r / (2 * r + 1)^2
    )
  }
)

test_that("log-likelihood, score test and information are the closed forms", {
  for (case in names(closed)) {
    set <- as.integer(substr(case, 1, 1))
    ties <- substring(case, 3)
    for (beta in c(0, log(2), -0.7, 1.5)) {
      fit <- held(set, ties, beta)
      exact <- closed[[case]](exp(beta))
      expect_equal(fit$loglik, rep(exact[1], 2), tolerance = 1e-13, label = case)
      expect_equal(drop(fit$var), 1 / exact[3], tolerance = 1e-13, label = case)
      expect_equal(fit$score, exact[2]^2 / exact[3], tolerance = 1e-12, label = case)
    }
  }
})

test_that("the estimates are the roots", {
  # Breslow: r = (3 + sqrt(33)) / 2; Efron: the positive root of r^3 = 23 r + 30
  angle <- acos((45 / 23) * sqrt(3 / 23))
  root <- c(
    "1 breslow" = (3 + sqrt(33)) / 2, "1 efron" = 2 * sqrt(23 / 3) * cos(angle / 3)
  )
  for (case in setdiff(names(closed), c(names(root), "1 exact"))) {
    root[[case]] <- stats::uniroot(
      function(r) closed[[case]](r)[2], c(0.2, 9), tol = 1e-15
    )$root
  }
  for (case in names(root)) {
    fit <- fit_hand(as.integer(substr(case, 1, 1)), substring(case, 3), control = tight)
    expect_equal(fit$coefficients[["x"]], log(root[[case]]), tolerance = 1e-10, label = case)
    exact <- closed[[case]](root[[case]])
    expect_equal(fit$loglik[2], exact[1], tolerance = 1e-13)
    expect_equal(drop(fit$var), 1 / exact[3], tolerance = 1e-9)
  }
  # as printed in the vignette
  expect_equal(log(root[["1 breslow"]]), 1.475285, tolerance = 1e-6)
  expect_equal(log(root[["1 efron"]]), 1.676857, tolerance = 1e-6)
  expect_equal(log(root[["2 breslow"]]), -0.084526, tolerance = 1e-5)
  expect_equal(log(root[["3 efron"]]), 0.87260425, tolerance = 1e-7)
})

test_that("Newton's steps are the exact ones", {
  r <- 1
  for (step in 0:4) {
    fit <- suppressWarnings(fit_hand(1, "breslow", iter.max = step, eps = 1e-300))
    expect_equal(fit$coefficients[["x"]], log(r), tolerance = 1e-12)
    at <- closed[["1 breslow"]](r)
    r <- exp(log(r) + at[2] / at[3])
  }
})

test_that("the exact likelihood of set 1 has no maximum, and that is said", {
  expect_warning(fit <- fit_hand(1, "exact"), "x")
  expect_identical(fit$sr$infinite, "x")
  expect_equal(fit$loglik[2], -2 * log(3), tolerance = 1e-6)
  # each Newton step adds (r + 1) / r
  beta <- 0
  for (step in 1:5) beta <- beta + (exp(beta) + 1) / exp(beta)
  held <- suppressWarnings(fit_hand(1, "exact", iter.max = 5, eps = 1e-300))
  expect_equal(held$coefficients[["x"]], beta, tolerance = 1e-12)
})

test_that("residuals and variances are the published fractions", {
  value <- vapply(answers$value, function(text) eval(str2lang(text)), 0, USE.NAMES = FALSE)
  groups <- split(seq_len(nrow(answers)), answers[c("set", "ties", "what", "at")], drop = TRUE)
  for (rows in groups) {
    case <- answers[rows[1], ]
    exact <- value[rows]
    fit <- held(case$set, case$ties, eval(str2lang(case$at)))
    ours <- switch(case$what,
      martingale = , score = , schoenfeld = unname(residuals(fit, case$what)),
      information = 1 / drop(fit$var),
      gradient = sum(hand$weight[hand$set == case$set] * residuals(fit, "score")),
      var_cumhaz = {
        curve <- survival::survfit(fit, newdata = data.frame(x = 0))
        (curve$std.err^2)[curve$n.event > 0]
      }
    )
    label <- paste(unlist(case[c("set", "ties", "what")]), collapse = " ")
    expect_equal(as.numeric(ours), exact, tolerance = 1e-13, label = label)
  }
})

test_that("residuals at the estimate of set 1 are their closed forms", {
  r <- (3 + sqrt(33)) / 2
  fit <- fit_hand(1, "breslow", control = tight)
  hazard <- c(1, 1, 1, 1, 1, 1) / (3 * r + 3) + c(0, 0, 2, 2, 2, 2) / (r + 3) + c(0, 0, 0, 0, 0, 1)
  exact <- c(1, 0, 1, 1, 0, 1) - hazard * c(r, r, r, 1, 1, 1)
  expect_equal(unname(residuals(fit)), exact, tolerance = 1e-10)
  curve <- survival::survfit(fit, newdata = data.frame(x = 0))
  first <- cumsum(c(1 / (3 * r + 3)^2, 2 / (r + 3)^2, 1))
  reach <- cumsum(c(r / (r + 1) / (3 * r + 3), 2 * r / (r + 3)^2, 0))
  information <- closed[["1 breslow"]](r)[3]
  expect_equal(
    (curve$std.err^2)[curve$n.event > 0], first + reach^2 / information, tolerance = 1e-9
  )
})

test_that("the curve of set 3 has the published variance at beta = log 2", {
  # Term by term: increments of the squared hazard, and the distance of x = 0 from the means
  fit <- held(3, "breslow", log(2))
  curve <- survival::survfit(fit, newdata = data.frame(x = 0))
  first <- cumsum(c(1 / 1089, 10 / 729, 2 / 25))
  reach <- cumsum(c(30 / 1089, 220 / 729, 8 / 25))
  exact <- first + reach^2 * drop(fit$var)
  expect_equal((curve$std.err^2)[curve$n.event > 0], exact, tolerance = 1e-13)
  expect_equal(exact, c(0.0012706, 0.0649885, 0.2903805), tolerance = 1e-4)
})

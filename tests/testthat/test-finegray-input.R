d <- simulate_finegray(80, 51, late = TRUE)
told <- function(expr, pattern) {
  expect_error(expr, pattern, class = "survresist_error_input")
}

test_that("the response must know several kinds of event", {
  told(fit_finegray(Surv(time, kind) ~ a, d), "must be a factor")
  told(fit_finegray(Surv(time, kind == 1) ~ a, d), "must be a factor")
  told(fit_finegray(time ~ a, d), "survival object")
  told(fit_finegray(Surv(time, factor(kind == 1)) ~ a, d), "two kinds of event")
  told(fit_finegray(), "missing")
  # codes that are told to be states are as good as a factor
  coded <- fit_finegray(Surv(time, kind, type = "mstate") ~ a, d)
  expect_identical(coef(coded), coef(fit_finegray(Surv(time, state) ~ a, d)))
})

test_that("the cause must be a level, and happen", {
  told(fit_finegray(Surv(time, state) ~ a, d, cause = "progression"), "event.*other")
  told(fit_finegray(Surv(time, state) ~ a, d, cause = "censored"), "relevel")
  told(fit_finegray(Surv(time, state) ~ a, d, cause = c("event", "other")), "one of")
  told(fit_finegray(Surv(time, state) ~ a, d, subset = kind != 1), "no|none")
  expect_identical(fit_finegray(Surv(time, state) ~ a, d)$cause, "event")
})

test_that("an interval that ends before it begins is named", {
  odd <- d
  odd$entry[c(4, 9)] <- odd$time[c(4, 9)] + c(0, 1)
  names <- row.names(d)[c(4, 9)]
  for (fast in c(TRUE, FALSE)) {
    old <- options(survresist.fast = fast)
    error <- tryCatch(
      fit_finegray(Surv(entry, time, state) ~ a, odd), survresist_error_input = identity
    )
    options(old)
    expect_match(conditionMessage(error), "Entry must come before exit")
    expect_identical(as.character(error$rows), names)
  }
})

test_that("times, weights and offsets must be numbers that can be used", {
  odd <- d
  odd$time[[5]] <- Inf
  told(fit_finegray(Surv(time, state) ~ a, odd), "finite")
  odd <- d
  odd$w[[3]] <- -1
  told(fit_finegray(Surv(time, state) ~ a, odd, weights = w), "positive")
  odd <- d
  odd$a[[2]] <- Inf
  told(fit_finegray(Surv(time, state) ~ a, odd), "finite")
  told(fit_finegray(Surv(time, state) ~ b, odd, censoring = ~ a), "finite")
})

test_that("what decides the censoring must be a formula without a left side", {
  told(fit_finegray(Surv(time, state) ~ a, d, censoring = "g"), "formula")
  told(fit_finegray(Surv(time, state) ~ a, d, censoring = time ~ g), "left side")
  expect_error(
    fit_finegray(Surv(time, state) ~ a, d, censoring = ~ .),
    class = "survresist_error_unsupported"
  )
  told(fit_finegray(Surv(time, state) ~ a, d, censoring = ~ nowhere), "nowhere")
  kinds <- list(`~ 1` = "km", `~ g` = "km", `~ g + strata(s)` = "km", `~ a` = "cox",
                `~ a + strata(g)` = "cox", `~ w` = "cox", `~ factor(w)` = "km")
  for (text in names(kinds)) {
    fit <- fit_finegray(Surv(time, state) ~ b, d, censoring = stats::as.formula(text))
    expect_identical(fit$censoring$kind, kinds[[text]])
  }
  levels <- fit_finegray(Surv(time, state) ~ b, d, censoring = ~ g + s)$censoring$level
  expect_length(levels, 4L)
})

test_that("arguments that are not there are refused, with the way out", {
  told(fit_finegray(Surv(time, state) ~ a, d, entry = entry), "Surv\\(entry, exit, status\\)")
  told(fit_finegray(Surv(time, state) ~ a, d, robust = TRUE), "no argument `robust`")
  told(fit_finegray(Surv(time, state) ~ a, d, ties = "exact"), "breslow")
  told(fit_finegray(Surv(time, state) ~ a, d, variance = "none"), "finegray")
  told(fit_finegray(Surv(time, state) ~ a, d, cluster = id, variance = "model"), "cluster")
  told(fit_finegray(Surv(time, state) ~ a, d, init = c(1, 2)), "init")
  told(fit_finegray(Surv(time, state) ~ a, d, weighted_censoring = 1), "TRUE or FALSE")
  d$id[[7]] <- d$id[[3]]
  expect_error(
    fit_finegray(Surv(time, state) ~ a, d, id = id), class = "survresist_error_unsupported"
  )
  expect_identical(
    coef(fit_finegray(Surv(time, state) ~ a, d, eps = 1e-10)),
    coef(fit_finegray(Surv(time, state) ~ a, d, control = survival::coxph.control(eps = 1e-10)))
  )
})

test_that("a weight that nothing determines is an error that names the row", {
  # the first subject dies before anybody else enters
  early <- data.frame(
    entry = c(1, 3, 3.5, 3.2, 4, 4.5), time = c(2, 6, 7, 8, 9, 10),
    state = factor(c(2, 1, 0, 1, 2, 1), 0:2), x = c(0.3, 1, -1, 0.2, 0.7, -0.4)
  )
  error <- tryCatch(
    fit_finegray(Surv(entry, time, state) ~ x, early), survresist_error_input = identity
  )
  expect_identical(as.character(error$rows), "1")
  expect_match(conditionMessage(error), "subset")
  expect_no_error(suppressWarnings(
    fit_finegray(Surv(entry, time, state) ~ x, early, subset = -1)
  ))
})

test_that("aliased columns are NA, infinite estimates and few events are warned of", {
  d$twice <- 2 * d$a
  fit <- fit_finegray(Surv(time, state) ~ a + twice, d)
  expect_identical(is.na(coef(fit)), c(a = FALSE, twice = TRUE))
  expect_identical(unname(vcov(fit)["twice", ]), c(0, 0))
  told(fit_finegray(Surv(time, state) ~ a + twice, d, singular.ok = FALSE), "twice")
  d$only <- as.numeric(d$kind == 1 | d$kind == 0 & d$a > 0)
  expect_warning(
    fit_finegray(Surv(time, state) ~ only, d), "no maximum",
    class = "survresist_warning_convergence"
  )
  few <- rbind(d[d$kind == 1, ][1:2, ], d[d$kind != 1, ])
  expect_warning(
    suppressWarnings(
      fit_finegray(Surv(time, state) ~ a + b + g, few), "survresist_warning_convergence"
    ),
    class = "survresist_warning_few_events"
  )
})

test_that("rows with missing values are left out, those of the censoring variables too", {
  d$a[[2]] <- NA
  d$g[[5]] <- NA
  d$state[[8]] <- NA
  fit <- fit_finegray(Surv(time, state) ~ a + b, d, censoring = ~ g)
  expect_identical(unname(unclass(fit$na.action))[1:3], c(2L, 5L, 8L))
  whole <- d[-c(2, 5, 8), ]
  expect_identical(
    coef(fit), coef(fit_finegray(Surv(time, state) ~ a + b, whole, censoring = ~ g))
  )
  expect_output(print(fit), "3 observations|left out|deleted")
})

test_that("extreme covariates and weights keep their digits", {
  x <- d
  x$a <- 1e9 + 1e3 * x$a
  fit <- fit_finegray(Surv(time, state) ~ a + b, x, control = tight)
  plain <- fit_finegray(Surv(time, state) ~ a + b, d, control = tight)
  expect_close(coef(fit) * c(1e3, 1), coef(plain), 1e-6)
  weighted <- fit_finegray(Surv(time, state) ~ a + b, d, weights = rep(1e6, nrow(d)),
                           weighted_censoring = TRUE, control = tight)
  expect_close(coef(weighted), coef(plain), 1e-9)
  # an offset beyond the range of exp()
  far <- fit_finegray(Surv(time, state) ~ a + offset(o), transform(d, o = 400 + 0 * a))
  near <- fit_finegray(Surv(time, state) ~ a, d)
  expect_close(coef(far), coef(near), 1e-9)
  expect_close(residuals(far), residuals(near), 1e-8)
})

test_that("the median is the cut and a tie at it is low", {
  x <- c(5, 1, 3, 3, 9)
  s <- rank_status(x)
  expect_s3_class(s, c("rank_status", "factor"), exact = TRUE)
  expect_identical(as.character(s), c("high", "low", "low", "low", "high"))
  expect_identical(attr(s, "cut"), 3)
  expect_identical(attr(s, "counts"), c(low = 3L, high = 2L, at_cut = 2L, missing = 0L))
  expect_identical(attr(s, "origin"), list(method = "median", batches = FALSE, probability = 0.5))
})

test_that("a quantile is R's type 7, a value is taken as it is", {
  x <- survival::gbsg$pgr
  s <- rank_status(x, "quantile", cut = 0.75)
  expect_identical(attr(s, "cut"), unname(stats::quantile(x, 0.75, type = 7)))
  expect_identical(s == "high", x > attr(s, "cut"))
  v <- rank_status(x, "value", cut = 20, levels = c("neg", "pos"))
  expect_identical(levels(v), c("neg", "pos"))
  expect_identical(v == "pos", x > 20)
  expect_identical(attr(v, "counts")[["at_cut"]], sum(x == 20))
})

test_that("each batch has its own cut", {
  gbsg <- survival::gbsg
  s <- with(gbsg, rank_status(pgr, by = grade))
  expect_equal(attr(s, "cut"), c(tapply(gbsg$pgr, gbsg$grade, median)), ignore_attr = "dim")
  expect_identical(s == "high", gbsg$pgr > attr(s, "cut")[as.character(gbsg$grade)],
    ignore_attr = TRUE)
  expect_identical(dim(attr(s, "counts")), c(3L, 4L))
  gap <- rank_status(c(1, 2, 3, 4, 5), by = c("a", "a", NA, "b", "b"))
  expect_identical(as.character(gap), c("low", "high", NA, "low", "high"))
  again <- rank_status(gbsg$pgr, "value", cut = attr(s, "cut"), by = gbsg$grade)
  expect_identical(as.character(again), as.character(s))
})

test_that("missing values and names stay in their places", {
  s <- rank_status(c(a = 1, b = NA, c = 3, d = NaN))
  expect_identical(is.na(as.character(s)), c(FALSE, TRUE, FALSE, TRUE))
  expect_identical(names(s), c("a", "b", "c", "d"))
  expect_identical(attr(s, "counts")[["missing"]], 2L)
  expect_length(rank_status(numeric(), "value", cut = 1), 0L)
  none <- rank_status(c(NA, NA_real_), "value", cut = 1)
  expect_identical(as.character(none), c(NA, NA_character_))
})

test_that("a subset keeps the cut; what mixes cuts forgets it", {
  x <- survival::gbsg$pgr
  s <- rank_status(x)
  part <- s[x > 100]
  expect_identical(attr(part, "cut"), attr(s, "cut"))
  expect_identical(attr(part, "counts"), attr(s, "counts"))
  expect_identical(levels(part), c("low", "high"))
  expect_identical(attr(s[[3]], "cut"), attr(s, "cut"))
  expect_identical(attr(c(s[1:3], s[9:12]), "cut"), attr(s, "cut"))
  expect_s3_class(c(s[1:3], rank_status(x, "value", cut = 1)), "factor", exact = TRUE)
  expect_s3_class(droplevels(part), "factor", exact = TRUE)
  expect_s3_class(factor(s), "factor", exact = TRUE)
  expect_identical(levels(droplevels(part)), "high")
  expect_s3_class(droplevels(s), "rank_status")
  expect_identical(attr(rep(s[1:2], 3), "cut"), attr(s, "cut"))
  up <- relevel(s, "high")
  expect_identical(levels(up), c("high", "low"))
  expect_identical(as.character(up), as.character(s))
  expect_identical(attr(up, "cut"), attr(s, "cut"))
  frame <- data.frame(s = s, x = x)
  expect_identical(attr(frame[frame$x > 5, ]$s, "cut"), attr(s, "cut"))
  expect_identical(as.character(rbind(frame, frame)$s), rep(as.character(s), 2))
  expect_identical(summary(s), summary(factor(as.character(s), levels(s))))
})

test_that("print tells the cut, its rule, ties and where the values came from", {
  s <- rank_status(c(5, 1, 3, 3, 9, NA))
  out <- capture.output(print(s))
  expect_match(out, "low 3, high 2, missing 1", all = FALSE)
  expect_match(out, "high is above the cut; cut at 3, the median", all = FALSE)
  expect_match(out, "2 values equal to the cut count as low", all = FALSE)
  expect_match(capture.output(print(s[1:2])), "made with 6 values", all = FALSE)
  expect_match(capture.output(print(relevel(s, "high"))), "high is above the cut", all = FALSE)
  by <- capture.output(print(rank_status(1:6, "quantile", 0.5, by = rep(c("p1", "p2"), 3))))
  expect_match(by, "0.5 quantile of each batch: p1 3; p2 4", all = FALSE)
  expect_match(capture.output(print(rank_status(1:40))), "and 20 more", all = FALSE)
})

test_that("a fit remembers its cut for new patients", {
  gbsg <- survival::gbsg
  new <- gbsg[gbsg$pgr > 100, ]
  here <- gbsg$pgr > 100
  forms <- list(
    Surv(rfstime, status) ~ rank_status(pgr) * hormon + age,
    Surv(rfstime, status) ~ survresist::rank_status(pgr, "quantile", 0.75) + age,
    Surv(rfstime, status) ~ rank_status(pgr, by = grade) + age,
    Surv(rfstime, status) ~ relevel(rank_status(pgr), "high") + age
  )
  for (form in forms) {
    fit <- survival::coxph(form, gbsg)
    expect_close(
      predict(fit, new, type = "lp", reference = "sample"),
      predict(fit, type = "lp", reference = "sample")[here], 1e-12
    )
    one <- predict(fit, new[1, ], type = "risk", reference = "zero")
    expect_true(is.finite(one))
  }
  # a median taken anew would judge half of these patients, all above it, to be low
  fresh <- table(rank_status(new$pgr))
  expect_gt(fresh[["low"]], 0.4 * nrow(new))
})

test_that("a column that is a status stays what it is", {
  gbsg <- survival::gbsg
  gbsg$marker <- rank_status(gbsg$pgr)
  fit <- survival::coxph(Surv(rfstime, status) ~ marker + strata(marker, grade), gbsg)
  expect_identical(attr(terms(fit), "predvars")[[3]], quote(marker))
  expect_identical(levels(survival::strata(gbsg$marker)), c("low", "high"))
})

test_that("cuts within strata() are found by the fixer", {
  gbsg <- survival::gbsg
  vars <- quote(list(Surv(rfstime, status), age, strata(rank_status(pgr, by = grade), meno)))
  fixed <- remember_rank_cuts(vars, gbsg, globalenv())
  expect_identical(fixed[[4]][[2]]$method, "value")
  expect_identical(fixed[[4]][[2]]$cut, attr(rank_status(gbsg$pgr, by = gbsg$grade), "cut"))
  expect_identical(fixed[[4]][[3]], quote(meno))
  expect_identical(remember_rank_cuts(fixed, gbsg[1:9, ], globalenv()), fixed)
})

test_that("what cannot be cut is told", {
  input <- "survresist_error_input"
  expect_error(rank_status(rep(2, 5)), "constant", class = input)
  expect_error(rank_status(c(1, 2, 3, 3), by = c(1, 1, 2, 2)), "batch \"2\"", class = input)
  expect_error(rank_status(c(NA_real_, NA)), "no value", class = input)
  expect_error(rank_status(c("a", "b")), "numeric vector", class = input)
  expect_error(rank_status(factor(1:3)), "numeric vector", class = input)
  expect_error(rank_status(cbind(1:3, 1:3)), "2 columns", class = input)
  expect_error(rank_status(1:4, "quantile"), "one probability", class = input)
  expect_error(rank_status(1:4, "quantile", 75), "one probability", class = input)
  expect_error(rank_status(1:4, "value"), "finite number", class = input)
  expect_error(rank_status(1:4, "value", Inf), "finite number", class = input)
  expect_error(rank_status(1:4, "value", 1:2), "one number", class = input)
  expect_error(rank_status(1:4, cut = 2), "no meaning", class = input)
  expect_error(rank_status(1:4, "mean"), "one of", class = input)
  expect_error(rank_status(1:4, levels = c("a", "a")), "two different", class = input)
  expect_error(rank_status(1:4, by = 1:3), "as long as", class = input)
  expect_error(rank_status(c(-Inf, -Inf, -Inf, 1)), "not finite", class = input)
  err <- expect_error(
    rank_status(1:4, "value", c(a = 1), by = c("a", "b", "b", "a")), "No cut for", class = input
  )
  expect_identical(err$rows, 2:3)
  expect_warning(rank_status(c(1, 2, 2, 2)), class = "survresist_warning_one_sided")
})

test_that("fit_cox() remembers the cut, within strata() too", {
  gbsg <- survival::gbsg
  here <- gbsg$pgr > 100
  forms <- list(
    Surv(rfstime, status) ~ rank_status(pgr) * hormon + age,
    Surv(rfstime, status) ~ age * strata(rank_status(pgr, by = grade)) + hormon,
    Surv(rfstime, status) ~ age + survival::strata(rank_status(pgr))
  )
  for (form in forms) {
    fit <- fit_cox(form, gbsg)
    expect_close(
      predict(fit, gbsg[here, ], type = "lp", reference = "sample"),
      predict(fit, type = "lp", reference = "sample")[here], 1e-12
    )
    cut <- attr(terms(fit), "predvars")
    expect_false(any(grepl("median", deparse(cut))))
  }
  # two patients, both above the cut: a median taken anew would part them
  two <- gbsg[here, ][order(gbsg$pgr[here])[c(1, sum(here))], ]
  curve <- survival::survfit(fit, newdata = two)
  expect_identical(unname(curve$strata[1]), unname(curve$strata[2]))
})

test_that("RANK in 147 tumours", {
  nki <- skip_without_shared("rank_nki.csv")
  status <- rank_status(nki$TNFRSF11A, "quantile", cut = 0.75)
  expect_identical(c(table(status)), c(low = 110L, high = 37L))
  er <- tapply(nki$TNFRSF11A, nki$er, median)
  expect_equal(round(er[["0"]], 3), 0.091)
  expect_equal(round(er[["1"]], 3), -0.116)
  nki$series <- factor(nki$series)
  fit <- fit_cox(
    Surv(dmfs_months, dmfs_event) ~ rank_status(TNFRSF11A, "quantile", 0.75), data = nki
  )
  hr <- hazard_ratio(fit, "rank_status(TNFRSF11A, \"quantile\", 0.75)")
  # what the data's own page says of it: about 1.5, and the interval covers 1
  expect_lt(abs(hr$estimate - 1.5), 0.15)
  expect_true(hr$conf.low < 1 && hr$conf.high > 1)
  # each series was hybridised by itself
  by_series <- rank_status(nki$TNFRSF11A, by = nki$series)
  share <- tapply(by_series == "high", nki$series, mean)
  expect_true(all(abs(share - 0.5) < 0.02))
})

test_that("the simulated cohort is what its page says", {
  d <- rank_cohort
  expect_identical(dim(d), c(600L, 24L))
  expect_match(attr(d, "simulated"), "SIMULATED")
  expect_true(all(vapply(d, function(x) nzchar(attr(x, "label")), NA)))
  expect_identical(anyDuplicated(d$id), 0L)
  expect_identical(c(table(d$arm)), c(control = 300L, combination = 300L))
  expect_lt(abs(mean(d$intrinsic) - 0.2), 0.03)
  expect_true(all(d$rank_h >= 0 & d$rank_h <= 300))
  expect_gt(cor(d$rank_rna, d$rank_h, use = "complete.obs"), 0.7)
  expect_gt(anyNA(d$rank_rna) + anyNA(d$rank_week24) + anyNA(d$rank_progression), 2)
})

test_that("scans bracket the progression, and death comes last", {
  d <- rank_cohort
  seen <- d$progression == 1
  expect_identical(seen, !is.na(d$scan_progression))
  expect_true(all(d$scan_clean[seen] < d$scan_progression[seen]))
  expect_identical(c(d$progression_time[seen]), c(d$scan_progression[seen]))
  expect_true(all(d$pfs_time <= d$death_time & d$progression_time <= d$death_time))
  expect_true(all(d$pfs >= d$progression & d$pfs >= d$death))
  days <- d$scan_progression[seen] * 30.4375
  expect_close(days, round(days), 1e-12)
  # eight-weekly: the first scan lies 51 to 61 days in, unless it was missed
  expect_gte(min(days), 51)
  gap <- (d$scan_progression - d$scan_clean)[seen] * 30.4375
  expect_gt(mean(gap >= 46 & gap <= 66), 0.85)
})

test_that("most of the others progress within two years", {
  others <- rank_cohort[!rank_cohort$intrinsic, ]
  free <- summary(
    survival::survfit(Surv(progression_time, progression) ~ 1, others), times = 24
  )$surv
  expect_lt(free, 0.5)
  early <- rank_cohort[rank_cohort$intrinsic, ]
  expect_lt(median(early$pfs_time), 4)
})

test_that("RANK moves both kinds of resistance, and treatment moves RANK", {
  d <- rank_cohort
  control <- d[d$arm == "control", ]
  share <- tapply(control$intrinsic, control$rank, mean)
  expect_gt(share[["high"]], 2 * share[["low"]])
  fit <- survival::coxph(
    Surv(pfs_time, pfs) ~ arm * rank, d, subset = !intrinsic
  )
  expect_gt(coef(fit)[["rankhigh"]], 0.2)
  expect_lt(coef(fit)[["armcombination:rankhigh"]], -0.2)
  rise <- tapply(d$rank_h_progression - d$rank_h, d$arm, mean, na.rm = TRUE)
  expect_gt(rise[["control"]], rise[["combination"]] + 10)
  expect_identical(attr(d$rank_week24, "cut"), attr(d$rank, "cut"))
})

test_that("the script makes the shipped data", {
  script <- file.path("..", "..", "data-raw", "rank_cohort.R")
  if (!file.exists(script)) skip("data-raw is not here: this is a built package")
  kind <- RNGkind()
  withr_seed <- if (exists(".Random.seed", globalenv())) get(".Random.seed", globalenv())
  on.exit({
    do.call(RNGkind, as.list(kind))
    if (!is.null(withr_seed)) assign(".Random.seed", withr_seed, globalenv())
  })
  made <- new.env()
  sys.source(script, made)
  expect_equal(made$simulate_rank_cohort(), rank_cohort, tolerance = 1e-12)
})

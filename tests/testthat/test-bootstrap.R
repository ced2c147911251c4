# Each replicate against coxph() on the rows written out, which boot_counts() tells.

# The coefficients of coxph() on every resample of `replicates`, rows copied as often as drawn.
refit_resamples <- function(replicates, formula, data, ties = "efron", weights = NULL) {
  count <- boot_counts(replicates)
  if (!is.null(replicates$unit)) count <- count[replicates$unit + 1L, ]
  data$case_weight <- if (is.null(weights)) 1 else weights
  do.call(rbind, lapply(seq_len(ncol(count)), function(r) {
    copies <- count[, r]
    drawn <- data[rep(seq_along(copies), copies), ]
    environment(formula) <- environment()
    stats::coef(suppressWarnings(
      survival::coxph(formula, drawn, case_weight, ties = ties, control = tight, robust = FALSE)
    ))
  }))
}

expect_replicates <- function(fit, formula, data, ..., ties = "efron", weights = NULL, times = 20) {
  replicates <- bootstrap(fit, times, ..., seed = 51)
  reference <- refit_resamples(replicates, formula, data, ties, weights)
  for (j in seq_len(ncol(reference))) expect_close(replicates$t[, j], reference[, j], 1e-8)
  expect_identical(replicates$t0, fit$coefficients)
  expect_true(all(replicates$state == "done"))
  invisible(replicates)
}

lung_data <- function() {
  stats::na.omit(survival::lung[c("time", "status", "age", "sex", "ph.ecog", "inst")])
}

test_that("replicates are coxph's on the rows written out", {
  lung <- lung_data()
  formula <- Surv(time, status) ~ age + sex + ph.ecog
  expect_replicates(fit_cox(formula, lung), formula, lung)
  expect_replicates(fit_cox(formula, lung, ties = "breslow"), formula, lung, ties = "breslow")
  set.seed(52)
  lung$w <- stats::runif(nrow(lung), 0.5, 2)
  fit <- fit_cox(formula, lung, weights = w)
  expect_replicates(fit, formula, lung, weights = lung$w)
  monthly <- Surv(ceiling(time / 30), status) ~ age + offset(ph.ecog / 2) + strata(sex)
  expect_replicates(fit_cox(monthly, lung), monthly, lung)
})

test_that("clusters are drawn whole, with entry times", {
  cgd <- survival::cgd
  formula <- Surv(tstart, tstop, status) ~ treat + age + strata(hos.cat)
  fit <- fit_cox(formula, cgd, cluster = id)
  own <- expect_replicates(fit, formula, cgd)
  expect_identical(nrow(own$data), length(unique(cgd$id)))
  given <- bootstrap(fit_cox(formula, cgd), 20, cluster = ~id, seed = 51)
  expect_identical(given$t, own$t)
  heart <- survival::heart
  formula <- Surv(start, stop, event) ~ age + year + surgery
  expect_replicates(fit_cox(formula, heart), formula, heart, cluster = heart$id)
})

test_that("strata keep their sizes", {
  lung <- lung_data()
  formula <- Surv(time, status) ~ age + sex
  replicates <- expect_replicates(fit_cox(formula, lung), formula, lung, strata = lung$sex)
  size <- rowsum(boot_counts(replicates), lung$sex)
  expect_true(all(size == as.vector(table(lung$sex))))
  cgd <- survival::cgd
  formula <- Surv(tstart, tstop, status) ~ treat + age
  fit <- fit_cox(formula, cgd, cluster = id)
  both <- expect_replicates(fit, formula, cgd, strata = ~treat)
  of_unit <- cgd$treat[!duplicated(cgd$id)]
  size <- rowsum(boot_counts(both), of_unit)
  expect_true(all(size == as.vector(table(of_unit))))
  expect_error(
    bootstrap(fit, 2, strata = ~enum), "within one of", class = "survresist_error_input"
  )
})

test_that("a far start and wide risks change nothing", {
  # one covariate makes hazards differ by 1e15 between rows
  set.seed(53)
  n <- 200
  data <- data.frame(x = c(stats::rnorm(n - 4), 6, -6, 7, -7), z = stats::rnorm(n))
  data$time <- ceiling(50 * stats::rexp(n, exp(2.5 * data$x)))
  data$status <- 1
  formula <- Surv(time, status) ~ x + z
  fit <- fit_cox(formula, data)
  expect_replicates(fit, formula, data, times = 8)
  data$start <- pmax(0, data$time - 30)
  formula <- Surv(start, time, status) ~ x + z
  fit <- fit_cox(formula, data)
  suppressWarnings(expect_replicates(fit, formula, data, times = 8))
})

test_that("the seed alone decides: threads and order do not", {
  fit <- fit_cox(Surv(time, status) ~ age + sex, lung_data())
  before <- set_threads(1)
  one <- bootstrap(fit, 37, seed = 3)
  set_threads(2)
  two <- bootstrap(fit, 37, seed = 3)
  set_threads(0)
  expect_identical(one$t, two$t)
  # the first of many are the same as few
  expect_identical(bootstrap(fit, 5, seed = 3)$t, one$t[1:5, ])
  expect_false(identical(bootstrap(fit, 5, seed = 4)$t, one$t[1:5, ]))
  set.seed(8)
  first <- bootstrap(fit, 5)
  set.seed(8)
  expect_identical(bootstrap(fit, 5)$t, first$t)
  expect_false(identical(bootstrap(fit, 5)$t, first$t))
})

test_that("standard errors come near the robust ones", {
  fit <- fit_cox(Surv(time, status) ~ age + sex + ph.ecog, lung_data(), robust = TRUE)
  replicates <- bootstrap(fit, 2000, seed = 4)
  ratio <- apply(replicates$t, 2, stats::sd) / sqrt(diag(fit$var))
  expect_true(all(ratio > 0.93 & ratio < 1.12))
})

test_that("boot takes the result: four intervals, bca from dfbeta", {
  skip_if_not_installed("boot")
  lung <- lung_data()
  fit <- fit_cox(Surv(time, status) ~ age + sex + ph.ecog, lung)
  replicates <- bootstrap(fit, 999, seed = 5)
  expect_s3_class(replicates, c("sr_boot", "boot"), exact = TRUE)
  expect_close(
    replicates$data, stats::residuals(
      survival::coxph(Surv(time, status) ~ age + sex + ph.ecog, lung), "dfbeta"
    ), 1e-6
  )
  for (j in 1:3) {
    t <- replicates$t[, j]
    got <- boot::boot.ci(replicates, type = c("norm", "basic", "perc", "bca"), index = j)
    bias <- mean(t) - fit$coefficients[[j]]
    expect_close(
      got$normal[2:3],
      fit$coefficients[[j]] - bias + c(-1, 1) * stats::qnorm(0.975) * stats::sd(t)
    )
    expect_close(got$percent[4:5], sort(t)[c(25, 975)])
    expect_close(got$basic[4:5], 2 * fit$coefficients[[j]] - sort(t)[c(975, 25)])
    # Efron 1987: acceleration from the skewness of the influences
    influence <- replicates$data[, j]
    a <- sum(influence^3) / (6 * sum(influence^2)^1.5)
    w <- stats::qnorm(mean(t < fit$coefficients[[j]]))
    z <- w + stats::qnorm(c(0.025, 0.975))
    expect_close(got$bca[2:3], 1000 * stats::pnorm(w + z / (1 - a * z)), 1e-4)
  }
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_silent(plot(replicates, index = 2))
  set.seed(1) # boot.array() leaves the generator in an odd state when it fails
  state <- .Random.seed
  expect_error(boot::boot.array(replicates))
  assign(".Random.seed", state, globalenv())
})

test_that("resamples without an estimate are missing, counted and told", {
  # three events in the rare group: about 5 % of resamples have none of them
  set.seed(54)
  data <- data.frame(
    time = stats::rexp(60), status = 1, rare = rep(c(1, 0), c(3, 57)), x = stats::rnorm(60)
  )
  data$status[1:2] <- 0
  fit <- fit_cox(Surv(time, status) ~ rare + x, data)
  replicates <- bootstrap(fit, 200, seed = 6)
  count <- boot_counts(replicates)
  no_one <- colSums(count[1:3, ]) == 0       # the column is 0: aliased, as coxph has it
  no_event <- !no_one & count[3, ] == 0      # no event in the group: no maximum
  expect_gt(sum(no_one), 0)
  expect_gt(sum(no_event), 0)
  expect_true(all(is.na(replicates$t[no_one | no_event, "rare"])))
  expect_true(all(replicates$state[no_event] == "infinite"))
  expect_false(anyNA(replicates$t[!no_one & !no_event, ]))
  expect_false(anyNA(replicates$t[, "x"]))
  reference <- refit_resamples(replicates, Surv(time, status) ~ rare + x, data)
  expect_close(replicates$t[no_one, "x"], reference[no_one, 2], 1e-8)
  expect_output(print(replicates), "without an estimate: rare [0-9]+ \\([0-9]+ infinite\\)")
})

test_that("aliased columns stay missing", {
  lung <- lung_data()
  lung$twice <- 2 * lung$age
  fit <- fit_cox(Surv(time, status) ~ age + twice + sex, lung)
  replicates <- bootstrap(fit, 10, seed = 7)
  expect_identical(colSums(is.na(replicates$t)), c(age = 0, twice = 10, sex = 0))
  expect_output(print(replicates), "10 resamples of 226 rows, seed 7")
})

test_that("rows left out by the fit are left out of a given cluster", {
  lung <- survival::lung
  lung$unit <- rep(1:114, 2)
  fit <- fit_cox(Surv(time, status) ~ age + ph.ecog, lung)
  expect_identical(fit$n, 227L)
  all_rows <- bootstrap(fit, 5, cluster = lung$unit, seed = 8)
  used_rows <- bootstrap(fit, 5, cluster = lung$unit[!is.na(lung$ph.ecog)], seed = 8)
  expect_identical(all_rows$t, used_rows$t)
  expect_identical(bootstrap(fit, 5, cluster = ~unit, seed = 8)$t, used_rows$t)
  # a formula is looked up in the rows that `subset` keeps, however they are given
  row.names(lung) <- paste0("row", seq_len(nrow(lung)))
  formula <- Surv(time, status) ~ age + ph.ecog
  by_name <- fit_cox(formula, lung, subset = c("row228", paste0("row", 1:90)))
  by_number <- fit_cox(formula, lung, subset = c(228, 1:90))
  want <- bootstrap(by_number, 5, cluster = lung$unit[c(228, 1:90)], seed = 8)$t
  expect_identical(bootstrap(by_number, 5, cluster = ~unit, seed = 8)$t, want)
  expect_identical(bootstrap(by_name, 5, cluster = ~unit, seed = 8)$t, want)
})

test_that("what cannot be resampled is refused", {
  lung <- lung_data()
  fit <- fit_cox(Surv(time, status) ~ age + sex, lung)
  input <- "survresist_error_input"
  expect_error(bootstrap(1), "fit of `fit_cox", class = input)
  expect_error(bootstrap(fit, 0), "`times` must be", class = input)
  expect_error(bootstrap(fit, 10, seed = "a"), "`seed` must be", class = input)
  expect_error(bootstrap(fit, 10, cluster = 1:3), "226 rows, `cluster` has 3", class = input)
  expect_error(bootstrap(fit, 10, cluster = ~nobody), "`cluster` must name columns", class = input)
  expect_error(
    bootstrap(fit, 10, strata = replace(lung$sex, 7, NA)), "row 7", class = input
  )
  expect_error(bootstrap(fit_cox(Surv(time, status) ~ 1, lung)), "no coefficient", class = input)
  unsupported <- "survresist_error_unsupported"
  expect_error(
    bootstrap(fit_cox(Surv(time, status) ~ age, lung, firth = TRUE)), "firth", class = unsupported
  )
  expect_error(
    bootstrap(fit_cox(Surv(time, status) ~ age, lung, ties = "exact")), "exact",
    class = unsupported
  )
  heart <- survival::heart
  expect_warning(
    bootstrap(fit_cox(Surv(start, stop, event) ~ age, heart), 2), "one by one",
    class = "survresist_warning"
  )
})

test_that("columns that move together by a small step are not called infinite", {
  # a factor times a column far from 0: a step of 1e-5 standard errors moves both by much
  set.seed(4, "Mersenne-Twister", "Inversion", "Rejection")
  data <- data.frame(x = round(rnorm(90) * 1024) / 1024, g = rep(c("a", "b", "c"), 30))
  data$time <- rexp(90) / exp(c(a = 1, b = -2, c = 0)[data$g] * data$x)
  data$event <- rep(c(1, 1, 1, 0), length.out = 90)
  replicates <- function(data) {
    fit <- fit_cox(Surv(time, event) ~ x * g, data, control = tight)
    bootstrap(fit, 40, seed = 1)$t[, c(1, 4, 5)]
  }
  near <- replicates(data)
  far <- replicates(transform(data, x = x + 16384))
  expect_false(anyNA(near))
  expect_close(far, near, 1e-8)
})

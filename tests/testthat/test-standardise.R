# standardise() against sums by hand

patients <- function(n = 300) rotterdam_years(n)

test_that("marginal curves are averages of the patients' curves", {
  d <- patients(150)
  d$w <- rep_len(c(1, 2), nrow(d))
  fit <- fit_ttp(
    Surv(years, recur) ~ arm * age + strata(rank) + splines::ns(nodes, 2), d, shape = ~arm,
    weights = w, family = "loglogistic"
  )
  times <- c(1, 4, 12)
  by_hand <- function(arm, rank, type, of = fit) {
    set <- d
    set$arm <- factor(rep(arm, nrow(d)), levels(d$arm))
    set$rank <- factor(rep(rank, nrow(d)), levels(d$rank))
    found <- predict(of, set, type, times = times)
    drop(rowsum(found$estimate * d$w[found$.row], found$time)) / sum(d$w)
  }
  groups <- expand.grid(rank = levels(d$rank), arm = levels(d$arm), stringsAsFactors = FALSE)
  for (type in c("survival", "rmst")) {
    found <- standardise(fit, by = c("arm", "rank"), times = times, type = type)
    expect_identical(as.character(found$arm), rep(groups$arm, each = 3))
    expect_identical(found$rank, factor(rep(groups$rank, each = 3), levels(d$rank)))
    theirs <- unlist(Map(by_hand, groups$arm, groups$rank, type))
    expect_close(found$estimate, theirs, 1e-10)
    # standard errors by central differences
    slope <- vapply(seq_along(coef(fit)), function(j) {
      step <- 1e-4 * sqrt(vcov(fit)[j, j])
      at <- function(by) {
        moved <- fit
        moved$coefficients[[j]] <- moved$coefficients[[j]] + by
        unlist(Map(by_hand, groups$arm, groups$rank, type, list(moved)))
      }
      (at(step) - at(-step)) / (2 * step)
    }, theirs)
    expect_close(found$std.error, sqrt(rowSums((slope %*% vcov(fit)) * slope)), 1e-6)
    apart <- slope[4:12, ] - slope[c(1:3, 1:3, 1:3), ]
    difference <- standardise(fit, c("arm", "rank"), times, type, contrast = "difference")
    expect_close(difference$estimate, theirs[4:12] - theirs[1:3], 1e-9)
    expect_close(difference$std.error, sqrt(rowSums((apart %*% vcov(fit)) * apart)), 1e-6)
    expect_close(
      difference$conf.high, difference$estimate + qnorm(0.975) * difference$std.error, 1e-12
    )
    ratio <- standardise(fit, c("arm", "rank"), times, type, contrast = "ratio", level = 0.9)
    expect_close(ratio$estimate, theirs[4:12] / theirs[1:3], 1e-10)
    expect_close(ratio$conf.low, ratio$estimate * exp(qnorm(0.05) * ratio$std.error), 1e-12)
  }
  expect_identical(
    levels(difference$group), paste(c("none, low", "tamoxifen, high", "tamoxifen, low"), "-",
      "none, high"
    )
  )
})

test_that("the other types follow from the marginal curve", {
  d <- patients()
  fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, d, family = "weibull")
  ask <- function(...) standardise(fit, by = "arm", ...)
  S <- ask(times = c(0, 3))
  expect_identical(S$estimate[S$time == 0], c(1, 1))
  expect_identical(S$conf.low[S$time == 0], c(1, 1))
  expect_close(ask(times = c(0, 3), type = "failure")$estimate, 1 - S$estimate, 1e-12)
  failure <- ask(times = 3, type = "failure")
  expect_close(failure$conf.low, 1 - S$conf.high[S$time == 3], 1e-12)
  expect_close(failure$std.error, S$std.error[S$time == 3], 1e-12)
  expect_close(ask(times = c(0, 3), type = "cumhaz")$estimate, -log(S$estimate), 1e-12)
  step <- 1e-4
  around <- ask(times = c(3 - step, 3 + step), type = "cumhaz")$estimate
  hazard <- ask(times = 3, type = "hazard")
  expect_close(hazard$estimate, c(diff(around[1:2]), diff(around[3:4])) / (2 * step), 1e-6)
  moved <- vapply(seq_along(coef(fit)), function(j) {
    by <- 1e-4 * sqrt(vcov(fit)[j, j])
    at <- function(by) {
      fit$coefficients[[j]] <- fit$coefficients[[j]] + by
      standardise(fit, by = "arm", times = 3, type = "hazard")$estimate
    }
    (at(by) - at(-by)) / (2 * by)
  }, c(0, 0))
  expect_close(hazard$std.error, sqrt(rowSums((moved %*% vcov(fit)) * moved)), 1e-6)
  whole <- standardise(fit, times = 3)
  expect_close(whole$estimate, mean(predict(fit, d, times = 3)$estimate), 1e-12)
  expect_identical(as.character(whole$group), "All patients")
})

test_that("other patients, their weights and values of by can be given", {
  d <- patients()
  d$nodes[5] <- NA
  fit <- fit_ttp(Surv(years, recur) ~ hormon + nodes, d, subset = age > 40)
  used <- d[d$age > 40 & !is.na(d$nodes), ]
  expect_close(
    standardise(fit, list(hormon = c(1, 0)), 2)$estimate,
    standardise(fit, list(hormon = c(1, 0)), 2, newdata = used)$estimate, 1e-14
  )
  w <- seq_len(nrow(used))
  expect_close(
    standardise(fit, NULL, 2, newdata = used, weights = w)$estimate,
    weighted.mean(predict(fit, used, times = 2)$estimate, w), 1e-12
  )
  expect_identical(standardise(fit, list(nodes = c(0, 8)), 2)$nodes, c(0, 8))
})

test_that("groups can be named in a formula", {
  d <- patients()
  fit <- fit_ttp(Surv(years, recur) ~ arm + rank, d)
  expect_identical(
    standardise(fit, ~ arm + rank, c(1, 3)), standardise(fit, c("arm", "rank"), c(1, 3))
  )
  expect_identical(levels(standardise(fit, "rank", 1)$rank), levels(d$rank))
  expect_error(standardise(fit, y ~ arm, 1), "must name", class = "survresist_error_input")
})

test_that("what cannot be averaged is said", {
  d <- patients()
  fit <- fit_ttp(Surv(years, recur) ~ arm + nodes, d)
  refused <- function(..., message) {
    expect_error(standardise(...), message, class = "survresist_error_input")
  }
  refused(fit, "arm", message = "`times` must be")
  refused(fit, "treatment", 1, message = "There is no `treatment`")
  refused(fit, "nodes", 1, message = "at which values of `nodes`")
  refused(fit, 3, 1, message = "named list")
  refused(fit, list(arm = "other"), 1, message = "There is no \"other\"")
  refused(fit, NULL, 1, contrast = "ratio", message = "two groups")
  refused(fit, "arm", 1, weights = 1, message = "`newdata`, which is missing")
  refused(fit, "arm", 1, newdata = d, weights = -1, message = "not negative")
  refused(fit, "arm", 1, newdata = d[0, ], message = "at least one row")
  d$nodes[3] <- NA
  refused(fit, "arm", 1, newdata = d, message = "no missing value")
  cox <- fit_cox(Surv(years, recur) ~ arm, patients())
  refused(cox, "arm", 1, message = "adjusted_curves")
})

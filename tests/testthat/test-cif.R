# Cumulative incidence by group against survival::survfit(), Gray's test against cmprsk::cuminc().

mgus <- survival::mgus2
mgus$months <- with(mgus, ifelse(pstat == 1, ptime, futime))
mgus$event <- with(mgus, factor(ifelse(pstat == 1, 1, 2 * death), 0:2, c("none", "pcm", "death")))
mgus$age3 <- cut(mgus$age, c(0, 60, 75, 100))
mgus$whole <- 1 + seq_len(nrow(mgus)) %% 3
mgus$part <- mgus$whole / 1.7
mgus$entry <- pmin(mgus$months / 2, 10 * (seq_len(nrow(mgus)) %% 7))

# Every component of a survfitms, in its order. Where survfit's standard error of an estimate of 0
# is rounding, its limits are missing; ours are then the estimate.
expect_curves <- function(ours, theirs, tol = 1e-10) {
  testthat::expect_identical(class(ours), class(theirs))
  a <- unclass(ours)
  b <- unclass(theirs)
  testthat::expect_identical(setdiff(names(a), "gray"), names(b))
  for (part in setdiff(names(b), c("call", "na.action", "lower", "upper"))) {
    testthat::expect_equal(a[[part]], b[[part]], tolerance = tol, label = part)
  }
  for (part in c("lower", "upper")) {
    if (is.null(b[[part]])) next
    seen <- !is.na(b[[part]])
    testthat::expect_equal(a[[part]][seen], b[[part]][seen], tolerance = tol, label = part)
    testthat::expect_identical(dimnames(a[[part]]), dimnames(b[[part]]))
    testthat::expect_identical(a$pstate[!seen & b$std.err < 1e-15] > 0, logical(sum(
      !seen & b$std.err < 1e-15
    )))
    testthat::expect_identical(is.na(a[[part]]), !seen & a$std.err > 0)
  }
}

test_that("curves by group are survfit's, with all their components", {
  right <- Surv(months, event) ~ sex
  expect_curves(fit_cif(right, mgus), survival::survfit(right, mgus))
  one <- Surv(months, event) ~ 1
  expect_curves(fit_cif(one, mgus), survival::survfit(one, mgus))
  two <- Surv(months, event) ~ sex + strata(age3)
  expect_curves(fit_cif(two, mgus), survival::survfit(two, mgus))
  numeric <- Surv(months, event) ~ dxyr + sex
  expect_curves(
    fit_cif(numeric, mgus, subset = dxyr > 1985),
    survival::survfit(numeric, mgus, subset = dxyr > 1985)
  )
  expect_curves(
    fit_cif(right, mgus, weights = whole), survival::survfit(right, mgus, weights = whole)
  )
  expect_curves(
    fit_cif(right, mgus, weights = part), survival::survfit(right, mgus, weights = part)
  )
})

test_that("clusters, late entry and several rows a subject are survfit's", {
  right <- Surv(months, event) ~ sex
  expect_curves(
    fit_cif(right, mgus, cluster = dxyr), survival::survfit(right, mgus, cluster = dxyr)
  )
  expect_curves(
    fit_cif(right, mgus, cluster = dxyr, weights = part),
    survival::survfit(right, mgus, cluster = dxyr, weights = part)
  )
  late <- Surv(entry, months, event) ~ sex
  expect_curves(fit_cif(late, mgus, id = id), survival::survfit(late, mgus, id = id))
  expect_curves(
    fit_cif(late, mgus, id = id, weights = part, cluster = dxyr),
    survival::survfit(late, mgus, id = id, weights = part, cluster = dxyr)
  )
  split <- survival::survSplit(Surv(months, event) ~ ., mgus, cut = c(33.5, 100))
  rows <- Surv(tstart, months, event) ~ sex
  found <- fit_cif(rows, split, id = id)
  expect_curves(found, survival::survfit(rows, split, id = id))
  # cutting follow-up into rows changes nothing
  whole <- fit_cif(right, mgus)
  for (part in c("time", "n.risk", "pstate", "std.err", "std.chaz", "std.auc", "cumhaz")) {
    expect_close(found[[part]], whole[[part]], 1e-10, part)
  }
  # a group that changes while a subject is followed
  split$half <- split$tstart > 0
  moving <- Surv(tstart, months, event) ~ half
  expect_curves(fit_cif(moving, split, id = id), survival::survfit(moving, split, id = id))
})

test_that("times that differ by rounding are one, and rare shapes of data have survfit's curves", {
  near <- transform(mgus, months = months / 12 + (seq_len(nrow(mgus)) %% 2) * 1e-12)
  model <- Surv(months, event) ~ sex
  expect_curves(fit_cif(model, near), survival::survfit(model, near))
  exact <- fit_cif(model, near, timefix = FALSE)
  expect_gt(length(exact$time), length(fit_cif(model, near)$time))
  tiny <- data.frame(
    time = c(1, 2, 3, 4, 4, 5), event = factor(c(1, 2, 0, 1, 2, 2), 0:2, c("none", "a", "b")),
    entry = c(0, 0, 1, 3, 0.5, 4.5), id = 1:6
  )
  expect_curves(
    fit_cif(Surv(time, event) ~ 1, tiny), survival::survfit(Surv(time, event) ~ 1, tiny)
  )
  # everybody is gone at 5, and one is seen thereafter
  tiny <- rbind(tiny, data.frame(time = c(8, 9), event = c("a", "b"), entry = c(6, 6), id = 7:8))
  late <- Surv(entry, time, event) ~ 1
  expect_curves(fit_cif(late, tiny, id = id), survival::survfit(late, tiny, id = id))
  # a cause that nobody has
  rare <- transform(mgus, event = factor(event, c("none", "pcm", "never", "death")))
  expect_curves(fit_cif(model, rare), survival::survfit(model, rare))
})

test_that("missing values and the way in which columns are read change nothing", {
  holes <- mgus
  holes$sex[c(4, 90)] <- NA
  holes$months[7] <- NA
  model <- Surv(months, event) ~ sex
  ours <- fit_cif(model, holes)
  theirs <- survival::survfit(model, holes)
  expect_curves(ours, theirs)
  expect_identical(ours$na.action, theirs$na.action)
  for (formula in list(model, Surv(months, event) ~ 1, Surv(months, event) ~ age3 + strata(sex))) {
    fast <- fit_cif(formula, mgus, weights = part, cluster = dxyr)
    old <- options(survresist.fast = FALSE)
    slow <- fit_cif(formula, mgus, weights = part, cluster = dxyr)
    options(old)
    expect_identical(fast, slow)
  }
  last <- 1384:1
  moved <- fit_cif(model, mgus[last, ], cluster = dxyr)
  expect_equal(
    unclass(moved)$std.err, unclass(fit_cif(model, mgus, cluster = dxyr))$std.err, tolerance = 1e-12
  )
})

test_that("limits are those of survfit on every scale", {
  model <- Surv(months, event) ~ sex
  for (type in c("log", "log-log", "plain", "logit", "none")) {
    expect_curves(
      fit_cif(model, mgus, conf.type = type, conf.int = 0.9),
      survival::survfit(model, mgus, conf.type = type, conf.int = 0.9)
    )
  }
  # survfit() of survival 3.8-12 loses the shape of arcsin limits and stops
  found <- fit_cif(model, mgus, conf.type = "arcsin")
  width <- stats::qnorm(0.975) * found$std.err / 2 / sqrt(found$pstate * (1 - found$pstate))
  inside <- found$pstate > 0.01 & found$pstate < 0.99
  expect_close(
    found$lower[inside], sin(asin(sqrt(found$pstate[inside])) - width[inside])^2, 1e-10
  )
  # what is known for sure has no width
  is_sure <- found$std.err == 0
  expect_gt(sum(is_sure), 0)
  expect_identical(found$lower[is_sure], found$pstate[is_sure])
  expect_identical(found$upper[is_sure], found$pstate[is_sure])
})

test_that("a jackknife by leaving out rows gives the standard errors, whatever the clusters", {
  small <- mgus[seq(1, 1384, 9), ]
  small$site <- seq_len(nrow(small)) %% 23
  at <- c(30, 100, 200)
  shares <- function(keep) {
    found <- fit_cif(Surv(months, event) ~ 1, small, weights = keep)
    summary(found, times = at)$pstate
  }
  h <- 1e-5
  influence <- lapply(unique(small$site), function(site) {
    up <- small$part * (1 + h * (small$site == site))
    down <- small$part * (1 - h * (small$site == site))
    (shares(up) - shares(down)) / (2 * h)
  })
  wanted <- sqrt(Reduce(`+`, lapply(influence, function(part) part^2)))
  found <- fit_cif(Surv(months, event) ~ 1, small, weights = part, cluster = site)
  expect_close(summary(found, times = at)$std.err, wanted, 1e-6)
})

test_that("what works on a survfit works", {
  found <- fit_cif(Surv(months, event) ~ sex, mgus)
  theirs <- survival::survfit(Surv(months, event) ~ sex, mgus)
  a <- summary(found, times = c(50, 100))
  b <- summary(theirs, times = c(50, 100))
  expect_close(a$pstate, b$pstate, 1e-12)
  expect_close(a$upper, b$upper, 1e-10)
  expect_identical(
    utils::capture.output(print(found))[-(1:2)], utils::capture.output(print(theirs))[-(1:2)]
  )
  expect_close(
    survival:::summary.survfitms(found, rmean = 200)$table,
    survival:::summary.survfitms(theirs, rmean = 200)$table, 1e-10
  )
  expect_identical(dim(found[1, "pcm"]), dim(theirs[1, "pcm"]))
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_error(plot(found), NA)
  skip_if_not_installed("broom")
  expect_equal(broom::tidy(found), broom::tidy(theirs), tolerance = 1e-8)
})

test_that("Gray's test is cuminc's", {
  skip_if_not_installed("cmprsk")
  peer <- function(...) cmprsk::cuminc(mgus$months, mgus$event, cencode = "none", ...)$Tests
  expect_gray <- function(ours, theirs) {
    expect_identical(ours$cause, rownames(theirs))
    expect_close(ours$statistic, theirs[, "stat"])
    expect_equal(ours$df, theirs[, "df"], ignore_attr = TRUE)
    expect_close(ours$p.value, theirs[, "pv"], 1e-7)
  }
  expect_gray(gray_test(Surv(months, event) ~ sex, mgus), peer(mgus$sex))
  expect_gray(gray_test(fit_cif(Surv(months, event) ~ age3, mgus)), peer(mgus$age3))
  for (rho in c(-0.5, 0, 1, 2)) {
    expect_gray(
      gray_test(Surv(months, event) ~ sex + strata(age3), mgus, rho = rho),
      peer(mgus$sex, mgus$age3, rho = rho)
    )
  }
  continuous <- mgus$months + seq_len(nrow(mgus)) / 5000
  both <- interaction(mgus$sex, mgus$age3)
  expect_gray(
    gray_test(Surv(continuous, event) ~ sex + age3, mgus),
    cmprsk::cuminc(continuous, mgus$event, both, cencode = "none")$Tests
  )
  # a group whose follow-up is short, and one that is not seen in every stratum
  short <- ifelse(mgus$age3 == "(60,75]", pmin(mgus$months, 40), mgus$months)
  state <- mgus$event
  state[short < mgus$months] <- "none"
  seen <- !(mgus$sex == "F" & mgus$age3 == "(0,60]")
  expect_gray(
    gray_test(Surv(short, state) ~ age3 + strata(sex), mgus, subset = seen),
    cmprsk::cuminc(
      short[seen], state[seen], mgus$age3[seen], mgus$sex[seen], cencode = "none"
    )$Tests
  )
  table <- tidy(gray_test(Surv(months, event) ~ sex, mgus))
  expect_identical(names(table), c("cause", "statistic", "df", "p.value"))
  expect_output(print(gray_test(Surv(months, event) ~ sex, mgus)), "death\\s+11.65")
})

test_that("Gray's test says where it does not apply", {
  model <- Surv(months, event) ~ sex
  refused <- "survresist_error_unsupported"
  expect_error(gray_test(Surv(months, event) ~ 1, mgus), "one group", class = refused)
  expect_error(gray_test(fit_cif(model, mgus, weights = whole)), "weighted", class = refused)
  expect_error(gray_test(fit_cif(model, mgus, cluster = dxyr)), class = refused)
  expect_error(gray_test(survival::survfit(model, mgus)), "fit_cif", class = refused)
  kept <- fit_cif(Surv(months, event) ~ age3, mgus)
  kept$strata <- kept$strata[1:2]
  expect_error(gray_test(kept), "taken out", class = "survresist_error_input")
  expect_error(gray_test(model, mgus, weights = whole), class = "survresist_error_input")
  expect_error(gray_test(model, mgus, rho = NA), "rho", class = "survresist_error_input")
})

test_that("bad input is named", {
  wrong <- "survresist_error_input"
  expect_error(fit_cif(Surv(months, death) ~ sex, mgus), "factor", class = wrong)
  expect_error(fit_cif(months ~ sex, mgus), "survival object", class = wrong)
  none <- transform(mgus, event = factor("none", levels(event)))
  expect_error(fit_cif(Surv(months, event) ~ sex, none), "All 1384 rows", class = wrong)
  expect_error(
    fit_cif(Surv(entry, months, event) ~ sex, transform(mgus, entry = months + (id == 8)), id = id),
    "row", class = wrong
  )
  expect_error(fit_cif(Surv(entry, months, event) ~ sex, mgus), "`id`", class = wrong)
  expect_error(fit_cif(Surv(months, event) ~ sex, mgus, id = dxyr), "repeats", class = wrong)
  expect_error(
    fit_cif(Surv(months, event) ~ sex, mgus, weights = -whole), "positive", class = wrong
  )
  expect_error(fit_cif(Surv(months, event) ~ sex * age3, mgus), "interaction", class = wrong)
  expect_error(fit_cif(Surv(months, event) ~ sex, mgus, conf.int = 2), "conf.int", class = wrong)
  expect_error(fit_cif(Surv(months, event) ~ sex, mgus, conf.type = "cube"), class = wrong)
  long <- transform(mgus, months = ifelse(id == 5, Inf, months))
  expect_error(fit_cif(Surv(months, event) ~ sex, long), "finite.*row 5", class = wrong)
  # survfit() of survival 3.8-12 leaves the rows of negative times out and does not say so
  early <- mgus
  early$months[4] <- -1.5
  expect_error(fit_cif(Surv(months, event) ~ sex, early), "negative.*row 4", class = wrong)
  refused <- "survresist_error_unsupported"
  expect_error(fit_cif(Surv(months, event) ~ offset(age), mgus), "offset", class = refused)
  split <- survival::survSplit(Surv(months, event) ~ ., mgus, cut = 50)
  rows <- Surv(tstart, months, event) ~ sex
  over <- transform(split, tstart = ifelse(tstart == 50, 40, tstart))
  expect_error(fit_cif(rows, over, id = id), "overlap", class = wrong)
  again <- transform(split, event = factor(ifelse(months == 50, "pcm", as.character(event)),
    levels(event)
  ))
  expect_error(fit_cif(rows, again, id = id), "goes on", class = refused)
  gap <- transform(split, tstart = ifelse(tstart == 50, 51, tstart))
  gap <- subset(gap, months > tstart)
  expect_warning(fit_cif(rows, gap, id = id), "gap", class = "survresist_warning_gap")
})

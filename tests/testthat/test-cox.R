# The fast path against the ordinary one, the numbers against survival, and what is printed.
lung <- survival::lung
veteran <- survival::veteran
heart <- survival::heart
rotterdam <- survival::rotterdam

# The same call on both paths: identical, but for the environments of the formulas.
expect_same_paths <- function(call) {
  call <- substitute(call)
  frame <- parent.frame()
  fast <- withr_options(list(survresist.fast = TRUE), suppressWarnings(eval(call, frame)))
  ordinary <- withr_options(list(survresist.fast = FALSE), suppressWarnings(eval(call, frame)))
  testthat::expect_true(fast$sr$is_fast)
  testthat::expect_false(ordinary$sr$is_fast)
  fast$sr$is_fast <- FALSE
  for (part in c("terms", "formula")) {
    environment(fast[[part]]) <- environment(ordinary[[part]]) <- globalenv()
  }
  testthat::expect_identical(fast, ordinary)
  invisible(fast)
}

withr_options <- function(new, expr) {
  old <- options(new)
  on.exit(options(old))
  expr
}

test_that("the fast path gives the object of the ordinary path", {
  expect_same_paths(fit_cox(Surv(time, status) ~ age + sex, lung))
  expect_same_paths(fit_cox(Surv(time, status == 2) ~ age + wt.loss + strata(sex), lung))
  expect_same_paths(fit_cox(survival::Surv(time, status) ~ age + survival::strata(inst), lung))
  expect_same_paths(
    fit_cox(
      Surv(time, status == 2) ~ age + wt.loss + strata(ph.ecog) + offset(ph.karno), lung,
      na.action = na.exclude
    )
  )
  expect_same_paths(fit_cox(Surv(time, status) ~ trt + karno + strata(celltype), veteran))
  expect_same_paths(fit_cox(Surv(start, stop, event) ~ age + surgery + strata(transplant), heart))
  expect_same_paths(fit_cox(Surv(time / 2 + 100, time, status) ~ age + sex, lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ strata(sex), lung))
  expect_same_paths(fit_cox(Surv(start, stop, event) ~ age, heart, id = id, weights = id))
  expect_same_paths(fit_cox(Surv(rtime, recur) ~ age + nodes + pgr, rotterdam, ties = "breslow"))
  expect_same_paths(fit_cox(Surv(time, status) ~ age + sex, lung, init = c(0.1, -1), iter.max = 0))
})

test_that("the fast path reads matrices, row names, and data of every kind", {
  lung$m <- as.matrix(lung[c("age", "sex")])
  lung$m1 <- matrix(lung$age)
  lung$m2 <- matrix(lung$age + 0:1, 228, 2)
  lung$m2[3, 2] <- NA
  lung$mi <- matrix(lung$sex + 0L, dimnames = list(NULL, "s"))
  storage.mode(lung$mi) <- "integer"
  expect_same_paths(fit_cox(Surv(time, status) ~ m, lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ m1, lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ mi, lung))
  fit <- expect_same_paths(fit_cox(Surv(time, status) ~ m2 + sex, lung))
  expect_identical(names(fit$na.action), "3")
  rownames(veteran) <- paste0("p", 1:137)
  veteran$karno[c(3, 7)] <- NA
  veteran$cell <- as.character(veteran$celltype)
  formula <- Surv(time, status) ~ trt + karno + strata(cell)
  expect_same_paths(fit_cox(formula, veteran))
  expect_same_paths(fit_cox(formula, veteran[veteran$age > 50, ]))
  expect_same_paths(fit_cox(formula, as.list(veteran)))
  expect_same_paths(fit_cox(formula, list2env(veteran)))
  expect_same_paths(with(veteran, fit_cox(Surv(time, status) ~ trt + karno + strata(cell))))
  sorted <- veteran[order(veteran$time), ]
  rownames(sorted) <- rev(seq_len(137))
  expect_same_paths(fit_cox(formula, sorted))
})

test_that("strata of every type have survival's labels on the fast path", {
  lung$fraction <- lung$age / 3
  lung$big <- lung$inst * 1e5
  lung$wide <- lung$inst * 100000000L
  lung$yes <- lung$sex == 1
  lung$level <- factor(lung$ph.ecog, levels = c(3, 0, 5, 1, 2))
  lung$ordered <- ordered(lung$ph.ecog)
  expect_same_paths(fit_cox(Surv(time, status) ~ sex + strata(fraction), lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ sex + strata(big), lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ sex + strata(wide), lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ sex + strata(yes), lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ sex + strata(level), lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ sex + strata(ordered), lung))
})

test_that("factors and logicals are coded on the fast path as by model.matrix()", {
  lung$ecog <- factor(lung$ph.ecog, levels = c(1, 0, 5, 2, 3))
  lung$late <- lung$time > 300
  lung$late[9] <- NA
  lung$always <- TRUE
  expect_same_paths(fit_cox(Surv(time, status) ~ ecog + age + late, lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ strata(sex) + always + ecog, lung))
  expect_same_paths(fit_cox(Surv(time, status) ~ trt + celltype + strata(prior), veteran))
  expect_same_paths(fit_cox(Surv(rtime, recur) ~ size + age + hormon, rotterdam))
})

test_that("what the fast path does not know goes the ordinary way", {
  lung$odd <- structure(lung$age, class = "odd")
  lung$`a b` <- lung$age
  expect_ordinary <- function(fit) expect_false(fit$sr$is_fast)
  expect_ordinary(fit_cox(Surv(time, status) ~ log(age), lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ `a b`, lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ age + 1, lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ (age), lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ age * sex, lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ age, lung, subset = sex == 1))
  expect_ordinary(fit_cox(Surv(time, status) ~ age, lung, x = TRUE))
  expect_ordinary(fit_cox(Surv(time, sample(status)) ~ age, lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ I(sex == 1), lung))
  lung$contrasted <- C(factor(lung$sex), contr.sum)
  expect_ordinary(fit_cox(Surv(time, status) ~ contrasted, lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ ordered(ph.ecog), lung))
  expect_ordinary(fit_cox(Surv(time, status) ~ as.character(ph.ecog), lung))
  expect_ordinary(fit_cox(with(lung, Surv(time, status)) ~ sex, lung))
})

test_that("an empty stratum, a constant column and one row are taken as coxph takes them", {
  lung$g <- ifelse(lung$sex == 1, 1, ifelse(is.na(lung$wt.loss), 2, 3))
  expect_as_coxph(survival::coxph(Surv(time, status) ~ age + wt.loss + strata(g), lung))
  lung$constant <- 4
  expect_as_coxph(survival::coxph(Surv(time, status) ~ age + constant, lung))
  one <- fit_cox(Surv(time, status == 2) ~ age, lung[1, ])
  expect_identical(c(one$n, unname(coef(one)), one$loglik), c(1, NA, 0, 0))
})

test_that("large and small scales give the numbers of the ordinary scale", {
  fit <- fit_cox(Surv(time, status) ~ age + ph.karno, lung, control = tight)
  lung$age <- lung$age * 1e6 + 1e9
  lung$ph.karno <- lung$ph.karno * 1e-6
  scaled <- fit_cox(Surv(time, status) ~ age + ph.karno, lung, control = tight)
  expect_close(coef(scaled) * c(1e6, 1e-6), coef(fit), 1e-8)
  expect_close(scaled$wald.test, fit$wald.test, 1e-8)
  expect_close(scaled$loglik, fit$loglik, 1e-10)
})

test_that("the two bad and the two good ends of the data are rebuilt", {
  rebuild <- survresist:::cox_rebuild
  fit <- fit_cox(Surv(time, status) ~ age + wt.loss + strata(sex), lung, weights = inst)
  parts <- rebuild(fit)
  theirs <- survival::coxph(
    Surv(time, status) ~ age + wt.loss + strata(sex), lung, weights = inst, x = TRUE
  )
  expect_equal(parts$x, theirs$x, ignore_attr = c("assign", "contrasts"))
  expect_identical(parts$strata, theirs$strata)
  expect_identical(parts$stratum, as.integer(theirs$strata) - 1L)
  expect_equal(parts$weights, theirs$weights)
  expect_identical(parts$y, theirs$y)
  ordinary <- rebuild(update(fit, . ~ factor(ph.ecog) + strata(sex)))
  expect_identical(ncol(ordinary$x), 3L)
  lung <- lung[1:100, ]
  expect_error(rebuild(fit), "not those of the fit", class = "survresist_error_input")
})

test_that("a fit that left no row out is rebuilt from its response", {
  patients <- survival::rotterdam[1:400, ]
  rebuild <- survresist:::cox_rebuild
  patients$late <- patients$nodes / 100
  fit <- fit_cox(
    Surv(dtime, death == 1) ~ age + er + offset(late) + strata(size), patients, weights = pgr + 1
  )
  parts <- rebuild(fit)
  fit$y <- NULL
  again <- rebuild(fit)
  expect_identical(parts, again)
  fit$y <- parts$y
  without <- rebuild(fit, as_columns = TRUE, needs_x = FALSE)
  expect_null(without$x)
  same <- c("y", "stratum", "strata", "weights", "offset", "cluster", "mf")
  expect_identical(without[same], parts[same])
  patients$er[7] <- NA
  expect_error(rebuild(fit), "not those of the fit", class = "survresist_error_input")
  expect_error(zph(fit), "not those of the fit", class = "survresist_error_input")
  patients <- patients[-1, ]
  expect_error(
    rebuild(fit, needs_x = FALSE), "not those of the fit", class = "survresist_error_input"
  )
})

test_that("print() and summary() tell what was found and left out", {
  fit <- fit_cox(Surv(time, status) ~ age + wt.loss + strata(sex), lung)
  theirs <- survival::coxph(Surv(time, status) ~ age + wt.loss + strata(sex), lung)
  shown <- capture.output(print(fit))
  expected <- capture.output(print(theirs))
  expect_true(all(expected[grepl("^(age|wt.loss|Likelihood|n=)", expected)] %in% shown))
  expect_match(shown, "sex=1 103/128, sex=2 49/86", all = FALSE)
  expect_match(shown, "14 observations deleted due to missingness: wt.loss 14", all = FALSE)
  ours <- summary(fit)
  peer <- summary(theirs)
  expect_identical(names(ours), c(names(peer), "sr"))
  expect_equal(
    unclass(ours)[setdiff(names(peer), "call")], unclass(peer)[setdiff(names(peer), "call")],
    tolerance = 1e-6
  )
  expect_s3_class(ours, "summary.coxph")
  expect_output(print(ours), "Concordance= 0.5")
  half <- summary(fit, conf.int = 0.5, scale = 10)
  expect_equal(
    half$conf.int, summary(theirs, conf.int = 0.5, scale = 10)$conf.int, tolerance = 1e-6
  )
  expect_null(summary(fit, conf.int = FALSE)$conf.int)
})

test_that("null models print and summarise", {
  fit <- fit_cox(Surv(time, status) ~ strata(sex), lung)
  expect_output(print(fit), "Null model")
  expect_identical(summary(fit), fit)
})

test_that("survival's own methods work on the fit", {
  lung <- lung[!is.na(lung$ph.ecog), ]
  fit <- fit_cox(Surv(time, status) ~ age + strata(sex) + factor(ph.ecog), lung)
  theirs <- survival::coxph(Surv(time, status) ~ age + strata(sex) + factor(ph.ecog), lung)
  expect_equal(stats::model.matrix(fit), stats::model.matrix(theirs))
  expect_equal(vcov(fit), vcov(theirs), tolerance = 1e-6)
  expect_equal(logLik(fit), logLik(theirs))
  expect_equal(extractAIC(fit), extractAIC(theirs))
  expect_equal(nobs(fit), nobs(theirs))
  expect_equal(drop1(fit)$AIC, drop1(theirs)$AIC)
  # brier() evaluates the call's data anew
  ours <- fit_cox(Surv(time, status) ~ age + sex, survival::lung)
  peer <- survival::coxph(Surv(time, status) ~ age + sex, survival::lung)
  expect_equal(
    survival::brier(ours, times = 300)$brier, survival::brier(peer, times = 300)$brier,
    tolerance = 1e-6
  )
})

test_that("an infinite coefficient is named however long it is sought", {
  perfect <- data.frame(x = 1:6, time = 6:1, event = 1)
  grouped <- transform(survival::lung, none = status == 2 & sex == 2, month = ceiling(time / 30))
  for (n_iter in c(20, 30, 45, 100)) {
    expect_warning(
      fit <- fit_cox(Surv(time, event) ~ x, perfect, iter.max = n_iter), "goes to Inf",
      class = "survresist_warning_infinite"
    )
    expect_identical(fit$sr$infinite, "x")
    found <- fit_cox_xy(
      cbind(x = 1:6), Surv(perfect$time, perfect$event), control = list(iter.max = n_iter)
    )
    expect_identical(found$convergence, 1L)
    # eps below what the Cholesky decomposition tells from 0: R warns of that
    suppressWarnings(expect_warning(
      fit <- fit_cox(Surv(month, none) ~ sex + age, grouped, iter.max = 2 * n_iter, eps = 1e-14),
      "all 53 events are in one group", class = "survresist_warning_infinite"
    ))
    expect_identical(fit$sr$infinite, "sex")
  }
  # a column that others determine is aliased beside it, and no more than that
  perfect$twice <- 2 * perfect$x
  fit <- suppressWarnings(fit_cox(Surv(time, event) ~ x + twice, perfect, iter.max = 60))
  expect_identical(fit$sr$infinite, "x")
  expect_true(is.na(coef(fit)[["twice"]]))
})

lung <- survival::lung
veteran <- survival::veteran
ovarian <- survival::ovarian
colon <- survival::colon
rotterdam <- survival::rotterdam
gbsg <- survival::gbsg
heart <- survival::heart
cgd <- survival::cgd
bladder2 <- survival::bladder2
pbcseq <- survival::pbcseq
pbcseq$end <- stats::ave(pbcseq$day, pbcseq$id, FUN = function(day) c(day[-1], NA))
pbcseq$end <- ifelse(is.na(pbcseq$end), pbcseq$futime, pbcseq$end)
pbcseq <- pbcseq[pbcseq$end > pbcseq$day, ]
pbcseq$died <- pbcseq$status == 2 & pbcseq$end == pbcseq$futime
coxph <- survival::coxph

test_that("the arguments are those of coxph(), then firth", {
  expect_identical(names(formals(fit_cox)), c(names(formals(coxph)), "firth"))
  shared <- names(formals(coxph))
  expect_identical(formals(fit_cox)[shared], formals(coxph)[shared])
  expect_identical(formals(fit_cox)$firth, FALSE)
})

test_that("right-censored fits have coxph's components", {
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex, lung))
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex + ph.ecog, lung, ties = "breslow"))
  expect_as_coxph(coxph(Surv(time, status) ~ trt + celltype + karno, veteran))
  expect_as_coxph(coxph(Surv(futime, fustat) ~ age + resid.ds, ovarian))
  expect_as_coxph(coxph(Surv(time, status) ~ rx + nodes + extent, colon, subset = etype == 2))
  expect_as_coxph(coxph(Surv(rtime, recur) ~ hormon + size + age + nodes, rotterdam))
  expect_as_coxph(coxph(Surv(rfstime, status) ~ hormon + age + log(pgr + 1), gbsg, nocenter = NULL))
})

test_that("strata, alone, several, and in interactions, are as coxph has them", {
  expect_as_coxph(coxph(Surv(time, status) ~ age + strata(sex), lung))
  expect_as_coxph(coxph(Surv(time, status) ~ age + strata(sex) + strata(ph.ecog), lung, x = TRUE))
  expect_as_coxph(coxph(Surv(time, status) ~ age + strata(sex, ph.ecog), lung, x = TRUE))
  expect_as_coxph(coxph(Surv(time, status) ~ age * strata(sex), lung))
  expect_as_coxph(coxph(Surv(time, status) ~ age:strata(sex), lung))
  expect_as_coxph(coxph(Surv(time, status) ~ karno + strata(celltype), veteran))
})

test_that("(start, stop] fits have coxph's components", {
  expect_as_coxph(coxph(Surv(start, stop, event) ~ age + surgery + transplant, heart))
  expect_as_coxph(coxph(Surv(start, stop, event) ~ age * surgery, heart, ties = "breslow"))
  expect_as_coxph(
    coxph(Surv(start, stop, event) ~ age + offset(year / 10), heart, weights = rep(1:2, 86))
  )
  expect_as_coxph(coxph(Surv(day, end, died) ~ bili + age + albumin, pbcseq))
  expect_as_coxph(coxph(Surv(start, stop, event) ~ age + strata(surgery), heart, id = id))
})

test_that("robust variances have coxph's components and its defaults", {
  expect_as_coxph(coxph(Surv(time, status) ~ age, lung, robust = TRUE))
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex, lung, cluster = inst))
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex, lung, weights = 1 + sex / 3))
  expect_as_coxph(coxph(Surv(start, stop, event) ~ age + surgery + cluster(id), heart))
  expect_as_coxph(coxph(Surv(start, stop, event) ~ age, heart, id = id, robust = TRUE))
  expect_as_coxph(coxph(Surv(tstart, tstop, status) ~ treat + inherit + age, cgd, id = id))
  expect_as_coxph(coxph(Surv(tstart, tstop, status) ~ treat + cluster(center), cgd))
  expect_as_coxph(coxph(Surv(stop, event) ~ rx * size + cluster(id) + strata(enum), bladder2))
  expect_as_coxph(
    coxph(Surv(start, stop, event) ~ rx + number, bladder2, cluster = id, init = c(-0.5, 0.1))
  )
  expect_as_coxph(
    coxph(Surv(stop, event) ~ factor(rx) + offset(size / 10), bladder2, cluster = factor(id))
  )
  expect_warning(
    expect_as_coxph(coxph(Surv(time, status) ~ age, lung, cluster = sex, robust = FALSE)),
    class = "survresist_warning_robust"
  )
})

test_that("the exact likelihood has coxph's components", {
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex, lung, ties = "exact"))
  expect_as_coxph(coxph(Surv(time, status) ~ age + strata(sex), lung, ties = "exact"))
  expect_as_coxph(coxph(Surv(time, status) ~ strata(sex), lung, ties = "exact"))
  # On (start, stop] data coxph 3.8-12 calls the method "coxph" and makes a matrix of the linear
  # predictor, which is of no use to anything that follows.
  theirs <- coxph(Surv(start, stop, event) ~ age + surgery, heart, ties = "exact")
  theirs$linear.predictors <- as.vector(theirs$linear.predictors)
  theirs$method <- "exact"
  class(theirs) <- "coxph"
  fit <- fit_cox(Surv(start, stop, event) ~ age + surgery, heart, ties = "exact")
  expect_same_components(fit, theirs)
})

test_that("null models and fits without events are coxph's", {
  expect_as_coxph(coxph(Surv(time, status) ~ 1, lung))
  expect_as_coxph(coxph(Surv(time, status) ~ strata(sex), lung))
  expect_as_coxph(coxph(Surv(start, stop, event) ~ strata(surgery) + offset(age / 100), heart))
  expect_warning(
    expect_as_coxph(coxph(Surv(time, status > 2) ~ age + sex, lung)),
    class = "survresist_warning_no_event"
  )
})

test_that("factors, contrasts, splines, polynomials and matrices are coded as by coxph", {
  expect_as_coxph(coxph(Surv(time, status) ~ factor(ph.ecog) * sex, lung))
  expect_as_coxph(coxph(Surv(time, status) ~ C(factor(sex), contr.sum) + age, lung))
  expect_as_coxph(coxph(Surv(time, status) ~ ordered(ph.ecog), lung))
  expect_as_coxph(coxph(Surv(time, status) ~ splines::ns(age, 3) + poly(age, 2), lung))
  expect_as_coxph(coxph(Surv(time, status) ~ cbind(age, sex), lung, model = TRUE))
  expect_as_coxph(coxph(Surv(time, status) ~ I(sex == 1) + as.character(ph.ecog), lung))
  expect_as_coxph(coxph(Surv(time, status) ~ . - inst, lung))
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex - 1, lung))
})

test_that("weights, offsets, starting values and controls are honoured", {
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex, lung, weights = rep(1:3, 76)))
  expect_as_coxph(coxph(Surv(time, status) ~ age + offset(sex / 5), lung, x = TRUE))
  expect_as_coxph(coxph(Surv(time, status) ~ age, lung, init = 0.01, iter.max = 0))
  expect_as_coxph(
    coxph(Surv(time, status) ~ age + sex, lung, iter.max = 1, method = "breslow")
  )
  expect_as_coxph(coxph(Surv(time, status) ~ age, lung, control = list(timefix = FALSE)))
  expect_as_coxph(coxph(Surv(time, status) ~ age + sex, lung, y = FALSE))
})

# coxph 3.8-12 inverts a matrix that it has not decomposed when right-censored data run out of
# iterations after the second, so its variance there is not that of the last coefficients.
test_that("running out of iterations leaves the last coefficients", {
  formula <- Surv(time, status) ~ age + ph.karno
  theirs <- suppressWarnings(coxph(formula, lung, iter.max = 2, eps = 1e-11))
  fit <- suppressWarnings(fit_cox(formula, lung, iter.max = 2, eps = 1e-11))
  expect_same_components(fit, theirs, skip = c("var", "wald.test"))
  at_last <- coxph(Surv(time, status) ~ age + ph.karno, lung, init = coef(fit), iter.max = 0)
  expect_equal(fit$var, at_last$var, tolerance = 1e-8)
  fit <- suppressWarnings(fit_cox(Surv(start, stop, event) ~ age + surgery, heart, iter.max = 2))
  theirs <- suppressWarnings(coxph(Surv(start, stop, event) ~ age + surgery, heart, iter.max = 2))
  expect_same_components(fit, theirs, first = 0.1)
  expect_equal(fit$first, theirs$first, tolerance = 1e-5)
  expect_identical(fit$info, theirs$info)
})

test_that("aliased columns are NA", {
  fit <- expect_as_coxph(coxph(Surv(time, status) ~ age + I(2 * age) + sex, lung))
  expect_identical(is.na(unname(coef(fit))), c(FALSE, TRUE, FALSE))
  expect_error(
    fit_cox(Surv(time, status) ~ age + I(2 * age), lung, singular.ok = FALSE),
    "I(2 * age)", fixed = TRUE, class = "survresist_error_input"
  )
})

test_that("missing values go as na.action says", {
  expect_as_coxph(coxph(Surv(time, status) ~ age + wt.loss, lung))
  expect_as_coxph(coxph(Surv(time, status) ~ age + wt.loss, lung, na.action = na.exclude))
  expect_as_coxph(
    coxph(Surv(time, status) ~ age + wt.loss, lung, na.action = "na.omit", model = TRUE)
  )
  fit <- fit_cox(Surv(time, status) ~ age + wt.loss + meal.cal, lung)
  expect_identical(
    fit$sr$na_columns,
    c(wt.loss = sum(is.na(lung$wt.loss)), meal.cal = sum(is.na(lung$meal.cal))) + 0
  )
  expect_output(print(fit), "wt.loss 14")
})

test_that("data may be missing, a list or an environment", {
  expect_as_coxph(coxph(Surv(lung$time, lung$status) ~ lung$age))
  as_list <- as.list(lung)
  as_environment <- list2env(lung)
  expect_as_coxph(coxph(Surv(time, status) ~ age + ph.ecog, as_list))
  expect_as_coxph(coxph(Surv(time, status) ~ age + ph.ecog, as_environment))
  inside <- with(lung, fit_cox(Surv(time, status) ~ age + strata(sex)))
  expect_same_components(inside, with(lung, coxph(Surv(time, status) ~ age + strata(sex))))
})

test_that("survival need not be attached", {
  formula <- survival::Surv(time, status) ~ age + survival::strata(sex)
  fit <- fit_cox(formula, lung)
  expect_same_components(fit, coxph(formula, lung))
  bare <- Surv(time, status) ~ age + strata(sex)
  environment(bare) <- new.env(parent = baseenv())
  expect_identical(coef(fit_cox(bare, lung)), coef(fit))
  expect_identical(nrow(stats::model.matrix(fit)), 228L)
  expect_identical(dim(stats::model.frame(fit_cox(bare, survival::lung))), c(228L, 3L))
})

test_that("the call is kept as coxph keeps it, do.call() included", {
  made <- do.call(fit_cox, list(Surv(time, status) ~ age, quote(lung)))
  expect_identical(made$call$data, quote(lung))
  theirs <- do.call(coxph, list(Surv(time, status) ~ age, quote(lung)))
  expect_identical(as.list(made$call)[-1L], as.list(theirs$call)[-1L])
  expect_equal(coef(update(made, . ~ . + sex)), coef(coxph(Surv(time, status) ~ age + sex, lung)))
})

test_that("the classes are known to S4", {
  expect_true(methods::isVirtualClass("sr_cox"))
  expect_true(methods::is(fit_cox(Surv(time, status) ~ age, lung), "coxph"))
})

test_that("as_coxph() gives what survival::coxph() gives", {
  plain <- as_coxph(fit_cox(Surv(time, status) ~ age, lung))
  theirs <- survival::coxph(Surv(time, status) ~ age, lung)
  expect_identical(class(plain), class(theirs))
  expect_equal(plain[names(plain) != "call"], theirs[names(theirs) != "call"])
  expect_equal(update(plain, . ~ . + sex)$loglik, update(theirs, . ~ . + sex)$loglik)
  expect_error(as_coxph(1), class = "survresist_error_input")
})

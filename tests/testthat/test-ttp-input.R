# What fit_ttp() is given: bad input is refused by row and with a way out, what is sound is kept.

study <- local({
  withr::local_seed(20)
  n <- 60L
  d <- data.frame(
    t = rexp(n) + 0.01, s = rbinom(n, 1L, 0.7), x = rnorm(n), h = rep(0:1, n / 2L),
    g = factor(rep(c("a", "b", "c"), n / 3L), levels = c("a", "b", "c", "none"))
  )
  d$l <- floor(d$t * 4) / 4
  d$r <- ifelse(d$s == 1, d$l + 0.25, NA)
  d$l[d$l == 0 & d$s == 0] <- 0.1
  d$st <- d$t / 2
  d
})
between <- Surv(l, r, type = "interval2") ~ x
right <- Surv(t, s) ~ x

changed <- function(...) {
  d <- study
  new <- list(...)
  for (name in names(new)) d[[name]][new[[name]][[1L]]] <- new[[name]][[2L]]
  d
}

refused <- function(object, pattern, rows = NULL) {
  error <- expect_error(object, pattern, class = "survresist_error_input")
  if (!is.null(rows)) expect_identical(as.integer(error$rows), as.integer(rows))
  invisible(error)
}

unsupported <- function(object, pattern) {
  expect_error(object, pattern, class = "survresist_error_unsupported")
}

test_that("rows that Surv() makes NA are named, whatever na.action would do with them", {
  crossed <- changed(l = list(c(3, 8), 5), r = list(c(3, 8), 4))
  for (action in list(na.omit, na.exclude, na.pass)) {
    refused(fit_ttp(between, crossed, na.action = action), "\\(5, 4\\] in rows 3, 8", c(3, 8))
  }
  refused(fit_ttp(between, crossed, subset = h == 0), "in row 3", 3)
  expect_s3_class(fit_ttp(between, crossed, subset = l < 5), "sr_ttp")
  refused(
    with(crossed, fit_ttp(Surv(l, r, type = "interval2") ~ x)), "must not end before it begins"
  )
  backwards <- changed(st = list(7, study$t[[7]]))
  refused(
    fit_ttp(Surv(st, t, s) ~ x, backwards, scale = "hazard"), "must end after it begins", 7
  )
  coded <- changed(s = list(5, 4))
  refused(fit_ttp(Surv(l, r, s, type = "interval") ~ x, coded), "must be 0 .* or 3", 5)
})

test_that("intervals with no end, and times that nobody can have, are named", {
  refused(fit_ttp(between, changed(l = list(4:5, NA), r = list(4:5, NA))), "Both ends", 4:5)
  refused(fit_ttp(between, changed(l = list(4, -Inf), r = list(4, Inf))), "Both ends", 4)
  refused(fit_ttp(right, changed(t = list(2, 0), s = list(2, 1))), "after time 0", 2)
  refused(fit_ttp(right, changed(t = list(2, -1))), "negative", 2)
  refused(fit_ttp(right, changed(t = list(2, Inf))), "finite", 2)
  refused(fit_ttp(between, changed(l = list(2, NA), r = list(2, 0))), "after time 0", 2)
  refused(fit_ttp(between, changed(l = list(2, -1), r = list(2, 0))), "negative", 2)
  refused(
    fit_ttp(Surv(t, s, type = "left") ~ x, changed(t = list(3, 0))), "after time 0", 3
  )
})

test_that("what is known of no time says nothing: a row censored at 0, and a left end of 0", {
  fit <- fit_ttp(right, changed(t = list(2, 0), s = list(2, 0)))
  expect_equal(coef(fit), coef(fit_ttp(right, study[-2, ])))
  lefts <- changed(l = list(which(study$l == 0), NA))
  expect_identical(coef(fit_ttp(between, lefts)), coef(fit_ttp(between, study)))
  expect_identical(
    coef(fit_ttp(between, changed(r = list(which(is.na(study$r)), Inf)))),
    coef(fit_ttp(between, study))
  )
})

test_that("entry must be before exit", {
  study$en <- 0
  expect_identical(coef(fit_ttp(between, study, entry = en)), coef(fit_ttp(between, study)))
  late <- study
  late$en[9] <- 100
  refused(fit_ttp(between, late, entry = en), "before the event", 9)
  late$en[9] <- -1
  refused(fit_ttp(between, late, entry = en), "not negative", 9)
  late$en[9] <- NA
  expect_identical(fit_ttp(between, late, entry = en)$n, 59L)
  refused(fit_ttp(Surv(st, t, s) ~ x, study, entry = en, id = seq_along(t)), "cannot be given")
  refused(fit_ttp(between, study, entry = 0.1), "lengths? differ")
  refused(fit_ttp(between, study, entry = as.character(x)), "must be numbers")
})

test_that("there must be an event, in every stratum", {
  refused(fit_ttp(right, changed(s = list(TRUE, 0))), "must be an event")
  refused(fit_ttp(between, changed(r = list(TRUE, NA))), "must be an event")
  none <- changed(s = list(study$g == "b", 0))
  error <- refused(fit_ttp(Surv(t, s) ~ x + strata(g), none), "none in `g=b`|none in `b`")
})

test_that("a stratum that says nothing of its shape is named", {
  in_b <- which(study$g == "b")
  last <- changed(s = list(in_b, 0), t = list(in_b[[4]], 50))
  last$s[in_b[[4]]] <- 1
  by_g <- Surv(t, s) ~ x + strata(g)
  for (family in c("weibull", "lognormal", "loglogistic")) {
    refused(fit_ttp(by_g, last, family = family), "b` do: at 50")
  }
  expect_true(fit_ttp(by_g, last, family = "exponential")$convergence$converged)
  last$t[in_b[[5]]] <- 51 # somebody outlived the only event: there is a shape
  expect_true(fit_ttp(Surv(t, s) ~ strata(g), last)$convergence$converged)
  # but a covariate tells the two apart, and the shape runs away
  expect_warning(
    fit <- fit_ttp(by_g, last), "`log\\(shape\\)\\[b\\]`: the likelihood still rises",
    class = "survresist_warning_convergence"
  )
  expect_false(fit$convergence$converged)
  between_g <- Surv(l, r, type = "interval2") ~ x + strata(g)
  refused(
    fit_ttp(between_g, changed(l = list(in_b, 1), r = list(in_b, 2))), "b` do: in \\(1, 2\\]"
  )
  lefts <- changed(l = list(in_b, NA), r = list(in_b, 1))
  refused(fit_ttp(between_g, lefts), "b` do: in \\(0, 1\\]")
  refused(fit_ttp(between_g, lefts, family = "exponential"), "seen free of the event")
  refused(fit_ttp(Surv(t, s) ~ 1, data.frame(t = c(2, 2, 1), s = c(1, 1, 0))), "agree: at 2")
  refused(fit_ttp(Surv(t, s) ~ 1, data.frame(t = 1, s = 1)), "exponential")
  expect_equal(
    unname(coef(fit_ttp(Surv(t, s) ~ 1, data.frame(t = 3, s = 1), family = "exponential"))), log(3)
  )
})

test_that("fewer events than parameters is a warning that counts both", {
  few <- study[1:8, ]
  few$s <- c(1, 0, 0, 1, 0, 0, 1, 0)
  expect_warning(
    fit <- suppressWarnings(
      fit_ttp(Surv(t, s) ~ x + h, few), classes = "survresist_warning_convergence"
    ),
    "3 events, 4 parameters", class = "survresist_warning_few_events"
  )
})

test_that("the families are told, and what one of them needs", {
  rows <- survival::rotterdam
  expect_error(
    fit_ttp(Surv(rtime, recur) ~ 1, rows, "foo"), '"pieces", "spline", "smooth"',
    class = "survresist_error_input"
  )
  expect_error(
    fit_ttp(Surv(rtime, recur) ~ 1, rows, "pieces"), "ttp_pieces(c(1, 2, 5))", fixed = TRUE,
    class = "survresist_error_input"
  )
})

test_that("arguments that do not exist, families and scales without a meaning", {
  refused(fit_ttp(right, study, foo = 1), "no argument `foo`")
  refused(fit_ttp(right, study, dist = "weibull"), "Use `family`")
  refused(fit_ttp(right, study, offset = nowhere), "offset\\(z\\)")
  refused(fit_ttp(right, study, control = list(maxit = 3)), "`maxit`")
  refused(fit_ttp(right, study, control = 3), "must be a list")
  refused(fit_ttp(right, study, max_iter = "a"), "max_iter` must be a number")
  refused(fit_ttp(right, study, family = "cauchy"), "must be one of")
  refused(fit_ttp(right, study, family = NULL), "must be one of")
  refused(fit_ttp(right, study, family = mean), "Call the constructor")
  refused(fit_ttp(right, study, scale = "rate"), "must be one of")
  unsupported(fit_ttp(right, study, family = "gompertz", scale = "probit"), "no meaning")
  unsupported(fit_ttp(right, study, tvc = ~h), "spline")
  unsupported(fit_ttp(right, study, family = "exponential", shape = ~h), "no shape")
  refused(fit_ttp(right, study, shape = t ~ h), "without a left side")
  refused(fit_ttp(right, study, shape = list(Q = ~h)), "Found \"Q\"")
  refused(fit_ttp(right, study, shape = list(~h)), "no name")
  refused(fit_ttp(right, study, shape = ~nowhere), "nowhere")
  refused(fit_ttp(right, study, shape = ~1), "must have a covariate")
  refused(fit_ttp(right, study, shape = 3), "must be a formula")
  refused(fit_ttp(right, changed(h = list(3:4, Inf)), shape = ~h), "finite", 3:4)
  refused(fit_ttp(right, study, robust = NA), "TRUE or FALSE")
  refused(fit_ttp(right, study, model = 2), "TRUE or FALSE")
  unsupported(
    fit_ttp(Surv(tstart, t, s) ~ x, survival::survSplit(right, study, cut = 0.5)), "several"
  )
  unsupported(fit_ttp(Surv(t, s) ~ x + frailty(g), study), "frailty")
  unsupported(fit_ttp(Surv(t, factor(s)) ~ x, study), "multi-state")
})

test_that("numbers that cannot be used are named by row", {
  refused(fit_ttp(right, changed(x = list(c(2, 7), Inf))), "`x` .* rows 2, 7", c(2, 7))
  refused(fit_ttp(Surv(t, s) ~ log(h), study), "log\\(h\\)")
  refused(fit_ttp(Surv(t, s) ~ log(h) + factor(g), study), "rows")
  study$w <- 1
  for (bad in c(0, -1, Inf)) {
    study$w[3] <- bad
    refused(fit_ttp(right, study, weights = w), "positive and finite", 3)
  }
  study$w[3] <- NA
  expect_identical(fit_ttp(right, study, weights = w)$n, 59L)
  refused(fit_ttp(right, study, weights = as.character(h)), "must be numbers")
  study$o <- 0
  for (bad in c(Inf, 1e6)) {
    study$o[3] <- bad
    refused(fit_ttp(Surv(t, s) ~ x + offset(o), study), "finite risk", 3)
  }
  refused(fit_ttp(right, study, init = 1), "3 finite numbers: `x`, `mu`, `log\\(shape\\)`")
  refused(fit_ttp(right, study, init = c(0, Inf, 0)), "3 finite numbers")
  refused(fit_ttp(right, study, init = c(1e5, 0, 5)), "likelihood is a finite number")
})

test_that("mistakes in the formula are told", {
  refused(fit_ttp(), "`formula` is missing")
  refused(fit_ttp(~x, study), "no left side")
  refused(fit_ttp(t ~ x, study), "must be a survival object")
  refused(fit_ttp("x", study), "must be a formula")
  refused(fit_ttp(study, right), "comes first")
  refused(fit_ttp(Surv(t, s) ~ xx, study), "Did you mean `x`")
  refused(fit_ttp(right, study[0, ]), "0 rows")
  refused(fit_ttp(right, study, subset = x > 100), "0 rows")
  refused(fit_ttp(right, changed(x = list(3, NA)), na.action = na.fail), "row 3")
  refused(fit_ttp(right, changed(x = list(3, NA)), na.action = na.pass), "row 3", 3)
  refused(fit_ttp(right, changed(t = list(3, NA)), na.action = na.pass), "row 3", 3)
})

test_that("init, and a search cut short, are taken as they are", {
  fit <- fit_ttp(right, study)
  again <- fit_ttp(right, study, init = coef(fit))
  expect_lte(again$convergence$iterations, 2L)
  expect_close(coef(again), coef(fit), 1e-10)
  far <- fit_ttp(right, study, init = c(1, -1, 1))
  expect_close(coef(far), coef(fit), 1e-9)
  expect_close(far$loglik, fit$loglik, 1e-12)
  expect_warning(
    cut <- fit_ttp(right, study, max_iter = 1), "larger `max_iter`",
    class = "survresist_warning_convergence"
  )
  expect_false(cut$convergence$converged)
  expect_identical(coef(fit_ttp(right, study, max_iter = 1e12)), coef(fit))
})

test_that("missing values, subsets and environments are dealt with as in a linear model", {
  holes <- changed(x = list(c(3, 10), NA))
  omitted <- fit_ttp(right, holes)
  expect_identical(coef(omitted), coef(fit_ttp(right, holes[-c(3, 10), ])))
  padded <- fit_ttp(Surv(t, s) ~ x, holes, na.action = na.exclude)
  expect_identical(length(predict(padded, type = "link")), 60L)
  expect_identical(unname(which(is.na(predict(padded, type = "link")))), c(3L, 10L))
  in_shape <- fit_ttp(Surv(t, s) ~ h, holes, shape = ~x)
  expect_identical(in_shape$n, 58L)
  both <- fit_ttp(right, changed(x = list(3, NA), h = list(5, NA)), shape = ~h)
  expect_identical(both$n, 58L)
  expect_identical(unname(unclass(both$na.action)), c(3L, 5L), ignore_attr = TRUE)
  some <- fit_ttp(right, study, subset = h == 1, shape = ~x)
  expect_identical(coef(some), coef(fit_ttp(right, study[study$h == 1, ], shape = ~x)))
  make <- function() {
    t <- study$t
    s <- study$s
    x <- study$x
    fit_ttp(Surv(t, s) ~ x)
  }
  expect_identical(coef(make()), coef(fit_ttp(right, study)))
  expect_identical(coef(fit_ttp(right, list2env(as.list(study)))), coef(make()))
})

test_that("formulas are those of a linear model", {
  fit <- fit_ttp(right, study)
  dot <- fit_ttp(Surv(t, s) ~ ., study[c("t", "s", "x", "h")])
  expect_identical(names(coef(dot))[1:2], c("x", "h"))
  expect_identical(coef(update(fit, . ~ . + h)), coef(dot))
  expect_identical(coef(update(dot, . ~ . - h)), coef(fit))
  study$m <- cbind(one = study$x, two = study$x^2)
  square <- fit_ttp(Surv(t, s) ~ m, study)
  expect_close(coef(square), coef(fit_ttp(Surv(t, s) ~ x + I(x^2), study)), 1e-9)
  curved <- fit_ttp(Surv(t, s) ~ poly(x, 2), study)
  expect_close(curved$loglik, square$loglik, 1e-10)
  natural <- fit_ttp(Surv(t, s) ~ splines::ns(x, 3), study)
  peer <- survival::survreg(Surv(t, s) ~ splines::ns(x, 3), study)
  expect_close(coef(natural)[1:3], coef(peer)[2:4], 1e-5)
  expect_close(
    predict(natural, study[4:6, ], type = "link"), predict(natural, type = "link")[4:6], 1e-12
  )
  # no intercept belongs to the formula
  expect_identical(coef(fit_ttp(Surv(t, s) ~ x - 1, study)), coef(fit))
})

test_that("columns that others determine have no coefficient and no variance", {
  study$y <- 2 * study$x + 1
  study$one <- 7
  fit <- fit_ttp(Surv(t, s) ~ x + y + one + h + g, study)
  expect_identical(names(which(is.na(coef(fit)))), c("y", "one", "gnone"))
  expect_true(all(vcov(fit)[, c("y", "one", "gnone")] == 0))
  kept <- fit_ttp(Surv(t, s) ~ x + h + g, droplevels(study))
  expect_identical(unname(coef(fit, complete = FALSE)), unname(coef(kept)))
  expect_identical(unname(vcov(fit, complete = FALSE)), unname(vcov(kept)))
  expect_identical(fit$df, kept$df)
  of_strata <- fit_ttp(Surv(t, s) ~ x + g + strata(g), study)
  expect_identical(unname(is.na(coef(of_strata)[2:4])), rep(TRUE, 3L))
  shaped <- fit_ttp(right, study, shape = ~ g + one)
  expect_identical(names(which(is.na(coef(shaped)))), c("log(shape):gnone", "log(shape):one"))
})

test_that("an effect of each stratum is the sum of fits by level", {
  whole <- fit_ttp(Surv(t, s) ~ x * strata(h), study)
  parts <- lapply(0:1, function(level) fit_ttp(right, study[study$h == level, ]))
  expect_close(coef(whole)[[1L]], coef(parts[[1L]])[[1L]], 1e-8)
  expect_close(sum(coef(whole)[1:2]), coef(parts[[2L]])[[1L]], 1e-8)
  expect_close(whole$loglik[[2L]], parts[[1L]]$loglik[[2L]] + parts[[2L]]$loglik[[2L]], 1e-12)
})

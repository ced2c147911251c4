kept <- function(fit) {
  mf <- stats::model.frame(fit)
  strata <- grep("^strata\\(", names(mf))
  stratum <- if (length(strata)) as.integer(survival::strata(mf[strata])) - 1L
  cluster <- mf[["(cluster)"]]
  if (is.null(cluster) && any(grepl("^cluster\\(", names(mf)))) {
    cluster <- mf[[grep("^cluster\\(", names(mf))]]
  }
  cox_concordance(
    as.matrix(stats::model.response(mf)), fit$linear.predictors, stratum,
    stats::model.weights(mf), cluster
  )
}

expect_kept <- function(fit) {
  found <- kept(fit)
  label <- paste(deparse(fit$call$formula), collapse = "")
  expect_identical(names(found), names(fit$concordance))
  expect_close(found[1:5], fit$concordance[1:5], 1e-10, label)
  expect_close(found[6:7], fit$concordance[6:7], 1e-10, label)
}

test_that("the concordance of a fit is coxph's", {
  library(survival)
  expect_kept(coxph(Surv(time, status) ~ age + sex + ph.ecog, lung))
  expect_kept(coxph(Surv(time, status) ~ sex, lung))
  expect_kept(coxph(Surv(time, status) ~ age + sex + strata(inst), lung))
  expect_kept(coxph(Surv(time, status) ~ karno + celltype, veteran, weights = diagtime))
  expect_kept(coxph(Surv(futime, fustat) ~ age + strata(rx), ovarian))
  expect_kept(coxph(Surv(time, status) ~ rx + age + nodes + strata(etype) + cluster(id), colon))
  expect_kept(coxph(Surv(dtime, death) ~ age + grade + nodes + pgr, rotterdam))
  expect_kept(coxph(Surv(rfstime, status) ~ age + grade + nodes + pgr, gbsg, weights = size))
  expect_kept(coxph(Surv(start, stop, event) ~ age + surgery + transplant, heart))
  expect_kept(coxph(Surv(start, stop, event) ~ age + year, heart, weights = stop + 0.3))
  expect_kept(coxph(Surv(tstart, tstop, status) ~ treat + age + strata(sex), cgd, cluster = id))
  expect_kept(coxph(Surv(start, stop, event) ~ rx + size + strata(enum) + cluster(id), bladder2))
})

random_rows <- function(n, n_time, n_score, is_counting, n_stratum = 3) {
  stop <- ceiling(stats::runif(n) * n_time)
  y <- cbind(stop, stats::rbinom(n, 1, 0.6))
  if (is_counting) y <- cbind(stop - ceiling(stats::runif(n) * n_time), y)
  list(
    y = unname(y), lp = ceiling(stats::runif(n) * n_score) / n_score,
    stratum = sample(n_stratum, n, TRUE) - 1L, weights = exp(stats::rnorm(n, 0, 6)),
    cluster = sample(n, n, TRUE)
  )
}

test_that("all kinds of ties agree with the definition", {
  set.seed(20)
  for (is_counting in c(FALSE, TRUE)) {
    for (n_time in c(3, 20, 1e6)) {
      for (n_score in c(1, 2, 30, 1e7)) {
        d <- random_rows(120, n_time, n_score, is_counting)
        for (weights in list(NULL, d$weights)) {
          found <- cox_concordance(d$y, d$lp, d$stratum, weights, d$cluster)
          wanted <- oracle_concordance(d$y, d$lp, d$stratum, weights, d$cluster)
          expect_close(found, wanted, 1e-10)
          expect_close(found[6:7], wanted[6:7], 1e-10)
        }
      }
    }
  }
})

test_that("the count is right where keys need two tables, in segments of every length", {
  set.seed(21)
  for (n in c(13, 600, 6000)) {
    d <- random_rows(n, 1e7, 1e7, n == 600, 1)
    found <- cox_concordance(d$y, d$lp, NULL, d$weights, NULL)
    if (n < 1000) {
      wanted <- oracle_concordance(d$y, d$lp, NULL, d$weights)
    } else {
      y <- survival::Surv(d$y[, 1], d$y[, 2])
      peer <- survival::concordancefit(y, d$lp, weights = d$weights, reverse = TRUE)
      wanted <- c(peer$count, peer$concordance, sqrt(peer$var))
    }
    expect_close(found, wanted, 1e-10)
    expect_close(found[6:7], wanted[6:7], 1e-10)
  }
})

test_that("a heavy row that leaves takes nothing of the others' digits along", {
  # at risk at the first event only: what the others have with each other is as without it
  set.seed(22)
  d <- random_rows(80, 1e6, 1e6, TRUE, 1)
  d$y[, 1] <- d$y[, 2] - 9e5 * stats::runif(80)
  d$y[which.min(d$y[, 2]), 3] <- 1
  first <- sort(d$y[, 2])[1:2]
  y <- rbind(d$y, c(first[1] - 1, first[1] + diff(first) / 2, 0))
  w <- c(stats::runif(80), 1e20)
  lp <- c(d$lp, -1)
  with <- count_concordance(y, lp, NULL, w, NULL, 2L)$influence
  alone <- count_concordance(y[-81, ], lp[-81], NULL, w[-81], NULL, 2L)$influence
  others <- y[-81, 2] > first[1]
  expect_gt(with[which(!others), 1], 1e19)
  expect_close(with[-81, ][others, ], alone[others, ], 1e-14)
})

test_that("rows may come in any order, and a weight of 2 is the row twice", {
  set.seed(23)
  d <- random_rows(200, 15, 10, TRUE, 2)
  w <- sample(1:3, 200, TRUE)
  once <- cox_concordance(d$y, d$lp, d$stratum, as.double(w), d$cluster)
  i <- sample(rep(seq_len(200), w))
  copied <- cox_concordance(d$y[i, ], d$lp[i], d$stratum[i], NULL, i)
  # copies of a failing row tie with each other, which a weight does not
  same <- c("concordant", "discordant", "tied.x", "tied.y", "concordance")
  expect_close(copied[same], once[same], 1e-13)
  expect_close(
    copied[["std"]], cox_concordance(d$y, d$lp, d$stratum, as.double(w), NULL)[["std"]], 1e-12
  )
})

test_that("nothing to compare gives NaN, missing scores NA", {
  y <- cbind(c(1, 2, 3), c(0, 0, 0))
  expect_identical(unname(cox_concordance(y, 1:3 / 2)[1:5]), rep(0, 5))
  expect_true(is.nan(cox_concordance(y, 1:3 / 2)[["concordance"]]))
  expect_true(all(is.na(cox_concordance(y, c(1, NA, 2)))))
})

expect_same_concordance <- function(fit, ...) {
  found <- survival::concordance(fit, ...)
  wanted <- survival::concordance(as_coxph(fit), ...)
  expect_identical(names(found), names(wanted))
  expect_identical(class(found), class(wanted))
  for (part in setdiff(names(found), c("call", "ranks"))) {
    expect_close(found[[part]], wanted[[part]], 1e-10, part)
    expect_identical(dimnames(found[[part]]), dimnames(wanted[[part]]))
    expect_identical(names(found[[part]]), names(wanted[[part]]))
  }
}

test_that("concordance() of a fit takes all arguments of concordance.coxph()", {
  library(survival)
  fit <- fit_cox(Surv(time, status) ~ age + sex, lung)
  expect_same_concordance(fit)
  for (influence in 1:3) expect_same_concordance(fit, influence = influence)
  expect_same_concordance(fit, ymin = 100, ymax = 500)
  expect_same_concordance(fit, cluster = rep(1:57, 4), influence = 1)
  expect_same_concordance(fit, newdata = lung[1:100, ])
  expect_same_concordance(fit, timewt = "S")
  expect_same_concordance(fit, ranks = TRUE)
  expect_identical(concordance(fit)$call, quote(concordance(object = fit)))
  by_sex <- fit_cox(Surv(time, status) ~ age + strata(sex), lung)
  expect_same_concordance(by_sex, influence = 3)
  # survival 3.8-12 stops here with an error of its own
  expect_identical(
    concordance(by_sex, keepstrata = FALSE)$count, colSums(concordance(by_sex)$count)
  )
  expect_error(concordance(fit, ymin = "a"), "ymin", class = "survresist_error_input")
})

test_that("concordance() compares fits", {
  library(survival)
  first <- fit_cox(Surv(time, status) ~ age + sex, lung)
  second <- fit_cox(Surv(time, status) ~ sex, lung)
  found <- concordance(first, second)
  wanted <- concordance(as_coxph(first), as_coxph(second))
  expect_identical(names(found), names(wanted))
  expect_identical(names(found$concordance), c("first", "second"))
  for (part in c("concordance", "count", "n", "var", "cvar")) {
    expect_close(found[[part]], wanted[[part]], 1e-10)
  }
  fewer <- fit_cox(Surv(time, status) ~ sex, lung[-1, ])
  expect_error(concordance(first, fewer), "same rows", class = "survresist_error_input")
})

test_that("with weights the variance of several fits is that of each alone", {
  # survival 3.8-12 weights the jackknife values twice
  library(survival)
  weighted <- function(formula) {
    fit_cox(formula, veteran, weights = veteran$diagtime, robust = FALSE)
  }
  first <- weighted(Surv(time, status) ~ karno)
  second <- weighted(Surv(time, status) ~ age)
  found <- concordance(first, second)
  expect_close(diag(found$var), c(concordance(first)$var, concordance(second)$var), 1e-12)
})

# The likelihood by its definition (oracle_cox() of helper-oracle.R), on small real data: ties,
# (start, stop], strata, weights and an offset, each with each treatment of ties.

oracle_studies <- function() {
  lung <- stats::na.omit(survival::lung[c("time", "status", "age", "sex", "ph.ecog", "wt.loss")])
  lung <- transform(lung[1:90, ], month = ceiling(time / 30), w = 0.5 + (wt.loss + 24) / 40)
  heart <- survival::heart[1:100, ]
  bladder <- survival::bladder2[survival::bladder2$id <= 40, ]
  study <- function(data, x, y, ...) {
    x <- as.matrix(data[x])
    storage.mode(x) <- "double"
    list(x = x, y = y, ...)
  }
  list(
    right = study(lung, c("age", "ph.ecog"), Surv(lung$time, lung$status == 2)),
    tied = study(
      lung, c("age", "ph.ecog"), Surv(lung$month, lung$status == 2), stratum = lung$sex,
      weights = lung$w
    ),
    counting = study(
      heart, c("age", "year", "surgery"), Surv(heart$start, heart$stop, heart$event),
      offset = heart$age / 50
    ),
    recurrent = study(
      bladder, c("number", "size"), Surv(bladder$start, bladder$stop, bladder$event),
      stratum = bladder$enum, weights = 1 + bladder$rx / 3
    )
  )
}

oracle_at <- function(study, beta, ties) {
  oracle_cox(study$x, study$y, beta, ties, study$stratum, study$weights, study$offset)
}

# At `init`, after no step, and at the maximum
fits_of <- function(study, ties) {
  fit <- function(...) {
    fit_cox_xy(
      study$x, study$y, strata = study$stratum, weights = study$weights, offset = study$offset,
      ties = ties, ...
    )
  }
  beta <- seq(0.3, -0.2, length.out = ncol(study$x)) / apply(study$x, 2, stats::sd)
  none <- survival::coxph.control(iter.max = 0)
  list(beta = beta, at_beta = fit(init = beta, control = none), at_maximum = fit(control = tight))
}

test_that("log-likelihood, gradient and information are those of the definition", {
  for (study in oracle_studies()) {
    for (ties in c("efron", "breslow")) {
      fits <- fits_of(study, ties)
      exact <- oracle_at(study, fits$beta, ties)
      expect_close(fits$at_beta$loglik, rep(exact$loglik, 2), 1e-13)
      expect_close(fits$at_beta$score, sum(exact$score * solve(exact$info, exact$score)), 1e-11)
      expect_close(unname(solve(fits$at_beta$var)), unname(exact$info), 1e-11)
    }
  }
})

test_that("the estimate is where the definition has its maximum", {
  for (study in oracle_studies()) {
    for (ties in c("efron", "breslow")) {
      fit <- fits_of(study, ties)$at_maximum
      start <- oracle_at(study, numeric(ncol(study$x)), ties)
      exact <- oracle_at(study, fit$coefficients, ties)
      expect_close(fit$loglik, c(start$loglik, exact$loglik), 1e-13)
      expect_lt(max(abs(exact$score) / sqrt(diag(exact$info))), 1e-8)
      expect_close(unname(fit$var), unname(solve(exact$info)), 1e-11)
    }
  }
})

test_that("fit_cox() has the gradient of the definition, at `init` and summed over its rows", {
  for (study in oracle_studies()) {
    data <- as.data.frame(study$x)
    data$y <- study$y
    data$s <- study$stratum %||% 1
    data$w <- study$weights %||% 1
    data$o <- study$offset %||% 0
    formula <- stats::reformulate(c(colnames(study$x), "strata(s)", "offset(o)"), "y")
    beta <- seq(0.3, -0.2, length.out = ncol(study$x)) / apply(study$x, 2, stats::sd)
    for (ties in c("efron", "breslow")) {
      fit <- fit_cox(
        formula, data, weights = w, ties = ties, init = beta, iter.max = 0, robust = FALSE
      )
      exact <- oracle_at(study, beta, ties)
      expect_close(fit$loglik, rep(exact$loglik, 2), 1e-13)
      expect_close(colSums(residuals(fit, "score", weighted = TRUE)), exact$score, 1e-10)
      if (ncol(study$y) == 3L) expect_close(fit$first, exact$score, 1e-10)
      expect_close(unname(solve(fit$var)), unname(exact$info), 1e-11)
    }
  }
})

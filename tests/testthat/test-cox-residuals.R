types <- c(
  "martingale", "deviance", "score", "schoenfeld", "dfbeta", "dfbetas", "scaledsch", "partial"
)

# survival's deviance is NaN where rounding leaves a sum of 0 a little below it
survival_deviance <- function(...) {
  value <- suppressWarnings(residuals(..., type = "deviance"))
  value[is.nan(value)] <- 0
  value
}

test_that("every residual is that of survival, in value, names and attributes", {
  for (name in setdiff(names(follow_fits()), "null")) {
    fit <- follow_fits()[[name]]
    for (type in types) for (weighted in c(TRUE, FALSE)) {
      # a weighted deviance mixes weighted residuals and unweighted events: NaN for both packages
      expect_same_result(
        suppressWarnings(residuals(fit$ours, type, weighted = weighted)),
        suppressWarnings(residuals(fit$theirs, type, weighted = weighted)),
        paste(name, type, if (weighted) "weighted")
      )
    }
    expect_identical(
      residuals(fit$ours, "dfbeta"), residuals(fit$ours, "dfbeta", weighted = TRUE)
    )
  }
})

test_that("residuals collapse within groups, clusters and ids", {
  for (name in c("colon", "cgd", "bladder")) {
    fit <- follow_fits()[[name]]
    for (type in c("score", "dfbeta")) {
      expect_same_result(
        residuals(fit$ours, type, collapse = TRUE), residuals(fit$theirs, type, collapse = TRUE),
        paste(name, type)
      )
    }
    expect_same_result(
      residuals(fit$ours, "deviance", collapse = TRUE),
      survival_deviance(fit$theirs, collapse = TRUE), name
    )
    # survival's method stops at collapse = TRUE for martingale residuals
    cluster <- cox_rebuild(fit$ours)$cluster
    expect_same_result(
      residuals(fit$ours, collapse = TRUE), residuals(fit$theirs, collapse = cluster), name
    )
  }
  lung <- follow_fits()$lung
  group <- rep_len(1:7, lung$ours$n)
  expect_same_result(
    residuals(lung$ours, "deviance", collapse = group),
    survival_deviance(lung$theirs, collapse = group), "deviance"
  )
  # survival's method takes an explicit `collapse = FALSE` for a vector of length 1 and stops
  expect_identical(residuals(lung$ours, collapse = FALSE), residuals(lung$ours))
  expect_error(residuals(lung$ours, collapse = 1:3), class = "survresist_error_input")
  expect_error(residuals(lung$ours, collapse = TRUE), class = "survresist_error_input")
  by_id <- fit_cox(
    Surv(tstart, tstop, status) ~ treat + age, survival::cgd, id = id, control = tight
  )
  expect_close(
    residuals(by_id, collapse = TRUE), rowsum(residuals(by_id), survival::cgd$id), 1e-14
  )
})

test_that("na.action pads or not, whatever the fit had", {
  fit <- follow_fits()$lung
  n <- nrow(survival::lung)
  expect_identical(length(residuals(fit$ours)), fit$ours$n)
  # survival's method stops at any `na.action`; a fit with na.exclude is the reference
  padded <- residuals(fit$ours, "score", na.action = na.exclude)
  expect_identical(nrow(padded), n)
  left_out <- is.na(survival::lung$ph.ecog)
  expect_identical(unname(is.na(padded[, 1])), left_out)
  expect_identical(unname(padded[!left_out, ]), unname(residuals(fit$ours, "score")))
  excluding <- fit_cox(
    Surv(time, status) ~ age + sex + ph.ecog, survival::lung, control = tight,
    na.action = na.exclude
  )
  expect_identical(residuals(excluding, "score"), padded)
  expect_identical(
    residuals(excluding, "score", na.action = "na.omit"), residuals(fit$ours, "score")
  )
  expect_error(residuals(fit$ours, na.action = na.pass), class = "survresist_error_input")
})

test_that("a null model and exact ties refuse what they do not have", {
  null <- follow_fits()$null
  for (type in c("martingale", "deviance")) {
    expect_same_result(
      residuals(null$ours, type), suppressWarnings(residuals(null$theirs, type)), type
    )
  }
  expect_error(residuals(null$ours, "score"), class = "survresist_error_input")
  exact <- fit_cox(Surv(time, status) ~ age, survival::veteran, ties = "exact")
  expect_error(residuals(exact, "dfbeta"), class = "survresist_error_unsupported")
  expect_identical(
    length(residuals(exact, "deviance")), nrow(survival::veteran)
  )
})

test_that("score residuals are their definition, also where risks span twelve decades", {
  # A row with a risk of 1e12 enters and leaves: what stays at risk is lost by plain subtraction.
  # survival's residuals are off in the first digits here; each risk set summed afresh decides.
  set.seed(4)
  n <- 120
  x <- cbind(a = rnorm(n), b = rbinom(n, 1, 0.5))
  start <- round(runif(n, 0, 20))
  y <- cbind(start, stop = start + 1 + round(rexp(n, 0.1)), event = rbinom(n, 1, 0.7))
  lp <- ifelse(seq_len(n) %% 15 == 0, log(1e12), rnorm(n))
  y[seq_len(n) %% 15 == 0, 3] <- 0
  y[1:40, 2] <- 60 + 1:40
  weights <- runif(n, 0.5, 2)
  for (ties in c("efron", "breslow")) {
    truth <- oracle_scores(x, y, exp(lp), weights, ties == "efron")
    data <- cox_data(x, y, NULL, weights)
    ours <- cox_score_residuals(data, lp, ties)
    calm <- lp < log(1e6)
    expect_close(ours[calm, ], truth[calm, ], 1e-10)
    expect_close(ours, truth, 1e-8)
  }
})

test_that("scores add up to 0, keep their digits far from 0, and split with their rows", {
  rotterdam <- survival::rotterdam
  fit <- follow_fits()$gbsg$ours
  expect_lt(max(abs(colSums(residuals(fit, "score")))) / max(abs(residuals(fit, "score"))), 1e-8)
  x <- cbind(rotterdam$age, rotterdam$nodes) + 0
  y <- cbind(rotterdam$rtime, rotterdam$recur) + 0
  lp <- 0.01 * x[, 1]
  near <- cox_score_residuals(cox_data(x, y), lp, "efron")
  far <- cox_score_residuals(cox_data(x + 2^40, y), lp, "efron")
  expect_close(far, near, 1e-12)
  split <- rbind(
    cbind(0, pmin(y[, 1], 500), y[, 2] * (y[, 1] <= 500)), cbind(500, y)[y[, 1] > 500, ]
  )
  whole <- cox_score_residuals(cox_data(x, y), lp, "efron")
  long <- y[, 1] > 500
  halves <- cox_score_residuals(
    cox_data(rbind(x, x[long, ]), split), c(lp, lp[long]), "efron"
  )
  n <- nrow(x)
  halves[which(long), ] <- halves[which(long), ] + halves[-seq_len(n), ]
  expect_close(halves[seq_len(n), ], whole, 1e-11)
})

test_that("one thread and two give the same bits", {
  n <- 30000
  set.seed(2)
  x <- matrix(rnorm(9 * n), n)
  y <- cbind(start <- round(rexp(n), 2), start + 0.01 + round(rexp(n), 2), rbinom(n, 1, 0.4))
  data <- cox_data(x, y, rep_len(0:2, n), runif(n))
  lp <- rnorm(n)
  old <- set_threads(1)
  on.exit(set_threads(old))
  first <- list(
    cox_score_residuals(data, lp, "efron"),
    cox_robust(data, lp, NULL, diag(9), "efron", rep_len(1:5000, n)),
    cox_robust(data, lp, NULL, diag(9), "efron")
  )
  set_threads(2)
  expect_identical(cox_score_residuals(data, lp, "efron"), first[[1]])
  expect_identical(cox_robust(data, lp, NULL, diag(9), "efron", rep_len(1:5000, n)), first[[2]])
  expect_identical(cox_robust(data, lp, NULL, diag(9), "efron"), first[[3]])
})

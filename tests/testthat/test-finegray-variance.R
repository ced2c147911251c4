test_that("crr() gives the same estimate and variance where times are distinct", {
  skip_if_not_installed("cmprsk")
  d <- simulate_finegray(400, 21)
  peer <- cmprsk::crr(
    d$time, d$kind, as.matrix(d[c("a", "b")]), gtol = 1e-14, maxiter = 50
  )
  fit <- fit_finegray(Surv(time, state) ~ a + b, d, control = tight)
  expect_close(coef(fit), peer$coef, 1e-8)
  expect_close(vcov(fit), peer$var, 1e-6)
  expect_close(fit$naive.var, peer$invinf, 1e-6)
})

test_that("the variance is that of the definition, in groups too, with and without ties", {
  for (scale in c(0, 10)) {
    d <- simulate_finegray(200, 12, scale)
    x <- as.matrix(d[c("a", "b")])
    fits <- list(
      fit_finegray(Surv(time, state) ~ a + b, d, control = tight),
      fit_finegray(Surv(time, state) ~ a + b, d, censoring = ~ g, control = tight)
    )
    groups <- list(rep(1, nrow(d)), d$g)
    for (k in 1:2) {
      influence <- oracle_finegray_influence(d, x, coef(fits[[k]]), groups[[k]])
      slow <- fits[[k]]$naive.var %*% crossprod(influence) %*% fits[[k]]$naive.var
      expect_close(vcov(fits[[k]]), slow, 1e-8)
      expect_close(residuals(fits[[k]], type = "score"), influence, 1e-8)
    }
  }
})

test_that("with known weights the sandwich is coxph()'s, by row and by cluster", {
  d <- simulate_finegray(300, 22, 40)
  d$ward <- sample(40, nrow(d), TRUE)
  expanded <- survival::finegray(Surv(time, state) ~ a + b + id + ward + w, d, weights = w)
  for (ties in c("breslow", "efron")) {
    peer <- survival::coxph(
      Surv(fgstart, fgstop, fgstatus) ~ a + b, expanded, weights = fgwt, cluster = id,
      ties = ties, control = tight
    )
    fit <- fit_finegray(
      Surv(time, state) ~ a + b, d, weights = w, ties = ties, control = tight,
      variance = "robust"
    )
    expect_close(vcov(fit), vcov(peer), 1e-8)
    expect_close(fit$naive.var, peer$naive.var, 1e-8)
    peer <- survival::coxph(
      Surv(fgstart, fgstop, fgstatus) ~ a + b, expanded, weights = fgwt, cluster = ward,
      ties = ties, control = tight
    )
    fit <- fit_finegray(
      Surv(time, state) ~ a + b + cluster(ward), d, weights = w, ties = ties,
      control = tight, variance = "robust"
    )
    expect_close(vcov(fit), vcov(peer), 1e-8)
  }
})

# Variance over the estimates with one row (or cluster) left out each time, times (m - 1)
expect_jackknife <- function(d, fit, unit = d$id, within = 0.05) {
  left <- vapply(unique(unit), function(u) coef(fit(d[unit != u, ], "model")), numeric(2))
  m <- ncol(left)
  slow <- (m - 1) / m * rowSums((left - rowMeans(left))^2)
  expect_lt(max(abs(diag(vcov(fit(d, "finegray"))) / slow - 1)), within)
}

test_that("every other variance is within 5 % of the jackknife", {
  d <- simulate_finegray(600, 9)
  expect_jackknife(d, function(d, kind) {
    fit_finegray(Surv(time, state) ~ a + b, d, censoring = ~ a + g, variance = kind)
  })
  skip_on_cran()
  expect_jackknife(d, function(d, kind) {
    fit_finegray(
      Surv(time, state) ~ a + b + strata(s), d, censoring = ~ a + strata(g), variance = kind
    )
  })
  expect_jackknife(d, function(d, kind) {
    fit_finegray(Surv(time, state) ~ a + b, d, weights = w, weighted_censoring = TRUE,
                 variance = kind)
  })
  d$time <- ceiling(8 * d$time) # with many ties
  expect_jackknife(d, function(d, kind) {
    fit_finegray(Surv(time, state) ~ a + b, d, ties = "efron", weights = w, variance = kind)
  })
  d <- simulate_finegray(600, 19, late = TRUE)
  expect_jackknife(d, function(d, kind) {
    fit_finegray(Surv(entry, time, state) ~ a + b, d, censoring = ~ g, variance = kind)
  })
})

test_that("clusters: doubled rows in pairs, and the jackknife over clusters", {
  d <- simulate_finegray(300, 24)
  twice <- rbind(d, d)
  fit <- fit_finegray(Surv(time, state) ~ a + b, twice, cluster = id)
  # each pair is one subject with weight 2, in the censoring distribution too
  d$w <- 2
  plain <- fit_finegray(Surv(time, state) ~ a + b, d, weights = w, weighted_censoring = TRUE)
  expect_close(coef(fit), coef(plain), 1e-10)
  expect_close(vcov(fit), vcov(plain), 1e-9)
  skip_on_cran()
  d <- simulate_finegray(1200, 25)
  d$ward <- rep(1:300, length.out = nrow(d))
  d$a <- d$a + rnorm(300)[d$ward]
  expect_jackknife(d, function(d, kind) {
    if (kind == "model") {
      fit_finegray(Surv(time, state) ~ a + b, d, variance = "model")
    } else {
      fit_finegray(Surv(time, state) ~ a + b, d, cluster = ward)
    }
  }, d$ward)
})

# The term of the censoring distribution is what a change of a row's weight in G does to the
# estimate: derivative in the weights by differences. Times are many and distinct, so that
# 1 - dN / Y, which the formula of Fine and Gray takes as 1, is near it where weights matter.
test_that("the scores are the derivative of the estimate in the weights", {
  d <- simulate_finegray(400, 26)
  fit <- fit_finegray(
    Surv(time, state) ~ a + b, d, weights = rep(1, 400), weighted_censoring = TRUE
  )
  score <- residuals(fit, type = "score") %*% fit$naive.var
  rows <- c(which(d$kind == 0)[1:4], which(d$kind == 2)[1:3], which(d$kind == 1)[1:3])
  step <- 1e-4
  slope <- t(vapply(rows, function(i) {
    moved <- function(by) {
      weight <- rep(1, nrow(d))
      weight[[i]] <- 1 + by
      d$v <- weight
      coef(fit_finegray(
        Surv(time, state) ~ a + b, d, weights = v, weighted_censoring = TRUE, control = tight
      ))
    }
    (moved(step) - moved(-step)) / (2 * step)
  }, numeric(2)))
  expect_close(score[rows, ], slope, 0.01)
})

# Curves, residuals and the shared methods of fit_icph()

trial <- scan_trial(300, 81, scans = 8)
trial$g <- factor(rep_len(c("low", "high"), nrow(trial)), c("low", "high"))
y <- Surv(left, right, type = "interval2") ~ x1 + x2
fit <- fit_icph(y, trial)

test_that("curves are the baseline's, moved by the covariates", {
  new <- data.frame(x1 = c(0, 1), x2 = c(0.5, 0))
  times <- fit$baseline$to
  got <- predict(fit, new, type = "survival")
  expect_identical(got$time, rep(times, 2))
  risk <- exp(drop(sweep(as.matrix(new), 2, fit$means) %*% coef(fit)))
  expect_close(got$estimate, exp(-c(outer(fit$baseline$cumhaz, risk))), 1e-12)
  expect_identical(got$lower, got$upper)
  hazard <- predict(fit, new, type = "cumhaz", times = times)
  expect_close(hazard$estimate, -log(got$estimate), 1e-10)
  expect_close(predict(fit, new, type = "risk"), risk, 1e-12)
  expect_close(predict(fit, new), drop(as.matrix(new) %*% coef(fit)), 1e-12)
  expect_identical(predict(fit, new, type = "lp"), predict(fit, new, type = "link"))
  with_error <- predict(fit, new, type = "risk", se.fit = TRUE)
  expect_close(with_error$fit, risk, 1e-12)
})

test_that("within an interval there are bounds, after the last scan no estimate", {
  one <- data.frame(left = c(0, 2, 4, 1, 4), right = c(1, 3, NA, 3, 6))
  turnbull <- fit_icph(Surv(left, right, type = "interval2") ~ 1, one)
  # (0, 1], (2, 3] and (4, 6]; by hand: 1/5, 2/5 and the rest
  expect_identical(turnbull$baseline$to, c(1, 3, 6))
  expect_close(turnbull$baseline$mass, c(1, 2, 2) / 5, 1e-9)
  got <- predict(turnbull, type = "survival", times = c(0.25, 1, 1.5, 2.5, 3, 5, 7))
  expect_close(got$upper, c(1, 0.8, 0.8, 0.8, 0.4, 0.4, 0), 1e-9)
  expect_close(got$lower, c(0.8, 0.8, 0.8, 0.4, 0.4, 0, 0), 1e-9)
  expect_close(got$estimate, c(0.95, 0.8, 0.8, 0.6, 0.4, 0.2, 0), 1e-9)
  one$right[[5L]] <- NA
  turnbull <- fit_icph(Surv(left, right, type = "interval2") ~ 1, one)
  beyond <- predict(turnbull, type = "survival", times = c(4, 9), interval = "confidence")
  expect_close(beyond$upper, c(0.4, 0.4), 1e-9)
  expect_identical(beyond$lower[[2L]], 0)
  expect_true(is.na(beyond$estimate[[2L]]))
  expect_identical(beyond$conf.low[[2L]], 0)
})

test_that("standard errors of a curve are the delta method's", {
  skip_if_not_installed("numDeriv")
  small <- scan_trial(120, 85, scans = 5, p = 1L)
  one <- fit_icph(Surv(left, right, type = "interval2") ~ x1, small)
  node <- one$nodes[one$nodes$jump > 0, ]
  right <- ifelse(is.na(small$right), Inf, small$right)
  z <- small$x1 - one$means
  loglik <- function(par) {
    r <- exp(z * par[[1L]])
    past <- outer(small$left, node$to, ">=")
    met <- outer(right, node$to, ">=") & !past
    d <- r * drop(met %*% par[-1L])
    sum(-r * drop(past %*% par[-1L]) + ifelse(is.finite(right), log1p(-exp(-d)), 0))
  }
  at <- c(coef(one), node$jump)
  expect_equal(loglik(at), one$loglik[[2L]], tolerance = 1e-12)
  var <- solve(-numDeriv::hessian(loglik, at))
  x <- 1.3
  risk <- exp((x - one$means) * coef(one))
  jacobian <- risk * cbind((x - one$means) * cumsum(node$jump), lower.tri(var[-1, -1], TRUE))
  want <- sqrt(diag(jacobian %*% var %*% t(jacobian)))
  told <- predict(one, data.frame(x1 = x), type = "cumhaz", times = node$to, se.fit = TRUE)
  expect_close(told$std.error, want, 1e-5)
  limits <- predict(
    one, data.frame(x1 = x), type = "cumhaz", times = node$to, interval = "confidence", level = 0.9
  )
  wide <- stats::qnorm(0.95) * told$std.error / told$estimate
  expect_close(limits$conf.low, told$estimate * exp(-wide), 1e-10)
  expect_close(limits$conf.high, told$estimate * exp(wide), 1e-10)
})

test_that("stratified curves belong to their stratum", {
  by_g <- fit_icph(update(y, . ~ . + strata(g)), trial)
  new <- data.frame(x1 = 0, x2 = 0, g = c("high", "low"))
  got <- predict(by_g, new, type = "survival", times = 4)
  expect_identical(as.character(got$stratum), c("high", "low"))
  turned <- predict(by_g, new[2:1, ], type = "survival", times = 4)
  expect_identical(got$estimate, rev(turned$estimate))
  at_means <- predict(by_g, type = "survival")
  expect_identical(levels(at_means$stratum), c("low", "high"))
  expect_error(
    predict(by_g, data.frame(x1 = 0, x2 = 0, g = "other"), type = "survival"),
    class = "survresist_error_strata"
  )
  expect_error(predict(by_g, new, type = "survival", times = -1), class = "survresist_error_input")
  curves <- survival::survfit(by_g)
  expect_s3_class(curves, "survfit")
  expect_identical(names(curves$strata), c("low", "high"))
  low <- curves$time[seq_len(curves$strata[[1L]])]
  expect_close(
    curves$surv[which(low %in% by_g$baseline$to[by_g$baseline$stratum == "low"])],
    by_g$baseline$survival[by_g$baseline$stratum == "low"], 1e-12
  )
})

test_that("residuals keep what they promise", {
  martingale <- residuals(fit)
  expect_lt(abs(sum(martingale)), 1e-9)
  expect_lt(max(martingale), 1)
  expect_lt(max(abs(colSums(residuals(fit, "score")))), 1e-7)
  # Farrington's form: (S(L) log S(L) - S(R) log S(R)) / (S(L) - S(R))
  survival_at <- function(t) {
    vapply(seq_along(t), function(i) {
      if (!is.finite(t[[i]])) return(0)
      past <- fit$nodes$to <= t[[i]] & fit$nodes$kind == 1L
      r <- exp(sum((unlist(trial[i, c("x1", "x2")]) - fit$means) * coef(fit)))
      exp(-r * sum(fit$nodes$jump[past]))
    }, 0)
  }
  left <- survival_at(trial$left)
  right <- survival_at(ifelse(is.na(trial$right), Inf, trial$right))
  part <- function(s) ifelse(s > 0, s * log(s), 0)
  expect_close(martingale, (part(left) - part(right)) / (left - right), 1e-10)
  cox_snell <- residuals(fit, "coxsnell")
  expect_close(cox_snell + martingale, as.double(is.finite(trial$right)), 1e-12)
  deviance <- residuals(fit, "deviance")
  expect_identical(sign(deviance), sign(martingale))
  # the deviance is what no choice of the predictor could give
  i <- which(trial$left > 0 & is.finite(trial$right))[[3L]]
  best <- stats::optimize(function(s) {
    log(left[[i]]^exp(s) - right[[i]]^exp(s))
  }, c(-20, 20), maximum = TRUE, tol = 1e-10)$objective
  expect_equal(deviance[[i]]^2, 2 * (best - log(left[[i]] - right[[i]])), tolerance = 1e-7)
  expect_close(residuals(fit, "dfbeta"), residuals(fit, "score") %*% fit$var, 1e-12)
})

test_that("dfbeta tells what leaving a row out does", {
  change <- residuals(fit, "dfbeta")
  rows <- c(3, 50, 120)
  exact <- t(vapply(rows, function(i) coef(fit) - coef(fit_icph(y, trial[-i, ])), c(0, 0)))
  expect_lt(max(abs(change[rows, ] - exact)), 0.05 * sqrt(max(diag(fit$var))))
  expect_gt(stats::cor(c(change[rows, ]), c(exact)), 0.99)
})

test_that("the robust variance is the sandwich, by row and by cluster", {
  score <- residuals(fit, "score")
  robust <- fit_icph(y, trial, robust = TRUE)
  expect_close(robust$var, fit$var %*% crossprod(score) %*% fit$var, 1e-9)
  expect_close(robust$naive.var, fit$var, 1e-12)
  trial$site <- rep_len(1:20, nrow(trial))
  clustered <- fit_icph(y, trial, cluster = site)
  expect_close(clustered$var, fit$var %*% crossprod(rowsum(score, trial$site)) %*% fit$var, 1e-9)
  twice <- fit_icph(y, rbind(trial, trial), cluster = rep(seq_len(nrow(trial)), 2))
  expect_close(twice$var, robust$var, 1e-8)
})

test_that("profile intervals are where the likelihood has fallen", {
  limits <- confint(fit, "x1", method = "profile")
  for (end in limits) {
    offset <- end * trial$x1
    at <- fit_icph(
      Surv(left, right, type = "interval2") ~ x2 + offset(offset), cbind(trial, offset)
    )
    expect_equal(
      2 * (fit$loglik[[2L]] - at$loglik[[2L]]), stats::qchisq(0.95, 1), tolerance = 1e-5
    )
  }
})

test_that("the shared methods work", {
  expect_identical(rownames(anova(fit)), c("NULL", "x1", "x2"))
  expect_equal(
    anova(fit)$Chisq[[2L]],
    2 * diff(fit_icph(Surv(left, right, type = "interval2") ~ x1, trial)$loglik)
  )
  expect_identical(tidy(fit)$term, c("x1", "x2"))
  expect_true(glance(fit)$converged)
  expect_identical(nrow(augment(fit, trial)), nrow(trial))
  expect_output(print(summary(fit)), "hazard ratio")
  expect_identical(coef(update(fit, . ~ . - x2)), coef(fit_icph(update(y, . ~ . - x2), trial)))
  gap <- trial
  gap$x1[5] <- NA
  padded <- fit_icph(
    Surv(left, right, type = "interval2") ~ x1 + x2, gap, na.action = "na.exclude"
  )
  expect_identical(length(residuals(padded)), nrow(gap))
  expect_true(is.na(residuals(padded)[[5L]]))
})

test_that("the figure has its data, with bounds and limits", {
  skip_if_not_installed("ggplot2")
  picture <- plot(fit, data.frame(x1 = c(0, 1), x2 = 0))
  expect_s3_class(picture, "ggplot")
  drawn <- picture$data
  expect_true(all(drawn$lower <= drawn$upper))
  expect_true(all(drawn$conf.low <= drawn$lower + 1e-12, na.rm = TRUE))
  expect_true(all(drawn$conf.high >= drawn$upper - 1e-12, na.rm = TRUE))
  expect_identical(nlevels(drawn$group), 2L)
})

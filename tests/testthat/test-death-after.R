# What can be asked of a fit of all three hazards (death_method = "illness_death")

scans <- Surv(left, right, type = "interval2") ~ arm

# A fit whose data can be found again where it was asked for
illness_fit <- function(d, formula = scans, ...) {
  call <- match.call(expand.dots = FALSE)
  environment(formula) <- parent.frame()
  eval(as.call(c(
    quote(fit_ttp), list(formula, quote(d)), call[["..."]],
    list(death = quote(Surv(os_time, os_status)))
  )), list(d = d), parent.frame())
}

varied_patients <- function(n = 240, seed = 3) {
  d <- scanned_patients(n, seed = seed)
  d$sex <- rep_len(c("f", "f", "m"), n)
  d$w <- rep_len(c(1, 2, 1, 0.5), n)
  exact <- which(!is.na(d$right))[1:5]
  d$left[exact] <- d$right[exact]
  late <- which(d$left > 12)[1:40]
  d$entry <- 0
  d$entry[late] <- 5
  d
}

test_that("scores add up to 0 and make the block of progression of the whole sandwich", {
  d <- varied_patients()
  for (scale in c("time", "hazard")) {
    fit <- illness_fit(
      d, Surv(left, right, type = "interval2") ~ arm + strata(sex), weights = w, entry = entry,
      scale = scale, death_method = ttp_illness_death(~ arm + sex), robust = FALSE
    )
    robust <- illness_fit(
      d, Surv(left, right, type = "interval2") ~ arm + strata(sex), weights = w, entry = entry,
      scale = scale, death_method = ttp_illness_death(~ arm + sex), robust = TRUE
    )
    score <- residuals(fit, "score")
    expect_identical(dimnames(score), list(as.character(1:240), names(coef(fit))))
    expect_lt(max(abs(colSums(score * d$w)) * sqrt(diag(vcov(fit)))), 1e-5)
    change <- residuals(fit, "dfbeta", weighted = FALSE)
    expect_close(change, score %*% vcov(fit), 1e-8)
    expect_close(crossprod(change * d$w), vcov(robust), 1e-6)
    expect_close(residuals(robust, "score"), score, 1e-6)
    skip_if_not_installed("sandwich")
    expect_close(sandwich::sandwich(fit), vcov(robust), 1e-6)
  }
})

test_that("dfbeta is about the change without the row", {
  d <- scanned_patients(150, seed = 5)
  fit <- illness_fit(d)
  rows <- c(1:4, which(!is.na(d$right))[1:4])
  jackknife <- t(vapply(rows, function(i) coef(fit) - coef(illness_fit(d[-i, ])), coef(fit)))
  expect_lt(max(abs(residuals(fit, "dfbeta")[rows, ] / jackknife - 1)), 0.25)
})

test_that("martingale residuals are the derivatives in the log cumulative hazard", {
  d <- varied_patients(60)
  d$entry[1:6] <- pmin(d$left[1:6], 3)
  fit <- illness_fit(
    d, entry = entry, family = "weibull", scale = "time",
    death_method = ttp_illness_death(family = list(before = "exponential", after = "weibull"))
  )
  own <- residuals(fit)
  expect_lt(abs(sum(own)), 1e-5) # a Weibull has proportional hazards
  coef <- coef(fit)
  death <- lapply(fit$death$hazards, coef)
  k <- exp(coef[["log(shape)"]])
  h02 <- oracle_weibull(death$before[["mu"]], 0, death$before[["arm"]] * d$arm)
  h12 <- oracle_weibull(
    death$after[["mu"]], death$after[["log(shape)"]], death$after[["arm"]] * d$arm
  )
  at <- function(delta) {
    h01 <- oracle_weibull(coef[["mu"]], coef[["log(shape)"]], delta - k * coef[["arm"]] * d$arm)
    vapply(seq_len(nrow(d)), function(i) h01$H(d$entry[[i]], i), 0) +
      oracle_illness(d, h01, h02, h12)
  }
  expect_close(unname(own), (at(1e-4) - at(-1e-4)) / 2e-4, 1e-6)
  # one whose hazard is no Weibull's adds up to 0 too, on the scale of hazard
  spline <- illness_fit(d, family = ttp_spline(knots = 1), scale = "hazard")
  found <- residuals(spline)
  expect_lt(abs(sum(found)), 1e-5)
  expect_lt(abs(sum(found * d$arm)), 1e-5)
  expect_identical(augment(fit, data = d)$.resid, unname(own))
  for (type in c("deviance", "coxsnell")) {
    expect_error(residuals(fit, type), "not known", class = "survresist_error_unsupported")
  }
})

test_that("profile limits are where the likelihood has fallen far enough", {
  d <- varied_patients()
  fit <- illness_fit(d, death_method = ttp_illness_death(~arm), weights = round(2 * w))
  limits <- confint(fit, "arm", method = "profile")
  for (limit in limits) {
    d$known <- limit * d$arm
    held <- illness_fit(
      d, Surv(left, right, type = "interval2") ~ offset(known),
      death_method = ttp_illness_death(~arm), weights = round(2 * w)
    )
    expect_close(2 * as.numeric(logLik(fit) - logLik(held)), qchisq(0.95, 1), 1e-5)
  }
  expect_close(unname(limits), unname(confint(fit, "arm")), 0.1)
  expect_identical(dim(confint(fit, method = "profile")), c(3L, 2L))
})

test_that("curves, their figure and an analysis of deviance are those of progression", {
  d <- varied_patients()
  fit <- illness_fit(d, Surv(left, right, type = "interval2") ~ arm + sex)
  found <- standardise(fit, "arm", c(12, 36))
  each <- lapply(0:1, function(group) {
    predict(fit, transform(d, arm = group), type = "survival", times = c(12, 36))
  })
  by_hand <- unlist(lapply(each, function(p) tapply(p$estimate, p$time, mean)), use.names = FALSE)
  expect_close(found$estimate, by_hand, 1e-12)
  tests <- anova(fit)
  expect_identical(tests$Df, c(NA, 1, 1))
  # death keeps its covariates while those of progression come
  null <- illness_fit(d, Surv(left, right, type = "interval2") ~ 1,
    death_method = ttp_illness_death(~ arm + sex)
  )
  expect_close(tests$loglik[[1L]], as.numeric(logLik(null)), 1e-10)
  expect_close(tests$loglik[[1L]], fit$loglik[[1L]], 1e-10)
  skip_if_not_installed("ggplot2")
  plot <- plot(fit, by = "arm", times = c(12, 36))
  for (arm in 0:1) {
    rows <- d$arm == arm
    expect_close(
      plot$data$estimate[plot$data$group == arm],
      standardise(fit, newdata = d[rows, ], times = c(12, 36))$estimate, 1e-12
    )
  }
  expect_match(plot$labels$caption, "censored at their last scan")
  death <- plot(fit$death$hazards$after, "hazard", times = c(12, 36))
  expect_identical(death$labels$y, "Hazard of death after progression")
  expect_null(plot(fit$death$hazards$before)$labels$caption)
})

test_that("draws have the distributions of all three hazards", {
  d <- scanned_patients(400, seed = 2)
  fit <- illness_fit(d, family = "lognormal", death_method = ttp_illness_death(~arm))
  drawn <- simulate(fit, nsim = 5, seed = 9)
  expect_named(drawn, c(paste0("sim_", 1:5), paste0("death_", 1:5)))
  expect_identical(drawn, simulate(fit, nsim = 5, seed = 9))
  fits <- c(list(fit), unname(fit$death$hazards))
  rows <- ttp_rows(fit)
  H <- function(k, time) {
    at <- which(is.finite(time))
    replace(
      rep(Inf, length(time)), at, exp(log_risk(ttp_context(fits[[k]], rows), at, log(time[at]))$w)
    )
  }
  for (k in 1:5) {
    progression <- drawn[[k]]
    death <- drawn[[5 + k]]
    is_seen <- is.finite(progression)
    expect_true(all(death > progression | !is_seen))
    first <- pmin(progression, death)
    expect_gt(ks.test(H(1, first) + H(2, first), "pexp")$p.value, 1e-3)
    after <- (H(3, death) - H(3, progression))[is_seen]
    expect_gt(ks.test(after, "pexp")$p.value, 1e-3)
    # which of both came first goes with their hazards then
    hazard <- function(k) exp(ttp_table(ttp_context(fits[[k]], rows), 1:400, log(first))$v)
    share <- hazard(1) / (hazard(1) + hazard(2))
    expect_lt(abs(sum(is_seen - share)) / sqrt(sum(share * (1 - share))), 3.5)
  }
  seen <- simulate(fit, seed = 9, censoring = 36)
  plain <- simulate(fit, seed = 9)
  expect_identical(seen$sim_1[, "time"], pmin(plain$sim_1, plain$death_1, 36))
  expect_identical(seen$death_1[, "status"], as.double(plain$death_1 <= 36))
  late <- simulate(fit, seed = 1, start = 24)
  expect_true(all(late$sim_1 > 24 & late$death_1 > 24))
  expect_named(simulate(fit$death$hazards$after, seed = 1), "sim_1")
})

test_that("parameters have their natural scale, in every hazard", {
  d <- varied_patients()
  fit <- illness_fit(d)
  expect_identical(coef(fit, natural = TRUE)[["shape"]], exp(coef(fit)[["log(shape)"]]))
  expect_identical(tidy(fit, natural = TRUE)$term, c("arm", "scale", "shape"))
  for (death in fit$death$hazards) {
    expect_identical(coef(death, natural = TRUE)[["scale"]], exp(coef(death)[["mu"]]))
    expect_identical(tidy(death, natural = TRUE)$estimate, unname(coef(death, natural = TRUE)))
  }
  after <- fit$death$hazards$after
  refused <- function(code) expect_error(code, "whole", class = "survresist_error_unsupported")
  refused(residuals(after))
  refused(confint(after, method = "profile"))
  refused(anova(after))
  # nor does augment() ask for them
  expect_false(".resid" %in% names(augment(after)))
})

test_that("print, summary and the other generics know all three hazards", {
  d <- varied_patients()
  fit <- illness_fit(d, death_method = ttp_illness_death(after = ~1))
  for (shown in list(fit, summary(fit))) {
    text <- capture.output(print(shown))
    expect_match(text, "Death without progression: Weibull", all = FALSE)
    expect_match(text, "Death after progression: Weibull", all = FALSE)
    expect_match(text, "9 parameters|8 parameters", all = FALSE)
  }
  found <- summary(fit)
  expect_named(found$death, c("before", "after"))
  expect_identical(rownames(found$death$before$coefficients), "arm")
  expect_identical(nrow(found$death$after$coefficients), 0L)
  expect_identical(attr(logLik(fit), "df"), length(fit$death$coefficients))
  expect_identical(dim(fit$death$var), rep(length(fit$death$coefficients), 2L))
  expect_identical(vcov(fit), fit$death$var[1:3, 1:3])
  new <- data.frame(arm = 0:1)
  for (type in c("survival", "hazard", "rmst", "hr")) {
    expect_false(anyNA(predict(fit, new, type, times = 12, interval = "confidence")))
  }
  death <- predict(fit$death$hazards$before, new, times = 12, interval = "confidence")
  H <- exp(death$estimate * 0 + fit$death$coefficients[["before:arm"]] * new$arm) *
    (12 / exp(fit$death$coefficients[["before:mu"]]))^
      exp(fit$death$coefficients[["before:log(shape)"]])
  expect_close(death$estimate, exp(-H), 1e-12)
})

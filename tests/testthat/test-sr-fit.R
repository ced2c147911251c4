# The generics that all models but Cox's share, on a model whose numbers are survreg's.

study <- survival::rotterdam
study$grade <- factor(study$grade, labels = c("two", "three"))
study$meno <- factor(study$meno, labels = c("pre", "post"))
study$size <- stats::relevel(study$size, "20-50")
holes <- study
holes$nodes[c(3, 9, 27)] <- NA
holes$age[81] <- NA

model <- Surv(dtime, death) ~ age + size * meno + nodes
tight <- survival::survreg.control(rel.tolerance = 1e-13, maxiter = 80)
fit <- fit_fake(model, holes)
peer <- survival::survreg(model, holes, control = tight)
p <- length(coef(peer))
as_ours <- c(1L, p + 1L, 2:p) # survreg has log(scale) last

test_that("coefficients, variance, likelihood and counts are survreg's", {
  expect_identical(names(coef(fit)), c("(Intercept)", "log(scale)", names(coef(peer))[-1]))
  expect_close(coef(fit), c(coef(peer), log(peer$scale))[as_ours])
  expect_close(vcov(fit), vcov(peer)[as_ours, as_ours])
  expect_identical(dimnames(vcov(fit)), list(names(coef(fit)), names(coef(fit))))
  expect_close(logLik(fit), logLik(peer))
  expect_equal(attr(logLik(fit), "df"), attr(logLik(peer), "df"))
  expect_identical(nobs(fit), nobs(peer))
  expect_close(AIC(fit), AIC(peer))
  expect_close(BIC(fit), -2 * peer$loglik[[2]] + log(nobs(peer)) * (p + 1))
  expect_close(extractAIC(fit), extractAIC(peer))
  expect_close(extractAIC(fit, k = 5), extractAIC(peer, k = 5))
  expect_close(confint(fit)[-2, ], confint(peer))
  expect_close(confint(fit, "age", level = 0.8), confint(peer, "age", level = 0.8))
  expect_identical(rownames(confint(fit, 3)), "age")
  expect_identical(colnames(confint(fit, level = 0.9)), c("5 %", "95 %"))
})

test_that("formula, terms, frame and matrix are survreg's", {
  expect_identical(deparse1(formula(fit)), deparse1(formula(peer)))
  expect_identical(labels(terms(fit)), labels(terms(peer)))
  expect_equal(model.frame(fit), model.frame(peer), ignore_attr = TRUE)
  expect_identical(rownames(model.frame(fit)), rownames(model.frame(peer)))
  theirs <- model.matrix(peer)
  ours <- model.matrix(fit)
  expect_equal(ours, theirs[, -1], ignore_attr = TRUE)
  expect_identical(colnames(ours), colnames(theirs)[-1])
  expect_identical(as.integer(attr(ours, "assign")), attr(theirs, "assign")[-1])
  expect_identical(attr(ours, "contrasts"), attr(theirs, "contrasts"))
  new <- study[5:9, ]
  expect_equal(
    model.matrix(fit, data = new), model.matrix(peer, data = new)[, -1], ignore_attr = TRUE
  )
  expect_identical(nrow(model.frame(fit, data = new)), 5L)
  kept <- fit_fake(model, holes, model = TRUE)
  expect_equal(model.frame(kept), model.frame(fit), ignore_attr = TRUE)
  late <- fit_fake(Surv(dtime, death) ~ age, study, entry = year, subset = meno == "pre")
  expect_identical(late$arguments, "entry")
  expect_identical(model.frame(late)[["(entry)"]], study$year[study$meno == "pre"])
  expect_identical(sr_rebuild(late)$mf[["(entry)"]], study$year[study$meno == "pre"])
})

test_that("the columns come back with strata, offset and contrasts as they were fitted", {
  usual <- options(contrasts = c("contr.sum", "contr.poly"))
  on.exit(options(usual))
  odd <- fit_fake(
    Surv(dtime, death) ~ C(size, contr.helmert) + strata(grade) + offset(age / 9), study
  )
  names <- colnames(model.matrix(odd))
  options(usual)
  expect_identical(colnames(model.matrix(odd)), names)
  parts <- sr_rebuild(odd)
  expect_identical(levels(parts$strata), c("two", "three"))
  expect_equal(parts$offset, study$age / 9, ignore_attr = TRUE)
  expect_close(
    predict(odd), drop(parts$x %*% coef(odd)[-(1:2)]) + study$age / 9
  )
  expect_close(predict(odd, newdata = study[7:1, ]), predict(odd)[7:1])
})

test_that("predict() gives the linear predictor and its standard error", {
  new <- study[c(4, 900, 77), ]
  found <- predict(fit, newdata = new, se.fit = TRUE)
  expect_close(found$fit, predict(peer, new, type = "lp") - coef(peer)[[1]])
  x <- model.matrix(fit, data = new)
  expect_close(found$se.fit, sqrt(diag(x %*% vcov(fit)[-(1:2), -(1:2)] %*% t(x))))
  padded <- fit_fake(model, holes, na.action = na.exclude)
  expect_identical(unname(which(is.na(predict(padded)))), c(3L, 9L, 27L, 81L))
  expect_close(predict(padded)[-c(3, 9, 27, 81)], predict(fit))
  new$age[[2]] <- NA
  expect_identical(unname(is.na(predict(fit, new))), c(FALSE, TRUE, FALSE))
  expect_error(predict(fit, type = "cubic"), "link", class = "survresist_error_input")
  expect_error(predict(fit, 1:3), "data frame", class = "survresist_error_input")
  expect_error(predict(fit, new["age"]), "size", class = "survresist_error_input")
})

test_that("summary() holds survreg's table", {
  found <- summary(fit)
  table <- summary(peer)$table[as_ours, ]
  expect_close(found$coefficients[, c("coef", "se(coef)", "z", "Pr(>|z|)")], table[-(1:2), ])
  expect_close(found$coefficients[, "exp(coef)"], exp(coef(peer)[-1]))
  expect_close(found$baseline, table[1:2, 1:2])
  expect_close(found$logtest[["test"]], summary(peer)$chi)
  expect_equal(found$logtest[["df"]], p - 1)
  expect_close(found$conf.int[, 3:4], exp(confint(peer)[-1, ]))
  b <- coef(peer)[-1]
  expect_close(found$waldtest[["test"]], sum(b * solve(vcov(peer)[2:p, 2:p], b)))
  plain <- summary(fit_fake(model, holes, has_ratio = FALSE))
  expect_false("exp(coef)" %in% colnames(plain$coefficients))
  expect_close(plain$conf.int, confint(peer)[-1, ])
})

test_that("print() fits a screen and hides nothing", {
  shown <- capture.output(print(fit))
  expect_lt(length(shown), 24)
  expect_lte(max(nchar(shown)), 100)
  text <- paste(shown, collapse = "\n")
  expect_match(text, "Weibull of survreg, effects on time", fixed = TRUE)
  expect_match(text, "n=2978, number of events=1272", fixed = TRUE)
  expect_match(text, "(9 parameters)", fixed = TRUE)
  expect_match(text, "4 observations deleted due to missingness: nodes 3, age 1", fixed = TRUE)
  expect_match(text, "Likelihood ratio test= ", fixed = TRUE)
  bad <- fit
  bad$convergence <- list(converged = FALSE, message = "`log(scale)` runs to -Inf.")
  bad$nevent <- 3
  text <- paste(capture.output(print(bad)), collapse = "\n")
  expect_match(text, "has not converged\n`log(scale)` runs to -Inf.", fixed = TRUE)
  expect_match(text, "Fewer events than parameters: 3 events, 9 parameters.", fixed = TRUE)
  expect_match(paste(capture.output(summary(bad)), collapse = "\n"), "has not converged")
  long <- fit
  many <- stats::setNames(seq(0.1, 3, length.out = 30), sprintf("level %d", 1:30))
  long$coefficients <- c(long$coefficients, many)
  long$var <- diag(length(long$coefficients))
  text <- capture.output(print(long))
  expect_lt(length(text), 36)
  expect_match(text, "and 20 parameters more", all = FALSE)
  expect_false(any(grepl("parameters more", capture.output(print(summary(long))))))
  by <- fit_fake(Surv(dtime, death) ~ age + strata(grade), study)
  expect_match(capture.output(by), "two 262/794", all = FALSE)
})

test_that("a fit warns once of no convergence and of fewer events than parameters", {
  small <- data.frame(time = 1:8, status = c(1, 0, 0, 1, 0, 0, 0, 0), z = sin(1:8))
  expect_warning(
    fit_fake(Surv(time, status) ~ z, small), "2 events, 3 parameters",
    class = "survresist_warning_few_events"
  )
  frame <- list(n = 8, terms = terms(y ~ z))
  parts <- list(coefficients = c(z = 1), nevent = 5, convergence = list(
    converged = FALSE, message = c("`z`: flat.", "Leave it out.")
  ))
  expect_warning(
    new_sr_fit(parts, "sr_fake", frame, list()), "not converged.*flat.*Leave",
    class = "survresist_warning_convergence"
  )
  parts$convergence$converged <- TRUE
  expect_warning(
    new_sr_fit(parts, "sr_fake", frame, list()), "flat", class = "survresist_warning_estimate"
  )
})

test_that("anova() of one model adds terms on the rows of the fit", {
  complete <- holes[stats::complete.cases(holes[c("nodes", "age")]), ]
  smaller <- Surv(dtime, death) ~ 1
  theirs <- numeric()
  for (term in c("1", "age", "size", "meno", "nodes", "size:meno")) {
    smaller <- stats::update(smaller, paste("~ . +", term))
    one <- survival::survreg(smaller, complete, control = tight)
    theirs <- rbind(theirs, c(one$loglik[[2]], sum(one$df)))
  }
  ours <- anova(fit)
  expect_identical(rownames(ours), c("NULL", "age", "size", "meno", "nodes", "size:meno"))
  expect_close(ours$loglik, theirs[, 1])
  expect_close(ours$Chisq[-1], 2 * diff(theirs[, 1]), 1e-7)
  expect_equal(ours$Df, c(NA, diff(theirs[, 2])))
  expect_close(ours[["Pr(>|Chi|)"]], stats::pchisq(ours$Chisq, ours$Df, lower.tail = FALSE))
  part <- fit_fake(model, holes, subset = meno == "pre" & dtime > 200)
  expect_warning(again <- anova(part), NA)
  expect_close(again$loglik[[6]], part$loglik[[2]], 1e-12)
  expect_close(again$loglik[[1]], part$loglik[[1]], 1e-10)
  kept <- anova(fit_fake(Surv(dtime, death) ~ age + strata(grade) + offset(nodes / 50), study))
  expect_identical(rownames(kept), c("NULL", "age"))
  null <- survival::survreg(
    Surv(dtime, death) ~ 1 + offset(nodes / 50), study, control = tight
  )
  expect_close(kept$loglik[[1]], null$loglik[[2]], 1e-10)
})

test_that("anova() of several models compares each with the one before", {
  complete <- holes[stats::complete.cases(holes[c("nodes", "age")]), ]
  a <- fit_fake(Surv(dtime, death) ~ age, complete)
  b <- update(a, . ~ . + nodes)
  c <- update(b, . ~ . + size * meno)
  found <- anova(a, b, c)
  expect_close(found$Chisq[-1], 2 * diff(c(logLik(a), logLik(b), logLik(c))))
  expect_equal(found$Df, c(NA, 1, 5))
  expect_equal(anova(c, a)$Df, c(NA, 6))
  expect_close(anova(c, a)$Chisq[[2]], 2 * (logLik(c) - logLik(a)))
  expect_match(attr(found, "heading"), "Weibull of survreg", all = FALSE)
  expect_false("Pr(>|Chi|)" %in% names(anova(a, b, test = "none")))
  expect_error(anova(a, fit_fake(Surv(rtime, recur) ~ age, complete)), "same response")
  expect_error(anova(a, fit_fake(Surv(dtime, death) ~ age, study)), "same rows")
  expect_error(anova(a, fit_cox(Surv(dtime, death) ~ age, study)), "same class")
  lower <- b
  lower$loglik <- lower$loglik - 1000
  expect_warning(anova(a, lower), "lower likelihood", class = "survresist_warning_nested")
})

test_that("robust fits and pseudo-likelihoods have Wald tests instead", {
  model <- Surv(dtime, death) ~ age + size + nodes
  robust <- fit_fake(model, study, cluster = year)
  theirs <- survival::survreg(model, study, cluster = year, control = tight)
  expect_close(vcov(robust), vcov(theirs)[c(1, 6, 2:5), c(1, 6, 2:5)], 1e-6)
  expect_error(anova(robust), "robust variance", class = "survresist_error_unsupported")
  expect_error(
    confint(robust, method = "profile"), "robust", class = "survresist_error_unsupported"
  )
  found <- anova(robust, test = "Wald")
  b <- coef(robust)[4:5]
  expect_close(found["size", "Chisq"], sum(b * solve(vcov(robust)[4:5, 4:5], b)))
  expect_equal(found$Df, c(1, 2, 1))
  expect_true(summary(robust)$used.robust)
  expect_null(summary(robust)$logtest)
  expect_true("robust.se" %in% names(tidy(robust)))
  expect_close(tidy(robust)$statistic, coef(robust) / sqrt(diag(vcov(robust))))
  expect_match(capture.output(robust), "^Wald test=", all = FALSE)
  pseudo <- fit
  pseudo$is_pseudo <- TRUE
  expect_error(anova(pseudo), "pseudo", class = "survresist_error_unsupported")
  expect_error(confint(pseudo, method = "profile"), "pseudo")
  expect_match(capture.output(pseudo), "log pseudo-likelihood", all = FALSE)
  expect_error(anova(robust, robust, test = "Wald"), class = "survresist_error_unsupported")
})

test_that("profile intervals come from the model's own method", {
  expect_error(
    confint(fit, method = "profile"), "not available", class = "survresist_error_unsupported"
  )
  given <- function(fit, which, level) cbind(which, level)
  registerS3method("profile_interval", "sr_profiled", given, asNamespace("survresist"))
  own <- fit
  class(own) <- c("sr_profiled", class(fit))
  found <- confint(own, c("age", "nodes"), level = 0.9, method = "profile")
  expect_equal(found, cbind(c(3, 7), 0.9), ignore_attr = TRUE)
  expect_identical(rownames(found), c("age", "nodes"))
})

test_that("aliased coefficients are NA and left out where that is asked", {
  study$twice <- 2 * study$age
  x <- fit_fake(Surv(dtime, death) ~ age + twice + nodes, study)
  expect_identical(names(which(is.na(coef(x)))), "twice")
  expect_length(coef(x, complete = FALSE), 4)
  expect_identical(dim(vcov(x)), c(5L, 5L))
  expect_identical(dim(vcov(x, complete = FALSE)), c(4L, 4L))
  expect_equal(attr(logLik(x), "df"), 4)
  expect_true(all(is.na(confint(x)["twice", ])))
  expect_equal(summary(x)$waldtest[["df"]], 2)
  expect_close(predict(x), predict(fit_fake(Surv(dtime, death) ~ age + nodes, study)))
  expect_true(all(is.na(tidy(x, conf.int = TRUE)[4, -(1:2)])))
})

test_that("update, drop1, add1 and step work as on survreg", {
  a <- fit_fake(Surv(dtime, death) ~ age + size + nodes, study)
  b <- survival::survreg(Surv(dtime, death) ~ age + size + nodes, study, control = tight)
  expect_equal(drop1(a)[, 1:2], drop1(b)[, 1:2], ignore_attr = TRUE)
  expect_equal(add1(a, ~ . + meno)$AIC, add1(b, ~ . + meno)$AIC)
  expect_identical(
    names(coef(stats::step(a, trace = 0)))[-2], names(coef(stats::step(b, trace = 0)))
  )
  expect_close(logLik(update(a, subset = meno == "pre")),
    logLik(update(b, subset = meno == "pre")))
})

test_that("tidy(), glance() and augment() hold survreg's values", {
  found <- tidy(fit, conf.int = TRUE, exponentiate = TRUE)
  expect_identical(names(found), c(
    "term", "component", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high"
  ))
  expect_identical(found$component[1:3], c("baseline", "baseline", "effect"))
  expect_close(found$estimate, c(coef(fit)[1:2], exp(coef(fit)[-(1:2)])))
  expect_close(found$conf.high[3:9], exp(confint(peer)[-1, 2]))
  expect_close(tidy(fit)$std.error, sqrt(diag(vcov(peer)))[as_ours])
  one <- glance(fit)
  expect_identical(nrow(one), 1L)
  expect_close(one$statistic.log, summary(peer)$chi)
  expect_close(one$AIC, AIC(peer))
  expect_true(one$converged)
  data <- augment(fit)
  expect_identical(nrow(data), 2978L)
  expect_close(data$.fitted, predict(fit))
  expect_close(data$.resid, residuals(fit))
  expect_identical(nrow(augment(fit, holes)), 2978L)
  padded <- fit_fake(model, holes, na.action = na.exclude)
  expect_identical(which(is.na(augment(padded, holes)$.resid)), c(3L, 9L, 27L, 81L))
  new <- augment(fit, newdata = study[1:5, ])
  expect_false(".resid" %in% names(new))
  expect_error(augment(fit, study[1:7, ]), "newdata", class = "survresist_error_input")
  expect_error(augment(fit, newdata = 3), "data frame", class = "survresist_error_input")
})

test_that("models without covariates have all of it", {
  null <- fit_fake(Surv(dtime, death) ~ 1, study)
  expect_match(capture.output(null), "No covariates", all = FALSE)
  expect_null(summary(null)$logtest)
  expect_identical(dim(model.matrix(null)), c(2982L, 0L))
  expect_identical(nrow(tidy(null)), 2L)
  expect_true(is.na(glance(null)$p.value.wald))
  expect_identical(rownames(anova(null)), "NULL")
  expect_true(all(predict(null) == 0))
})

test_that("sandwich takes it", {
  skip_if_not_installed("sandwich")
  model <- Surv(dtime, death) ~ age + nodes
  a <- fit_fake(model, study)
  b <- survival::survreg(model, study, control = tight)
  order <- c(1, 4, 2, 3)
  expect_close(sandwich::bread(a), sandwich::bread(b)[order, order], 1e-7)
  expect_close(sandwich::estfun(a), sandwich::estfun(b)[, order], 1e-7)
  expect_close(sandwich::sandwich(a), sandwich::sandwich(b)[order, order], 1e-7)
  expect_close(
    sandwich::vcovCL(a, cluster = study$year),
    sandwich::vcovCL(b, cluster = study$year)[order, order], 1e-7
  )
  # sandwich's method for survreg leaves the weights out of the column of log(scale), whose sum is
  # then not 0; the robust variance of survreg itself has them
  weighted <- fit_fake(model, study, weights = age / 50)
  b <- survival::survreg(model, study, weights = age / 50, control = tight)
  expect_close(sandwich::estfun(weighted)[, -2], sandwich::estfun(b)[, 1:3], 1e-7)
  score <- sandwich::estfun(weighted)
  expect_lt(max(abs(colSums(score)) / sqrt(colSums(score^2))), 1e-6)
  robust <- fit_fake(model, study, cluster = pid)
  expect_close(sandwich::sandwich(robust), vcov(robust), 1e-7)
})

test_that("emmeans takes it", {
  skip_if_not_installed("emmeans")
  contrasts <- function(fit, by) {
    found <- as.data.frame(summary(graphics::pairs(emmeans::emmeans(fit, by)), infer = TRUE))
    found[c("estimate", "SE", "p.value")]
  }
  # survreg's contrasts have t quantiles: p-values only for ours
  for (by in list(~size, ~ size | meno)) {
    a <- suppressMessages(contrasts(fit, by))
    b <- suppressMessages(contrasts(peer, by))
    expect_equal(a[1:2], b[1:2], tolerance = 1e-7)
  }
  trend <- function(fit) as.data.frame(emmeans::emtrends(fit, ~1, var = "age"))[2:3]
  expect_equal(suppressMessages(trend(fit)), suppressMessages(trend(peer)), tolerance = 1e-7)
  response <- as.data.frame(graphics::pairs(emmeans::emmeans(fit, ~meno), type = "response"))
  expect_true("ratio" %in% names(response))
  # on the scale of the ratio from the first: Surv() is no transformation
  plain <- suppressMessages(emmeans::emmeans(fit, ~size))
  means <- suppressMessages(emmeans::emmeans(fit, ~size, type = "response"))
  expect_no_message(shown <- utils::capture.output(print(graphics::pairs(means))))
  expect_match(shown, "ratio", all = FALSE)
  expect_equal(
    as.data.frame(summary(means))[["time ratio"]], exp(as.data.frame(plain)$emmean)
  )
  by <- fit_fake(Surv(dtime, death) ~ age + meno + strata(grade), study)
  expect_identical(nrow(as.data.frame(emmeans::emmeans(by, ~meno))), 2L)
  crossed <- fit_fake(Surv(dtime, death) ~ age * strata(grade), study)
  found <- as.data.frame(emmeans::emtrends(crossed, ~grade, var = "age"))
  expect_close(diff(found$age.trend), coef(crossed)[["age:strata(grade)three"]])
  study$twice <- 2 * study$age
  aliased <- fit_fake(Surv(dtime, death) ~ age + twice, study)
  at <- function(twice) {
    as.data.frame(emmeans::emmeans(aliased, ~1, at = list(age = 50, twice = twice)))$emmean
  }
  expect_close(at(100), 50 * coef(aliased)[["age"]])
  expect_true(is.na(at(7)))
})

test_that("other packages that read coef() and vcov() take it", {
  skip_if_not_installed("car")
  found <- car::linearHypothesis(fit, "age = 0")
  z <- coef(fit)[["age"]] / sqrt(vcov(fit)["age", "age"])
  expect_close(found$Chisq[[2]], z^2)
  expect_close(car::deltaMethod(fit, "exp(age)")$Estimate, exp(coef(fit)[["age"]]))
  skip_if_not_installed("multcomp")
  found <- summary(multcomp::glht(fit, "age - nodes = 0"), test = multcomp::univariate())
  expect_close(found$test$coefficients, coef(fit)[["age"]] - coef(fit)[["nodes"]])
})

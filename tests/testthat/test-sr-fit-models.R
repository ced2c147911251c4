# Every model of class sr_fit answers the shared generics, and so works with what asks for them.

study <- survival::rotterdam
study$years <- with(study, ifelse(recur == 1, rtime, dtime)) / 365.25
study$first <- factor(
  with(study, ifelse(recur == 1, 1, ifelse(death == 1, 2, 0))), 0:2, c("none", "relapse", "death")
)
study$meno <- factor(study$meno, labels = c("pre", "post"))
study$right <- with(study, ifelse(recur == 1, ceiling(2 * years) / 2, NA))
study$left <- with(study, ifelse(recur == 1, ceiling(2 * years) / 2 - 0.5, years))
study$nodes[c(5, 77)] <- NA
few <- study[seq(5, 2982, 8), ]

models <- list(
  ttp = fit_ttp(Surv(years, recur) ~ age + size * meno + strata(grade), study),
  ttp_shape = fit_ttp(Surv(years, recur) ~ nodes + meno, study, shape = ~meno),
  icph = fit_icph(Surv(left, right, type = "interval2") ~ age + nodes + meno, few),
  finegray = fit_finegray(Surv(years, first) ~ age + nodes + meno, study, cause = "relapse")
)

for (name in names(models)) {
  test_that(paste("the generics of", name), {
    fit <- models[[name]]
    expect_s3_class(fit, "sr_fit")
    coef <- coef(fit)
    p <- length(coef)
    expect_identical(dimnames(vcov(fit)), list(names(coef), names(coef)))
    expect_true(all(diag(vcov(fit)) > 0))
    expect_s3_class(logLik(fit), "logLik")
    expect_gt(attr(logLik(fit), "df"), 0)
    expect_identical(nobs(fit), nrow(model.frame(fit)))
    expect_identical(nrow(model.matrix(fit)), nobs(fit))
    expect_identical(
      colnames(model.matrix(fit)), names(coef)[survresist:::effect_places(fit)]
    )
    expect_equal(AIC(fit), extractAIC(fit)[[2]])
    expect_identical(dim(confint(fit)), c(p, 2L))
    expect_identical(tidy(fit)$term, names(coef))
    expect_true(glance(fit)$converged)
    expect_lt(length(capture.output(print(fit))), 40)
    expect_output(print(summary(fit)), "Wald test")
    expect_identical(rownames(anova(fit, test = "Wald")), names(fit$assign))
    link <- predict(fit, newdata = study[1:3, ], type = "link")
    expect_length(link, 3L)
    again <- stats::update(fit, . ~ .)
    expect_equal(coef(again), coef)
    if (name != "finegray") {
      steps <- suppressWarnings(anova(fit))
      expect_true(all(steps$Chisq[-1] > -1e-6))
      expect_equal(steps$loglik[[nrow(steps)]], as.numeric(logLik(fit)))
    } else {
      expect_error(anova(fit), class = "survresist_error_unsupported")
    }
    score <- residuals(fit, type = "score")
    expect_identical(dim(as.matrix(score)), c(nobs(fit), p))
    size <- sqrt(colSums(as.matrix(score)^2))
    expect_lt(max(abs(colSums(as.matrix(score))) / size), 1e-5)
    expect_identical(nrow(augment(fit)), nobs(fit))
    skip_if_not_installed("sandwich")
    robust <- sandwich::sandwich(fit)
    expect_true(all(abs(log(diag(robust) / diag(vcov(fit)))) < 1))
    skip_if_not_installed("emmeans")
    found <- as.data.frame(suppressMessages(graphics::pairs(emmeans::emmeans(fit, ~meno))))
    if (name != "ttp") expect_close(abs(found$estimate), abs(coef[["menopost"]]))
    expect_true(all(found$SE > 0))
  })
}

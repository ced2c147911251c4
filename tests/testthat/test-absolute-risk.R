# Risks of competing events from one Cox model a cause, against riskRegression's CSC(), the
# Aalen-Johansen estimate and a jackknife.

study <- survival::rotterdam
study$years <- with(study, ifelse(recur == 1, rtime, dtime)) / 365.25
study$relapse <- study$recur == 1
study$dies <- study$death == 1 & !study$relapse
study$first <- factor(
  ifelse(study$relapse, 1, ifelse(study$dies, 2, 0)), 0:2, c("none", "relapse", "death")
)
patients <- data.frame(age = c(45, 75, 60), nodes = c(3, 0, 10), meno = c(0, 1, 1))
times <- c(1, 2, 5, 9)

fits_of <- function(data, ties = "efron", weights = NULL) {
  data$case <- if (is.null(weights)) rep(1, nrow(data)) else weights
  fit <- function(formula) {
    fit_cox(
      formula, data, weights = case, ties = ties, eps = 1e-12, toler.chol = 1e-13, robust = FALSE
    )
  }
  list(
    relapse = fit(Surv(years, relapse) ~ age + nodes + strata(meno)),
    death = fit(Surv(years, dies) ~ age)
  )
}

test_that("estimates are those of CSC()", {
  skip_if_not_installed("riskRegression")
  small <- study[seq(1, 2982, 4), ]
  Hist <- prodlim::Hist
  days <- transform(small, years = ceiling(years * 12) / 12)
  for (ties in c("breslow", "efron")) {
    for (data in list(small, days)) {
      peer <- riskRegression::CSC(
        list(Hist(years, first, cens.code = "none") ~ age + nodes + strata(meno),
             Hist(years, first, cens.code = "none") ~ age),
        data = data, method = ties
      )
      for (survival in c("product", "exp")) {
        ours <- absolute_risk(fits_of(data, ties), patients, times, survival)
        for (cause in c("relapse", "death")) {
          is_smooth <- identical(data, small) && cause == "relapse"
          theirs <- stats::predict(
            peer, newdata = patients, times = times, cause = cause, se = is_smooth,
            product.limit = survival == "product"
          )
          one <- ours[ours$cause == cause, ]
          expect_close(one$estimate, t(theirs$absRisk), 1e-8)
          # riskRegression's influence functions are those of the limit without ties and steps: the
          # jackknife below is met by ours to 1e-6, by theirs to a few per cent
          if (is_smooth) {
            expect_lt(max(abs(one$std.error / as.vector(t(theirs$absRisk.se)) - 1)), 0.05)
          }
        }
      }
    }
  }
})

test_that("standard errors are those of the infinitesimal jackknife", {
  small <- study[seq(1, 2982, 72), ]
  months <- transform(small, years = ceiling(years * 2) / 2)
  h <- 1e-4
  for (data in list(small, months)) {
    for (case in list(c("efron", "product"), c("breslow", "exp"))) {
      start <- rep(c(1, 2, 0.5), length.out = nrow(data))
      risk <- function(weights, se.fit = FALSE) {
        absolute_risk(fits_of(data, case[[1]], weights), patients, times, case[[2]], se.fit)
      }
      found <- risk(start, TRUE)
      squares <- 0
      for (i in seq_len(nrow(data))) {
        up <- down <- start
        up[i] <- up[i] * (1 + h)
        down[i] <- down[i] * (1 - h)
        squares <- squares + ((risk(up)$estimate - risk(down)$estimate) / (2 * h))^2
      }
      expect_close(found$std.error, sqrt(squares), 1e-5)
    }
  }
})

test_that("without covariates it is the Aalen-Johansen estimate with its standard error", {
  by <- fit_cif(Surv(years, first) ~ meno, study)
  wanted <- summary(by, times = times)
  fits <- list(
    relapse = fit_cox(Surv(years, relapse) ~ strata(meno), study, ties = "breslow"),
    death = fit_cox(Surv(years, dies) ~ strata(meno), study, ties = "breslow")
  )
  found <- absolute_risk(fits, data.frame(meno = 0:1), times)
  for (cause in c("relapse", "death")) {
    one <- found[found$cause == cause, ]
    column <- match(cause, by$states)
    expect_close(one$estimate, wanted$pstate[, column], 1e-12)
    expect_close(one$std.error, wanted$std.err[, column], 1e-10)
  }
  # late entry, and rows of one subject that follow each other
  late <- transform(study, entry = pmin(years / 2, (seq_len(nrow(study)) %% 5) / 2))
  by <- fit_cif(Surv(entry, years, first) ~ 1, late, id = pid)
  fits <- list(
    relapse = fit_cox(Surv(entry, years, relapse) ~ 1, late, ties = "breslow"),
    death = fit_cox(Surv(entry, years, dies) ~ 1, late, ties = "breslow")
  )
  found <- absolute_risk(fits, data.frame(one = 1), times)
  wanted <- summary(by, times = times)
  expect_close(found$estimate, wanted$pstate[, 2:3], 1e-12)
  expect_close(found$std.error, wanted$std.err[, 2:3], 1e-10)
  found <- absolute_risk(
    list(relapse = fit_cox(Surv(years, relapse) ~ age, study, cluster = year),
         death = fit_cox(Surv(years, dies) ~ age, study, cluster = year)),
    patients, times
  )
  alone <- absolute_risk(
    list(relapse = fit_cox(Surv(years, relapse) ~ age, study),
         death = fit_cox(Surv(years, dies) ~ age, study)), patients, times
  )
  expect_close(found$estimate, alone$estimate, 1e-12)
  expect_gt(max(abs(found$std.error / alone$std.error - 1)), 0.05)
})

test_that("parametric hazards give the integral, with standard errors of the delta method", {
  fits <- list(
    relapse = fit_ttp(Surv(years, relapse) ~ age + nodes, study),
    death = fit_ttp(Surv(years, dies) ~ age, study)
  )
  # Weibull on the scale of time: H = (t exp(-mu - eta))^shape
  cumhaz <- function(coef, who, t) {
    effects <- intersect(names(coef), names(who))
    eta <- sum(coef[effects] * unlist(who[effects]))
    (t * exp(-coef[["mu"]] - eta))^exp(coef[["log(shape)"]])
  }
  risk <- function(relapse, death, who, t, cause) {
    pair <- list(relapse, death)
    shape <- exp(pair[[cause]][["log(shape)"]])
    # in u = t^(1/4), where the hazard is smooth
    density <- function(u) {
      t <- u^4
      4 * shape * cumhaz(pair[[cause]], who, t) / u *
        exp(-cumhaz(relapse, who, t) - cumhaz(death, who, t))
    }
    stats::integrate(density, 0, t^(1 / 4), rel.tol = 1e-12)$value
  }
  a <- coef(fits$relapse)
  b <- coef(fits$death)
  found <- absolute_risk(fits, patients, times)
  who <- patients[2, ]
  for (cause in 1:2) {
    one <- found[found$.row == 2 & found$cause == names(fits)[cause], ]
    expect_close(one$estimate, vapply(times, function(t) risk(a, b, who, t, cause), 0), 1e-8)
    slope <- function(fit, k, t) {
      at <- function(h) {
        moved <- function(coef) coef + replace(numeric(length(coef)), k, h)
        is_first <- identical(fit, fits$relapse)
        risk(if (is_first) moved(a) else a, if (is_first) b else moved(b), who, t, cause)
      }
      (at(1e-5) - at(-1e-5)) / 2e-5
    }
    se <- vapply(times, function(t) {
      sqrt(sum(vapply(fits, function(fit) {
        g <- vapply(seq_along(coef(fit)), function(k) slope(fit, k, t), 0)
        drop(g %*% vcov(fit) %*% g)
      }, 0)))
    }, 0)
    expect_close(one$std.error, se, 1e-3)
  }
  # mixed with a Cox model: near the parametric answer
  mixed <- absolute_risk(
    list(relapse = fits$relapse, death = fit_cox(Surv(years, dies) ~ age, study)), patients, times
  )
  expect_lt(max(abs(mixed$estimate - found$estimate)), 0.04)
  expect_true(all(mixed$std.error > 0 & mixed$std.error < 0.06))
})

test_that("risks and survival add up, and risks that are not known are NA", {
  fits <- fits_of(study)
  found <- absolute_risk(fits, patients, c(0, times, 40))
  expect_true(all(found$estimate[found$time == 0] == 0))
  expect_true(all(is.na(found$estimate[found$time == 40])))
  expect_true(all(is.na(found$std.error[found$time == 40])))
  inside <- found[found$time > 0 & found$time < 40, ]
  expect_true(all(inside$conf.low < inside$estimate & inside$estimate < inside$conf.high))
  expect_identical(names(absolute_risk(fits, patients, 2, se.fit = FALSE)), c(
    ".row", "cause", "time", "estimate"
  ))
  holes <- patients
  holes$age[2] <- NA
  some <- absolute_risk(fits, holes, 2)
  expect_identical(is.na(some$estimate), some$.row == 2)
  # with the order of rows and patients nothing changes
  moved <- absolute_risk(fits_of(study[2982:1, ]), patients[3:1, ], times)
  expect_close(
    moved$std.error[moved$.row == 1], absolute_risk(fits, patients, times)$std.error[17:24], 1e-10
  )
})

test_that("tidy(), print() and plot() show it", {
  found <- absolute_risk(fits_of(study), patients, times)
  table <- tidy(found)
  expect_s3_class(table, "tbl_df")
  expect_identical(table$age[table$.row == 2], rep(75, 8))
  expect_output(print(found), "relapse")
  skip_if_not_installed("ggplot2")
  drawn <- plot(found)
  expect_s3_class(drawn, "ggplot")
  expect_identical(levels(drawn$data$patient)[[1]], "age 45, nodes 3, meno 0")
  expect_error(plot(found, labels = "a"), "labels", class = "survresist_error_input")
})

test_that("bad input is named", {
  fits <- fits_of(study)
  wrong <- "survresist_error_input"
  expect_error(absolute_risk(fits[[1]], patients, 1), "list", class = wrong)
  expect_error(absolute_risk(fits[1], patients, 1), "two or more", class = wrong)
  expect_error(absolute_risk(unname(fits), patients, 1), "name", class = wrong)
  expect_error(absolute_risk(fits, patients[0, ], 1), "0 rows", class = wrong)
  expect_error(absolute_risk(fits, patients, NA), "times", class = wrong)
  expect_error(absolute_risk(fits, patients["age"], 1), "meno", class = wrong)
  expect_error(absolute_risk(fits, transform(patients, meno = 9), 1), "strata", class = wrong)
  both <- list(a = fits[[1]], b = fit_cox(Surv(years, death) ~ age, study))
  expect_error(absolute_risk(both, patients, 1), "one cause only", class = wrong)
  exact <- list(a = fits[[1]], b = fit_cox(Surv(years, dies) ~ age, study[1:200, ], ties = "exact"))
  expect_error(absolute_risk(exact, patients, 1), "exact", class = "survresist_error_unsupported")
  none <- suppressWarnings(fit_cox(Surv(years, dies & age > 200) ~ 1, study))
  expect_error(absolute_risk(list(a = fits[[1]], b = none), patients, 1), "no event", class = wrong)
  other <- list(a = fits[[1]], b = stats::lm(years ~ age, study))
  expect_error(absolute_risk(other, patients, 1), "lm", class = "survresist_error_unsupported")
})

test_that("fits with one call, and hazards that were estimated together, keep their covariance", {
  d <- transform(survival::rotterdam, state = ifelse(recur == 1, "relapse", ifelse(death, "d", "")))
  looped <- lapply(c(relapse = "relapse", death = "d"), function(kind) {
    fit_ttp(Surv(rtime / 365.25, state == kind) ~ nodes, d)
  })
  written <- list(
    relapse = fit_ttp(Surv(rtime / 365.25, state == "relapse") ~ nodes, d),
    death = fit_ttp(Surv(rtime / 365.25, state == "d") ~ nodes, d)
  )
  new <- data.frame(nodes = c(0, 5))
  expect_identical(looped$relapse$call, looped$death$call)
  expect_close(
    absolute_risk(looped, new, c(2, 8))$std.error, absolute_risk(written, new, c(2, 8))$std.error,
    1e-12
  )

  d <- scanned_patients(300)
  fit <- fit_ttp(
    Surv(left, right, type = "interval2") ~ arm, d, death = Surv(os_time, os_status),
    scale = "hazard"
  )
  risk <- absolute_risk(
    list(progression = fit, death = fit$death$hazards$before), data.frame(arm = 1), c(12, 36)
  )
  coef <- unname(fit$death$coefficients)
  by_hand <- function(coef, time) {
    h01 <- oracle_weibull(coef[2], coef[3], coef[1])
    h02 <- oracle_weibull(coef[5], coef[6], coef[4])
    integrate(
      function(u) h01$h(u, 1L) * exp(-h01$H(u, 1L) - h02$H(u, 1L)), 0, time, rel.tol = 1e-11
    )$value
  }
  for (time in c(12, 36)) {
    one <- risk[risk$cause == "progression" & risk$time == time, ]
    expect_close(one$estimate, by_hand(coef, time), 1e-8)
    step <- 1e-5
    slope <- vapply(seq_along(coef), function(j) {
      move <- replace(numeric(9), j, step)
      (by_hand(coef + move, time) - by_hand(coef - move, time)) / (2 * step)
    }, 0)
    # errors are of the steps of the integral, of which the estimate is freed
    expect_close(one$std.error, sqrt(drop(slope %*% fit$death$var %*% slope)), 1e-3)
  }
})

# The ten studies that come with survival: the fit and all that follows it, to 1e-8 of coxph's with
# both converged tightly, to 1e-6 with the default control.

studies <- list(
  lung = Surv(time, status) ~ age + sex + ph.ecog + wt.loss + strata(inst),
  veteran = Surv(time, status) ~ karno + celltype + trt + prior + age,
  ovarian = Surv(futime, fustat) ~ age + resid.ds + rx,
  colon = Surv(time, status) ~ rx + age + nodes + extent + strata(etype),
  rotterdam = Surv(dtime, death) ~ age + meno + size + nodes + pgr + er + hormon + strata(grade),
  gbsg = Surv(rfstime, status) ~ age + meno + size + nodes + pgr + er + hormon + strata(grade),
  heart = Surv(start, stop, event) ~ age + year + surgery + transplant,
  cgd = Surv(tstart, tstop, status) ~ treat + sex + age + inherit + steroids + strata(hos.cat),
  bladder2 = Surv(start, stop, event) ~ rx + number + size + strata(enum),
  pbcseq = Surv(tstart, tstop, death) ~ log(bili) + albumin + protime + age + edema
)

study_pair <- function(name, ties, control) {
  data <- follow_data()[[name]]
  formula <- studies[[name]]
  environment(formula) <- environment()
  list(
    ours = fit_cox(formula, data, ties = ties, control = control),
    theirs = survival::coxph(formula, data, ties = ties, control = control),
    some = stats::na.omit(data[all.vars(formula)])[c(1, 20), ]
  )
}

test_that("ten real studies: the fit", {
  for (ties in c("efron", "breslow")) {
    for (control in list(list(tight, 1e-8), list(survival::coxph.control(), 1e-6))) {
      pairs <- lapply(names(studies), study_pair, ties, control[[1]])
      gaps <- lapply(pairs, function(pair) gaps_of_fit(pair$ours, pair$theirs))
      expect_gaps_below(gaps, seq_along(studies), control[[2]])
    }
  }
})

test_that("ten real studies: residuals, curves, predictions, proportional hazards", {
  parts <- c("n", "time", "n.risk", "n.event", "n.censor", "surv", "cumhaz", "std.err", "lower")
  for (ties in c("efron", "breslow")) {
    gaps <- lapply(names(studies), function(name) {
      pair <- study_pair(name, ties, tight)
      fits <- pair[c("ours", "theirs")]
      plain <- lapply(fits, survival::survfit)
      new <- lapply(fits, survival::survfit, newdata = pair$some)
      transform <- c(efron = "km", breslow = "rank")[[ties]]
      c(
        gaps_of_residuals(pair$ours, pair$theirs, FALSE),
        gaps_of_predictions(pair$ours, pair$theirs),
        gaps_of_lists(plain$ours, plain$theirs, parts, "survfit"),
        gaps_of_lists(new$ours, new$theirs, parts, "survfit(newdata)"),
        gaps_of_lists(
          zph(pair$ours, transform), survival::cox.zph(pair$theirs, transform),
          c("table", "x", "time", "y", "var"), "zph"
        )
      )
    })
    expect_gaps_below(gaps, seq_along(studies), 1e-8)
  }
})

# Fits by fit_cox() and by coxph() to compare what follows them: list(ours, theirs, data) by name.
# Both converge tightly, so that agreement to 1e-8 is a matter of the methods alone.
follow_calls <- function() {
  list(
    lung = quote(fit(Surv(time, status) ~ age + sex + ph.ecog, lung, control = tight)),
    one = quote(fit(Surv(time, status) ~ age, lung, control = tight, na.action = na.exclude)),
    weighted = quote(fit(
      Surv(time, status) ~ age + factor(ph.ecog) + strata(sex), lung, weights = wt.loss + 30,
      control = tight, na.action = na.exclude
    )),
    rotterdam = quote(fit(
      Surv(rtime, recur) ~ age + strata(hormon) + nodes + pgr + offset(er / 1000), rotterdam,
      weights = w, control = tight
    )),
    gbsg = quote(fit(
      Surv(rfstime, status) ~ age + nodes + hormon, gbsg, ties = "breslow", control = tight
    )),
    colon = quote(fit(
      Surv(time, status) ~ rx + nodes + strata(etype), colon, cluster = id, control = tight
    )),
    veteran = quote(fit(Surv(time, status) ~ karno * celltype + trt, veteran, control = tight)),
    ovarian = quote(fit(Surv(futime, fustat) ~ age + rx, ovarian, control = tight, x = TRUE)),
    heart = quote(fit(Surv(start, stop, event) ~ age + year + surgery, heart, control = tight)),
    heart_strata = quote(fit(
      Surv(start, stop, event) ~ age * surgery + strata(transplant), heart, ties = "breslow",
      control = tight
    )),
    cgd = quote(fit(
      Surv(tstart, tstop, status) ~ treat + age + strata(hos.cat), cgd, control = tight,
      cluster = id
    )),
    bladder = quote(fit(
      Surv(start, stop, event) ~ rx + number + size + strata(enum), bladder2, cluster = id,
      control = tight
    )),
    pbcseq = quote(fit(
      Surv(tstart, tstop, death) ~ log(bili) + albumin + trt, pbcseq, control = tight
    )),
    crossed = quote(fit(Surv(time, status) ~ age * strata(sex) + ph.ecog, lung, control = tight)),
    two_strata = quote(fit(
      Surv(time, status) ~ age + strata(sex) + strata(ph.ecog), lung, control = tight
    )),
    basis = quote(fit(
      Surv(time, status) ~ splines::ns(age, 3) + strata(sex) + ph.karno, lung, control = tight,
      model = TRUE
    )),
    null = quote(fit(Surv(time, status) ~ 1, lung, control = tight))
  )
}

follow_data <- function() {
  data <- list(
    lung = survival::lung, veteran = survival::veteran, ovarian = survival::ovarian,
    heart = survival::heart, cgd = survival::cgd, bladder2 = survival::bladder2,
    gbsg = survival::gbsg, colon = survival::colon, rotterdam = survival::rotterdam
  )
  data$rotterdam$w <- 0.5 + (seq_len(nrow(data$rotterdam)) * 7919) %% 101 / 67
  by_patient <- lapply(split(survival::pbcseq, survival::pbcseq$id), function(visits) {
    last <- nrow(visits)
    visits$tstart <- visits$day
    visits$tstop <- c(visits$day[-1], visits$futime[1])
    visits$death <- c(rep(0, last - 1), as.numeric(visits$status[1] == 2))
    visits[visits$tstop > visits$tstart, ]
  })
  data$pbcseq <- do.call(rbind, by_patient)
  data
}

follow_cache <- new.env(parent = emptyenv())

follow_fits <- function(which = names(follow_calls())) {
  if (is.null(follow_cache$fits)) {
    env <- list2env(follow_data(), parent = list2env(
      list(tight = tight, Surv = survival::Surv, strata = survival::strata),
      parent = globalenv()
    ))
    follow_cache$fits <- lapply(follow_calls(), function(call) {
      data <- get(as.character(call[[3L]]), envir = env)
      env$fit <- survival::coxph
      theirs <- suppressWarnings(eval(call, env))
      env$fit <- fit_cox
      list(ours = suppressWarnings(eval(call, env)), theirs = theirs, data = data)
    })
  }
  follow_cache$fits[which]
}

# Same numbers to `tol` of the largest, same names, dims and other attributes, part by part; one
# expectation for the whole. NULL when all is the same, else what is not.
find_difference <- function(ours, theirs, label, tol, skip) {
  if (is.list(theirs)) {
    if (!identical(names(ours), names(theirs))) return(paste(label, "has other components"))
    for (part in setdiff(names(theirs), skip)) {
      found <- find_difference(ours[[part]], theirs[[part]], paste0(label, "$", part), tol, skip)
      if (!is.null(found)) return(found)
    }
    return(NULL)
  }
  if (!is.numeric(theirs)) return(if (!identical(ours, theirs)) paste(label, "differs"))
  a <- as.numeric(ours)
  b <- as.numeric(theirs)
  if (length(a) != length(b)) return(paste(label, "has another length"))
  seen <- is.finite(a) & is.finite(b)
  if (!identical(is.na(a), is.na(b)) || any(a[!seen] != b[!seen], na.rm = TRUE)) {
    return(paste(label, "has other missing or infinite values"))
  }
  gap <- max(abs(a - b)[seen], 0)
  if (gap > tol * max(abs(b[seen]), .Machine$double.xmin)) {
    return(sprintf("%s differs by %.3g", label, gap))
  }
  is_same <- identical(attributes(ours), attributes(theirs)) ||
    isTRUE(all.equal(attributes(ours), attributes(theirs), tolerance = tol))
  if (!is_same) paste(label, "has other attributes")
}

expect_same_result <- function(ours, theirs, label, tol = 1e-8, skip = "call") {
  found <- find_difference(ours, theirs, label, tol, skip)
  testthat::expect(is.null(found), found)
  invisible(ours)
}

# Score residuals by their definition: every risk set summed afresh, no subtraction anywhere.
oracle_scores <- function(x, y, risk, weights = rep(1, nrow(y)), is_efron = TRUE) {
  k <- ncol(y)
  start <- if (k == 3) y[, 1] else rep(-Inf, nrow(y))
  stop <- y[, k - 1]
  event <- y[, k] == 1
  out <- x * 0
  for (time in unique(stop[event])) {
    at_risk <- start < time & stop >= time
    dead <- event & stop == time
    m <- sum(dead)
    for (f in if (is_efron) (seq_len(m) - 1) / m else rep(0, m)) {
      share <- weights * risk * (at_risk - f * dead)
      mean <- colSums(share * x) / sum(share)
      about <- sweep(x, 2, mean)
      hazard <- sum(weights[dead]) / m / sum(share)
      out <- out + dead / m * about - risk * (at_risk - f * dead) * hazard * about
    }
  }
  out
}

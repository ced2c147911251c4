# A SIMULATED trial. No patient stands behind any row of it.
#
#   Rscript data-raw/rank_cohort.R      from the root of the package; writes data/rank_cohort.rda
#
# What is put in, so that an analysis can be judged by what it finds:
#   z            latent RANK of the tumour, standard normal, higher where ER is lower
#   intrinsic    logit P = a + z in the control arm, a + z - 0.8 max(z, 0) with the RANK-ligand
#                inhibitor: it helps where RANK is high; a makes the mean share 20 %
#   progression  Weibull. Intrinsic: shape 1.4, scale 2.6 months. All others: shape 1.5, scale 19
#                months, hazard times exp(0.5 z) in the control arm, exp(0.5 z - 0.6 max(z, 0)) in
#                the other; more sites and visceral disease shorten both
#   death        constant hazard 0.004 a month before progression, 0.045 after it, times
#                exp(0.02 (age - 60))
#   scans        every 56 days, up to 5 days early or late, 4 % missed
#   biopsies     RANK rises by 0.5 (week 24) and 0.9 (progression) of a standard deviation in the
#                control arm, by -0.1 and 0.3 in the other

simulate_rank_cohort <- function(n = 600L, seed = 18121997L) {
  RNGkind("Mersenne-Twister", "Inversion", "Rejection")
  set.seed(seed)
  day <- 1 / 30.4375
  arm <- sample(rep(0:1, length.out = n))

  # the patient and the tumour at baseline
  age <- round(pmin(pmax(stats::rnorm(n, 61, 11), 29), 88))
  er <- round(100 * stats::rbeta(n, 5, 1.3))
  z <- as.numeric(scale(stats::rnorm(n) - 0.02 * (er - 80)))
  sites <- 1L + stats::rpois(n, 1.1)
  visceral <- stats::runif(n) < stats::plogis(-1.1 + 0.6 * sites)
  h_of <- function(latent) {
    mean_stain <- stats::plogis(-0.6 + 0.9 * latent + stats::rnorm(n, 0, 0.25))
    h <- round(300 * pmax(mean_stain * 1.15 - 0.15, 0))
    pmin(h, 300)
  }
  rank_rna <- 3.2 + 1.1 * z + stats::rnorm(n, 0, 0.5)
  rank_rna[stats::runif(n) < 0.07] <- NA
  rank_h <- h_of(z)

  # who is resistant from the start, and when the tumour grows
  helped <- arm * pmax(z, 0)
  share <- function(a) mean(stats::plogis(a + z - 0.8 * helped)) - 0.2
  a <- stats::uniroot(share, c(-6, 3), tol = 1e-10)$root
  intrinsic <- stats::runif(n) < stats::plogis(a + z - 0.8 * helped)
  risk <- 0.08 * (sites - 2) + 0.25 * visceral
  log_hazard <- risk + 0.5 * z - 0.6 * helped
  unit <- stats::rexp(n)
  growth <- ifelse(
    intrinsic, 2.6 * (unit / exp(risk))^(1 / 1.4), 19 * (unit / exp(log_hazard))^(1 / 1.5)
  )

  # death, by way of progression
  frailty <- exp(0.02 * (age - 60))
  early <- stats::rexp(n, 0.004 * frailty)
  late <- growth + stats::rexp(n, 0.045 * frailty)
  death_at <- ifelse(early < growth, early, late)

  # follow-up: two years of accrual, closed four years after the first patient; a few are lost
  follow <- pmin(stats::runif(n, 24, 48), stats::rexp(n, 0.004))
  end <- pmin(death_at, follow)

  # scans bracket the growth
  bracket <- vapply(seq_len(n), function(i) {
    planned <- 56 * seq_len(30L) + sample(-5:5, 30L, replace = TRUE)
    done <- planned[stats::runif(30L) > 0.04]
    done <- done[done <= end[i] / day]
    shows <- done[done * day >= growth[i]]
    clean <- done[done * day < growth[i]]
    first <- if (length(shows)) shows[1L] else NA
    c(max(clean, 0), first, length(clean) + (length(shows) > 0L))
  }, numeric(3L))
  scan_clean <- bracket[1L, ]
  scan_progression <- bracket[2L, ]
  progressed <- !is.na(scan_progression)

  # days are whole; everything that users see is in months
  death <- death_at <= follow
  end_day <- pmax(ceiling(end / day), 1)
  end_day <- pmax(end_day, ifelse(progressed, scan_progression + 1, 0), scan_clean + death)
  progression_day <- ifelse(progressed, scan_progression, pmax(scan_clean, 1))
  pfs_event <- progressed | death
  pfs_day <- ifelse(progressed, scan_progression, ifelse(death, end_day, pmax(scan_clean, 1)))

  # best response: what the scans before progression showed
  shrink <- stats::runif(n)
  first_is_worse <- progressed & scan_clean == 0
  response <- ifelse(
    bracket[3L, ] == 0, "NE", ifelse(
      first_is_worse, "PD", ifelse(
        intrinsic, "SD", ifelse(shrink < 0.06, "CR", ifelse(shrink < 0.52, "PR", "SD"))
      )
    )
  )

  # later biopsies
  rise_24 <- ifelse(arm == 1, -0.1, 0.5)
  rise_end <- ifelse(arm == 1, 0.3, 0.9)
  week_24 <- 168
  h_24 <- h_of(z + rise_24 + stats::rnorm(n, 0, 0.25))
  h_24[!(progression_day > week_24 & end_day > week_24 & stats::runif(n) < 0.6)] <- NA
  h_end <- h_of(z + rise_end + stats::rnorm(n, 0, 0.3))
  h_end[!(progressed & stats::runif(n) < 0.65)] <- NA
  cut <- stats::median(rank_h)

  cohort <- data.frame(
    id = sprintf("S%03d", seq_len(n)),
    arm = factor(arm, 0:1, c("control", "combination")),
    age = age, er = er, sites = sites,
    visceral = factor(visceral, c(FALSE, TRUE), c("no", "yes")),
    rank_rna = round(rank_rna, 3), rank_h = rank_h, rank_h_week24 = h_24,
    rank_h_progression = h_end,
    rank = survresist::rank_status(rank_h),
    rank_week24 = survresist::rank_status(h_24, "value", cut = cut),
    rank_progression = survresist::rank_status(h_end, "value", cut = cut),
    scans = as.integer(bracket[3L, ]), response = factor(response, c("CR", "PR", "SD", "PD", "NE")),
    scan_clean = scan_clean * day, scan_progression = scan_progression * day,
    progression_time = progression_day * day, progression = as.integer(progressed),
    pfs_time = pfs_day * day, pfs = as.integer(pfs_event),
    death_time = end_day * day, death = as.integer(death),
    intrinsic = intrinsic
  )
  labels <- c(
    id = "Patient (simulated)", arm = "Treatment arm", age = "Age (years)",
    er = "Estrogen receptor (% of cells)", sites = "Metastatic sites",
    visceral = "Visceral metastases", rank_rna = "RANK expression (log2 TPM)",
    rank_h = "RANK H-score at baseline", rank_h_week24 = "RANK H-score at week 24",
    rank_h_progression = "RANK H-score at progression", rank = "RANK at baseline",
    rank_week24 = "RANK at week 24", rank_progression = "RANK at progression",
    scans = "Scans up to progression", response = "Best response",
    scan_clean = "Last scan without progression (months)",
    scan_progression = "First scan with progression (months)",
    progression_time = "Time to progression (months)", progression = "Progression",
    pfs_time = "Progression-free survival (months)", pfs = "Progression or death",
    death_time = "Overall survival (months)", death = "Death",
    intrinsic = "Intrinsic resistance (simulated truth)"
  )
  for (name in names(cohort)) attr(cohort[[name]], "label") <- labels[[name]]
  attr(cohort, "simulated") <- "SIMULATED: no patient stands behind any row."
  cohort
}

if (!interactive() && sys.nframe() == 0L) {
  rank_cohort <- simulate_rank_cohort()
  save(rank_cohort, file = file.path("data", "rank_cohort.rda"), compress = "xz", version = 3)
}

#' A simulated trial: does a RANK-ligand inhibitor prevent or delay resistance?
#'
#' **SIMULATED**: no patient stands behind any row, and nothing in it is evidence about RANK or
#' about a drug. 600 patients with luminal breast cancer, randomised to endocrine therapy with a
#' CDK4/6 inhibitor (control), or the same with a RANK-ligand inhibitor (combination). The truth
#' that was put in is written in `data-raw/rank_cohort.R`: 20 % are resistant from the start,
#' most others progress within two years, high RANK makes both more likely, and the combination
#' takes most of that away. Tumours are scanned every eight weeks, so that progression is known
#' only to lie between two scans.
#'
#' @format A data frame with 600 rows and 24 columns, each with a `label` for plots. Times are in
#'   months (of 30.4375 days) since randomisation; days are whole.
#'   \describe{
#'     \item{id}{the simulated patient}
#'     \item{arm}{`control`: endocrine therapy + CDK4/6 inhibitor; `combination`: the same + a
#'       RANK-ligand inhibitor}
#'     \item{age}{years}
#'     \item{er}{estrogen receptor, percent of tumour cells that stain, 0 to 100}
#'     \item{sites}{metastatic sites, 1 or more}
#'     \item{visceral}{visceral metastases, `no` or `yes`}
#'     \item{rank_rna}{RANK (TNFRSF11A) expression of the tumour at baseline, log2 of transcripts
#'       per million; missing where there was too little tissue}
#'     \item{rank_h, rank_h_week24, rank_h_progression}{RANK H-score, 0 to 300, at baseline, at
#'       week 24, and at progression; missing where there was no biopsy, which later is often}
#'     \item{rank, rank_week24, rank_progression}{RANK status, `low` or `high`, [rank_status()]:
#'       above the median H-score at baseline, at all three times}
#'     \item{scans}{scans done up to and with the first that showed progression}
#'     \item{response}{best response: `CR`, `PR`, `SD`, `PD`, or `NE`, not evaluable}
#'     \item{scan_clean}{last scan without progression, months; 0 if there was none}
#'     \item{scan_progression}{first scan with progression, months; `NA` if there was none. The
#'       tumour progressed after `scan_clean` and not after `scan_progression`}
#'     \item{progression_time, progression}{time to progression by scan, months, and 1 if
#'       progression was seen; 0: censored at the last clean scan}
#'     \item{pfs_time, pfs}{progression-free survival, months, and 1 for progression or death}
#'     \item{death_time, death}{overall survival, months, and 1 for death}
#'     \item{intrinsic}{resistant from the start? Known only because this is simulated}
#'   }
#' @source Simulated by `data-raw/rank_cohort.R`, with its seed.
#' @examples
#' with(rank_cohort, table(rank, arm))
#' tapply(rank_cohort$intrinsic, rank_cohort[c("arm", "rank")], mean)
"rank_cohort"

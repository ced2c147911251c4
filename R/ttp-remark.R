# What a family has to say of an estimate of fit_ttp() (its `remark` and `border`, see
# R/ttp-families.R).

# What the family says of an estimate at the border of what a hazard can be; NULL: nothing.
ttp_border <- function(estimate) {
  family <- estimate$family
  if (is.null(family$border)) return(NULL)
  baseline <- asplit(baseline_of(estimate), 2L)
  unique(unlist(lapply(baseline, family$border, family = family)))
}

# What must be said of an estimate that is sound
ttp_remark <- function(estimate) {
  remark <- estimate$family$remark
  if (is.null(remark)) return(NULL)
  said <- unique(unlist(apply(baseline_of(estimate), 2L, remark)))
  if (length(said) > 0L) paste0("; ", said)
}

# Parameters of the family in C's unit, a stratum a column
baseline_of <- function(estimate) {
  layout <- estimate$layout
  at <- layout$p + seq_len(layout$n_stratum * layout$K)
  matrix(estimate$fit$coefficients[at], layout$K)
}

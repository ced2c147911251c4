# How often does the higher risk fail first? (src/model_concordance.c)

# What coxph keeps in `$concordance`: counts summed over strata, concordance, its standard error.
# y is a double matrix as in cox_data(), stratum 0-based or NULL, cluster any vector or NULL.
cox_concordance <- function(y, lp, stratum = NULL, weights = NULL, cluster = NULL) {
  if (anyNA(lp)) {
    return(concordance_vector(rep(NA_real_, 5L), NA_real_, NA_real_))
  }
  found <- count_concordance(y, lp, stratum, weights, cluster)
  concordance_vector(colSums(found$count), found$concordance, sqrt(found$var))
}

concordance_vector <- function(count, concordance, std) {
  names(count) <- concordance_names
  c(count, concordance = concordance, std = std)
}

concordance_names <- c("concordant", "discordant", "tied.x", "tied.y", "tied.xy")

# list(count [strata x 5], concordance, var, cvar, dfbeta [n] or NULL, influence [n x 5] or NULL)
count_concordance <- function(y, lp, stratum, weights, cluster, wants = 0L) {
  if (!is.null(cluster)) cluster <- cluster_codes(cluster)
  if (!is.null(weights)) weights <- as.double(weights)
  .Call(C_concordance, cox_data(NULL, y, stratum, weights), as.double(lp), cluster, wants)
}

# Clusters numbered from 0
cluster_codes <- function(cluster) {
  match(cluster, unique(cluster)) - 1L
}

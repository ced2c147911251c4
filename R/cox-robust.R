# Score residuals and the robust variance, at the level of the C bundle (R/cox-data.R). Derivation:
# src/model_cox_resid.h.

# n x p score residuals at the linear predictor `lp` (double n; NULL for 0), without names.
cox_score_residuals <- function(data, lp, ties, weighted = FALSE) {
  .Call(C_cox_scores, data, lp, ties == "efron", weighted)
}

# The variance that is robust to dependence within clusters, and the robust score test.
#   lp    linear predictor at the estimate;  lp0  where the score test is taken, NULL for 0
#   var   inverse information;  cluster  integer codes 1..m, or NULL when each row stands alone
# Returns list(var, rscore).
cox_robust <- function(data, lp, lp0 = NULL, var, ties, cluster = NULL,
                       toler.chol = .Machine$double.eps^0.75) {
  n_cluster <- 0L
  if (!is.null(cluster)) {
    cluster <- as.integer(cluster) - 1L
    n_cluster <- max(cluster) + 1L
  }
  storage.mode(var) <- "double"
  .Call(C_cox_robust, data, lp, lp0, var, ties == "efron", cluster, n_cluster, toler.chol)
}

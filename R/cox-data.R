# The bundle that every C routine of the Cox model takes first (src/r_data.h):
#   x        double matrix n x p, a list of p double vectors, or NULL
#   y        double matrix (stop, event) or (start, stop, event)
#   stratum  integer, 0-based, or NULL
#   weights, offset  double, or NULL
cox_data <- function(x, y, stratum = NULL, weights = NULL, offset = NULL) {
  list(x, y, stratum, weights, offset)
}

# One Newton fit in C (src/model_cox.c). `control` is a list as coxph.control() gives.
# Returns coefficients, var, score (gradient), means, loglik, score_test, iter, rank, halving,
# converged, linear.predictors, residuals (no names on any of them), times (NULL, or what merging
# moved: list(start, stop), each list(row, value), start NULL for right-censored data), n_merged,
# n_distinct. Aliased columns have coefficient 0 and var 0.
cox_newton <- function(data, ties, init, control, is_centred, tolerance = 0) {
  .Call(
    C_cox_fit, data, ties == "efron", init, as.integer(control$iter.max), control$eps,
    control$toler.chol, is_centred, tolerance
  )
}

# The response as a plain matrix of doubles
event_matrix <- function(y) {
  y <- unclass(y)
  if (!is.double(y)) storage.mode(y) <- "double"
  dimnames(y) <- NULL # a row's name is a string that indexing would have to make
  y
}

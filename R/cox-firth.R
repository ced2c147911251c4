# Firth's penalised likelihood (src/model_cox_firth.c): arguments and result as cox_newton()'s.
# `fixed`: coefficients that stay at `init`, or NULL. loglik is penalised, at `init` and at the
# estimate: l + log det I / 2, I the information about the coefficients in the units of x. score is
# the gradient of that, for the fixed coefficients too; score_test is made with the penalised score.
cox_firth <- function(data, ties, init, control, is_centred, fixed = NULL, tolerance = 0) {
  .Call(
    C_cox_firth, data, ties == "efron", init, as.integer(control$iter.max), control$eps,
    control$toler.chol, is_centred, tolerance, fixed
  )
}

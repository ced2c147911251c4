# The exact partial likelihood (src/model_cox_exact.c): arguments and result as cox_newton()'s.
# Case weights have no meaning here, as a subject is either one of those who died or is not.
cox_exact <- function(data, init, control, is_centred, tolerance = 0) {
  if (!is.null(data[[4]]) && any(data[[4]] != 1)) {
    stop_unsupported(c(
      "Case weights are not defined for `ties = \"exact\"`.",
      "x" = paste0(
        "`weights` differs from 1 in ", format_rows(which(data[[4]] != 1)), "."
      ),
      "i" = "Leave the weights out, or use `ties = \"efron\"`."
    ), arg = "weights")
  }
  .Call(
    C_cox_exact, data, init, as.integer(control$iter.max), control$eps, control$toler.chol,
    is_centred, tolerance
  )
}

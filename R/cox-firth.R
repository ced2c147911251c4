cox_firth <- function(data, ties, init, control, is_centred, fixed = NULL, tolerance = 0) {
  .Call(
    C_cox_firth, data, ties == "efron", init, as.integer(control$iter.max), control$eps,
    control$toler.chol, is_centred, tolerance, fixed
  )
}

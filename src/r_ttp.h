/* r_ttp.h -- the data of a parametric likelihood, from R (the bundle of r_ttp.c) */
#ifndef SR_R_TTP_H
#define SR_R_TTP_H
#include "model_ttp.h"
#include <R.h>
#include <Rinternals.h>

/* Checks types and lengths; raises an R error on a mismatch (a defect of the R layer). */
void sr_ttp_from_r(SEXP bundle, SEXP hazard, sr_ttp_data *out);
#endif

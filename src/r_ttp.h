/* r_ttp.h -- the data of a parametric likelihood, from R (the bundle of r_ttp.c) */
#ifndef SR_R_TTP_H
#define SR_R_TTP_H
#include "model_ttp.h"
#include <R.h>
#include <Rinternals.h>

/* Checks types and lengths; raises an R error on a mismatch (a defect of the R layer). */
void sr_ttp_from_r(SEXP bundle, SEXP hazard, sr_ttp_data *out);

/* A new matrix, or vector, of doubles at a place of the list */
double *sr_put_matrix(SEXP list, int place, size_t n_row, size_t n_column);
double *sr_put_vector(SEXP list, int place, size_t n);
#endif

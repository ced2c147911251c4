/* r_data.h -- from R's vectors to the structs of the kernels, and back to R's conditions
 *
 * Every routine takes the same bundle first, built by `cox_data()` in R/cox-data.R:
 *   list(x, y, stratum, weights, offset)
 *   x        double matrix n x p, or a list of p double vectors of length n, or NULL
 *   y        double matrix n x 2 (stop, event) or n x 3 (start, stop, event)
 *   stratum  integer n, 0-based, or NULL;  number of strata = max + 1
 *   weights, offset  double n, or NULL
 */
#ifndef SR_R_DATA_H
#define SR_R_DATA_H
#include "model_cox.h"
#include <R.h>
#include <Rinternals.h>

/* Checks types and lengths; raises an R error on a mismatch (a defect of the R layer). */
void sr_data_from_r(SEXP bundle, sr_cox_data *out);

/* n doubles, or NULL for R's NULL; anything else raises an R error that names `what`. */
const double *sr_doubles_or_null(SEXP value, size_t n, const char *what);
/* n doubles; NULL is an error too, unless n is 0. */
const double *sr_doubles(SEXP value, size_t n, const char *what);
/* n integers, or NULL */
const int *sr_integers_or_null(SEXP value, size_t n, const char *what);

/* A matrix, a list of columns or NULL (no column), each of n doubles, as columns */
void sr_columns_from_r(SEXP x, R_xlen_t n, sr_columns *out);
/* n integers from 0, or NULL; returns how many strata there are, 1 for NULL */
int sr_strata_from_r(SEXP stratum, R_xlen_t n, const int **out);

/* A context with threads and R's interrupt; free it with sr_context_close. */
void sr_context_open(sr_context *ctx);

/* Frees the context; if status is not SR_OK raises it: SR_ERR_INTERRUPT as a user interrupt, the
 * rest as an R error of class survresist_error_<status>. */
void sr_context_close(sr_context *ctx, sr_status status);

/* A named list: names from a NULL-terminated array, values to be filled by SET_VECTOR_ELT. */
SEXP sr_named_list(const char *const *names);
/* A new matrix, or vector, of doubles at a place of the list */
double *sr_put_matrix(SEXP list, int place, size_t n_row, size_t n_column);
double *sr_put_vector(SEXP list, int place, size_t n);
#endif

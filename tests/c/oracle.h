/* oracle.h -- the Cox partial likelihood as it is defined, slow and plain, and designs to try it on
 *
 * Every risk set is listed, every sum taken anew, in long double, on the covariates as they are.
 * Nothing is shared with src/ but the structs of the data. O(n^2 p^2).
 */
#ifndef ORACLE_H
#define ORACLE_H
#include "check.h"
#include "model_cox.h"

enum { MOST_P = 8 };

typedef struct {
    long double loglik;
    long double score[MOST_P];
    long double info[MOST_P * MOST_P]; /* element (j, k) at [j * p + k] */
    double
        *hazard; /* [n] cumulative hazard that each row meets, for eta as it is; NULL: not wanted */
} oracle_result;

/* Log-likelihood, score, information and hazards at beta[p]. */
void oracle_cox(const sr_cox_data *data, int is_efron, const double *beta, oracle_result *out);
/* eta of row i, not centred */
long double oracle_eta(const sr_cox_data *data, const double *beta, size_t i);
/* Solve info s = score by elimination, for a positive definite information. */
void oracle_solve(size_t p, const long double *info, const long double *score, long double *s);

/* What a fit is told that is compared with the oracle: centre all columns, go on until nothing
 * moves. */
extern const int all_centred[MOST_P];
sr_cox_control tight_control(int is_efron);

/* A data set with room of its own. */
typedef struct {
    size_t n, p;
    int n_stratum;
    double n_day; /* times are whole numbers up to about this; 0: continuous */
    int has_start, has_weight, has_offset;
    double risk_sd; /* of the true linear predictor */
    uint64_t seed;
} design_spec;
typedef struct {
    sr_cox_data data;
    sr_arena arena;
    double *start, *stop, *event, *weight, *offset, **x;
    int *stratum;
    double truth[MOST_P];
} design;
void design_make(const design_spec *spec, design *out);
/* The same data with its rows in another order: row i of out is row order[i] of from. */
void design_reorder(const design *from, const size_t *order, design *out);
void design_free(design *d);

#endif

/* model_illness_pass.h -- one evaluation of the likelihood of model_illness.h, and a row of it
 *
 * A thread has a room of scratch and one row in hand: sr_illness_begin_row() opens it, terms join
 * its sum of exponentials, sr_illness_end_row() adds it to the sums of its chunk of rows.
 */
#ifndef SR_MODEL_ILLNESS_PASS_H
#define SR_MODEL_ILLNESS_PASS_H
#include "core_quad.h"
#include "model_illness.h"

enum { SR_ILLNESS_LEVELS = 8 };

/* Derivatives of a sum of terms of one row: slope [n_z], and minus the second, own [pairs] */
typedef struct {
    double *slope, *own;
} sr_illness_term;

/* Sums over a chunk of rows; gradient [P], info [P x P], its lower triangle */
typedef struct {
    double f, *gradient, *info;
} sr_illness_chunk;

/* Scratch of one thread, and the chunk that it works on */
typedef struct {
    sr_illness_chunk *sum;
    double *eta[SR_N_PATH], *theta[SR_N_PATH]; /* of the rows of a block */
    const double **column[SR_N_PATH];          /* x, then the further ones, of a block */
    double *load[SR_N_PATH];
    sr_jet end_cum[SR_N_PATH], end_haz[SR_N_PATH];  /* at C, by row of the block */
    sr_jet entry[2];                                /* at E: log H01, log H02 */
    sr_jet cum[SR_N_PATH], haz;                     /* at the nodes; haz of 01 */
    double *x, *log_weight, *node_eta, *node_theta; /* of the nodes */
    size_t *node_row, n_node;
    double *work;
    sr_illness_term node, row; /* of the node in hand; of the row so far */
    double value;              /* of the row so far */
    size_t open;               /* the row in hand, by its place in the block */
    size_t *place, *slot;
    double *entering; /* coefficients of a row: place, slot of z, factor */
} sr_illness_room;

typedef struct {
    const sr_illness_data *data;
    const double *coef[SR_N_PATH];
    size_t n, P, n_z, n_chunk, n_room;
    size_t slot[SR_N_PATH], base[SR_N_PATH]; /* where each path begins in z, in the coefficients */
    int order;
    double *value, *score; /* by row, or NULL */
    sr_quad_rule between[SR_ILLNESS_LEVELS], from_zero[SR_ILLNESS_LEVELS];
    sr_illness_chunk *chunks;
    sr_illness_room *rooms;
} sr_illness_pass;

/* Derivatives of a term: none yet */
void sr_illness_clear(const sr_illness_pass *s, const sr_illness_term *t);
/* + by H, H = e^c with c in row j of the jet of path k; returns by H. */
double sr_illness_add_cum(const sr_illness_pass *s, const sr_illness_term *t, size_t k,
                          const sr_jet *cum, size_t j, double by);
/* + v, in row j of the jet of path k; returns it. */
double sr_illness_add_log_hazard(const sr_illness_pass *s, const sr_illness_term *t, size_t k,
                                 const sr_jet *haz, size_t j);
/* The node in hand, e^value, joins the sum of the row. */
void sr_illness_join(const sr_illness_pass *s, sr_illness_room *r, double value);

/* Row i of the block that starts at `from`: the path without progression, if it may be that */
void sr_illness_begin_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i);
void sr_illness_end_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i);
/* Closes rows up to i and opens it. */
void sr_illness_go_to_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i);
#endif

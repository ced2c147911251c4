/* model_icph.h -- proportional hazards when only an interval of each event is known
 *
 * See model_icph.c for the search and model_icph_eval.c for the likelihood. Inputs are borrowed,
 * all memory is the arena's.
 */
#ifndef SR_MODEL_ICPH_H
#define SR_MODEL_ICPH_H
#include "core_columns.h"
#include "core_skyline.h"
#include "model_icph_layout.h"

/* The data in the order of the groups, columns centred and scaled. */
typedef struct {
    sr_icph_layout layout;
    size_t n, p;
    double *x;      /* [n x p] by row */
    double *weight; /* [n] */
    double *offset; /* [n] */
    double *centre; /* [p] of the columns */
    double *scale;  /* [p] standard deviations, 0 where aliased: such a column is all 0 in x */
    size_t n_chunk; /* pieces of work, by groups */
    size_t *chunk;  /* [n_chunk + 1] first group of each */
} sr_icph_model;

/* `columns` may have p = 0; weight and offset NULL: 1 and 0. A column that others (and the strata,
 * whose baselines take up any constant) determine is marked as aliased. */
sr_status sr_icph_prepare(sr_context *ctx, const sr_icph_times *times, const sr_columns *columns,
                          const double *weight, const double *offset, sr_icph_model *out);

/* The likelihood and its derivatives at a point (beta, jump). Jumps are those of the cumulative
 * hazard at x = centre; beta is that of the scaled columns. */
typedef struct {
    double *beta; /* [p] */
    double *jump; /* [n_node] finite, 0 at grounds and last nodes */
    double loglik;
    double *gradient; /* [n_node] of the log-likelihood in each jump */
    double *exposure; /* [n_node] risk of the rows that can have their event there or later */
    double *score;    /* [p] */
    double *info;     /* [p x p] in beta alone */
    /* of each group, sums over its rows; see model_icph_eval.c */
    double *risk, *pull, *curve; /* [n_group] */
    double *risk_x, *pull_x;     /* [n_group x p] */
    double *cum_high, *cum_low;  /* [n_node] cumulative hazard within strata, in two parts */
    double *chunk_room;          /* scratch */
} sr_icph_point;

sr_status sr_icph_point_take(sr_context *ctx, const sr_icph_model *model, sr_icph_point *out);
sr_status sr_icph_evaluate(sr_context *ctx, const sr_icph_model *model, sr_icph_point *at);

/* Cumulative hazard between two nodes of one stratum, at x = centre. */
static inline double sr_icph_between(const sr_icph_point *at, uint32_t from, uint32_t to)
{
    if (to == from + 1)
        return at->jump[to];
    return (at->cum_high[to] - at->cum_high[from]) + (at->cum_low[to] - at->cum_low[from]);
}

/* Information of (beta, free jumps) with the jumps taken out: which jumps are free, the envelope of
 * their information in the cumulative hazards, and what is left for beta. */
typedef struct {
    size_t m;          /* free jumps */
    uint32_t *node;    /* [m] their nodes, ascending */
    int32_t *place;    /* [n_node] last free jump up to a node, -1: none in its stratum */
    sr_skyline hazard; /* factored information of the free cumulative hazards */
    double *cross;     /* [p x m] cross-information, by coefficient */
    double *solved;    /* [p x m] hazard^-1 cross */
    double *profile;   /* [p x p] information of beta when the jumps follow */
    size_t rank;       /* of hazard */
} sr_icph_system;

/* is_free [n_node]. Cost: sum over free jumps of the squared reach of the intervals, p solves. */
sr_status sr_icph_build(sr_context *ctx, const sr_icph_model *model, const sr_icph_point *at,
                        const unsigned char *is_free, sr_icph_system *out);

typedef struct {
    int max_iter;
    double tolerance; /* what the certificate must be below */
    const int *fixed; /* [p] 1: this coefficient stays at its start; NULL: all are free */
} sr_icph_control;

typedef struct {
    sr_icph_point at;
    int is_started;    /* in: at.jump holds a start; at.beta always does */
    double hazard_gap; /* certificate: largest violation of the conditions of a maximum */
    double beta_gap;   /* largest score of a free coefficient, in its standard errors */
    double *profile;   /* [p x p] information of beta, scaled columns; fixed ones as if free */
    double *inverse;   /* [p x p] its inverse over the free coefficients */
    size_t n_free;     /* jumps that are positive */
    size_t rank;       /* of their information */
    int n_iter, n_halving, is_converged;
} sr_icph_fit;

sr_status sr_icph_fit_take(sr_context *ctx, const sr_icph_model *model, sr_icph_fit *out);
sr_status sr_icph_maximise(sr_context *ctx, const sr_icph_model *model,
                           const sr_icph_control *control, sr_icph_fit *fit);
#endif

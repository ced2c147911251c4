/* model_cox_rows.c -- see model_cox_rows.h */
#include "model_cox_rows.h"
#include "core_exp.h"
#include "core_simd.h"
#include <math.h>
#include <string.h>

/* eta += sum of four columns times their slopes */
SR_SIMD static void add_four(const double *const *x, const double *slope, size_t m,
                             double *restrict eta)
{
    const double *restrict a = x[0], *restrict b = x[1];
    const double *restrict c = x[2], *restrict d = x[3];
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        eta[i] = eta[i] + slope[0] * a[i] + slope[1] * b[i] + slope[2] * c[i] + slope[3] * d[i];
}

SR_SIMD static void add_one(const double *restrict x, double slope, size_t m, double *restrict eta)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        eta[i] += slope * x[i];
}

SR_SIMD static int is_some_far(const double *restrict eta, size_t m)
{
    double far = 0;
#pragma omp simd reduction(+ : far)
    for (size_t i = 0; i < m; i++)
        far += fabs(eta[i]) < SR_LARGEST_ETA ? 0.0 : 1.0;
    return far > 0;
}

SR_SIMD static double event_sum(const double *restrict event, const double *restrict weight,
                                const double *restrict eta, size_t m)
{
    double sum = 0;
    if (weight == NULL) {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < m; i++)
            sum += event[i] != 0 ? eta[i] : 0.0;
    } else {
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < m; i++)
            sum += event[i] != 0 ? weight[i] * eta[i] : 0.0;
    }
    return sum;
}

SR_SIMD static void multiply(const double *restrict weight, size_t m, double *restrict risk)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        risk[i] *= weight[i];
}

static void put_risk(const sr_cox_view *v, const double *eta, size_t from, size_t m)
{
    double *const risk = v->risk + from;
    memcpy(risk, eta, m * sizeof(double));
    sr_exp_block(m, risk);
    if (v->times.weight != NULL)
        multiply(v->times.weight + from, m, risk);
    for (size_t i = 0; v->rs.enter != NULL && i < m; i++)
        if (v->rs.enter[from + i] == v->rs.cell[from + i])
            risk[i] = 0;
}

void sr_cox_rows_load(const sr_cox_view *v, int is_flat, size_t from, size_t m, sr_cox_rows *out)
{
    double eta[SR_BLOCK];
    const size_t p = v->x.p;
    for (size_t j = 0; j < p; j++) {
        double *const room = out->buffer == NULL ? NULL : out->buffer + j * SR_BLOCK;
        out->column[j] = sr_columns_at(&v->x, j, from, m, room);
    }
    if (v->offset != NULL)
        memcpy(eta, v->offset + from, m * sizeof(double));
    else
        memset(eta, 0, m * sizeof(double));
    size_t j = 0;
    for (; !is_flat && j + 4 <= p; j += 4)
        add_four(out->column + j, v->beta + j, m, eta);
    for (; !is_flat && j < p; j++)
        add_one(out->column[j], v->beta[j], m, eta);
    out->is_far = is_some_far(eta, m);
    out->event_sum = event_sum(v->times.event + from,
                               v->times.weight == NULL ? NULL : v->times.weight + from, eta, m);
    if (is_flat && v->offset == NULL && v->times.weight == NULL && v->rs.enter == NULL)
        for (size_t i = 0; i < m; i++)
            v->risk[from + i] = 1;
    else
        put_risk(v, eta, from, m);
}

/* q = r_i H_i where nobody enters late */
SR_SIMD static void weigh_rows(const double *restrict risk, const uint32_t *restrict cell,
                               const double *restrict at_cell, size_t m, double *restrict q)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        q[i] = risk[i] * at_cell[cell[i]];
}

/* u = weight_i - q_i for an event, -q_i otherwise; weight NULL: 1 */
SR_SIMD static void weigh_events(const double *restrict event, const double *restrict weight,
                                 const double *restrict q, size_t m, double *restrict u)
{
    if (weight == NULL) {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            u[i] = (event[i] != 0 ? 1.0 : 0.0) - q[i];
    } else {
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            u[i] = (event[i] != 0 ? weight[i] : 0.0) - q[i];
    }
}

void sr_cox_rows_weigh(const sr_cox_state *at, const double *at_cell, size_t from, size_t m,
                       double *q, double *u)
{
    const sr_times *const times = at->times;
    const double *const weight = times->weight == NULL ? NULL : times->weight + from;
    weigh_rows(at->risk + from, at->rs->cell + from, at_cell, m, q);
    weigh_events(times->event + from, weight, q, m, u);
}

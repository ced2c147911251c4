/* model_hazard.c -- see model_hazard.h */
#include "model_hazard.h"
#include "core_simd.h"
#include "model_link.h"
#include <math.h>
#include <string.h>

static sr_family *registered = NULL;

void sr_family_register(sr_family *family)
{
    family->next = registered;
    registered = family;
}

const sr_family *sr_family_find(const char *name)
{
    const sr_family *family = registered;
    while (family != NULL && strcmp(family->name, name) != 0)
        family = family->next;
    return family;
}

size_t sr_family_n_setting(const sr_family *family, size_t n_theta)
{
    return family->has_setting ? (size_t)((int)n_theta + family->more_setting) : 0;
}

sr_status sr_jet_take(sr_context *ctx, size_t n_theta, sr_jet *out)
{
    const size_t n_z = 1 + n_theta;
    SR_TAKE(out->value, sr_arena_double(&ctx->arena, SR_BLOCK));
    SR_TAKE(out->first, sr_arena_double(&ctx->arena, n_z * SR_BLOCK));
    SR_TAKE(out->second, sr_arena_double(&ctx->arena, SR_PAIR(n_z, 0) * SR_BLOCK));
    return SR_OK;
}

/* --- time: x becomes x - eta --------------------------------------------------------------- */

SR_SIMD static void negate(size_t m, double *restrict x)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        x[i] = -x[i];
}

/* out = a + sign b; out may be a */
SR_SIMD static void add(size_t m, const double *a, double sign, const double *restrict b,
                        double *out)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        out[i] = a[i] + sign * b[i];
}

SR_SIMD static void add_number(size_t m, double number, double *restrict x)
{
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        x[i] += number;
}

/* From derivatives in x to those in eta = -x: odd ones change their sign. */
static void turn_sign(size_t m, size_t n_z, int order, sr_jet *jet)
{
    if (order > 0)
        negate(m, jet->first);
    for (size_t a = 1; order > 1 && a < n_z; a++)
        negate(m, jet->second + SR_PAIR(a, 0) * SR_BLOCK);
}

static void eval_time(const sr_hazard *hazard, const sr_hazard_rows *rows, const double *eta,
                      double *work, sr_jet *cum, sr_jet *haz)
{
    const size_t m = rows->m, n_z = 1 + hazard->n_theta;
    sr_hazard_rows moved = *rows;
    add(m, rows->x, -1, eta, work);
    moved.x = work;
    hazard->family->eval(hazard, &moved, cum, haz);
    turn_sign(m, n_z, rows->order, cum);
    if (haz == NULL)
        return;
    turn_sign(m, n_z, rows->order, haz);
    add(m, haz->value, -1, eta, haz->value);
    if (rows->order > 0)
        add_number(m, -1, haz->first);
}

/* --- hazard: eta is added to both logs ------------------------------------------------------ */

static void add_eta(size_t m, size_t n_z, int order, const double *eta, sr_jet *jet)
{
    add(m, jet->value, 1, eta, jet->value);
    for (size_t i = 0; order > 0 && i < m; i++)
        jet->first[i] = 1;
    for (size_t a = 0; order > 1 && a < n_z; a++)
        memset(jet->second + SR_PAIR(a, 0) * SR_BLOCK, 0, m * sizeof(double));
}

/* --- odds ----------------------------------------------------------------------------------- */

/* With A = H0 = e^c0 and y = eta + log(e^A - 1) = logit F, H = log(1 + e^y):
 *   v = v0 + A + eta - H,     c = log H;    A + eta - H = -log(1 - e^-A) - log(1 + e^-y)
 *   dy/dc0 = A / (1 - e^-A) = r,    d2y/dc0^2 = r (1 + A - r)
 *   c and its derivatives in y: model_link.h;    dH/dy = s = F,   d2H/dy2 = s (1 - s) */
/* Nobody survives a cumulative hazard of e^300, whose square is still a double. */
static const double MOST_LOG_HAZARD = 300;

typedef struct {
    double A, r, curve, gain; /* gain = A + eta - H */
    double s, c, slope, bend;
} odds_point;

static odds_point odds_at(double c0, double eta)
{
    odds_point at;
    at.A = exp(c0 > MOST_LOG_HAZARD ? MOST_LOG_HAZARD : c0);
    const double miss = -expm1(-at.A); /* F0 */
    const double log_miss = at.A > 1e-300 ? log(miss) : c0, y = eta + at.A + log_miss;
    const sr_link_point link = sr_link_at(SR_LINK_ODDS, y);
    at.r = at.A > 1e-300 ? at.A / miss : 1;
    /* 1 + A - r = 1 - A / (e^A - 1) = A / 2 - A^2 / 12 + ... */
    at.curve = at.r * (at.A < 1e-5 ? at.A * (0.5 - at.A / 12) : 1 - at.A / expm1(at.A));
    at.gain = y > 0 ? link.l - log_miss : at.A + eta - exp(link.c);
    at.s = exp(link.l); /* H' */
    at.c = link.c;
    at.slope = link.c_w;
    at.bend = link.c_ww;
    return at;
}

/* Row i of c and v: from derivatives of the baseline to those of the scaled hazard. */
static void odds_row(const sr_hazard_rows *rows, size_t n_z, size_t i, const odds_point *at,
                     sr_jet *cum, sr_jet *haz)
{
    double y_first[SR_MOST_THETA + 1];
    y_first[0] = 1;
    for (size_t a = 1; a < n_z; a++)
        y_first[a] = at->r * cum->first[a * SR_BLOCK + i];
    for (size_t a = 0; a < n_z && rows->order > 1; a++)
        for (size_t b = 0; b <= a; b++) {
            const size_t ab = SR_PAIR(a, b) * SR_BLOCK + i;
            const double ca = cum->first[a * SR_BLOCK + i], cb = cum->first[b * SR_BLOCK + i];
            const double y_second = b == 0 ? 0 : at->r * cum->second[ab] + at->curve * ca * cb;
            const double both = y_first[a] * y_first[b];
            if (haz != NULL && b == 0)
                haz->second[ab] = -at->s * (1 - at->s) * both;
            else if (haz != NULL)
                haz->second[ab] += at->A * (cum->second[ab] + ca * cb) - at->s * y_second -
                                   at->s * (1 - at->s) * both;
            cum->second[ab] = at->slope * y_second + at->bend * both;
        }
    for (size_t a = 0; a < n_z; a++) {
        const size_t at_a = a * SR_BLOCK + i;
        if (haz != NULL)
            haz->first[at_a] =
                a == 0 ? 1 - at->s
                       : haz->first[at_a] + at->A * cum->first[at_a] - at->s * y_first[a];
        cum->first[at_a] = at->slope * y_first[a];
    }
}

static void scale_odds(const sr_hazard_rows *rows, size_t n_z, const double *eta, sr_jet *cum,
                       sr_jet *haz)
{
    for (size_t i = 0; i < rows->m; i++) {
        const odds_point at = odds_at(cum->value[i], eta[i]);
        if (rows->order > 0)
            odds_row(rows, n_z, i, &at, cum, haz);
        if (haz != NULL)
            haz->value[i] += at.gain;
        cum->value[i] = at.c;
    }
}

/* --- first parameter: eta is added to it ---------------------------------------------------- */

/* Derivatives in eta are those in theta_1. */
static void copy_first(size_t m, size_t n_z, int order, sr_jet *jet)
{
    const size_t bytes = m * sizeof(double);
    if (order > 0)
        memcpy(jet->first, jet->first + SR_BLOCK, bytes);
    if (order > 1)
        memcpy(jet->second, jet->second + SR_PAIR(1, 1) * SR_BLOCK, bytes);
    for (size_t a = 1; order > 1 && a < n_z; a++)
        memcpy(jet->second + SR_PAIR(a, 0) * SR_BLOCK, jet->second + SR_PAIR(a, 1) * SR_BLOCK,
               bytes);
}

static void eval_first(const sr_hazard *hazard, const sr_hazard_rows *rows, const double *eta,
                       sr_jet *cum, sr_jet *haz)
{
    double theta[SR_MOST_THETA * SR_BLOCK];
    const size_t m = rows->m, n_z = 1 + hazard->n_theta;
    sr_hazard_rows moved = *rows;
    for (size_t k = 0; k < hazard->n_theta; k++)
        memcpy(theta + k * SR_BLOCK, rows->theta + k * SR_BLOCK, m * sizeof(double));
    for (size_t i = 0; i < m; i++)
        theta[i] += eta[i];
    moved.theta = theta;
    hazard->family->eval(hazard, &moved, cum, haz);
    copy_first(m, n_z, rows->order, cum);
    if (haz != NULL)
        copy_first(m, n_z, rows->order, haz);
}

void sr_hazard_eval(const sr_hazard *hazard, const sr_hazard_rows *rows, const double *eta,
                    double *work, sr_jet *cum, sr_jet *haz)
{
    const size_t n_z = 1 + hazard->n_theta;
    if (hazard->scale == SR_SCALE_TIME) {
        eval_time(hazard, rows, eta, work, cum, haz);
        return;
    }
    if (hazard->scale == SR_SCALE_FIRST) {
        eval_first(hazard, rows, eta, cum, haz);
        return;
    }
    hazard->family->eval(hazard, rows, cum, haz);
    if (hazard->scale == SR_SCALE_ODDS) {
        scale_odds(rows, n_z, eta, cum, haz);
        return;
    }
    add_eta(rows->m, n_z, rows->order, eta, cum);
    if (haz != NULL)
        add_eta(rows->m, n_z, rows->order, eta, haz);
}

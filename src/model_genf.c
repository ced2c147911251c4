/* model_genf.c -- see model_genf.h */
#include "model_genf.h"
#include "core_dual.h"
#include "core_stirling.h"
#include "core_tail.h"
#include "model_two_tails.h"
#include <math.h>
#include <string.h>

static const double HALF_LOG_2PI = 0.91893853320467274178032973640562;
static const double SERIES_WITHIN = 0.7;

enum { W, Q, LOG_P };
enum { N_TERM = 28 };

/* What prepare leaves after the shapes; derivatives are in (Q, log P) */
typedef struct {
    double d;
    sr_dual constant;     /* of phi, with the sign of phi */
    sr_dual ratio, p, dd; /* 2 / (d (d + |Q|)), p and d, in (|Q|, log P) */
    sr_dual v[N_TERM];    /* V = sum v_n w^n */
} genf_shape;

_Static_assert(sizeof(genf_shape) <= SR_MOST_PREPARED * sizeof(double), "room for genf_shape");

/* R(x) */
static sr_dual rest_of(sr_dual x)
{
    double rest[3];
    sr_stirling_rest(x.value, rest);
    return sr_dual_apply(x, rest[0], rest[1], rest[2]);
}

static void series_of_v(sr_dual q, sr_dual P, sr_dual *v)
{
    sr_dual D[N_TERM];
    v[0] = sr_dual_constant(1);
    D[0] = q;
    for (int degree = 0; degree + 1 < N_TERM; degree++) {
        sr_dual sum = sr_dual_constant(0);
        for (int j = 0; j <= degree; j++)
            sum = sr_dual_add(sum, 1.0 / (degree + 1), sr_dual_multiply(D[j], v[degree - j]));
        v[degree + 1] = sum;
        D[degree + 1] = sr_dual_scale(-1.0 / (degree + 1), sr_dual_multiply(P, v[degree]));
    }
}

void sr_genf_prepare(double *shape)
{
    genf_shape at;
    const double size = fabs(shape[0]), sign = shape[0] < 0 ? -1 : 1, P = exp(shape[1]);
    const sr_dual p_of = {P, 0, P, 0, 0, P}, q_of = {size, 1, 0, 0, 0, 0};
    const double d = sqrt(size * size + 2 * P), r = d > 0 ? size / d : 0;
    const double e = d > 0 ? P / d : 0; /* d(d) / d log P */
    const double per_d = d > 0 ? 1 / d : 0;
    at.d = d;
    at.dd = (sr_dual){d, r, e, (1 - r * r) * per_d, -r * e * per_d, e - e * e * per_d};
    /* d (d + |Q|) and d (d - |Q|) = 2 P d / (d + |Q|) */
    const sr_dual sum = sr_dual_add(at.dd, 1, q_of);
    const sr_dual larger = sr_dual_multiply(at.dd, sum);
    sr_dual smaller = sr_dual_multiply(at.dd, sr_dual_add(at.dd, -1, q_of));
    smaller.value = d > 0 ? 2 * P * d / (d + size) : 0;
    at.constant = sr_dual_add(
        rest_of(sr_dual_scale(0.5, p_of)), -1,
        sr_dual_add(rest_of(sr_dual_scale(0.5, larger)), 1, rest_of(sr_dual_scale(0.5, smaller))));
    at.constant.value -= HALF_LOG_2PI;
    at.constant.a *= sign;
    at.constant.ab *= sign;
    if (d > 0) {
        const sr_dual inverse = sr_dual_inverse(larger);
        at.ratio = sr_dual_scale(2, inverse);
        at.p = sr_dual_multiply(p_of, inverse);
    } else
        at.ratio = at.p = sr_dual_constant(0);
    sr_dual q_signed = q_of;
    q_signed.value = shape[0];
    series_of_v(q_signed, p_of, at.v);
    memcpy(shape + SR_MOST_SHAPES, &at, sizeof at);
}

/* --- M ---------------------------------------------------------------------------------------- */

/* M, M' and V at w, in (Q, log P) */
typedef struct {
    sr_dual M, slope, V;
} drop;

static drop drop_by_series(const genf_shape *at, double w)
{
    drop out = {.M = sr_dual_constant(0), .slope = sr_dual_constant(0), .V = sr_dual_constant(0)};
    for (int degree = N_TERM - 1; degree >= 0; degree--) {
        out.M = sr_dual_add(sr_dual_scale(1.0 / ((degree + 1) * (degree + 2)), at->v[degree]), w,
                            out.M);
        out.slope = sr_dual_add(sr_dual_scale(1.0 / (degree + 1), at->v[degree]), w, out.slope);
        out.V = sr_dual_add(at->v[degree], w, out.V);
    }
    out.M = sr_dual_scale(w * w, out.M);
    out.slope = sr_dual_scale(w, out.slope);
    return out;
}

/* L = log(1 + x) / x, L' and L'' for x > -1/2 */
static void log_ratio(double x, double L[3])
{
    if (fabs(x) > 0.25) {
        L[0] = log1p(x) / x;
        L[1] = (1 / (1 + x) - L[0]) / x;
        L[2] = -(1 / ((1 + x) * (1 + x)) + 2 * L[1]) / x;
        return;
    }
    L[0] = L[1] = L[2] = 0;
    for (int degree = 28; degree >= 0; degree--) { /* sum (-x)^n / (n + 1) */
        const double sign = degree % 2 ? -1 : 1;
        L[0] = L[0] * x + sign / (degree + 1);
        if (degree > 0)
            L[1] = L[1] * x + sign * degree / (degree + 1);
        if (degree > 1)
            L[2] = L[2] * x + sign * degree * (degree - 1) / (degree + 1);
    }
}

/* B in (z, p), and g in (z, p); e = 1 / E stands for an E that overflows */
static void closed_form(double z, double p, sr_dual *B, sr_dual *g)
{
    const double E = expm1(z), x = p * E, share = 1 / (1 / E + p);    /* E / (1 + x) */
    const double up = z < 0 ? exp(z) / (1 + x) : share * (1 + 1 / E); /* g */
    if (x < 0.25) {
        double L[3];
        log_ratio(x, L);
        *B = (sr_dual){E * L[0], up, E * E * L[1], 0, 0, E * E * E * L[2]};
    } else {
        const double value = (z > 600 ? z + log(p) : log1p(x)) / p;
        const double in_p = (share - value) / p;
        *B = (sr_dual){value, up, in_p, 0, 0, -(share * share + 2 * in_p) / p};
    }
    B->aa = up * (1 - p * up);
    B->ab = -up * share;
    *g = (sr_dual){up,
                   B->aa,
                   B->ab,
                   B->aa * (1 - 2 * p * up),
                   -(B->aa * share + up * up / (1 + x)),
                   2 * up * share * share};
}

static drop drop_closed(const genf_shape *at, double q, double w)
{
    const double sign = q < 0 ? -1 : 1;
    const sr_dual z = sr_dual_scale(sign * w, at->dd);
    sr_dual B, g;
    drop out;
    closed_form(z.value, at->p.value, &B, &g);
    const sr_dual rise = sr_dual_add(sr_dual_compose(B, z, at->p), -1, z);
    const sr_dual up = sr_dual_compose(g, z, at->p);
    sr_dual excess = up;
    excess.value -= 1;
    out.V = sr_dual_add(up, -1, sr_dual_multiply(at->p, sr_dual_multiply(up, up)));
    out.V = sr_dual_multiply(out.V, sr_dual_inverse(sr_dual_add(sr_dual_constant(1), -1, at->p)));
    out.V.value = up.value / (1 + at->p.value * expm1(z.value));
    out.M = sr_dual_multiply(at->ratio, rise);
    out.slope = sr_dual_multiply(sr_dual_scale(sign, sr_dual_multiply(at->ratio, at->dd)), excess);
    out.M.a *= sign;
    out.M.ab *= sign;
    out.slope.a *= sign;
    out.slope.ab *= sign;
    out.V.a *= sign;
    out.V.ab *= sign;
    return out;
}

static drop drop_at(const genf_shape *at, double q, double w)
{
    return fabs(at->d * w) < SERIES_WITHIN ? drop_by_series(at, w) : drop_closed(at, q, w);
}

/* --- the tail --------------------------------------------------------------------------------- */

typedef struct {
    const genf_shape *at;
    double q, w, side; /* side: 1 to the right, -1 to the left */
    drop here;
} tail_point;

static void fill(const void *state, int order, sr_tail_nodes *nodes)
{
    const tail_point *const from = state;
    (void)order;
    for (size_t j = 0; j < SR_TAIL_NODES; j++) {
        const drop there = drop_at(from->at, from->q, from->w + from->side * nodes->s[j]);
        const sr_dual psi = sr_dual_add(from->here.M, -1, there.M);
        const sr_dual slope = sr_dual_add(from->here.slope, -1, there.slope);
        nodes->value[j] = psi.value;
        nodes->first[W][j] = slope.value;
        nodes->first[Q][j] = psi.a;
        nodes->first[LOG_P][j] = psi.b;
        nodes->second[SR_PAIR(W, W)][j] = from->here.V.value - there.V.value;
        nodes->second[SR_PAIR(Q, W)][j] = slope.a;
        nodes->second[SR_PAIR(Q, Q)][j] = psi.aa;
        nodes->second[SR_PAIR(LOG_P, W)][j] = slope.b;
        nodes->second[SR_PAIR(LOG_P, Q)][j] = psi.ab;
        nodes->second[SR_PAIR(LOG_P, LOG_P)][j] = psi.bb;
    }
}

/* Where psi has fallen by about SR_TAIL_FALL: Newton's method on a convex function, begun where a
 * parabola, or an exponential that grows as fast, has fallen so far. */
static double reach(const tail_point *from)
{
    const double a = fabs(from->here.slope.value), V = from->here.V.value, d = from->at->d;
    const double r = SR_TAIL_FALL * d * d / V;
    double s = 2 * SR_TAIL_FALL / (a + sqrt(a * a + 2 * SR_TAIL_FALL * V));
    if (d * s > 1)
        s = fmin(s, log1p(r + sqrt(2 * r)) / d);
    for (int k = 0; k < 30; k++) {
        const drop there = drop_at(from->at, from->q, from->w + from->side * s);
        const double fall = there.M.value - from->here.M.value;
        if (fall > SR_TAIL_FALL && fall < 1.2 * SR_TAIL_FALL)
            break;
        s += (1.1 * SR_TAIL_FALL - fall) / fabs(there.slope.value);
    }
    return s;
}

/* Where M has no digit left of the drop of psi that the tail needs (a density of e^-1e15), the row
 * stands where M was so large: M grows as e^(d |w|) at most. */
static const double MOST_DROP = 1e15;

void sr_genf_row(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                 sr_small_jet *haz)
{
    genf_shape at;
    memcpy(&at, shape + SR_MOST_SHAPES, sizeof at);
    const int is_lower = w < 0;
    tail_point from = {.at = &at, .q = shape[0], .w = w, .side = is_lower ? -1 : 1};
    from.here = drop_at(&at, shape[0], w);
    for (int k = 0; k < 100 && from.here.M.value > 2 * MOST_DROP; k++) {
        if (!isfinite(from.here.M.value))
            break;
        from.w -= from.side * log(from.here.M.value / MOST_DROP) / at.d;
        from.here = drop_at(&at, shape[0], from.w);
    }
    const sr_tail tail = {.n_shape = 2,
                          .length = reach(&from),
                          .bend = at.d > 0 ? 5 / at.d : INFINITY,
                          .state = &from,
                          .fill = fill};
    sr_small_jet ratio;
    sr_tail_log_ratio(&tail, order, &ratio);
    const sr_dual top = sr_dual_add(at.constant, -1, from.here.M);
    const sr_small_jet phi = {.value = top.value,
                              .first = {-from.here.slope.value, top.a, top.b},
                              .second = {-from.here.V.value, -from.here.slope.a, top.aa,
                                         -from.here.slope.b, top.ab, top.bb}};
    const sr_tail_side side = {
        .n_shape = 2, .is_lower = is_lower, .order = order, .wants_haz = wants_haz};
    sr_two_tails(&side, &phi, &ratio, cum, haz);
}

static void field(double w, const double *shape, sr_cell_field *out)
{
    genf_shape at;
    memcpy(&at, shape + SR_MOST_SHAPES, sizeof at);
    const drop here = drop_at(&at, shape[0], w);
    const double P = exp(shape[1]);
    out->A = here.slope;
    out->V = here.V;
    out->P = (sr_dual){P, 0, P, 0, 0, P};
    out->D = sr_dual_add((sr_dual){shape[0], 1, 0, 0, 0, 0}, -1, sr_dual_multiply(out->P, out->A));
}

static double bend(const double *shape)
{
    return sqrt(shape[0] * shape[0] + 2 * exp(shape[1]));
}

const sr_cells sr_genf_cells = {.n_shape = 2, .row = sr_genf_row, .field = field, .bend = bend};

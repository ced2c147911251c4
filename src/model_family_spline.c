/* model_family_spline.c -- a natural cubic spline in log time on the scale of a link
 *
 *   g(S(t)) = s(x),  x = log t;     g as in model_link.h: log H, logit F or Phi^-1(F)
 *
 * Royston and Parmar (2002), Stat Med 21, 2175-2197, doi:10.1002/sim.1203. Knots k_0 < ... < k_N
 * in log time; s is linear below k_0 and above k_N. Its slope is a quadratic spline, and is what
 * the parameters tell:
 *
 *   s(x) = theta_1 + sum_m theta_(1+m) D_m(x),    D_m(x) = integral of B_m from the anchor to x
 *
 * B_1 ... B_N are the quadratic B-splines on those knots, the first two and the last two of them
 * taken together so that their slope is 0 at the boundary. They are positive, have sum 1, and each
 * spans three intervals at most. So theta_1 is s at the anchor, the knot in the middle; the others
 * are slopes of s in turn along log time (with the hazard link, Weibull shapes); all slopes equal
 * is a Weibull, a log-logistic or a lognormal; nothing changes with the unit of time but the knots;
 * and the information is far from singular, unlike that of the truncated powers
 * (gamma of the paper), which span the same functions.
 *
 *   setting = link, k_0 ... k_N       K = 1 + N
 *
 * With control values b_0 ... b_(N+1) of B_m (1 at its place, 0 elsewhere), s'' is linear between
 * s''(k_j) = 2 (b_(j+1) - b_j) / (k_(j+1) - k_(j-1)); s' and s follow by summing up over
 * the intervals. That gives a cubic for each B_m and interval, made once a block.
 *
 *   v = l(s) + log s' - x
 *   v_m = l_w D_m + B_m / s'                  v_mn = l_ww D_m D_n - B_m B_n / s'^2
 *   v_x = l_w s' + s'' / s' - 1               v_xx = l_ww s'^2 + l_w s'' + s''' / s' - (s'' / s')^2
 *   v_xm = l_ww s' D_m + l_w B_m + (B_m' - B_m s'' / s') / s'
 *
 * A spline that falls anywhere is no distribution: c and v are NaN. While every slope parameter is
 * positive none does; otherwise the least slope in each interval is looked at.
 */
#include "model_hazard.h"
#include "core_simd.h"
#include "model_link.h"
#include <math.h>
#include <string.h>

enum { MOST_SLOPES = 23, MOST_PIECES = MOST_SLOPES + 2 };

/* One piece of the axis: D_m(x) = d[0] + u d[1] + u^2 d[2] + u^3 d[3], u = x - its left knot */
typedef double piece_cubics[MOST_SLOPES][4];

typedef struct {
    size_t n_slope;
    const double *knot; /* [n_slope + 1] */
    piece_cubics cubic[MOST_PIECES];
} spline_table;

/* What a block of rows needs. Column 0 of D, B and B' is that of theta_1: 1, 0, 0. */
typedef struct {
    double D[MOST_SLOPES + 1][SR_BLOCK], B[MOST_SLOPES + 1][SR_BLOCK],
        dB[MOST_SLOPES + 1][SR_BLOCK];
    double s[SR_BLOCK], slope[SR_BLOCK], bend[SR_BLOCK], third[SR_BLOCK]; /* s and derivatives */
    double u[SR_BLOCK];
    unsigned char piece[SR_BLOCK];
} spline_block;

/* A function f(s, s') of a row: by_s, by_ss its derivatives in s; q: 1 / s' where log s' is part of
 * it, or 0 */
typedef struct {
    double by_s[SR_BLOCK], by_ss[SR_BLOCK], q[SR_BLOCK];
} outer_function;

/* --- the basis ------------------------------------------------------------------------------ */

/* Twice the distance over which s' moves from one control value to the next, around knot j */
static double reach(const spline_table *table, size_t j)
{
    return table->knot[j < table->n_slope ? j + 1 : j] - table->knot[j > 0 ? j - 1 : j];
}

/* Control value i (0 .. N + 1) of B_m: that of place i - 1, with both ends doubled */
static double control_value(size_t n_slope, size_t i, size_t m)
{
    const size_t place = i == 0 ? 0 : i > n_slope ? n_slope - 1 : i - 1;
    return place == m;
}

static void set_cubic(spline_table *table, size_t piece, size_t m, double D, double slope)
{
    double *const d = table->cubic[piece][m];
    d[0] = D;
    d[1] = slope;
    d[2] = d[3] = 0;
}

static void make_column(spline_table *table, size_t m)
{
    const size_t N = table->n_slope;
    double D = 0, slope = control_value(N, 0, m), bend = 0, at_anchor = 0;
    set_cubic(table, 0, m, D, slope);
    for (size_t j = 0; j < N; j++) {
        const double h = table->knot[j + 1] - table->knot[j];
        const double rise = control_value(N, j + 2, m) - control_value(N, j + 1, m);
        const double next = 2 * rise / reach(table, j + 1), third = (next - bend) / h;
        if (j == N / 2)
            at_anchor = D;
        set_cubic(table, j + 1, m, D, slope);
        table->cubic[j + 1][m][2] = bend / 2;
        table->cubic[j + 1][m][3] = third / 6;
        D += h * (slope + h * (bend / 2 + h * third / 6));
        slope += h * (bend + next) / 2;
        bend = next;
    }
    set_cubic(table, N + 1, m, D, slope);
    for (size_t piece = 0; piece < N + 2; piece++)
        table->cubic[piece][m][0] -= at_anchor;
}

static void find_pieces(const spline_table *table, const sr_hazard_rows *rows, spline_block *b)
{
    memset(b->piece, 0, rows->m);
    for (size_t j = 0; j <= table->n_slope; j++) {
        const double knot = table->knot[j];
        for (size_t i = 0; i < rows->m; i++)
            b->piece[i] += rows->x[i] >= knot;
    }
    for (size_t i = 0; i < rows->m; i++)
        b->u[i] = rows->x[i] - table->knot[b->piece[i] > 0 ? b->piece[i] - 1 : 0];
}

/* Column m of the basis at each row, and its part of the spline */
SR_SIMD static void add_column(const spline_table *table, const sr_hazard_rows *rows, size_t m,
                               spline_block *b)
{
    const double *const restrict theta = rows->theta + (m + 1) * SR_BLOCK;
    double *const restrict D = b->D[m + 1], *const restrict B = b->B[m + 1];
    double *const restrict dB = b->dB[m + 1];
#pragma omp simd
    for (size_t i = 0; i < rows->m; i++) {
        const double *const d = table->cubic[b->piece[i]][m];
        const double u = b->u[i];
        D[i] = d[0] + u * (d[1] + u * (d[2] + u * d[3]));
        B[i] = d[1] + u * (2 * d[2] + 3 * u * d[3]);
        dB[i] = 2 * d[2] + 6 * u * d[3];
        b->s[i] += theta[i] * D[i];
        b->slope[i] += theta[i] * B[i];
        b->bend[i] += theta[i] * dB[i];
        b->third[i] += theta[i] * 6 * d[3];
    }
}

static void make_block(const spline_table *table, const sr_hazard_rows *rows, spline_block *b)
{
    find_pieces(table, rows, b);
    for (size_t i = 0; i < rows->m; i++) {
        b->D[0][i] = 1;
        b->B[0][i] = b->dB[0][i] = 0;
        b->s[i] = rows->theta[i];
        b->slope[i] = b->bend[i] = b->third[i] = 0;
    }
    for (size_t m = 0; m < table->n_slope; m++)
        add_column(table, rows, m, b);
}

/* --- a spline that falls --------------------------------------------------------------------- */

/* Whether s' > 0 everywhere, for slope parameters b[m * SR_BLOCK]. Over an interval of width h, s'
 * is a parabola with s'' at its ends; its bottom, where s'' = 0, may lie inside. */
static int is_rising(const spline_table *table, const double *b)
{
    const size_t N = table->n_slope;
    double slope = b[0], bend = 0;
    int is_fine = slope > 0;
    for (size_t j = 0; j < N && is_fine; j++) {
        const double h = table->knot[j + 1] - table->knot[j];
        const double rise = j + 1 < N ? b[(j + 1) * SR_BLOCK] - b[j * SR_BLOCK] : 0;
        const double next = 2 * rise / reach(table, j + 1);
        if (bend < 0 && next > 0)
            is_fine = slope - bend * bend * h / (2 * (next - bend)) > 0;
        slope += h * (bend + next) / 2;
        bend = next;
        is_fine = is_fine && slope > 0;
    }
    return is_fine;
}

static void refuse_falling(const spline_table *table, const sr_hazard_rows *rows, spline_block *b)
{
    double least[SR_BLOCK];
    memcpy(least, rows->theta + SR_BLOCK, rows->m * sizeof(double));
    for (size_t m = 1; m < table->n_slope; m++)
        for (size_t i = 0; i < rows->m; i++)
            least[i] = fmin(least[i], rows->theta[(m + 1) * SR_BLOCK + i]);
    for (size_t i = 0; i < rows->m; i++)
        if (!(least[i] > 0) && !is_rising(table, rows->theta + SR_BLOCK + i))
            b->s[i] = b->slope[i] = NAN;
}

/* --- jets ------------------------------------------------------------------------------------ */

SR_SIMD static void fill_x(const spline_block *b, const outer_function *f, size_t m, int order,
                           sr_jet *out)
{
    double *const restrict first = out->first, *const restrict second = out->second;
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        first[i] = f->by_s[i] * b->slope[i] + b->bend[i] * f->q[i];
    if (order < 2)
        return;
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        const double steep = b->bend[i] * f->q[i];
        second[i] = f->by_ss[i] * b->slope[i] * b->slope[i] + f->by_s[i] * b->bend[i] +
                    b->third[i] * f->q[i] - steep * steep;
    }
}

/* Derivatives in theta_(1+a), and with x and every parameter before it */
SR_SIMD static void fill_column(const spline_block *b, const outer_function *f, size_t m, size_t a,
                                int order, sr_jet *out)
{
    const double *const restrict D = b->D[a], *const restrict B = b->B[a];
    double *const restrict first = out->first + (1 + a) * SR_BLOCK;
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        first[i] = f->by_s[i] * D[i] + B[i] * f->q[i];
    if (order < 2)
        return;
    double *const restrict mixed = out->second + SR_PAIR(1 + a, 0) * SR_BLOCK;
#pragma omp simd
    for (size_t i = 0; i < m; i++)
        mixed[i] = f->by_ss[i] * b->slope[i] * D[i] + f->by_s[i] * B[i] +
                   (b->dB[a][i] - B[i] * b->bend[i] * f->q[i]) * f->q[i];
    for (size_t d = 0; d <= a; d++) {
        const double *const restrict other_D = b->D[d], *const restrict other_B = b->B[d];
        double *const restrict second = out->second + SR_PAIR(1 + a, 1 + d) * SR_BLOCK;
#pragma omp simd
        for (size_t i = 0; i < m; i++)
            second[i] = f->by_ss[i] * D[i] * other_D[i] - B[i] * other_B[i] * f->q[i] * f->q[i];
    }
}

static void fill(const spline_block *b, const outer_function *f, const sr_hazard_rows *rows,
                 size_t n_slope, sr_jet *out)
{
    if (rows->order == 0)
        return;
    fill_x(b, f, rows->m, rows->order, out);
    for (size_t a = 0; a <= n_slope; a++)
        fill_column(b, f, rows->m, a, rows->order, out);
}

static void write_cum(const spline_block *b, const sr_link_point *at, const sr_hazard_rows *rows,
                      size_t n_slope, sr_jet *cum)
{
    outer_function f;
    for (size_t i = 0; i < rows->m; i++) {
        cum->value[i] = at[i].c;
        f.by_s[i] = at[i].c_w;
        f.by_ss[i] = at[i].c_ww;
        f.q[i] = 0;
    }
    fill(b, &f, rows, n_slope, cum);
}

static void write_haz(const spline_block *b, const sr_link_point *at, const sr_hazard_rows *rows,
                      size_t n_slope, sr_jet *haz)
{
    outer_function f;
    for (size_t i = 0; i < rows->m; i++) {
        haz->value[i] = at[i].l + log(b->slope[i]) - rows->x[i];
        f.by_s[i] = at[i].l_w;
        f.by_ss[i] = at[i].l_ww;
        f.q[i] = 1 / b->slope[i];
    }
    fill(b, &f, rows, n_slope, haz);
    for (size_t i = 0; rows->order > 0 && i < rows->m; i++)
        haz->first[i] -= 1;
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    spline_table table;
    spline_block b;
    sr_link_point at[SR_BLOCK];
    table.n_slope = hazard->n_theta - 1;
    table.knot = hazard->setting + 1;
    for (size_t m = 0; m < table.n_slope; m++)
        make_column(&table, m);
    make_block(&table, rows, &b);
    refuse_falling(&table, rows, &b);
    for (size_t i = 0; i < rows->m; i++)
        at[i] = sr_link_at((sr_link)hazard->setting[0], b.s[i]);
    if (cum != NULL)
        write_cum(&b, at, rows, table.n_slope, cum);
    if (haz != NULL)
        write_haz(&b, at, rows, table.n_slope, haz);
}

SR_REGISTER_FAMILY(eval, "spline", 8, SR_THETA(2, 1 + MOST_SLOPES), SR_SETTING(1))

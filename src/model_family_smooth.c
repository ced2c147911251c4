/* model_family_smooth.c -- a hazard that is a positive mixture of cubic B-splines of time
 *
 *   h(t) = sum_j e^theta_j B_j(t),   H(t) = sum_j e^theta_j A_j(t),   A_j = integral of B_j from 0
 *
 * with cubic B-splines on knots 0 = k_0 < ... < k_N (of sum 1; up to a factor, M-splines), constant
 * beyond k_N. Any theta gives a hazard, equal ones a constant one; A_j is a quartic between knots.
 * Meant for many knots and a penalty on the roughness of theta (R/ttp-smooth.R).
 *
 *   setting = k_0 ... k_N       K = N + 3
 *
 * With p_j = e^theta_j A_j / H, q_j = e^theta_j B_j / h, r = t h / H, s = t h' / h, t = e^x:
 *
 *   c_j = p_j   c_jk = [j = k] p_j - p_j p_k   c_x = r   c_xj = r (q_j - p_j)
 *   v_j = q_j   v_jk = [j = k] q_j - q_j q_k   v_x = s   v_xj = t e^theta_j B_j' / h - s q_j
 *   c_xx = r (1 + s - r)                       v_xx = s + t^2 h'' / h - s^2
 *
 * A cubic's second derivative is linear between knots; its values there come from differences of
 * the control values, and three sums over the intervals lead back to A_j. O(K^2) a row.
 */
#include "core_exp.h"
#include "core_simd.h"
#include "model_hazard.h"
#include <math.h>
#include <string.h>

enum { MOST_BASIS = 32, N_POWER = 5 };

/* A_j(t) = sum_k d[k] u^k, u = t - the knot on the left */
typedef double piece_quartics[MOST_BASIS][N_POWER];

typedef struct {
    size_t n_interval;
    const double *knot;                 /* [n_interval + 1] */
    piece_quartics quartic[MOST_BASIS]; /* by interval; the last is beyond k_N */
} smooth_table;

/* Columns of a block. share of H and of h; `turn` is t e^theta_j B_j' / h. */
typedef struct {
    double p[MOST_BASIS][SR_BLOCK], q[MOST_BASIS][SR_BLOCK], turn[MOST_BASIS][SR_BLOCK];
    double t[SR_BLOCK], u[SR_BLOCK], H[SR_BLOCK], h[SR_BLOCK], slope[SR_BLOCK], bend[SR_BLOCK];
    unsigned char piece[SR_BLOCK];
} smooth_block;

/* Knot i of those with the boundary counted four times: i = 0 .. N + 6 */
static double clamped_knot(const smooth_table *table, size_t i)
{
    const size_t at = i < 3 ? 0 : i - 3;
    return table->knot[at < table->n_interval ? at : table->n_interval];
}

/* Control value i of the first derivative of the spline with control value 1 at m */
static double first_control(const smooth_table *table, size_t i, size_t m)
{
    const double rise = (double)(i + 1 == m) - (double)(i == m);
    return 3 * rise / (clamped_knot(table, i + 4) - clamped_knot(table, i + 1));
}

/* B_m'' at knot j */
static double second_at(const smooth_table *table, size_t j, size_t m)
{
    const double rise = first_control(table, j + 1, m) - first_control(table, j, m);
    return 2 * rise / (clamped_knot(table, j + 4) - clamped_knot(table, j + 2));
}

static void make_column(smooth_table *table, size_t m)
{
    const size_t N = table->n_interval;
    double area = 0, value = m == 0, slope = first_control(table, 0, m);
    for (size_t j = 0; j < N && j <= m; j++) {
        const double width = table->knot[j + 1] - table->knot[j];
        const double bend = second_at(table, j, m),
                     third = (second_at(table, j + 1, m) - bend) / width;
        double *const d = table->quartic[j][m];
        d[0] = area;
        d[1] = value;
        d[2] = slope / 2;
        d[3] = bend / 6;
        d[4] = third / 24;
        area += width * (value + width * (slope / 2 + width * (bend / 6 + width * third / 24)));
        value += width * (slope + width * (bend / 2 + width * third / 6));
        slope += width * (bend + width * third / 2);
    }
    for (size_t j = m + 1 < N ? m + 1 : N; j <= N; j++) { /* past its support */
        double *const beyond = table->quartic[j][m];
        memset(beyond, 0, N_POWER * sizeof(double));
        beyond[0] = area;
        beyond[1] = m == N + 2;
    }
}

static void find_pieces(const smooth_table *table, const sr_hazard_rows *rows, smooth_block *b)
{
    memcpy(b->t, rows->x, rows->m * sizeof(double));
    sr_exp_block(rows->m, b->t);
    memset(b->piece, 0, rows->m);
    for (size_t j = 1; j <= table->n_interval; j++) {
        const double knot = table->knot[j];
        for (size_t i = 0; i < rows->m; i++)
            b->piece[i] += b->t[i] >= knot;
    }
    for (size_t i = 0; i < rows->m; i++)
        b->u[i] = b->t[i] - table->knot[b->piece[i]];
}

/* e^theta_j times A_j, B_j and t B_j', and their parts of the sums */
SR_SIMD static void add_column(const smooth_table *table, const double *theta, size_t m, size_t j,
                               smooth_block *b)
{
    double weight[SR_BLOCK];
    double *const restrict p = b->p[j], *const restrict q = b->q[j],
                           *const restrict turn = b->turn[j];
    memcpy(weight, theta, m * sizeof(double));
    sr_exp_block(m, weight);
#pragma omp simd
    for (size_t i = 0; i < m; i++) {
        const double *const d = table->quartic[b->piece[i]][j];
        const double u = b->u[i], t = b->t[i];
        p[i] = weight[i] * (d[0] + u * (d[1] + u * (d[2] + u * (d[3] + u * d[4]))));
        q[i] = weight[i] * (d[1] + u * (2 * d[2] + u * (3 * d[3] + u * 4 * d[4])));
        turn[i] = weight[i] * t * (2 * d[2] + u * (6 * d[3] + u * 12 * d[4]));
        b->H[i] += p[i];
        b->h[i] += q[i];
        b->slope[i] += turn[i];
        b->bend[i] += weight[i] * t * t * (6 * d[3] + u * 24 * d[4]);
    }
}

static void make_block(const smooth_table *table, const sr_hazard_rows *rows, size_t K,
                       smooth_block *b)
{
    find_pieces(table, rows, b);
    for (size_t i = 0; i < rows->m; i++)
        b->H[i] = b->h[i] = b->slope[i] = b->bend[i] = 0;
    for (size_t j = 0; j < K; j++)
        add_column(table, rows->theta + j * SR_BLOCK, rows->m, j, b);
    for (size_t j = 0; j < K; j++)
        for (size_t i = 0; i < rows->m; i++) {
            b->p[j][i] /= b->H[i];
            b->q[j][i] /= b->h[i];
            b->turn[j][i] /= b->h[i];
        }
    for (size_t i = 0; i < rows->m; i++) {
        b->slope[i] /= b->h[i];
        b->bend[i] /= b->h[i];
    }
}

/* [j = k] part_j - part_j part_k, the second derivatives of the log of a sum of e^theta_j */
static void fill_theta(double part[][SR_BLOCK], size_t K, const sr_hazard_rows *rows, sr_jet *out)
{
    for (size_t j = 0; j < K; j++) {
        memcpy(out->first + (1 + j) * SR_BLOCK, part[j], rows->m * sizeof(double));
        for (size_t k = 0; k <= j && rows->order > 1; k++) {
            double *const restrict second = out->second + SR_PAIR(1 + j, 1 + k) * SR_BLOCK;
            const double *const restrict a = part[j], *const restrict c = part[k];
            const double own = j == k;
#pragma omp simd
            for (size_t i = 0; i < rows->m; i++)
                second[i] = a[i] * (own - c[i]);
        }
    }
}

static void write_cum(smooth_block *b, size_t K, const sr_hazard_rows *rows, sr_jet *cum)
{
    for (size_t i = 0; i < rows->m; i++)
        cum->value[i] = log(b->H[i]);
    if (rows->order == 0)
        return;
    fill_theta(b->p, K, rows, cum);
    for (size_t i = 0; i < rows->m; i++) {
        const double r = b->t[i] * b->h[i] / b->H[i];
        cum->first[i] = r;
        for (size_t j = 0; j < K && rows->order > 1; j++)
            cum->second[SR_PAIR(1 + j, 0) * SR_BLOCK + i] = r * (b->q[j][i] - b->p[j][i]);
        if (rows->order > 1)
            cum->second[i] = r * (1 + b->slope[i] - r);
    }
}

static void write_haz(smooth_block *b, size_t K, const sr_hazard_rows *rows, sr_jet *haz)
{
    for (size_t i = 0; i < rows->m; i++)
        haz->value[i] = log(b->h[i]);
    if (rows->order == 0)
        return;
    fill_theta(b->q, K, rows, haz);
    for (size_t i = 0; i < rows->m; i++) {
        const double s = b->slope[i];
        haz->first[i] = s;
        for (size_t j = 0; j < K && rows->order > 1; j++)
            haz->second[SR_PAIR(1 + j, 0) * SR_BLOCK + i] = b->turn[j][i] - s * b->q[j][i];
        if (rows->order > 1)
            haz->second[i] = s + b->bend[i] - s * s;
    }
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    const size_t K = hazard->n_theta;
    smooth_table table;
    smooth_block b;
    table.n_interval = K - 3;
    table.knot = hazard->setting;
    for (size_t j = 0; j < K; j++)
        make_column(&table, j);
    make_block(&table, rows, K, &b);
    if (cum != NULL)
        write_cum(&b, K, rows, cum);
    if (haz != NULL)
        write_haz(&b, K, rows, haz);
}

SR_REGISTER_FAMILY(eval, "smooth", 8, SR_THETA(4, MOST_BASIS), SR_SETTING(-2))

/* model_family_pieces.c -- a hazard that is constant between cuts
 *
 *   theta_j = log hazard in (cut_(j-1), cut_j], j = 1..K;  cut_0 = 0, cut_K = Inf
 *   setting = cut_1 < ... < cut_(K-1)
 *
 * With d_j(t) the time spent in piece j by t, and r the piece of t:
 *
 *   c = log sum_j d_j e^theta_j        p_j = d_j e^theta_j / H        s = t e^theta_r / H
 *   c_j = p_j     c_jk = [j = k] p_j - p_j p_k
 *   c_x = s       c_xx = s - s^2                   c_xj = ([j = r] - p_j) s
 *   v = theta_r   v_r = 1
 *
 * c is summed with its largest term taken out, so that it outlives e^theta and t. t comes back from
 * its log with a rounding error, so a time within 1e-12 of a cut counts as at the cut. O(K^2) a
 * row.
 */
#include "model_hazard.h"
#include <math.h>
#include <string.h>

static const double AT_CUT = 1 + 1e-12;

typedef struct {
    size_t here;                 /* the piece of t, from 0 */
    double share[SR_MOST_THETA]; /* p_j, 0 beyond `here` */
    double value, slope;         /* c, s */
} piece_row;

static piece_row row_at(const sr_hazard *hazard, const sr_hazard_rows *rows, size_t i)
{
    const double *const cut = hazard->setting, x = rows->x[i], t = exp(x);
    const double *const theta = rows->theta + i;
    double term[SR_MOST_THETA], top = -INFINITY, total = 0;
    piece_row row = {.here = 0};
    while (row.here < hazard->n_setting && t > cut[row.here] * AT_CUT)
        row.here++;
    for (size_t j = 0; j <= row.here; j++) {
        const double from = j == 0 ? 0 : cut[j - 1], to = j == row.here ? t : cut[j];
        const double log_spent = j == 0 && row.here == 0 ? x : log(to - from);
        term[j] = theta[j * SR_BLOCK] + log_spent;
        top = fmax(top, term[j]);
    }
    for (size_t j = 0; j <= row.here; j++)
        total += exp(term[j] - top);
    row.value = top + log(total);
    for (size_t j = 0; j <= row.here; j++)
        row.share[j] = exp(term[j] - row.value);
    row.slope = exp(theta[row.here * SR_BLOCK] + x - row.value);
    return row;
}

static void clear(size_t m, size_t n_z, int order, sr_jet *jet)
{
    for (size_t a = 0; order > 0 && a < n_z; a++)
        memset(jet->first + a * SR_BLOCK, 0, m * sizeof(double));
    for (size_t k = 0; order > 1 && k < SR_PAIR(n_z, 0); k++)
        memset(jet->second + k * SR_BLOCK, 0, m * sizeof(double));
}

static void write_cum(size_t i, int order, const piece_row *row, sr_jet *cum)
{
    const double s = row->slope;
    cum->value[i] = row->value;
    if (order > 0)
        cum->first[i] = s;
    if (order > 1)
        cum->second[i] = s - s * s;
    for (size_t j = 0; j <= row->here && order > 0; j++) {
        const double p = row->share[j];
        cum->first[(1 + j) * SR_BLOCK + i] = p;
        if (order == 1)
            continue;
        cum->second[SR_PAIR(1 + j, 0) * SR_BLOCK + i] = ((j == row->here) - p) * s;
        for (size_t k = 0; k <= j; k++)
            cum->second[SR_PAIR(1 + j, 1 + k) * SR_BLOCK + i] =
                (j == k ? p : 0) - p * row->share[k];
    }
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    const size_t n_z = 1 + hazard->n_theta;
    if (cum != NULL)
        clear(rows->m, n_z, rows->order, cum);
    if (haz != NULL)
        clear(rows->m, n_z, rows->order, haz);
    for (size_t i = 0; i < rows->m; i++) {
        const piece_row row = row_at(hazard, rows, i);
        if (cum != NULL)
            write_cum(i, rows->order, &row, cum);
        if (haz == NULL)
            continue;
        haz->value[i] = rows->theta[row.here * SR_BLOCK + i];
        if (rows->order > 0)
            haz->first[(1 + row.here) * SR_BLOCK + i] = 1;
    }
}

SR_REGISTER_FAMILY(eval, "pieces", 2, SR_THETA(1, SR_MOST_THETA), SR_SETTING(-1),
                   .jumps_at_settings = 1)

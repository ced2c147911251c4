/* model_illness_row.c -- a row as a sum of exponentials, with derivatives; see model_illness_pass.h */
#include "model_illness_pass.h"
#include <math.h>
#include <string.h>

/* --- one term ----------------------------------------------------------------------------------- */

void sr_illness_clear(const sr_illness_pass *s, const sr_illness_term *t)
{
    if (s->order > 0)
        memset(t->slope, 0, s->n_z * sizeof(double));
    if (s->order > 1)
        memset(t->own, 0, SR_PAIR(s->n_z, 0) * sizeof(double));
}

double sr_illness_add_cum(const sr_illness_pass *s, const sr_illness_term *t, size_t k,
                          const sr_jet *cum, size_t j, double by)
{
    const size_t n_own = 1 + s->data->path[k].hazard.n_theta, at = s->slot[k];
    const double H = by * exp(cum->value[j]);
    for (size_t a = 0; s->order > 0 && a < n_own; a++) {
        const double ca = cum->first[a * SR_BLOCK + j];
        t->slope[at + a] += H * ca;
        for (size_t b = 0; s->order > 1 && b <= a; b++)
            t->own[SR_PAIR(at + a, at + b)] -=
                H * (cum->second[SR_PAIR(a, b) * SR_BLOCK + j] + ca * cum->first[b * SR_BLOCK + j]);
    }
    return H;
}

double sr_illness_add_log_hazard(const sr_illness_pass *s, const sr_illness_term *t, size_t k,
                                 const sr_jet *haz, size_t j)
{
    const size_t n_own = 1 + s->data->path[k].hazard.n_theta, at = s->slot[k];
    for (size_t a = 0; s->order > 0 && a < n_own; a++) {
        t->slope[at + a] += haz->first[a * SR_BLOCK + j];
        for (size_t b = 0; s->order > 1 && b <= a; b++)
            t->own[SR_PAIR(at + a, at + b)] -= haz->second[SR_PAIR(a, b) * SR_BLOCK + j];
    }
    return haz->value[j];
}

/* Derivatives of the row are means over its
 * nodes: a share p of the new one moves them by p times the difference. */
void sr_illness_join(const sr_illness_pass *s, sr_illness_room *r, double value)
{
    if (value == -INFINITY)
        return;
    const double old = r->value, top = fmax(old, value);
    r->value = old == -INFINITY ? value : top + log(exp(old - top) + exp(value - top));
    const double p = exp(value - r->value);
    double *const gap = r->node.slope;
    for (size_t a = 0; s->order > 0 && a < s->n_z; a++)
        gap[a] -= r->row.slope[a];
    for (size_t a = 0, pair = 0; s->order > 1 && a < s->n_z; a++)
        for (size_t b = 0; b <= a; b++, pair++)
            r->row.own[pair] +=
                p * (r->node.own[pair] - r->row.own[pair] - (1 - p) * gap[a] * gap[b]);
    for (size_t a = 0; s->order > 0 && a < s->n_z; a++)
        r->row.slope[a] += p * gap[a];
}

/* --- a row ---------------------------------------------------------------------------------------- */

void sr_illness_begin_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i)
{
    const int kind = s->data->kind[from + i];
    sr_illness_clear(s, &r->row);
    r->value = -INFINITY;
    if (kind == SR_UNKNOWN)
        r->value = 0;
    if (kind != SR_UNSEEN)
        return;
    sr_illness_clear(s, &r->node);
    double value = sr_illness_add_cum(s, &r->node, SR_PATH_01, &r->end_cum[SR_PATH_01], i, -1) +
                   sr_illness_add_cum(s, &r->node, SR_PATH_02, &r->end_cum[SR_PATH_02], i, -1);
    if (s->data->is_dead[from + i])
        value += sr_illness_add_log_hazard(s, &r->node, SR_PATH_02, &r->end_haz[SR_PATH_02], i);
    sr_illness_join(s, r, value);
}

/* Which coefficients enter the row, ascending */
static size_t enter(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i)
{
    size_t count = 0;
    for (size_t k = 0; k < SR_N_PATH; k++) {
        const sr_ttp_data *const path = &s->data->path[k];
        const size_t p = path->x.p, K = path->hazard.n_theta;
        const size_t g = path->stratum != NULL ? (size_t)path->stratum[from + i] : 0;
        const size_t at_extra = p + path->n_stratum * K;
        for (size_t j = 0; j < p + K + path->n_extra; j++, count++) {
            const int is_gamma = j >= p && j < p + K;
            const size_t e = j - p - K;
            r->place[count] = s->base[k] + (j < p ? j : is_gamma ? j + g * K : at_extra + e);
            r->slot[count] = s->slot[k] + (j < p ? 0 : is_gamma ? 1 + j - p : path->extra[e].slot);
            r->entering[count] = is_gamma ? 1 : r->column[k][j < p ? j : p + e][i];
        }
    }
    return count;
}

void sr_illness_end_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i)
{
    const size_t row = from + i;
    const double weight = s->data->weight != NULL ? s->data->weight[row] : 1;
    if (s->data->log_e != NULL && s->data->log_e[row] > -INFINITY)
        for (size_t k = 0; k < 2; k++)
            r->value += sr_illness_add_cum(s, &r->row, k, &r->entry[k], i, 1);
    r->sum->f += weight * r->value;
    if (s->value != NULL)
        s->value[row] = r->value;
    for (size_t a = 0; s->score != NULL && a < s->n_z; a++)
        s->score[a * s->n + row] = r->row.slope[a];
    if (s->order < 2)
        return;
    const size_t count = enter(s, r, from, i);
    for (size_t j = 0; j < count; j++) {
        const double by = weight * r->entering[j];
        r->sum->gradient[r->place[j]] += by * r->row.slope[r->slot[j]];
        double *const info = r->sum->info + r->place[j] * s->P;
        for (size_t l = 0; l <= j; l++) {
            const size_t a = r->slot[j] > r->slot[l] ? r->slot[j] : r->slot[l];
            const size_t b = r->slot[j] + r->slot[l] - a;
            info[r->place[l]] += by * r->entering[l] * r->row.own[SR_PAIR(a, b)];
        }
    }
}

void sr_illness_go_to_row(const sr_illness_pass *s, sr_illness_room *r, size_t from, size_t i)
{
    while (r->open < i) {
        sr_illness_end_row(s, r, from, r->open);
        sr_illness_begin_row(s, r, from, ++r->open);
    }
}

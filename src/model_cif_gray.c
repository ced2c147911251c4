/* model_cif_gray.c -- do the groups differ in the incidence of one cause? Gray's test
 *
 * Within a stratum, Y_k at risk in group k, S_k its survivors, F_k its incidence of the cause,
 * N_k its events of the cause at a time, N their sum, and
 *
 *     h_k(t) = Y_k(t) / S_k(t-),  h their sum         F0 = sum N / h    (all groups alike)
 *     score z_k = sum (1 - F0(t-))^rho (N_k - N g_k / g),   g_k = h_k (1 - F_k(t-)),  g their sum
 *
 * When all groups have the same incidence F0, expanding z in the martingales M of the cause and M'
 * of its competitors gives, for the part of group q,
 *
 *     z_k ~ sum_q int (1/h_q) { [D_kq + (1 - G0/S_q) c_kq] dM_q - (G0/S_q) c_kq dM'_q }
 *     G0 = 1 - F0
 *     D_kq = (1 - F0(t-))^rho h_q (1{k = q} - h_k / h)
 *     c_kq(t) = sum over times after t of D_kq dF0 / G0(t-)
 *
 * and so the covariance, with variances h_q dF0 and N'_q of the two, each times 1 - (ties - 1) /
 * (size - 1), the size Y_q S0/S_q of the pool seen from q for the first and Y_q for the second. c is
 * summed from the last time back, so one pass forward (F0, score) and one back (covariance) do.
 * Strata add up. A time without event moves nothing.
 *
 * Gray RJ (1988). A class of K-sample tests for comparing the cumulative incidence of a competing
 * risk. Annals of Statistics 16, 1141-1154.
 *
 * O(cells x groups^3 of a stratum).
 */
#include "model_cif.h"
#include <math.h>

/* The curves of one stratum, seen at one time */
typedef struct {
    size_t m;              /* curves */
    const size_t *curve;   /* [m] */
    size_t *next;          /* [m] first cell at or after the time */
    size_t *peek;          /* [m] first of those with an event */
    double *h;             /* [m] 0 where nobody is at risk */
    double *after;         /* [m] S_k after the time, behind them [m] those before it */
    double *event, *rival; /* [m] rows that leave by the cause, by the others */
    double total, n_event; /* sums of h and event */
} scene;

typedef struct {
    const sr_cif_data *data;
    const sr_cif *cif;
    const sr_gray_plan *plan;
    size_t cause;
} question;

/* The times with events, and F0 after each */
typedef struct {
    size_t n;
    uint32_t *place;
    double *f0;
} passage;

/* Does anybody leave by any cause in the cell? */
static int has_event(const question *q, size_t cell)
{
    for (size_t j = 1; j <= (size_t)q->data->n_cause; j++)
        if (q->cif->count[j * q->cif->n_cell + cell] > 0)
            return 1;
    return 0;
}

static double before(const question *q, size_t curve, size_t cell, size_t state)
{
    if (cell == q->cif->begin[curve])
        return state == 0 ? 1 : 0;
    return q->cif->state[state * q->cif->n_cell + cell - 1];
}

/* Fills the scene of the time `place`, `next` being in place. */
static void look(const question *q, scene *s, uint32_t place)
{
    const sr_cif *const cif = q->cif;
    s->total = s->n_event = 0;
    for (size_t k = 0; k < s->m; k++) {
        const size_t curve = s->curve[k], cell = s->next[k];
        s->h[k] = s->event[k] = s->rival[k] = 0;
        s->after[k] = 0;
        s->after[s->m + k] = 1;
        if (cell == cif->begin[curve + 1])
            continue;
        const double survivors = before(q, curve, cell, 0);
        s->h[k] = cif->n_risk[cell] / survivors;
        s->after[k] = s->after[s->m + k] = survivors;
        if (cif->place[cell] == place) {
            s->after[k] = cif->state[cell];
            for (size_t j = 1; j <= (size_t)q->data->n_cause; j++) {
                const double count = cif->count[j * cif->n_cell + cell];
                *(j == q->cause ? &s->event[k] : &s->rival[k]) += count;
            }
        }
        s->total += s->h[k];
        s->n_event += s->event[k];
    }
}

/* The next time with an event in any of the curves, `next` moved there; 0 when there is none. */
static int advance(const question *q, scene *s, uint32_t *place)
{
    const sr_cif *const cif = q->cif;
    int found = 0;
    for (size_t k = 0; k < s->m; k++) {
        const size_t end = cif->begin[s->curve[k] + 1];
        if (s->peek[k] < s->next[k])
            s->peek[k] = s->next[k];
        while (s->peek[k] < end && !has_event(q, s->peek[k]))
            s->peek[k]++;
        if (s->peek[k] < end && (!found || cif->place[s->peek[k]] < *place)) {
            *place = cif->place[s->peek[k]];
            found = 1;
        }
    }
    for (size_t k = 0; found && k < s->m; k++)
        while (s->next[k] < cif->begin[s->curve[k] + 1] && cif->place[s->next[k]] < *place)
            s->next[k]++;
    return found;
}

/* Fills the passage; adds to the score of the curves. */
static void go_forward(const question *q, scene *s, passage *out, double *score)
{
    const sr_cif *const cif = q->cif;
    uint32_t now = 0;
    out->n = 0;
    for (size_t k = 0; k < s->m; k++)
        s->next[k] = s->peek[k] = cif->begin[s->curve[k]];
    while (advance(q, s, &now)) {
        const double last = out->n == 0 ? 0 : out->f0[out->n - 1];
        look(q, s, now);
        if (s->n_event > 0) {
            const double weight = pow(1 - last, q->plan->rho);
            double total = 0;
            for (size_t k = 0; k < s->m; k++)
                if (s->h[k] > 0)
                    total += s->h[k] * (1 - before(q, s->curve[k], s->next[k], q->cause));
            for (size_t k = 0; k < s->m; k++) {
                if (s->h[k] == 0)
                    continue;
                const double g = s->h[k] * (1 - before(q, s->curve[k], s->next[k], q->cause));
                score[k] += weight * (s->event[k] - s->n_event * g / total);
            }
        }
        out->place[out->n] = now;
        out->f0[out->n++] = last + s->n_event / s->total;
        for (size_t k = 0; k < s->m; k++)
            if (s->next[k] < cif->begin[s->curve[k] + 1] && cif->place[s->next[k]] == now)
                s->next[k]++;
    }
}

static double tied(double ties, double size)
{
    return ties > 1 ? 1 - (ties - 1) / (size - 1) : 1;
}

/* Adds what one time gives to the covariance [m x m]; rest[m x m] is c of the times after it. */
static void add_time(const scene *s, double weight, double f0_after, const double *rest,
                     double *loads, double *var)
{
    const size_t m = s->m;
    for (size_t q = 0; q < m; q++) {
        if (s->h[q] == 0)
            continue;
        const double risk = s->h[q]; /* Y_q / S_q(t-) */
        const double share = s->after[q] > 0 ? (1 - f0_after) / s->after[q] : 0;
        const double own = s->after[q] > 0 ? 1 - share : 0;
        const double of_cause = s->n_event / (s->total * risk);
        const double of_rivals = s->rival[q] / (risk * risk);
        double *const cause = loads, *const rivals = loads + m;
        for (size_t k = 0; k < m; k++) {
            const double d = weight * risk * ((k == q ? 1 : 0) - s->h[k] / s->total);
            cause[k] = d + own * rest[q * m + k];
            rivals[k] = -share * rest[q * m + k];
        }
        const double first = of_cause * tied(s->n_event, s->total * s->after[q + m]);
        const double second = of_rivals * tied(s->rival[q], risk * s->after[q + m]);
        for (size_t a = 0; a < m; a++)
            for (size_t b = 0; b < m; b++)
                var[a * m + b] += first * cause[a] * cause[b] + second * rivals[a] * rivals[b];
    }
}

static void go_back(const question *q, scene *s, const passage *way, double *work, double *var)
{
    const size_t m = s->m;
    const sr_cif *const cif = q->cif;
    double *const rest = work, *const loads = work + m * m;
    for (size_t a = 0; a < m * m; a++)
        rest[a] = 0;
    for (size_t k = 0; k < m; k++)
        s->next[k] = cif->begin[s->curve[k] + 1];
    for (size_t t = way->n; t-- > 0;) {
        const double last = t == 0 ? 0 : way->f0[t - 1];
        const double weight = pow(1 - last, q->plan->rho);
        for (size_t k = 0; k < m; k++) {
            while (s->next[k] > cif->begin[s->curve[k]] &&
                   cif->place[s->next[k] - 1] >= way->place[t])
                s->next[k]--;
        }
        look(q, s, way->place[t]);
        add_time(s, weight, way->f0[t], rest, loads, var);
        if (s->n_event == 0)
            continue;
        const double step = weight * (s->n_event / s->total) / (1 - last);
        for (size_t a = 0; a < m; a++)
            for (size_t b = 0; b < m; b++)
                rest[a * m + b] += step * s->h[a] * ((a == b ? 1 : 0) - s->h[b] / s->total);
    }
}

static sr_status scene_take(sr_context *ctx, size_t m, scene *s)
{
    s->m = m;
    SR_TAKE(s->next, sr_arena_sizes(&ctx->arena, m));
    SR_TAKE(s->peek, sr_arena_sizes(&ctx->arena, m));
    SR_TAKE(s->h, sr_arena_double(&ctx->arena, m));
    SR_TAKE(s->after, sr_arena_double(&ctx->arena, 2 * m));
    SR_TAKE(s->event, sr_arena_double(&ctx->arena, m));
    SR_TAKE(s->rival, sr_arena_double(&ctx->arena, m));
    return SR_OK;
}

/* Score and covariance of the m curves of a stratum, into those of their groups. */
static sr_status add_stratum(sr_context *ctx, const question *q, size_t m, const size_t *curve,
                             double *score, double *var)
{
    const sr_gray_plan *const plan = q->plan;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const size_t n_group = (size_t)plan->n_group;
    size_t n_cell = 0;
    double *own, *work;
    passage way;
    scene s = {.curve = curve};
    for (size_t k = 0; k < m; k++)
        n_cell += q->cif->begin[curve[k] + 1] - q->cif->begin[curve[k]];
    SR_TRY(scene_take(ctx, m, &s));
    SR_TAKE(way.place, sr_arena_index(&ctx->arena, n_cell));
    SR_TAKE(way.f0, sr_arena_double(&ctx->arena, n_cell));
    SR_TAKE(own, (double *)sr_arena_zero(&ctx->arena, m * (m + 1), sizeof(double)));
    SR_TAKE(work, sr_arena_double(&ctx->arena, m * (m + 2)));
    double *const own_var = own + m;
    go_forward(q, &s, &way, own);
    SR_TICK(ctx);
    go_back(q, &s, &way, work, own_var);
    for (size_t a = 0; a < m; a++) {
        const size_t ga = (size_t)plan->group[curve[a]];
        score[ga] += own[a];
        for (size_t b = 0; b < m; b++)
            var[ga * n_group + (size_t)plan->group[curve[b]]] += own_var[a * m + b];
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

sr_status sr_cif_gray(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                      const sr_gray_plan *plan, double *score, double *var)
{
    const size_t n_group = (size_t)plan->n_group;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    const question q = {data, cif, plan, (size_t)plan->cause};
    size_t *curve;
    SR_TAKE(curve, sr_arena_sizes(&ctx->arena, (size_t)data->n_curve));
    for (size_t a = 0; a < n_group; a++)
        score[a] = 0;
    for (size_t a = 0; a < n_group * n_group; a++)
        var[a] = 0;
    for (int stratum = 0; stratum < plan->n_stratum; stratum++) {
        size_t m = 0;
        for (int c = 0; c < data->n_curve; c++)
            if (plan->stratum[c] == stratum)
                curve[m++] = (size_t)c;
        if (m > 1)
            SR_TRY(add_stratum(ctx, &q, m, curve, score, var));
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

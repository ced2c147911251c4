/* model_cif_ij.c -- standard errors of cumulative incidence by the infinitesimal jackknife
 *
 * U_c(t) = sum over the rows i of cluster c of w_i dF(t) / dw_i; the variance is the sum of U_c^2.
 * As it stands that costs rows x times. Here every U is carried by four numbers that change only
 * when a row enters or leaves. Write Y for the weight at risk, a_j = N_j / Y for the steps of the
 * hazards, a for their sum, and
 *
 *     v(t) = sum a / (Y (1 - a))                            (Greenwood's sum)
 *     G_j(t) = sum S(t-) (v(t-) - 1/Y) a_j                  R_j(t) = F_j(end) - F_j(t)
 *     for the survivors (state 0):  G_0 = v S,  R_0 = -S
 *
 * Differentiating S and F_j of model_cif.h in w_i, a row that entered at e has, for t while it is
 * at risk, and with c_j chosen so that it starts from nothing,
 *
 *     U_ij(t) = w_i (G_j(t) + v(e) R_j(t) + c_j)            c_j = -v(e) R_j(e) - G_j(e)
 *
 * and after it left at s, when only its effect u_i on the survivors goes on,
 *
 *     U_ij(t) = b_ij - u_i R_j(t)                           b_ij = U_ij(s) + u_i R_j(s)
 *     u_i = w_i (v(s) - v(e)),  for an event w_i (v(s-) - v(e) - 1/Y(s))
 *
 * where an event of cause j adds w_i S(s-)/Y(s) to U_ij(s). So U = m1 + m2 R(t) + m3 G(t) with m of
 * a cluster the sum over its rows, and the sum of squares is a quadratic form in (1, R, G) whose
 * matrix, sum of m m', is kept up to date as rows come and go. Areas under the curves integrate the
 * same: m0 + m1 t + m2 int R + m3 int G. The cumulative hazard has C_ij = w_i (1{event} / Y - B_j(s)
 * + B_j(e)), B_j = sum a_j / Y, likewise. R counts from the end so that what is added late in the
 * curve, when S is small, is small: no digits cancel. Sums that rows also leave are kept in pairs.
 *
 * Without clusters and late entry all rows that leave in a cell by one cause have the same m but
 * for the weight: sums of squared weights stand for them, and no row is looked at again.
 * O(n (1 + n_cause)) at most.
 *
 * Reference: Therneau TM, Grambsch PM (2000), Modeling Survival Data, section 7.2 (the jackknife);
 * Aalen OO, Johansen S (1978), Scandinavian Journal of Statistics 5, 141-150 (the estimator).
 */
#include "core_pair.h"
#include "model_cif.h"
#include <math.h>

enum { N_PART = 4, N_MOMENT = 10 };

typedef struct {
    double high[N_MOMENT], low[N_MOMENT];
} moments;

/* What one curve does, at its origin (0) and after each of its cells: arrays of n + 1 */
typedef struct {
    size_t n, n_cause, n_cell, first; /* cells first .. first + n - 1 of n_cell */
    double *time;                     /* since the origin */
    double *v;                        /* Greenwood's sum */
    double *g, *r, *area_g, *area_r;  /* [(n + 1) x (1 + n_cause)] by column */
    double *b;                        /* [(n + 1) x n_cause] by column */
} path;

static double *column(double *values, const path *p, size_t state)
{
    return values + state * (p->n + 1);
}

static sr_status path_take(sr_context *ctx, size_t longest, size_t n_cause, path *p)
{
    const size_t rows = longest + 1;
    SR_TAKE(p->time, sr_arena_double(&ctx->arena, rows));
    SR_TAKE(p->v, sr_arena_double(&ctx->arena, rows));
    SR_TAKE(p->g, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(p->r, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(p->area_g, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(p->area_r, sr_arena_double(&ctx->arena, rows * (n_cause + 1)));
    SR_TAKE(p->b, sr_arena_double(&ctx->arena, rows * n_cause));
    return SR_OK;
}

static double survivors_before(const sr_cif *cif, const path *p, size_t k)
{
    return k == 0 ? 1 : cif->state[p->first + k - 1];
}

/* G, R and B of cause j, k = 0 .. n */
static void follow_cause(const sr_cif *cif, const path *p, size_t j)
{
    double *const g = column(p->g, p, j), *const r = column(p->r, p, j),
                  *const b = column(p->b, p, j - 1);
    const double *const incidence = cif->state + j * p->n_cell + p->first;
    const double *const event = cif->weight + j * p->n_cell + p->first;
    const double end = p->n > 0 ? incidence[p->n - 1] : 0;
    g[0] = b[0] = 0;
    r[0] = end;
    for (size_t k = 0; k < p->n; k++) {
        const double risk = cif->risk[p->first + k], step = event[k] / risk;
        g[k + 1] = g[k] + survivors_before(cif, p, k) * (p->v[k] - 1 / risk) * step;
        b[k + 1] = b[k] + step / risk;
        r[k + 1] = end - incidence[k];
    }
}

static void follow(const sr_cif_data *data, const sr_cif *cif, int curve, path *p)
{
    p->n_cause = (size_t)data->n_cause;
    p->n_cell = cif->n_cell;
    p->first = cif->begin[curve];
    p->n = cif->begin[curve + 1] - p->first;
    p->time[0] = p->v[0] = p->g[0] = 0;
    p->r[0] = -1;
    for (size_t k = 0; k < p->n; k++) {
        const size_t cell = p->first + k;
        const double before = survivors_before(cif, p, k), after = cif->state[cell];
        double step = 0;
        for (size_t j = 1; j <= p->n_cause; j++)
            step += cif->weight[j * p->n_cell + cell];
        step /= cif->risk[cell];
        p->time[k + 1] = cif->time[cell] - data->origin;
        /* once nobody is left, nothing moves any more */
        p->v[k + 1] = p->v[k];
        if (after > 0 && step > 0)
            p->v[k + 1] += step / (cif->risk[cell] * (after / before));
        p->g[k + 1] = p->v[k + 1] * after;
        p->r[k + 1] = -after;
    }
    for (size_t j = 1; j <= p->n_cause; j++)
        follow_cause(cif, p, j);
    for (size_t j = 0; j <= p->n_cause; j++) {
        const double *const g = column(p->g, p, j), *const r = column(p->r, p, j);
        double *const area_g = column(p->area_g, p, j), *const area_r = column(p->area_r, p, j);
        area_g[0] = area_r[0] = 0;
        for (size_t k = 0; k < p->n; k++) {
            const double width = p->time[k + 1] - p->time[k];
            area_g[k + 1] = area_g[k] + g[k] * width;
            area_r[k + 1] = area_r[k] + r[k] * width;
        }
    }
}

/* --- moments ---------------------------------------------------------------------------------- */

/* Adds factor * m m' (or takes it away): the upper triangle by rows. */
static void add_square(moments *sum, const double *m, double factor)
{
    int at = 0;
    for (int a = 0; a < N_PART; a++)
        for (int b = a; b < N_PART; b++, at++)
            sr_add_exactly(&sum->high[at], &sum->low[at], factor * m[a] * m[b]);
}

/* sqrt(z' (sum of m m') z) */
static double size_of(const moments *sum, const double *z)
{
    double total = 0;
    int at = 0;
    for (int a = 0; a < N_PART; a++)
        for (int b = a; b < N_PART; b++, at++)
            total += (a == b ? 1 : 2) * z[a] * z[b] * (sum->high[at] + sum->low[at]);
    return total > 0 ? sqrt(total) : 0;
}

/* --- the four numbers of a row ---------------------------------------------------------------- */

/* A row at risk, of weight 1: entered at cell `enter` (0: the origin), at time `since` */
typedef struct {
    size_t enter;
    double since;
} entry;

/* m of state j while at risk */
static void at_risk(const path *p, const entry *e, size_t j, double *m)
{
    const double *const r = column(p->r, p, j), *const g = column(p->g, p, j);
    const double v = p->v[e->enter], late = e->since - p->time[e->enter];
    const double area_r = column(p->area_r, p, j)[e->enter] + r[e->enter] * late;
    const double area_g = column(p->area_g, p, j)[e->enter] + g[e->enter] * late;
    m[3] = 1;
    m[2] = v;
    m[1] = j == 0 ? 0 : -v * r[e->enter] - g[e->enter];
    m[0] = -(m[1] * e->since + v * area_r + area_g);
}

/* A row of weight 1 that leaves at cell `cell` by `cause` (0: none), at time `until` */
typedef struct {
    size_t cell, cause;
    double until;
} departure;

/* m of state j ever after; `m` comes as the row had it at risk. */
static void departed(const sr_cif *cif, const path *p, const departure *d, size_t j, double *m)
{
    const size_t k = d->cell;
    const double late = d->until - p->time[k], r = column(p->r, p, j)[k];
    const double g = column(p->g, p, j)[k];
    const double area_r = column(p->area_r, p, j)[k] + r * late;
    const double area_g = column(p->area_g, p, j)[k] + g * late;
    const double area = m[0] + m[1] * d->until + m[2] * area_r + area_g;
    double effect = p->v[k] - m[2], moved = m[1] + m[2] * r + g;
    if (d->cause > 0) {
        const double risk = cif->risk[p->first + k - 1];
        effect = p->v[k - 1] - m[2] - 1 / risk;
        if (d->cause == j)
            moved += survivors_before(cif, p, k - 1) / risk;
    }
    m[3] = 0;
    m[2] = -effect;
    m[1] = j == 0 ? 0 : moved + effect * r;
    m[0] = area - m[1] * d->until + effect * area_r;
}

/* --- sums over what has left and who is at risk ----------------------------------------------- */

typedef struct {
    const sr_cif_data *data;
    const sr_cif *cif;
    const sr_cif_errors *out;
    path *p;
    moments *state;  /* [1 + n_cause] */
    moments *hazard; /* [n_cause] of (constant, B) in the first two parts */
} sweep;

static void clear(moments *sums, size_t count)
{
    for (size_t s = 0; s < count; s++)
        sums[s] = (moments){{0}, {0}};
}

/* Standard errors after cell k (from 1), with `still` the squared weights at risk that are not
 * among the moments, all of them there from the origin. */
static void write_errors(const sweep *s, size_t k, double still)
{
    const path *const p = s->p;
    const size_t cell = p->first + k - 1;
    for (size_t j = 0; j <= p->n_cause; j++) {
        const double g = column(p->g, p, j)[k], area_g = column(p->area_g, p, j)[k];
        const double here[N_PART] = {0, 1, column(p->r, p, j)[k], g};
        const double area[N_PART] = {1, p->time[k], column(p->area_r, p, j)[k], area_g};
        s->out->state[j * p->n_cell + cell] =
            hypot(size_of(&s->state[j], here), sqrt(still) * fabs(g));
        s->out->area[j * p->n_cell + cell] =
            hypot(size_of(&s->state[j], area), sqrt(still) * fabs(area_g));
        if (j == 0)
            continue;
        const double b = column(p->b, p, j - 1)[k];
        const double at[N_PART] = {1, b, 0, 0};
        s->out->hazard[(j - 1) * p->n_cell + cell] =
            hypot(size_of(&s->hazard[j - 1], at), sqrt(still) * b);
    }
}

/* --- no clusters, nobody enters late: cells alone --------------------------------------------- */

static void leave_cell(const sweep *s, size_t k, size_t cause, double square)
{
    const path *const p = s->p;
    const entry origin = {0, 0};
    const departure gone = {k, cause, p->time[k]};
    for (size_t j = 0; j <= p->n_cause; j++) {
        double m[N_PART];
        at_risk(p, &origin, j, m);
        departed(s->cif, p, &gone, j, m);
        add_square(&s->state[j], m, square);
        if (j == 0)
            continue;
        const double own = cause == j ? 1 / s->cif->risk[p->first + k - 1] : 0;
        const double c[N_PART] = {own - column(p->b, p, j - 1)[k], 0, 0, 0};
        add_square(&s->hazard[j - 1], c, square);
    }
}

/* still[k]: squared weights of those at risk after cell k */
static void sweep_cells(const sweep *s, double *still)
{
    const path *const p = s->p;
    still[p->n] = 0;
    for (size_t k = p->n; k-- > 0;) {
        still[k] = still[k + 1];
        for (size_t c = 0; c <= p->n_cause; c++)
            still[k] += s->cif->square[c * p->n_cell + p->first + k];
    }
    for (size_t k = 1; k <= p->n; k++) {
        for (size_t c = 0; c <= p->n_cause; c++) {
            const double square = s->cif->square[c * p->n_cell + p->first + k - 1];
            if (square > 0)
                leave_cell(s, k, c, square);
        }
        write_errors(s, k, still[k]);
    }
}

/* --- clusters, late entry: row by row --------------------------------------------------------- */

/* m of every state and (constant, B) of every cause, cluster by cluster */
typedef struct {
    size_t width;
    double *value; /* [n_cluster x width] */
    double *move;  /* [width] what a row adds */
} cluster_parts;

static void add_cluster(const sweep *s, const double *value, double sign)
{
    const size_t n_cause = s->p->n_cause;
    for (size_t j = 0; j <= n_cause; j++)
        add_square(&s->state[j], value + N_PART * j, sign);
    for (size_t j = 0; j < n_cause; j++)
        add_square(&s->hazard[j], value + N_PART * (1 + n_cause + j), sign);
}

static void move_cluster(const sweep *s, const cluster_parts *parts, size_t i)
{
    const size_t c = s->data->cluster == NULL ? i : (size_t)s->data->cluster[i];
    const double w = s->data->weight == NULL ? 1 : s->data->weight[i];
    double *const value = parts->value + c * parts->width;
    add_cluster(s, value, -1);
    for (size_t a = 0; a < parts->width; a++)
        value[a] += w * parts->move[a];
    add_cluster(s, value, 1);
}

static entry entry_of(const sweep *s, size_t i)
{
    if (s->data->start == NULL)
        return (entry){0, 0};
    const sr_timeindex *const index = &s->cif->index;
    return (entry){s->cif->enter[i], index->value[index->start[i]] - s->data->origin};
}

static void enter_row(const sweep *s, const cluster_parts *parts, size_t i)
{
    const path *const p = s->p;
    const entry e = entry_of(s, i);
    for (size_t j = 0; j <= p->n_cause; j++) {
        at_risk(p, &e, j, parts->move + N_PART * j);
        if (j == 0)
            continue;
        double *const c = parts->move + N_PART * (p->n_cause + j);
        c[0] = column(p->b, p, j - 1)[e.enter];
        c[1] = -1;
        c[2] = c[3] = 0;
    }
    move_cluster(s, parts, i);
}

static void leave_row(const sweep *s, const cluster_parts *parts, size_t i)
{
    const path *const p = s->p;
    const entry e = entry_of(s, i);
    const sr_timeindex *const index = &s->cif->index;
    const size_t k = s->cif->leave[i];
    const departure gone = {k, (size_t)s->data->cause[i],
                            index->value[index->stop[i]] - s->data->origin};
    for (size_t j = 0; j <= p->n_cause; j++) {
        double before[N_PART], after[N_PART], *const m = parts->move + N_PART * j;
        at_risk(p, &e, j, before);
        for (int a = 0; a < N_PART; a++)
            after[a] = before[a];
        departed(s->cif, p, &gone, j, after);
        for (int a = 0; a < N_PART; a++)
            m[a] = after[a] - before[a];
        if (j == 0)
            continue;
        double *const c = parts->move + N_PART * (p->n_cause + j);
        c[0] = -column(p->b, p, j - 1)[k];
        if (gone.cause == j)
            c[0] += 1 / s->cif->risk[p->first + k - 1];
        c[1] = 1;
        c[2] = c[3] = 0;
    }
    move_cluster(s, parts, i);
}

/* Rows row_begin .. row_end - 1 of `leaving` and `entering` are those of the curve. A row that
 * enters or leaves between two times may do so with either: nothing moves there. */
static sr_status sweep_rows(sr_context *ctx, const sweep *s, const cluster_parts *parts,
                            size_t row_begin, size_t row_end)
{
    const sr_cif *const cif = s->cif;
    const uint32_t *const entering = cif->entering == NULL ? cif->leaving : cif->entering;
    size_t next_in = row_begin, next_out = row_begin;
    for (size_t k = 1; k <= s->p->n; k++) {
        if (k % 1024 == 0)
            SR_TICK(ctx);
        while (next_in < row_end && (cif->enter == NULL || cif->enter[entering[next_in]] < k))
            enter_row(s, parts, entering[next_in++]);
        while (next_out < row_end && cif->leave[cif->leaving[next_out]] <= k)
            leave_row(s, parts, cif->leaving[next_out++]);
        write_errors(s, k, 0);
    }
    for (size_t r = row_begin; r < row_end; r++) {
        const size_t i = cif->leaving[r];
        const size_t c = s->data->cluster == NULL ? i : (size_t)s->data->cluster[i];
        for (size_t a = 0; a < parts->width; a++)
            parts->value[c * parts->width + a] = 0;
    }
    return SR_OK;
}

sr_status sr_cif_std_errors(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                            const sr_cif_errors *out)
{
    const size_t n_cause = (size_t)data->n_cause;
    const int by_row = data->start != NULL || data->cluster != NULL;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    size_t longest = 0, row = 0;
    for (int c = 0; c < data->n_curve; c++) {
        const size_t n = cif->begin[c + 1] - cif->begin[c];
        longest = n > longest ? n : longest;
    }
    path p = {0};
    sweep s = {data, cif, out, &p, NULL, NULL};
    cluster_parts parts = {.width = N_PART * (1 + 2 * n_cause)};
    double *still;
    SR_TRY(path_take(ctx, longest, n_cause, &p));
    SR_TAKE(still, sr_arena_double(&ctx->arena, longest + 1));
    SR_TAKE(s.state, (moments *)sr_arena_take(&ctx->arena, n_cause + 1, sizeof(moments)));
    SR_TAKE(s.hazard, (moments *)sr_arena_take(&ctx->arena, n_cause, sizeof(moments)));
    if (by_row) {
        const size_t n = data->cluster == NULL ? data->n : (size_t)data->n_cluster;
        SR_TAKE(parts.value, (double *)sr_arena_zero(&ctx->arena, n, parts.width * sizeof(double)));
        SR_TAKE(parts.move, sr_arena_double(&ctx->arena, parts.width));
    }
    for (int c = 0; c < data->n_curve; c++) {
        const size_t next = row + (size_t)cif->n_row[c];
        SR_TICK(ctx);
        follow(data, cif, c, &p);
        clear(s.state, n_cause + 1);
        clear(s.hazard, n_cause);
        if (by_row)
            SR_TRY(sweep_rows(ctx, &s, &parts, row, next));
        else
            sweep_cells(&s, still);
        row = next;
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

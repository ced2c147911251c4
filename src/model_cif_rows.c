/* model_cif_rows.c -- the jackknife of cumulative incidence with clusters and late entry
 *
 * The U of a cluster (model_cif_path.h) is at any time
 *
 *     U(t) = m1 + m2 F_j(t) + m3 G_j(t)         X(t) = m0 + m1 t + m2 int F_j + m3 int G_j
 *
 * with m a sum over its rows: m3 the weight at risk, m2 the effects u of the rows that left less
 * w v(e) of those at risk, m1 and m0 what makes U and X of each row begin at 0. Its cumulative
 * hazard has q - m3 B_j. m and q change only when a row of the cluster enters or leaves. Sums over
 * the clusters of the squares and products of X, U, m2, m3 move on from time to time, in the way of
 * model_cif_ij.c, by
 *
 *     U += m2 f + m3 g  at steps f of F_j and g of G_j          X += d U  after a width d
 *
 * and when a row enters or leaves, what its cluster had is taken off and what it now has is added.
 * So each row costs two changes and each time one move: O((rows + cells) n_cause), whatever the
 * clusters. Sums of m2, m3 lose rows again and are kept in pairs.
 */
#include "core_pair.h"
#include "model_cif_path.h"
#include <math.h>

/* Sums of products over the clusters: of m2, m3, in pairs ... */
enum { M22, M23, M33, N_SHARED };
/* ... for each state ... */
enum { XX, XU, X2, X3, UU, U2, U3, N_STATE };
/* ... and of each cause's hazard (Z) */
enum { ZZ, Z3, N_HAZARD };
/* A cluster: m2, m3, then m0, m1 of each state, then q of each cause */
enum { M2, M3, N_COMMON };

typedef struct {
    const sr_cif_data *data;
    const sr_cif *cif;
    const sr_cif_path *p;
    const sr_cif_clusters *clusters;
    double *shared; /* [2 x N_SHARED] high parts, then low */
    double *state;  /* [(1 + n_cause) x N_STATE] */
    double *hazard; /* [n_cause x N_HAZARD] */
    size_t now;     /* the cell at which U and B are */
    double time;    /* the time at which X is */
} sweep;

sr_status sr_cif_clusters_take(sr_context *ctx, const sr_cif_data *data, sr_cif_clusters *out)
{
    const size_t n_cause = (size_t)data->n_cause;
    const size_t n = data->cluster == NULL ? data->n : (size_t)data->n_cluster;
    out->width = N_COMMON + 2 * (1 + n_cause) + n_cause;
    SR_TAKE(out->value, (double *)sr_arena_zero(&ctx->arena, n, out->width * sizeof(double)));
    SR_TAKE(out->move, sr_arena_double(&ctx->arena, out->width));
    SR_TAKE(out->moment, sr_arena_double(&ctx->arena, 2 * N_SHARED + (1 + n_cause) * N_STATE +
                                                          n_cause * N_HAZARD));
    return SR_OK;
}

static double shared_sum(const sweep *s, int which)
{
    return s->shared[which] + s->shared[N_SHARED + which];
}

static void add_shared(const sweep *s, int which, double value)
{
    sr_add_exactly(&s->shared[which], &s->shared[N_SHARED + which], value);
}

static double *state_parts(const sweep *s, double *cluster, size_t j)
{
    (void)s;
    return cluster + N_COMMON + 2 * j;
}

static double *hazard_part(const sweep *s, double *cluster, size_t j)
{
    return cluster + N_COMMON + 2 * (1 + s->p->n_cause) + j;
}

/* Adds the products of a cluster (sign 1) or takes them off (-1), with U and X as they are now. */
static void add_cluster(const sweep *s, double *cluster, double sign)
{
    const sr_cif_path *const p = s->p;
    const double m2 = cluster[M2], m3 = cluster[M3], late = s->time - p->time[s->now];
    add_shared(s, M22, sign * m2 * m2);
    add_shared(s, M23, sign * m2 * m3);
    add_shared(s, M33, sign * m3 * m3);
    for (size_t j = 0; j <= p->n_cause; j++) {
        const double *const m = state_parts(s, cluster, j);
        const double f = sr_path_column(p->f, p, j)[s->now], g = sr_path_column(p->g, p, j)[s->now];
        const double area_f = sr_path_column(p->area_f, p, j)[s->now] + f * late;
        const double area_g = sr_path_column(p->area_g, p, j)[s->now] + g * late;
        const double u = m[1] + m2 * f + m3 * g;
        const double x = m[0] + m[1] * s->time + m2 * area_f + m3 * area_g;
        double *const sum = s->state + N_STATE * j;
        sum[XX] += sign * x * x;
        sum[XU] += sign * x * u;
        sum[X2] += sign * x * m2;
        sum[X3] += sign * x * m3;
        sum[UU] += sign * u * u;
        sum[U2] += sign * u * m2;
        sum[U3] += sign * u * m3;
        if (j == 0)
            continue;
        const double z =
            *hazard_part(s, cluster, j - 1) - m3 * sr_path_column(p->b, p, j - 1)[s->now];
        s->hazard[N_HAZARD * (j - 1) + ZZ] += sign * z * z;
        s->hazard[N_HAZARD * (j - 1) + Z3] += sign * z * m3;
    }
}

static void move_cluster(const sweep *s, size_t i)
{
    const sr_cif_clusters *const c = s->clusters;
    const size_t which = s->data->cluster == NULL ? i : (size_t)s->data->cluster[i];
    const double w = s->data->weight == NULL ? 1 : s->data->weight[i];
    double *const value = c->value + which * c->width;
    add_cluster(s, value, -1);
    for (size_t a = 0; a < c->width; a++)
        value[a] += w * c->move[a];
    add_cluster(s, value, 1);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* When a row came: the cell before, the time; its m at risk for weight 1 */
typedef struct {
    size_t cell;
    double time;
} arrival;

static arrival arrival_of(const sweep *s, size_t i)
{
    if (s->data->start == NULL)
        return (arrival){0, 0};
    const sr_timeindex *const index = &s->cif->index;
    return (arrival){s->cif->enter[i], index->value[index->start[i]] - s->data->origin};
}

static void at_risk(const sweep *s, const arrival *a, size_t j, double *m0, double *m1)
{
    const sr_cif_path *const p = s->p;
    const double f = sr_path_column(p->f, p, j)[a->cell], g = sr_path_column(p->g, p, j)[a->cell];
    const double v = p->v[a->cell], late = a->time - p->time[a->cell];
    const double area_f = sr_path_column(p->area_f, p, j)[a->cell] + f * late;
    const double area_g = sr_path_column(p->area_g, p, j)[a->cell] + g * late;
    *m1 = j == 0 ? 0 : v * f - g;
    *m0 = v * area_f - area_g - *m1 * a->time;
}

static void enter_row(const sweep *s, size_t i)
{
    const sr_cif_path *const p = s->p;
    double *const move = s->clusters->move;
    const arrival a = arrival_of(s, i);
    move[M2] = -p->v[a.cell];
    move[M3] = 1;
    for (size_t j = 0; j <= p->n_cause; j++) {
        double *const m = state_parts(s, move, j);
        at_risk(s, &a, j, &m[0], &m[1]);
        if (j > 0)
            *hazard_part(s, move, j - 1) = sr_path_column(p->b, p, j - 1)[a.cell];
    }
    move_cluster(s, i);
}

static void leave_row(const sweep *s, size_t i)
{
    const sr_cif_path *const p = s->p;
    const sr_timeindex *const index = &s->cif->index;
    double *const move = s->clusters->move;
    const arrival a = arrival_of(s, i);
    const size_t k = s->cif->leave[i], cause = (size_t)s->data->cause[i];
    const double time = index->value[index->stop[i]] - s->data->origin, late = time - p->time[k];
    const double own = cause > 0 ? 1 / s->cif->risk[p->first + k - 1] : 0, v = p->v[a.cell];
    const double effect = cause > 0 ? p->v[k - 1] - v - own : p->v[k] - v;
    move[M2] = effect + v;
    move[M3] = -1;
    for (size_t j = 0; j <= p->n_cause; j++) {
        double m0, m1, *const m = state_parts(s, move, j);
        const double f = sr_path_column(p->f, p, j)[k], g = sr_path_column(p->g, p, j)[k];
        const double area_f = sr_path_column(p->area_f, p, j)[k] + f * late;
        const double area_g = sr_path_column(p->area_g, p, j)[k] + g * late;
        at_risk(s, &a, j, &m0, &m1);
        const double jump = cause > 0 && cause == j ? own * p->f[k - 1] : 0;
        const double u = m1 - v * f + g + jump, x = m0 + m1 * time - v * area_f + area_g;
        const double after = j == 0 ? 0 : u - effect * f;
        m[1] = after - m1;
        m[0] = x - after * time - effect * area_f - m0;
        if (j > 0)
            *hazard_part(s, move, j - 1) =
                (cause == j ? own : 0) - sr_path_column(p->b, p, j - 1)[k];
    }
    move_cluster(s, i);
}

/* --- times ------------------------------------------------------------------------------------ */

static void move_time(sweep *s, double time)
{
    const double width = time - s->time;
    for (size_t j = 0; j <= s->p->n_cause; j++) {
        double *const sum = s->state + N_STATE * j;
        sum[XX] += width * (2 * sum[XU] + width * sum[UU]);
        sum[XU] += width * sum[UU];
        sum[X2] += width * sum[U2];
        sum[X3] += width * sum[U3];
    }
    s->time = time;
}

/* U, Z from cell k - 1 to cell k */
static void move_cell(sweep *s, size_t k)
{
    const sr_cif_path *const p = s->p;
    const double m22 = shared_sum(s, M22), m23 = shared_sum(s, M23), m33 = shared_sum(s, M33);
    for (size_t j = 0; j <= p->n_cause; j++) {
        const double *const column_f = sr_path_column(p->f, p, j);
        const double *const column_g = sr_path_column(p->g, p, j);
        const double f = column_f[k] - column_f[k - 1], g = column_g[k] - column_g[k - 1];
        double *const sum = s->state + N_STATE * j;
        sum[XU] += f * sum[X2] + g * sum[X3];
        sum[UU] += 2 * (f * sum[U2] + g * sum[U3]) + f * f * m22 + 2 * f * g * m23 + g * g * m33;
        sum[U2] += f * m22 + g * m23;
        sum[U3] += f * m23 + g * m33;
        if (j == 0)
            continue;
        const double *const column_b = sr_path_column(p->b, p, j - 1);
        double *const z = s->hazard + N_HAZARD * (j - 1);
        const double b = column_b[k] - column_b[k - 1];
        z[ZZ] += b * (b * m33 - 2 * z[Z3]);
        z[Z3] -= b * m33;
    }
    s->now = k;
}

static double root(double value)
{
    return value > 0 ? sqrt(value) : 0;
}

static void write_errors(const sweep *s, const sr_cif_errors *out)
{
    const sr_cif_path *const p = s->p;
    const size_t cell = p->first + s->now - 1;
    const double v = p->v[s->now];
    /* of the survivors U = S (m2 + v m3), which is 0 where S is */
    out->state[cell] = p->f[s->now] * root(shared_sum(s, M22) + 2 * v * shared_sum(s, M23) +
                                           v * v * shared_sum(s, M33));
    out->area[cell] = root(s->state[XX]);
    for (size_t j = 1; j <= p->n_cause; j++) {
        out->state[j * p->n_cell + cell] = root(s->state[N_STATE * j + UU]);
        out->area[j * p->n_cell + cell] = root(s->state[N_STATE * j + XX]);
        out->hazard[(j - 1) * p->n_cell + cell] = root(s->hazard[N_HAZARD * (j - 1) + ZZ]);
    }
}

static void clear(sweep *s)
{
    const size_t n_cause = s->p->n_cause;
    const size_t n = 2 * N_SHARED + (1 + n_cause) * N_STATE + n_cause * N_HAZARD;
    for (size_t a = 0; a < n; a++)
        s->clusters->moment[a] = 0;
    s->shared = s->clusters->moment;
    s->state = s->shared + 2 * N_SHARED;
    s->hazard = s->state + (1 + n_cause) * N_STATE;
    s->now = 0;
    s->time = 0;
}

/* A row is at risk at the times after its start, up to its stop. */
sr_status sr_cif_curve_by_row(sr_context *ctx, const sr_cif_curve *curve, const sr_cif_errors *out)
{
    const sr_cif_data *const data = curve->data;
    const sr_cif *const cif = curve->cif;
    const sr_cif_path *const p = curve->path;
    const sr_cif_clusters *const clusters = curve->clusters;
    const size_t begin = curve->begin, end = curve->end;
    const uint32_t *const entering = cif->entering == NULL ? cif->leaving : cif->entering;
    const uint32_t *const leaving = cif->leaving;
    size_t next_in = begin, next_out = begin;
    sweep s = {.data = data, .cif = cif, .p = p, .clusters = clusters};
    clear(&s);
    for (size_t k = 1; k <= p->n; k++) {
        if (k % 1024 == 0)
            SR_TICK(ctx);
        move_time(&s, p->time[k]);
        while (next_in < end && (cif->enter == NULL || cif->enter[entering[next_in]] < k))
            enter_row(&s, entering[next_in++]);
        while (next_out < end && cif->leave[leaving[next_out]] < k)
            leave_row(&s, leaving[next_out++]);
        move_cell(&s, k);
        while (next_out < end && cif->leave[leaving[next_out]] == k)
            leave_row(&s, leaving[next_out++]);
        write_errors(&s, out);
    }
    for (size_t r = begin; r < end; r++) {
        const size_t c = data->cluster == NULL ? leaving[r] : (size_t)data->cluster[leaving[r]];
        for (size_t a = 0; a < clusters->width; a++)
            clusters->value[c * clusters->width + a] = 0;
    }
    return SR_OK;
}

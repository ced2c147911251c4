/* model_cif_ij.c -- standard errors of cumulative incidence by the infinitesimal jackknife
 *
 * U_c(t) = sum over the rows i of cluster c of w_i dF(t)/dw_i; the variance is the sum of U_c^2.
 * As it stands that costs rows x times. But between one time and the next all U move alike: those
 * of rows at risk by a multiple of their weight, those of rows that have left by a multiple of
 * their effect u on the survivors (model_cif_path.h). So sums of squares and products of U, u and
 * X, the integral of U, tell how the sums of squares move on:
 *
 *     at a step f of F      U += u f:   UU += 2 f Uu + f^2 uu    Uu += f uu    XU += f Xu
 *     after a width d       X += d U:   XX += 2 d XU + d^2 UU    XU += d UU    Xu += d Uu
 *
 * and a row that leaves adds its own. Here nobody enters late and no rows form clusters: then all
 * rows at risk have the same U but for the weight, and so have all that leave in a cell by one
 * cause, so that sums of squared weights stand for the rows. Else model_cif_rows.c.
 *
 * O(cells x n_cause^2).
 *
 * Therneau TM, Grambsch PM (2000). Modeling Survival Data, section 7.2 (the jackknife);
 * Aalen OO, Johansen S (1978). Scandinavian Journal of Statistics 5, 141-150 (the estimator).
 */
#include "model_cif_path.h"
#include <math.h>

/* Sums over the rows that have left, of one cause; state 0 has U = u S and no need of UU, Uu, XU */
typedef struct {
    double uu_state;       /* UU */
    double ue, xx, xu, xe; /* U and X with each other and with the effect u */
    double hazard;         /* squares of the cumulative hazard's */
} left_sums;

typedef struct {
    const sr_cif *cif;
    const sr_cif_path *p;
    const sr_cif_errors *out;
    left_sums *left; /* [1 + n_cause] */
    double ee;       /* squares of the effects */
    double *still;   /* [n + 1] squared weights at risk after each cell */
} sweep;

static void move_on(sweep *s, size_t k)
{
    const sr_cif_path *const p = s->p;
    const double width = p->time[k] - p->time[k - 1], survivors = p->f[k - 1];
    left_sums *const none = &s->left[0];
    none->xx += width * survivors * (2 * none->xe + width * survivors * s->ee);
    none->xe += width * survivors * s->ee;
    for (size_t j = 1; j <= p->n_cause; j++) {
        left_sums *const l = &s->left[j];
        const double *const f = sr_path_column(p->f, p, j), step = f[k] - f[k - 1];
        l->xx += width * (2 * l->xu + width * l->uu_state);
        l->xu += width * l->uu_state;
        l->xe += width * l->ue;
        l->xu += step * l->xe;
        l->uu_state += step * (2 * l->ue + step * s->ee);
        l->ue += step * s->ee;
    }
}

/* Rows with `square` squared weights in all leave at cell k by `cause`, 0 for none. */
static void leave(sweep *s, size_t k, size_t cause, double square)
{
    const sr_cif_path *const p = s->p;
    const double risk = s->cif->risk[p->first + k - 1];
    const double effect = cause == 0 ? p->v[k] : p->v[k - 1] - 1 / risk;
    s->ee += square * effect * effect;
    const double area = p->area_g[k];
    s->left[0].xx += square * area * area;
    s->left[0].xe += square * area * effect;
    for (size_t j = 1; j <= p->n_cause; j++) {
        left_sums *const l = &s->left[j];
        const double own = cause == j ? 1 / risk : 0;
        const double u = sr_path_column(p->g, p, j)[k] + own * p->f[k - 1];
        const double x = sr_path_column(p->area_g, p, j)[k];
        const double h = own - sr_path_column(p->b, p, j - 1)[k];
        l->uu_state += square * u * u;
        l->ue += square * u * effect;
        l->xx += square * x * x;
        l->xu += square * x * u;
        l->xe += square * x * effect;
        l->hazard += square * h * h;
    }
}

static double root(double left, double still, double at_risk)
{
    const double total = left + still * at_risk * at_risk;
    return total > 0 ? sqrt(total) : 0;
}

static void write_errors(const sweep *s, size_t k)
{
    const sr_cif_path *const p = s->p;
    const size_t cell = p->first + k - 1;
    const double still = s->still[k];
    s->out->state[cell] = p->f[k] * sqrt(s->ee + still * p->v[k] * p->v[k]);
    s->out->area[cell] = root(s->left[0].xx, still, p->area_g[k]);
    for (size_t j = 1; j <= p->n_cause; j++) {
        const left_sums *const l = &s->left[j];
        s->out->state[j * p->n_cell + cell] =
            root(l->uu_state, still, sr_path_column(p->g, p, j)[k]);
        s->out->area[j * p->n_cell + cell] = root(l->xx, still, sr_path_column(p->area_g, p, j)[k]);
        s->out->hazard[(j - 1) * p->n_cell + cell] =
            root(l->hazard, still, sr_path_column(p->b, p, j - 1)[k]);
    }
}

static void sweep_cells(sweep *s)
{
    const sr_cif_path *const p = s->p;
    const double *const square = s->cif->square + p->first;
    s->ee = 0;
    for (size_t j = 0; j <= p->n_cause; j++)
        s->left[j] = (left_sums){0, 0, 0, 0, 0, 0};
    s->still[p->n] = 0;
    for (size_t k = p->n; k-- > 0;) {
        s->still[k] = s->still[k + 1];
        for (size_t c = 0; c <= p->n_cause; c++)
            s->still[k] += square[c * p->n_cell + k];
    }
    for (size_t k = 1; k <= p->n; k++) {
        move_on(s, k);
        for (size_t c = 0; c <= p->n_cause; c++)
            if (square[c * p->n_cell + k - 1] > 0)
                leave(s, k, c, square[c * p->n_cell + k - 1]);
        write_errors(s, k);
    }
}

sr_status sr_cif_std_errors(sr_context *ctx, const sr_cif_data *data, const sr_cif *cif,
                            const sr_cif_errors *out)
{
    const int by_row = data->start != NULL || data->cluster != NULL;
    const sr_arena_mark mark = sr_arena_save(&ctx->arena);
    size_t row = 0;
    sr_cif_path p;
    sr_cif_clusters clusters;
    sweep s = {.cif = cif, .p = &p, .out = out};
    SR_TRY(sr_cif_path_take(ctx, data, cif, &p));
    if (by_row)
        SR_TRY(sr_cif_clusters_take(ctx, data, &clusters));
    SR_TAKE(s.left, (left_sums *)sr_arena_take(&ctx->arena, p.n_cause + 1, sizeof(left_sums)));
    SR_TAKE(s.still, sr_arena_double(&ctx->arena, cif->n_cell + 1));
    for (int c = 0; c < data->n_curve; c++) {
        const size_t next = row + (size_t)cif->n_row[c];
        SR_TICK(ctx);
        sr_cif_path_follow(data, cif, c, &p);
        const sr_cif_curve curve = {data, cif, &p, &clusters, row, next};
        if (by_row)
            SR_TRY(sr_cif_curve_by_row(ctx, &curve, out));
        else
            sweep_cells(&s);
        row = next;
    }
    sr_arena_restore(&ctx->arena, mark);
    return SR_OK;
}

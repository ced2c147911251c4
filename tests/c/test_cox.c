/* test_cox.c -- the Cox kernel against the slow oracle, finite differences, its own symmetries */
#include "oracle.h"
#include <stdlib.h>

/* Designs that cross ties, entry times, weights, strata and offsets. */
static design_spec spec_of(int which)
{
    return (design_spec){.n = 40 + 13 * (size_t)(which % 9),
                         .p = 1 + (size_t)(which % 5),
                         .n_stratum = 1 + 2 * (which / 8 % 2),
                         .n_day = which % 3 == 0 ? 0 : 25,
                         .has_start = (which & 1) != 0,
                         .has_weight = (which & 2) != 0,
                         .has_offset = (which & 4) != 0,
                         .risk_sd = 0.8,
                         .seed = 1000 + (uint64_t)which};
}
enum { N_DESIGN = 48 };

/* A fit and room for it. */
typedef struct {
    double coef[MOST_P], var[MOST_P * MOST_P], score[MOST_P], means[MOST_P];
    double *eta, *martingale;
    sr_cox_fit fit;
} fitted;

static void open_fit(size_t n, fitted *out)
{
    *out = (fitted){.eta = calloc(2 * n + 1, sizeof(double))};
    out->martingale = out->eta + n;
    out->fit = (sr_cox_fit){.coef = out->coef,
                            .var = out->var,
                            .score = out->score,
                            .means = out->means,
                            .eta = out->eta,
                            .martingale = out->martingale};
}

static void close_fit(fitted *f)
{
    free(f->eta);
}

static sr_status fit_on(int n_thread, const sr_cox_data *data, const sr_cox_control *control,
                        fitted *out)
{
    sr_context ctx = {.n_thread = n_thread};
    const sr_status status = sr_cox_fit_newton(&ctx, data, control, &out->fit);
    sr_arena_free(&ctx.arena);
    return status;
}

/* Newton's step of the oracle from the estimate, in standard errors. */
static double distance_to_maximum(size_t p, const oracle_result *at)
{
    long double step[MOST_P] = {0};
    double worst = 0;
    oracle_solve(p, at->info, at->score, step);
    for (size_t j = 0; j < p; j++)
        worst = fmax(worst, (double)fabsl(step[j] * sqrtl(at->info[j * p + j])));
    return worst;
}

static void check_fit(const design *d, int is_efron)
{
    const size_t n = d->data.times.n, p = d->data.x.p;
    fitted f;
    open_fit(n, &f);
    const sr_cox_control control = tight_control(is_efron);
    CHECK_OK(fit_on(2, &d->data, &control, &f));
    CHECK(f.fit.is_converged);
    CHECK(f.fit.rank == (int)p);

    const double zero[MOST_P] = {0};
    oracle_result start = {.hazard = NULL}, at = {.hazard = calloc(n, sizeof(double))};
    oracle_cox(&d->data, is_efron, zero, &start);
    oracle_cox(&d->data, is_efron, f.coef, &at);
    CHECK(distance_to_maximum(p, &at) < 1e-7);
    CHECK_NEAR(f.fit.loglik[0], (double)start.loglik, 1e-12);
    CHECK_NEAR(f.fit.loglik[1], (double)at.loglik, 1e-12);

    long double step[MOST_P], score_test = 0;
    oracle_solve(p, start.info, start.score, step);
    for (size_t j = 0; j < p; j++)
        score_test += step[j] * start.score[j];
    CHECK_NEAR(f.fit.score_test, (double)score_test, 1e-10);

    double product[MOST_P * MOST_P] = {0}, identity[MOST_P * MOST_P] = {0};
    for (size_t j = 0; j < p; j++) {
        identity[j * p + j] = 1;
        for (size_t k = 0; k < p; k++)
            for (size_t l = 0; l < p; l++)
                product[j * p + k] += f.var[j * p + l] * (double)at.info[l * p + k];
        CHECK_NEAR(f.score[j], (double)at.score[j], 1e-9 * (1 + (double)at.info[j * p + j]));
    }
    CHECK_CLOSE(p * p, product, identity, 1e-10);

    double *eta = calloc(2 * n, sizeof(double)), *martingale = eta + n;
    long double shift = 0;
    for (size_t j = 0; j < p; j++)
        shift += (long double)f.coef[j] * f.means[j];
    for (size_t i = 0; i < n; i++) {
        const long double raw = oracle_eta(&d->data, f.coef, i);
        eta[i] = (double)(raw - shift);
        martingale[i] = d->event[i] - (double)(expl(raw) * at.hazard[i]);
    }
    CHECK_CLOSE(n, f.eta, eta, 1e-12);
    CHECK_CLOSE(n, f.martingale, martingale, 1e-10);
    free(eta);
    free(at.hazard);
    close_fit(&f);
}

TEST(cox_fit_maximises_the_likelihood)
{
    for (int which = 0; which < N_DESIGN; which++) {
        const design_spec spec = spec_of(which);
        design d;
        design_make(&spec, &d);
        check_fit(&d, which % 2);
        check_fit(&d, which / 2 % 2);
        design_free(&d);
    }
}

typedef struct {
    double loglik, score[MOST_P], info[MOST_P * MOST_P];
} parts;

/* Log-likelihood, score and information of the kernel's parts at beta, x as it is. */
static sr_status parts_at(sr_context *ctx, const sr_cox_data *data, int is_efron,
                          const double *beta, parts *out)
{
    sr_riskset rs;
    sr_risk_sums sums;
    double *eta, *risk, *shift;
    SR_TRY(sr_riskset_make(ctx, &data->times, is_efron, &rs));
    SR_TRY(sr_risk_sums_take(ctx, &rs, &data->x, &sums));
    SR_TAKE(eta, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(risk, sr_arena_double(&ctx->arena, data->times.n));
    SR_TAKE(shift, sr_arena_double(&ctx->arena, (size_t)data->times.n_stratum));
    SR_TRY(sr_columns_times(ctx, &data->x, beta, data->offset, eta));
    SR_TRY(sr_cox_risk(ctx, &rs, &data->times, eta, shift, risk));
    SR_TRY(sr_cox_risk_sums(ctx, &rs, &data->x, risk, &sums));
    const sr_cox_state at = {&rs, &data->times, eta, shift, risk, &sums};
    SR_TRY(sr_cox_loglik(ctx, &at, &out->loglik));
    return sr_cox_information(ctx, &at, &data->x, out->score, out->info);
}

TEST(cox_derivatives_are_those_of_the_likelihood)
{
    for (int which = 0; which < N_DESIGN; which++) {
        const design_spec spec = spec_of(which);
        const int is_efron = which % 2;
        const size_t p = spec.p;
        design d;
        design_make(&spec, &d);
        check_random random = {77 + (uint64_t)which};
        double beta[MOST_P];
        parts got = {.loglik = NAN};
        for (size_t j = 0; j < p; j++)
            beta[j] = 0.5 * check_normal(&random);
        sr_context ctx = {.n_thread = 1};
        CHECK_OK(parts_at(&ctx, &d.data, is_efron, beta, &got));
        sr_arena_free(&ctx.arena);

        /* central differences of the oracle's log-likelihood in long double, error h^4 / 30 f5 */
        double gradient[MOST_P], hessian[MOST_P * MOST_P];
        const double h = 0x1p-10;
        oracle_result at = {.hazard = NULL};
        for (size_t j = 0; j < p; j++) {
            long double f[5], g[5][MOST_P];
            for (int k = 0; k < 5; k++) {
                double moved[MOST_P];
                memcpy(moved, beta, sizeof moved);
                moved[j] += (k - 2) * h;
                oracle_cox(&d.data, is_efron, moved, &at);
                f[k] = at.loglik;
                memcpy(g[k], at.score, sizeof g[k]);
            }
            gradient[j] = (double)((f[0] - 8 * f[1] + 8 * f[3] - f[4]) / (12 * (long double)h));
            for (size_t l = 0; l < p; l++)
                hessian[j * p + l] = (double)(-(g[0][l] - 8 * g[1][l] + 8 * g[3][l] - g[4][l]) /
                                              (12 * (long double)h));
        }
        oracle_cox(&d.data, is_efron, beta, &at);
        CHECK_NEAR(got.loglik, (double)at.loglik, 1e-12);
        CHECK_CLOSE(p, got.score, gradient, 1e-8);
        CHECK_CLOSE(p * p, got.info, hessian, 1e-8);
        design_free(&d);
    }
}

/* Two fits of the same data, told apart by order of rows or by threads. */
static void check_same(size_t n, size_t p, const fitted *a, const fitted *b, const size_t *order,
                       double tolerance)
{
    double *moved = calloc(n, sizeof(double));
    CHECK_CLOSE(p, b->coef, a->coef, tolerance);
    CHECK_CLOSE(p * p, b->var, a->var, tolerance);
    CHECK_CLOSE(2, b->fit.loglik, a->fit.loglik, tolerance);
    for (size_t i = 0; i < n; i++)
        moved[i] = a->martingale[order[i]];
    CHECK_CLOSE(n, b->martingale, moved, tolerance);
    free(moved);
}

TEST(cox_fit_does_not_depend_on_row_order)
{
    for (int which = 0; which < 16; which++) {
        design_spec spec = spec_of(which);
        spec.n = 3000;
        design d, e;
        design_make(&spec, &d);
        size_t *order = calloc(spec.n, sizeof(size_t));
        check_random random = {5};
        check_permutation(&random, spec.n, order);
        design_reorder(&d, order, &e);
        fitted a, b;
        open_fit(spec.n, &a);
        open_fit(spec.n, &b);
        const sr_cox_control control = tight_control(1);
        CHECK_OK(fit_on(1, &d.data, &control, &a));
        CHECK_OK(fit_on(1, &e.data, &control, &b));
        check_same(spec.n, spec.p, &a, &b, order, 1e-10);
        close_fit(&a);
        close_fit(&b);
        free(order);
        design_free(&d);
        design_free(&e);
    }
}

TEST(cox_fit_has_the_same_bits_on_any_threads)
{
    /* ties in days: cells of several chunks; continuous times: more cells than fit in cache */
    for (int which = 0; which < 4; which++) {
        const design_spec spec = {.n = 140000,
                                  .p = 3,
                                  .n_stratum = 2,
                                  .n_day = which & 1 ? 400 : 0,
                                  .has_start = (which & 2) != 0,
                                  .risk_sd = 0.5,
                                  .seed = 9};
        design d;
        design_make(&spec, &d);
        fitted a, b;
        open_fit(spec.n, &a);
        open_fit(spec.n, &b);
        const sr_cox_control control = tight_control(1);
        CHECK_OK(fit_on(1, &d.data, &control, &a));
        CHECK_OK(fit_on(3, &d.data, &control, &b));
        CHECK_SAME_BITS(spec.p, a.coef, b.coef);
        CHECK_SAME_BITS(spec.p * spec.p, a.var, b.var);
        CHECK_SAME_BITS(2, a.fit.loglik, b.fit.loglik);
        CHECK_SAME_BITS(spec.n, a.martingale, b.martingale);
        CHECK_SAME_BITS(spec.n, a.eta, b.eta);
        close_fit(&a);
        close_fit(&b);
        design_free(&d);
    }
}

/* Each row looks for its slots by bisection; the sums run backwards in long double. */
TEST(cox_risk_sums_of_many_rows)
{
    for (int which = 0; which < 4; which++) {
        const design_spec spec = {.n = 140000,
                                  .p = 2,
                                  .n_stratum = 1,
                                  .n_day = which & 1 ? 300 : 0,
                                  .has_start = (which & 2) != 0,
                                  .risk_sd = 1,
                                  .seed = 21};
        design d;
        design_make(&spec, &d);
        const size_t n = spec.n;
        sr_context ctx = {.n_thread = 2};
        sr_riskset rs;
        sr_risk_sums sums;
        CHECK_OK(sr_riskset_make(&ctx, &d.data.times, 1, &rs));
        CHECK_OK(sr_risk_sums_take(&ctx, &rs, &d.data.x, &sums));
        CHECK_OK(sr_cox_risk_sums(&ctx, &rs, &d.data.x, d.weight, &sums));
        /* per slot: what leaves there, less what enters there; then one pass backwards */
        long double *s0 = calloc(3 * rs.n_slot, sizeof(long double)), *s1 = s0 + rs.n_slot;
        for (size_t i = 0; i < n; i++) {
            for (int is_entry = 0; is_entry <= spec.has_start; is_entry++) {
                const double now = is_entry ? d.start[i] : d.stop[i];
                size_t low = 1, high = rs.n_slot;
                while (low < high) { /* the first slot later than `now` */
                    const size_t middle = (low + high) / 2;
                    if (rs.slot_time[middle] <= now)
                        low = middle + 1;
                    else
                        high = middle;
                }
                const long double risk = is_entry ? -(long double)d.weight[i] : d.weight[i];
                s0[low - 1] += risk;
                s1[low - 1] += risk * d.x[1][i];
            }
        }
        double *want = calloc(2 * rs.n_slot, sizeof(double)), *want1 = want + rs.n_slot;
        for (size_t k = rs.n_slot - 1; k-- > 0;) {
            s0[k] += s0[k + 1];
            s1[k] += s1[k + 1];
        }
        for (size_t k = 0; k < rs.n_slot; k++) {
            want[k] = (double)s0[k];
            want1[k] = (double)s1[k];
        }
        CHECK_CLOSE(rs.n_slot - 1, sums.S0 + 1, want + 1, 1e-12);
        CHECK_CLOSE(rs.n_slot - 1, sums.S1 + rs.n_slot + 1, want1 + 1, 1e-12);
        double worst = 0;
        for (size_t k = 1; k < rs.n_slot; k++)
            worst = fmax(worst, fabs(sums.S0[k] / want[k] - 1));
        CHECK(worst < 1e-9);
        free(s0);
        free(want);
        sr_arena_free(&ctx.arena);
        design_free(&d);
    }
}

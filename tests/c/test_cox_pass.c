/* test_cox_pass.c -- the fused passes of a Newton step against the sums taken one by one */
#include "model_cox_ordered.h"
#include "model_cox_pass.h"
#include "oracle.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    double loglik, score[MOST_P], info[MOST_P * MOST_P];
} answer;

static sr_status view_of(sr_context *ctx, const design *d, int is_efron, const double *beta,
                         sr_cox_view *v)
{
    sr_riskset *rs;
    sr_cox_scaling scaling;
    const sr_cox_fit fit = {.eta = NULL};
    SR_TAKE(rs, (sr_riskset *)sr_arena_take(&ctx->arena, 1, sizeof *rs));
    SR_TRY(sr_riskset_make(ctx, &d->data.times, is_efron, rs));
    SR_TRY(sr_cox_scaling_make(ctx, &d->data, d->data.times.weight, NULL, &scaling));
    SR_TRY(sr_cox_view_make(ctx, &d->data, rs, &scaling, &fit, v));
    memcpy(v->beta, beta, d->data.x.p * sizeof(double));
    return SR_OK;
}

/* One by one; v->sums is overwritten. */
static sr_status one_by_one(sr_context *ctx, sr_cox_view *v, answer *out)
{
    SR_TRY(sr_risk_sums_take(ctx, &v->rs, &v->x, &v->sums));
    SR_TRY(sr_columns_times(ctx, &v->x, v->beta, v->offset, v->eta));
    SR_TRY(sr_cox_risk(ctx, &v->rs, &v->times, v->eta, v->shift, v->risk));
    SR_TRY(sr_cox_risk_sums(ctx, &v->rs, &v->x, v->risk, &v->sums));
    const sr_cox_state at = sr_cox_view_state(v);
    SR_TRY(sr_cox_loglik(ctx, &at, &out->loglik));
    return sr_cox_information(ctx, &at, &v->x, out->score, out->info);
}

static sr_status fused(sr_context *ctx, sr_cox_view *v, answer *out, int *is_done)
{
    if (sr_cox_is_in_order(&v->rs))
        return sr_cox_evaluate_in_order(ctx, v, &out->loglik, out->score, out->info, is_done);
    double events, logs;
    SR_TRY(sr_cox_pass(ctx, v, &events, is_done));
    SR_TRY(sr_cox_slot_logs(ctx, &v->rs, v->times.weight, &v->sums, &logs));
    out->loglik = events - logs;
    const sr_cox_state at = sr_cox_view_state(v);
    return sr_cox_information(ctx, &at, &v->x, out->score, out->info);
}

static void check_view(const design *d, int is_efron, const double *beta)
{
    const size_t n = d->data.times.n, p = d->data.x.p;
    sr_context ctx = {.n_thread = 2};
    sr_cox_view v;
    answer got = {0}, want = {0};
    int is_done = 0;
    CHECK_OK(view_of(&ctx, d, is_efron, beta, &v));
    CHECK_OK(fused(&ctx, &v, &got, &is_done));
    CHECK(is_done);
    double *const held = calloc(n + v.rs.n_slot, sizeof(double));
    memcpy(held, v.risk, v.times.n * sizeof(double));
    memcpy(held + n, v.sums.S0, v.rs.n_slot * sizeof(double));
    CHECK_OK(one_by_one(&ctx, &v, &want));
    CHECK_NEAR(got.loglik, want.loglik, 1e-13);
    CHECK_CLOSE(p, got.score, want.score, 1e-11);
    CHECK_CLOSE(p * p, got.info, want.info, 1e-12);
    CHECK_CLOSE(v.times.n, held, v.risk, 1e-13);
    CHECK_CLOSE(v.rs.n_slot, held + n, v.sums.S0, 1e-12);
    free(held);
    sr_arena_free(&ctx.arena);
}

/* Continuous times; times of which many are tied; one time that a tenth of the rows share; days */
static void make(int which, size_t p, design *d)
{
    const design_spec spec = {.n = 160000,
                              .p = p,
                              .n_stratum = 1 + which % 4,
                              .n_day = (const double[]){0, 5e5, 0, 300}[which % 4],
                              .has_start = which == 7,
                              .has_weight = (which & 1) != 0,
                              .has_offset = (which & 2) != 0,
                              .risk_sd = 0.7,
                              .seed = 60 + (uint64_t)which};
    design_make(&spec, d);
    for (size_t i = 0; which % 4 == 2 && i < spec.n; i += 10)
        d->stop[i] = d->stop[0];
}

TEST(cox_fused_passes_give_the_sums_of_separate_ones)
{
    for (int which = 0; which < 8; which++) {
        const size_t p = 1 + (size_t)which % MOST_P;
        design d;
        make(which, p, &d);
        double beta[MOST_P] = {0};
        check_view(&d, which / 4 % 2 == 0, beta);
        for (size_t j = 0; j < p; j++)
            beta[j] = 0.3 - 0.2 * (double)j;
        check_view(&d, which / 4 % 2 == 0, beta);
        check_view(&d, which / 4 % 2 != 0, beta);
        design_free(&d);
    }
}

TEST(cox_fused_passes_leave_large_predictors_to_others)
{
    for (int which = 0; which < 4; which += 3) {
        design d;
        make(which, 2, &d);
        const double beta[MOST_P] = {300, 0};
        sr_context ctx = {.n_thread = 2};
        sr_cox_view v;
        answer got = {0};
        int is_done = 1;
        CHECK_OK(view_of(&ctx, &d, 1, beta, &v));
        if (sr_cox_is_in_order(&v.rs)) {
            CHECK_OK(
                sr_cox_evaluate_in_order(&ctx, &v, &got.loglik, got.score, got.info, &is_done));
        } else {
            double events;
            CHECK_OK(sr_cox_pass(&ctx, &v, &events, &is_done));
        }
        CHECK(!is_done);
        sr_arena_free(&ctx.arena);
        design_free(&d);
    }
}

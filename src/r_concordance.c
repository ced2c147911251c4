/* r_concordance.c -- .Call("concordance"): see cox_concordance() in R/concordance.R */
#include "model_concordance.h"
#include "r_data.h"

enum { COUNT, CONCORDANCE, VARIANCE, RANK_VARIANCE, DFBETA, INFLUENCE };
static const char *const names[] = {"count",  "concordance", "var", "cvar",
                                    "dfbeta", "influence",   NULL};

static void put_counts(SEXP list, const sr_pair_counts *count, int n_stratum)
{
    double *const table = REAL(VECTOR_ELT(list, COUNT));
    for (int s = 0; s < n_stratum; s++) {
        const double row[5] = {count[s].concordant, count[s].discordant, count[s].tied_score,
                               count[s].tied_time, count[s].tied_both};
        for (int c = 0; c < 5; c++)
            table[(size_t)c * (size_t)n_stratum + (size_t)s] = row[c];
    }
}

static sr_status take_room(sr_context *ctx, const sr_times *times, SEXP list, int wants_influence,
                           sr_concordance *out)
{
    const size_t n = times->n;
    SR_TAKE(out->count, (sr_pair_counts *)sr_arena_take(&ctx->arena, (size_t)times->n_stratum,
                                                        sizeof(sr_pair_counts)));
    SR_TAKE(out->balance, sr_arena_double(&ctx->arena, n));
    SR_TAKE(out->comparable, sr_arena_double(&ctx->arena, n));
    if (wants_influence) {
        double *const matrix = REAL(VECTOR_ELT(list, INFLUENCE));
        out->tied = matrix + 2 * n;
        out->same_time = matrix + 3 * n;
        out->same_both = matrix + 4 * n;
    }
    return SR_OK;
}

/* score: n doubles; cluster: n integers from 0, or NULL; wants: what else is to be returned, a sum
 * of 1 dfbeta, 2 influence. */
SEXP r_concordance(SEXP bundle, SEXP score, SEXP cluster, SEXP wants)
{
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const R_xlen_t n = (R_xlen_t)data.times.n;
    const int wanted = Rf_asInteger(wants);
    if (TYPEOF(score) != REALSXP || XLENGTH(score) != n)
        Rf_error("survresist, internal: `lp` must be %lld doubles", (long long)n);
    const int *const code = sr_integers_or_null(cluster, (size_t)n, "cluster");
    int n_cluster = 0;
    for (R_xlen_t i = 0; code != NULL && i < n; i++) {
        if (code[i] < 0)
            Rf_error("survresist, internal: `cluster` must be 0 or more");
        n_cluster = code[i] >= n_cluster ? code[i] + 1 : n_cluster;
    }
    SEXP list = PROTECT(sr_named_list(names));
    SET_VECTOR_ELT(list, COUNT, Rf_allocMatrix(REALSXP, data.times.n_stratum, 5));
    if (wanted & 1)
        SET_VECTOR_ELT(list, DFBETA, Rf_allocVector(REALSXP, n));
    if (wanted & 2)
        SET_VECTOR_ELT(list, INFLUENCE, Rf_allocMatrix(REALSXP, (int)n, 5));
    sr_context ctx;
    sr_context_open(&ctx);
    sr_concordance counted = {0};
    sr_concordance_summary summary = {
        .cluster = code,
        .n_cluster = n_cluster,
        .dfbeta = wanted & 1 ? REAL(VECTOR_ELT(list, DFBETA)) : NULL,
    };
    sr_status status = take_room(&ctx, &data.times, list, wanted & 2, &counted);
    if (status == SR_OK)
        status = sr_concordance_count(&ctx, &data.times, REAL(score), &counted);
    if (status == SR_OK)
        status = sr_concordance_summarise(&ctx, &data.times, &counted, &summary);
    if (status == SR_OK && (wanted & 2))
        sr_concordance_split(&counted, data.times.n, REAL(VECTOR_ELT(list, INFLUENCE)));
    if (status == SR_OK)
        put_counts(list, counted.count, data.times.n_stratum);
    sr_context_close(&ctx, status);
    SET_VECTOR_ELT(list, CONCORDANCE, Rf_ScalarReal(summary.concordance));
    SET_VECTOR_ELT(list, VARIANCE, Rf_ScalarReal(summary.variance));
    SET_VECTOR_ELT(list, RANK_VARIANCE, Rf_ScalarReal(summary.rank_variance));
    UNPROTECT(1);
    return list;
}

/* r_cox_boot.c -- .Call("cox_boot"), .Call("resample_counts"): see R/bootstrap.R */
#include "model_cox_boot.h"
#include "r_data.h"

enum { COEF, STATE };
static const char *const result_names[] = {"coef", "state", NULL};

/* A 0-based index of length n, or NULL; 1 + its largest entry in *n_value. */
static const int *index_or_null(SEXP value, R_xlen_t n, size_t *n_value, const char *what)
{
    const int *const index = sr_integers_or_null(value, (size_t)n, what);
    if (index == NULL)
        return NULL;
    *n_value = 0;
    for (R_xlen_t i = 0; i < n; i++) {
        if (index[i] < 0)
            Rf_error("survresist, internal: `%s` must be 0 or more", what);
        if ((size_t)index[i] >= *n_value)
            *n_value = (size_t)index[i] + 1;
    }
    return index;
}

/* unit: 0-based unit of each row or NULL; group: 0-based group of each unit or NULL;
 * search: list(iter.max, eps, toler.chol). */
SEXP r_cox_boot(SEXP bundle, SEXP is_efron, SEXP init, SEXP search, SEXP unit, SEXP group,
                SEXP times, SEXP seed)
{
    sr_cox_data data;
    sr_data_from_r(bundle, &data);
    const int n_replicate = Rf_asInteger(times), p = (int)data.x.p;
    if (TYPEOF(init) != REALSXP || XLENGTH(init) != p)
        Rf_error("survresist, internal: `init` must be %d doubles", p);
    if (TYPEOF(search) != VECSXP || XLENGTH(search) != 3 || n_replicate < 1)
        Rf_error("survresist, internal: `search` or `times` is wrong");
    sr_boot_design design = {.n_replicate = (size_t)n_replicate,
                             .n_unit = data.times.n,
                             .seed = (uint32_t)Rf_asInteger(seed)};
    size_t n_group;
    design.unit = index_or_null(unit, (R_xlen_t)data.times.n, &design.n_unit, "unit");
    design.group = index_or_null(group, (R_xlen_t)design.n_unit, &n_group, "group");
    const sr_cox_control control = {.is_efron = Rf_asLogical(is_efron) == TRUE,
                                    .max_iter = Rf_asInteger(VECTOR_ELT(search, 0)),
                                    .eps = Rf_asReal(VECTOR_ELT(search, 1)),
                                    .tol_chol = Rf_asReal(VECTOR_ELT(search, 2)),
                                    .init = REAL(init)};
    SEXP list = PROTECT(sr_named_list(result_names));
    SET_VECTOR_ELT(list, COEF, Rf_allocMatrix(REALSXP, n_replicate, p));
    SET_VECTOR_ELT(list, STATE, Rf_allocVector(INTSXP, n_replicate));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status =
        sr_cox_boot(&ctx, &data, &control, &design, REAL(VECTOR_ELT(list, COEF)),
                    INTEGER(VECTOR_ELT(list, STATE)));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return list;
}

static sr_status draw(sr_context *ctx, size_t n_unit, const int *group, uint32_t seed,
                      size_t n_replicate, int *count)
{
    sr_resample plan;
    sr_rng *rng;
    SR_TRY(sr_resample_make(ctx, n_unit, group, seed, &plan));
    SR_TRY(sr_rng_take(ctx, &rng));
    for (size_t r = 0; r < n_replicate; r++) {
        SR_TICK(ctx);
        sr_resample_draw(&plan, rng, r, 1, count + r * n_unit);
    }
    return SR_OK;
}

/* The counts behind r_cox_boot: an integer matrix, units by replicates. */
SEXP r_resample_counts(SEXP n_unit, SEXP group, SEXP times, SEXP seed)
{
    const int n = Rf_asInteger(n_unit), n_replicate = Rf_asInteger(times);
    size_t n_group;
    const int *groups = index_or_null(group, n, &n_group, "group");
    SEXP count = PROTECT(Rf_allocMatrix(INTSXP, n, n_replicate));
    sr_context ctx;
    sr_context_open(&ctx);
    const sr_status status = draw(&ctx, (size_t)n, groups, (uint32_t)Rf_asInteger(seed),
                                  (size_t)n_replicate, INTEGER(count));
    sr_context_close(&ctx, status);
    UNPROTECT(1);
    return count;
}

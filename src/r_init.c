/* r_init.c -- registration of the routines that R calls */
#include "core_thread.h"
#include <R.h>
#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>
#include <Rinternals.h>

SEXP r_cif(SEXP rows, SEXP numbers, SEXP plan, SEXP has_errors);
SEXP r_cif_limits(SEXP p, SEXP std_err, SEXP scale, SEXP quantile);
SEXP r_concordance(SEXP bundle, SEXP score, SEXP cluster, SEXP wants);
SEXP r_cox_baseline(SEXP bundle, SEXP eta, SEXP kind, SEXP centre);
SEXP r_cox_boot(SEXP bundle, SEXP is_efron, SEXP init, SEXP search, SEXP unit, SEXP group,
                SEXP times, SEXP seed);
SEXP r_cox_exact(SEXP bundle, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol, SEXP is_centred,
                 SEXP tolerance);
SEXP r_cox_expected(SEXP bundle, SEXP eta, SEXP kind, SEXP centre, SEXP query, SEXP query_eta,
                    SEXP var);
SEXP r_cox_firth(SEXP bundle, SEXP is_efron, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol,
                 SEXP is_centred, SEXP tolerance, SEXP fixed);
SEXP r_cox_fit(SEXP bundle, SEXP is_efron, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol,
               SEXP is_centred, SEXP tolerance);
SEXP r_cox_linear(SEXP bundle, SEXP centre, SEXP beta);
SEXP r_cox_robust(SEXP bundle, SEXP eta, SEXP eta_null, SEXP var, SEXP is_efron, SEXP cluster,
                  SEXP n_cluster, SEXP tol_chol);
SEXP r_cox_schoenfeld(SEXP bundle, SEXP eta, SEXP is_efron);
SEXP r_cox_scores(SEXP bundle, SEXP eta, SEXP is_efron, SEXP is_weighted);
SEXP r_cox_std_err(SEXP bundle, SEXP centre, SEXP var);
SEXP r_cox_stratum_means(SEXP bundle);
SEXP r_cox_survfit(SEXP bundle, SEXP eta, SEXP kind, SEXP centre, SEXP z, SEXP z_eta, SEXP stratum,
                   SEXP var);
SEXP r_cox_profile(SEXP bundle, SEXP is_efron, SEXP coef, SEXP is_centred, SEXP which,
                   SEXP quantile);
SEXP r_cox_xy(SEXP bundle, SEXP is_efron, SEXP init, SEXP max_iter, SEXP eps, SEXP tol_chol,
              SEXP tolerance);
SEXP r_cox_zph(SEXP bundle, SEXP eta, SEXP is_efron, SEXP clock, SEXP given);
SEXP r_cox_zph_scale(SEXP residual, SEXP A, SEXP slope, SEXP dimnames);
SEXP r_cox_zph_short(SEXP time);
SEXP r_finegray_curves(SEXP bundle, SEXP spec, SEXP control, SEXP fit, SEXP robust, SEXP query);
SEXP r_finegray_fit(SEXP bundle, SEXP spec, SEXP control, SEXP init, SEXP robust);
SEXP r_finegray_zph(SEXP bundle, SEXP spec, SEXP control, SEXP coef, SEXP clock, SEXP n_event);
SEXP r_frame_all_in(SEXP x, SEXP allowed, SEXP n_row);
SEXP r_frame_count(SEXP y, SEXP stratum, SEXP n_stratum);
SEXP r_frame_group(SEXP x);
SEXP r_frame_interval(SEXP left, SEXP right);
SEXP r_frame_interval_rows(SEXP y);
SEXP r_frame_response(SEXP start, SEXP stop, SEXP status);
SEXP r_frame_scan(SEXP x, SEXP is_covariate, SEXP n_row);
SEXP r_get_threads(void);
SEXP r_hazard_table(SEXP description, SEXP x, SEXP eta, SEXP theta, SEXP order);
SEXP r_icph_curve(SEXP bundle, SEXP beta, SEXP jump);
SEXP r_icph_fit(SEXP bundle, SEXP beta, SEXP jump, SEXP fixed, SEXP control, SEXP wants);
SEXP r_icph_rows(SEXP bundle, SEXP beta, SEXP jump);
SEXP r_illness_fit(SEXP bundle, SEXP level, SEXP init, SEXP fixed, SEXP max_iter, SEXP eps);
SEXP r_illness_rows(SEXP bundle, SEXP level, SEXP coef);
SEXP r_illness_value(SEXP bundle, SEXP level, SEXP coef);
SEXP r_resample_counts(SEXP n_unit, SEXP group, SEXP times, SEXP seed);
SEXP r_set_threads(SEXP count);
SEXP r_ttp_fit(SEXP bundle, SEXP hazard, SEXP init, SEXP fixed, SEXP max_iter, SEXP eps);
SEXP r_ttp_rows(SEXP bundle, SEXP hazard, SEXP coef);
SEXP r_ttp_value(SEXP bundle, SEXP hazard, SEXP coef);

/* One line a routine, alphabetical. */
/* clang-format off */
#define ENTRY(name, n_arg) {#name, (DL_FUNC) & r_##name, n_arg}

static const R_CallMethodDef routines[] = {
    ENTRY(cif, 4),
    ENTRY(cif_limits, 4),
    ENTRY(concordance, 4),
    ENTRY(cox_baseline, 4),
    ENTRY(cox_boot, 8),
    ENTRY(cox_exact, 7),
    ENTRY(cox_expected, 7),
    ENTRY(cox_firth, 9),
    ENTRY(cox_fit, 8),
    ENTRY(cox_linear, 3),
    ENTRY(cox_profile, 6),
    ENTRY(cox_robust, 8),
    ENTRY(cox_schoenfeld, 3),
    ENTRY(cox_scores, 4),
    ENTRY(cox_std_err, 3),
    ENTRY(cox_stratum_means, 1),
    ENTRY(cox_survfit, 8),
    ENTRY(cox_xy, 7),
    ENTRY(cox_zph, 5),
    ENTRY(cox_zph_scale, 4),
    ENTRY(cox_zph_short, 1),
    ENTRY(finegray_curves, 6),
    ENTRY(finegray_fit, 5),
    ENTRY(finegray_zph, 6),
    ENTRY(frame_all_in, 3),
    ENTRY(frame_count, 3),
    ENTRY(frame_group, 1),
    ENTRY(frame_interval, 2),
    ENTRY(frame_interval_rows, 1),
    ENTRY(frame_response, 3),
    ENTRY(frame_scan, 3),
    ENTRY(get_threads, 0),
    ENTRY(hazard_table, 5),
    ENTRY(icph_curve, 3),
    ENTRY(icph_fit, 6),
    ENTRY(icph_rows, 3),
    ENTRY(illness_fit, 6),
    ENTRY(illness_rows, 3),
    ENTRY(illness_value, 3),
    ENTRY(resample_counts, 4),
    ENTRY(set_threads, 1),
    ENTRY(ttp_fit, 6),
    ENTRY(ttp_rows, 3),
    ENTRY(ttp_value, 3),
    {NULL, NULL, 0},
};
/* clang-format on */

void attribute_visible R_init_survresist(DllInfo *dll)
{
    sr_thread_init();
    R_registerRoutines(dll, NULL, routines, NULL, NULL);
    R_useDynamicSymbols(dll, FALSE);
    R_forceSymbols(dll, TRUE);
}

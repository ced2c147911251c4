/* r_hazard.c -- .Call("hazard_table"): a hazard at given times, with derivatives */
#include "r_hazard.h"
#include "model_hazard_table.h"
#include "r_data.h"

void sr_hazard_from_r(SEXP description, sr_hazard *out)
{
    if (!Rf_isNewList(description) || XLENGTH(description) != 4)
        Rf_error("survresist, internal: a hazard must be list(family, scale, setting, n_theta)");
    SEXP name = VECTOR_ELT(description, 0), setting = VECTOR_ELT(description, 2);
    if (!Rf_isString(name) || !Rf_isReal(setting))
        Rf_error("survresist, internal: the family must be a string, its setting double");
    out->family = sr_family_find(CHAR(STRING_ELT(name, 0)));
    if (out->family == NULL)
        Rf_error("survresist, internal: there is no family '%s'", CHAR(STRING_ELT(name, 0)));
    const int scale = Rf_asInteger(VECTOR_ELT(description, 1));
    if (scale == NA_INTEGER || scale < 0 || scale >= SR_N_SCALE)
        Rf_error("survresist, internal: a hazard has no such scale");
    out->scale = (sr_scale)scale;
    out->setting = REAL(setting);
    out->n_setting = (size_t)XLENGTH(setting);
    const int n_theta = Rf_asInteger(VECTOR_ELT(description, 3));
    const int least = (int)out->family->least_theta, most = (int)out->family->most_theta;
    if (n_theta < least || n_theta > most)
        Rf_error("survresist, internal: the family '%s' has %d to %d parameters", out->family->name,
                 least, most);
    out->n_theta = (size_t)n_theta;
    const size_t n_setting = sr_family_n_setting(out->family, out->n_theta);
    if (out->n_setting != n_setting)
        Rf_error("survresist, internal: the family '%s' with %d parameters fixes %d numbers",
                 out->family->name, n_theta, (int)n_setting);
}

static const char *const table_names[] = {"cum",       "cum_first",  "cum_second", "haz",
                                          "haz_first", "haz_second", NULL};

/* Room in R's memory for one jet, at places [place, place + 3) of the list */
static void take_jet(SEXP list, int place, const sr_hazard_query *query, size_t n_z, sr_jet *jet)
{
    const int n = (int)query->n;
    SET_VECTOR_ELT(list, place, Rf_allocVector(REALSXP, n));
    jet->value = REAL(VECTOR_ELT(list, place));
    if (query->order > 0) {
        SET_VECTOR_ELT(list, place + 1, Rf_allocMatrix(REALSXP, n, (int)n_z));
        jet->first = REAL(VECTOR_ELT(list, place + 1));
    }
    if (query->order > 1) {
        SET_VECTOR_ELT(list, place + 2, Rf_allocMatrix(REALSXP, n, (int)SR_PAIR(n_z, 0)));
        jet->second = REAL(VECTOR_ELT(list, place + 2));
    }
}

/* x [n] log time, eta [n] or NULL (derivatives in (x, theta) then), theta [n x K], order */
SEXP r_hazard_table(SEXP description, SEXP x, SEXP eta, SEXP theta, SEXP order)
{
    sr_hazard hazard;
    sr_hazard_from_r(description, &hazard);
    const size_t n = (size_t)XLENGTH(x);
    const sr_hazard_query query = {.n = n,
                                   .x = sr_doubles_or_null(x, n, "x"),
                                   .eta = sr_doubles_or_null(eta, n, "eta"),
                                   .theta = sr_doubles(theta, n * hazard.n_theta, "theta"),
                                   .order = Rf_asInteger(order),
                                   .is_log_time = Rf_isNull(eta)};
    SEXP list = PROTECT(sr_named_list(table_names));
    sr_jet cum = {0}, haz = {0};
    take_jet(list, 0, &query, 1 + hazard.n_theta, &cum);
    take_jet(list, 3, &query, 1 + hazard.n_theta, &haz);
    sr_context ctx;
    sr_context_open(&ctx);
    sr_context_close(&ctx, sr_hazard_table(&ctx, &hazard, &query, &cum, &haz));
    UNPROTECT(1);
    return list;
}

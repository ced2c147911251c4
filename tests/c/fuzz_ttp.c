/* fuzz_ttp.c -- random bytes as a small study: does the parametric likelihood keep its word?
 *
 * Bytes become up to 47 rows of all kinds of censoring, with entry times, weights, strata, offsets,
 * covariates from 1e-6 to 1e6 and covariates of the shape, a family with its cuts or knots, a scale
 * that it has and a start (when the bytes run out, a generator seeded by them goes on). Then
 *   - the search answers with a status, and never with less than it started from;
 *   - where it says that it has converged at a maximum, all numbers are finite and the gradient is
 *     below its bound;
 *   - its value is that of sr_ttp_value() there, and of the sum of sr_ttp_rows();
 *   - another order of rows gives the same value at the start.
 * libFuzzer calls LLVMFuzzerTestOneInput; a broken promise aborts.
 */
#include "check.h"
#include "model_ttp.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_N = 48, MOST_X = 3, MOST_STRATUM = 3, MOST_THETA = 5, MOST_P = 19, MOST_SETTING = 6 };

/* n_theta without settings; with n of them it grows, as the families say. start: of the parameters
 * after the first. */
typedef enum { PLAIN, CUTS, LINK_AND_KNOTS, KNOTS } setting_kind;
static const struct {
    const char *name;
    size_t n_theta;
    setting_kind setting;
    double start;
} families[] = {
    {"exponential", 1, PLAIN, 0},     {"weibull", 2, PLAIN, 0},  {"lognormal", 2, PLAIN, 0},
    {"loglogistic", 2, PLAIN, 0},     {"gompertz", 2, PLAIN, 0}, {"gamma", 2, PLAIN, 0},
    {"gengamma", 3, PLAIN, 0},        {"genf", 4, PLAIN, 0},     {"pieces", 1, CUTS, 0},
    {"spline", 1, LINK_AND_KNOTS, 1}, {"smooth", 3, KNOTS, 0}};
enum { N_FAMILY = sizeof families / sizeof *families };

typedef struct {
    const uint8_t *data;
    size_t size;
    check_random random;
} bytes;

static unsigned take(bytes *from)
{
    if (from->size > 0) {
        from->size--;
        const unsigned byte = *from->data++;
        from->random.state = from->random.state * 257 + byte;
        return byte;
    }
    return (unsigned)check_below(&from->random, 256);
}

typedef struct {
    double x[MOST_X][MOST_N], weight[MOST_N], offset[MOST_N], shape_x[MOST_N];
    double log_t[MOST_N], log_r[MOST_N], log_e[MOST_N];
    int kind[MOST_N], stratum[MOST_N];
    const double *column[MOST_X];
    double setting[MOST_SETTING];
    sr_ttp_extra extra;
    sr_ttp_data data;
} study;
static study given, other;

static void refuse(const char *why, double got, double want)
{
    fprintf(stderr, "fuzz_ttp: %s: got %.17g want %.17g\n", why, got, want);
    abort();
}

/* The data of a study like another one, in its own arrays */
static void point_at(study *s, const study *like)
{
    s->data = like->data;
    for (size_t j = 0; j < MOST_X; j++)
        s->column[j] = s->x[j];
    s->data.x.x = s->column;
    s->extra = (sr_ttp_extra){.slot = 2, .column = s->shape_x};
    s->data.extra = &s->extra;
    s->data.offset = like->data.offset == NULL ? NULL : s->offset;
    s->data.weights = like->data.weights == NULL ? NULL : s->weight;
    s->data.stratum = like->data.stratum == NULL ? NULL : s->stratum;
    s->data.times.kind = s->kind;
    s->data.times.log_t = s->log_t;
    s->data.times.log_r = s->log_r;
    s->data.times.log_e = like->data.times.log_e == NULL ? NULL : s->log_e;
}

static void read_row(bytes *from, size_t i, unsigned flags)
{
    static const double size[] = {1e-6, 1, 1e3, 1e6};
    const double spread = flags & 128 ? 20 : 2;
    given.kind[i] = (int)(take(from) % 5);
    given.log_t[i] = ((double)take(from) - 128) / 128 * spread;
    const unsigned width = take(from);
    given.log_r[i] = given.log_t[i] + (width < 16 ? 1e-9 * (1 + width) : width / 64.0);
    given.log_e[i] = take(from) % 3 != 0 ? -INFINITY : given.log_t[i] - take(from) / 64.0;
    if (given.kind[i] == SR_LEFT || given.kind[i] == SR_NOTHING)
        given.log_e[i] = -INFINITY;
    given.weight[i] = (1 + take(from)) / 32.0;
    given.offset[i] = ((double)take(from) - 128) / 64;
    given.shape_x[i] = take(from) % 2;
    given.stratum[i] = (int)(take(from) % (unsigned)given.data.n_stratum);
    for (size_t j = 0; j < given.data.x.p; j++) {
        const double value = ((double)take(from) - 128) / 32;
        given.x[j][i] = j == 0 ? value > 0 : value * size[take(from) % 4];
    }
}

/* A hazard of the family, with cuts or knots in ascending order, on a scale that it has */
static sr_hazard read_hazard(bytes *from, size_t family)
{
    static const sr_scale plain[] = {SR_SCALE_TIME, SR_SCALE_HAZARD, SR_SCALE_ODDS, SR_SCALE_FIRST};
    static const sr_scale of_link[] = {SR_SCALE_HAZARD, SR_SCALE_ODDS, SR_SCALE_FIRST};
    const setting_kind kind = families[family].setting;
    const unsigned choice = take(from);
    sr_hazard hazard = {.family = sr_family_find(families[family].name),
                        .scale = kind == PLAIN ? plain[choice % 4] : of_link[choice % 2],
                        .n_theta = families[family].n_theta,
                        .setting = given.setting};
    if (kind == PLAIN)
        return hazard;
    double at = ((double)take(from) - 128) / 64;
    const size_t n_step = 1 + take(from) % (MOST_THETA - hazard.n_theta);
    size_t n = 0;
    if (kind == LINK_AND_KNOTS) {
        given.setting[n++] = choice % 3;
        hazard.scale = of_link[choice % 3];
    }
    if (kind == KNOTS)
        given.setting[n++] = 0;
    if (kind == LINK_AND_KNOTS)
        given.setting[n++] = at;
    for (size_t k = 0; k < n_step; k++) {
        at += (1 + take(from)) / 64.0;
        given.setting[n++] = kind == LINK_AND_KNOTS ? at : exp(at);
    }
    hazard.n_setting = n;
    hazard.n_theta += n_step;
    return hazard;
}

/* The study, and the coefficients to start from */
static void read_study(bytes *from, double *start)
{
    const unsigned flags = take(from);
    const size_t family = take(from) % N_FAMILY, n = 1 + take(from) % (MOST_N - 1);
    given.data = (sr_ttp_data){.x = {.n = n, .p = take(from) % (MOST_X + 1)},
                               .n_stratum = flags & 1 ? 1 + take(from) % MOST_STRATUM : 1,
                               .times = {.n = n}};
    given.data.hazard = read_hazard(from, family);
    given.data.n_extra = flags & 2 && given.data.hazard.n_theta > 1;
    given.data.offset = flags & 4 ? given.offset : NULL;
    given.data.weights = flags & 8 ? given.weight : NULL;
    given.data.stratum = given.data.n_stratum > 1 ? given.stratum : NULL;
    given.data.times.log_e = flags & 16 ? given.log_e : NULL;
    for (size_t i = 0; i < n; i++)
        read_row(from, i, flags);
    point_at(&given, &given);
    for (size_t j = 0; j < sr_ttp_n_par(&given.data); j++)
        start[j] = flags & 32 ? ((double)take(from) - 128) / 64 : 0;
    const size_t K = given.data.hazard.n_theta;
    for (size_t j = 0; j < K * given.data.n_stratum; j++)
        if (j % K > 0)
            start[given.data.x.p + j] += families[family].start;
}

static double value_at(const sr_ttp_data *data, const double *coef)
{
    sr_context ctx = {.n_thread = 1};
    double f, gradient[MOST_P], info[MOST_P * MOST_P];
    const sr_status status = sr_ttp_value(&ctx, data, coef, &f, gradient, info);
    sr_arena_free(&ctx.arena);
    if (status != SR_OK)
        refuse(sr_status_text(status), status, SR_OK);
    return f;
}

static double sum_of_rows(const sr_ttp_data *data, const double *coef)
{
    sr_context ctx = {.n_thread = 1};
    double value[MOST_N], score[(1 + MOST_THETA) * MOST_N], sum = 0;
    if (sr_ttp_rows(&ctx, data, coef, value, score) != SR_OK)
        refuse("status of the rows", 1, 0);
    sr_arena_free(&ctx.arena);
    for (size_t i = 0; i < data->times.n; i++)
        sum += (data->weights != NULL ? data->weights[i] : 1) * value[i];
    return sum;
}

/* Both finite and close, or neither finite */
static void expect_same(const char *what, double got, double want)
{
    if (isfinite(got) != isfinite(want))
        refuse(what, got, want);
    if (isfinite(got) && !(fabs(got - want) <= 1e-10 * (1 + fabs(want))))
        refuse(what, got, want);
}

static void compare_with_permuted(bytes *from, const double *start)
{
    const size_t n = given.data.times.n;
    size_t order[MOST_N];
    check_permutation(&from->random, n, order);
    for (size_t i = 0; i < n; i++) {
        const size_t k = order[i];
        for (size_t j = 0; j < MOST_X; j++)
            other.x[j][i] = given.x[j][k];
        other.weight[i] = given.weight[k];
        other.offset[i] = given.offset[k];
        other.shape_x[i] = given.shape_x[k];
        other.log_t[i] = given.log_t[k];
        other.log_r[i] = given.log_r[k];
        other.log_e[i] = given.log_e[k];
        other.kind[i] = given.kind[k];
        other.stratum[i] = given.stratum[k];
    }
    point_at(&other, &given);
    const double f = value_at(&given.data, start);
    if (fabs(f) < 1e12)
        expect_same("value in another order", value_at(&other.data, start), f);
}

static void check_maximum(const sr_trust_result *fit, size_t P)
{
    double sum = fit->f + fit->scaled_gradient;
    for (size_t j = 0; j < P; j++)
        sum += fit->theta[j] + fit->gradient[j];
    for (size_t j = 0; j < P * P; j++)
        sum += fit->info[j] + fit->inverse[j];
    if (!isfinite(sum))
        refuse("a number is not finite", sum, 0);
    for (size_t j = 0; j < P; j++)
        if (!(fit->inverse[j * P + j] > 0))
            refuse("a variance is not positive", fit->inverse[j * P + j], 1);
    if (!(fit->scaled_gradient < 1e-6 * sqrt(1 + fabs(fit->f))))
        refuse("the gradient of a maximum", fit->scaled_gradient, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes from = {data, size, {size}};
    double start[MOST_P] = {0};
    read_study(&from, start);
    const size_t P = sr_ttp_n_par(&given.data);
    const sr_trust_control control = {.max_iter = 60, .eps = 1e-6};
    sr_context ctx = {.n_thread = 1};
    sr_trust_result fit;
    if (sr_trust_result_take(&ctx, P, &fit) != SR_OK)
        abort();
    memcpy(fit.theta, start, P * sizeof(double));
    const sr_status status = sr_ttp_fit(&ctx, &given.data, &control, &fit);
    if (status != SR_OK && status != SR_ERR_NOT_FINITE)
        refuse(sr_status_text(status), status, SR_OK);
    if (status == SR_OK) {
        if (!(fit.f >= fit.f_start - 1e-10 * (1 + fabs(fit.f_start))))
            refuse("the search fell", fit.f, fit.f_start);
        expect_same("value where the search ended", value_at(&given.data, fit.theta), fit.f);
        expect_same("sum of rows", sum_of_rows(&given.data, fit.theta), fit.f);
        if (fit.is_converged && fit.is_definite)
            check_maximum(&fit, P);
    }
    sr_arena_free(&ctx.arena);
    compare_with_permuted(&from, start);
    return 0;
}

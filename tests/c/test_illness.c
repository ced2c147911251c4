/* test_illness.c -- progression, death before and after it: the likelihood of model_illness.h
 *
 * With constant hazards a, b, c of the three paths and s = a + b - c, the density of a progression
 * at u is  a c^d e^-(s u + c C)  and every kind of row has its likelihood in closed form. Weibull
 * hazards have derivatives that central differences confirm. That hazards of any shape are right is
 * a matter of the R tests.
 */
#include "check.h"
#include "model_illness.h"

enum { N_KIND = 10, MOST_ROW = 4000, MOST_Z = 9 };

typedef struct {
    int kind;
    double l, r, c, e; /* times; r of SR_UNSEEN is c */
    int is_dead;
} patient;

static const patient patients[N_KIND] = {
    {SR_FOUND, 0.5, 1.2, 2, 0, 1},    {SR_FOUND, 0, 0.8, 1.5, 0, 0},
    {SR_FOUND_AT, 0.7, 0.7, 2, 0, 1}, {SR_UNSEEN, 0.6, 1.4, 1.4, 0, 1},
    {SR_UNSEEN, 0, 1.1, 1.1, 0, 1},   {SR_UNSEEN, 1, 1, 1, 0, 0},
    {SR_UNSEEN, 0.3, 3, 3, 0.2, 0},   {SR_FOUND, 0.9, 1, 1, 0.4, 1},
    {SR_FOUND_AT, 1, 1, 1, 0.5, 0},   {SR_UNKNOWN, 0, 0, 0, 0, 0}};

typedef struct {
    int kind[MOST_ROW], is_dead[MOST_ROW], level[MOST_ROW], stratum[MOST_ROW];
    double log_l[MOST_ROW], log_r[MOST_ROW], log_c[MOST_ROW], log_e[MOST_ROW];
    double weight[MOST_ROW], x[MOST_ROW], stretch[MOST_ROW];
    const double *column[1];
    sr_illness_data data;
} study;
static study some;

/* n rows, the patients over and over with their times stretched, with one covariate on every path;
 * Weibull or constant */
static void make_study(size_t n, const char *family, int level)
{
    check_random random = {7};
    const sr_hazard hazard = {.family = sr_family_find(family),
                              .scale = SR_SCALE_HAZARD,
                              .n_theta = strcmp(family, "weibull") == 0 ? 2 : 1};
    some.column[0] = some.x;
    some.data = (sr_illness_data){.n = n,
                                  .kind = some.kind,
                                  .log_l = some.log_l,
                                  .log_r = some.log_r,
                                  .log_c = some.log_c,
                                  .log_e = some.log_e,
                                  .is_dead = some.is_dead,
                                  .level = some.level};
    for (size_t k = 0; k < SR_N_PATH; k++)
        some.data.path[k] = (sr_ttp_data){.x = {.n = n, .p = 1, .x = some.column},
                                          .n_stratum = 1,
                                          .times = {.n = n},
                                          .hazard = hazard};
    for (size_t i = 0; i < n; i++) {
        const patient *const one = &patients[i % N_KIND];
        const double more = check_normal(&random) / 2;
        some.stretch[i] = exp(more);
        some.kind[i] = one->kind;
        some.is_dead[i] = one->is_dead;
        some.level[i] = level;
        some.log_l[i] = log(one->l) + more;
        some.log_r[i] = log(one->r) + more;
        some.log_c[i] = log(one->c) + more;
        some.log_e[i] = log(one->e) + more;
        some.weight[i] = 1 + (double)check_below(&random, 3);
        some.stratum[i] = (int)check_below(&random, 2);
        some.x[i] = check_normal(&random) / 2;
    }
}

static double value_at(const double *coef, double *gradient, double *info, int n_thread)
{
    sr_context ctx = {.n_thread = n_thread};
    double f = NAN;
    CHECK_OK(sr_illness_value(&ctx, &some.data, coef, &f, gradient, info));
    sr_arena_free(&ctx.arena);
    return f;
}

/* Of constant hazards a, b, c */
static double likelihood(patient one, double stretch, double a, double b, double c)
{
    const patient scaled = {one.kind,        one.l * stretch, one.r * stretch,
                            one.c * stretch, one.e * stretch, one.is_dead};
    const patient *const p = &scaled;
    const double s = a + b - c, early = exp((a + b) * p->e);
    const double death = p->is_dead ? c : 1, end = exp(-c * p->c);
    const double between = a * death * end * (exp(-s * p->l) - exp(-s * p->r)) / s;
    switch (p->kind) {
    case SR_FOUND:
        return early * between;
    case SR_FOUND_AT:
        return early * a * death * end * exp(-s * p->r);
    case SR_UNSEEN:
        return early * (exp(-(a + b) * p->c) * (p->is_dead ? b : 1) + between);
    default:
        return 1;
    }
}

TEST(illness_rows_of_constant_hazards_are_known)
{
    static const double coef[] = {0.4, 0.3, -0.2, 1.1, 0.7, -0.5}; /* beta, mu of each path */
    double value[30], score[30 * 6], gradient[6], info[36], sum = 0;
    make_study(30, "exponential", 3);
    sr_context ctx = {.n_thread = 1};
    CHECK_OK(sr_illness_rows(&ctx, &some.data, coef, value, score));
    for (size_t i = 0; i < 30; i++) {
        double rate[SR_N_PATH];
        for (size_t k = 0; k < SR_N_PATH; k++)
            rate[k] = exp(coef[2 * k] * some.x[i] - coef[2 * k + 1]);
        const double want =
            likelihood(patients[i % N_KIND], some.stretch[i], rate[0], rate[1], rate[2]);
        CHECK_NEAR(value[i], log(want), 1e-12);
        /* the location of log time undoes the linear predictor */
        for (size_t k = 0; k < SR_N_PATH; k++)
            CHECK_NEAR(score[(2 * k + 1) * 30 + i], -score[2 * k * 30 + i], 1e-12);
        sum += value[i];
    }
    CHECK_NEAR(value_at(coef, gradient, info, 1), sum, 1e-12);
    sr_arena_free(&ctx.arena);
}

TEST(illness_derivatives_are_those_of_differences)
{
    enum { P = 9 };
    static const double coef[P] = {0.4, 0.3, 0.2, -0.2, 0.9, -0.3, 0.7, 0.1, 0.25};
    const double step = 1e-5;
    double gradient[P], info[P * P], up[P], down[P], scrap[P * P], moved[P];
    make_study(40, "weibull", 4);
    some.data.weight = some.weight;
    value_at(coef, gradient, info, 1);
    for (size_t a = 0; a < P; a++) {
        memcpy(moved, coef, sizeof moved);
        moved[a] = coef[a] + step;
        const double above = value_at(moved, up, scrap, 1);
        moved[a] = coef[a] - step;
        const double below = value_at(moved, down, scrap, 1);
        CHECK_NEAR(gradient[a], (above - below) / (2 * step), 1e-7);
        for (size_t b = 0; b < P; b++) {
            CHECK_NEAR(info[a * P + b], -(up[b] - down[b]) / (2 * step), 1e-6);
            CHECK_NEAR(info[a * P + b], info[b * P + a], 1e-13);
        }
    }
    CHECK_NEAR(value_at(coef, NULL, NULL, 1), value_at(coef, gradient, info, 1), 1e-13);
}

TEST(illness_weights_count_rows_and_threads_change_no_bit)
{
    enum { P = 9 };
    static const double coef[P] = {0.4, 0.3, 0.2, -0.2, 0.9, -0.3, 0.7, 0.1, 0.25};
    double gradient[P], info[P * P], other[P], other_info[P * P];
    make_study(MOST_ROW, "weibull", 2);
    some.data.weight = some.weight;
    const double one = value_at(coef, gradient, info, 1);
    const double two = value_at(coef, other, other_info, 2);
    CHECK_SAME_BITS(1, &one, &two);
    CHECK_SAME_BITS(P, gradient, other);
    CHECK_SAME_BITS(P * P, info, other_info);

    /* a row of weight w is w rows */
    make_study(60, "weibull", 3);
    some.data.weight = some.weight;
    const double weighted = value_at(coef, gradient, info, 1);
    double sum = 0, total[P] = {0};
    some.data.weight = NULL;
    for (int w = 1; w <= 3; w++) {
        static double kept[60];
        for (size_t i = 0; i < 60; i++)
            kept[i] = some.weight[i] >= w;
        some.data.weight = kept;
        sum += value_at(coef, other, other_info, 1);
        for (size_t a = 0; a < P; a++)
            total[a] += other[a];
    }
    CHECK_NEAR(weighted, sum, 1e-12);
    CHECK_CLOSE(P, gradient, total, 1e-11);
}

/* Stops when it has been asked so often */
static int stop_after(void *left)
{
    return (*(int *)left)-- <= 0;
}

TEST(illness_can_be_stopped_between_groups_of_chunks)
{
    static const double coef[9] = {0};
    double f, gradient[9], info[81];
    make_study(MOST_ROW, "weibull", 0);
    for (int left = 0; left < 5; left++) {
        int asked = left;
        sr_context ctx = {.n_thread = 1, .tick = stop_after, .tick_data = &asked};
        CHECK_STATUS(left < 4 ? SR_ERR_INTERRUPT : SR_OK,
                     sr_illness_value(&ctx, &some.data, coef, &f, gradient, info));
        sr_arena_free(&ctx.arena);
    }
}

TEST(illness_takes_scratch_by_thread_and_not_by_chunk)
{
    static const double coef[9] = {0};
    static const size_t rows[] = {500, MOST_ROW};
    double gradient[9], info[81];
    size_t bytes[2];
    for (size_t k = 0; k < 2; k++) {
        make_study(rows[k], "weibull", 0);
        const size_t before = check_bytes_taken();
        value_at(coef, gradient, info, 1);
        bytes[k] = check_bytes_taken() - before;
    }
    CHECK(bytes[0] > 0 && bytes[1] < bytes[0] + bytes[0] / 4);
}

TEST(illness_derivatives_are_had_both_or_not_at_all)
{
    static const double coef[9] = {0};
    double f, gradient[9], info[81];
    make_study(60, "weibull", 0);
    sr_context ctx = {.n_thread = 1};
    CHECK_STATUS(SR_ERR_SIZE, sr_illness_value(&ctx, &some.data, coef, &f, gradient, NULL));
    CHECK_STATUS(SR_ERR_SIZE, sr_illness_value(&ctx, &some.data, coef, &f, NULL, info));
    sr_arena_free(&ctx.arena);
}

TEST(illness_strata_of_a_path_have_parameters_of_their_own)
{
    enum { P = 11 }; /* progression has two strata */
    static const double same[P] = {0.4, 0.3, 0.2, 0.3, 0.2, -0.2, 0.9, -0.3, 0.7, 0.1, 0.25};
    static const double one[P - 2] = {0.4, 0.3, 0.2, -0.2, 0.9, -0.3, 0.7, 0.1, 0.25};
    double gradient[P], info[P * P], plain[P - 2], plain_info[(P - 2) * (P - 2)];
    make_study(80, "weibull", 3);
    const double want = value_at(one, plain, plain_info, 1);
    some.data.path[SR_PATH_01].n_stratum = 2;
    some.data.path[SR_PATH_01].stratum = some.stratum;
    CHECK(sr_illness_n_par(&some.data) == P);
    CHECK(sr_illness_n_z(&some.data) == MOST_Z);
    CHECK_NEAR(value_at(same, gradient, info, 1), want, 1e-13);
    CHECK_NEAR(gradient[1] + gradient[3], plain[1], 1e-12);
    CHECK_NEAR(gradient[2] + gradient[4], plain[2], 1e-12);
    CHECK_CLOSE(6, gradient + 5, plain + 3, 1e-12);
    CHECK(info[1 * P + 3] == 0);
}

/* Patients as the model has them, scanned every half unit until progression, death or 3 */
static void simulate(size_t n)
{
    check_random random = {11};
    make_study(n, "weibull", 0);
    for (size_t i = 0; i < n; i++) {
        const double longer = exp(some.x[i]),
                     found = pow(-log(check_uniform(&random)), 0.8) * longer;
        const double before = 2 * pow(-log(check_uniform(&random)), 0.9);
        const double after = found - log(check_uniform(&random)) * 1.5;
        const double death = found < before ? after : before, c = fmin(death, 3);
        const double scan = ceil(2 * found) / 2;
        some.kind[i] = found < before && scan <= c ? SR_FOUND : SR_UNSEEN;
        some.is_dead[i] = death < 3;
        some.log_c[i] = log(c);
        some.log_r[i] = some.kind[i] == SR_FOUND ? log(scan) : some.log_c[i];
        some.log_l[i] =
            some.kind[i] == SR_FOUND ? log(scan - 0.5) : log(floor(2 * fmin(found, c)) / 2);
    }
    some.data.log_e = NULL;
}

static sr_status search_from_zero(sr_context *ctx, const int *fixed, sr_trust_result *fit,
                                  double *change)
{
    const sr_trust_control control = {.max_iter = 100, .eps = 1e-8, .fixed = fixed};
    CHECK_OK(sr_trust_result_take(ctx, 9, fit));
    memset(fit->theta, 0, 9 * sizeof(double));
    return sr_illness_fit(ctx, &some.data, &control, fit, change);
}

TEST(illness_search_raises_the_nodes_and_ends_at_a_maximum)
{
    enum { P = 9, N = 600 };
    static const int first[P] = {1};
    double gradient[P], info[P * P], change = NAN;
    simulate(N);
    some.data.weight = some.weight;
    sr_context ctx = {.n_thread = 2};
    sr_trust_result fit, held;
    CHECK_OK(search_from_zero(&ctx, NULL, &fit, &change));
    CHECK(fit.is_converged && fit.is_definite);
    CHECK(change < 1e-8);
    CHECK(fabs(fit.theta[0] + 1.25) < 0.2); /* shape 1 / 0.8 */
    const double at = value_at(fit.theta, gradient, info, 1);
    CHECK_NEAR(at, fit.f, 1e-12);
    for (size_t a = 0; a < P; a++)
        CHECK(fabs(gradient[a]) < 1e-6 * sqrt(info[a * P + a]));
    /* finer rules say the same */
    for (size_t i = 0; i < N; i++)
        some.level[i]++;
    CHECK(fabs(value_at(fit.theta, gradient, info, 1) - at) < 1e-8);
    /* what is held stays */
    CHECK_OK(search_from_zero(&ctx, first, &held, &change));
    CHECK(held.theta[0] == 0);
    CHECK(held.f < fit.f);
    sr_arena_free(&ctx.arena);
}

TEST(illness_search_without_a_maximum_has_not_converged)
{
    double change;
    sr_context ctx = {.n_thread = 1};
    sr_trust_result fit;
    make_study(400, "weibull", 0); /* a hazard that may gather at the same deaths */
    for (size_t i = 0; i < 400; i++) {
        some.log_l[i] = log(patients[i % N_KIND].l);
        some.log_r[i] = log(patients[i % N_KIND].r);
        some.log_c[i] = log(patients[i % N_KIND].c);
    }
    CHECK_OK(search_from_zero(&ctx, NULL, &fit, &change));
    CHECK(!fit.is_converged);
    CHECK(isfinite(fit.f));
    sr_arena_free(&ctx.arena);
}

TEST(illness_search_that_wants_other_nodes_at_its_end_has_not_converged)
{
    /* any step ends a search, and heavy rows of a sharp hazard want finer nodes wherever it stands */
    const sr_trust_control control = {.max_iter = 100, .eps = 1e9};
    double change;
    simulate(600);
    for (size_t i = 0; i < 600; i++) {
        some.log_l[i] /= 4;
        some.log_r[i] /= 4;
        some.log_c[i] /= 4;
        some.weight[i] = 1e4;
    }
    some.data.weight = some.weight;
    sr_context ctx = {.n_thread = 1};
    sr_trust_result fit;
    CHECK_OK(sr_trust_result_take(&ctx, 9, &fit));
    memset(fit.theta, 0, 9 * sizeof(double));
    CHECK_OK(sr_illness_fit(&ctx, &some.data, &control, &fit, &change));
    CHECK(!fit.is_converged);
    CHECK(isfinite(fit.f));
    sr_arena_free(&ctx.arena);
}

TEST(illness_rows_that_nothing_is_known_of_say_nothing)
{
    static const double coef[] = {0.4, 0.3, -0.2, 1.1, 0.7, -0.5};
    double value[10], score[60];
    make_study(10, "exponential", 2);
    sr_context ctx = {.n_thread = 1};
    CHECK_OK(sr_illness_rows(&ctx, &some.data, coef, value, score));
    CHECK(value[9] == 0);
    for (size_t a = 0; a < 6; a++)
        CHECK(score[a * 10 + 9] == 0);
    sr_arena_free(&ctx.arena);
}

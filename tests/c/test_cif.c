/* test_cif.c -- cumulative incidence against its definition, row by row and time by time */
#include "check.h"
#include "model_cif.h"
#include <stdlib.h>

enum { MOST_ROWS = 60, N_CAUSE = 2, N_GROUP = 2, N_CLUSTER = 9 };

typedef struct {
    sr_cif_data data;
    double start[MOST_ROWS], stop[MOST_ROWS], weight[MOST_ROWS];
    int cause[MOST_ROWS], curve[MOST_ROWS], cluster[MOST_ROWS];
} sample;

static void draw(check_random *random, size_t n, int is_late, int is_clustered, sample *s)
{
    for (size_t i = 0; i < n; i++) {
        s->start[i] = is_late ? (double)check_below(random, 5) : 0;
        s->stop[i] = s->start[i] + 1 + (double)check_below(random, 12) / 2;
        s->weight[i] = 0.25 + 2 * check_uniform(random);
        s->cause[i] = (int)check_below(random, N_CAUSE + 1);
        s->curve[i] = (int)check_below(random, N_GROUP);
        s->cluster[i] = (int)check_below(random, N_CLUSTER);
    }
    s->data = (sr_cif_data){.n = n,
                            .start = is_late ? s->start : NULL,
                            .stop = s->stop,
                            .cause = s->cause,
                            .curve = s->curve,
                            .weight = s->weight,
                            .cluster = is_clustered ? s->cluster : NULL,
                            .n_cause = N_CAUSE,
                            .n_curve = N_GROUP,
                            .n_cluster = N_CLUSTER};
}

static int is_at_risk(const sample *s, size_t i, int curve, double t)
{
    return s->curve[i] == curve && s->stop[i] >= t && (s->data.start == NULL || s->start[i] < t);
}

/* The curve, and w dF/dw of each row, carried from time to time by their definitions */
typedef struct {
    long double state[1 + N_CAUSE], hazard[N_CAUSE];
    long double u[MOST_ROWS][1 + N_CAUSE], c[MOST_ROWS][N_CAUSE], x[MOST_ROWS][1 + N_CAUSE];
} slow;

static void slow_step(const sample *s, int curve, double width, double t, slow *o)
{
    const size_t n = s->data.n;
    long double risk = 0, event[N_CAUSE] = {0}, total = 0;
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j <= N_CAUSE; j++)
            o->x[i][j] += (long double)width * o->u[i][j];
        if (!is_at_risk(s, i, curve, t))
            continue;
        risk += s->weight[i];
        if (s->stop[i] == t && s->cause[i] > 0)
            event[s->cause[i] - 1] += s->weight[i];
    }
    for (int j = 0; j < N_CAUSE; j++)
        total += event[j] / risk;
    for (size_t i = 0; i < n; i++) {
        const int at_risk = is_at_risk(s, i, curve, t);
        const long double survivors = o->u[i][0];
        for (int j = 0; j < N_CAUSE; j++) {
            const int own = at_risk && s->stop[i] == t && s->cause[i] == j + 1;
            const long double dm = (long double)s->weight[i] *
                                   ((own ? 1 : 0) - (at_risk ? event[j] / risk : 0)) / risk;
            o->c[i][j] += dm;
            o->u[i][j + 1] += survivors * event[j] / risk + o->state[0] * dm;
            o->u[i][0] -= survivors * event[j] / risk + o->state[0] * dm;
        }
    }
    for (int j = 0; j < N_CAUSE; j++) {
        o->state[j + 1] += o->state[0] * event[j] / risk;
        o->hazard[j] += event[j] / risk;
    }
    o->state[0] *= 1 - total;
}

/* Root of the sum over clusters of the squared sums of column j of width columns */
static double spread(const sample *s, const long double *value, size_t width, size_t j)
{
    long double sum[MOST_ROWS] = {0}, total = 0;
    for (size_t i = 0; i < s->data.n; i++)
        sum[s->data.cluster == NULL ? i : (size_t)s->cluster[i]] += value[i * width + j];
    for (size_t c = 0; c < MOST_ROWS; c++)
        total += sum[c] * sum[c];
    return (double)sqrtl(total);
}

static void compare(const sample *s, const sr_cif *cif, const sr_cif_errors *got)
{
    const size_t n_cell = cif->n_cell;
    for (int c = 0; c < N_GROUP; c++) {
        slow o = {.state = {1}};
        for (size_t k = cif->begin[c]; k < cif->begin[c + 1]; k++) {
            const double t = cif->time[k], last = k == cif->begin[c] ? 0 : cif->time[k - 1];
            slow_step(s, c, t - last, t, &o);
            for (size_t j = 0; j <= N_CAUSE; j++) {
                CHECK_NEAR(cif->state[j * n_cell + k], (double)o.state[j], 1e-13);
                CHECK_NEAR(got->state[j * n_cell + k], spread(s, o.u[0], 1 + N_CAUSE, j), 1e-12);
                CHECK_NEAR(got->area[j * n_cell + k], spread(s, o.x[0], 1 + N_CAUSE, j), 1e-12);
            }
            for (size_t j = 0; j < N_CAUSE; j++) {
                CHECK_NEAR(cif->hazard[j * n_cell + k], (double)o.hazard[j], 1e-13);
                CHECK_NEAR(got->hazard[j * n_cell + k], spread(s, o.c[0], N_CAUSE, j), 1e-12);
            }
        }
    }
}

TEST(cif_is_its_definition)
{
    check_random random = {17};
    static sample s;
    for (int trial = 0; trial < 40; trial++) {
        sr_context ctx = {.n_thread = 1};
        sr_cif cif;
        size_t bad_row;
        draw(&random, 8 + check_below(&random, MOST_ROWS - 7), trial % 2, trial / 2 % 2, &s);
        CHECK_OK(sr_cif_make(&ctx, &s.data, &cif, &bad_row));
        double *const room = sr_arena_double(&ctx.arena, cif.n_cell * (2 + 3 * N_CAUSE));
        const sr_cif_errors errors = {room, room + cif.n_cell * (1 + N_CAUSE),
                                      room + cif.n_cell * (1 + 2 * N_CAUSE)};
        CHECK_OK(sr_cif_std_errors(&ctx, &s.data, &cif, &errors));
        compare(&s, &cif, &errors);
        sr_arena_free(&ctx.arena);
    }
}

TEST(cif_of_clusters_of_one_row_is_that_without)
{
    check_random random = {4};
    static sample s;
    sr_context ctx = {.n_thread = 1};
    sr_cif cif;
    size_t bad_row;
    draw(&random, MOST_ROWS, 0, 1, &s);
    for (int i = 0; i < MOST_ROWS; i++)
        s.cluster[i] = MOST_ROWS - 1 - i;
    s.data.n_cluster = MOST_ROWS;
    CHECK_OK(sr_cif_make(&ctx, &s.data, &cif, &bad_row));
    const size_t size = cif.n_cell * (2 + 3 * N_CAUSE);
    double *const room = sr_arena_double(&ctx.arena, 2 * size);
    for (int by_row = 0; by_row < 2; by_row++) {
        double *const at = room + (size_t)by_row * size;
        const sr_cif_errors errors = {at, at + cif.n_cell * (1 + N_CAUSE),
                                      at + cif.n_cell * (1 + 2 * N_CAUSE)};
        s.data.cluster = by_row ? s.cluster : NULL;
        CHECK_OK(sr_cif_std_errors(&ctx, &s.data, &cif, &errors));
    }
    CHECK_CLOSE(size, room, room + size, 1e-12);
    sr_arena_free(&ctx.arena);
}

/* Scores add up to 0 and so do the rows of their covariance, whatever the strata and the weight. */
TEST(gray_scores_add_up_to_nothing)
{
    check_random random = {99};
    static sample s;
    const int group[] = {0, 1, 2, 0, 1, 2}, stratum[] = {0, 0, 0, 1, 1, 1};
    for (int trial = 0; trial < 10; trial++) {
        sr_context ctx = {.n_thread = 1};
        sr_cif cif;
        size_t bad_row;
        double score[3], var[9];
        draw(&random, MOST_ROWS, 0, 0, &s);
        for (size_t i = 0; i < MOST_ROWS; i++)
            s.curve[i] = (int)i % 6;
        s.data.n_curve = 6;
        const sr_gray_plan plan = {group, stratum, 3, 2, trial / 4.0, 1 + trial % 2};
        CHECK_OK(sr_cif_make(&ctx, &s.data, &cif, &bad_row));
        CHECK_OK(sr_cif_gray(&ctx, &s.data, &cif, &plan, score, var));
        CHECK_NEAR(score[0] + score[1] + score[2], 0, 1e-12);
        for (int a = 0; a < 3; a++) {
            CHECK_NEAR(var[3 * a] + var[3 * a + 1] + var[3 * a + 2], 0, 1e-12);
            CHECK(var[4 * a] > 0);
        }
        sr_arena_free(&ctx.arena);
    }
}

/* What is known for sure has no width on any scale; what is not has no limits where the scale has
 * no place for it, or an infinite slope. */
TEST(cif_limits_at_the_ends_of_their_range)
{
    enum { N_ROW = 7 };
    const double p[N_ROW] = {0, 0.3, 1, 0, 1, 0.3, 1}, s[N_ROW] = {0, 0, 0, 0.1, 1e-12, 0.1, 0.1};
    const int is_known_at_one[SR_N_LIMITS] = {[SR_LIMITS_PLAIN] = 1, [SR_LIMITS_LOG] = 1};
    for (int scale = 0; scale < SR_N_LIMITS; scale++) {
        double lower[N_ROW], upper[N_ROW];
        sr_context ctx = {.n_thread = 1};
        const sr_cif_limits limits = {.n = N_ROW,
                                      .p = p,
                                      .std_err = s,
                                      .scale = (sr_limits_scale)scale,
                                      .z = 1.96,
                                      .missing = -1,
                                      .lower = lower,
                                      .upper = upper};
        CHECK_OK(sr_cif_find_limits(&ctx, &limits));
        CHECK_SAME_BITS(3, lower, p);
        CHECK_SAME_BITS(3, upper, p);
        CHECK(scale == SR_LIMITS_PLAIN ? lower[3] == 0 && fabs(upper[3] - 0.196) < 1e-12
                                       : lower[3] == -1 && upper[3] == -1);
        for (size_t i = 4; i < N_ROW; i += 2)
            CHECK(is_known_at_one[scale] ? lower[i] < 1 && lower[i] > 0.8 && upper[i] == 1
                                         : lower[i] == -1 && upper[i] == -1);
        CHECK(lower[5] > 0.1 && lower[5] < 0.2 && upper[5] > 0.4 && upper[5] < 0.6);
        sr_arena_free(&ctx.arena);
    }
}

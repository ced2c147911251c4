/* test_columns.c -- blocks, products and cross-products against plain sums in long double */
#include "check.h"
#include "core_cross_weights.h"
#include "core_gram.h"
#include <stdlib.h>

typedef struct {
    size_t n, p;
    double *room, *q, *u, *centre, *scale;
    const double **x;
    int *stratum;
} matrix;

enum { N_STRATUM = 3 };

static matrix make_matrix(size_t n, size_t p, uint64_t seed)
{
    check_random random = {seed};
    matrix m = {n,
                p,
                calloc(n * p + 1, sizeof(double)),
                calloc(n + 1, sizeof(double)),
                calloc(n + 1, sizeof(double)),
                calloc(N_STRATUM * p + 1, sizeof(double)),
                calloc(p + 1, sizeof(double)),
                calloc(p + 1, sizeof(double *)),
                calloc(n + 1, sizeof(int))};
    for (size_t j = 0; j < p; j++) {
        m.x[j] = m.room + j * n;
        m.scale[j] = 0.5 + check_uniform(&random);
    }
    for (size_t k = 0; k < n * p; k++)
        m.room[k] = check_normal(&random) + 3;
    for (size_t k = 0; k < N_STRATUM * p; k++)
        m.centre[k] = 3 + check_normal(&random);
    for (size_t i = 0; i < n; i++) {
        m.q[i] = check_uniform(&random);
        m.u[i] = check_normal(&random);
        m.stratum[i] = (int)check_below(&random, N_STRATUM);
    }
    return m;
}

static void free_matrix(matrix *m)
{
    free(m->room);
    free(m->q);
    free(m->u);
    free(m->centre);
    free(m->scale);
    free(m->x);
    free(m->stratum);
}

static long double value_at(const sr_columns *x, size_t i, size_t j)
{
    const size_t row = x->stratum == NULL ? 0 : (size_t)x->stratum[i];
    const long double centre = x->centre == NULL ? 0 : x->centre[row * x->p + j];
    const long double scale = x->scale == NULL ? 1 : x->scale[j];
    return scale * (x->x[j][i] - centre);
}

/* Ways to centre and scale: bits 1 centre, 2 scale, 4 by stratum. */
static sr_columns columns_of(const matrix *m, int way)
{
    return (sr_columns){.n = m->n,
                        .p = m->p,
                        .x = m->x,
                        .centre = way & 1 ? m->centre : NULL,
                        .scale = way & 2 ? m->scale : NULL,
                        .stratum = way & 4 ? m->stratum : NULL};
}

static void check_matrix(const matrix *m, int way)
{
    const sr_columns x = columns_of(m, way);
    const size_t n = m->n, p = m->p;
    sr_context ctx = {.n_thread = 1};
    double *cross = calloc(p * p + 1, sizeof(double)), *want = calloc(p * p + 1, sizeof(double));
    double *sum = calloc(p + 1, sizeof(double)), *want_sum = calloc(p + 1, sizeof(double));
    double *eta = calloc(n + 1, sizeof(double)), *want_eta = calloc(n + 1, sizeof(double));
    for (size_t j = 0; j < p; j++) {
        long double total = 0;
        for (size_t i = 0; i < n; i++)
            total += m->u[i] * value_at(&x, i, j);
        want_sum[j] = (double)total;
        for (size_t k = 0; k < p; k++) {
            total = 0;
            for (size_t i = 0; i < n; i++)
                total += m->q[i] * value_at(&x, i, j) * value_at(&x, i, k);
            want[j * p + k] = (double)total;
        }
    }
    CHECK_OK(sr_columns_cross(&ctx, &x, m->q, m->u, cross, sum));
    CHECK_CLOSE(p * p, cross, want, 1e-12);
    CHECK_CLOSE(p, sum, want_sum, 1e-11);
    memset(sum, 0, p * sizeof(double));
    CHECK_OK(sr_columns_cross(&ctx, &x, NULL, m->u, NULL, sum));
    CHECK_CLOSE(p, sum, want_sum, 1e-11);
    CHECK_OK(sr_columns_cross(&ctx, &x, m->q, NULL, want, NULL));
    CHECK_CLOSE(p * p, want, cross, 1e-15);
    for (size_t i = 0; i < n; i++) {
        long double total = m->q[i];
        for (size_t j = 0; j < p; j++)
            total += m->scale[j] * value_at(&x, i, j);
        want_eta[i] = (double)total;
    }
    CHECK_OK(sr_columns_times(&ctx, &x, m->scale, m->q, eta));
    CHECK_CLOSE(n, eta, want_eta, 1e-13);
    for (size_t i = 0; i < n; i++)
        want_eta[i] -= m->q[i];
    CHECK_OK(sr_columns_times(&ctx, &x, m->scale, NULL, eta));
    CHECK_CLOSE(n, eta, want_eta, 1e-13);
    free(cross);
    free(want);
    free(sum);
    free(want_sum);
    free(eta);
    free(want_eta);
    sr_arena_free(&ctx.arena);
}

TEST(columns_products_are_plain_sums)
{
    const size_t n[] = {1, 2, 255, 256, 257, 1000}, p[] = {1, 2, 3, 4, 5, 8, 13};
    for (size_t a = 0; a < sizeof n / sizeof n[0]; a++)
        for (size_t b = 0; b < sizeof p / sizeof p[0]; b++) {
            matrix m = make_matrix(n[a], p[b], 17 * a + b);
            check_matrix(&m, (int)(a + b) % 8);
            check_matrix(&m, 7);
            free_matrix(&m);
        }
}

/* Weights 1, q and u of the matrix */
static void fill_three(const void *data, size_t from, size_t m, double *q)
{
    const matrix *const whole = data;
    for (size_t i = 0; i < m; i++) {
        q[i] = 1;
        q[SR_BLOCK + i] = whole->q[from + i];
        q[2 * SR_BLOCK + i] = whole->u[from + i];
    }
}

TEST(cross_products_under_three_weights_are_those_of_each)
{
    const size_t n[] = {1, 255, 257, 70000}, p[] = {1, 4, 5, 10};
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 4; b++) {
            const size_t size = p[b] * p[b];
            matrix m = make_matrix(n[a], p[b], 7 * a + b);
            const sr_columns x = columns_of(&m, (int)(2 * a + b) % 8);
            double *ones = calloc(n[a], sizeof(double)), *want = calloc(size, sizeof(double));
            double *room = calloc(6 * size, sizeof(double));
            for (size_t i = 0; i < n[a]; i++)
                ones[i] = 1;
            const double *const weight[] = {ones, m.q, m.u};
            for (size_t k = 0; k < 2; k++) {
                double *const mine = room + 3 * k * size;
                double *const out[] = {mine, mine + size, mine + 2 * size};
                sr_context ctx = {.n_thread = 1 + 2 * (int)k};
                CHECK_OK(sr_columns_cross_weights(&ctx, &x, fill_three, &m, out));
                for (size_t w = 0; w < 3; w++) {
                    CHECK_OK(sr_columns_cross(&ctx, &x, weight[w], NULL, want, NULL));
                    CHECK_CLOSE(size, out[w], want, 1e-11);
                }
                sr_arena_free(&ctx.arena);
            }
            CHECK_SAME_BITS(3 * size, room, room + 3 * size);
            free(ones);
            free(want);
            free(room);
            free_matrix(&m);
        }
}

TEST(columns_load_a_block)
{
    enum { M = 100, STRIDE = 128, FROM = 57 };
    matrix m = make_matrix(300, 5, 8);
    for (int way = 0; way < 8; way++) {
        const sr_columns x = columns_of(&m, way);
        double block[5 * STRIDE] = {0}, want[M], one[M];
        sr_columns_load(&x, FROM, M, block, STRIDE);
        for (size_t j = 0; j < 5; j++) {
            for (size_t i = 0; i < M; i++)
                want[i] = (double)value_at(&x, FROM + i, j);
            CHECK_CLOSE(M, block + j * STRIDE, want, 1e-15);
            sr_columns_load_one(&x, j, FROM, M, NULL, one);
            CHECK_CLOSE(M, one, want, 1e-15);
            for (size_t i = 0; i < M; i++)
                want[i] *= m.q[FROM + i];
            sr_columns_load_one(&x, j, FROM, M, m.q, one);
            CHECK_CLOSE(M, one, want, 1e-15);
        }
    }
    free_matrix(&m);
}

TEST(columns_have_the_same_bits_on_any_threads)
{
    enum { N = 200000, P = 7 };
    matrix m = make_matrix(N, P, 4);
    const sr_columns x = columns_of(&m, 3);
    double cross[2][P * P], sum[2][P], *eta[2];
    for (int k = 0; k < 2; k++) {
        sr_context ctx = {.n_thread = 1 + 2 * k};
        eta[k] = calloc(N, sizeof(double));
        CHECK_OK(sr_columns_cross(&ctx, &x, m.q, m.u, cross[k], sum[k]));
        CHECK_OK(sr_columns_times(&ctx, &x, m.scale, m.u, eta[k]));
        sr_arena_free(&ctx.arena);
    }
    CHECK_SAME_BITS(P * P, cross[0], cross[1]);
    CHECK_SAME_BITS(P, sum[0], sum[1]);
    CHECK_SAME_BITS(N, eta[0], eta[1]);
    free(eta[0]);
    free(eta[1]);
    free_matrix(&m);
}

TEST(chunks_cover_the_rows)
{
    const size_t n[] = {0, 1, 255, 256, 300000, 123457};
    for (size_t a = 0; a < sizeof n / sizeof n[0]; a++) {
        const size_t n_chunk = sr_chunk_count(n[a], 8192, 16);
        CHECK(n_chunk >= 1 && n_chunk <= 16);
        CHECK(sr_chunk_begin(n[a], n_chunk, 0) == 0);
        CHECK(sr_chunk_begin(n[a], n_chunk, n_chunk) == n[a]);
        for (size_t c = 0; c < n_chunk; c++)
            CHECK(sr_chunk_begin(n[a], n_chunk, c) <= sr_chunk_begin(n[a], n_chunk, c + 1));
    }
}

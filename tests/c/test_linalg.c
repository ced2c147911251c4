/* test_linalg.c -- L D L' solves, inverts, and finds the columns that depend on others */
#include "check.h"
#include "core_linalg.h"

enum { P = 6 };

/* B B' for a random B of P x rank: positive semidefinite */
static void make_matrix(uint64_t seed, size_t rank, double *out)
{
    check_random random = {seed};
    double b[P * P];
    for (size_t k = 0; k < P * rank; k++)
        b[k] = check_normal(&random);
    for (size_t i = 0; i < P; i++)
        for (size_t j = 0; j < P; j++) {
            out[i * P + j] = 0;
            for (size_t k = 0; k < rank; k++)
                out[i * P + j] += b[i * rank + k] * b[j * rank + k];
        }
}

static void multiply(const double *a, const double *b, double *out)
{
    for (size_t i = 0; i < P; i++)
        for (size_t j = 0; j < P; j++) {
            out[i * P + j] = 0;
            for (size_t k = 0; k < P; k++)
                out[i * P + j] += a[i * P + k] * b[k * P + j];
        }
}

TEST(ldl_solves_and_inverts)
{
    double a[P * P], factor[P * P], inverse[P * P], product[P * P], identity[P * P] = {0}, y[P],
                                                                                 back[P];
    for (size_t j = 0; j < P; j++)
        identity[j * P + j] = 1;
    for (uint64_t seed = 1; seed < 20; seed++) {
        make_matrix(seed, P, a);
        memcpy(factor, a, sizeof a);
        const sr_ldl_info info = sr_ldl_factor(P, factor, 1e-12);
        CHECK(info.rank == P && !info.is_indefinite);
        sr_ldl_inverse(P, factor, inverse);
        multiply(a, inverse, product);
        CHECK_CLOSE(P * P, product, identity, 1e-8);
        for (size_t j = 0; j < P; j++)
            for (size_t k = 0; k < P; k++)
                CHECK(inverse[j * P + k] == inverse[k * P + j]);
        for (size_t j = 0; j < P; j++)
            y[j] = (double)j - 2;
        sr_ldl_solve(P, factor, y);
        for (size_t j = 0; j < P; j++) {
            back[j] = 0;
            for (size_t k = 0; k < P; k++)
                back[j] += a[j * P + k] * y[k];
            CHECK_NEAR(back[j], (double)j - 2, 1e-8);
        }
    }
}

TEST(ldl_finds_aliased_columns)
{
    double a[P * P], factor[P * P], inverse[P * P], y[P] = {1, 2, 3, 4, 5, 6};
    make_matrix(3, P, a);
    /* the third column becomes the sum of the first two */
    for (size_t j = 0; j < P; j++)
        a[2 * P + j] = a[j] + a[P + j];
    for (size_t j = 0; j < P; j++)
        a[j * P + 2] = a[j * P] + a[j * P + 1];
    memcpy(factor, a, sizeof a);
    const sr_ldl_info info = sr_ldl_factor(P, factor, 1e-10);
    CHECK(info.rank == P - 1 && !info.is_indefinite);
    CHECK(factor[2 * P + 2] == 0);
    sr_ldl_solve(P, factor, y);
    CHECK(y[2] == 0);
    sr_ldl_inverse(P, factor, inverse);
    for (size_t j = 0; j < P; j++)
        CHECK(inverse[2 * P + j] == 0 && inverse[j * P + 2] == 0);
    make_matrix(9, 2, a);
    CHECK(sr_ldl_factor(P, a, 1e-10).rank == 2);
    memset(a, 0, sizeof a);
    CHECK(sr_ldl_factor(P, a, 1e-10).rank == 0);
}

TEST(ldl_tells_what_is_no_information)
{
    double indefinite[] = {1, 0, 0, -1}, broken[] = {1, NAN, NAN, 1};
    CHECK(sr_ldl_factor(2, indefinite, 1e-10).is_indefinite);
    CHECK(sr_ldl_factor(2, broken, 1e-10).is_indefinite);
    double one[] = {4}, inverse[1], y[] = {2};
    CHECK(sr_ldl_factor(1, one, 1e-10).rank == 1);
    sr_ldl_inverse(1, one, inverse);
    sr_ldl_solve(1, one, y);
    CHECK(inverse[0] == 0.25 && y[0] == 0.5);
    CHECK(sr_ldl_factor(0, one, 1e-10).rank == 0);
}

/* check.h -- a small test framework
 *
 * A file defines tests with TEST(name) { ... } and checks with the CHECK_ macros below; they
 * register themselves before main() runs. A failed check is printed with its place and its
 * numbers, and the test goes on. main.c runs all, prints one line a file and the totals.
 *
 *   TEST(arena_aligns)
 *   {
 *       CHECK(sr_arena_double(&a, 3) != NULL);
 *       CHECK_NEAR(sum, 6.0, 1e-12);       |sum - 6| <= 1e-12 max(1, |6|)
 *       CHECK_CLOSE(n, got, want, 1e-10);  max|got - want| <= 1e-10 max|want|
 *   }
 */
#ifndef CHECK_H
#define CHECK_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct check_test {
    const char *name, *file;
    void (*run)(void);
    int n_failed;
    struct check_test *next;
} check_test;

/* What was checked, and where. */
typedef struct {
    const char *text, *file;
    int line;
} check_place;
#define CHECK_HERE(text) ((check_place){(text), __FILE__, __LINE__})

void check_register(check_test *test);
/* They return whether the check held. */
int check_true(int is_true, check_place at);
int check_near(double got, double want, double tolerance, check_place at);
int check_close(size_t n, const double *got, const double *want, double tolerance, check_place at);

#define TEST(test_name)                                                             \
    static void test_##test_name(void);                                             \
    __attribute__((constructor)) static void register_##test_name(void)             \
    {                                                                               \
        static check_test self = {#test_name, __FILE__, test_##test_name, 0, NULL}; \
        check_register(&self);                                                      \
    }                                                                               \
    static void test_##test_name(void)

#define CHECK(condition) check_true((condition) != 0, CHECK_HERE(#condition))
#define CHECK_STATUS(want, call) check_true((call) == (want), CHECK_HERE(#call " answers " #want))
#define CHECK_OK(call) CHECK_STATUS(SR_OK, call)
#define CHECK_CLOSE(n, got, want, tolerance) \
    check_close((n), (got), (want), (tolerance), CHECK_HERE(#got " is " #want))
#define CHECK_NEAR(got, want, tolerance) \
    check_near((got), (want), (tolerance), CHECK_HERE(#got " is " #want))
#define CHECK_SAME_BITS(n, a, b) \
    check_true(memcmp((a), (b), (n) * sizeof *(a)) == 0, CHECK_HERE(#a " has the bits of " #b))

/* Bytes that the kernels have asked the system for so far, in test_cox_edges.c */
size_t check_bytes_taken(void);

/* Random numbers for tests: splitmix64, the same on every machine. */
typedef struct {
    uint64_t state;
} check_random;
double check_uniform(check_random *random); /* in (0, 1) */
double check_normal(check_random *random);
size_t check_below(check_random *random, size_t limit); /* 0 .. limit - 1 */
void check_permutation(check_random *random, size_t n, size_t *order);

#endif

/* main.c -- runs every test: all COUNT_FILE [PART_OF_A_NAME]; see check.h */
#include "check.h"
#include <stdlib.h>

static check_test *first = NULL, **last = &first;
static check_test *current = NULL;

void check_register(check_test *test)
{
    *last = test;
    last = &test->next;
}

static void complain(check_place at)
{
    current->n_failed++;
    printf("FAILED %s (%s:%d): %s", current->name, at.file, at.line, at.text);
}

int check_true(int is_true, check_place at)
{
    if (is_true)
        return 1;
    complain(at);
    printf("\n");
    return 0;
}

int check_near(double got, double want, double tolerance, check_place at)
{
    if (fabs(got - want) <= tolerance * fmax(1, fabs(want)))
        return 1;
    complain(at);
    printf(": got %.17g want %.17g\n", got, want);
    return 0;
}

int check_close(size_t n, const double *got, const double *want, double tolerance, check_place at)
{
    double largest = 0, worst = -1;
    size_t where = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < n; i++) {
        const double off = fabs(got[i] - want[i]);
        if (!(off <= worst)) { /* a NaN is worse than any number */
            worst = isnan(off) ? INFINITY : off;
            where = i;
        }
    }
    if (n == 0 || worst <= tolerance * largest)
        return 1;
    complain(at);
    printf(": [%zu] got %.17g want %.17g, off by %.3g of %.3g\n", where, got[where], want[where],
           worst, largest);
    return 0;
}

int main(int n_argument, char **argument)
{
    const char *part = n_argument > 2 ? argument[2] : "";
    int n_passed = 0, n_failed = 0;
    for (check_test *test = first; test != NULL; test = test->next) {
        if (strstr(test->name, part) == NULL)
            continue;
        current = test;
        test->run();
        if (test->n_failed > 0)
            n_failed++;
        else
            n_passed++;
    }
    printf("%d C tests passed, %d failed\n", n_passed, n_failed);
    if (n_argument > 1) {
        FILE *count = fopen(argument[1], "w");
        if (count == NULL || fprintf(count, "%d %d 0\n", n_passed, n_failed) < 0) {
            perror(argument[1]);
            return EXIT_FAILURE;
        }
        fclose(count);
    }
    return n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

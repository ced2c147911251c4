/* core_thread.h -- how many threads, politely
 *
 * The default is min(2, processors that OpenMP reports); OMP_THREAD_LIMIT is
 * honoured. A child of fork() runs on one thread, because libgomp's pool does
 * not survive a fork. Without OpenMP the answer is always 1.
 */
#ifndef SR_CORE_THREAD_H
#define SR_CORE_THREAD_H
#include <stddef.h>

void sr_thread_init(void);     /* once, on loading */
int sr_thread_count(void);     /* threads in force, at least 1 */
int sr_thread_limit(void);     /* the most that can be set */
void sr_thread_set(int count); /* clamped to 1..limit; 0: the default */
int sr_thread_number(void);    /* of the team at hand, from 0: whose scratch to use */

/* for (size_t index = 0; index < count; index++) statement;
 *
 * on ctx->n_thread threads when `is_wide`, else right here: starting even a team of one costs more
 * than a small fit has to do. Every index must write to places of its own. */
/* clang-format off */
#define SR_FOR_EACH(ctx, is_wide, index, count, ...)                                          \
    do {                                                                                      \
        const size_t sr_count = (count);                                                      \
        const int sr_threads = (is_wide) ? (ctx)->n_thread : 1;                               \
        if (sr_threads > 1) {                                                                 \
            _Pragma("omp parallel for num_threads(sr_threads) schedule(dynamic, 1)")          \
            for (size_t index = 0; index < sr_count; index++)                                 \
                __VA_ARGS__;                                                                  \
        } else {                                                                              \
            for (size_t index = 0; index < sr_count; index++)                                 \
                __VA_ARGS__;                                                                  \
        }                                                                                     \
    } while (0)
/* clang-format on */

#endif

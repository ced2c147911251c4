/* core_context.h -- what every long computation is handed: memory, threads, a way to stop
 *
 * `tick` is asked between blocks of work, on the main thread only; it returns
 * nonzero when the user wants to stop, and the kernel then unwinds with
 * SR_ERR_INTERRUPT. In plain C (tests) it may be NULL.
 */
#ifndef SR_CORE_CONTEXT_H
#define SR_CORE_CONTEXT_H
#include "core_arena.h"
#include "core_status.h"

typedef struct {
    sr_arena arena;
    int n_thread;        /* threads that a parallel loop may use, at least 1 */
    int (*tick)(void *); /* nonzero: stop; may be NULL */
    void *tick_data;
} sr_context;

static inline int sr_is_stopped(sr_context *ctx)
{
    return ctx->tick != NULL && ctx->tick(ctx->tick_data) != 0;
}

#define SR_TICK(ctx)                 \
    do {                             \
        if (sr_is_stopped(ctx))      \
            return SR_ERR_INTERRUPT; \
    } while (0)

/* Take memory or return SR_ERR_MEMORY. */
#define SR_TAKE(pointer, expression)            \
    do {                                        \
        if (((pointer) = (expression)) == NULL) \
            return SR_ERR_MEMORY;               \
    } while (0)

#endif

/* core_status.h -- what a fallible function answers
 *
 * One list stands for every way in which a kernel can end. A kernel returns one
 * of these and hands its results back through trailing pointers; it never
 * prints, exits or jumps. The glue (r_*.c) turns a status into an R condition.
 */
#ifndef SR_CORE_STATUS_H
#define SR_CORE_STATUS_H

#define SR_STATUS_LIST(X)                                                       \
    X(SR_OK, "no error")                                                        \
    X(SR_ERR_MEMORY, "out of memory")                                           \
    X(SR_ERR_INTERRUPT, "interrupted by the user")                              \
    X(SR_ERR_SIZE, "a size overflows, or does not match the others")            \
    X(SR_ERR_DOMAIN, "an argument is outside its domain")                       \
    X(SR_ERR_NOT_FINITE, "the likelihood is not finite at the starting values") \
    X(SR_ERR_NO_EVENT, "there is no event")                                     \
    X(SR_ERR_NO_CONVERGENCE, "a numerical search did not converge")             \
    X(SR_ERR_INTERVAL, "tied times merge the two ends of an interval")          \
    X(SR_ERR_TOO_MANY_TIES, "too many tied events for the exact likelihood")

typedef enum {
#define SR_STATUS_ENUM(name, text) name,
    SR_STATUS_LIST(SR_STATUS_ENUM)
#undef SR_STATUS_ENUM
} sr_status;

/* The text of a status, static storage. */
const char *sr_status_text(sr_status status);

/* Return early with any status that is not SR_OK. */
#define SR_TRY(call)                      \
    do {                                  \
        sr_status sr_try_status = (call); \
        if (sr_try_status != SR_OK)       \
            return sr_try_status;         \
    } while (0)

#endif

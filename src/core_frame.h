/* core_frame.h -- what a data set holds, read once where it lies
 *
 * A row of a data set is used when nothing in it is missing. A column is a
 * vector of doubles or of integers (factor codes, logicals); NA is INT_MIN in an
 * integer, and in a double the NaN whose low word is NA_LOW_WORD, as the caller
 * says. Any other NaN, and an infinity, is a fault in a covariate: the caller
 * reports it rather than dropping the row.
 *
 * Inputs are borrowed. Every function costs one pass; a column without a fault is
 * read at the speed of memory.
 */
#ifndef SR_CORE_FRAME_H
#define SR_CORE_FRAME_H
#include "core_context.h"

enum { SR_ROW_MISSING = 1, SR_ROW_NOT_FINITE = 2 };
enum { SR_NA_LOW_WORD = 1954 };

typedef struct {
    const double *real; /* [n] one of the two is set */
    const int *whole;   /* [n] */
    int is_covariate;   /* must be finite where it is not missing */
    size_t name;        /* which counter of missing rows it belongs to */
} sr_frame_column;

typedef struct {
    size_t n, n_column;
    const sr_frame_column *column;
} sr_frame;

/* row[n] = flags of each row; missing[name] += rows missing in columns of that name (a row that is
 * missing in two columns of one name counts twice); *n_flagged rows with any flag. */
sr_status sr_frame_scan(sr_context *ctx, const sr_frame *frame, unsigned char *row, size_t *missing,
                        size_t *n_flagged);

/* A survival response from its parts. `status` is shifted down by one when its largest value is 2.
 * out[n x 2] = (stop, status), or [n x 3] = (start, stop, status) when start is not NULL. A stop
 * that is not after its start makes the start missing, a status other than 0 and 1 becomes
 * missing; *n_bad_time and *n_bad_status count them. `na` is the missing value to write. */
typedef struct {
    size_t n;
    sr_frame_column start, stop, status; /* start unset: right-censored */
    double na;
} sr_frame_times;
sr_status sr_frame_response(sr_context *ctx, const sr_frame_times *in, double *out,
                            size_t *n_bad_time, size_t *n_bad_status);

/* Numbers the distinct values of an integer column from 0 up, in their order; NA stays INT_MIN.
 * SR_ERR_DOMAIN when they span more than `room` values. The caller gives code[n] and value[n]. */
typedef struct {
    int *code;      /* [n] */
    int *value;     /* [n_value] the distinct values, ascending */
    size_t n_value; /* filled */
} sr_frame_groups;
sr_status sr_frame_group(sr_context *ctx, size_t n, const int *x, size_t room,
                         sr_frame_groups *out);

/* Is every value of x among allowed[n_allowed]? Stops at the first that is not. */
int sr_frame_all_in(size_t n, const double *x, size_t n_allowed, const double *allowed);

/* rows[s] and events[s] of each stratum (stratum NULL: one). */
void sr_frame_count(size_t n, const double *event, const int *stratum, double *rows,
                    double *events);
#endif

/* model_finegray_late.h -- the rows of one censoring curve in one stratum, slot after slot
 *
 * for (from = curve_begin[c]; from < curve_begin[c + 1]; from = run.to)
 *     run = sr_fg_run_make(model, c, from, fall);
 *
 *   from, to  late rows, whose own slots rise from `first`
 *   end       one past the last slot of the stratum
 *   fall      q(k) = omega(t_k) / omega(t_(k-1)) for k from first + 2 up; room of the caller,
 *             n_slot long
 */
#ifndef SR_MODEL_FINEGRAY_LATE_H
#define SR_MODEL_FINEGRAY_LATE_H
#include "model_finegray.h"

typedef struct {
    size_t from, to, first, end;
    const double *fall;
} sr_fg_run;

sr_fg_run sr_fg_run_make(const sr_fg_model *model, size_t curve, size_t from, double *fall);

/* sum, over this slot and those after it, of values that fall with the weights */
static inline double sr_fg_tail_step(const sr_fg_run *run, size_t k, double value, double after)
{
    return value + (k + 1 < run->end ? run->fall[k + 1] * after : 0);
}
#endif

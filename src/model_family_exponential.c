/* model_family_exponential.c -- H(t) = t / e^mu
 *
 *   theta = mu,  x = log t:   c = x - mu,   v = -mu
 */
#include "model_hazard.h"
#include <string.h>

static void fill(const sr_hazard_rows *rows, double by_x, sr_jet *out)
{
    const size_t m = rows->m;
    for (size_t i = 0; i < m; i++)
        out->value[i] = by_x * rows->x[i] - rows->theta[i];
    for (size_t i = 0; rows->order > 0 && i < m; i++) {
        out->first[i] = by_x;
        out->first[SR_BLOCK + i] = -1;
    }
    if (rows->order > 1)
        memset(out->second, 0, SR_PAIR(2, 0) * SR_BLOCK * sizeof(double));
}

static void eval(const sr_hazard *hazard, const sr_hazard_rows *rows, sr_jet *cum, sr_jet *haz)
{
    (void)hazard;
    if (cum != NULL)
        fill(rows, 1, cum);
    if (haz != NULL)
        fill(rows, 0, haz);
}

SR_REGISTER_FAMILY(eval, "exponential", 1, SR_THETA(1, 1))

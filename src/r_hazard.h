/* r_hazard.h -- a hazard from its description in R
 *
 * list(family, scale, setting, n_theta), as ttp_hazard() in R/ttp-families.R makes it:
 *   family   the name under which its C file registered it
 *   scale    0 time, 1 hazard, 2 odds
 *   setting  double: what the family fixes; may be empty
 *   n_theta  integer: how many parameters
 */
#ifndef SR_R_HAZARD_H
#define SR_R_HAZARD_H
#include "model_hazard.h"
#include <Rinternals.h>

/* Raises an R error where the description is not sound (a defect of the R layer). */
void sr_hazard_from_r(SEXP description, sr_hazard *out);
#endif

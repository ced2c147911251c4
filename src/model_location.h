/* model_location.h -- families whose log time is a location plus a scale times a fixed shape
 *
 * log T = mu + sigma W. With w = (x - mu) / sigma a family needs only tell, of W,
 *
 *   c = log H_W(w; shapes)      l = log h_W(w; shapes)
 *
 * and derivatives in (w, shapes); here they become those in (x, mu, log sigma, shapes) and
 * v = l - log sigma - x, the hazard of t rather than of w. With `is_inverse`, the second
 * parameter is log k = -log sigma. The order of z: x, mu, log sigma (or log k), shapes.
 *
 *   w_x = 1 / sigma = -w_mu,   w_lambda = -+ w,   w_x,lambda = -+ 1 / sigma,   w_lambda,lambda = w
 */
#ifndef SR_MODEL_LOCATION_H
#define SR_MODEL_LOCATION_H
#include "model_cells.h"
#include "model_hazard.h"

/* eval is the function of one row: value, first[1 + n_shape], second[SR_PAIR(1 + n_shape, 0)] of c
 * and l in (w, shapes). `shape` holds the n_shape shape parameters. wants_haz: 0: l may be left
 * alone. `prepare`, when there is one, is called before a row whose shapes are not those of the row
 * before, and leaves in shape[SR_MOST_SHAPES ...] what eval wants to know of them. `cells`, when
 * there are some, are asked first where all rows of a block have the same shapes. */
enum { SR_MOST_PREPARED = 400 };

typedef struct {
    size_t n_shape;
    int is_inverse; /* the scale parameter is log k = -log sigma */
    void (*eval)(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                 sr_small_jet *haz);
    void (*prepare)(double *shape);
    const sr_cells *cells;
} sr_location;

/* c and l of a block of rows in (w, shapes); haz may be NULL */
void sr_standard_eval(const sr_location *location, const sr_standard_rows *rows, sr_standard *cum,
                      sr_standard *haz);

void sr_location_eval(const sr_location *location, const sr_hazard_rows *rows, sr_jet *cum,
                      sr_jet *haz);
#endif

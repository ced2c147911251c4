/* model_cells.h -- a hazard of (w, shapes) by power series, where many rows share their shapes
 *
 * The tail integrals of model_gengamma.h and model_genf.h cost some hundred nanoseconds a row. Where
 * all rows of a block have the same shapes, log time is cut into cells instead: at the middle of
 * each the integral gives c and l once, and differential equations their power series in w,
 *
 *   M'' = V,   V' = D V,   D' = -P V         (model_genf.h; P = 0, D = Q for the generalised gamma)
 *   h' = h (h - A),   r' = r (h - A - r),    A = M' = -phi_w,  h = e^l,  r = h / H = c_w
 *   l' = h - A,       c' = r
 *
 * each with its derivatives in the shapes (core_dual.h). A row is then a polynomial of degree
 * CELL_TERMS - 1. A cell is CELL_WIDTH / max(1, d) wide, d^2 = Q^2 + 2 P: its half is less than a
 * tenth of the way to the nearest complex singularity, so that the remainder is below 1e-15. Errors
 * of the middle grow as exp(h times half) or exp(r times half) within the cell; where h or r exceeds
 * CELL_STEEP, and beyond the first and last cell, sr_cells_row() answers 0 and the caller integrates.
 *
 * The cells of the shapes last met stay with the thread. What is in them depends on the shapes and
 * the place of the cell alone: results are the same whichever thread, and whatever it did before.
 */
#ifndef SR_MODEL_CELLS_H
#define SR_MODEL_CELLS_H
#include "core_dual.h"
#include "core_jet.h"
#include <stddef.h>

/* A, V, D and P with their derivatives in the shapes at w */
typedef struct {
    sr_dual A, V, D, P;
} sr_cell_field;

typedef struct {
    size_t n_shape;
    /* as in model_location.h */
    void (*row)(double w, const double *shape, int order, int wants_haz, sr_small_jet *cum,
                sr_small_jet *haz);
    void (*field)(double w, const double *shape, sr_cell_field *out);
    double (*bend)(const double *shape); /* d */
} sr_cells;

/* c and l at w, with derivatives up to `order`; 0: there is no cell */
int sr_cells_row(const sr_cells *cells, double w, const double *shape, int order, sr_small_jet *cum,
                 sr_small_jet *haz);

#endif

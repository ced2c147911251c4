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
 * of the middle grow as exp(h times half) or exp(r times half) within the cell; where h or r times
 * the width reaches CELL_STEEP CELL_WIDTH = 4, and beyond the first and last cell, sr_cells_block()
 * leaves a row to the caller, who
 * integrates. The rows of a cell are done LANES at a time.
 *
 * The cells of the shapes last met stay with the thread. What is in them depends on the shapes and
 * the place of the cell alone: results are the same whichever thread, and whatever it did before.
 */
#ifndef SR_MODEL_CELLS_H
#define SR_MODEL_CELLS_H
#include "core_columns.h"
#include "core_dual.h"
#include "core_jet.h"

/* c or l of a block of rows, with derivatives in (w, shapes), as sr_small_jet has them for one */
typedef struct {
    double value[SR_BLOCK], first[(1 + SR_MOST_SHAPES) * SR_BLOCK];
    double second[SR_PAIR(1 + SR_MOST_SHAPES, 0) * SR_BLOCK];
} sr_standard;

typedef struct {
    size_t m;
    const double *w;     /* [SR_BLOCK] */
    const double *shape; /* [n_shape x SR_BLOCK] */
    int order;           /* derivatives wanted: 0, 1 or 2 */
    const size_t *which; /* [m] places of the rows in the block; NULL: the first m */
} sr_standard_rows;

/* The cells of so many shapes stay with a thread. */
enum { SR_CELL_STORES = 4 };

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

/* c and l of rows that all have the shapes of the first, with all derivatives; `shape` has these
 * shapes, prepared for cells->row. Rows for which there is no cell are listed in left[], whose
 * length is returned. */
size_t sr_cells_block(const sr_cells *cells, const double *shape, const sr_standard_rows *rows,
                      sr_standard *cum, sr_standard *haz, size_t *left);

#endif

/* model_cox_resid.h -- score and Schoenfeld residuals, and the variance robust to clusters
 *
 * With H and XH of model_cox_path.h, both taken between the entry and the exit of row i, the score
 * residual, the integral of (z_i - xbar(t)) against the row's martingale, is
 *
 *   s_i = m_i z_i + r_i XH_i - delta_i xbar_k,     m_i = delta_i - r_i H_i  (martingale residual)
 *
 * so a row costs one look at its cell and one at its entry: O((n + K) p) for K event times, where
 * a direct sum costs O(n K p). A tied death under Efron's approximation takes the reduced H and XH
 * of its cell, and the mean of xbar over the tied steps. z is centred within strata first: s does
 * not change, and the digits of far-away covariates are kept.
 * Reference: Therneau and Grambsch, Modeling Survival Data (2000), 4.5 and 7.2,
 * doi:10.1007/978-1-4757-3294-8.
 *
 * Robust variance: with c_g = sum of w_i s_i over the rows of cluster g,
 *   var_robust = V (sum_g c_g c_g') V,
 * the crossproduct of the collapsed dfbeta c_g' V. It is formed as R (sum_g R'c_g c_g'R) R' with
 * R R' = V: where columns almost depend on each other, the elements of V c cancel, and would cancel
 * twice between V and the sum of products. The rows' scores exist a block at a time only. The score
 * statistic u' (sum c c')^-1 u is the same for c and for R'c.
 * Reference: Lin and Wei, JASA 84 (1989), 1074-1078, doi:10.1080/01621459.1989.10478874.
 */
#ifndef SR_MODEL_COX_RESID_H
#define SR_MODEL_COX_RESID_H
#include "model_cox_path.h"

/* All that one row's score needs. Borrows data; the rest lives in the context's arena. */
typedef struct {
    const sr_cox_data *data;
    const sr_riskset *rs;
    sr_columns z; /* data->x centred within strata */
    double *risk; /* [n] weighted */
    sr_cum_hazard hazard;
    sr_cox_path path;
} sr_cox_scores;

/* eta[n] linear predictor, NULL for 0. */
sr_status sr_cox_scores_open(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                             const double *eta, sr_cox_scores *out);
/* out[n x p] by column: score residuals, each times its weight when is_weighted. */
sr_status sr_cox_scores_all(sr_context *ctx, const sr_cox_scores *scores, int is_weighted,
                            double *out);
/* The same for rows [from, from + m): row i of column j at block[j * SR_BLOCK + i]. side: room for
 * p x SR_BLOCK. */
void sr_cox_scores_block(const sr_cox_scores *scores, int is_weighted, size_t from, size_t m,
                         double *block, double *side);

typedef struct {
    const int *cluster; /* [n] 0-based; NULL: each row its own */
    size_t n_cluster;
} sr_cox_clusters;

/* meat[p x p] = sum_g c_g c_g', total[p] = sum_g c_g, where c_g is first multiplied from the right
 * by root[p x p], lower triangular, unless that is NULL. */
sr_status sr_cox_scores_meat(sr_context *ctx, const sr_cox_scores *scores,
                             const sr_cox_clusters *by, const double *root, double *meat,
                             double *total);

/* Rows whose weighted scores are made as they are needed, from several threads: rows
 * [from, from + m) go to block as sr_cox_scores_block() has them. */
typedef struct {
    void (*fill)(const void *scores, size_t from, size_t m, double *block, double *side);
    const void *scores;
    size_t n, p;
} sr_score_rows;

/* Their meat and total */
sr_status sr_score_rows_meat(sr_context *ctx, const sr_score_rows *rows, const sr_cox_clusters *by,
                             const double *root, double *meat, double *total);
/* out[p x p] = var (sum_g c_g c_g') var, formed as told above */
sr_status sr_score_rows_sandwich(sr_context *ctx, const sr_score_rows *rows,
                                 const sr_cox_clusters *by, const double *var, double *out);
typedef struct {
    const double *eta;      /* [n] at the estimate */
    const double *eta_null; /* [n] where the score test is taken, NULL: 0 */
    const double *var;      /* [p x p] inverse information */
    sr_cox_clusters by;
    double tol_chol;
} sr_cox_robust_in;
/* var[p x p] robust variance; *score_test the robust score statistic. */
sr_status sr_cox_robust(sr_context *ctx, const sr_cox_data *data, int is_efron,
                        const sr_cox_robust_in *in, double *var, double *score_test);

/* Deaths in order of stratum and time, ties as they come: row[n_death], and out[n_death x p] by
 * column, z - xbar. sr_cox_death_count gives n_death. */
size_t sr_cox_death_count(const sr_cox_data *data);
sr_status sr_cox_order_deaths(sr_context *ctx, const sr_cox_data *data, const sr_riskset *rs,
                              size_t *row);
sr_status sr_cox_schoenfeld(sr_context *ctx, const sr_cox_scores *scores, size_t *row, double *out);
#endif

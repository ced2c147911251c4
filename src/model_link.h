/* model_link.h -- three fixed shapes of log time that families stand on
 *
 * A link says how a number w stands for a probability F = 1 - S of an event by then:
 *
 *   hazard   log H = w             (W: the smallest extreme value)
 *   odds     logit F = w           (W: logistic)
 *   normal   Phi^-1(F) = w         (W: normal)
 *
 * sr_link_at() gives c = log H and l = log dH/dw with two derivatives in w, right in both tails.
 * With w = w(x), x = log t, the log hazard of t is l + log w'(x) - x.
 */
#ifndef SR_MODEL_LINK_H
#define SR_MODEL_LINK_H

typedef enum { SR_LINK_HAZARD, SR_LINK_ODDS, SR_LINK_NORMAL } sr_link;

typedef struct {
    double c, c_w, c_ww, l, l_w, l_ww;
} sr_link_point;

sr_link_point sr_link_at(sr_link link, double w);
#endif

# The families of fit_ttp(): one constructor each, beside one C file (src/model_family_<name>.c).
#
# A family is a list of class "sr_family":
#   name      what C registered it as
#   label     for print()
#   theta     names of its parameters as they are estimated, the location first
#   natural   for each of them, its name and scale as people know it: c(shape = "exp"), where
#             "1/exp" is exp(-theta)
#   scales    scales of the linear predictor that have a meaning; the first is the default
#   setting   numbers that are fixed (knots, cuts), in the unit of time that is in use
#   unit      function(family, log_unit): the family when time is counted in another unit, and how
#             its parameters move: list(family, A, b), theta(old unit) = A theta(new unit) + b,
#             where t(old) = t(new) exp(log_unit)
#   start     function(family, moments): values to start from, given list(mean, sd) of the log
#             times, allowing for censoring (a Weibull or lognormal fit); a matrix of several
#             starts has one a row
#   remark    function(theta) or absent: what must be said of an estimate, or NULL
#   border    function(theta, family) or absent: what a search that found no maximum ran into
#   prepare   function(family, times, frame) or NULL: fills in what the data decide (knots at
#             quantiles of the times that ttp_times() gives)
#   absorb    list by scale of function(theta, delta): the baseline that with the linear predictor
#             eta is the one of theta with eta - delta; absent where none is. (A location of log
#             time does it on the scale of time, without being told.)
#   straight  list(family, widen) or absent: its special case of two parameters, see
#             straight_start()
#   concentrates  FALSE: its mass cannot gather at one time, however its parameters are chosen;
#             when NULL, it can if there are several parameters

#' @section Families and the coefficients of other packages:
#' \tabular{llll}{
#'   family, scale \tab parameters \tab \code{\link[survival]{survreg}()} \tab flexsurv \cr
#'   \code{"exponential"}, time \tab \code{mu} = log scale \tab \code{(Intercept)} = mu \tab
#'   \code{exp}: log rate = -mu, effects times -1 \cr
#'   \code{"weibull"}, time \tab \code{mu} = log scale, \code{log(shape)} \tab mu, Log(scale) =
#'   -log(shape) \tab \code{weibull}: shape, scale = exp(mu) \cr
#'   \code{"weibull"}, hazard \tab the same \tab effects times -1 / scale \tab \code{weibullPH}:
#'   shape, scale = exp(-shape mu) \cr
#'   \code{"lognormal"}, time \tab \code{mu}, \code{log(sigma)} \tab mu, Log(scale) = log(sigma)
#'   \tab \code{lnorm}: meanlog = mu, sdlog = sigma \cr
#'   \code{"loglogistic"}, time \tab \code{mu} = log scale, \code{log(shape)} \tab mu, Log(scale)
#'   = -log(shape) \tab \code{llogis}: shape, scale = exp(mu) \cr
#'   \code{"loglogistic"}, odds \tab the same \tab effects times -1 / scale \tab none \cr
#'   \code{"gamma"}, time \tab \code{mu} = -log rate, \code{log(shape)} \tab none \tab
#'   \code{gamma}: shape, log rate = -mu, effects times -1 \cr
#'   \code{"gengamma"}, time \tab \code{mu}, \code{log(sigma)}, \code{Q} \tab none \tab
#'   \code{gengamma}: mu, sigma, Q; \code{gengamma.orig} (Q > 0): shape = Q / sigma, k = 1 / Q^2,
#'   log scale = mu + 2 log(Q) sigma / Q \cr
#'   \code{"genf"}, time \tab \code{mu}, \code{log(sigma)}, \code{Q}, \code{log(P)} \tab none
#'   \tab \code{genf}: mu, sigma, Q, P \cr
#'   \code{"gompertz"}, hazard \tab \code{log(rate)}, \code{shape} \tab none \tab
#'   \code{gompertz}: shape, rate \cr
#'   \code{\link{ttp_pieces}()}, hazard \tab \code{log(rate(0,a])}, ... of each piece \tab none
#'   \tab none (a Poisson \code{\link[stats]{glm}()} of the split data) \cr
#'   \code{\link{ttp_spline}()}, that of its link \tab \code{level}, \code{slope1}, ... \tab none
#'   \tab \code{flexsurvspline()}: gamma0, gamma1, ... are \code{\link{spline_gamma}()} \cr
#'   \code{\link{ttp_smooth}()}, hazard \tab \code{log(h1)}, \code{log(h2)}, ... \tab none \tab
#'   none
#' }
#'
#' Effects are those of the peer on its own scale unless the table says otherwise; other scales have
#' no peer in these packages (`ic_par()` of icenReg has proportional hazards and, with the sign
#' turned, odds, of covariates that it centres). survreg's `(Intercept)` is `mu`. Covariates of
#' `shape` are survreg's `strata()` (with the sign that the table gives to log(shape)) and
#' flexsurv's `anc`.
#' @rdname fit_ttp
#' @name fit_ttp
NULL

new_family <- function(name, label, theta, natural, scales, start, unit = unit_of_location,
                       setting = numeric(), prepare = NULL) {
  structure(
    list(
      name = name, label = label, theta = theta, natural = natural, scales = scales,
      setting = setting, unit = unit, start = start, prepare = prepare
    ),
    class = "sr_family"
  )
}

# The first parameter is a location of log time.
unit_of_location <- function(family, log_unit) {
  K <- length(family$theta)
  list(family = family, A = diag(K), b = c(log_unit, numeric(K - 1L)))
}

# In the order of sr_scale (src/model_hazard.h), where "probit" is SR_SCALE_FIRST: eta is added to
# the first parameter, the level of a spline of the probit.
hazard_scales <- c("time", "hazard", "odds", "probit")
all_scales <- hazard_scales[1:3]

# What print() says of them; exp(coef) has no name on the scale of the probit.
scale_words <- list(
  time = list(ratio = "time ratio", of = "time"),
  hazard = list(ratio = "hazard ratio", of = "hazard"),
  odds = list(ratio = "odds ratio", of = "odds of progression"),
  probit = list(ratio = NULL, of = "probit of progression")
)

family_exponential <- function() {
  family <- new_family(
    "exponential", "exponential", "mu", c(scale = "exp"), all_scales,
    start = function(family, moments) moments$mean + 0.58
  )
  family$absorb <- list(hazard = function(theta, delta) theta + delta)
  family
}

# log H, or the log odds, is shape (log t - mu) + eta.
absorb_by_shape <- function(theta, delta) c(theta[[1L]] + delta * exp(-theta[[2L]]), theta[[2L]])

family_weibull <- function() {
  family <- new_family(
    "weibull", "Weibull", c("mu", "log(shape)"), c(scale = "exp", shape = "exp"), all_scales,
    start = function(family, moments) {
      log_k <- log(1.28 / moments$sd) # a Weibull's log has standard deviation pi / sqrt(6) / k
      c(moments$mean + 0.58 * exp(-log_k), log_k)
    }
  )
  family$absorb <- list(hazard = absorb_by_shape)
  family
}

family_lognormal <- function() {
  new_family(
    "lognormal", "lognormal", c("mu", "log(sigma)"), c(meanlog = "identity", sdlog = "exp"),
    all_scales, start = function(family, moments) c(moments$mean, log(moments$sd))
  )
}

family_loglogistic <- function() {
  family <- new_family(
    "loglogistic", "log-logistic", c("mu", "log(shape)"), c(scale = "exp", shape = "exp"),
    all_scales, start = function(family, moments) c(moments$mean, log(1.81 / moments$sd))
  )
  family$absorb <- list(odds = absorb_by_shape)
  family
}

# h(t) = rate exp(shape t). The exponential has shape 0, from where the search starts: with right-
# censored data the log likelihood is concave.
family_gompertz <- function() {
  family <- new_family(
    "gompertz", "Gompertz", c("log(rate)", "shape"), c(rate = "exp", shape = "identity"),
    c("hazard", "time", "odds"),
    start = function(family, moments) c(-moments$mean - 0.58, 0),
    unit = function(family, log_unit) {
      list(family = family, A = diag(c(1, exp(-log_unit))), b = c(-log_unit, 0))
    }
  )
  family$absorb <- list(
    hazard = function(theta, delta) c(theta[[1L]] - delta, theta[[2L]])
  )
  family$remark <- function(theta) {
    if (theta[[2L]] < 0) "the hazard falls, survival has a plateau"
  }
  family
}

# mu is minus the log of the rate. The log of a gamma time has the variance trigamma(shape).
family_gamma <- function() {
  new_family(
    "gamma", "gamma", c("mu", "log(shape)"), c(rate = "1/exp", shape = "exp"), all_scales,
    start = function(family, moments) {
      k <- moments$sd^-2 + 0.5 / (1 + moments$sd)
      c(moments$mean - digamma(k), log(k))
    }
  )
}

family_gengamma <- function() {
  new_family(
    "gengamma", "generalised gamma", c("mu", "log(sigma)", "Q"),
    c(mu = "identity", sigma = "exp", Q = "identity"), all_scales,
    start = function(family, moments) {
      rbind( # a lognormal, a Weibull and a skewed one with these moments
        c(moments$mean, log(moments$sd), 0),
        c(moments$mean + 0.45 * moments$sd, log(moments$sd / 1.28), 1),
        c(moments$mean - 0.45 * moments$sd, log(moments$sd / 1.28), -1)
      )
    }
  )
}

# Starts: the log-logistic, and the best generalised gamma.
family_genf <- function() {
  family <- new_family(
    "genf", "generalised F", c("mu", "log(sigma)", "Q", "log(P)"),
    c(mu = "identity", sigma = "exp", Q = "identity", P = "exp"), all_scales,
    start = function(family, moments) c(moments$mean, log(moments$sd / 1.28), 0, 0)
  )
  family$narrower <- list(family = family_gengamma, rest = -3)
  family$border <- genf_border
  family
}

# theta: one column of parameters, P on its way to 0
genf_border <- function(theta, family) {
  if (theta[[4L]] > -8) return(NULL)
  c(
    paste(
      "log(P): P runs to 0, where the generalised F is a generalised gamma. The other parameters",
      "are those of that family."
    ),
    "Use `family = \"gengamma\"`."
  )
}

# What C takes for a hazard (src/r_hazard.h).
ttp_hazard <- function(family, scale) {
  list(
    family$name, match(scale, hazard_scales) - 1L, as.double(family$setting), length(family$theta)
  )
}

# log H, log h and their derivatives in (eta, theta), or in (log time, theta) without eta.
hazard_table <- function(hazard, log_time, theta, eta = NULL, order = 0L) {
  .Call(
    C_hazard_table, hazard, as.double(log_time), if (!is.null(eta)) as.double(eta), theta,
    as.integer(order)
  )
}

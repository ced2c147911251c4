# What other packages ask of a fit: sandwich (estfun, bread) and emmeans (recover_data, emm_basis).
# Registered when those packages are loaded.

# The contributions of the rows to the gradient, weighted; coefficients that are aliased have none.
#' @exportS3Method sandwich::estfun
estfun.sr_fit <- function(x, ...) {
  if (!is.null(x$na.action)) class(x$na.action) <- "omit"
  score <- as.matrix(stats::residuals(x, type = "score", ...))
  if (ncol(score) == length(x$coefficients)) {
    score <- score[, !is.na(x$coefficients), drop = FALSE]
  }
  colnames(score) <- names(x$coefficients)[!is.na(x$coefficients)]
  if (is.null(x$weights)) score else score * as.vector(x$weights)
}

#' @exportS3Method sandwich::bread
bread.sr_fit <- function(x, ...) {
  var <- x$smooth$bread %||% x$naive.var %||% x$var
  x$n * named_variance(var, x$coefficients, complete = FALSE)
}

#' @exportS3Method emmeans::recover_data
recover_data.sr_fit <- function(object, data = NULL, ...) {
  # made anew: `[.terms` would leave what makepredictcall() stored out of step with the variables
  labels <- attr(object$terms, "term.labels")
  strata <- cox_strata_terms(object)
  if (!is.null(strata) && !strata$is_interacting) labels <- labels[-strata$terms]
  right <- stats::reformulate(if (length(labels)) labels else "1", env = environment(object$terms))
  terms <- stats::terms(right)
  call <- object$call
  left_out <- object$na.action
  if (is.null(data) && !is.null(object$variables)) { # the rows of the fit, no others
    data <- object$variables
    call$subset <- left_out <- NULL
  }
  emmeans::recover_data(call, terms, left_out, data = data, ...)
}

#' @exportS3Method emmeans::emm_basis
emm_basis.sr_fit <- function(object, trms, xlev, grid, ...) {
  frame <- cox_new_frame(object, grid, is_interacting(object), FALSE, stats::na.pass)
  x <- cox_new_matrix(object, frame)
  at <- effect_places(object)
  coef <- unname(object$coefficients[at])
  at <- at[!is.na(coef)]
  misc <- if (!is.null(object$ratio)) list(tran = "log", inv.lbl = object$ratio) else list()
  # emmeans takes Surv() of the response for a transformation of its own
  misc$postGridHook <- function(object, ...) {
    object@misc$tran <- misc$tran
    object@misc$tran2 <- NULL
    object@misc$inv.lbl <- misc$inv.lbl
    object
  }
  list(
    X = x, bhat = coef, nbasis = estimable_basis(object, coef),
    V = unname(object$var[at, at, drop = FALSE]), dffun = function(k, dfargs) Inf, dfargs = list(),
    misc = misc
  )
}

is_interacting <- function(fit) isTRUE(cox_strata_terms(fit)$is_interacting)

# The directions that the columns of the fit leave out; the value NA says: none
estimable_basis <- function(fit, coef) {
  if (!anyNA(coef)) return(matrix(NA))
  x <- stats::model.matrix(fit)
  size <- sqrt(colSums(x^2))
  size[size == 0] <- 1
  found <- eigen(crossprod(x) / outer(size, size), symmetric = TRUE)
  is_null <- found$values < 1e-10 * found$values[[1L]]
  qr.Q(qr(found$vectors[, is_null, drop = FALSE] / size))
}

# A small model of class sr_fit whose numbers are survreg's Weibull fit: what the shared generics do
# is then known from survreg, where both have it.

fit_fake <- function(formula, data, weights, subset, na.action, cluster, entry, model = FALSE,
                     has_ratio = TRUE) {
  call <- match.call()
  request <- cox_request(
    call, formula, if (!missing(data)) data, parent.frame(),
    na_function(if (!missing(na.action)) na.action, !missing(na.action)), keep_frame = model
  )
  request$arguments <- c(frame_arguments, "entry")
  frame <- cox_frame(request)
  x <- if (is.list(frame$x)) do.call(cbind, frame$x) else frame$x
  peer <- fake_peer(x, frame)
  null <- fake_peer(x[, 0L, drop = FALSE], frame)
  at <- 1L + seq_len(ncol(x))
  coef <- stats::setNames(
    c(peer$coefficients, log(peer$scale)), c("(Intercept)", frame$x_names, "log(scale)")
  )
  order <- c(1L, length(coef), at)
  name <- function(var) {
    if (!is.null(var)) structure(var[order, order], dimnames = list(names(coef)[order])[c(1, 1)])
  }
  is_robust <- !is.null(frame$cluster)
  plain <- if (is_robust) peer$naive.var else peer$var
  counts <- if (!is.null(frame$stratum)) {
    list(
      level = frame$strata_levels, n = tabulate(frame$stratum + 1L),
      events = as.vector(tapply(frame$y[, "status"], frame$stratum, sum))
    )
  }
  new_sr_fit(
    list(
      coefficients = coef[order], effects = seq_along(frame$x_names) + 2L,
      var = name(peer$var), naive.var = if (is_robust) name(plain),
      loglik = c(null$loglik[[2L]], peer$loglik[[2L]]), df_null = 2,
      nevent = sum(frame$y[, "status"]), title = "Weibull of survreg, effects on time",
      ratio = if (has_ratio) "time ratio", strata = counts,
      convergence = list(converged = TRUE, iterations = peer$iter, gradient = 0), peer = peer
    ), "sr_fake", frame, request
  )
}

fake_peer <- function(x, frame) {
  weights <- frame$weights
  if (is.null(weights)) weights <- rep(1, frame$n)
  offset <- frame$offset
  if (is.null(offset)) offset <- rep(0, frame$n)
  y <- frame$y
  cluster <- frame$cluster
  control <- survival::survreg.control(rel.tolerance = 1e-13, maxiter = 80)
  formula <- if (ncol(x)) y ~ x + offset(offset) else y ~ 1 + offset(offset)
  args <- list(formula, weights = weights, control = control)
  if (!is.null(cluster)) args$cluster <- cluster
  do.call(survival::survreg, args)
}

residuals.sr_fake <- function(object, type = "martingale", ...) {
  peer <- object$peer
  if (type != "score") return(stats::naresid(object$na.action, stats::residuals(peer, "response")))
  parts <- stats::residuals(peer, "matrix")
  x <- cbind(parts[, "dg"], parts[, "ds"], parts[, "dg"] * stats::model.matrix(object))
  stats::naresid(object$na.action, x)
}
registerS3method("residuals", "sr_fake", residuals.sr_fake)

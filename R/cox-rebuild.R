# From a fit back to the rows and columns that it used.
#
# A fit need not hold x, nor y. Methods that need them take what the fit kept and read the rest from
# the data, as cox_frame() does (cox-frame.R): bare columns where they lie, all else by way of the
# model frame. Data whose number of rows is no longer that of the fit are refused.

#' The rows and columns that a fit used
#'
#' @param fit from [fit_cox()].
#' @param needs_x `FALSE`: x may be missing from the result.
#' @param is_scanned `TRUE`: the caller finds missing values in x by itself.
#' @returns list(x, y, stratum, strata, weights, offset, cluster, mf): x as a matrix, or a list of
#'   columns when `as_columns` and the fit took the fast path.
#' @noRd
cox_rebuild <- function(fit, as_columns = FALSE, needs_x = TRUE, is_scanned = FALSE) {
  frame <- NULL
  if (isTRUE(fit$sr$is_fast) && isTRUE(getOption("survresist.fast", TRUE))) {
    frame <- rebuild_fast(fit, needs_x, is_scanned)
  }
  if (is.null(frame)) frame <- rebuild_ordinary(fit)
  if (nrow(frame$y) != fit$n) stop_changed_data(fit, nrow(frame$y))
  # a column that is missing throughout becomes strata of which na.action knows nothing
  if (anyNA(frame$stratum)) stop_changed_data(fit, sum(!is.na(frame$stratum)))
  if (!is.null(fit[["y"]])) frame$y <- fit[["y"]]
  if (is.list(frame$x) && !as_columns) {
    frame$x <- matrix(
      unlist(frame$x, use.names = FALSE), nrow(frame$y), length(frame$x),
      dimnames = list(rownames(frame$y), names(fit$coefficients))
    )
  }
  frame[c("x", "y", "stratum", "strata", "weights", "offset", "cluster", "mf")]
}

stop_changed_data <- function(fit, n) {
  stop_input(c(
    "The data are not those of the fit.",
    x = sprintf("The fit used %d rows, the same call now gives %d.", fit$n, n),
    i = "Keep the data unchanged, or fit with `model = TRUE`."
  ), arg = "fit")
}

rebuild_fast <- function(fit, needs_x, is_scanned) {
  env <- environment(fit$terms)
  data <- tryCatch(eval(fit$call$data, env), error = function(e) NULL)
  if (is.null(data) && !is.null(fit$call$data)) return(NULL)
  request <- list(
    call = fit$call, formula = fit$formula, data = data, env = env, keep_frame = FALSE,
    nafun = if (inherits(fit$na.action, "exclude")) stats::na.exclude else stats::na.omit
  )
  frame <- if (is.null(fit$na.action) && !is.null(fit[["y"]])) {
    fast_parts(request, fit[["y"]], needs_x, is_scanned)
  }
  if (is.null(frame)) frame <- cox_frame_fast(request)
  if (is.null(frame)) return(NULL)
  if (!is.null(frame$stratum)) {
    frame$strata <- structure(
      frame$stratum + 1L, levels = frame$strata_levels, class = "factor"
    )
  }
  frame["mf"] <- list(NULL)
  frame
}

# The model frame, from the fit or made again
fit_frame <- function(fit, call = NULL) {
  mf <- tryCatch(frame_without_contrasts(stats::model.frame(fit)), error = function(e) {
    stop_input(c(
      "The data that `fit` was made from cannot be found again.", x = conditionMessage(e),
      i = "Fit with `model = TRUE`, or write the formula where the data are."
    ), arg = "fit", call = call)
  })
  for (name in intersect(names(fit$contrasts), names(mf))) {
    usual <- getOption("contrasts")[[if (is.ordered(mf[[name]])) 2L else 1L]]
    is_own <- is.factor(mf[[name]]) && !identical(fit$contrasts[[name]], usual)
    if (is_own) attr(mf[[name]], "contrasts") <- fit$contrasts[[name]]
  }
  mf
}

# A model frame whose factors get the levels of the fit loses contrasts set by C(); the fit keeps
# them, so model.frame() need not warn of it.
frame_without_contrasts <- function(frame) {
  told <- sub("%s.*", "", gettext("contrasts dropped from factor %s", domain = "R-stats"))
  withCallingHandlers(frame, warning = function(w) {
    if (startsWith(conditionMessage(w), told)) invokeRestart("muffleWarning")
  })
}

rebuild_ordinary <- function(fit) {
  mf <- fit_frame(fit)
  terms <- fit$terms
  strata <- if (is.null(fit$strata)) frame_strata(terms, mf) else fit$strata
  x <- if (is.null(fit[["x"]])) frame_matrix(terms, mf) else fit[["x"]]
  list(
    x = x, y = stats::model.response(mf), strata = strata,
    stratum = if (!is.null(strata)) as.integer(strata) - 1L, weights = stats::model.weights(mf),
    offset = stats::model.offset(mf), cluster = mf[["(cluster)"]], mf = mf
  )
}

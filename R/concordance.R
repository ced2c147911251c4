# How often does the higher risk fail first? (src/model_concordance.c)

# What coxph keeps in `$concordance`: counts summed over strata, concordance, its standard error.
# y is a double matrix as in cox_data(), stratum 0-based or NULL, cluster any vector or NULL.
cox_concordance <- function(y, lp, stratum = NULL, weights = NULL, cluster = NULL) {
  if (anyNA(lp)) {
    return(concordance_vector(rep(NA_real_, 5L), NA_real_, NA_real_))
  }
  found <- count_concordance(y, lp, stratum, weights, cluster)
  concordance_vector(colSums(found$count), found$concordance, sqrt(found$var))
}

concordance_vector <- function(count, concordance, std) {
  names(count) <- concordance_names
  c(count, concordance = concordance, std = std)
}

concordance_names <- c("concordant", "discordant", "tied.x", "tied.y", "tied.xy")

# list(count [strata x 5], concordance, var, cvar, dfbeta [n] or NULL, influence [n x 5] or NULL)
count_concordance <- function(y, lp, stratum, weights, cluster, wants = 0L) {
  if (!is.null(cluster)) cluster <- group_numbers(cluster)
  if (!is.null(weights)) weights <- as.double(weights)
  .Call(C_concordance, cox_data(NULL, y, stratum, weights), as.double(lp), cluster, wants)
}

#' How often does the higher risk fail first?
#'
#' The method of [survival::concordance()] for models of [fit_cox()]: the same arguments and result
#' as for models of [survival::coxph()], counted in n log n time.
#'
#' @section Definition:
#' Two rows of a stratum can be compared when one fails while the other is at risk and does not fail
#' then. Of these pairs, weighted by the product of their weights, the concordance is the share
#' where the one that fails has the higher linear predictor, a tie counting one half. Its variance
#' is the infinitesimal jackknife, summed within clusters where there are any.
#'
#' @section Where survival 3.8-12 differs:
#' For several models at once with case weights, survival multiplies the jackknife values, which
#' hold the weights already, by the weights again. Here the diagonal of `var` is the variance of
#' each model alone.
#'
#' @param object a model from [fit_cox()].
#' @param ... further Cox models of the same rows, to be compared.
#' @param newdata data in which the prediction is to be judged, instead of those of the fit.
#' @param cluster grouping of correlated rows; default: that of the fit.
#' @param ymin,ymax events before `ymin` count as if at `ymin`, events after `ymax` not at all.
#' @param timewt weight of each event time: see [survival::concordance()].
#' @param influence 1 adds `dfbeta`, 2 `influence`, 3 both.
#' @param ranks `TRUE` adds the rank of each failing row in its risk set.
#' @param timefix as in [survival::concordance()]; concerns `newdata`.
#' @param keepstrata `TRUE`, or the largest number of strata up to which counts are kept by stratum.
#'
#' @returns An object of class `concordance`: `concordance`, `count` (concordant, discordant,
#'   tied.x: same score, tied.y: failing together, tied.xy: both), `n`, `var`, `cvar` (variance
#'   under no association), `dfbeta`, `influence`, `ranks` where asked, `call`.
#' @references Harrell FE, Lee KL, Mark DB. Multivariable prognostic models. Statistics in Medicine
#'   1996;15:361-387.
#' @examples
#' fit <- fit_cox(Surv(dtime, death) ~ age + grade + nodes, data = survival::rotterdam)
#' survival::concordance(fit)
#' @exportS3Method survival::concordance sr_cox
concordance.sr_cox <- function(object, ..., newdata, cluster, ymin, ymax,
                               timewt = c("n", "S", "S/G", "n/G2", "I"), influence = 0,
                               ranks = FALSE, timefix = TRUE, keepstrata = 10) {
  call <- match.call()
  call[[1L]] <- quote(concordance)
  fits <- list(object, ...)
  is_own <- vapply(fits, inherits, NA, "sr_cox") &
    vapply(fits, function(fit) isTRUE(fit$timefix) && !inherits(fit, "coxph.null"), NA)
  if (!missing(newdata) || isTRUE(ranks) || !identical(match.arg(timewt), "n") || !all(is_own)) {
    result <- NextMethod()
    result$call <- call
    return(result)
  }
  limits <- c(
    if (missing(ymin)) -Inf else check_limit(ymin, "ymin"),
    if (missing(ymax)) Inf else check_limit(ymax, "ymax")
  )
  if (missing(cluster)) cluster <- NULL
  is_alone <- length(fits) == 1L
  counted <- lapply(fits, concordance_of_fit, cluster, limits, influence, keepstrata, is_alone)
  labels <- as.character(call)[1L + seq_along(fits)]
  result <- if (length(fits) == 1L) counted[[1L]]$result else join_concordance(counted, labels)
  drop <- c(
    if (!influence %in% c(1, 3)) "dfbeta", if (!influence %in% c(2, 3)) "influence"
  )
  result[drop] <- NULL
  result$call <- call
  structure(result, class = "concordance")
}

check_limit <- function(limit, name, call = rlang::caller_env()) {
  if (is.null(limit)) return(if (name == "ymin") -Inf else Inf)
  if (!is.numeric(limit) || length(limit) != 1L || is.na(limit)) {
    stop_input(sprintf("`%s` must be one number.", name), arg = name, call = call)
  }
  limit
}

# list(result, y, weights): one fit's concordance as survival::concordance() gives it
concordance_of_fit <- function(fit, cluster, limits, influence, keepstrata, is_alone) {
  data <- concordance_data(fit)
  if (is.null(cluster)) cluster <- data$cluster
  y <- event_matrix(data$y)
  k <- ncol(y)
  if (is.finite(limits[1L])) y[, k - 1L] <- pmax(y[, k - 1L], limits[1L])
  if (is.finite(limits[2L])) y[y[, k - 1L] > limits[2L], k] <- 0
  wants <- (!is_alone || influence %in% c(1, 3)) + 2 * (influence >= 2)
  found <- count_concordance(
    y, fit$linear.predictors, data$stratum, data$weights, cluster, as.integer(wants)
  )
  colnames(found$count) <- concordance_names
  count <- colSums(found$count)
  n_stratum <- nrow(found$count)
  if (is.numeric(keepstrata)) keepstrata <- n_stratum <= keepstrata
  if (is_alone && n_stratum > 1L && keepstrata) {
    count <- found$count
    rownames(count) <- levels(data$strata)
  }
  result <- list(
    concordance = found$concordance, count = count, n = nrow(y), var = found$var, cvar = found$cvar
  )
  if (!is.null(found$dfbeta)) {
    result$dfbeta <- if (is.null(cluster)) found$dfbeta else drop(rowsum(found$dfbeta, cluster))
  }
  if (!is.null(found$influence)) {
    result$influence <- found$influence
    colnames(result$influence) <- concordance_names
  }
  list(result = result, y = data$y, weights = data$weights)
}

# Only what is needed: the model frame is not made again for a plain fit.
concordance_data <- function(fit) {
  specials <- attr(fit$terms, "specials")
  is_plain <- !is.null(fit[["y"]]) && is.null(specials$strata) && is.null(fit$call$cluster) &&
    (is.null(fit$call$weights) || !is.null(fit$weights))
  if (is_plain) {
    return(list(y = fit[["y"]], weights = if (!is.null(fit$call$weights)) fit$weights))
  }
  data <- cox_rebuild(fit, as_columns = TRUE)
  if (!is.null(data$strata)) {
    data$strata <- droplevels(data$strata)
    data$stratum <- as.integer(data$strata) - 1L
  }
  data
}

join_concordance <- function(counted, labels, call = rlang::caller_env(2)) {
  first <- counted[[1L]]
  for (other in counted[-1L]) {
    if (other$result$n != first$result$n) {
      stop_input("All models must be of the same rows.", arg = "...", call = call)
    }
    if (!identical(unclass(other$y)[seq_along(other$y)], unclass(first$y)[seq_along(first$y)])) {
      warn_user("The models do not have the same response.", call = call)
    }
    if (!identical(other$weights, first$weights)) {
      stop_input("All models must have the same weights.", arg = "...", call = call)
    }
    if (length(other$result$dfbeta) != length(first$result$dfbeta)) {
      stop_input("All models must have the same clusters.", arg = "...", call = call)
    }
  }
  take <- function(part) lapply(counted, function(one) one$result[[part]])
  dfbeta <- do.call(cbind, take("dfbeta"))
  count <- do.call(rbind, take("count"))
  rownames(count) <- labels
  result <- list(
    concordance = stats::setNames(unlist(take("concordance")), labels), count = count,
    n = first$result$n, var = crossprod(dfbeta), cvar = unlist(take("cvar")), dfbeta = dfbeta
  )
  if (!is.null(first$result$influence)) {
    influence <- take("influence")
    result$influence <- array(
      unlist(influence), dim = c(dim(influence[[1L]]), length(influence))
    )
  }
  result
}

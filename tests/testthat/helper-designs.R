# Random Cox designs, the same for the same seed, and how far two fits of one design are apart.
#
# make_design(k) gives list(data, formula, ties, uses = list of the other arguments): 8 to 1,000
# rows, continuous or tied times, right-censored or (start, stop], with or without weights, strata,
# an offset, factors and interactions, and covariates from 1e-6 to 1e6 in scale and up to 1e4 of
# their standard deviations away from 0.

design_seed <- 20260101L

one_of <- function(...) {
  choices <- c(...)
  choices[[sample.int(length(choices), 1L)]]
}

make_design <- function(k) {
  # An explicit generator: the designs do not depend on RNGkind() of the session.
  old <- if (exists(".Random.seed", globalenv())) get(".Random.seed", globalenv())
  on.exit(if (is.null(old)) NULL else assign(".Random.seed", old, globalenv()))
  set.seed(design_seed + k, "Mersenne-Twister", "Inversion", "Rejection")

  is_small <- k %% 8 == 0
  n <- round(exp(runif(1, log(if (is_small) 8 else 40), log(if (is_small) 40 else 1000))))
  p <- sample.int(max(1, min(6, n %/% if (is_small) 5 else 12)), 1L)
  scale <- 10^runif(p, -6, 6)
  centre <- scale * vapply(seq_len(p), function(j) one_of(0, 0, 1, -10, 1e4), 0)
  z <- matrix(rnorm(n * p), n, p)
  is_binary <- runif(p) < if (is_small) 0.6 else 0.25
  z[, is_binary] <- as.numeric(z[, is_binary] > 0)
  scale[is_binary] <- 1
  centre[is_binary] <- 0
  size <- if (is_small) 3 else 0.7
  eta <- drop(z %*% runif(p, -size, size))
  data <- as.data.frame(sweep(sweep(z, 2, scale, "*"), 2, centre, "+"))
  names(data) <- paste0("x", seq_len(p))
  terms <- names(data)

  if (n >= 60 && runif(1) < 0.4) {
    data$f <- factor(sample(c("a", "b", "c"), n, TRUE))
    terms <- c(terms, one_of("f", "f", "f:x1", "f * x1"))
  }
  n_stratum <- if (n < 30) 1 else one_of(1, 1, 2, 4)
  if (n_stratum > 1) {
    data$s <- sample(LETTERS[seq_len(n_stratum)], n, TRUE)
    terms <- c(terms, "strata(s)")
  }
  if (runif(1) < 0.25) {
    data$o <- rnorm(n, sd = 0.5)
    terms <- c(terms, "offset(o)")
  }
  exit <- (rexp(n) / exp(eta))^runif(1, 0.6, 1.5)
  event <- as.numeric(runif(n) < runif(1, if (is_small) 0.2 else 0.5, 0.95))
  event[which.min(exit)] <- 1
  grain <- one_of(0, 0, 20, 6)
  if (grain > 0) exit <- ceiling(grain * exit / quantile(exit, 0.9))
  uses <- list()
  if (runif(1) < 0.4) {
    enter <- exit * runif(n, 0, 0.8) * (runif(n) < 0.7)
    if (grain > 0) enter <- pmax(0, pmin(floor(enter), exit - 1))
    data <- cbind(data, start = enter, stop = exit, event = event)
    response <- "Surv(start, stop, event)"
  } else {
    data <- cbind(data, time = exit, event = event)
    response <- "Surv(time, event)"
  }
  weighting <- one_of("none", "none", "whole", "part")
  if (weighting != "none") {
    data$w <- if (weighting == "whole") as.double(sample.int(4, n, TRUE)) else runif(n, 0.2, 3)
    uses$weights <- quote(w)
  }
  list(
    k = k, data = data, ties = one_of("efron", "breslow"), uses = uses,
    formula = stats::as.formula(paste(response, "~", paste(terms, collapse = " + ")), globalenv())
  )
}

# The data stay in the formula's environment, where methods look for them again.
fit_design <- function(design, fitter, ...) {
  env <- new.env(parent = globalenv())
  env$data <- design$data
  formula <- design$formula
  environment(formula) <- env
  call <- as.call(c(
    list(fitter, formula, data = quote(data), ties = design$ties), design$uses, list(...)
  ))
  eval(call, env)
}

# max|a - b| / max|b| of a vector, the largest over the columns of a matrix; Inf where lengths or
# missing values differ.
gap <- function(a, b) {
  if (is.matrix(b)) {
    if (!identical(dim(a), dim(b))) return(Inf)
    return(max(0, vapply(seq_len(ncol(b)), function(j) gap(a[, j], b[, j]), 0)))
  }
  a <- as.numeric(a)
  b <- as.numeric(b)
  if (length(a) != length(b) || !identical(is.na(a), is.na(b))) return(Inf)
  seen <- is.finite(b)
  if (!identical(a[!seen], b[!seen])) return(Inf)
  if (!any(seen)) return(0)
  difference <- max(abs(a[seen] - b[seen]))
  if (difference == 0) 0 else difference / max(abs(b[seen]))
}

# b' V^-1 b with the scales of the coefficients taken out first: coxph's own statistic counts the
# columns of smallest scale as singular when scales differ by more than 1e5.
quadratic_form <- function(b, v) {
  b <- b[is.finite(b)]
  v <- v[diag(v) > 0, diag(v) > 0, drop = FALSE]
  s <- sqrt(diag(v))
  sum((b / s) * solve(v / outer(s, s), b / s))
}

gaps_of_fit <- function(ours, theirs) {
  each <- function(part) gap(ours[[part]], theirs[[part]])
  b <- ours$coefficients
  ratio <- b / theirs$coefficients - 1
  gaps <- c(
    coefficients = max(0, abs(ratio), na.rm = TRUE), var = each("var"), loglik = each("loglik"),
    score = each("score"), lp = each("linear.predictors"), residuals = each("residuals"),
    means = each("means"), concordance = each("concordance"),
    wald = gap(ours$wald.test, quadratic_form(b, ours$var))
  )
  if (!identical(is.na(b), is.na(theirs$coefficients))) gaps[["coefficients"]] <- Inf
  if (!is.null(theirs$naive.var)) gaps <- c(gaps, naive.var = each("naive.var"))
  gaps
}

# Can the fit not be compared number by number? Its coefficients run off, or it did not converge.
is_divergent <- function(fit) !isTRUE(fit$sr$converged) || length(fit$sr$infinite) > 0L

# The largest gap by quantity, and where: "var 2e-7 in design 196"
worst_gaps <- function(gaps, designs) {
  quantities <- unique(unlist(lapply(gaps, names)))
  table <- vapply(gaps, function(g) unname(g[quantities]), numeric(length(quantities)))
  table <- matrix(table, length(quantities), dimnames = list(quantities, NULL))
  at <- apply(table, 1, which.max)
  stats::setNames(
    data.frame(designs[at], table[cbind(seq_along(at), at)], row.names = quantities),
    c("design", "gap")
  )
}

# `gaps`: a list, one named vector a design
expect_gaps_below <- function(gaps, designs, tol) {
  worst <- worst_gaps(gaps, designs)
  file <- Sys.getenv("SURVRESIST_GAPS") # where to keep the figures of a run
  if (nzchar(file)) {
    lines <- sprintf("%-28s %.2g  design %d", rownames(worst), worst$gap, worst$design)
    cat(lines, "", file = file, sep = "\n", append = TRUE)
  }
  bad <- worst[!(worst$gap <= tol), , drop = FALSE]
  testthat::expect(
    nrow(bad) == 0L,
    paste(sprintf("%s: %.2g in design %d", rownames(bad), bad$gap, bad$design), collapse = "; ")
  )
  invisible(worst)
}

gaps_of_residuals <- function(ours, theirs, is_weighted) {
  types <- c(
    "martingale", "deviance", "score", "schoenfeld", "scaledsch", "dfbeta", "dfbetas", "partial"
  )
  gaps <- vapply(types, function(type) {
    gap(stats::residuals(ours, type), stats::residuals(theirs, type))
  }, 0)
  if (!is_weighted) return(gaps)
  weighted <- vapply(c("martingale", "score", "schoenfeld", "dfbeta"), function(type) {
    gap(
      stats::residuals(ours, type, weighted = TRUE), stats::residuals(theirs, type, weighted = TRUE)
    )
  }, 0)
  c(gaps, stats::setNames(weighted, paste("weighted", names(weighted))))
}

gaps_of_lists <- function(ours, theirs, parts, prefix) {
  gaps <- vapply(parts, function(part) gap(ours[[part]], theirs[[part]]), 0)
  stats::setNames(gaps, paste(prefix, parts))
}

gaps_of_predictions <- function(ours, theirs) {
  gaps <- lapply(c("lp", "risk", "expected", "survival", "terms"), function(type) {
    a <- stats::predict(ours, type = type, se.fit = TRUE)
    b <- stats::predict(theirs, type = type, se.fit = TRUE)
    gaps_of_lists(a, b, c("fit", "se.fit"), paste("predict", type))
  })
  unlist(gaps)
}

# What the oracle finds for a fit of a small design: oracle_fit(), oracle_residuals(), the score
# test at 0 and the weights
oracle_of_fit <- function(design, fit) {
  frame <- cox_rebuild(fit)
  data <- oracle_data(
    frame$x, frame$y, design$ties, frame$stratum, frame$weights, frame$offset
  )
  exact <- oracle_fit(data, unname(fit$coefficients))
  start <- oracle_mp(data, numeric(length(exact$coef)))
  test <- oracle_quadratic_form(oracle_inverse(start$info), start$score)
  c(
    exact, oracle_residuals(data, exact$coef),
    list(score_test = as.numeric(test), weights = data$weights)
  )
}

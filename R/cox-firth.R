# Firth's penalised likelihood (src/model_cox_firth.c): arguments and result as cox_newton()'s.
# `fixed`: coefficients that stay at `init`, or NULL. loglik is penalised, at `init` and at the
# estimate: l + log det I / 2, I the information about the coefficients in the units of x. score is
# the gradient of that, for the fixed coefficients too; score_test is made with the penalised score.
cox_firth <- function(data, ties, init, control, is_centred, fixed = NULL, tolerance = 0) {
  .Call(
    C_cox_firth, data, ties == "efron", init, as.integer(control$iter.max), control$eps,
    control$toler.chol, is_centred, tolerance, fixed
  )
}

# The same with the tests of all coefficients, where there is a maximum to compare with.
cox_firth_tested <- function(data, ties, init, control, is_centred) {
  fit <- cox_firth(data, ties, init, control, is_centred)
  if (fit$converged && control$iter.max > 0) {
    fit$tests <- cox_firth_tests(data, ties, fit, control, is_centred)
  }
  fit
}

# Does coefficient j differ from `null`? Penalised likelihood-ratio tests, each against the maximum
# with that coefficient held at `null` and the determinant that of the whole model (Heinze and
# Schemper 2001). `estimate` is what cox_firth() gave for the same data. Returns a matrix with a row
# for each coefficient and columns chisq and p; NA where aliased.
cox_firth_tests <- function(data, ties, estimate, control, is_centred, null = 0) {
  beta <- estimate$coefficients
  control <- firth_control(control)
  is_aliased <- diag(estimate$var) == 0
  chisq <- vapply(seq_along(beta), function(j) {
    if (is_aliased[j]) return(NA_real_)
    held <- firth_held(data, ties, beta, j, null, control, is_centred)
    max(0, 2 * (estimate$loglik[2] - held$loglik[2]))
  }, 0)
  cbind(chisq = chisq, p = stats::pchisq(chisq, 1, lower.tail = FALSE))
}

# Profile-penalised intervals: the values of a coefficient that its penalised likelihood-ratio test
# does not reject at `level`. Rows for the coefficients in `which`, columns lower and upper.
cox_firth_interval <- function(data, ties, estimate, control, is_centred, level = 0.95,
                               which = seq_along(estimate$coefficients)) {
  beta <- estimate$coefficients
  control <- firth_control(control)
  limits <- vapply(which, function(j) {
    if (estimate$var[j, j] == 0) return(c(NA_real_, NA_real_))
    c(
      firth_limit(data, ties, estimate, j, -1, stats::qnorm((1 + level) / 2), control, is_centred),
      firth_limit(data, ties, estimate, j, 1, stats::qnorm((1 + level) / 2), control, is_centred)
    )
  }, c(lower = 0, upper = 0))
  t(limits)
}

# A profile needs maxima that are sharper than the estimate's report.
firth_control <- function(control) {
  control$iter.max <- max(control$iter.max, 200L)
  control$eps <- min(control$eps, 1e-11)
  control
}

# The maximum over the others with coefficient j at `value`, from the start `beta`.
firth_held <- function(data, ties, beta, j, value, control, is_centred) {
  cox_firth(
    data, ties, replace(beta, j, value), control, is_centred, seq_along(beta) == j
  )
}

# Where the signed root of the penalised deviance, nearly a straight line in the coefficient,
# reaches `quantile`: Newton's steps, kept inside a bracket that halves where they leave it.
firth_limit <- function(data, ties, estimate, j, side, quantile, control, is_centred) {
  se <- sqrt(estimate$var[j, j])
  inner <- 0 # distances from the estimate, in standard errors
  outer <- Inf
  distance <- quantile
  beta <- estimate$coefficients
  for (step in seq_len(60L)) {
    value <- estimate$coefficients[j] + side * distance * se
    held <- firth_held(data, ties, beta, j, value, control, is_centred)
    root <- sqrt(max(0, 2 * (estimate$loglik[2] - held$loglik[2])))
    if (abs(root - quantile) < 1e-9 * quantile || outer - inner < 1e-10 * distance) return(value)
    if (root < quantile) inner <- distance else outer <- distance
    beta <- held$coefficients
    slope <- -side * held$score[j] * se / root
    distance <- distance + (quantile - root) / slope
    if (!is.finite(distance) || distance <= inner || distance >= outer) {
      distance <- if (is.finite(outer)) (inner + outer) / 2 else 2 * inner + 1
    } else {
      distance <- min(distance, 3 * inner + 3)
    }
  }
  NA_real_
}

# Tests of proportional hazards where columns almost depend on each other.
#
# Such columns (a factor, and its product with a column that lies far from 0) leave a share s of
# their information to what is tested, and the information of the columns as they are has lost that
# many digits: 1e-16 / s. So columns z = x M are tested, M upper triangular and M' I M about 1, that
# hardly depend on each other; with A = M^-1 (known before M is) what was asked of x follows:
#
#   score_x = A' score_z,   left_x = A' left_z A,   I_x = A' I_z A = (C A)'(C A),   C'C = I_z
#
# and what does not depend on the columns' names, the global test, is read off z.

# `found` with score and information of z, `basis` = A and `root` = C A; as it is where no column
# keeps less than 1e-4. ask(x) calls the kernel.
zph_sweep <- function(found, x, ask) {
  size <- 1 / sqrt(diag(found$info))
  if (!all(is.finite(size))) return(found)
  factor <- tryCatch(chol(found$info * outer(size, size)), error = function(e) NULL)
  if (is.null(factor) || min(diag(factor))^2 > 1e-4) return(found)
  swept <- ask(swept_columns(x, size * backsolve(factor, diag(1, length(size)))))
  parts <- c("score", "info", "info_g", "info_gg")
  if (!all(is.finite(unlist(swept[parts])))) return(found)
  found[parts] <- swept[parts]
  found$basis <- factor * rep(1 / size, each = length(size))
  found$root <- chol(found$info) %*% found$basis
  found
}

# x M, x about its means
swept_columns <- function(x, mix) {
  if (!is.list(x)) x <- lapply(seq_len(ncol(x)), function(j) x[, j])
  x <- lapply(x, function(column) column - mean(column))
  lapply(seq_along(x), function(j) {
    Reduce(`+`, lapply(seq_len(j), function(k) mix[k, j] * x[[k]]))
  })
}

# The information of x itself
zph_information <- function(found) {
  if (is.null(found$basis)) found$info else crossprod(found$root)
}

# Inverse of combine' I combine / events, where `events` is one number
zph_inverse <- function(found, combine, events) {
  root <- found$root %*% combine
  size <- sqrt(colSums(root^2))
  triangle <- qr.R(qr(root * rep(1 / size, each = nrow(root)), tol = 1e-14))
  chol2inv(triangle) * events / outer(size, size)
}

# The response of the fast path (cox-fast.R): a literal Surv() of bare columns, read at once in C.

# The arguments of a literal Surv(time, status), Surv(start, stop, status) or
# Surv(left, right, type = "interval2"); those of the last are called left and right
read_response <- function(lhs) {
  if (!is.call(lhs) || !identical(survival_word(lhs[[1L]]), "Surv")) return(NULL)
  parts <- as.list(lhs)[-1L]
  if (identical(names(parts), c("", "", "type")) && identical(parts$type, "interval2")) {
    parts <- stats::setNames(parts[1:2], c("left", "right"))
  } else if (!is.null(names(parts)) || !(length(parts) %in% 2:3)) {
    return(NULL)
  }
  if (all(vapply(parts, is_harmless, TRUE))) parts
}

is_interval2 <- function(response) identical(names(response), c("left", "right"))

fast_response <- function(found) {
  parts <- found$response
  k <- length(parts)
  status <- parts[[k]]
  n <- length(status)
  is_usable <- n > 0L && all(vapply(parts[-k], is_plain_number, TRUE, n = n)) &&
    is.null(attributes(status)) && (is.numeric(status) || is.logical(status))
  if (!is_usable) return(NULL)
  .Call(C_frame_response, if (k == 3L) parts[[1L]], parts[[k - 1L]], status)
}

# The same from the ends of intervals
interval_fast_response <- function(found) {
  parts <- unname(found$response)
  n <- length(parts[[1L]])
  is_usable <- n > 0L && all(vapply(parts, is_plain_number, TRUE, n = n))
  if (is_usable) .Call(C_frame_interval, as_double(parts[[1L]]), as_double(parts[[2L]]))
}

fast_response_maker <- function(read, request) {
  if (is_interval2(read$response)) return(interval_fast_response)
  request$fast_response %||% fast_response
}

interval_as_surv <- function(y, row_names) {
  attributes(y) <- list(
    dim = dim(y), dimnames = list(row_names, c("time1", "time2", "status")), type = "interval",
    class = "Surv"
  )
  y
}

# Surv's attributes on the matrix that C made
as_surv <- function(y, row_names) {
  columns <- if (ncol(y) == 2L) c("time", "status") else c("start", "stop", "status")
  attributes(y) <- list(
    dim = dim(y), dimnames = list(row_names, columns),
    type = if (ncol(y) == 2L) "right" else "counting", class = "Surv"
  )
  y
}

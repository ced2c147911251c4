#' How many threads may the C core use?
#'
#' Large fits run on several threads through OpenMP. The default is the smaller of 2 and the
#' number of processors; the environment variable `OMP_THREAD_LIMIT` is honoured. Results are the
#' same to the last bit for any number of threads. A forked child, as of
#' [parallel::mclapply()], always runs on one thread.
#'
#' Where other programs use the same processors, start R with the environment variable
#' `OMP_WAIT_POLICY=passive`: threads that wait for each other then sleep instead of spinning, and a
#' fit on two threads takes no longer than on one. (It is read when R starts, so `Sys.setenv()` is
#' too late.)
#'
#' @param threads a whole number, 1 or more; `NULL` or 0 goes back to the default. More than the
#'   machine offers is reduced to what it offers.
#' @returns `get_threads()`: the number of threads in force, an integer. `set_threads()`: the
#'   number that was in force before, invisibly.
#' @examples
#' old <- set_threads(1)
#' get_threads()
#' set_threads(old)
#' @export
set_threads <- function(threads = NULL) {
  if (is.null(threads)) threads <- 0L
  is_count <- is.numeric(threads) && length(threads) == 1L && is.finite(threads) &&
    threads >= 0 && threads == floor(threads)
  if (!is_count) {
    stop_input(c(
      "`threads` must be one whole number, 0 or more.",
      i = "Use `set_threads(2)`, or `set_threads(NULL)` for the default."
    ), arg = "threads")
  }
  before <- get_threads()
  .Call(C_set_threads, as.integer(min(threads, .Machine$integer.max)))
  invisible(before)
}

#' @rdname set_threads
#' @export
get_threads <- function() .Call(C_get_threads)

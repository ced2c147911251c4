#' How strongly does the tumour stain, from 0 to 300?
#'
#' The histochemical score of a section: the percentage of weakly stained cells, plus twice that
#' of moderately and three times that of strongly stained cells.
#'
#' \deqn{H = p_1 + 2 p_2 + 3 p_3}
#'
#' @param p1,p2,p3 numeric vectors of one length (or a single number): percentages, 0 to 100, of
#'   tumour cells with weak, moderate and strong staining. Their sum is at most 100; the rest is
#'   unstained.
#' @returns A numeric vector, 0 to 300, `NA` where a percentage is missing.
#' @references McCarty KS Jr, Miller LS, Cox EB, Konrath J, McCarty KS Sr (1985). Estrogen
#'   receptor analyses. Correlation of biochemical and immunohistochemical methods using
#'   monoclonal antireceptor antibodies. *Archives of Pathology & Laboratory Medicine*, 109(8),
#'   716-721.
#' @seealso [rank_status()] to cut it.
#' @examples
#' h_score(p1 = c(10, 0, 30), p2 = c(20, 0, 30), p3 = c(60, 5, 40))
#' @export
h_score <- function(p1, p2, p3) {
  parts <- list(p1 = p1, p2 = p2, p3 = p3)
  for (name in names(parts)) h_score_check(parts[[name]], name)
  size <- lengths(parts)
  n <- if (any(size == 0L)) 0L else max(size)
  if (!all(size == n | size == 1L)) {
    stop_input(c(
      "`p1`, `p2` and `p3` must have one length.",
      x = sprintf("They have %s values.", paste(size, collapse = ", "))
    ), arg = names(parts)[size != n][[1L]])
  }
  keep_names <- names(parts[[which(size == n)[[1L]]]])
  parts <- lapply(parts, function(p) rep_len(as.numeric(p), n))
  total <- parts$p1 + parts$p2 + parts$p3
  bad <- which(total > 100 + 1e-6)
  if (length(bad)) {
    stop_input(c(
      "`p1 + p2 + p3` must be at most 100: they are percentages of the same cells.",
      x = sprintf("It is %s in %s.", format(total[[bad[[1L]]]]), format_rows(bad))
    ), arg = "p1", rows = bad)
  }
  values <- unlist(parts, use.names = FALSE)
  values <- values[!is.na(values)]
  if (n > 1L && length(values) && max(values) <= 1 && any(values > 0 & values < 1)) {
    warn_user(c(
      "All percentages are 1 or less: are they fractions?",
      i = "`h_score()` takes percentages, 0 to 100."
    ), class = "survresist_warning_fractions")
  }
  stats::setNames(pmin(parts$p1 + 2 * parts$p2 + 3 * parts$p3, 300), keep_names)
}

h_score_check <- function(p, name) {
  if (!is.numeric(p) && !(is.logical(p) && all(is.na(p)))) {
    stop_input(c(
      sprintf("`%s` must be a numeric vector of percentages.", name),
      x = sprintf("It is of class %s.", class(p)[[1L]])
    ), arg = name)
  }
  bad <- which(p < 0 | p > 100)
  if (length(bad)) {
    stop_input(c(
      sprintf("`%s` must lie between 0 and 100.", name),
      x = sprintf("It is %s in %s.", format(p[[bad[[1L]]]]), format_rows(bad))
    ), arg = name, rows = bad)
  }
}

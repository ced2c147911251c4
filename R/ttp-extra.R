# Covariates of the parameters of a family (`shape`, `tvc`): columns for C, and for newdata again.

#' The columns of `shape` and `tvc`, and the frame without rows where they are missing
#'
#' @param formulas from ttp_extra_formulas(): by parameter.
#' @returns list(frame, extra): extra is list(x, slot, names, parts); x a list of double vectors,
#'   parts what newdata needs: list(slot, terms, xlevels, contrasts) for each formula.
#' @noRd
ttp_extra <- function(formulas, family, frame, request) {
  if (length(formulas) == 0L) return(list(frame = frame, extra = list()))
  frames <- lapply(formulas, extra_frame, frame = frame, request = request)
  is_whole <- Reduce(`&`, lapply(frames, stats::complete.cases))
  if (!all(is_whole)) {
    frame <- leave_out_rows(frame, which(!is_whole), frames, request)
    frames <- lapply(frames, function(mf) {
      kept <- mf[is_whole, , drop = FALSE]
      attr(kept, "terms") <- attr(mf, "terms")
      kept
    })
  }
  parts <- Map(extra_part, frames, match(names(formulas), family$theta))
  x <- do.call(cbind, lapply(parts, `[[`, "x"))
  extra <- list(
    x = lapply(seq_len(ncol(x)), function(j) as.double(x[, j])),
    slot = rep.int(vapply(parts, `[[`, 0L, "slot"), vapply(parts, function(p) ncol(p$x), 0L)),
    names = paste0(
      rep.int(names(formulas), vapply(parts, function(p) ncol(p$x), 0L)), ":", colnames(x)
    ),
    parts = lapply(parts, `[`, c("slot", "terms", "xlevels", "contrasts"))
  )
  list(frame = frame, extra = extra)
}

# The variables of one formula, in the rows that the frame has
extra_frame <- function(formula, frame, request) {
  call <- request$call
  call <- call[c(1L, match("subset", names(call), nomatch = 0L))]
  call[[1L]] <- quote(stats::model.frame)
  call$formula <- formula
  if (!is.null(request$data)) call$data <- request$data
  call$na.action <- quote(stats::na.pass)
  mf <- tryCatch(eval(call, request$env), error = function(e) {
    stop_input(c(
      "`shape` and `tvc` must use variables of the data.", x = conditionMessage(e)
    ), arg = "shape")
  })
  terms <- attr(mf, "terms")
  if (length(frame$na_action) > 0L) mf <- mf[-frame$na_action, , drop = FALSE]
  if (nrow(mf) != frame$n) {
    stop_input(c(
      "`shape` and `tvc` must have the rows of the data.",
      x = sprintf("They have %d rows, the model %d.", nrow(mf), frame$n)
    ), arg = "shape")
  }
  attr(mf, "terms") <- terms
  mf
}

extra_part <- function(mf, slot) {
  terms <- attr(mf, "terms")
  attr(terms, "intercept") <- 1L
  x <- checked_matrix(terms, mf)
  contrasts <- attr(x, "contrasts")
  x <- x[, attr(x, "assign") != 0L, drop = FALSE]
  if (ncol(x) == 0L) {
    stop_input(c(
      "A formula in `shape` must have a covariate.",
      i = "The parameter itself is always estimated: leave `~ 1` out."
    ), arg = "shape")
  }
  if (!all(is.finite(x))) {
    stop_input(
      "Covariates in `shape` and `tvc` must be finite.", arg = "shape",
      rows = row.names(mf)[!apply(is.finite(x), 1L, all)]
    )
  }
  list(
    x = x, slot = slot, terms = terms, xlevels = stats::.getXlevels(terms, mf),
    contrasts = contrasts
  )
}

# Rows in which a covariate of a parameter is missing go the way of the others.
leave_out_rows <- function(frame, rows, frames, request) {
  missing <- do.call(cbind, unname(lapply(frames, function(mf) as.data.frame(lapply(mf, is.na)))))
  counts <- colSums(missing)
  if (identical(request$nafun, stats::na.fail)) {
    stop_missing(frame$row_names[rows], counts[counts > 0])
  }
  before <- frame$na_action
  n_before <- frame$n + length(before)
  kept <- setdiff(seq_len(n_before), before)
  names_before <- frame$row_names[rows]
  frame$has_numbers <- FALSE
  left <- drop_rows(frame, rows, identical(request$nafun, stats::na.exclude))
  all_rows <- c(before, stats::setNames(kept[rows], names_before))
  left$na_action <- structure(
    sort(all_rows), names = names(all_rows)[order(all_rows)], class = class(left$na_action)
  )
  if (!is.null(frame$mf)) left$mf <- frame$mf[-rows, , drop = FALSE]
  if (!is.null(frame$strata)) left$strata <- frame$strata[-rows]
  attributes(left$y) <- c(
    attributes(left$y)[c("dim", "dimnames")], attributes(frame$y)[c("type", "class")]
  )
  left$na_columns <- c(frame$na_columns, counts[counts > 0])
  left
}

# Without a main effect, an effect that changes with time would be none at time 1, whatever the unit
# of time: the columns of `tvc` must be among those of the model, as they are or combined.
check_tvc_effects <- function(extra, frame) {
  rows <- thin_rows(frame$n) %||% seq_len(frame$n)
  level <- factor((frame$stratum %||% integer(frame$n))[rows])
  strata <- outer(as.integer(level), seq_len(nlevels(level)), `==`) + 0
  x <- if (length(frame$x_names) > 0L) {
    if (is.matrix(frame$x)) frame$x else matrix(unlist(frame$x, use.names = FALSE), frame$n)
  }
  effects <- qr(cbind(strata, x[rows, , drop = FALSE]))
  columns <- matrix(unlist(extra$x, use.names = FALSE), frame$n)[rows, , drop = FALSE]
  rest <- qr.resid(effects, columns)
  is_absent <- colSums(rest^2) > 1e-10 * colSums(sweep(columns, 2L, colMeans(columns))^2)
  if (!any(is_absent)) return(invisible())
  stop_input(c(
    "A covariate of `tvc` needs its effect in the formula too.",
    x = sprintf("There is none of %s.", format_names(unique(sub("^[^:]*:", "", extra$names)[
      is_absent
    ]))),
    i = "Add it to the formula: `y ~ rank`, `tvc = ~ rank`."
  ), arg = "tvc")
}

# The same columns for newdata: list(x (a matrix), slot)
extra_at <- function(extra, newdata) {
  if (length(extra$parts) == 0L) return(matrix(0, nrow(newdata), 0L))
  columns <- lapply(extra$parts, function(part) {
    variables <- vapply(as.list(attr(part$terms, "variables"))[-1L], deparse1, "")
    mf <- new_frame_of(
      part$terms, newdata, part$xlevels, variables, quote(stats::na.pass), list(), parent.frame()
    )
    check_new_classes(part$terms, mf)
    x <- stats::model.matrix(part$terms, mf, contrasts.arg = part$contrasts)
    x[, attr(x, "assign") != 0L, drop = FALSE]
  })
  do.call(cbind, columns)
}

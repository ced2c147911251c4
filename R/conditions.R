# What the user is told when an input cannot be used.
#
# `stop_input()`: the input is wrong (class survresist_error_input).
# `stop_unsupported()`: the input is meaningful, but not here (survresist_error_unsupported).
# `warn_user()`: the result is there, with a property that the user must know.
# Messages are cli bullets: what is required, "x" what was found and where, "i" the way out.

stop_input <- function(message, ..., arg = NULL, rows = NULL, class = NULL, call = NULL) {
  rlang::abort(
    message, class = c(class, "survresist_error_input", "survresist_error"),
    arg = arg, rows = rows, ..., call = call, use_cli_format = TRUE
  )
}

stop_unsupported <- function(message, ..., arg = NULL, call = NULL) {
  rlang::abort(
    message, class = c("survresist_error_unsupported", "survresist_error"),
    arg = arg, ..., call = call, use_cli_format = TRUE
  )
}

warn_user <- function(message, class = NULL, ..., call = NULL) {
  rlang::warn(
    message, class = c(class, "survresist_warning"), ..., call = call, use_cli_format = TRUE
  )
}

# "rows 3, 8, 15 and 4 more"
format_rows <- function(rows, show = 5L) {
  n <- length(rows)
  shown <- paste(format(utils::head(rows, show), trim = TRUE, scientific = FALSE), collapse = ", ")
  paste0(if (n == 1L) "row " else "rows ", shown, if (n > show) sprintf(" and %d more", n - show))
}

# Called from C (src/r_data.c) when a kernel ends with a status other than "no error".
raise_status <- function(code, text) {
  name <- status_names[[code]]
  if (name == "interrupt") {
    rlang::interrupt()
  }
  rlang::abort(
    c(
      paste0("The computation stopped: ", text, "."),
      i = switch(name,
        memory = "Use fewer rows or columns, or a machine with more memory.",
        too_many_ties = "Use `ties = \"efron\"`, which is close to it."
      )
    ),
    class = c(paste0("survresist_error_", name), "survresist_error"), call = NULL
  )
}

# In the order of src/core_status.h, without SR_OK.
status_names <- c(
  "memory", "interrupt", "size", "domain", "not_finite", "no_event", "no_convergence", "interval",
  "too_many_ties"
)

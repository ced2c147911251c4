#' How do I hand this fit to code that wants a plain `coxph`?
#'
#' A fit of [fit_cox()] is a `coxph` already, with one component more and one class in front.
#' `as_coxph()` takes both away, and gives the call its usual name, so that
#' [update()] of the result fits with [survival::coxph()].
#'
#' @param fit from [fit_cox()].
#' @returns An object of class `coxph` (`c("coxph.null", "coxph")` without coefficients), with the
#'   components that [survival::coxph()] gives.
#' @seealso [fit_cox()]
#' @examples
#' fit <- fit_cox(Surv(time, status) ~ age + sex, survival::lung)
#' class(as_coxph(fit))
#' @export
as_coxph <- function(fit) {
  if (!inherits(fit, "coxph")) {
    stop_input(c(
      "`fit` must be a Cox model.", x = sprintf("Found %s.", describe(fit)),
      i = "Use the result of `fit_cox()`."
    ), arg = "fit")
  }
  if (isTRUE(fit$sr$firth)) {
    stop_unsupported(c(
      "A fit with `firth = TRUE` is not one that `survival::coxph()` could have made.",
      i = "Fit without `firth` first, or use the methods of this package."
    ), arg = "fit")
  }
  fit$sr <- NULL
  if (is.call(fit$call)) fit$call[[1L]] <- quote(survival::coxph)
  class(fit) <- setdiff(class(fit), "sr_cox")
  fit
}

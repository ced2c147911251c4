#' survresist: fast survival and resistance models stratified by RANK status
#'
#' Does the marker change the hazard? [fit_cox()] answers with a Cox model that works wherever
#' one of [survival::coxph()] does.
#'
#' @keywords internal
#' @useDynLib survresist, .registration = TRUE, .fixes = "C_"
#' @importFrom survival Surv strata
#' @importFrom cli format_message
#' @importFrom graphics plot
#' @importFrom methods setOldClass
"_PACKAGE"

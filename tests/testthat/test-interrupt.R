# An interrupt (Ctrl-C) in the middle of a fit leaves nothing behind: the next fit gives the same
# bits and the memory is given back. A child R fits a large study again and again; this process
# interrupts it at random moments.
#
# SURVRESIST_LONG=true: 20 moments in fits of 1e7 rows, as against 5 of 1e6.

is_long <- identical(Sys.getenv("SURVRESIST_LONG"), "true")
n_row <- if (is_long) 1e7 else 1e6
n_moment <- if (is_long) 20L else 5L

# The fit must outlast every signal, however fast the machine becomes meanwhile. So nobody in the
# group x4 has an event: its coefficient takes a step of about 1 at a time, some 30 of them.
#
# What the child does: reports "ready k" before each fit, and what became of the fit after it.
child_code <- c(
  "suppressMessages(library(survresist))",
  "args <- commandArgs(TRUE); n <- as.numeric(args[1]); moments <- as.integer(args[2])",
  "say <- function(...) { cat(..., '\\n'); flush(stdout()) }",
  "memory <- function() {",
  "  gc(full = TRUE)",
  "  line <- grep('^VmRSS', readLines('/proc/self/status'), value = TRUE)",
  "  as.numeric(gsub('[^0-9]', '', line))",
  "}",
  "set.seed(1)",
  "study <- data.frame(start = floor(runif(n) * 500), x1 = rnorm(n), x2 = rnorm(n), x3 = rnorm(n))",
  "study$stop <- study$start + 1 + floor(rexp(n) * 500); study$event <- as.numeric(runif(n) < 0.5)",
  "study$x4 <- as.numeric(seq_len(n) %% 100 == 0); study$event[study$x4 == 1] <- 0",
  "small <- function() {",
  "  fit <- fit_cox(Surv(time, status) ~ age + sex + strata(ph.ecog), survival::lung)",
  "  unlist(fit[c('coefficients', 'var', 'loglik', 'residuals')])",
  "}",
  "big <- function() {",
  "  fit_cox(Surv(start, stop, event) ~ x1 + x2 + x3 + x4, study, eps = 1e-300, iter.max = 500)",
  "}",
  "before <- small()",
  "took <- system.time(suppressWarnings(",
  "  fit_cox(Surv(start, stop, event) ~ x1 + x2 + x3, study)))[['elapsed']]",
  "resident <- memory()",
  "say('took', took)",
  "for (k in seq_len(moments)) {",
  "  say('ready', k)",
  "  outcome <- tryCatch({ suppressWarnings(big()); 'finished' },",
  "    interrupt = function(e) 'stopped')",
  "  same <- identical(small(), before)",
  "  say('outcome', outcome, same, memory() / resident)",
  "}"
)

test_that("an interrupted fit leaves bits and memory as they were", {
  skip_on_cran()
  skip_on_os(c("windows", "mac"))
  script <- tempfile(fileext = ".R")
  log <- tempfile()
  file.create(log)
  on.exit(unlink(c(script, log)))
  writeLines(c(sprintf(".libPaths(%s)", deparse1(.libPaths())), child_code), script)
  shell <- sprintf(
    "exec %s --vanilla %s %g %d > %s 2>&1 & echo $!", shQuote(file.path(R.home("bin"), "Rscript")),
    shQuote(script), n_row, n_moment, shQuote(log)
  )
  pid <- as.integer(system(shell, intern = TRUE))
  on.exit(tools::pskill(pid, tools::SIGKILL), add = TRUE, after = FALSE)
  said <- function(word) grep(paste0("^", word), readLines(log, warn = FALSE), value = TRUE)
  is_running <- function() file.exists(file.path("/proc", pid, "exe"))
  wait_until <- function(is_reached, seconds) {
    until <- Sys.time() + seconds
    while (!is_reached()) {
      if (Sys.time() > until) return(FALSE)
      Sys.sleep(0.01)
    }
    TRUE
  }
  # The first wait that runs out ends the test: nothing after it could be told from it.
  wait_for <- function(word, count, seconds) {
    is_said <- wait_until(function() length(said(word)) >= count || !is_running(), seconds)
    if (is_said && length(said(word)) >= count) return(invisible())
    stop(sprintf(
      "the child %s '%s' number %d within %g s; it said:\n%s",
      if (is_running()) "did not say" else "ended before", word, count, seconds,
      paste(utils::tail(readLines(log, warn = FALSE), 5), collapse = "\n")
    ), call. = FALSE)
  }
  wait_for("took", 1L, if (is_long) 300 else 60)
  took <- as.numeric(sub("took", "", said("took")))
  set.seed(as.integer(pid))
  for (k in seq_len(n_moment)) {
    wait_for("ready", k, 60)
    Sys.sleep(runif(1, 0.01, 0.5 * took))
    tools::pskill(pid, tools::SIGINT)
    # the interrupt is noticed between blocks of rows, long before a step ends
    wait_for("outcome", k, if (is_long) 60 else 20)
  }
  expect_true(wait_until(function() !is_running(), 20), label = "the child has ended")
  outcomes <- strsplit(trimws(said("outcome")), " +")
  expect_length(outcomes, n_moment)
  for (outcome in outcomes) {
    expect_identical(outcome[2], "stopped")
    expect_identical(outcome[3], "TRUE")
    expect_lt(as.numeric(outcome[4]), 1.05)
  }
  if (is_long) print(vapply(outcomes, paste, "", collapse = " "))
})

# What the scripts of this folder share: simulated trials, and timing against a peer.
#
# compare() runs ours and the peer's in turn, in one process, and reports the medians and the median
# ratio peer / ours. Results go to bench/results/. See bench/README.md.

results <- file.path("bench", "results")

# ---- data: a hazard of three covariates out of p, uniform censoring, two strata ----------------

make_trial <- function(n, p = 10L, seed = 1L) {
  set.seed(seed)
  x <- matrix(stats::rnorm(n * p), n, dimnames = list(NULL, paste0("x", seq_len(p))))
  used <- seq_len(min(3L, p))
  hazard <- exp(drop(x[, used, drop = FALSE] %*% c(0.5, -0.3, 0.2)[used]))
  event <- stats::rexp(n, hazard / 700)
  censor <- stats::runif(n, 0, 2000)
  time <- pmin(event, censor)
  data.frame(
    x, time = time, day = ceiling(time), status = as.integer(event <= censor),
    start = pmax(0, ceiling(time) - ceiling(stats::rexp(n, 1 / 300))),
    rank = factor(sample(c("low", "high"), n, TRUE)), id = sample.int(n / 10, n, TRUE)
  )
}

trial_formula <- function(data, response, extra = "strata(rank)", env = parent.frame()) {
  x <- grep("^x", names(data), value = TRUE)
  stats::as.formula(paste(response, "~", paste(c(x, extra), collapse = " + ")), env)
}

matrix_of <- function(data) as.matrix(data[grep("^x", names(data))])

# ---- timing ---------------------------------------------------------------------------------

seconds <- function(expression, envir) {
  gc(FALSE)
  system.time(eval(expression, envir))[["elapsed"]]
}

# Small calls are repeated until a tenth of a second has passed.
repeats_for <- function(expression, envir) {
  once <- seconds(expression, envir)
  if (once > 0.1) 1L else as.integer(ceiling(0.1 / max(once, 1e-4)))
}

compare <- function(work, ours, peer, runs = 3L, floor = NA, threads = get_threads(),
                    envir = parent.frame()) {
  ours <- substitute(ours)
  peer <- substitute(peer)
  old <- set_threads(threads)
  on.exit(set_threads(old))
  times_ours <- repeats_for(ours, envir)
  times_peer <- repeats_for(peer, envir)
  loop <- function(expression, times) bquote(for (i in seq_len(.(times))) .(expression))
  both <- replicate(runs, c(
    seconds(loop(ours, times_ours), envir) / times_ours,
    seconds(loop(peer, times_peer), envir) / times_peer
  ))
  row <- data.frame(
    work = work, threads = threads, ours = stats::median(both[1, ]),
    peer = stats::median(both[2, ]), ratio = stats::median(both[2, ] / both[1, ]), floor = floor
  )
  message(sprintf(
    "%-45s %d thread(s)  ours %9.4f s  peer %9.4f s  ratio %7.1f  floor %s",
    work, threads, row$ours, row$peer, row$ratio, format(floor)
  ))
  row
}

# Exponent of the growth of seconds with n, by the values of `by`
slope_in_n <- function(table, by) {
  slopes <- vapply(split(table, table[[by]]), function(part) {
    stats::coef(stats::lm(log(seconds) ~ log(n), part))[[2L]]
  }, 0)
  message("log-log slope of seconds in n: ",
          paste(names(slopes), format(slopes, digits = 3), collapse = ", "))
}

# Peak memory of `fit` above the start, in MiB, in a process of its own that has run `before`
peak_memory <- function(before, fit) {
  file <- tempfile(fileext = ".R")
  on.exit(unlink(file))
  writeLines(c(
    "suppressPackageStartupMessages(library(survresist))", before,
    "mib <- function(field) {",
    "  line <- grep(field, readLines(\"/proc/self/status\"), value = TRUE)",
    "  as.numeric(gsub(\"[^0-9]\", \"\", line)) / 1024",
    "}",
    "invisible(gc())",
    "writeLines(\"5\", \"/proc/self/clear_refs\")",
    "at_start <- mib(\"VmRSS\")",
    paste("fit <-", fit),
    "cat(mib(\"VmHWM\") - at_start)"
  ), file)
  as.numeric(system2(file.path(R.home("bin"), "Rscript"), file, stdout = TRUE))
}

# bench/results/<topic>-<part>.csv
keep <- function(topic, part, rows) {
  dir.create(results, showWarnings = FALSE, recursive = TRUE)
  table <- do.call(rbind, rows)
  utils::write.csv(table, file.path(results, paste0(topic, "-", part, ".csv")), row.names = FALSE)
  invisible(table)
}

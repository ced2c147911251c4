knit_study <- function(...) {
  skip_if_not_installed("rmarkdown")
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("patchwork")
  if (!rmarkdown::pandoc_available("2.0")) skip("pandoc is not here")
  folder <- tempfile("study")
  dir.create(folder)
  study <- file.path(folder, "study.Rmd")
  rmarkdown::draft(study, template = "resistance_study", package = "survresist", edit = FALSE)
  changed <- list(...)
  report <- rmarkdown::render(
    study, params = if (length(changed)) changed, quiet = TRUE, run_pandoc = FALSE,
    envir = new.env(parent = globalenv())
  )
  lines <- readLines(file.path(folder, basename(report)))
  # without the header, which repeats the default parameters
  body <- lines[-seq_len(which(lines == "---")[2])]
  gsub("[[:space:]]+", " ", paste(body, collapse = "\n"))
}

test_that("the report of the default study says what its models say", {
  text <- knit_study()
  gbsg <- survival::gbsg
  gbsg$status2 <- gbsg$pgr > median(gbsg$pgr)
  form <- Surv(rfstime, status) ~ status2 + hormon + age + meno + size + log(nodes) + factor(grade)
  fit <- survival::coxph(form, gbsg)
  expect_match(text, sprintf("hazard ratio %.2f (95 %% interval %.2f", exp(coef(fit)[[1]]),
    exp(confint(fit)[1, 1])), fixed = TRUE)
  expect_match(text, "RANK was not measured in this study", fixed = TRUE)
  expect_match(text, "686 patients analysed, 299 events", fixed = TRUE)
  full <- survival::coxph(update(form, . ~ . + status2:hormon), gbsg)
  p <- anova(fit, full)[2, 4]
  expect_match(text, sprintf("The test that the two differ gives p = %.2f", p), fixed = TRUE)
  expect_match(text, "is *not* shown", fixed = TRUE)
  # covariates go by their names, not by their columns
  postmenopausal <- sum(gbsg$meno[!gbsg$status2])
  expect_match(text, sprintf("|Postmenopausal | %d (", postmenopausal), fixed = TRUE)
  expect_match(text, "|log positive nodes |", fixed = TRUE)
  expect_match(text, "Tumour size (mm), median", fixed = TRUE)
  expect_false(grepl("Error|NULL|NaN", sub("sessionInfo.*", "", text)))
})

test_that("a study of one's own: file, rows left out, no arm, no covariates", {
  file <- tempfile(fileext = ".csv")
  on.exit(unlink(file))
  mine <- rank_cohort[1:200, c("pfs_time", "pfs", "rank_rna")]
  mine$pfs_time[3] <- NA
  mine$pfs_time[4] <- -1
  mine$pfs[5] <- NA
  utils::write.csv(mine, file, row.names = FALSE)
  text <- knit_study(
    data = file, time = "pfs_time", time_divisor = 1, time_unit = "months", event = "pfs",
    rank = "rank_rna", rank_name = "RANK", rank_unit = "log2 TPM", rank_method = "quantile",
    rank_cut = 0.75, arm = "", covariates = "", rank_note = "SIMULATED.", study_note = ""
  )
  kept <- mine[c(-3, -4, -5), ]
  kept <- kept[!is.na(kept$rank_rna), ]
  expect_match(text, sprintf("%d patients analysed, %d events", nrow(kept), sum(kept$pfs)),
    fixed = TRUE)
  expect_match(text, "no usable time (missing, or not after entry) | -2|", fixed = TRUE)
  kept$high <- kept$rank_rna > quantile(kept$rank_rna, 0.75)
  fit <- survival::coxph(Surv(pfs_time, pfs) ~ high, kept)
  expect_match(text, sprintf("hazard ratio %.2f", exp(coef(fit)[[1]])), fixed = TRUE)
  expect_false(grepl("amoxifen|Predictive", text))
})

test_that("a column that is not there is named", {
  skip_if_not_installed("rmarkdown")
  expect_error(knit_study(rank = "RANK"), "no column `RANK`")
})

test_that("an event that is not coded 0 and 1 stops the report: 1 and 2 would be taken amiss", {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  lung <- transform(survival::lung, coded = factor(status - 1), died = status == 2)
  saveRDS(lung, file)
  knit_lung <- function(event, ...) {
    knit_study(
      data = file, time = "time", time_divisor = 1, time_unit = "days", event = event,
      event_name = "death", rank = "ph.karno", rank_name = "Karnofsky score", rank_unit = "",
      arm = "", rank_note = "", study_note = "", ...
    )
  }
  expect_error(knit_lung("status", covariates = ""), "`status` also holds 2", fixed = TRUE)
  for (event in c("coded", "died")) {
    text <- knit_lung(event, covariates = "")
    expect_match(text, "227 patients analysed, 164 events (death)", fixed = TRUE)
    expect_match(text, "score was cut at 80, the median", fixed = TRUE)
    expect_match(text, "67 values are equal to the cut and count as low.", fixed = TRUE)
  }
  expect_error(knit_lung("died", covariate_steps = "age = ten"), "must give numbers; found \"ten\"")
  expect_error(knit_lung("died", covariate_names = "age"), "written \"column = ...; column")
  expect_error(knit_study(data = "nowhere.csv"), "there is no file nowhere.csv", fixed = TRUE)
})

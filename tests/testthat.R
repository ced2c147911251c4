library(testthat)
library(survresist)

test_check("survresist")

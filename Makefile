# What a person types. Each target first sets up what it needs (tools/setup.sh: nothing when it
# is all there). On a machine without make: apt-get install make.
#
#   make demo       install the package, knit a report of a study, print its path
#   make test       plain-C tests, layer gate, testthat; last line `N passed, N failed`
#   make check      R CMD check --as-cran, in build/
#   make lint       C format, R style, sizes of files and functions
#   make format     format the C sources
#   make docs       NAMESPACE and man/ from the comments in R/
#   make bench      speed against peers, in bench/
#   make sanitize   C tests under ASAN and UBSAN, then FUZZ_SECONDS (60) of fuzzing
#   make valgrind   C tests under valgrind
#   make coverage   lines of R and C that the tests reach
#   make report     knit the study report with the package in build/lib
#   make clean      remove what was built

export LANG ?= C.UTF-8
export LC_ALL ?= C.UTF-8
C_FILES = $(wildcard src/*.[ch] tests/c/*.[ch])

.PHONY: demo test check lint format docs bench sanitize valgrind coverage report clean
.DEFAULT_GOAL := test

demo:
	@sh tools/setup.sh run
	@sh tools/install.sh
	@Rscript tools/demo.R report

test:
	@sh tools/setup.sh test
	@sh tools/test.sh

check:
	@sh tools/setup.sh check
	@sh tools/check.sh

lint:
	@sh tools/setup.sh lint
	@sh tools/lint.sh

format:
	@sh tools/setup.sh lint
	clang-format -i $(C_FILES)

docs:
	@sh tools/setup.sh docs
	@sh tools/install.sh build/lib
	@Rscript tools/docs.R

bench:
	@sh tools/setup.sh bench
	@sh tools/install.sh build/lib
	@sh tools/bench.sh

sanitize:
	@sh tools/setup.sh sanitize
	@$(MAKE) --no-print-directory -C tests/c sanitize

valgrind:
	@sh tools/setup.sh valgrind
	@$(MAKE) --no-print-directory -C tests/c valgrind

coverage:
	@sh tools/setup.sh coverage
	@$(MAKE) --no-print-directory -C tests/c coverage
	@Rscript tools/coverage.R

report:
	@sh tools/setup.sh run
	@sh tools/install.sh build/lib
	@R_LIBS="$(CURDIR)/build/lib:$$R_LIBS" Rscript tools/demo.R report

clean:
	rm -rf build report
	./cleanup

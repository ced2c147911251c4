#!/bin/sh
# All tests: plain C, the layer gate, testthat. The last line is `N passed, N failed`, with
# `, N skipped` where some were; fails when anything failed. `make test` has set up before.
cd "$(dirname "$0")/.." || exit 1
build=build/test
mkdir -p "$build"
rm -f "$build"/*.count
passed=0 failed=0 skipped=0

# Adds what a stage wrote to its file "passed failed skipped"; no file: the stage broke.
add_counts() {
  if [ -r "$build/$1.count" ]; then
    read -r p f s < "$build/$1.count"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  else
    echo "the $1 tests did not run to their end" >&2
    failed=$((failed + 1))
  fi
}

echo "== C, without R"
make --no-print-directory -C tests/c test COUNT="$PWD/$build/c.count"
add_counts c

echo "== layers"
if sh tools/layer-gate.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi

echo "== R"
if sh tools/install.sh build/lib; then
  Rscript tools/test.R "$build/r.count" </dev/null
fi
add_counts r

if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]

#!/bin/sh
# C format (clang-format), R style (lintr, .lintr), and the soft limits: 400 lines a file, 60 a
# function, 6 arguments. The first two fail; the limits are told.
cd "$(dirname "$0")/.." || exit 1
status=0

echo "== clang-format"
for file in src/*.[ch] tests/c/*.[ch]; do
  clang-format "$file" | cmp -s - "$file" && continue
  place=$(clang-format "$file" | diff "$file" - | head -n 2 | tr '\n' ' ')
  echo "$file: run \`make format\`; first place: $place"
  status=1
done

echo "== lintr"
Rscript tools/lint.R </dev/null || status=1

echo "== functions of R defined twice"
twice=$(grep -hoE '^[A-Za-z._][A-Za-z0-9._]* <- function' R/*.R | sort | uniq -d)
[ -z "$twice" ] || { echo "$twice"; status=1; }

echo "== soft limits"
wc -l R/*.R src/*.[ch] tests/c/*.[ch] tests/testthat/*.R tools/* |
  awk '$2 != "total" && $1 > 400 {print $2 ": " $1 " lines, more than 400"}'
awk -f tools/limits.awk src/*.c tests/c/*.c

[ "$status" -eq 0 ] && echo "lint: clean"
exit $status

#!/bin/sh
# Runs every bench/bench-*.R on the package in build/lib; results go where the script says.
cd "$(dirname "$0")/.." || exit 1
R_LIBS=$PWD/build/lib:${R_LIBS:-}
export R_LIBS
status=0
for script in bench/bench-*.R; do
  [ -e "$script" ] || continue
  echo "== $script"
  Rscript "$script" </dev/null || status=1
done
exit $status

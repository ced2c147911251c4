#!/bin/sh
# Installs the package: `sh tools/install.sh [LIBRARY]`, the default library without an argument.
#
# A key of all sources (and of R) is left inside the installed package, so a second run sees at
# once that what is installed is what is here, whoever installed it.
set -eu
cd "$(dirname "$0")/.."
library=${1:-$(Rscript tools/packages.R library)}
mkdir -p "$library" build

key=$({
  find R src man data inst -type f ! -name '*.o' ! -name '*.so' ! -name Makevars 2>/dev/null |
    LC_ALL=C sort | xargs cksum
  cksum DESCRIPTION NAMESPACE configure
  R --version | head -n 1
} | cksum)
mark=$library/survresist/SOURCES
[ "$(cat "$mark" 2>/dev/null)" = "$key" ] && exit 0

echo "install: survresist into $library"
if ! MAKEFLAGS="-j$(nproc)" R CMD INSTALL --no-test-load --library="$library" . \
  > build/install.log 2>&1 </dev/null; then
  tail -n 30 build/install.log >&2
  echo "install: failed (whole log: build/install.log)" >&2
  exit 1
fi
grep -n 'warning:' build/install.log >&2 || true
echo "$key" > "$mark"

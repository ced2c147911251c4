#!/bin/sh
# Calls go down only (src/README.md). Checks, on the sources and on the objects of tests/c:
#   - no object of core_*.c or model_*.c asks for a symbol of R
#   - core_ includes no model_ or r_ header, model_ no r_ header, neither any header of R
#   - of core_, only optim, root, quad, ode, rng and special include GSL; model_ never does
cd "$(dirname "$0")/.." || exit 1
objects=build/c/plain
status=0
complain() {
  echo "layer gate: $*" >&2
  status=1
}

forbid() { # forbid WHAT PATTERN FILE...: no file includes a header that matches
  what=$1 pattern=$2
  shift 2
  for file in "$@"; do
    [ -e "$file" ] || continue
    hit=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$file") &&
      complain "$file includes $what: $hit"
  done
}
r_headers='R\.h|Rinternals\.h|Rmath\.h|Rdefines\.h|Rversion\.h|Rconfig\.h|R_ext/'
forbid "a header of R" "$r_headers" src/core_* src/model_*
forbid "a header of the glue" 'r_' src/core_* src/model_*
forbid "a model" 'model_' src/core_*
forbid "GSL" 'gsl' src/model_*
for file in src/core_*.[ch]; do
  case $file in
    src/core_optim.*|src/core_root.*|src/core_quad.*|src/core_ode.*|src/core_rng.*) ;;
    src/core_special.*) ;;
    *) forbid "GSL" 'gsl' "$file" ;;
  esac
done

# What libR defines is R's, and so is what is named like R's.
named_like_r='R_.*|Rf_.*|Rprintf|REprintf|Rvprintf|SET_.*|unif_rand|norm_rand|exp_rand'
libr=$(R RHOME 2>/dev/null)/lib/libR.so
[ -e "$libr" ] || libr=$(find /usr/lib -name libR.so 2>/dev/null | head -n 1)
of_r=build/test/libR.symbols
mkdir -p build/test
: > "$of_r"
[ -z "$libr" ] || [ ! -e "$libr" ] || nm -D --defined-only "$libr" | awk '{print $3}' > "$of_r"
n_objects=0
for source in src/core_*.c src/model_*.c; do
  [ -e "$source" ] || continue
  object=$objects/$(basename "$source" .c).o
  if [ ! -e "$object" ]; then
    complain "$object is missing: build tests/c first"
    continue
  fi
  n_objects=$((n_objects + 1))
  hit=$(nm -u "$object" | awk '{print $2}' | sort -u |
    awk -v like="^($named_like_r)\$" 'NR == FNR {is_r[$1] = 1; next} $1 in is_r || $1 ~ like' \
      "$of_r" - | tr '\n' ' ')
  [ -z "$hit" ] || complain "$source calls R: $hit"
done
[ "$status" -eq 0 ] && echo "layer gate: $n_objects objects of core_ and model_ know nothing of R"
exit $status

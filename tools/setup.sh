#!/bin/sh
# Sets up what a make target needs: `sh tools/setup.sh LEVEL`.
#
# Each level names the commands, files and R packages that it uses. What is there is left alone,
# however it came there; only what is missing is installed: as a Debian package where Debian has
# one (built, so quick), else from CRAN. With nothing missing this takes a fraction of a second.
# Debian's `survival` is older than the package needs, so that one comes from CRAN.
#
# Levels: build run test lint docs check bench sanitize valgrind coverage.
# Runs apt-get as root or through sudo. On a system without apt-get it says what is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
level=${1:-build}

# --- what each level needs ------------------------------------------------------------------

# command:Debian package, or /a/file:Debian package
needs="cc:gcc make:make pkg-config:pkg-config Rscript:r-base-dev"
build="cli generics rlang survival"
report="rmarkdown knitr ggplot2 patchwork broom"
peers="cmprsk flexsurv numDeriv" # whose numbers the tests compare with
slow_peers="icenReg" # the same, from CRAN; tests skip without them
ecosystem="emmeans multcomp car sandwich broom mice riskRegression pec survminer"
packages=$build
optional="" # from CRAN or nowhere, with few dependencies; nothing fails without them
texmf=/usr/share/texlive/texmf-dist
clang=/usr/lib/llvm-14/lib/clang
case $level in
  build) ;;
  run)
    needs="$needs pandoc:pandoc"
    packages="$build $report" ;;
  test)
    needs="$needs nm:binutils pandoc:pandoc"
    packages="$build $report $ecosystem $peers testthat withr boot Rmpfr"
    optional=$slow_peers ;;
  lint)
    needs="$needs clang-format:clang-format"
    packages="$build lintr" ;;
  docs)
    packages="$build roxygen2" ;;
  check)
    needs="$needs pandoc:pandoc qpdf:qpdf tidy:tidy checkbashisms:devscripts
      pdflatex:texlive-latex-base
      texi2dvi:texinfo $texmf/tex/latex/psnfss/times.sty:texlive-latex-base
      $texmf/fonts/tfm/adobe/times/ptmr8t.tfm:texlive-fonts-recommended"
    packages="$build $report $ecosystem $peers testthat withr boot Rmpfr"
    optional="coxphf $slow_peers" ;;
  bench)
    packages="$build $report $peers boot"
    optional="coxphf rstpm2 $slow_peers" ;;
  sanitize)
    needs="$needs clang-14:clang-14 llvm-cov-14:llvm-14
      $clang/14.0.6/include/fuzzer:libclang-rt-14-dev" ;;
  valgrind)
    needs="$needs valgrind:valgrind" ;;
  coverage)
    needs="$needs gcov:gcc"
    packages="$build $report $ecosystem $peers testthat withr boot Rmpfr covr"
    optional=$slow_peers ;;
  *)
    echo "setup: no level '$level'" >&2
    exit 2 ;;
esac

# --- what is missing ------------------------------------------------------------------------

missing_debian() {
  for need in $needs; do
    name=${need%%:*}
    case $name in
      /*) [ -e "$name" ] ;;
      *) command -v "$name" >/dev/null 2>&1 ;;
    esac || echo "${need##*:}"
  done
  gsl-config --version >/dev/null 2>&1 || pkg-config --exists gsl 2>/dev/null || echo libgsl-dev
}

missing_r() {
  if command -v Rscript >/dev/null 2>&1; then
    Rscript tools/packages.R missing "$@"
  else
    echo "$*"
  fi
}

mkdir -p build
log=build/setup.log
tried=build/setup-tried # optional packages are tried once, not at every run
debian=$(missing_debian | sort -u | tr '\n' ' ')
missing=$(missing_r $packages $optional)
wanted="" wanted_optional=""
for package in $missing; do
  case " $optional " in
    *" $package "*)
      grep -qx "$package" "$tried" 2>/dev/null || wanted_optional="$wanted_optional $package" ;;
    *) wanted="$wanted $package" ;;
  esac
done
[ -z "$debian$wanted$wanted_optional" ] && exit 0

# --- install it -----------------------------------------------------------------------------

if ! command -v apt-get >/dev/null 2>&1; then
  [ -z "$debian$wanted" ] && exit 0
  echo "setup: this system has no apt-get, so please install what make needs by hand." >&2
  [ -z "$debian" ] || echo "  programs and libraries (Debian's names): $debian" >&2
  [ -z "$wanted" ] || echo "  R packages, the newest of CRAN:$wanted" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
  sudo=""
elif command -v sudo >/dev/null 2>&1; then
  sudo=sudo
else
  echo "setup: as a user without sudo I cannot install: $debian$wanted$wanted_optional" >&2
  exit 1
fi

give_up() {
  tail -n 15 "$log" >&2
  echo "setup: $1 (whole log: $log)" >&2
  exit 1
}

echo "setup: installing what 'make' needs for '$level' (log: $log)"
: > "$log"
$sudo apt-get update -q </dev/null >> "$log" 2>&1 || echo "setup: apt-get update failed" >&2

cran=""
for package in $wanted; do
  name=r-cran-$(echo "$package" | tr '[:upper:]' '[:lower:]')
  if [ "$package" != survival ] && apt-cache show "$name" >/dev/null 2>&1; then
    debian="$debian $name"
  else
    cran="$cran $package"
  fi
done
if [ -n "$debian" ]; then
  echo "setup: from Debian: $debian"
  $sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends $debian \
    </dev/null >> "$log" 2>&1 ||
    give_up "apt-get could not install all of: $debian"
fi
if [ -n "$cran" ]; then
  echo "setup: from CRAN:$cran"
  Rscript tools/packages.R install $cran </dev/null >> "$log" 2>&1
fi
still=$(missing_r $packages)
[ -z "$still" ] || give_up "CRAN did not give: $still"

for package in $wanted_optional; do
  echo "setup: from CRAN, optional: $package"
  echo "$package" >> "$tried"
  timeout 600 Rscript tools/packages.R install "$package" </dev/null >> "$log" 2>&1 ||
    echo "setup: did without $package"
done
exit 0

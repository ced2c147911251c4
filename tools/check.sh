#!/bin/sh
# R CMD build, then R CMD check --as-cran, in build/check. Fails on an error or a warning.
# The manual is set in times without the `inconsolata` font, which would cost 0.5 GB to install.
cd "$(dirname "$0")/.." || exit 1
root=$PWD
rm -rf build/check
mkdir -p build/check
R_RD4PDF="times,hyper"
_R_CHECK_FORCE_SUGGESTS_=false
_R_CHECK_CRAN_INCOMING_REMOTE_=false
export R_RD4PDF _R_CHECK_FORCE_SUGGESTS_ _R_CHECK_CRAN_INCOMING_REMOTE_
# A copy of the sources, so that nothing built here is in the way and nothing is cleaned away.
git ls-files -co --exclude-standard | tar -cf - -T - | (mkdir build/check/survresist &&
  tar -xf - -C build/check/survresist)
cd build/check || exit 1
# --as-cran asks CRAN's web site for its table of packages (who is orphaned?), and breaks off where
# that cannot be had, as behind a mirror: then it finds an empty table here.
Rscript -e 'invisible(tools::CRAN_package_db())' </dev/null >/dev/null 2>&1 || {
  echo "check: without CRAN's table of packages, which cannot be reached"
  mkdir -p web/packages
  Rscript -e 'none <- data.frame(Package = character(), Maintainer = character())' \
    -e 'saveRDS(none, "web/packages/packages.rds")'
  R_CRAN_WEB="file://$PWD"
  export R_CRAN_WEB
}
R CMD build survresist </dev/null || exit 1
R CMD check --as-cran survresist_*.tar.gz </dev/null
log=survresist.Rcheck/00check.log
if grep -qE '^Status:.*(ERROR|WARNING)' "$log"; then
  echo "check: see $root/build/check/$log" >&2
  exit 1
fi

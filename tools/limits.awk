# Tells C functions of more than 60 lines or 6 arguments (routines that .Call reaches take what R
# gives). Relies on clang-format's layout: a
# definition starts in the first column, its body between braces that stand there alone.
FNR == 1 {head = ""}
/^[A-Za-z_].*[^;]$/ || (head != "" && /^[ \t]/ && !/;$/) {head = head $0}
/;$/ && !/^[ \t]/ {head = ""}
/^[{]$/ {
  start = FNR
  name = head
  sub(/\(.*/, "", name)
  sub(/.*[ *]/, "", name)
  arguments = head
  sub(/^[^(]*\(/, "", arguments)
  n_argument = gsub(/,/, ",", arguments) + 1
  if (name !~ /^r_/ && head ~ /\(/ && n_argument > 6)
    print FILENAME ":" FNR ": " name "() has " n_argument " arguments, more than 6"
}
/^[}]/ {
  if (start > 0 && FNR - start + 1 > 60)
    print FILENAME ":" start ": " name "() has " FNR - start + 1 " lines, more than 60"
  start = 0
  head = ""
}

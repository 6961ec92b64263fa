#!/usr/bin/env bash
# learning_curves.sh draws a line of each run in each of its two figures, and refuses what it cannot draw without
# touching a picture that is there:
#   learning_curves.sh SOURCE_ROOT
set -euo pipefail
draw=$1/benchmarks/learning_curves.sh
for program in gnuplot jq; do
  command -v "$program" >/dev/null || { echo "skipped: no $program (Debian: gnuplot-nox, jq)"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
result() {  # variant, accuracies of two epochs
  printf '{"variant": "%s", "validation": [
    {"epoch": 1, "speaker_accuracy": %s, "perplexity_macro": 33}, {"epoch": 2, "speaker_accuracy": %s, "perplexity_macro": 28}]}' "$@"
}
result first_one .2 .3 >a-1.json
result first_one .21 .32 >a-2.json
result second .1 .2 >b-1.json
echo '{"variant": "hred", "validation": [{"epoch": 1, "perplexity_macro": 30}, {"epoch": 2, "perplexity_macro": 29}]}' >hred.json
echo '{"variant": "none"}' >none.json
echo '{"variant": "bare", "validation": [{"epoch": 1}]}' >bare.json
echo '{"variant": ' >broken.json
failed=0
check() { "${@:2}" || { echo "failed: $1" >&2; failed=1; }; }
curves() { [[ $(grep -c 'id="gnuplot_plot_' picture.svg) -eq $1 ]]; }
named() { [[ $(grep -c ">$1<" picture.svg) -eq $2 ]]; }

"$draw" picture.svg a-1.json a-2.json b-1.json hred.json
check "three lines of accuracy and four of perplexity" curves 7
check "a system is named once in each figure" named "first one" 2
check "HRED has no accuracy" named hred 1
cp picture.svg before.svg
refused() {
  local message=$1
  shift
  ! "$draw" "$@" 2>messages && grep -q -- "$message" messages && cmp -s before.svg picture.svg && [[ $(find . -name 'picture.svg?*') == '' ]]
}
check "a run without epochs is refused" refused "'none.json' has no 'validation' by epochs" picture.svg a-1.json none.json
check "a broken file is refused" refused "'broken.json' has no 'validation' by epochs" picture.svg broken.json
check "a file that is not there is refused" refused "'absent.json' cannot be read" picture.svg absent.json
check "runs without a figure are refused" refused "no run has an accuracy or a perplexity" picture.svg bare.json
check "a picture of nothing is refused" refused "RESULT.json" picture.svg
exit "$failed"

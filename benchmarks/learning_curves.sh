#!/usr/bin/env bash
# Draws the learning curves of runs: accuracy and perplexity on validation after every epoch, a colour for each system or
# variant, a line for each seed.
#
#   benchmarks/learning_curves.sh OUT.svg RESULT.json...
#
# RESULT.json is what `ethreed experiment` keeps of a run (DIR/results/NAME-SEED.json). Needs gnuplot and jq
# (Debian: gnuplot-nox, jq).
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
case ${1:-} in
  -h | --help) usage; exit 0 ;;
esac
[[ $# -ge 2 ]] || { usage >&2; exit 2; }
out=$1
shift
for program in gnuplot jq; do
  command -v "$program" >/dev/null || { echo "learning_curves.sh: needs $program (Debian: gnuplot-nox, jq)" >&2; exit 1; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A file of `epoch value` for each run and figure that has the figure. Accuracy of emotions, perplexity of the replies.
declare -A colour_of plots
colours=0 runs=0
for result in "$@"; do
  [[ -r $result ]] || { echo "learning_curves.sh: '$result' cannot be read" >&2; exit 1; }
  name=$(jq -er 'select(.validation | type == "array") | .variant' "$result") ||
    { echo "learning_curves.sh: '$result' has no 'validation' by epochs" >&2; exit 1; }
  title=notitle
  if [[ -z ${colour_of[$name]:-} ]]; then
    colour_of[$name]=$((++colours))
    title="title '${name//_/ }'"
  fi
  for figure in speaker_accuracy perplexity_macro; do
    points=$folder/$figure-$((++runs)).txt
    jq -r --arg figure "$figure" '.validation[] | select(.[$figure]) | "\(.epoch) \(.[$figure])"' "$result" >"$points"
    [[ -s $points ]] || continue
    plots[$figure]="${plots[$figure]:-}${plots[$figure]:+, }'$points' with linespoints linecolor ${colour_of[$name]} pointtype 7 pointsize 0.25 $title"
  done
done

[[ -n ${plots[*]:-} ]] || { echo "learning_curves.sh: no run has an accuracy or a perplexity" >&2; exit 1; }

partial=$(mktemp "$out.XXXXXX")
trap 'rm -rf "$folder" "$partial"' EXIT
gnuplot >"$partial" <<END
set terminal svg size 900,360 font 'sans-serif,13' noenhanced background '#ffffff'
set multiplot layout 1,2
set grid ytics linecolor '#dddddd'
set border 3
set tics nomirror
set xtics 1
set xlabel 'epoch'
set key bottom right
set title 'emotion accuracy on validation'
${plots[speaker_accuracy]:+plot }${plots[speaker_accuracy]:-}
set key top right
set title 'perplexity (macro) on validation'
set yrange [*:35]
${plots[perplexity_macro]:+plot }${plots[perplexity_macro]:-}
unset multiplot
END
chmod 644 "$partial"
mv "$partial" "$out"

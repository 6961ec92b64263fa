#!/usr/bin/env bash
# Reads of memory that nobody has written, and of memory that is not there. See usage below.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/memcheck.sh [--build DIR] [--work DIR]

Builds core's tests and the program for any x86-64 processor (preset memcheck), then runs under Valgrind's memcheck: every
test of core; and on the sample corpus prepare, three steps of training for each model of the table, its evaluation and,
where it writes any, replies. Valgrind follows every byte from where it was allocated, in libraries that are compiled as
they come, too; MemorySanitizer would want each of them built anew. A model is small here, since all is some fifty times
slower. Ends at the first finding, with its report and exit status 1.

  --build DIR   programs that are built already, for a processor that Valgrind knows (none with AVX-512)
  --work DIR    where it writes; without it build/memcheck/work
TEXT
}

build='' work=build/memcheck/work
while [[ $# -gt 0 ]]; do
  case $1 in
    --build) build=${2:?memcheck.sh: --build wants a value}; shift 2 ;;
    --work) work=${2:?memcheck.sh: --work wants a value}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "memcheck.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null

tools/install_packages.sh valgrind
if [[ -z $build ]]; then
  tools/install_packages.sh
  cmake --preset memcheck
  cmake --build --preset memcheck --parallel "$(nproc)"
  build=build/memcheck
fi

runs=0
check() { # NAME COMMAND…
  local name=$1 log
  shift
  log=$work/${name//[^a-z0-9_]/-}.log
  if ! valgrind --error-exitcode=99 --quiet --log-file="$log" --num-callers=30 "$@" >"$work/output" 2>&1; then
    cat "$log" "$work/output"
    echo "memcheck: $name: a finding, or a failure" >&2
    exit 1
  fi
  runs=$((runs + 1))
  echo "memcheck: $name: clean ($SECONDS s)"
}

rm -rf "$work"
mkdir -p "$work"
readonly program=$build/tools/ethreed
check "tests of core" "$build/tests/test_core"
# The first dialogues of each split, and the labels of their replies.
mkdir "$work/corpus"
for split in train valid; do
  awk -F, -v most=4 'NR == 1 || $1 in seen || seen_count < most { if (NR > 1 && !($1 in seen)) { seen[$1]; seen_count++ } print }' \
    "samples/corpus/$split.csv" >"$work/corpus/$split.csv"
done
for labels in labels intents; do
  awk -F, 'FILENAME != ARGV[ARGC - 1] { kept[$1]; next } FNR == 1 || $1 in kept' \
    "$work"/corpus/{train,valid}.csv "samples/corpus/$labels.csv" >"$work/$labels.csv"
done
check prepare "$program" prepare "$work/corpus" --labels "$work/labels.csv" --label-column "intent=$work/intents.csv" \
  --dimension 8 --min-frequency 1 --out "$work/data"
# Knowledge for those that want it.
model_keys() {
  case $1 in
    empdg) echo '"emotion_words": "lexicon", "lexicon": "samples/lexicon.txt"' ;;
    kemp) echo '"knowledge": "concept_map"' ;;
  esac
}
training_keys() {
  case $1 in
    kemp) echo ', "lexicon": "samples/knowledge/lexicon.txt", "concepts": "samples/knowledge/concepts.txt"' ;;
  esac
}
for model in $("$program" models | awk '/^[a-z]/ { print $1 }'); do
  echo "{\"model\": {$(model_keys "$model")}, \"training\": {\"batch\": 2, \"epochs\": 1$(training_keys "$model")}}" \
    >"$work/config.json"
  check "$model: train" "$program" train --data "$work/data" --out "$work/$model" --model "$model" \
    --config "$work/config.json" --max-steps 3 --quiet
  options=(--checkpoint last --replies 1)  # three steps are no epoch, after which there would be a best
  "$program" evaluate "$work/$model" "${options[@]}" >/dev/null 2>&1 || options=(--checkpoint last)  # it writes none
  check "$model: evaluate" "$program" evaluate "$work/$model" "${options[@]}"
done
echo "memcheck: $runs runs, nothing found"

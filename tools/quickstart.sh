#!/usr/bin/env bash
# From a bare Debian 12 to a trained ETHREED that answers: packages, build, sample corpus, training, evaluation, replies.
# Works from any directory. Run it again and only what is not done yet is done.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/quickstart.sh [--fresh]

Installs the Debian packages that are missing (root or sudo), builds the release program, prepares the
sample corpus, trains a small model on it, evaluates the model and lets it answer samples/posts.txt.
Everything is written below build/.

  --fresh   forget the data and the model of an earlier quickstart and begin anew
  --help    this text
TEXT
}

fresh=false
for argument in "$@"; do
  case $argument in
    --fresh) fresh=true ;;
    -h | --help) usage; exit 0 ;;
    *) echo "quickstart.sh: unknown argument '$argument'" >&2; usage >&2; exit 2 ;;
  esac
done

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
readonly data=build/quickstart/data
readonly run=build/quickstart/run
readonly program=build/cpu/tools/ethreed

step() { printf '\n[%3d s] %s\n' "$SECONDS" "$*"; }

step "Packages: installing what is missing"
tools/install_packages.sh

step "Build: release program in build/cpu"
mkdir -p build/quickstart
readonly configure_log=build/quickstart/configure.log
cmake --preset cpu >"$configure_log" 2>&1 </dev/null || { cat "$configure_log" >&2; exit 1; }
cmake --build build/cpu --target ethreed --parallel "$(nproc)" </dev/null

if $fresh; then rm -rf "$data" "$run"; fi

step "Prepare: samples/corpus becomes $data"
"$program" prepare samples/corpus --labels samples/corpus/labels.csv --dimension 128 --out "$data"

if [[ -f $run/last/state.json ]]; then
  step "Train: $run exists, going on with it"
  "$program" train --data "$data" --out "$run" --resume || {
    echo "quickstart.sh: tools/quickstart.sh --fresh forgets this model and trains a new one" >&2
    exit 1
  }
else
  step "Train: a small model, into $run"
  "$program" train --data "$data" --out "$run" --config samples/train.json
fi

step "Evaluate: the valid split, which the model has not seen"
"$program" evaluate "$run" --split valid

step "Replies: the model answers samples/posts.txt"
"$program" chat "$run" <samples/posts.txt

step "Done. Now talk to it yourself: $program chat $run"

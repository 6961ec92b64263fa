#!/usr/bin/env bash
# Runs one fuzz target, as ctest -L fuzz does: run_target.sh PROGRAM NAME WORK_DIR
# Inputs that it finds stay in WORK_DIR/corpus/NAME, and those that break the reader in WORK_DIR/findings.
# ETHREED_FUZZ_SECONDS says how long (60).
set -euo pipefail

[[ $# -eq 3 ]] || { echo "usage: tests/fuzz/run_target.sh PROGRAM NAME WORK_DIR" >&2; exit 2; }
readonly program=$1 name=$2 work=$3
seconds=${ETHREED_FUZZ_SECONDS:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "run_target.sh: ETHREED_FUZZ_SECONDS is '$seconds', wanted a number from 1" >&2; exit 2; }

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
corpus=$work/corpus/$name
mkdir -p "$corpus" "$work/findings" "$work/tmp"
# An input ends the run if it takes five seconds or the program two GiB: readers are linear, and inputs are small. So is the
# stack, so that inputs of this length are enough to show a recursion.
ulimit -s 1024
arguments=(-max_total_time="$seconds" -max_len=16384 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1
  -artifact_prefix="$work/findings/$name-")
dictionary=$here/dictionaries/$name.txt
[[ ! -f $dictionary ]] || arguments+=(-dict="$dictionary")
export TMPDIR=$work/tmp  # for the files that targets write
exec "$program" "${arguments[@]}" "$corpus" "$here/corpora/$name" </dev/null

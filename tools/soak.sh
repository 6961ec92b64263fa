#!/usr/bin/env bash
# Kills trainings at random moments, resumes them, and compares the end's bits with those of a run never stopped. Works from
# any directory.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/soak.sh [--kills N] [--program PATH] [--seed S] [--keep]

Trains a tiny model on the sample corpus, saving every third step. Training is ended at random moments, by SIGKILL (70 %), SIGINT or
SIGTERM (15 % each), and resumed with 1 or 2 threads until it is finished; then the next run begins, until N ends were made and
the last run has finished. Every checkpoint and log of every run must be that of a run never stopped, to the bit but for times,
and nothing else may be left in its folder.

  --kills N       how many ends (200)
  --program PATH  the program (build/cpu/tools/ethreed)
  --seed S        of the random moments (1)
  --keep          leave the folder of the runs, and say where

Prints counts. The exit status is 0 if all is equal, 1 if something is not, 2 if the command line was wrong.
TEXT
}

source_root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
kills=200 seed=1 program=$source_root/build/cpu/tools/ethreed keep=false
complain() { echo "soak.sh: $*" >&2; exit 2; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --kills | --seed | --program)
      [[ $# -ge 2 ]] || complain "$1 wants a value"
      declare "${1#--}=$2"
      shift 2
      ;;
    --keep) keep=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) complain "unknown argument '$1'; see --help" ;;
  esac
done
[[ $kills =~ ^[1-9][0-9]*$ && $seed =~ ^[0-9]+$ ]] || complain "--kills and --seed want whole numbers"
[[ -x $program ]] || complain "'$program' is no program; build it (cmake --build build/cpu --target ethreed), or give --program"
command -v python3 >/dev/null || complain "needs python3; tools/install_packages.sh python3 installs it"
program=$(readlink -f "$program")

work=$(mktemp -d)
child=''
finish() {
  [[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
  $keep && echo "the runs are in $work" || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

cat >"$work/tiny.json" <<'JSON'
{"model":{"encoder":16,"global_state":16,"party_state":16,"emotion_state":16,"content_state":16,"decoder_state":16,"bottleneck":16},
 "training":{"epochs":2,"batch":32}}
JSON
"$program" prepare "$source_root/samples/corpus" --labels "$source_root/samples/corpus/labels.csv" --dimension 16 --out "$work/data" >/dev/null
train=("$program" train --data "$work/data" --config "$work/tiny.json" --save-every 3 --log-every 5)
started=$(date +%s%N)
"${train[@]}" --out "$work/whole" --threads 1 >/dev/null
duration=$((($(date +%s%N) - started) / 1000000))  # ms
echo "a run never stopped takes $duration ms"

# Checkpoints and logs of a run, without times, in one text; the digest of each file that must not differ.
digest() {
  python3 - "$1" <<'P'
import csv, hashlib, json, os, re, sys

def is_time(name):
    return re.search(r"second|time|clock|wall", name) is not None

def content(path):
    if path.endswith(".jsonl"):
        lines = [json.loads(line) for line in open(path)]
        return json.dumps([{k: v for k, v in line.items() if not is_time(k)} for line in lines]).encode()
    if path.endswith(".csv"):
        return json.dumps([{k: v for k, v in row.items() if not is_time(k)} for row in csv.DictReader(open(path))]).encode()
    return open(path, "rb").read()

root = sys.argv[1]
for folder, _, names in sorted(os.walk(root)):
    for name in sorted(names):
        if name == ".lock":
            continue
        path = os.path.join(folder, name)
        print(os.path.relpath(path, root), hashlib.sha256(content(path)).hexdigest())
P
}
digest "$work/whole" >"$work/whole.digest"

RANDOM=$seed
declare -A ends=([KILL]=0 [INT]=0 [TERM]=0)
made=0 runs=0 within_save=0 too_late=0 before_save=0 unequal=0 failures=0

# start OUT — one process of a training, ended at a random moment or by itself. Sets `finished`.
start() {
  local out=$1 resume=() signal=KILL status=0
  # Killed before its first checkpoint, a run is begun anew.
  if [[ -e $out/last/state.json ]]; then resume=(--resume); elif [[ -e $out ]]; then ((++before_save)); fi
  case $((RANDOM % 20)) in 0 | 1 | 2) signal=INT ;; 3 | 4 | 5) signal=TERM ;; esac
  local delay=$((RANDOM * duration / 32768 * 4 / 10))
  "${train[@]}" --out "$out" "${resume[@]}" --threads $((1 + RANDOM % 2)) >"$work/out" 2>"$work/err" &
  child=$!
  finished=false
  if ((made < kills)); then
    sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
    if kill -s "$signal" "$child" 2>/dev/null; then ((++made, ++ends[$signal])); else ((++too_late)); fi
  fi
  wait "$child" 2>/dev/null || status=$?
  child=''
  # 130 and 143: the signal came before the program catches it.
  case $status in
    0) grep -q '^done' "$work/out" && finished=true ;;
    137 | 130 | 143) ;;
    *)
      echo "a process ended with status $status: $(head -n 1 "$work/err")"
      ((++failures < 10)) || { echo "soak.sh: ten failures, given up" >&2; exit 1; }
      ;;
  esac
  compgen -G "$out/*.tmp-*" >/dev/null && ((++within_save))
  # One that ends by itself although it was signalled may have been done already.
  ! grep -q 'epochs are done' "$work/out" || finished=true
}

while ((made < kills)) || ((runs == 0)); do
  out=$work/run$((++runs))
  finished=false
  while ! $finished; do start "$out"; done
  digest "$out" >"$work/digest"
  if ! diff "$work/whole.digest" "$work/digest" >"$work/diff"; then
    ((++unequal))
    echo "run $runs differs from the one never stopped:"
    cat "$work/diff"
  else
    $keep || rm -rf "$out"
  fi
done

echo "$made ends in $runs runs: ${ends[KILL]} by SIGKILL, ${ends[INT]} by SIGINT, ${ends[TERM]} by SIGTERM; $within_save left a" \
  "half-written file, $before_save were before the first checkpoint; $too_late processes had ended by themselves"
echo "$((runs - unequal)) of $runs runs ended with the bits and logs of a run never stopped; $failures processes failed ($SECONDS s)"
((unequal == 0 && failures == 0))

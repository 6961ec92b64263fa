#!/usr/bin/env bash
# Kills an experiment at random moments, starts it again, and compares its tables with those of one never stopped. Works
# from any directory.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/soak_experiment.sh [--kills N] [--plan FILE] [--program PATH] [--seed S] [--keep]

Runs an experiment twice: once undisturbed, and once ended at N random moments, half by SIGKILL, half by SIGINT or SIGTERM, each
time started again by the same command with 1 or 2 jobs. Tables, results and dialogues must be equal byte for byte (but for
tables-times.*), and nothing half-written may be left.

  --kills N       how many ends (10)
  --plan FILE     the plan (samples/plans/sample.json)
  --program PATH  the program (build/cpu/tools/ethreed)
  --seed S        of the random moments (1)
  --keep          leave the folders, and say where

The exit status is 0 if all is equal, 1 if something is not, 2 if the command line was wrong.
TEXT
}

source_root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
kills=10 seed=1 keep=false plan=$source_root/samples/plans/sample.json program=$source_root/build/cpu/tools/ethreed
complain() { echo "soak_experiment.sh: $*" >&2; exit 2; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --kills | --seed | --program | --plan)
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

work=$(mktemp -d)
child=''
finish() {
  [[ -z $child ]] || kill -KILL "$child" 2>/dev/null || true
  $keep && echo "the experiments are in $work" || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

started=$(date +%s%N)
"$program" experiment "$plan" --out "$work/whole" >/dev/null
duration=$((($(date +%s%N) - started) / 1000000))  # ms
echo "an experiment never stopped takes $duration ms"

# What must be equal: tables without times, results, dialogues.
kept() { (cd "$1" && find . -path './tables-times*' -prune -o \( -path './tables*' -o -path './results/*' -o -path './dialogues/*' \) -type f -print | LC_ALL=C sort); }
files=0 unequal=0 experiments=0
compare() {
  local file left
  ((++experiments))
  diff <(kept "$work/whole") <(kept "$1") || ((++unequal))
  while IFS= read -r file; do
    ((++files))
    cmp -- "$work/whole/$file" "$1/$file" || ((++unequal))
  done < <(kept "$work/whole")
  left=$(find "$1" \( -name '*.tmp-*' -o -name '*.part' -o -name '*.old' \) | head -n 5)
  [[ -z $left ]] || { ((++unequal)); echo "left behind: $left"; }
}

RANDOM=$seed
declare -A ends=([KILL]=0 [INT]=0 [TERM]=0)
made=0 wrong=0 out=$work/killed1
while ((made < kills)); do
  case $((RANDOM % 4)) in 0 | 1) signal=KILL ;; 2) signal=INT ;; *) signal=TERM ;; esac
  # So late that some runs end between two ends, so early that the experiment lasts for most of them.
  delay=$((RANDOM * duration / 32768 * 15 / 10 / kills))
  "$program" experiment "$plan" --out "$out" --jobs $((1 + RANDOM % 2)) >"$work/out" 2>"$work/err" &
  child=$!
  sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  finished=true
  if kill -s "$signal" "$child" 2>/dev/null; then ((++made, ++ends[$signal])); finished=false; fi
  status=0
  wait "$child" 2>/dev/null || status=$?
  child=''
  # 130 and 143: the signal came before the program catches it.
  case $status in
    0 | 137 | 130 | 143) ;;
    *) ((++wrong < 5)) || { echo "soak_experiment.sh: given up" >&2; exit 1; }
       echo "the program ended with status $status: $(head -n 1 "$work/err")" ;;
  esac
  # The machine may be faster now than it was: then another one begins, and is ended sooner.
  if $finished; then
    compare "$out"
    out=$work/killed$((experiments + 1))
    duration=$((duration / 2 + 1))
  fi
done
"$program" experiment "$plan" --out "$out" >/dev/null
compare "$out"

echo "$made ends in $experiments experiments: ${ends[KILL]} by SIGKILL, ${ends[INT]} by SIGINT, ${ends[TERM]} by SIGTERM; $wrong processes failed"
echo "$((files - unequal)) of $files tables, results and files of dialogues are equal to those of an experiment never stopped ($SECONDS s)"
((unequal == 0 && wrong == 0 && files > 4))

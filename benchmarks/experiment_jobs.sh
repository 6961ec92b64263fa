#!/usr/bin/env bash
# Do several runs of an experiment side by side take less time than one after another with all threads? Measures what
# `ethreed experiment --jobs` chooses by itself. Works from any directory. Wants a machine that does nothing else.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: benchmarks/experiment_jobs.sh --data DIR [--threads N] [--rounds N] [--epochs N] [--model NAME] [--json FILE]
                                     [--program PATH] [--any-load]

Trains and evaluates N runs (as many as threads, which differ in their seed) with every number of jobs that divides the threads,
each job with its share of them: 1 job with all threads, …, N jobs with one. In every round each number of jobs has its turn,
in an order that turns from round to round. The tables of all must be equal byte for byte. Printed is the median over the rounds of the seconds
of the whole command, and its ratio to that of 1 job; below 1 the runs side by side are faster.

  --data DIR      prepared data (ethreed prepare), of the size that is to be known
  --threads N     threads in all (those of the machine)
  --rounds N      how often each is measured (3)
  --epochs N      of every run (1)
  --model NAME    of the table of models, by its paper's recipe (ethreed)
  --json FILE     also write machine, command and seconds there
  --program PATH  the program (build/cpu/tools/ethreed)
  --any-load      measure though the machine is busy

The exit status is 0 if it was measured, 1 if tables differ or the machine is busy, 2 if the command line was wrong.
TEXT
}

source_root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
data='' threads=$(nproc) rounds=3 epochs=1 model=ethreed json='' program=$source_root/build/cpu/tools/ethreed any_load=false
command_line="benchmarks/experiment_jobs.sh $*"
complain() { echo "experiment_jobs.sh: $*" >&2; exit 2; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --data | --threads | --rounds | --epochs | --model | --json | --program)
      [[ $# -ge 2 ]] || complain "$1 wants a value"
      declare "${1#--}=$2"
      shift 2
      ;;
    --any-load) any_load=true; shift ;;
    -h | --help) usage; exit 0 ;;
    *) complain "unknown argument '$1'; see --help" ;;
  esac
done
for value in "$threads" "$rounds" "$epochs"; do
  [[ $value =~ ^[1-9][0-9]*$ ]] || complain "--threads, --rounds and --epochs want whole numbers from 1 on, got '$value'"
done
[[ $threads -ge 2 ]] || complain "--threads $threads: with one there is nothing to choose"
[[ $model =~ ^[a-z_]+$ ]] || complain "--model '$model' is no name; see: ethreed models"
[[ -n $data ]] || complain "--data DIR is wanted: prepared data; see --help"
[[ -d $data ]] || complain "--data '$data' is no folder"
[[ -x $program ]] || complain "'$program' is no program; build it (cmake --build build/cpu --target ethreed), or give --program"

load() { cut -d' ' -f1 /proc/loadavg; }
if ! $any_load && awk -v load="$(load)" 'BEGIN { exit !(load > 0.5) }'; then
  echo "experiment_jobs.sh: the load of this machine is $(load); wait until it is below 0.5, or give --any-load" >&2
  exit 1
fi

work=$(mktemp -d)
child=''
finish() {
  [[ -z $child ]] || kill -TERM "$child" 2>/dev/null || true
  [[ -z $child ]] || wait "$child" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

jobs=()
for ((j = 1; j <= threads; ++j)); do ((threads % j == 0)) && jobs+=("$j"); done
cat >"$work/plan.json" <<PLAN
{"name": "jobs", "data": "$(readlink -f "$data")", "seeds": [$(seq -s, 1 "$threads")],
 "variants": [{"name": "run", "model": "$model", "recipe": "paper", "epochs": $epochs}]}
PLAN

for ((round = 0; round < rounds; ++round)); do
  for ((k = 0; k < ${#jobs[@]}; ++k)); do
    j=${jobs[$(((k + round) % ${#jobs[@]}))]}
    out=$work/$round-$j
    begun=$(date +%s%N)
    "$program" experiment "$work/plan.json" --out "$out" --jobs "$j" --threads "$threads" >"$work/log" 2>&1 &
    child=$!
    wait "$child" || { tail -3 "$work/log" >&2; exit 1; }
    child=''
    seconds=$(awk -v ns=$(($(date +%s%N) - begun)) 'BEGIN { printf "%.3f", ns / 1e9 }')
    echo "$seconds" >>"$work/seconds-$j"
    echo "round $((round + 1)): $j jobs of $((threads / j)) threads: $seconds s" >&2
    [[ -f $work/tables.md ]] || cp "$out/tables.md" "$work/tables.md"
    cmp -s "$work/tables.md" "$out/tables.md" || { echo "experiment_jobs.sh: the tables of $j jobs differ" >&2; exit 1; }
    rm -rf "$out"
  done
done

median() { sort -g "$1" | awk '{ a[NR] = $1 } END { print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'; }
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
one=$(median "$work/seconds-1")
echo "$processor, $threads threads; $threads runs of $model, $epochs epochs; median of $rounds rounds; load at the end $(load)"
printf '%6s %12s %10s %8s\n' jobs 'threads each' seconds 'ratio'
for j in "${jobs[@]}"; do
  middle=$(median "$work/seconds-$j")
  printf '%6d %12d %10.1f %8.3f\n' "$j" $((threads / j)) "$middle" "$(awk -v a="$middle" -v b="$one" 'BEGIN { print a / b }')"
done
if [[ -n $json ]]; then
  {
    printf '{"command": "%s", "processor": "%s", "threads": %d, "model": "%s", "epochs": %d, "runs": %d,\n "seconds": {' \
      "$(sed 's/[\\"]/\\&/g' <<<"$command_line")" "$processor" "$threads" "$model" "$epochs" "$threads"
    separator=''
    for j in "${jobs[@]}"; do
      printf '%s"%d": [%s]' "$separator" "$j" "$(paste -sd, "$work/seconds-$j")"
      separator=', '
    done
    printf '}}\n'
  } >"$json"
fi

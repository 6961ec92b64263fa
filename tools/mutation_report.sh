#!/usr/bin/env bash
# Switches on every fault of tests/mutants and runs the tests that must see it: see usage below, docs/emulation.md for the score.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/mutation_report.sh [--ptx] [--build DIR] [--only FIRST-LAST] [--seconds N] [--jobs N]

Runs each fault of tests/mutants/mutants.json against the tests named there, in a build of the preset mutants
(cmake --preset mutants && cmake --build --preset mutants --target test_emulation test_kernels test_model test_cuda_launch), and prints the score as a
table in Markdown: by kind of fault, then those that no test saw. Every set of tests is run without a fault first and must
pass. Results are kept in DIR/mutants-results.tsv; what stands there is not run again (delete the file to begin anew).

  --ptx              the faults of tests/mutants/ptx_mutants.json instead, in what nvcc made of the kernels: any build has
                     them, since test_ptx plants them into the PTX it reads. Needs that PTX (DIR/ptx/compute_120;
                     tests/kernels/compile_cuda_sources.sh DIR/ptx/compute_120 120). Cases of at most 1e6 FLOPs, or what
                     ETHREED_TEST_FLOPS says. Results: DIR/ptx/mutants-results.tsv
  --build DIR        the build, without it build/mutants; with --ptx build/cpu
  --only FIRST-LAST  only faults with these numbers
  --seconds N        limit of one run, without it 300; a run that reaches it counts as a fault that was seen ("hangs")
  --jobs N           runs at a time, without it 1
  --help             this text

The exit status is 0 if every fault was seen, 1 if some were not or tests fail without a fault, 2 for a wrong command line.
TEXT
}

build='' ptx=0 only=1-999999 seconds=300 jobs=1
while [[ $# -gt 0 ]]; do
  case $1 in
    --ptx)
      ptx=1
      shift
      ;;
    --build | --only | --seconds | --jobs)
      [[ $# -ge 2 ]] || { echo "mutation_report.sh: $1 wants a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "mutation_report.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
[[ $only =~ ^([0-9]+)-([0-9]+)$ ]] || { echo "mutation_report.sh: --only wants 10-20, not '$only'" >&2; exit 2; }
readonly first=${BASH_REMATCH[1]} last=${BASH_REMATCH[2]}
[[ $seconds =~ ^[1-9][0-9]*$ && $jobs =~ ^[1-9][0-9]*$ ]] || { echo "mutation_report.sh: --seconds and --jobs want a number" >&2; exit 2; }

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
exec </dev/null
if ((ptx)); then
  export ETHREED_TEST_FLOPS=${ETHREED_TEST_FLOPS:-1e6}
  readonly build=${build:-build/cpu}
  readonly table=$build/ptx/mutants.tsv results=$build/ptx/mutants-results.tsv
else
  readonly build=${build:-build/mutants}
  readonly table=$build/woven/mutants.tsv results=$build/mutants-results.tsv
fi
[[ -f $table ]] || { echo "mutation_report.sh: no $table; run cmake --preset $(basename "$build")" >&2; exit 1; }
if ((ptx)) && ! "$build/tests/test_ptx" "every fault of the table of PTX*" >"$build/ptx/faults.log" 2>&1; then
  cat "$build/ptx/faults.log" >&2
  echo "mutation_report.sh: faults that cannot be planted are not seen but broken: mend the table first" >&2
  exit 1
fi
touch "$results"

# one NUMBER PROGRAM OPERATIONS FILTER: passes, fails, crashes or hangs, the tests with this fault.
one() {
  local status=0 environment=(ETHREED_MUTANT="$1")
  [[ $3 == - ]] || environment+=(ETHREED_TEST_OPERATIONS="$3")
  env "${environment[@]}" timeout "$seconds" "$build/tests/$2" "$4" --abort >"$build/mutant-$1.log" 2>&1 || status=$?
  # A filter that names no test is no evidence.
  if grep -qE "No test cases matched|^ptx: not run" "$build/mutant-$1.log"; then echo none; return; fi
  case $status in
    0) echo passes ;;
    124) echo hangs ;;
    13[0-9]) echo crashes ;;
    *) echo fails ;;
  esac
}

# without_fault PROGRAM OPERATIONS FILTER: the same without a fault, once for every set of tests.
without_fault() {
  local name="0:$1:$2:$3" verdict
  verdict=$(awk -F'\t' -v name="$name" '$1 == name { print $2 }' "$results" | tail -1)
  if [[ -z $verdict ]]; then
    verdict=$(one 0 "$@")
    printf '%s\t%s\n' "$name" "$verdict" >>"$results"
  fi
  echo "$verdict"
}

run_fault() {
  local id=$1 program=$2 operations=$3 filter=$4 verdict
  verdict=$(one "$id" "$program" "$operations" "$filter")
  printf '%s\t%s\n' "$id" "$verdict" >>"$results"
  rm -f "$build/mutant-$id.log"
  echo "fault $id: $verdict" >&2
}

status=0
while IFS=$'\t' read -r id file kind program operations filter; do
  [[ $id -ge $first && $id -le $last ]] || continue
  [[ -x $build/tests/$program ]] || { echo "mutation_report.sh: $build/tests/$program is not built: fault $id not run" >&2; status=1; continue; }
  grep -q "^$id"$'\t' "$results" && continue
  verdict=$(without_fault "$program" "$operations" "$filter")
  if [[ $verdict != passes ]]; then
    echo "mutation_report.sh: without a fault, $program \"$filter\" ($operations): $verdict; fault $id not run" >&2
    status=1
    continue
  fi
  while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do wait -n; done
  run_fault "$id" "$program" "$operations" "$filter" &
done <"$table"
wait

awk -F'\t' -v first="$first" -v last="$last" '
  FNR == NR { verdict[$1] = $2; next }
  $1 < first || $1 > last { next }
  {
    group = $2 ~ /\.ptx$/ ? "PTX" : $2 ~ /^kernels/ ? "kernels" : "model"
    if (!($1 in verdict)) { left[group]++; next }
    key = group "\t" $3
    if (!(key in planted)) { order[++kinds] = key }
    planted[key]++; all[group]++
    if (verdict[$1] != "passes") { seen[key]++; caught[group]++ } else survivors = survivors "| " $1 " | " $2 " | " $3 " | " $6 " |\n"
  }
  END {
    print "| where | kind | planted | seen |\n|---|---|---:|---:|"
    for (i = 1; i <= kinds; ++i) { split(order[i], part, "\t"); printf "| %s | %s | %d | %d |\n", part[1], part[2], planted[order[i]], seen[order[i]] }
    for (group in all) printf "| **%s** | all | %d | %d |\n", group, all[group], caught[group]
    for (group in left) printf "\n%d faults in %s were not run.\n", left[group], group
    if (survivors != "") print "\nNot seen:\n\n| fault | file | kind | tests |\n|---:|---|---|---|\n" survivors
    exit survivors != ""
  }' "$results" "$table" || status=1
exit $status

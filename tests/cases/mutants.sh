# For cases whose right behaviour is that a planted fault is seen: planted FILE TEXT… asks tools/mutation_report.sh for the
# faults of tests/mutants in FILE whose place holds one of the TEXTs (extended regular expression).
report=$SOURCE/tools/mutation_report.sh
table=$SOURCE/tests/mutants/mutants.json
[[ -x $report && -f $table ]] || wrong "no test is known to see it: there are no tests/mutants"

# planted FILE PATTERN — wrong if no such fault is planted; adds its numbers to `faults`.
faults=()
planted() {
  local found
  found=$(python3 - "$table" "$1" "$2" <<'P'
import json, re, sys
table, file, pattern = sys.argv[1:]
print(*[m["id"] for m in json.load(open(table)) if m["file"].endswith(file) and re.search(pattern, m["find"])])
P
)
  [[ -n $found ]] || wrong "no fault is planted in $1 at '$2'"
  read -r -a found <<<"$found"
  faults+=("${found[@]}")
}

# all_seen — right if the tests see all of `faults`; not checked where the build with faults is not there.
all_seen() {
  local build=$SOURCE/build/mutants fault
  [[ -x $build/tests/test_model && -x $build/tests/test_kernels && -x $build/tests/test_emulation ]] ||
    not_checked "faults ${faults[*]} are planted; to run them: cmake --preset mutants && cmake --build --preset mutants --target test_emulation test_kernels test_model"
  for fault in "${faults[@]}"; do
    "$report" --build "$build" --only "$fault-$fault" >"$T/report" 2>&1 || wrong "fault $fault: $(tail -n 1 "$T/report")"
  done
  right "the tests see the planted faults ${faults[*]}"
}

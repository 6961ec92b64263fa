#!/usr/bin/env bash
# Which instructions nvcc makes of the CUDA sources, by kind, and what of them costs more than it looks.
#   tools/ptx_survey.sh [--build BUILD] [ARCHITECTURE…]       75 90 120 unless they are said
# The PTX stays in BUILD/ptx (build/cpu/ptx), where the tests look for it. Needs nvcc.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

build=build/cpu
if [[ ${1:-} == --build ]]; then
  build=${2:?--build wants a folder}
  shift 2
fi
(($#)) || set -- 75 90 120
opcodes() {  # of the folder $1, one a line
  sed -nE 's/^[[:space:]]+(@!?%p[0-9]+[[:space:]]+)?([a-z][a-z0-9_.:]*)([[:space:];].*)?$/\2/p' "$1"/*.ptx
}
for architecture; do
  folder=$build/ptx/compute_$architecture
  tests/kernels/compile_cuda_sources.sh "$folder" "$architecture"
  echo "compute_$architecture: $(grep -h '^\(\.visible \)\?\.entry' "$folder"/*.ptx | wc -l) kernels, $(opcodes "$folder" | wc -l) instructions," \
    "$(opcodes "$folder" | sort -u | wc -l) opcodes"
  opcodes "$folder" | sort | uniq -c | sort -rn | awk '{printf "%s%s %s", NR > 1 ? ", " : "  ", $2, $1} END {print ""}' | fold -s -w 130
  echo "  accesses by a generic address: $(opcodes "$folder" | grep -E '^(ld|st|atom|red)\.' | grep -cvE 'global|shared|local|param|const' || true)"
  grep -HE '^[[:space:]]*\.local' "$folder"/*.ptx | sed -E 's|.*/([^:]*):.*__local_depot[0-9]+\[([0-9]+)\].*|  local memory: \1, \2 bytes|' | sort | uniq -c |
    sed -E 's/^ *([0-9]+) (.*)/\2 in \1 kernel(s)/' || true
done

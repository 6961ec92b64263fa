#!/usr/bin/env bash
# tests/kernels/with_instruction_set.sh SET ETHREED PROGRAM ARGUMENT…: runs PROGRAM with the kernels of this set; 77 where the
# processor does not offer it.
set -euo pipefail
export ETHREED_CPU=$1
readonly ethreed=$2
shift 2
if ! said=$("$ethreed" devices 2>&1); then
  grep -q 'does not offer it' <<<"$said" || { echo "$said" >&2; exit 1; }
  echo "not run: $said"
  exit 77
fi
grep -q "kernels for $ETHREED_CPU, as ETHREED_CPU says" <<<"$said" || { echo "$said" >&2; exit 1; }
exec "$@"

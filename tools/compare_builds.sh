#!/usr/bin/env bash
# Do two builds compute the same bits? See usage below, and docs/surprises.md for whose bits are equal.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/compare_builds.sh BUILD BUILD [--work DIR]

Prepares the sample corpus with the first build and has both write `ethreed trace` files: of fresh parameters (one batch,
forward and backward), and of parameters after ten steps of training with the first. Compares them byte by byte.
Prints what is equal and what is not. The exit status is 0 if all is equal, 1 if something differs.
TEXT
}

builds=() work=build/compare-builds
while [[ $# -gt 0 ]]; do
  case $1 in
    --work) work=${2:?compare_builds.sh: --work wants a value}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "compare_builds.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
    *) builds+=("$1"); shift ;;
  esac
done
[[ ${#builds[@]} -eq 2 ]] || { echo "compare_builds.sh: wants two builds" >&2; usage >&2; exit 2; }
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
exec </dev/null
for build in "${builds[@]}"; do
  [[ -x $build/tools/ethreed ]] || { echo "compare_builds.sh: $build/tools/ethreed is not built" >&2; exit 1; }
done
rm -rf "$work"
mkdir -p "$work"
readonly first=${builds[0]}/tools/ethreed
"$first" prepare "$root/samples/corpus" --labels "$root/samples/corpus/labels.csv" --dimension 32 --out "$work/data" >/dev/null
echo '{"model": {"encoder": 32, "global_state": 32, "party_state": 32, "emotion_state": 32, "content_state": 32, "decoder_state": 32, "bottleneck": 32}, "training": {"batch": 4, "epochs": 1}}' >"$work/config.json"
"$first" train --data "$work/data" --out "$work/run" --config "$work/config.json" --max-steps 10 --quiet >/dev/null

status=0
for i in 0 1; do
  program=${builds[$i]}/tools/ethreed
  "$program" trace --data "$work/data" --config "$work/config.json" --out "$work/fresh-$i.safetensors" >/dev/null
  "$program" trace --data "$work/data" --run "$work/run" --checkpoint last --out "$work/trained-$i.safetensors" >/dev/null
done
for what in fresh trained; do
  if bytes=$(cmp -l "$work/$what-0.safetensors" "$work/$what-1.safetensors" 2>&1 | wc -l) && [[ $bytes -eq 0 ]]; then
    echo "$what parameters: the same bits"
  else
    echo "$what parameters: $bytes bytes differ of $(stat -c %s "$work/$what-0.safetensors")"
    status=1
  fi
done
exit $status

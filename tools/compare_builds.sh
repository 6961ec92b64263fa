#!/usr/bin/env bash
# Do two builds compute the same bits? See usage below, and docs/surprises.md for whose bits are equal.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/compare_builds.sh BUILD[:SET] BUILD[:SET] [--work DIR]

Prepares the sample corpus with the first build and has both write `ethreed trace` files: of fresh parameters (one batch,
forward and backward), and of parameters after ten steps of training with the first. Compares them byte by byte. Then the
results of the CPU's kernels, every operation in every case: those that differ are named, with the number of cases.
SET: the kernels that the build shall use (ETHREED_CPU), avx2 say; of a portable build with several sets. The programs
of the preset arm64 run in QEMU, where this is no Arm processor: ETHREED_TEST_FLOPS=2e5 leaves out cases that take long.
The exit status is 0 if all is equal, 1 if something differs, 2 if the comparison could not be made.
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
readonly programs=("${builds[0]%%:*}" "${builds[1]%%:*}")
for build in "${programs[@]}"; do
  for program in tools/ethreed tests/kernel_bits; do
    [[ -x $build/$program ]] || { echo "compare_builds.sh: $build/$program is not built" >&2; exit 2; }
  done
done
# Runs program $2 of build number $1, with the set of kernels that was asked for.
of_build() {
  local i=$1 set='' program=$2
  shift 2
  [[ ${builds[$i]} != *:* ]] || set=${builds[$i]#*:}
  local emulator=() sysroot
  sysroot=$(sed -n 's/^ETHREED_SYSROOT:PATH=//p' "${programs[$i]}/CMakeCache.txt")  # of a build for Arm on another processor
  [[ -z $sysroot ]] || emulator=(qemu-aarch64-static -L "$sysroot")
  env ${set:+"ETHREED_CPU=$set"} "${emulator[@]}" "${programs[$i]}/$program" "$@"
}
trap 'echo "compare_builds.sh: the comparison could not be made" >&2; exit 2' ERR
rm -rf "$work"
mkdir -p "$work"
of_build 0 tools/ethreed prepare "$root/samples/corpus" --labels "$root/samples/corpus/labels.csv" --dimension 32 --out "$work/data" >/dev/null
echo '{"model": {"encoder": 32, "global_state": 32, "party_state": 32, "emotion_state": 32, "content_state": 32, "decoder_state": 32, "bottleneck": 32}, "training": {"batch": 4, "epochs": 1}}' >"$work/config.json"
of_build 0 tools/ethreed train --data "$work/data" --out "$work/run" --config "$work/config.json" --max-steps 10 --quiet >/dev/null

status=0
for i in 0 1; do
  of_build "$i" tools/ethreed trace --data "$work/data" --config "$work/config.json" --out "$work/fresh-$i.safetensors" >/dev/null
  of_build "$i" tools/ethreed trace --data "$work/data" --run "$work/run" --checkpoint last --out "$work/trained-$i.safetensors" >/dev/null
  of_build "$i" tests/kernel_bits | grep $'\t' >"$work/kernels-$i.tsv"  # without what it says of cases left out
done
for what in fresh trained; do
  bytes=$({ cmp -l "$work/$what-0.safetensors" "$work/$what-1.safetensors" || true; } | wc -l)
  if [[ $bytes -eq 0 ]]; then
    echo "$what parameters: the same bits"
  else
    echo "$what parameters: $bytes bytes differ of $(stat -c %s "$work/$what-0.safetensors")"
    status=1
  fi
done
# Operation, type, case and fingerprint, of one and of the other.
paste "$work/kernels-0.tsv" "$work/kernels-1.tsv" | awk -F '\t' '
  $1 != $4 || $2 != $5 { wrong = 1; exit }
  { cases[$1]++; if ($3 != $6) different[$1]++ }
  END {
    if (wrong || !NR) { print "compare_builds.sh: the builds have other operations or cases" > "/dev/stderr"; exit 2 }
    for (name in cases) { all++; if (name in different) print "  " name ": " different[name] " of " cases[name] " cases"; else same++ }
    print "kernels: the same bits in " same " of " all " (operations, directions and types)"
  }' | sort >"$work/kernels.txt"
tail -1 "$work/kernels.txt"
if grep '^  ' "$work/kernels.txt"; then status=1; fi
exit $status

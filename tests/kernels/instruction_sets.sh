#!/usr/bin/env bash
# Instructions that not every processor has stay within the kernels of their set: tests/kernels/instruction_sets.sh
# PROGRAM DIR OBJECT SET…, of a portable build. DIR holds the sets' objects, OBJECT is one from which kernels_SET.o was linked.
set -euo pipefail
export LC_ALL=C

readonly program=$1 dir=$2 object=$3
shift 3
readonly names=(native sse2 avx2 avx512 avx512_bf16 neon)  # InstructionSet of core/instruction_set.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() {
  echo "instruction_sets.sh: $*" >&2
  exit 1
}

# Ends here if the file has a line.
none() { [[ ! -s $1 ]] || die "$2:"$'\n'"$(head -3 "$1")"; }
# What other files could be linked to.
definitions() { nm --defined-only --extern-only --format=just-symbols "$1"; }

definitions "$object" | grep -v InstructionSet >"$work/untagged" ||
  die "$object has no names but those of kernels, as compiled: this test would see nothing"
for set in "$@"; do
  number=-1
  for i in "${!names[@]}"; do [[ ${names[i]} != "$set" ]] || number=$i; done
  tag=5CpuOfILNS_14InstructionSetE${number}EE
  whole=$dir/kernels_$set.o
  definitions "$whole" | sort -u >"$work/names"
  [[ $(grep -c "$tag" "$work/names") -gt 100 ]] || die "$whole: has fewer than 100 kernels"
  grep -v "$tag" "$work/names" >"$work/wrong" || true
  none "$work/wrong" "$whole: others can be linked to names that are not of $set"
  objdump -h "$whole" | grep -E '\.(init_array|ctors|preinit_array)' >"$work/wrong" || true
  none "$work/wrong" "$whole: has code that runs when the program starts"
  case $set in
    sse2 | neon) baseline=$tag ;;
    *) nm --defined-only --format=just-symbols "$whole" >>"$work/of_sets" ;;
  esac
done
sort -u "$work/of_sets" -o "$work/of_sets"

# A thread's stack, 8 MiB, has to hold it too: each set must not bring buffers of its own.
local_bytes=$(readelf -lW "$program" | awk '$1 == "TLS" { print $6 }')
((local_bytes < 2 << 20)) || die "$program: takes $((local_bytes)) bytes of every thread's stack"

# In the finished program: functions with instructions that came after SSE2, by address and name. Those of AVX and later begin
# with a v.
readonly later='^(v.*|andn|bextr|bls[ir]|blsmsk|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|popcnt|lzcnt|movbe|pshufb|palignr'\
'|pabs[bwd]|pmulld|p(min|max)(s[bd]|u[wd])|pmov[sz]x.*|pblend.*|blendv.*|round[sp][sd]|ptest|tile.*|tdp.*|k(mov|or|and|xor|test).*)$'
objdump -d --no-show-raw-insn "$program" | awk -v later="$later" '
  /^[0-9a-f]+ <.*>:$/ { function_at = $1 " " substr($2, 2, length($2) - 3); seen = 0; next }
  !seen && $2 ~ later && $2 !~ /^ver[rw]$/ { seen = 1; print function_at }' | sort -u >"$work/wide"
[[ $(wc -l <"$work/wide") -gt 100 ]] || die "$program: has fewer than 100 functions later than SSE2: this test would see nothing"
cut -d' ' -f2 "$work/wide" | sort -u | comm -23 - "$work/of_sets" >"$work/wrong"
none "$work/wrong" "$program: functions that are in no set have instructions later than SSE2"
# A set has its own body of inline functions, and nobody else is linked to that one.
nm --defined-only --extern-only "$program" | awk '{ print $1 " " $3 }' | sort -u | comm -12 - "$work/wide" |
  grep -v 5CpuOfILNS_14InstructionSetE >"$work/wrong" || true
none "$work/wrong" "$program: everybody is linked to functions that have instructions later than SSE2"
grep "${baseline:-of no set}" "$work/wide" >"$work/wrong" || true
none "$work/wrong" "$program: the kernels for every processor have instructions later than SSE2"
echo "$program: $(wc -l <"$work/wide") functions have instructions later than SSE2, all in the kernels of $*"

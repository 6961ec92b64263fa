#!/usr/bin/env bash
# Public headers compile with what a consumer has: the installed files and no flag of ours.
set -euo pipefail

if [[ $# -lt 2 || ($# -eq 3 && $3 != --alone) || $# -gt 3 ]]; then
  cat >&2 <<'TEXT'
usage: tests/library/headers.sh BUILD_DIR COMPILER [--alone]

All public headers in one file, each after those that it includes, so that one which leaves out an include of its own
meets little that could stand in for it. --alone: each in a file of its own (minutes).
TEXT
  exit 2
fi
build=$(readlink -f "$1") compiler=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" --component library >/dev/null
cd "$folder/prefix/include/ethreed"
flags=(-std=c++20 -Wall -Wextra -Wno-missing-field-initializers -Werror -fsyntax-only -I. -x c++)

# What a header includes is installed, and nothing in it depends on the processor.
find . -name '*.h' -printf '%P\n' | sort >../headers
grep -rHoE '^ *# *include "[^"]+"' --include='*.h' . | sed -E 's|^\./([^:]+):.*"([^"]+)"|\2 \1|' >../pairs
status=0
while read -r included by; do
  [[ -f $included ]] || { echo "$by includes $included, which is not installed" >&2; status=1; }
done <../pairs
if grep -rnE '__(AVX|FMA|SSE|AMX|ARM|aarch64|x86_64)' .; then
  echo "the lines above ask for a processor" >&2
  status=1
fi
[[ $status == 0 ]] || exit 1

# A library for one set of instructions tells its users which. Their own flags may allow more.
case $("$compiler" -dumpmachine) in
  x86_64*) wider=(-DETHREED_INSTRUCTION_SET=sse2 -march=x86-64-v3) ;;
  aarch64*) wider=(-DETHREED_INSTRUCTION_SET=neon -march=armv8.2-a+sve) ;;
  *) wider=() ;;
esac
echo '#include "kernels/linear/linear.h"' | "$compiler" "${flags[@]}" "${wider[@]}" -

if [[ ${3:-} == --alone ]]; then
  while read -r header; do
    echo "#include \"$header\"" | "$compiler" "${flags[@]}" - || { echo "$header does not compile alone" >&2; status=1; }
  done <../headers
  [[ $status == 0 ]] && echo "$(wc -l <../headers) headers compile alone"
  exit "$status"
fi
{ cat ../pairs; sed 's/.*/& &/' ../headers; } | tsort | sed 's/.*/#include "&"/' >../all.cpp
"$compiler" "${flags[@]}" ../all.cpp
echo "$(wc -l <../headers) headers compile"

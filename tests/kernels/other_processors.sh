#!/usr/bin/env bash
# tests/kernels/other_processors.sh COMPILER SOURCE_DIR: compiles what has lines of its own for some processors, for processors
# that this one need not be; 77 where the compiler does not know them. A build is for one processor, and sees no other's lines.
set -euo pipefail
readonly compiler=$1
cd "$2"
readonly flags=(-std=c++20 -I. -DFMT_SHARED -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wno-missing-field-initializers -Werror)
for processor in x86-64 haswell cooperlake sapphirerapids; do  # SSE2; AVX2; AVX-512 with bfloat16; the matrix unit, too
  if ! "$compiler" -march="$processor" -fsyntax-only -x c++ - </dev/null 2>/dev/null; then
    echo "not run: $compiler compiles nothing for $processor"
    exit 77
  fi
  for source in kernels/gemm/gemm_cpu.cpp kernels/gemm/matrix_unit.cpp tests/kernels/test_matrix_unit.cpp; do
    "$compiler" "${flags[@]}" -march="$processor" "$source" || { echo "$source: not for $processor"; exit 1; }
  done
done
echo "compiled for four processors"

#pragma once
// Vectors of the instruction set that a file is compiled for, by the vector extensions of GCC and Clang: one file for
// each set, which says how wide they are and has what is its own, and two that sets share (vectors.h, any_vectors.h).
//
// A set names: vector_bytes, tile_rows; load_first(), store_first(); multiply_add(), multiply_add_broadcast();
// transpose_square(). With ETHREED_BF16 also those of Pair (avx512_bf16.h).

#include "core/instruction_set.h"
#include "core/set_of_flags.h"

#if defined(ETHREED_INSTRUCTION_SET)
static_assert(ethreed::InstructionSet::ETHREED_INSTRUCTION_SET == ethreed::InstructionSet::native ||
                  ethreed::InstructionSet::ETHREED_INSTRUCTION_SET == ethreed::InstructionSet::ETHREED_SET_OF_FLAGS,
              "the flags of this file are not those of its instruction set");
#endif

#if defined(__AVX512F__)
#include "kernels/gemm/simd/avx512.h"
#elif defined(__AVX__)
#include "kernels/gemm/simd/avx2.h"
#elif defined(__aarch64__)
#include "kernels/gemm/simd/neon.h"
#else
#include "kernels/gemm/simd/sse2.h"
#endif

#if defined(__AVX512BF16__)
#include "kernels/gemm/simd/avx512_bf16.h"
#define ETHREED_BF16 1  // there are instructions that multiply bfloat16
#endif
#if defined(__AMX_BF16__) && defined(ETHREED_BF16)
#define ETHREED_AMX 1  // there are instructions that multiply tiles of them; what a process may use, matrix_unit.h says
#endif

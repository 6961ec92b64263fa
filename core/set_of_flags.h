#pragma once
// Not installed: a program that uses the library has flags of its own, and no header that it includes asks for them.

// Which of InstructionSet (core/instruction_set.h) the flags of this file allow.
#if defined(__AVX512BF16__)
#define ETHREED_SET_OF_FLAGS avx512_bf16
#elif defined(__AVX512F__)
#define ETHREED_SET_OF_FLAGS avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define ETHREED_SET_OF_FLAGS avx2
#elif defined(__aarch64__)
#define ETHREED_SET_OF_FLAGS neon
#else
#define ETHREED_SET_OF_FLAGS sse2
#endif

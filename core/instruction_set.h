#pragma once
// For which instruction sets the CPU's kernels are in this program, and whose run on this processor.
//
// A build for the processor at hand (ETHREED_NATIVE) has one set, `native`, and all files have its flags. A portable
// build compiles the CPU's kernels once for each set (cmake/instruction_sets.cmake), all other files for every
// processor, and the program chooses when it starts: docs/performance.md.

#include "core/device.h"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace ethreed {

/// `avx2` has fused multiply-adds (FMA) and BMI2; `avx512` is F, BW, CD, DQ and VL; `avx512_bf16` multiplies bfloat16,
/// in the matrix unit (AMX) where the process may use one. Each of these holds the sets before it.
enum class InstructionSet { native, sse2, avx2, avx512, avx512_bf16, neon };

/// The tag of the CPU's kernels for one set. It is part of the names that the linker sees.
template <InstructionSet set> struct CpuOf { static constexpr Device device = Device::cpu; };

// ETHREED_INSTRUCTION_SET is the set of this file. In a portable build only the kernels of the CPU belong to one, and
// every file is told by ETHREED_WITH_… which ones there are.
#if !defined(ETHREED_WITH_SSE2) && !defined(ETHREED_INSTRUCTION_SET)
#define ETHREED_INSTRUCTION_SET native
#endif

#if defined(ETHREED_INSTRUCTION_SET)
/// The set of this file.
using Cpu = CpuOf<InstructionSet::ETHREED_INSTRUCTION_SET>;
#endif

/// Are the kernels for this set in the program?
constexpr bool in_program([[maybe_unused]] InstructionSet set) {
#if defined(ETHREED_WITH_SSE2)
  constexpr bool with[] = {
      false, ETHREED_WITH_SSE2, ETHREED_WITH_AVX2, ETHREED_WITH_AVX512, ETHREED_WITH_AVX512_BF16, ETHREED_WITH_NEON};
  return with[static_cast<int>(set)];
#else
  return set == InstructionSet::ETHREED_INSTRUCTION_SET;
#endif
}

/// "native", "sse2", "avx2", "avx512", "avx512_bf16", "neon".
std::string_view name_of(InstructionSet set);

/// What a program has to choose from.
struct InstructionSets {
  std::span<const InstructionSet> program;         ///< whose kernels are in it, the narrowest first
  std::span<const InstructionSet> processor;       ///< what it and the operating system offer, the narrowest first
  InstructionSet native = InstructionSet::native;  ///< by its other name, in a program that has only `native`
};

/// The one that `wanted` names; without a name the widest of the program that the processor offers. Throws Error that
/// lists what there is if the program or the processor lacks it. `native` goes by both names, and is taken to be
/// offered: such a program is for the processor that it was built on.
InstructionSet choose_instruction_set(const InstructionSets& here, std::string_view wanted);
/// One line: which set is `chosen`, why, and which others the program has.
std::string describe_choice(const InstructionSets& here, std::string_view wanted, InstructionSet chosen);

/// The set whose kernels run here: that of the environment's variable ETHREED_CPU (none, or an empty one: the widest).
/// Chosen once. Throws Error as choose_instruction_set() does.
InstructionSet instruction_set();
/// describe_choice() of instruction_set().
std::string describe_instruction_set();

}  // namespace ethreed

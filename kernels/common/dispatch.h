#pragma once
// From the one function that callers see to the backends that implement it.

#include "core/context.h"
#include "core/error.h"
#include "core/instruction_set.h"

namespace ethreed {

#ifdef ETHREED_CUDA
inline constexpr bool built_with_cuda = true;
#else
inline constexpr bool built_with_cuda = false;
#endif

// ETHREED_FOR_EACH_CPU(declaration, …): declaration(tag, …) for the tag of every set of instructions that a caller may
// meet. A file that belongs to a set calls no other's kernels.
#if defined(ETHREED_INSTRUCTION_SET)
#define ETHREED_FOR_EACH_CPU(declaration, ...) declaration(::ethreed::Cpu, __VA_ARGS__)
#else
#define ETHREED_FOR_EACH_CPU(declaration, ...)                                                   \
  declaration(::ethreed::CpuOf<::ethreed::InstructionSet::sse2>, __VA_ARGS__)                    \
      declaration(::ethreed::CpuOf<::ethreed::InstructionSet::avx2>, __VA_ARGS__)                \
          declaration(::ethreed::CpuOf<::ethreed::InstructionSet::avx512>, __VA_ARGS__)          \
              declaration(::ethreed::CpuOf<::ethreed::InstructionSet::avx512_bf16>, __VA_ARGS__) \
                  declaration(::ethreed::CpuOf<::ethreed::InstructionSet::neon>, __VA_ARGS__)
#endif

/// Calls run(tag) with the tag of the CPU's kernels that run here: those of this file's set, or else of
/// instruction_set().
template <class Run> decltype(auto) on_cpu(Run&& run) {
#if defined(ETHREED_INSTRUCTION_SET)
  return run(Cpu{});
#else
  using enum InstructionSet;
  const InstructionSet set = instruction_set();
  if constexpr (in_program(avx512_bf16))
    if (set == avx512_bf16) return run(CpuOf<avx512_bf16>{});
  if constexpr (in_program(avx512))
    if (set == avx512) return run(CpuOf<avx512>{});
  if constexpr (in_program(avx2))
    if (set == avx2) return run(CpuOf<avx2>{});
  if constexpr (in_program(sse2))
    if (set == sse2) return run(CpuOf<sse2>{});
  if constexpr (in_program(neon))
    if (set == neon) return run(CpuOf<neon>{});
  fail("no kernels for {}", name_of(set));  // instruction_set() is one of the program's
#endif
}

/// Calls run(tag) with a tag of the CPU's as on_cpu() does, run(Emulated{}) or run(Cuda{}) by the device. A build
/// without CUDA has no Cuda backend to call and throws Error.
template <class Run> decltype(auto) dispatch(Device device, Run&& run) {
  switch (device) {
    case Device::cpu: return on_cpu(run);
    case Device::emulated: return run(Emulated{});
    case Device::cuda: break;
  }
  if constexpr (built_with_cuda) return run(Cuda{});
  fail("this program was built without CUDA; use --device cpu or emulated");
}

}  // namespace ethreed

#define ETHREED_BACKEND(Tag, name, Arguments) \
  template <class T> void name(Tag, ::ethreed::Context&, const Arguments<T>&);

/// Declares the kernel `name` of an operation, taking its arguments as `Arguments<T>`: one function per backend, told
/// apart by its first argument, and name(context, args), which runs the one of the context's device. A backend that is
/// missing does not link.
#define ETHREED_KERNEL(name, Arguments)                                                     \
  ETHREED_FOR_EACH_CPU(ETHREED_BACKEND, name, Arguments)                                    \
  ETHREED_BACKEND(::ethreed::Emulated, name, Arguments)                                     \
  ETHREED_BACKEND(::ethreed::Cuda, name, Arguments)                                         \
  template <class T> void name(::ethreed::Context& context, const Arguments<T>& args) {     \
    ::ethreed::dispatch(context.device, [&](auto device) { name(device, context, args); }); \
  }

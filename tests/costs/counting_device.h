#pragma once
// A device whose kernels are the CPU's, run on the counting scalar. It takes the place of the emulated device in the
// program test_costs: for every operation CMake makes a source that includes this header and then the CPU's kernels.

#include "tests/costs/counted.h"

#include "kernels/common/dispatch.h"

#include <bit>
#include <type_traits>

namespace ethreed::test {

/// The same context for kernels of the CPU.
inline Context on_cpu(const Context& context) {
  Context cpu = context;
  cpu.device = Device::cpu;
  return cpu;
}

}  // namespace ethreed::test

// The arguments of a kernel hold pointers and sizes: those of double are those of Counted, which is one double.
#undef ETHREED_KERNEL
#define ETHREED_KERNEL(name, Arguments)                                                                             \
  template <class T> void name(::ethreed::Cpu, ::ethreed::Context&, const Arguments<T>&);                           \
  template <class T> void name(::ethreed::Emulated, ::ethreed::Context&, const Arguments<T>&);                      \
  template <class T> void name(::ethreed::Cuda, ::ethreed::Context&, const Arguments<T>&);                          \
  template <class T> void name(::ethreed::Context& context, const Arguments<T>& args) {                             \
    if constexpr (std::is_same_v<T, ::ethreed::test::Counted>)                                                      \
      name(::ethreed::Cpu{}, context, args);                                                                        \
    else                                                                                                            \
      ::ethreed::dispatch(context.device, [&](auto device) { name(device, context, args); });                       \
  }                                                                                                                 \
  template <>                                                                                                       \
  [[gnu::used]] inline void name(::ethreed::Emulated, ::ethreed::Context& context, const Arguments<double>& args) { \
    ::ethreed::Context cpu = ::ethreed::test::on_cpu(context);                                                      \
    name(::ethreed::Cpu{}, cpu, std::bit_cast<Arguments<::ethreed::test::Counted>>(args));                          \
  }                                                                                                                 \
  template <> [[gnu::used]] inline void name(::ethreed::Emulated, ::ethreed::Context&, const Arguments<float>&) {   \
    ::ethreed::fail(#name ": operations are counted in double");                                                    \
  }

#pragma once
// From the one function that callers see to the backends that implement it.

#include "core/context.h"
#include "core/error.h"

namespace ethreed {

#ifdef ETHREED_CUDA
inline constexpr bool built_with_cuda = true;
#else
inline constexpr bool built_with_cuda = false;
#endif

/// Calls run(Cpu{}), run(Emulated{}) or run(Cuda{}) by the device. A build without CUDA has no Cuda backend to call and
/// throws Error.
template <class Run> decltype(auto) dispatch(Device device, Run&& run) {
  switch (device) {
    case Device::cpu: return run(Cpu{});
    case Device::emulated: return run(Emulated{});
    case Device::cuda: break;
  }
  if constexpr (built_with_cuda) return run(Cuda{});
  fail("this program was built without CUDA; use --device cpu or emulated");
}

}  // namespace ethreed

/// Declares the kernel `name` of an operation, taking its arguments as `Arguments<T>`: one function per backend, told
/// apart by its first argument, and name(context, args), which runs the one of the context's device. A backend that is
/// missing does not link.
#define ETHREED_KERNEL(name, Arguments)                                                        \
  template <class T> void name(::ethreed::Cpu, ::ethreed::Context&, const Arguments<T>&);      \
  template <class T> void name(::ethreed::Emulated, ::ethreed::Context&, const Arguments<T>&); \
  template <class T> void name(::ethreed::Cuda, ::ethreed::Context&, const Arguments<T>&);     \
  template <class T> void name(::ethreed::Context& context, const Arguments<T>& args) {        \
    ::ethreed::dispatch(context.device, [&](auto device) { name(device, context, args); });    \
  }

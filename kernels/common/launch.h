#pragma once
// The one way to start a kernel: launch<kernel<T>>(context, shape, arguments…).

#include "core/context.h"
#include "core/error.h"
#include "core/indices.h"
#include "kernels/common/cuda.h"

#include <array>
#include <string_view>
#include <tuple>
#include <utility>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  ///< dynamic shared memory
  int stream = 0;                ///< 0, or 1 between fork() and join() of the runtime
  bool cooperative = false;  ///< the kernel waits for all its blocks (grid_barrier); they must all fit on the device
};

/// How many blocks of `threads` cover `count` elements, one each; at least one. Throws Error if they are more than a
/// grid may have.
constexpr unsigned blocks_for(std::int64_t count, int threads) {
  if (count <= 0) return 1U;
  const std::int64_t blocks = (count - 1) / threads + 1;
  ETHREED_CHECK(blocks <= 0x7FFFFFFF, "a launch over {} elements, {} a block: a grid has at most {} blocks", count,
                threads, 0x7FFFFFFF);
  return static_cast<unsigned>(blocks);
}

/// What CUDA limits, found before the launch and in planning, too: Error with the kernel's name for a grid, a block or
/// shared memory that no launch, or none on this device, may have.
void check_launch(const DeviceRuntime& runtime, std::string_view kernel, const LaunchShape& shape);

namespace detail {

/// "ethreed::{anonymous}::embedding_forward_kernel<float>", from the compiler's name for this function.
template <auto Kernel> constexpr std::string_view kernel_name() {
  constexpr std::string_view before = "Kernel = ";
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find(before) + before.size());
  const auto end = text.find_first_of(";]");
  text = text.substr(0, end);
  if (const auto open = text.find("kernel"); open != std::string_view::npos) {
    const auto start = text.rfind("::", open);
    if (start != std::string_view::npos) text.remove_prefix(start + 2);
  }
  return text;
}
template <auto Kernel> inline constexpr std::string_view kernel_name_of = kernel_name<Kernel>();

template <auto Kernel> struct Launcher;
template <class... Parameters, void (*Kernel)(Parameters...)> struct Launcher<Kernel> {
  template <class... Arguments> static void run(Context& context, const LaunchShape& shape, Arguments&&... arguments) {
    DeviceRuntime& runtime = *context.runtime;
    check_launch(runtime, kernel_name_of<Kernel>, shape);
    runtime.note_launch(kernel_name_of<Kernel>);
    if (runtime.planning()) return;
    std::tuple<std::decay_t<Parameters>...> values{static_cast<Parameters>(std::forward<Arguments>(arguments))...};
    const auto stream = static_cast<cudaStream_t>(runtime.stream(shape.stream));
#ifdef __CUDACC__
    const auto* function = reinterpret_cast<const void*>(Kernel);
    if (shape.shared_bytes > 48 * 1024)
      check_cuda(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(shape.shared_bytes)),
                 kernel_name_of<Kernel>);
    std::apply(
        [&](auto&... value) {
          std::array<void*, sizeof...(Parameters)> pointers{const_cast<void*>(static_cast<const void*>(&value))...};
          check_cuda(shape.cooperative ? cudaLaunchCooperativeKernel(function, shape.grid, shape.block, pointers.data(),
                                                                     shape.shared_bytes, stream)
                                       : cudaLaunchKernel(function, shape.grid, shape.block, pointers.data(),
                                                          shape.shared_bytes, stream),
                     kernel_name_of<Kernel>);
        },
        values);
#else
    emulation::launch_kernel<Kernel>(stream,
                                     {.kernel = kernel_name_of<Kernel>,
                                      .grid = shape.grid,
                                      .block = shape.block,
                                      .shared_bytes = shape.shared_bytes,
                                      .cooperative = shape.cooperative},
                                     std::move(values));
#endif
  }
};

}  // namespace detail

/// Starts `Kernel` (a __global__ function) with these arguments, converted to its parameters. A launch that fails
/// throws Error with the kernel's name; a grid or block of size 0 is not allowed. Kernels take pointers to device
/// memory and trivially copyable values.
template <auto Kernel, class... Arguments>
void launch(Context& context, const LaunchShape& shape, Arguments&&... arguments) {
  detail::Launcher<Kernel>::run(context, shape, std::forward<Arguments>(arguments)...);
}

/// The device copy of a host array of indices (see Staging).
template <class I> const I* indices(Context& context, const I* host, std::int64_t count) {
  return context.runtime->staging().on_device(host, count);
}
template <class I> const I* indices(Context& context, Span<const I> host) {
  return context.runtime->staging().on_device(host);
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed

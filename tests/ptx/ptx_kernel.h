#pragma once
// Little kernels in PTX for tests: a body in a frame, run on the emulated device.

#include "core/error.h"
#include "kernels/emulation/ptx/library.h"
#include "tests/emulation/device_array.h"

#include <catch2/catch.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace ethreed::test {

/// A module with the kernel `test`, whose parameter is a pointer to `out`, in %d0. %p, %h (16 bits), %r (32) and %d
/// (64) are its registers. `before` stands before the kernel.
inline std::string module_of(const std::string& body, const std::string& before = "") {
  return ".version 9.0\n.target sm_120\n.address_size 64\n" + before +
         "\n.visible .entry test(.param .u64 out)\n{\n.reg .pred %p<8>;\n.reg .b16 %h<8>;\n.reg .b32 %r<16>;\n"
         ".reg .b64 %d<16>;\nld.param.u64 %d0, [out];\n" +
         body + "\nret;\n}\n";
}

struct Shape {
  unsigned blocks = 1, threads = 1;
  std::size_t shared_bytes = 0;
  bool cooperative = false;
};

/// Runs a module's kernel `test` on `out`, words of memory that are zeros before, and returns them.
inline std::vector<std::uint32_t> run_ptx(const std::string& text, std::size_t words = 4, Shape shape = {}) {
  emulation::ptx::Library library;
  library.add("test.ptx", text);
  DeviceArray<std::uint32_t> out(zeros<std::uint32_t>(words));
  const std::uint32_t* pointer = out.data();
  const std::array<emulation::Argument, 1> arguments{{{&pointer, sizeof(pointer), alignof(std::uint32_t*)}}};
  emulation::launch_work(nullptr,
                         {.kernel = "test",
                          .grid = shape.blocks,
                          .block = shape.threads,
                          .shared_bytes = shape.shared_bytes,
                          .cooperative = shape.cooperative},
                         library.work("test", arguments));
  cudaDeviceSynchronize();
  return out.values();
}

/// What the body leaves in %r1, of one thread.
inline std::uint32_t word_of(const std::string& body) {
  return run_ptx(module_of(body + "\nst.global.u32 [%d0], %r1;"))[0];
}
/// What it leaves in %d1.
inline std::uint64_t long_of(const std::string& body) {
  const auto words = run_ptx(module_of(body + "\nst.global.u64 [%d0], %d1;"));
  return words[0] | std::uint64_t{words[1]} << 32U;
}
inline float float_of(const std::string& body) { return std::bit_cast<float>(word_of(body)); }
inline double double_of(const std::string& body) { return std::bit_cast<double>(long_of(body)); }

/// A number as PTX writes it.
inline std::string ptx_number(float x) { return fmt::format("0f{:08X}", std::bit_cast<std::uint32_t>(x)); }
inline std::string ptx_number(double x) { return fmt::format("0d{:016X}", std::bit_cast<std::uint64_t>(x)); }

/// The message of the Error that the module ends in; empty if it ends well.
inline std::string error_of(const std::string& text, std::size_t words = 4, Shape shape = {}) {
  try {
    run_ptx(text, words, shape);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace ethreed::test

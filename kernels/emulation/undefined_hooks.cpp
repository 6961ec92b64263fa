// What the compiler calls in files compiled with -fsanitize=alignment,bounds: our own definitions, as in
// access_hooks.cpp. The optimiser takes accesses to vectors apart, so that their alignment cannot be seen from the
// accesses; and arrays that a thread has to itself have no shadow.

#ifndef __SANITIZE_THREAD__

#include "core/error.h"
#include "kernels/emulation/checker.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace ethreed::emulation {

namespace {

// As UndefinedBehaviorSanitizer's interface has them.
struct SourceLocation {
  const char* file;
  std::uint32_t line, column;
};
struct TypeDescriptor {
  std::uint16_t kind, info;
  char name[1];
};
struct TypeMismatch {
  SourceLocation where;
  const TypeDescriptor* type;
  std::uint8_t log_alignment;
  std::uint8_t kind;
};
struct OutOfBounds {
  SourceLocation where;
  const TypeDescriptor* array;
  const TypeDescriptor* index;
};

// In host code: as the real sanitizer would have it, where the program has one.
void on_host(const char* handler, void* data, std::uintptr_t value, const SourceLocation& where) {
  using Handler = void (*)(void*, std::uintptr_t);
  if (const auto real = reinterpret_cast<Handler>(dlsym(RTLD_NEXT, handler)); real != nullptr) return real(data, value);
  std::fprintf(stderr, "%s:%u: misaligned pointer or index out of bounds\n", where.file, where.line);
  std::abort();
}

template <class Describe> void report(const SourceLocation& where, const Describe& describe) {
  const OutsideKernel outside;
  Runner& runner = Runner::of_this_thread();
  if (runner.checker() != nullptr)
    runner.stop([&] { return fmt::format("{}, at {}:{}", describe(), where.file, where.line); });
}

}  // namespace

}  // namespace ethreed::emulation

extern "C" {

// Weak: where the sanitizer is linked into the program itself, as Clang does it, its own handlers stand.
[[gnu::weak]] void __ubsan_handle_type_mismatch_v1(void* data, std::uintptr_t address) {
  using namespace ethreed::emulation;
  const auto& mismatch = *static_cast<const TypeMismatch*>(data);
  if (!in_kernel) return on_host("__ubsan_handle_type_mismatch_v1", data, address, mismatch.where);
  report(mismatch.where, [&] {
    return fmt::format("{} {} at {:#x}, which is not aligned to {} bytes", mismatch.kind == 1 ? "writes" : "reads",
                       static_cast<const char*>(mismatch.type->name), address, 1U << mismatch.log_alignment);
  });
}

[[gnu::weak]] void __ubsan_handle_out_of_bounds(void* data, std::uintptr_t index) {
  using namespace ethreed::emulation;
  const auto& out = *static_cast<const OutOfBounds*>(data);
  if (!in_kernel) return on_host("__ubsan_handle_out_of_bounds", data, index, out.where);
  report(out.where, [&] {
    return fmt::format("index {} out of bounds of {}", static_cast<std::int64_t>(index),
                       static_cast<const char*>(out.array->name));
  });
}

}  // extern "C"

#endif

// What the compiler calls at every load and store of a file compiled with -fsanitize=thread: our own definitions, in
// place of libtsan's. Not compiled with that flag itself. In a program that is built with the real ThreadSanitizer
// there is no checked variant, and nothing here.

#ifndef __SANITIZE_THREAD__

#include "kernels/emulation/checker.h"

namespace ethreed::emulation {

namespace {

inline void hook(const void* address, std::size_t bytes, Access kind, bool aligned, const void* caller) {
  if (!in_kernel) return;
  const OutsideKernel outside;
  Runner& runner = Runner::of_this_thread();
  Checker* const checker = runner.checker();
  if (checker == nullptr) return;
  checker->access(runner, reinterpret_cast<std::uintptr_t>(address), bytes, kind, aligned,
                  checker->location_of(caller));
}

}  // namespace

}  // namespace ethreed::emulation

using ethreed::emulation::Access;
using ethreed::emulation::hook;

#define CALLER __builtin_return_address(0)
#define ETHREED_HOOKS(bytes)                                                                           \
  void __tsan_read##bytes(void* p) { hook(p, bytes, Access::read, true, CALLER); }                     \
  void __tsan_write##bytes(void* p) { hook(p, bytes, Access::write, true, CALLER); }                   \
  void __tsan_volatile_read##bytes(void* p) { hook(p, bytes, Access::read, true, CALLER); }            \
  void __tsan_volatile_write##bytes(void* p) { hook(p, bytes, Access::write, true, CALLER); }          \
  void __tsan_unaligned_read##bytes(void* p) { hook(p, bytes, Access::read, false, CALLER); }          \
  void __tsan_unaligned_write##bytes(void* p) { hook(p, bytes, Access::write, false, CALLER); }        \
  void __tsan_unaligned_volatile_read##bytes(void* p) { hook(p, bytes, Access::read, false, CALLER); } \
  void __tsan_unaligned_volatile_write##bytes(void* p) { hook(p, bytes, Access::write, false, CALLER); }

// std::atomic and the like: on the host for real; in a kernel they count as atomic accesses of device memory.
#define ETHREED_ATOMIC(bits, type, name, builtin)                        \
  type __tsan_atomic##bits##_##name(volatile void* p, type v, int) {     \
    hook(const_cast<void*>(p), bits / 8, Access::atomic, true, CALLER);  \
    return builtin(static_cast<volatile type*>(p), v, __ATOMIC_SEQ_CST); \
  }
#define ETHREED_ATOMICS(bits, type)                                                                            \
  type __tsan_atomic##bits##_load(const volatile void* p, int) {                                               \
    hook(const_cast<const void*>(p), bits / 8, Access::read, true, CALLER);                                    \
    return __atomic_load_n(static_cast<const volatile type*>(p), __ATOMIC_SEQ_CST);                            \
  }                                                                                                            \
  void __tsan_atomic##bits##_store(volatile void* p, type v, int) {                                            \
    hook(const_cast<void*>(p), bits / 8, Access::atomic, true, CALLER);                                        \
    __atomic_store_n(static_cast<volatile type*>(p), v, __ATOMIC_SEQ_CST);                                     \
  }                                                                                                            \
  ETHREED_ATOMIC(bits, type, exchange, __atomic_exchange_n)                                                    \
  ETHREED_ATOMIC(bits, type, fetch_add, __atomic_fetch_add)                                                    \
  ETHREED_ATOMIC(bits, type, fetch_sub, __atomic_fetch_sub)                                                    \
  ETHREED_ATOMIC(bits, type, fetch_and, __atomic_fetch_and)                                                    \
  ETHREED_ATOMIC(bits, type, fetch_or, __atomic_fetch_or)                                                      \
  ETHREED_ATOMIC(bits, type, fetch_xor, __atomic_fetch_xor)                                                    \
  ETHREED_ATOMIC(bits, type, fetch_nand, __atomic_fetch_nand)                                                  \
  bool __tsan_atomic##bits##_compare_exchange_strong(volatile void* p, void* expected, type v, int, int) {     \
    hook(const_cast<void*>(p), bits / 8, Access::atomic, true, CALLER);                                        \
    return __atomic_compare_exchange_n(static_cast<volatile type*>(p), static_cast<type*>(expected), v, false, \
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                    \
  }                                                                                                            \
  bool __tsan_atomic##bits##_compare_exchange_weak(volatile void* p, void* expected, type v, int, int) {       \
    hook(const_cast<void*>(p), bits / 8, Access::atomic, true, CALLER);                                        \
    return __atomic_compare_exchange_n(static_cast<volatile type*>(p), static_cast<type*>(expected), v, true,  \
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                    \
  }

extern "C" {

void __tsan_init() { ethreed::emulation::note_instrumented(); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void*) {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
void __tsan_ignore_thread_begin() {}
void __tsan_ignore_thread_end() {}

ETHREED_HOOKS(1)
ETHREED_HOOKS(2)
ETHREED_HOOKS(4)
ETHREED_HOOKS(8)
ETHREED_HOOKS(16)
void __tsan_read_range(void* p, unsigned long bytes) { hook(p, bytes, Access::read, false, CALLER); }
void __tsan_write_range(void* p, unsigned long bytes) { hook(p, bytes, Access::write, false, CALLER); }

ETHREED_ATOMICS(8, unsigned char)
ETHREED_ATOMICS(16, unsigned short)
ETHREED_ATOMICS(32, unsigned)
ETHREED_ATOMICS(64, unsigned long)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"

#endif

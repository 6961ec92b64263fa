#include "kernels/emulation/fiber.h"

#include "core/error.h"

#include <sys/mman.h>
#include <unistd.h>
#include <boost/context/detail/fcontext.hpp>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace ethreed::emulation {

namespace context = boost::context::detail;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stack_bytes = 128 * 1024;
#else
constexpr std::size_t stack_bytes = 64 * 1024;
#endif

std::size_t page_bytes() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

[[maybe_unused]] thread_local Fiber* switching_from = nullptr;  // the fiber that was left last, for ASan
thread_local Fiber* running = nullptr;                          // the fiber that was switched to last

}  // namespace

struct FiberEntry {
  static void enter(context::transfer_t transfer) {
    static_cast<Fiber*>(transfer.data)->context_ = transfer.fctx;
    Fiber& self = *running;
    self.arrived();
    self.main_();
    __builtin_trap();  // main returned
  }
};

Fiber::Fiber() {
#ifdef __SANITIZE_THREAD__
  tsan_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(Main main) : main_(main) {
  const std::size_t bytes = stack_bytes + page_bytes();
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  ETHREED_CHECK(memory != MAP_FAILED, "emulation: no memory for the stack of one more CUDA thread ({} bytes)", bytes);
  mapping_ = static_cast<std::byte*>(memory);
  mprotect(memory, page_bytes(), PROT_NONE);
  begin_ = mapping_ + page_bytes();
  end_ = mapping_ + bytes;
  stack_bottom_ = begin_;
  stack_size_ = stack_bytes;
#ifdef __SANITIZE_THREAD__
  tsan_ = __tsan_create_fiber(0);
#endif
  context_ = context::make_fcontext(end_, stack_bytes, &FiberEntry::enter);
}

Fiber::~Fiber() {
  if (mapping_ == nullptr) return;
#ifdef __SANITIZE_THREAD__
  __tsan_destroy_fiber(tsan_);
#endif
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(begin_, stack_size_);
#endif
  munmap(mapping_, static_cast<std::size_t>(end_ - mapping_));
}

void Fiber::restart() {
#ifdef __SANITIZE_THREAD__
  __tsan_destroy_fiber(tsan_);
  tsan_ = __tsan_create_fiber(0);
#endif
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(begin_, stack_size_);
  fake_stack_ = nullptr;
#endif
  context_ = context::make_fcontext(end_, stack_bytes, &FiberEntry::enter);
}

void Fiber::switch_to(Fiber& to) {
  running = &to;
#ifdef __SANITIZE_ADDRESS__
  switching_from = this;
  __sanitizer_start_switch_fiber(&fake_stack_, to.stack_bottom_, to.stack_size_);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(to.tsan_, 0);
#endif
  const context::transfer_t transfer = context::jump_fcontext(to.context_, this);
  static_cast<Fiber*>(transfer.data)->context_ = transfer.fctx;
  arrived();
}

void Fiber::arrived() {
#ifdef __SANITIZE_ADDRESS__
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &size);
  if (switching_from->mapping_ == nullptr) {
    switching_from->stack_bottom_ = bottom;
    switching_from->stack_size_ = size;
  }
#endif
}

}  // namespace ethreed::emulation

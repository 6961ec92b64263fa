#pragma once
// Fibers: a stack each and a way to switch between them. All switching of the emulation is in fiber.cpp, which tells
// the sanitizers about it.

#include <cstddef>

namespace ethreed::emulation {

/// A stack, and where it goes on. Belongs to one thread of the system.
class Fiber {
 public:
  using Main = void (*)();

  /// The fiber of the thread's own stack, to which others return.
  Fiber();
  /// A new stack with a guard page below; `main` runs when the fiber is first switched to, and never returns.
  explicit Fiber(Main main);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Leaves this fiber, which is the one that runs, for `to`. Returns when something switches back.
  void switch_to(Fiber& to);
  /// Forgets what a suspended fiber was doing, destructors and all: its next switch starts main anew.
  void restart();

  const std::byte* stack_begin() const { return begin_; }
  const std::byte* stack_end() const { return end_; }

 private:
  friend struct FiberEntry;
  void arrived();

  Main main_ = nullptr;
  void* context_ = nullptr;  // where it goes on, while it does not run
  std::byte *mapping_ = nullptr, *begin_ = nullptr, *end_ = nullptr;
  // What the sanitizers want to know.
  const void* stack_bottom_ = nullptr;
  std::size_t stack_size_ = 0;
  void* fake_stack_ = nullptr;
  void* tsan_ = nullptr;
};

}  // namespace ethreed::emulation

#include "kernels/emulation/device_functions.h"

#include "core/error.h"
#include "kernels/emulation/checker.h"
#include "kernels/emulation/runner.h"

namespace ethreed::emulation {

namespace {

// The runner of the thread that calls, which must be a kernel's.
Runner& here(const char* function) {
  Runner& runner = Runner::of_this_thread();
  if (!runner.active()) fail("{} is for kernels only", function);
  return runner;
}

template <class T, class Operation> T atomic(T* address, const Place& place, Operation operation) {
  {
    const OutsideKernel outside;
    Runner& runner = here("an atomic function");
    runner.count_turn([&] { return text_of(place); });
    if (runner.checker() != nullptr) runner.checker()->atomic_access(runner, address, sizeof(T), place);
  }
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  T wanted;
  do {
    wanted = operation(old);
  } while (!__atomic_compare_exchange_n(address, &old, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  return old;
}

// Floating numbers by way of the integer of their size.
template <class Bits, class T> T atomic_float_add(T* address, T value, const Place& place) {
  const Bits old = atomic(reinterpret_cast<Bits*>(address), place,
                          [&](Bits bits) { return std::bit_cast<Bits>(std::bit_cast<T>(bits) + value); });
  return std::bit_cast<T>(old);
}

}  // namespace

int block_operation(BlockOperation operation, int predicate, const Place& place) {
  const OutsideKernel outside;
  return here("__syncthreads").block_operation(operation, predicate, place);
}

std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value, int source,
                             const Place& place) {
  const OutsideKernel outside;
  return here("a warp function").warp_operation(operation, mask, value, source, place);
}

void grid_barrier(const Place& place) {
  const OutsideKernel outside;
  here("grid_barrier").grid_barrier(place);
}

void* static_shared(const void* key, std::size_t bytes, std::size_t alignment, const Place& place) {
  const OutsideKernel outside;
  Runner& runner = here("shared_array");
  if (void* array = runner.block().find_array(key); array != nullptr) return array;
  std::byte* const array = runner.block().make_array(key, bytes, alignment, runner.launch());
  if (array == nullptr)
    runner.stop([&] {
      const std::size_t together = runner.block().shared_counted, fixed = together - runner.launch().shared_bytes;
      if (fixed > shared_bytes_default)
        return fmt::format("static shared memory of {} bytes, {} bytes are all there is, at {}", fixed,
                           shared_bytes_default, text_of(place));
      return fmt::format("static and dynamic shared memory of {} bytes together, {} bytes are all there is, at {}",
                         together, runner.launch().settings.shared_bytes_per_block, text_of(place));
    });
  if (runner.checker() != nullptr) runner.checker()->array_made(runner.block(), array, bytes);
  return array;
}

void* dynamic_shared(const void* type_key, const Place& place) {
  const OutsideKernel outside;
  Runner& runner = here("dynamic_shared");
  Block& block = runner.block();
  if (block.dynamic_type == nullptr) {
    block.dynamic_type = type_key;
    if (runner.launch().shared_bytes == 0)
      runner.stop([&] {
        return fmt::format("takes dynamic shared memory, of which the launch has none, at {}", text_of(place));
      });
  } else if (block.dynamic_type != type_key) {
    runner.stop([&] {
      return fmt::format("takes the dynamic shared memory as a second type, at {}: the two arrays overlap",
                         text_of(place));
    });
  }
  return block.shared;
}

// --- atomics ---------------------------------------------------------------------------------------------------------

int atomicAdd(int* address, int value, const Place& place) {
  return atomic(address, place,
                [=](int old) { return static_cast<int>(static_cast<unsigned>(old) + static_cast<unsigned>(value)); });
}
unsigned atomicAdd(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return old + value; });
}
unsigned long long atomicAdd(unsigned long long* address, unsigned long long value, const Place& place) {
  return atomic(address, place, [=](unsigned long long old) { return old + value; });
}
float atomicAdd(float* address, float value, const Place& place) {
  return atomic_float_add<std::uint32_t>(address, value, place);
}
double atomicAdd(double* address, double value, const Place& place) {
  return atomic_float_add<std::uint64_t>(address, value, place);
}
int atomicSub(int* address, int value, const Place& place) {
  return atomic(address, place,
                [=](int old) { return static_cast<int>(static_cast<unsigned>(old) - static_cast<unsigned>(value)); });
}
unsigned atomicSub(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return old - value; });
}
int atomicMax(int* address, int value, const Place& place) {
  return atomic(address, place, [=](int old) { return std::max(old, value); });
}
unsigned atomicMax(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return std::max(old, value); });
}
unsigned long long atomicMax(unsigned long long* address, unsigned long long value, const Place& place) {
  return atomic(address, place, [=](unsigned long long old) { return std::max(old, value); });
}
int atomicMin(int* address, int value, const Place& place) {
  return atomic(address, place, [=](int old) { return std::min(old, value); });
}
unsigned atomicMin(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return std::min(old, value); });
}
unsigned long long atomicMin(unsigned long long* address, unsigned long long value, const Place& place) {
  return atomic(address, place, [=](unsigned long long old) { return std::min(old, value); });
}
int atomicOr(int* address, int value, const Place& place) {
  return atomic(address, place, [=](int old) { return old | value; });
}
unsigned atomicOr(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return old | value; });
}
int atomicAnd(int* address, int value, const Place& place) {
  return atomic(address, place, [=](int old) { return old & value; });
}
unsigned atomicAnd(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return old & value; });
}
int atomicExch(int* address, int value, const Place& place) {
  return atomic(address, place, [=](int) { return value; });
}
unsigned atomicExch(unsigned* address, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned) { return value; });
}
unsigned long long atomicExch(unsigned long long* address, unsigned long long value, const Place& place) {
  return atomic(address, place, [=](unsigned long long) { return value; });
}
int atomicCAS(int* address, int expected, int value, const Place& place) {
  return atomic(address, place, [=](int old) { return old == expected ? value : old; });
}
unsigned atomicCAS(unsigned* address, unsigned expected, unsigned value, const Place& place) {
  return atomic(address, place, [=](unsigned old) { return old == expected ? value : old; });
}
unsigned long long atomicCAS(unsigned long long* address, unsigned long long expected, unsigned long long value,
                             const Place& place) {
  return atomic(address, place, [=](unsigned long long old) { return old == expected ? value : old; });
}

}  // namespace ethreed::emulation

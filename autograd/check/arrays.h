#pragma once
// Arrays for checks, aligned as the arrays of the engine are, and cheap random numbers to fill them with.

#include "core/philox.h"
#include "core/tensor.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace ethreed {

/// Memory at the boundaries on which tensors and the arena start: kernels may round differently elsewhere.
template <class T> struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U> explicit AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{alignment_bytes}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{alignment_bytes}); }
  bool operator==(const AlignedAllocator&) const = default;
};

template <class T> using Array = std::vector<T, AlignedAllocator<T>>;

/// One array per input or output.
template <class T> using Arrays = std::vector<Array<T>>;

/// `count` numbers, uniform with mean 0 and variance `scale`², reproducible from (seed, stream).
template <class T>
Array<T> uniform_values(std::size_t count, std::uint64_t seed, std::uint64_t stream, double scale = 1.0) {
  Array<T> values(count);
  const PhiloxStream random(seed, stream);
  const double width = scale * 2 * 1.7320508075688772;
  for (std::size_t i = 0; i < count; i += 4) {
    const PhiloxBlock words = random.block(i / 4);
    for (std::size_t k = 0; k < 4 && i + k < count; ++k)
      values[i + k] = static_cast<T>((words[k] * 0x1p-32 - 0.5) * width);
  }
  return values;
}

}  // namespace ethreed

#pragma once
// Prefetches that are spread over a computation.

#include <cstddef>

namespace ethreed::gemm_cpu {

/// Memory that the next panels are packed from, prefetched while a panel is multiplied: it is not in the cache, and its
/// rows are too short for the hardware prefetcher.
template <class T> class Prefetch {
 public:
  static constexpr int line = 64 / sizeof(T);  ///< elements of a line of the cache

  Prefetch() = default;  ///< nothing
  /// `rows` rows of `length` elements.
  Prefetch(const T* from, std::ptrdiff_t ld, int rows, int length)
      : row_(from), at_(from), ld_(ld), rows_(rows), length_(length), left_(length) {}

  int lines() const { return rows_ * ((length_ + line - 1) / line); }
  [[gnu::always_inline]] void fetch(int count) {
    for (; count > 0 && rows_ > 0; --count) {
      __builtin_prefetch(at_);
      at_ += line;
      left_ -= line;
      if (left_ > 0) continue;
      at_ = row_ += ld_;
      left_ = length_;
      --rows_;
    }
  }

 private:
  const T* row_ = nullptr;
  const T* at_ = nullptr;
  std::ptrdiff_t ld_ = 0;
  int rows_ = 0, length_ = 0, left_ = 0;
};

}  // namespace ethreed::gemm_cpu

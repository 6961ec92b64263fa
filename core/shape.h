#pragma once
// Shapes of dense row-major tensors, rank 0 to 4, held by value.

#include "core/error.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace ethreed {

class Shape {
 public:
  static constexpr int max_rank = 4;

  Shape() = default;
  /// Throws Error if there are more than max_rank sizes or one is negative.
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes) {
    ETHREED_CHECK(sizes.size() <= max_rank, "Shape: got {} dimensions, at most {} are supported", sizes.size(),
                  max_rank);
    for (std::int64_t size : sizes) {
      ETHREED_CHECK(size >= 0, "Shape: dimension {} is negative ({})", rank_, size);
      sizes_[rank_++] = size;
    }
  }

  int rank() const { return rank_; }
  std::int64_t operator[](int i) const { return sizes_[i]; }
  /// Number of elements: the product of the sizes, 1 for rank 0.
  std::int64_t count() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= (*this)[i];
    return n;
  }
  /// Size of the last dimension (1 for rank 0) and the product of all others: the tensor seen as a matrix.
  std::int64_t columns() const { return rank_ == 0 ? 1 : (*this)[rank_ - 1]; }
  std::int64_t rows() const {
    std::int64_t n = 1;
    for (int i = 0; i + 1 < rank_; ++i) n *= (*this)[i];
    return n;
  }
  std::span<const std::int64_t> sizes() const { return std::span(sizes_).first(rank_); }
  bool operator==(const Shape&) const = default;

  /// "[8, 300]"
  std::string text() const {
    std::string out = "[";
    for (int i = 0; i < rank_; ++i) out += (i ? ", " : "") + std::to_string((*this)[i]);
    return out + "]";
  }

 private:
  std::array<std::int64_t, max_rank> sizes_{};
  int rank_ = 0;
};

}  // namespace ethreed

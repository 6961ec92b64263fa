#pragma once
// Counts and subscripts are int in this program. This is where a container's std::size_t becomes one.

#include "core/error.h"
#include "core/host_device.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>

namespace ethreed {

/// Elements of an array, a container or a span. Throws Error above 2³¹ − 1.
template <class Container> constexpr int count_of(const Container& container) {
  const auto size = std::size(container);
  ETHREED_CHECK(std::in_range<int>(size), "count_of: {} elements, at most 2^31 - 1 can be numbered", size);
  return static_cast<int>(size);
}

/// Bytes of `count` ≥ 0 elements of T.
template <class T> ETHREED_HOST_DEVICE constexpr std::size_t bytes_of(std::int64_t count) {
  return static_cast<std::size_t>(count) * sizeof(T);
}

/// A contiguous array somebody else owns, as std::span, with an int for its size and its subscript. Subscripts and
/// pieces out of range fail in builds without NDEBUG. Made of anything contiguous: std::vector, std::array, std::span;
/// becomes a std::span where one is wanted. Kernels take data() and size() of it. (View of core/tensor.h has a shape,
/// too.)
template <class T> class Span {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;

  constexpr Span() = default;
  constexpr Span(T* data, int size) : data_(data), size_(size) { ETHREED_ASSERT(size >= 0); }
  /// Throws Error above 2³¹ − 1 elements.
  template <class Range>
  requires(
      !std::is_same_v<std::remove_cvref_t<Range>, Span> && std::ranges::contiguous_range<Range> &&
      std::ranges::sized_range<Range> &&
      (std::ranges::borrowed_range<Range> || std::is_const_v<T>)&&std::is_convertible_v<
          std::remove_reference_t<std::ranges::range_reference_t<Range>> (*)[],
          T (*)
              []>) constexpr Span(Range&&
                                      range)  // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
      : data_(std::ranges::data(range)), size_(count_of(range)) {}

  ETHREED_HOST_DEVICE constexpr T* data() const { return data_; }
  ETHREED_HOST_DEVICE constexpr int size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }

  constexpr T& operator[](std::int64_t i) const {
    ETHREED_ASSERT(i >= 0 && i < size_);
    return data_[i];
  }
  constexpr T& front() const { return (*this)[0]; }
  constexpr T& back() const { return (*this)[size_ - 1]; }

  /// Elements begin … begin + count − 1.
  constexpr Span subspan(int begin, int count) const {
    ETHREED_ASSERT(begin >= 0 && count >= 0 && count <= size_ - begin);
    return {data_ + begin, count};
  }
  /// Elements from begin on.
  constexpr Span subspan(int begin) const { return subspan(begin, size_ - begin); }
  constexpr Span first(int count) const { return subspan(0, count); }
  constexpr Span last(int count) const { return subspan(size_ - count, count); }

 private:
  T* data_ = nullptr;
  int size_ = 0;
};
template <class Range> Span(Range&&) -> Span<std::remove_reference_t<std::ranges::range_reference_t<Range>>>;

/// Row numbers, word ids, offsets: what kernels and functions take to say which rows they mean.
using Indices = Span<const std::int32_t>;

}  // namespace ethreed

template <class T> inline constexpr bool std::ranges::enable_borrowed_range<ethreed::Span<T>> = true;
template <class T> inline constexpr bool std::ranges::enable_view<ethreed::Span<T>> = true;

#pragma once
// View (not owning) and Tensor (owning): dense, row-major, 64-byte aligned when owned.

#include "core/device.h"
#include "core/indices.h"
#include "core/shape.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace ethreed {

inline constexpr std::size_t alignment_bytes = 64;

/// A dense row-major array somebody else owns. Copying a view copies no data.
template <class T> struct View {
  T* data = nullptr;
  Shape shape;

  View() = default;
  View(T* data_, Shape shape_) : data(data_), shape(shape_) {}
  /// View<T> converts to View<const T>.
  template <class U>
  requires(std::is_same_v<T, const U>) View(const View<U>& other)
      : data(other.data), shape(other.shape) {}  // NOLINT(google-explicit-constructor)

  std::int64_t count() const { return shape.count(); }
  std::int64_t rows() const { return shape.rows(); }
  std::int64_t columns() const { return shape.columns(); }
  std::span<T> span() const { return std::span<T>(data, count()); }
  T* row(std::int64_t i) const { return data + i * columns(); }
  std::span<T> row_span(std::int64_t i) const { return std::span<T>(row(i), columns()); }
  T& operator[](std::int64_t i) const { return data[i]; }
};

/// Frees memory taken by allocate_aligned.
struct AlignedDelete {
  void operator()(void* p) const { ::operator delete (p, std::align_val_t{alignment_bytes}); }
};

template <class T> using AlignedBuffer = std::unique_ptr<T[], AlignedDelete>;

/// `count` elements, 64-byte aligned, not initialised. T must be trivial.
template <class T> AlignedBuffer<T> allocate_aligned(std::int64_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t bytes = bytes_of<T>(std::max<std::int64_t>(count, 1));
  return AlignedBuffer<T>(static_cast<T*>(::operator new (bytes, std::align_val_t{alignment_bytes})));
}

/// A dense row-major array that owns its memory. Moves, does not copy by accident: use clone().
template <class T> class Tensor {
 public:
  Tensor() = default;
  /// Elements are zero. The memory comes from `source` (kept by reference), which the host must be able to write.
  explicit Tensor(Shape shape, MemorySource& source = host_memory())
      : buffer_(static_cast<T*>(source.allocate(bytes_of(shape))), Release{&source, bytes_of(shape)}), shape_(shape) {
    std::fill_n(buffer_.get(), shape.count(), T{});
  }
  /// Elements are not initialised, and only kernels may be able to reach them: memory of a device.
  static Tensor uninitialised(Shape shape, MemorySource& source) {
    Tensor tensor;
    tensor.buffer_ = std::unique_ptr<T[], Release>(static_cast<T*>(source.allocate(bytes_of(shape))),
                                                   Release{&source, bytes_of(shape)});
    tensor.shape_ = shape;
    return tensor;
  }

  const Shape& shape() const { return shape_; }
  std::int64_t count() const { return buffer_ ? shape_.count() : 0; }
  std::int64_t rows() const { return shape_.rows(); }
  std::int64_t columns() const { return shape_.columns(); }
  T* data() { return buffer_.get(); }
  const T* data() const { return buffer_.get(); }
  View<T> view() { return {data(), shape_}; }
  View<const T> view() const { return {data(), shape_}; }
  std::span<T> span() { return std::span<T>(data(), count()); }
  std::span<const T> span() const { return std::span<const T>(data(), count()); }
  T& operator[](std::int64_t i) { return buffer_[i]; }
  const T& operator[](std::int64_t i) const { return buffer_[i]; }
  /// A copy in memory of `source`.
  Tensor clone(MemorySource& source = host_memory()) const {
    Tensor copy(shape_, source);
    std::copy_n(data(), count(), copy.data());
    return copy;
  }

 private:
  static_assert(std::is_trivially_copyable_v<T>);
  struct Release {
    MemorySource* source = nullptr;
    std::size_t bytes = 0;
    void operator()(T* memory) const { source->release(memory, bytes); }
  };
  static std::size_t bytes_of(const Shape& shape) {
    return ethreed::bytes_of<T>(std::max<std::int64_t>(shape.count(), 1));
  }

  std::unique_ptr<T[], Release> buffer_;
  Shape shape_;
};

}  // namespace ethreed

#pragma once
// A tensor whose elements are a part of a file.

#include "core/mapped_file.h"
#include "core/tensor.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace ethreed {

/// Memory that is one part of a mapped file. It owns itself: releasing what allocate() gave out ends it.
class MappedMemory : public MemorySource {
 public:
  /// From byte `offset` of the file on.
  MappedMemory(MappedFile file, std::size_t offset) : file_(std::move(file)), offset_(offset) {}
  /// Once. Throws Error if the bytes do not begin at a multiple of 64 or reach beyond the file's last page.
  void* allocate(std::size_t bytes) override;
  void release(void*, std::size_t) noexcept override { delete this; }

 private:
  MappedFile file_;
  std::size_t offset_;
};

/// The elements from byte `offset` of the file on, of which nothing is copied: processes that map the same file share
/// its pages. A page that is written becomes this process's own, the file stays as it is. Elements behind the file's
/// end are 0. Throws Error as MappedMemory does.
template <class T> Tensor<T> mapped_tensor(MappedFile file, std::size_t offset, const Shape& shape) {
  auto memory = std::make_unique<MappedMemory>(std::move(file), offset);
  Tensor<T> tensor = Tensor<T>::uninitialised(shape, *memory);
  (void)memory.release();  // it ends with the tensor
  return tensor;
}

}  // namespace ethreed

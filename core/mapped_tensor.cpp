#include "core/mapped_tensor.h"

#include "core/error.h"

namespace ethreed {

void* MappedMemory::allocate(std::size_t bytes) {
  const std::size_t pages = file_.bytes_of_pages();
  ETHREED_CHECK(offset_ % alignment_bytes == 0 && offset_ <= pages && bytes <= pages - offset_,
                "a tensor of {} bytes cannot lie at byte {} of a file of {}", bytes, offset_, file_.bytes().size());
  return file_.writable() + offset_;
}

}  // namespace ethreed

#include "core/planned_memory.h"

#include "core/error.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace ethreed {

void* PlannedMemory::allocate(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ETHREED_CHECK(memory != MAP_FAILED, "planning memory: {} bytes of address space cannot be had: {}", bytes,
                std::strerror(errno));
  return memory;
}

void PlannedMemory::release(void* memory, std::size_t bytes) noexcept { ::munmap(memory, bytes); }

}  // namespace ethreed

#include "kernels/emulation/device_memory.h"

#include "core/error.h"
#include "kernels/emulation/emulation.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ethreed::emulation {

// --- cells -----------------------------------------------------------------------------------------------------------

Cells::Cells(std::size_t bytes) : size_((bytes + granule - 1) / granule) {
  void* memory = mmap(nullptr, std::max<std::size_t>(size_, 1) * sizeof(Cell), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ETHREED_CHECK(memory != MAP_FAILED, "emulation: no memory for the shadow of {} bytes of the device", bytes);
  data_ = static_cast<Cell*>(memory);
}
Cells::~Cells() { munmap(data_, std::max<std::size_t>(size_, 1) * sizeof(Cell)); }
void Cells::clear(std::size_t count) {
  std::memset(static_cast<void*>(data_), 0, std::min(count, size_) * sizeof(Cell));
}

// --- allocations -----------------------------------------------------------------------------------------------------

namespace {
constexpr std::size_t alignment = 256;
}

DeviceMemory& DeviceMemory::instance() {
  static DeviceMemory memory;
  return memory;
}

std::size_t DeviceMemory::used() {
  const auto locked = lock();
  return used_;
}

void* DeviceMemory::allocate(std::size_t bytes, bool managed) {
  const auto locked = lock();
  const std::size_t all = settings().memory_bytes;
  if (used_ > all || bytes > all - used_) return nullptr;
  void* const memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) return nullptr;
  auto allocation = std::make_unique<Allocation>();
  allocation->begin = reinterpret_cast<std::uintptr_t>(memory);
  allocation->bytes = bytes;
  allocation->managed = allocation->assume_written = managed;
  if (checked_variant()) allocation->cells.emplace(bytes);
  const auto place = std::find_if(allocations_.begin(), allocations_.end(),
                                  [&](const auto& other) { return other->begin > allocation->begin; });
  allocations_.insert(place, std::move(allocation));
  used_ += bytes;
  return memory;
}

bool DeviceMemory::release(void* memory) {
  const auto locked = lock();
  const auto place = std::find_if(allocations_.begin(), allocations_.end(), [&](const auto& allocation) {
    return allocation->begin == reinterpret_cast<std::uintptr_t>(memory);
  });
  if (place == allocations_.end()) return false;
  used_ -= (*place)->bytes;
  allocations_.erase(place);
  std::free(memory);
  return true;
}

Allocation* DeviceMemory::find(std::uintptr_t address) {
  const auto place = std::upper_bound(allocations_.begin(), allocations_.end(), address,
                                      [](std::uintptr_t a, const auto& allocation) { return a < allocation->begin; });
  if (place == allocations_.begin()) return nullptr;
  Allocation* const allocation = std::prev(place)->get();
  return address - allocation->begin < allocation->bytes ? allocation : nullptr;
}

bool DeviceMemory::holds(const void* memory, std::size_t bytes) {
  const auto locked = lock();
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const Allocation* allocation = find(begin);
  return allocation != nullptr && bytes <= allocation->bytes - (begin - allocation->begin);
}

// --- pieces ----------------------------------------------------------------------------------------------------------

void DeviceMemory::mark_lent(std::uintptr_t piece, std::size_t bytes) {
  const auto locked = lock();
  Allocation* const allocation = find(piece);
  if (allocation == nullptr || !allocation->cells) return;
  const std::size_t offset = piece - allocation->begin;
  ETHREED_CHECK(bytes <= allocation->bytes - offset, "emulation: a piece of {} bytes reaches beyond its allocation",
                bytes);
  allocation->whole = false;
  allocation->lent_end = std::max(allocation->lent_end, offset + bytes);
  for_granules(*allocation->cells, offset, bytes, [](Cell& cell, std::uint8_t mask) {
    // Within a granule bytes of another piece keep what is known of them.
    cell = {.lent = static_cast<std::uint8_t>((cell.lent & Cell::all) | mask),
            .written = static_cast<std::uint8_t>(cell.written & ~mask)};
  });
}

void DeviceMemory::mark_returned(std::uintptr_t begin, std::uintptr_t end) {
  const auto locked = lock();
  Allocation* const allocation = find(begin);
  if (allocation == nullptr || !allocation->cells || end <= begin) return;
  const std::size_t from = begin - allocation->begin;
  const std::size_t to = std::min(
      {end - allocation->begin, allocation->bytes, allocation->whole ? allocation->bytes : allocation->lent_end});
  const bool was_whole = std::exchange(allocation->whole, false);
  if (was_whole) {  // all of it was lent until now
    for_granules(*allocation->cells, 0, allocation->bytes, [](Cell& cell, std::uint8_t mask) { cell.lent = mask; });
    allocation->lent_end = allocation->bytes;
  }
  if (to <= from) return;
  for_granules(*allocation->cells, from, to - from, [](Cell& cell, std::uint8_t mask) {
    const auto left = static_cast<std::uint8_t>(cell.lent & ~mask);
    cell.lent = (cell.lent & mask) != 0 ? static_cast<std::uint8_t>(left | Cell::returned) : left;
    cell.written = static_cast<std::uint8_t>(cell.written & ~mask);
  });
  if (to >= allocation->lent_end) allocation->lent_end = from;
}

std::string DeviceMemory::describe(std::uintptr_t address) {
  const auto locked = lock();
  const auto place = std::upper_bound(allocations_.begin(), allocations_.end(), address,
                                      [](std::uintptr_t a, const auto& allocation) { return a < allocation->begin; });
  if (place == allocations_.begin()) return {};
  Allocation& allocation = **std::prev(place);
  const std::size_t offset = address - allocation.begin;
  constexpr std::size_t near = std::size_t{1} << 20;
  if (offset >= allocation.bytes + near) return {};
  if (allocation.whole || !allocation.cells)
    return offset < allocation.bytes ? fmt::format("byte {} of an allocation of {} bytes", offset, allocation.bytes)
                                     : fmt::format("{} bytes behind the end of an allocation of {} bytes",
                                                   offset - allocation.bytes, allocation.bytes);
  Cells& cells = *allocation.cells;
  const auto lent = [&](std::size_t at) { return (cells[at / granule].lent >> at % granule & 1U) != 0; };
  // The piece in which the address lies, or the one before it.
  std::size_t last = std::min(offset, allocation.bytes - 1);
  while (last > 0 && !lent(last)) --last;
  if (!lent(last))
    return fmt::format("byte {} of an allocation of {} bytes, none of them lent there", offset, allocation.bytes);
  std::size_t begin = last, end = last + 1;
  while (begin > 0 && lent(begin - 1)) --begin;
  while (end < allocation.bytes && lent(end)) ++end;
  const bool given_back = offset < allocation.bytes && (cells[offset / granule].lent & Cell::returned) != 0;
  if (offset < end) return fmt::format("byte {} of a piece of {} bytes", offset - begin, end - begin);
  return fmt::format("{} bytes behind the end of a piece of {} bytes{}", offset - end, end - begin,
                     given_back ? ", in memory that was given back" : "");
}

// --- the host's accesses ---------------------------------------------------------------------------------------------

Allocation& DeviceMemory::expect(const char* who, const char* does, std::uintptr_t address, std::size_t bytes) {
  Allocation* const allocation = find(address);
  ETHREED_CHECK(allocation != nullptr, "{} {} {} bytes at {:#x}, which is not memory of the device {}", who, does,
                bytes, address, describe(address));
  const std::size_t offset = address - allocation->begin;
  std::size_t bad = allocation->bytes - offset < bytes ? allocation->bytes : SIZE_MAX;
  for_granules(*allocation->cells, offset, std::min(bytes, allocation->bytes - offset),
               [&](Cell& cell, std::uint8_t mask) {
                 if (bad == SIZE_MAX && !allocation->lent(cell, mask))
                   bad = static_cast<std::size_t>(&cell - &(*allocation->cells)[0]) * granule;
               });
  ETHREED_CHECK(bad == SIZE_MAX, "{} {} {} bytes at {:#x}; not all of them are lent: {}", who, does, bytes, address,
                describe(allocation->begin + std::max(bad, offset)));
  return *allocation;
}

void DeviceMemory::written(const char* who, const void* memory, std::size_t bytes) {
  if (!checked_variant() || bytes == 0) return;
  const auto locked = lock();
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  Allocation& allocation = expect(who, "writes", address, bytes);
  for_granules(*allocation.cells, address - allocation.begin, bytes,
               [](Cell& cell, std::uint8_t mask) { cell.written = static_cast<std::uint8_t>(cell.written | mask); });
}

void DeviceMemory::read(const char* who, const void* memory, std::size_t bytes, bool all_written) {
  if (!checked_variant() || bytes == 0) return;
  const auto locked = lock();
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  Allocation& allocation = expect(who, "reads", address, bytes);
  if (!all_written || allocation.assume_written) return;
  for_granules(*allocation.cells, address - allocation.begin, bytes, [&](Cell& cell, std::uint8_t mask) {
    if ((cell.written & mask) == mask) return;
    const auto index = static_cast<std::size_t>(&cell - &(*allocation.cells)[0]);
    fail("{} reads {} bytes at {:#x}, some of which nobody has written: {}", who, bytes, address,
         describe(std::max(address, allocation.begin + index * granule)));
  });
}

void DeviceMemory::copied(const char* who, const void* to, const void* from, std::size_t bytes) {
  if (!checked_variant() || bytes == 0) return;
  const auto locked = lock();
  const auto target = reinterpret_cast<std::uintptr_t>(to), source = reinterpret_cast<std::uintptr_t>(from);
  Allocation& left = expect(who, "writes", target, bytes);
  Allocation& right = expect(who, "reads", source, bytes);
  std::vector<bool> known(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t at = source - right.begin + i;
    known[i] = right.assume_written || ((*right.cells)[at / granule].written >> at % granule & 1U) != 0;
  }
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t at = target - left.begin + i;
    const auto bit = static_cast<std::uint8_t>(1U << at % granule);
    std::uint8_t& written = (*left.cells)[at / granule].written;
    written = static_cast<std::uint8_t>(known[i] ? written | bit : written & ~bit);
  }
}

void DeviceMemory::assume_written() {
  const auto locked = lock();
  for (const auto& allocation : allocations_) allocation->assume_written = true;
}

void DeviceMemory::forget_segments() {
  const auto locked = lock();
  for (const auto& allocation : allocations_)
    if (allocation->cells)
      for (std::size_t i = 0; i < allocation->cells->size(); ++i) {
        Cell& cell = (*allocation->cells)[i];
        cell.write_segment = cell.read_segment = 0;
      }
}

// --- traffic ---------------------------------------------------------------------------------------------------------

void DeviceMemory::record_traffic(bool on) {
  const auto locked = lock();
  recording_ = on;
  if (!on) return;
  managed_ = other_ = {};
  for (const auto& allocation : allocations_) allocation->touched.clear();
}

Traffic DeviceMemory::traffic(bool managed) {
  const auto locked = lock();
  return managed ? managed_ : other_;
}

void DeviceMemory::touch(const void* memory, std::size_t bytes, Access kind) {
  const auto locked = lock();
  if (!recording_ || bytes == 0) return;
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  Allocation& allocation = expect("the host", kind == Access::read ? "reads" : "writes", address, bytes);
  touch(allocation, address - allocation.begin, bytes, kind);
}

void DeviceMemory::touch(Allocation& allocation, std::size_t offset, std::size_t bytes, Access kind) {
  constexpr int written = granule;  // bits between the two masks
  Traffic& traffic = allocation.managed ? managed_ : other_;
  traffic.accessed += static_cast<std::int64_t>(kind == Access::atomic ? 2 * bytes : bytes);
  if (allocation.touched.empty()) allocation.touched.resize((allocation.bytes + granule - 1) / granule);
  for_granules(*allocation.cells, offset, bytes, [&](Cell& cell, std::uint8_t mask) {
    std::uint8_t& touched = allocation.touched[&cell - &(*allocation.cells)[0]];
    if (kind != Access::write) {
      const int first = mask & ~(touched | touched >> written);
      traffic.read += std::popcount(static_cast<unsigned>(first));
      touched = static_cast<std::uint8_t>(touched | first);
    }
    if (kind != Access::read) {
      const int first = mask & ~(touched >> written);
      traffic.written += std::popcount(static_cast<unsigned>(first));
      touched = static_cast<std::uint8_t>(touched | first << written);
    }
  });
}

// --- for whoever lends -----------------------------------------------------------------------------------------------

std::size_t guard_bytes() { return checked_variant() ? 64 : 0; }
void mark_lent(const void* piece, std::size_t bytes) {
  if (checked_variant()) DeviceMemory::instance().mark_lent(reinterpret_cast<std::uintptr_t>(piece), bytes);
}
void mark_returned(const void* begin, const void* end) {
  if (checked_variant())
    DeviceMemory::instance().mark_returned(reinterpret_cast<std::uintptr_t>(begin),
                                           reinterpret_cast<std::uintptr_t>(end));
}
void mark_read(const void* data, std::size_t bytes) {
  DeviceMemory::instance().read("the host", data, bytes, true);
  DeviceMemory::instance().touch(data, bytes, Access::read);
}
void mark_written(const void* data, std::size_t bytes) {
  DeviceMemory::instance().written("the host", data, bytes);
  DeviceMemory::instance().touch(data, bytes, Access::write);
}
void record_traffic(bool on) { DeviceMemory::instance().record_traffic(on && checked_variant()); }
Traffic recorded_traffic(bool managed) { return DeviceMemory::instance().traffic(managed); }

}  // namespace ethreed::emulation

#pragma once
// The memory of the emulated device: which addresses are its, and which of them may be touched. Inside of the emulation
// only.

#include "kernels/emulation/emulation.h"
#include "kernels/emulation/shadow.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ethreed::emulation {

enum class Access : std::uint8_t { read, write, atomic };

struct Allocation {
  std::uintptr_t begin = 0;
  std::size_t bytes = 0;
  bool managed = false;
  // In the checked variant:
  std::optional<Cells> cells;
  bool whole = true;            // nobody has cut it into pieces yet: all of it is lent
  std::size_t lent_end = 0;     // nothing from here on is lent
  bool assume_written = false;  // managed, or written by unchecked kernels
  // While traffic is recorded, of every granule: the bytes read before they were written, and, four bits higher, those
  // written. Empty until something is touched.
  std::vector<std::uint8_t> touched;

  bool lent(const Cell& cell, std::uint8_t mask) const { return whole || (cell.lent & mask) == mask; }
};

class DeviceMemory {
 public:
  static DeviceMemory& instance();

  /// Null if there is not so much.
  void* allocate(std::size_t bytes, bool managed);
  bool release(void* memory);
  std::size_t used();
  /// Is all of it in one allocation?
  bool holds(const void* memory, std::size_t bytes);

  void mark_lent(std::uintptr_t piece, std::size_t bytes);
  void mark_returned(std::uintptr_t begin, std::uintptr_t end);
  /// Throw Error "`who` reads N bytes at …" if a byte may not be touched or, for read(), was never written.
  void written(const char* who, const void* memory, std::size_t bytes);
  void read(const char* who, const void* memory, std::size_t bytes, bool all_written);
  /// Like written(), but bytes of the copy are as unwritten as the original's.
  void copied(const char* who, const void* to, const void* from, std::size_t bytes);
  /// Kernels run unchecked: whatever is there counts as written.
  void assume_written();
  /// Forgets who touched what.
  void forget_segments();

  void record_traffic(bool on);
  Traffic traffic(bool managed);
  /// Adds an access to the recorded traffic.
  void touch(const void* memory, std::size_t bytes, Access kind);

  // --- while locked ---
  std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }
  /// The allocation that holds this address, or null.
  Allocation* find(std::uintptr_t address);
  /// What an address is: "byte 12 of a piece of 400 bytes", "8 bytes behind the end of …". Empty if not near anything.
  std::string describe(std::uintptr_t address);
  bool recording() const { return recording_; }
  void touch(Allocation& allocation, std::size_t offset, std::size_t bytes, Access kind);

 private:
  Allocation& expect(const char* who, const char* does, std::uintptr_t address, std::size_t bytes);

  std::recursive_mutex mutex_;
  std::vector<std::unique_ptr<Allocation>> allocations_;  // by address
  std::size_t used_ = 0;
  bool recording_ = false;
  Traffic managed_, other_;
};

}  // namespace ethreed::emulation

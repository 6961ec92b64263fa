#pragma once
// Small host arrays (offsets, word ids, row indices) and their copies on the device.

#include "core/device.h"
#include "core/indices.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace ethreed {

/// Kernel contracts take index arrays as host pointers, because launchers read them to size their grids. What a kernel
/// itself reads is the copy that this class makes: in pinned memory first, then on the device. A step stages all arrays
/// of its batch at once and pays for one copy; an array nobody staged is copied when it is asked for. Device copies
/// live until forget().
class Staging {
 public:
  /// Keeps the reference; takes no memory yet.
  explicit Staging(DeviceRuntime& runtime) : runtime_(runtime) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Stages these arrays with one upload, in stream order. They must neither move nor change until forget().
  void stage(std::span<const std::span<const std::byte>> arrays);

  /// The device copy of a host array: the staged one if the array lies within one, else a new copy, uploaded now. While
  /// planning: an address that nobody may follow.
  template <class T> const T* on_device(const T* host, std::int64_t count) {
    return static_cast<const T*>(find_or_upload(host, bytes_of<T>(count)));
  }
  template <class T> const T* on_device(Span<const T> host) { return on_device(host.data(), host.size()); }

  /// `copy` holds the same bytes as the staged `original`: it shares the device copy. Nothing happens if `original` is
  /// not staged.
  void same(const void* original, const void* copy, std::size_t bytes);

  /// Forgets all arrays and keeps the memory. The device must be done with them (DeviceRuntime::synchronize).
  void forget();

  std::size_t reserved_bytes() const;  ///< of device memory, and as much of pinned memory
  std::size_t peak_bytes() const { return peak_; }
  std::int64_t uploads() const { return uploads_; }  ///< copies to the device so far

 private:
  struct Block {
    std::byte* pinned = nullptr;
    std::byte* device = nullptr;
    std::size_t size = 0;
  };
  struct Entry {
    const std::byte* host;
    std::size_t bytes;
    const std::byte* device;
  };
  struct Place {
    std::byte* pinned;
    std::byte* device;
  };
  Place take(std::size_t bytes);
  const Entry* find(const void* host, std::size_t bytes) const;
  const void* find_or_upload(const void* host, std::size_t bytes);
  void upload(const Place& place, std::size_t bytes);

  DeviceRuntime& runtime_;
  std::vector<Block> blocks_;
  std::size_t block_ = 0, offset_ = 0, used_ = 0, peak_ = 0;
  std::vector<Entry> entries_;
  std::int64_t uploads_ = 0;
};

}  // namespace ethreed

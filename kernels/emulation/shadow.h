#pragma once
// What the checker knows of every 4 bytes of device and shared memory. Inside of the emulation only.

#include <cstddef>
#include <cstdint>

namespace ethreed::emulation {

/// Of one granule. Masks have a bit for each of its bytes.
struct Cell {
  std::uint32_t write_segment, write_place;  // who wrote it last, and where in the program
  std::uint32_t read_segment, read_place;    // who has read it since
  std::uint8_t lent;                         // mask; Cell::returned
  std::uint8_t written;                      // mask
  std::uint8_t writers;                      // mask of the last write; Cell::atomic
  std::uint8_t readers;                      // mask of the reads; how many: Cell::warp, block, blocks

  static constexpr std::uint8_t all = 0x0F;
  static constexpr std::uint8_t returned = 0x10;  // in lent: was lent before
  static constexpr std::uint8_t atomic = 0x10;    // in writers
  static constexpr std::uint8_t warp = 0x10, block = 0x20,
                                blocks = 0x30;  // in readers: several of one warp; of several
                                                // warps of one block; of several blocks
  static constexpr std::uint8_t several = 0x30;
};

inline constexpr std::size_t granule = 4;

/// Zeros, taken from the system as they are touched.
class Cells {
 public:
  explicit Cells(std::size_t bytes);  ///< for so many bytes of memory
  ~Cells();
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;
  Cell& operator[](std::size_t i) { return data_[i]; }
  std::size_t size() const { return size_; }
  /// Makes the first `count` zero again.
  void clear(std::size_t count);

 private:
  Cell* data_;
  std::size_t size_;
};

/// Calls body(cell, mask) for every granule that bytes [offset, offset + bytes) touch.
template <class Body> void for_granules(Cells& cells, std::size_t offset, std::size_t bytes, Body&& body) {
  std::size_t at = offset;
  const std::size_t end = offset + bytes;
  while (at < end) {
    const std::size_t index = at / granule, first = at % granule;
    const std::size_t last = end - index * granule < granule ? end - index * granule : granule;
    body(cells[index], static_cast<std::uint8_t>((Cell::all >> (granule - (last - first))) << first));
    at = (index + 1) * granule;
  }
}

}  // namespace ethreed::emulation

#include "core/arena.h"

#include <numeric>

namespace ethreed {

namespace {
std::size_t round_up(std::size_t bytes) { return (bytes + alignment_bytes - 1) / alignment_bytes * alignment_bytes; }
}  // namespace

void* Arena::allocate_bytes(std::size_t bytes) {
  bytes = round_up(std::max<std::size_t>(bytes, 1));
  while (block_ < blocks_.size() && offset_ + bytes > blocks_[block_].size) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t size = round_up(std::max({bytes, initial_bytes_, reserved_bytes()}));
    blocks_.push_back({allocate_aligned<std::byte>(static_cast<std::int64_t>(size)), size});
    offset_ = 0;
  }
  void* result = blocks_[block_].memory.get() + offset_;
  offset_ += bytes;
  std::size_t used = offset_;
  for (std::size_t i = 0; i < block_; ++i) used += blocks_[i].size;
  peak_ = std::max(peak_, used);
  return result;
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    const std::size_t total = reserved_bytes();
    blocks_.clear();
    blocks_.push_back({allocate_aligned<std::byte>(static_cast<std::int64_t>(total)), total});
  }
  block_ = 0;
  offset_ = 0;
}

std::size_t Arena::reserved_bytes() const {
  return std::accumulate(blocks_.begin(), blocks_.end(), std::size_t{0},
                         [](std::size_t sum, const Block& block) { return sum + block.size; });
}

}  // namespace ethreed

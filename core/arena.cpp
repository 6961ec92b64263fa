#include "core/arena.h"

#include <numeric>

namespace ethreed {

namespace {
std::size_t round_up(std::size_t bytes) { return (bytes + alignment_bytes - 1) / alignment_bytes * alignment_bytes; }
}  // namespace

void* Arena::allocate_bytes(std::size_t bytes) {
  const std::size_t asked = bytes;
  bytes = round_up(std::max<std::size_t>(bytes, 1) + source_.guard_bytes());
  while (block_ < blocks_.size() && offset_ + bytes > blocks_[block_].size) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t size = round_up(std::max({bytes, initial_bytes_, reserved_bytes()}));
    blocks_.push_back({static_cast<std::byte*>(source_.allocate(size)), size});
    offset_ = 0;
  }
  void* result = blocks_[block_].memory + offset_;
  source_.lent(result, asked);
  offset_ += bytes;
  std::size_t used = offset_;
  for (std::size_t i = 0; i < block_; ++i) used += blocks_[i].size;
  peak_ = std::max(peak_, used);
  return result;
}

void Arena::rewind(Mark mark) {
  for (std::size_t i = mark.block; i < blocks_.size() && i <= block_; ++i)
    source_.returned(blocks_[i].memory + (i == mark.block ? mark.offset : 0), blocks_[i].memory + blocks_[i].size);
  block_ = mark.block;
  offset_ = mark.offset;
}

void Arena::reset() {
  rewind({});
  if (blocks_.size() > 1) {
    const std::size_t total = reserved_bytes();
    release();
    blocks_.push_back({static_cast<std::byte*>(source_.allocate(total)), total});
  }
}

void Arena::release(std::size_t initial_bytes) {
  rewind({});
  for (const Block& block : blocks_) source_.release(block.memory, block.size);
  blocks_.clear();
  initial_bytes_ = initial_bytes;
}

std::size_t Arena::reserved_bytes() const {
  return std::accumulate(blocks_.begin(), blocks_.end(), std::size_t{0},
                         [](std::size_t sum, const Block& block) { return sum + block.size; });
}

}  // namespace ethreed

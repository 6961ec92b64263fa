#include "core/staging.h"

#include <algorithm>
#include <cstring>

namespace ethreed {

namespace {

constexpr std::size_t staging_alignment = 256;  // that of device memory: a staged array serves vector loads
constexpr std::size_t first_staging_block = std::size_t{1} << 20;

std::size_t round_up(std::size_t bytes) {
  return (bytes + staging_alignment - 1) / staging_alignment * staging_alignment;
}

}  // namespace

Staging::~Staging() {
  for (const Block& block : blocks_) {
    runtime_.pinned().release(block.pinned, block.size);
    runtime_.memory().release(block.device, block.size);
  }
}

Staging::Place Staging::take(std::size_t bytes) {
  const std::size_t size = round_up(std::max<std::size_t>(bytes, 1));
  used_ += size;
  peak_ = std::max(peak_, used_);
  while (block_ < blocks_.size() && offset_ + size > blocks_[block_].size) {
    ++block_;
    offset_ = 0;
  }
  if (block_ == blocks_.size()) {
    Block block{.size = std::max({size, first_staging_block, reserved_bytes()})};
    block.pinned = static_cast<std::byte*>(runtime_.pinned().allocate(block.size));
    block.device = static_cast<std::byte*>(runtime_.memory().allocate(block.size));
    blocks_.push_back(block);
    offset_ = 0;
  }
  const Place place{blocks_[block_].pinned + offset_, blocks_[block_].device + offset_};
  offset_ += size;
  return place;
}

void Staging::upload(const Place& place, std::size_t bytes) {
  if (bytes == 0) return;
  ++uploads_;
  runtime_.upload(place.device, place.pinned, bytes);
}

void Staging::stage(std::span<const std::span<const std::byte>> arrays) {
  const std::size_t guard = runtime_.memory().guard_bytes();
  const auto padded = [guard](std::size_t bytes) { return round_up(bytes + guard); };
  std::size_t total = 0;
  for (const auto array : arrays) total += padded(array.size());
  const Place place = take(total);
  std::size_t at = 0;
  for (const auto array : arrays) {
    if (!array.empty()) std::memcpy(place.pinned + at, array.data(), array.size());
    runtime_.memory().lent(place.device + at, array.size());
    entries_.push_back({array.data(), array.size(), place.device + at});
    // A checker knows the bounds of every array; the gaps between them are not ours to write.
    if (guard > 0) upload({place.pinned + at, place.device + at}, array.size());
    at += padded(array.size());
  }
  if (guard == 0) upload(place, total);
}

const Staging::Entry* Staging::find(const void* host, std::size_t bytes) const {
  const auto* first = static_cast<const std::byte*>(host);
  for (const Entry& entry : entries_)
    if (entry.host <= first && first + bytes <= entry.host + entry.bytes) return &entry;
  return nullptr;
}

const void* Staging::find_or_upload(const void* host, std::size_t bytes) {
  if (const Entry* entry = find(host, bytes))
    return entry->device + (static_cast<const std::byte*>(host) - entry->host);
  const Place place = take(bytes + runtime_.memory().guard_bytes());
  runtime_.memory().lent(place.device, bytes);
  if (bytes > 0) std::memcpy(place.pinned, host, bytes);
  upload(place, bytes);
  return place.device;
}

void Staging::same(const void* original, const void* copy, std::size_t bytes) {
  const Entry* entry = find(original, bytes);
  if (entry == nullptr || bytes == 0) return;
  entries_.push_back({static_cast<const std::byte*>(copy), bytes,
                      entry->device + (static_cast<const std::byte*>(original) - entry->host)});
}

void Staging::forget() {
  for (const Block& block : blocks_) runtime_.memory().returned(block.device, block.device + block.size);
  entries_.clear();
  block_ = offset_ = used_ = 0;
}

std::size_t Staging::reserved_bytes() const {
  std::size_t total = 0;
  for (const Block& block : blocks_) total += block.size;
  return total;
}

}  // namespace ethreed

#include "kernels/emulation/ptx/profile.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace ethreed::emulation::ptx {

namespace {

std::uint64_t bit_of(std::uintptr_t piece) { return std::uint64_t{1} << (piece % 64U); }

}  // namespace

void AddressSet::add(std::uintptr_t address, std::size_t bytes) {
  const std::uintptr_t last = (address + bytes - 1) >> shift_;
  for (std::uintptr_t piece = address >> shift_; piece <= last; ++piece) {
    Page* page = nullptr;
    {
      const std::lock_guard lock(mutex_);
      std::unique_ptr<Page>& found = pages_[piece / pieces_of_page];
      if (!found) found = std::make_unique<Page>();
      page = found.get();
    }
    page->bits[piece % pieces_of_page / 64].fetch_or(bit_of(piece), std::memory_order_relaxed);
  }
}

bool AddressSet::has(std::uintptr_t address, std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  const std::uintptr_t last = (address + bytes - 1) >> shift_;
  for (std::uintptr_t piece = address >> shift_; piece <= last; ++piece) {
    const auto page = pages_.find(piece / pieces_of_page);
    if (page != pages_.end() && (page->second->bits[piece % pieces_of_page / 64] & bit_of(piece)) != 0) return true;
  }
  return false;
}

std::int64_t AddressSet::pieces() const {
  const std::lock_guard lock(mutex_);
  std::int64_t count = 0;
  for (const auto& [number, page] : pages_)
    for (const auto& bits : page->bits) count += std::popcount(bits.load());
  return count;
}

std::int64_t Executed::all() const {
  return std::accumulate(warp_instructions.begin(), warp_instructions.end(), std::int64_t{0});
}

Executed& Executed::operator+=(const Executed& other) {
  launches += other.launches;
  blocks += other.blocks;
  for (std::size_t u = 0; u < units; ++u) warp_instructions[u] += other.warp_instructions[u];
  thread_instructions += other.thread_instructions;
  for (const auto& [count, instructions] : other.by_blocks) by_blocks[count] += instructions;
  sector_bytes += other.sector_bytes;
  return *this;
}

LaunchNotes::LaunchNotes(bool count, bool read_only_loads, const std::vector<Unit>& of_instructions)
    : counts_(count), watches_(read_only_loads), units_(of_instructions) {}

void LaunchNotes::thread_ended(std::uint64_t warp, unsigned lanes, std::span<const std::uint32_t> counts) {
  const std::lock_guard lock(mutex_);
  Warp& one = warps_[warp];
  one.most.resize(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    so_far_.thread_instructions += counts[i];
    one.most[i] = std::max(one.most[i], counts[i]);
  }
  if (++one.ended < lanes) return;
  for (std::size_t i = 0; i < counts.size(); ++i)
    so_far_.warp_instructions[static_cast<std::size_t>(units_[i])] += one.most[i];
  warps_.erase(warp);
}

bool LaunchNotes::read(std::uintptr_t address, std::size_t bytes, bool read_only) {
  if (counts_) sectors_.add(address, bytes);
  if (!watches_ || !read_only) return true;
  read_only_.add(address, bytes);
  return !written_.has(address, bytes);
}

bool LaunchNotes::written(std::uintptr_t address, std::size_t bytes) {
  if (counts_) sectors_.add(address, bytes);
  if (!watches_) return true;
  written_.add(address, bytes);
  return !read_only_.has(address, bytes);
}

Executed LaunchNotes::executed(std::int64_t blocks) const {
  const std::lock_guard lock(mutex_);
  Executed all = so_far_;
  all.launches = 1;
  all.blocks = blocks;
  all.by_blocks[blocks] = all.all();
  all.sector_bytes = sectors_.pieces() << 5U;
  return all;
}

}  // namespace ethreed::emulation::ptx

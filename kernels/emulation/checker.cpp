#include "kernels/emulation/checker.h"

#include "core/error.h"

#include <link.h>

#include <algorithm>

namespace ethreed::emulation {

namespace {

constinit bool instrumented = false;
constexpr Location is_place = 0x80000000U;

const char* does(Access kind) {
  return kind == Access::read ? "reads" : kind == Access::write ? "writes" : "updates atomically";
}

}  // namespace

void note_instrumented() { instrumented = true; }
bool checked_variant() { return instrumented; }

Checker& Checker::instance() {
  static Checker checker;
  return checker;
}

Checker::Checker() {
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& self = *static_cast<Checker*>(data);
        if (info->dlpi_name == nullptr || info->dlpi_name[0] == '\0') {
          if (self.program_ == 0) self.program_ = info->dlpi_addr;
        }
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          const bool constant =
              (header.p_type == PT_LOAD && (header.p_flags & PF_W) == 0) || header.p_type == PT_GNU_RELRO;
          const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
          if (constant) self.constants_.push_back({begin, begin + header.p_memsz});
        }
        return 0;
      },
      this);
}

std::unique_lock<std::recursive_mutex> Checker::begin(const Launch&) {
  auto lock = DeviceMemory::instance().lock();
  if (next_ > 0xC0000000U) {
    DeviceMemory::instance().forget_segments();
    next_ = 1;
  }
  first_ = next_;
  segments_.clear();
  last_ = nullptr;
  return lock;
}

// --- order -----------------------------------------------------------------------------------------------------------

void Checker::block_starts(Block& block) {
  if (!block.cells) block.cells.emplace(Block::shared_capacity);
  block.cells->clear(block.dirty / granule);
  block.dirty = block.shared_used;
  if (!block.arrays.empty()) array_made(block, block.arrays[0].begin, block.arrays[0].bytes);
}

void Checker::array_made(Block& block, const std::byte* begin, std::size_t bytes) {
  block.dirty = std::max(block.dirty, block.shared_used);
  for_granules(*block.cells, static_cast<std::size_t>(begin - block.shared), bytes,
               [](Cell& cell, std::uint8_t mask) { cell.lent = mask; });
}

void Checker::block_ends(Block& block, Runner& runner) {
  for (Warp& warp : block.warps) count_bank_conflicts(warp.requests, runner.counted);
}

void Checker::block_passes_barrier(Block& block, Runner& runner) {
  ++block.epoch;
  for (Thread& thread : block.threads) thread.segment = 0;
  for (Warp& warp : block.warps) count_bank_conflicts(warp.requests, runner.counted);
}

void Checker::grid_passes_barrier() {
  first_ = next_;
  segments_.clear();
}

void Checker::warp_passes(Block& block, unsigned warp_index, unsigned mask) {
  Warp& warp = block.warps[warp_index];
  const auto lanes = std::span(block.threads).subspan(std::size_t{warp_index} * lanes_per_warp);
  if (mask == warp.existing) {
    ++warp.epoch;
    warp.parts = false;
    for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
      Thread& thread = lanes[std::countr_zero(rest)];
      thread.segment = 0;
      thread.clock = 0;
    }
    return;
  }
  // Of a part: each of its lanes now comes after all that any of them came after, and after all of them.
  if (!warp.parts) {
    if (warp.seen == nullptr) warp.seen = std::make_unique<Warp::Seen>();
    *warp.seen = {};
    warp.parts = true;
  }
  std::array<std::uint32_t, lanes_per_warp> all{};
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(rest));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::max(all[i], (*warp.seen)[lane][i]);
    all[lane] = std::max(all[lane], ++lanes[lane].clock);
    lanes[lane].segment = 0;
  }
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) (*warp.seen)[std::countr_zero(rest)] = all;
}

std::uint32_t Checker::segment_of_running(Runner& runner) {
  Block& block = runner.block();
  Thread& thread = block.threads[runner.thread()];
  if (thread.segment != 0) return thread.segment;
  segments_.push_back({block.linear_index, block.epoch, block.warps[runner.thread() / lanes_per_warp].epoch,
                       thread.clock, runner.thread()});
  return thread.segment = next_++;
}

// Does everything in the segment come before what the running thread does now?
bool Checker::before_running(const Segment& segment, Runner& runner) const {
  const Block& block = runner.block();
  if (segment.block != block.linear_index) return false;
  if (segment.thread == runner.thread() || segment.epoch < block.epoch) return true;
  if (segment.thread / lanes_per_warp != runner.thread() / lanes_per_warp) return false;
  const Warp& warp = block.warps[runner.thread() / lanes_per_warp];
  if (segment.warp_epoch < warp.epoch) return true;
  return warp.parts && (*warp.seen)[runner.thread() % lanes_per_warp][segment.thread % lanes_per_warp] > segment.clock;
}

// The same for all reads that the cell remembers.
bool Checker::reads_before_running(const Cell& cell, Runner& runner) const {
  if (cell.read_segment < first_) return true;
  const Segment& last = segments_[cell.read_segment - first_];
  const Block& block = runner.block();
  switch (cell.readers & Cell::several) {
    case Cell::blocks: return false;
    case Cell::block: return last.block == block.linear_index && last.epoch < block.epoch;
    case Cell::warp: {
      if (last.block != block.linear_index) return false;
      if (last.epoch < block.epoch) return true;
      if (last.thread / lanes_per_warp != runner.thread() / lanes_per_warp) return false;
      const Warp& warp = block.warps[runner.thread() / lanes_per_warp];
      // With only parts of the warp in step, which of the readers came before is not known: no report.
      return last.warp_epoch < warp.epoch || warp.parts;
    }
    default: return before_running(last, runner);
  }
}

// --- accesses --------------------------------------------------------------------------------------------------------

Location Checker::location_of(const void* return_address) const {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(return_address) - 1 - program_;
  return offset < is_place ? static_cast<Location>(offset) : 0;
}

Location Checker::location_of(const Site& site) {
  const auto key = reinterpret_cast<std::uintptr_t>(site.file) * 1000003U + site.line;
  const auto [it, is_new] = place_numbers_.try_emplace(key, is_place | static_cast<Location>(places_.size()));
  if (is_new) places_.push_back(site);
  return it->second;
}

void Checker::atomic_access(Runner& runner, const void* address, std::size_t bytes, const Site& site) {
  access(runner, reinterpret_cast<std::uintptr_t>(address), bytes, Access::atomic, true, location_of(site));
}

void Checker::access(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind, bool aligned,
                     Location location) {
  Counters& counted = runner.counted;
  ++counted.accesses;
  runner.count_turn([&] { return text_of_location(location); });
  const auto stack = reinterpret_cast<std::uintptr_t>(runner.fiber().stack_begin());
  if (address - stack < reinterpret_cast<std::uintptr_t>(runner.fiber().stack_end()) - stack) return;

  Block& block = runner.block();
  const bool is_shared = block.owns(address);
  if (!is_shared && (last_ == nullptr || address - last_->begin >= last_->bytes)) {
    Allocation* const found = DeviceMemory::instance().find(address);
    if (found == nullptr) return check_elsewhere(runner, address, bytes, kind, location);
    last_ = found;
  }
  if (aligned && address % bytes != 0) report(runner, address, bytes, kind, location, "not aligned to its size");

  const std::uintptr_t begin = is_shared ? block.shared_begin : last_->begin;
  const std::size_t size = is_shared ? Block::shared_capacity : last_->bytes;
  Cells& cells = is_shared ? *block.cells : *last_->cells;
  const bool whole = !is_shared && last_->whole, assume_written = !is_shared && last_->assume_written;
  const std::size_t offset = address - begin;
  if (bytes > size - offset)
    report(runner, begin + size, bytes - (size - offset), kind, location, "outside of what is lent");
  const auto signed_bytes = static_cast<std::int64_t>(bytes);
  if (kind != Access::write) (is_shared ? counted.shared_bytes_read : counted.global_bytes_read) += signed_bytes;
  if (kind != Access::read) (is_shared ? counted.shared_bytes_written : counted.global_bytes_written) += signed_bytes;
  if (is_shared && runner.launch().settings.count_bank_conflicts)
    block.warps[runner.thread() / lanes_per_warp].requests.push_back(
        {location, static_cast<std::uint32_t>(offset), static_cast<std::uint16_t>(bytes),
         static_cast<std::uint16_t>(runner.thread() % lanes_per_warp), 0});

  for_granules(cells, offset, bytes, [&](Cell& cell, std::uint8_t mask) {
    const auto here = [&] { return std::max(address, begin + static_cast<std::size_t>(&cell - &cells[0]) * granule); };
    if (!whole && (cell.lent & mask) != mask) report(runner, here(), bytes, kind, location, "outside of what is lent");
    if (kind != Access::write && (cell.written & mask) != mask && !assume_written)
      report(runner, here(), bytes, kind, location, "where nobody has written");
    check_race(runner, cell, mask, kind, location, here(), bytes, is_shared);
  });
  if (DeviceMemory& memory = DeviceMemory::instance(); !is_shared && memory.recording())
    memory.touch(*last_, offset, bytes, kind);
}

void Checker::check_race(Runner& runner, Cell& cell, std::uint8_t mask, Access kind, Location location,
                         std::uintptr_t address, std::size_t bytes, bool is_shared) {
  const std::uint32_t segment = segment_of_running(runner);
  const bool both_atomic = kind == Access::atomic && (cell.writers & Cell::atomic) != 0;
  if (cell.write_segment >= first_ && cell.write_segment != segment && (cell.writers & mask) != 0 && !both_atomic &&
      !before_running(segments_[cell.write_segment - first_], runner))
    report_race(runner, address, bytes, kind, location, cell.write_segment, cell.write_place,
                (cell.writers & Cell::atomic) != 0 ? "updates atomically" : "writes", is_shared);
  if (kind == Access::read) {
    remember_read(runner, cell, mask, segment, location);
    return;
  }
  if (cell.read_segment >= first_ && (cell.readers & mask) != 0 && !reads_before_running(cell, runner))
    report_race(runner, address, bytes, kind, location, cell.read_segment, cell.read_place, "reads", is_shared);
  // Whoever is ordered after this write is ordered after those reads.
  if ((cell.readers & Cell::all & ~mask) == 0) cell.read_segment = 0;
  cell.write_segment = segment;
  cell.write_place = location;
  cell.writers = static_cast<std::uint8_t>(mask | (kind == Access::atomic ? Cell::atomic : 0));
  cell.written = static_cast<std::uint8_t>(cell.written | mask);
}

void Checker::remember_read(Runner& runner, Cell& cell, std::uint8_t mask, std::uint32_t segment, Location location) {
  if (cell.read_segment == segment && (cell.readers & mask) == mask) return;
  const auto alone = [&] {
    cell.read_segment = segment;
    cell.read_place = location;
    cell.readers = mask;
  };
  if (cell.read_segment < first_) return alone();
  const Segment& last = segments_[cell.read_segment - first_];
  const Block& block = runner.block();
  const std::uint8_t before = cell.readers & Cell::several;
  const auto several = [&](std::uint8_t how_many) {
    // Of different bytes: who read which is lost, so the earlier reads are.
    if ((cell.readers & Cell::all) != mask) return alone();
    cell.readers = static_cast<std::uint8_t>(mask | std::max(before, how_many));
  };
  if (before == Cell::blocks) return;
  if (last.block != block.linear_index) return several(Cell::blocks);
  if (last.epoch < block.epoch) return alone();
  if (before == Cell::block) return;
  if (last.thread / lanes_per_warp != runner.thread() / lanes_per_warp) return several(Cell::block);
  if (last.warp_epoch < block.warps[runner.thread() / lanes_per_warp].epoch) return alone();
  if (before == Cell::warp) return;
  if (before_running(last, runner)) return alone();
  several(Cell::warp);
}

// Neither device nor shared memory.
void Checker::check_elsewhere(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind,
                              Location location) {
  const auto within = [&](std::uintptr_t begin, std::size_t size) { return address - begin < size; };
  if (kind == Access::read) {
    const Work& work = runner.launch().work;
    if (within(reinterpret_cast<std::uintptr_t>(&work), work.bytes())) return;
    if (within(reinterpret_cast<std::uintptr_t>(&built_in), sizeof(built_in))) return;
    for (const Range& range : constants_)
      if (within(range.begin, range.end - range.begin)) return;
  }
  report(runner, address, bytes, kind, location, "neither memory of the device nor of the block");
}

// --- reports ---------------------------------------------------------------------------------------------------------

std::string Checker::text_of_location(Location location) const {
  if (location == 0) return "an unknown place";
  if ((location & is_place) != 0) return text_of(places_[location & ~is_place]);
  return source_line(location);
}

std::string Checker::text_of_memory(Runner& runner, std::uintptr_t address) const {
  for (std::size_t b = 0; b < runner.alive(); ++b) {
    const Block& block = *runner.blocks()[b];
    if (!block.owns(address)) continue;
    const std::string whose = &block == &runner.block() ? "" : " of block " + text_of(block.index);
    const SharedArray* before = nullptr;  // the array that the address lies in or behind
    for (const SharedArray& array : block.arrays)
      if (address >= reinterpret_cast<std::uintptr_t>(array.begin) &&
          (before == nullptr || array.begin > before->begin))
        before = &array;
    if (before == nullptr) return "shared memory" + whose + " outside of any array";
    const char* kind = before->key == nullptr ? "dynamic shared memory" : "a shared array";
    const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(before->begin);
    return offset < before->bytes ? fmt::format("byte {} of {}{} of {} bytes", offset, kind, whose, before->bytes)
                                  : fmt::format("{} bytes behind the end of {}{} of {} bytes", offset - before->bytes,
                                                kind, whose, before->bytes);
  }
  for (std::size_t b = 0; b < runner.alive(); ++b)
    for (unsigned t = 0; t < runner.launch().threads; ++t) {
      const Fiber* fiber = runner.blocks()[b]->threads[t].fiber;
      if (fiber != nullptr && address >= reinterpret_cast<std::uintptr_t>(fiber->stack_begin()) &&
          address < reinterpret_cast<std::uintptr_t>(fiber->stack_end()))
        return "a local variable of " + runner.name_of(*runner.blocks()[b], t);
    }
  if (address < 4096) return "a null pointer";
  std::string device = DeviceMemory::instance().describe(address);
  return device.empty() ? "memory of the host" : device;
}

void Checker::report(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind, Location location,
                     const char* what) {
  runner.stop([&] {
    return fmt::format("{} {} bytes at {:#x}, {} ({}), at {}", does(kind), bytes, address, what,
                       text_of_memory(runner, address), text_of_location(location));
  });
}

void Checker::report_race(Runner& runner, std::uintptr_t address, std::size_t bytes, Access kind, Location location,
                          std::uint32_t other_segment, Location other_location, const char* other_does,
                          bool is_shared) {
  runner.stop([&] {
    const Segment& other = segments_[other_segment - first_];
    const dim3 grid = runner.launch().grid;
    const uint3 index{other.block % grid.x, other.block / grid.x % grid.y, other.block / grid.x / grid.y};
    const std::string thread = text_of(runner.launch().thread_indices[other.thread]);
    const std::string who = other.block == runner.block().linear_index
                                ? "thread " + thread
                                : "block " + text_of(index) + ", thread " + thread;
    return fmt::format("races on {} memory: {} {} bytes at {:#x} ({}) at {}; {} {} it at {}, and no barrier is between",
                       is_shared ? "shared" : "device", does(kind), bytes, address, text_of_memory(runner, address),
                       text_of_location(location), who, other_does, text_of_location(other_location));
  });
}

}  // namespace ethreed::emulation

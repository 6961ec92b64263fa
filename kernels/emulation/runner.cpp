#include "kernels/emulation/runner.h"

#include "core/error.h"
#include "kernels/emulation/checker.h"

#include <algorithm>

namespace ethreed::emulation {

constinit thread_local bool in_kernel = false;
// The same object as built_in, which kernels see as a constant.
extern constinit thread_local BuiltIns built_in_storage __asm__("ethreed_emulation_built_in");
constinit thread_local BuiltIns built_in_storage{};

std::string text_of(const Site& site) { return fmt::format("{}:{}", site.file, site.line); }
std::string text_of(uint3 index) { return fmt::format("({},{},{})", index.x, index.y, index.z); }

Launch::Launch(const LaunchInfo& info, const Work& work_)
    : kernel(info.kernel),
      grid(info.grid),
      block(info.block),
      shared_bytes(info.shared_bytes),
      cooperative(info.cooperative),
      work(work_),
      settings(emulation::settings()),
      checked(settings.check && checked_variant()),
      threads(block.x * block.y * block.z) {
  thread_indices.reserve(threads);
  for (unsigned z = 0; z < block.z; ++z)
    for (unsigned y = 0; y < block.y; ++y)
      for (unsigned x = 0; x < block.x; ++x) thread_indices.push_back({x, y, z});
}

Runner& Runner::of_this_thread() {
  thread_local Runner runner;
  return runner;
}

Runner::Runner() = default;
Runner::~Runner() = default;

std::string Runner::name_of(const Block& block, unsigned thread) const {
  return fmt::format("block {}, thread {}", text_of(block.index), text_of(launch_->thread_indices[thread]));
}

void Runner::leave() {
  in_kernel = false;
  go(host_);
  __builtin_unreachable();
}

// --- the schedule ----------------------------------------------------------------------------------------------------

void Runner::run(const Launch& launch, std::span<const std::int64_t> blocks) {
  launch_ = &launch;
  checker_ = launch.checked ? &Checker::instance() : nullptr;
  while (blocks_.size() < blocks.size()) blocks_.push_back(std::make_unique<Block>());
  alive_ = blocks.size();
  for (std::size_t i = 0; i < alive_; ++i) {
    blocks_[i]->start(launch, blocks[i]);
    if (checker_ != nullptr) checker_->block_starts(*blocks_[i]);
  }
  built_in_storage.block_size = launch.block;
  built_in_storage.grid_size = launch.grid;
  block_at_ = 0;
  spins_ = 0;
  block_ = blocks_[0].get();
  fiber_ = &host_;
  error_ = nullptr;
  describe_ = nullptr;
  try {
    run_threads();
    if (describe_ != nullptr)
      fail("kernel {}, {}: {}", launch.kernel, name_of(*block_, thread_), describe_(description_));
    if (error_) std::rethrow_exception(error_);
    for (std::size_t i = 0; i < alive_; ++i)
      if (blocks_[i]->done < launch.threads) report_stuck();
    for (std::size_t i = 0; i < alive_; ++i)
      if (checker_ != nullptr) checker_->block_ends(*blocks_[i], *this);
  } catch (...) {
    abandon();
    throw;
  }
  counted.blocks += static_cast<std::int64_t>(alive_);
  counted.threads += static_cast<std::int64_t>(alive_) * launch.threads;
}

void Runner::run_threads() {
  if (!pick()) return;
  if (idle_.empty()) idle_.push_back(fibers_.emplace_back(std::make_unique<Fiber>(&Runner::fiber_main)).get());
  Fiber& fiber = *idle_.back();
  idle_.pop_back();
  go(fiber);
}

void Runner::go(Fiber& fiber) {
  Fiber& from = *fiber_;
  fiber_ = &fiber;
  from.switch_to(fiber);
}

// Chooses the thread that runs next: the first in order of its block that can. False when there is none.
bool Runner::pick() {
  for (std::size_t tried = 0; tried <= alive_; ++tried) {
    Block& block = *block_;
    for (const unsigned threads = launch_->threads; block.cursor < threads;) {
      const unsigned thread = block.order[block.cursor++];
      if (block.states[thread] > State::ready) continue;
      thread_ = thread;
      turn_ = 0;
      built_in_storage.thread_index = launch_->thread_indices[thread];
      built_in_storage.block_index = block.index;
      return true;
    }
    // Nobody outside of the block can free a thread that waits for its block or its warp, unless one spins.
    if (block.done + block.at_grid < launch_->threads && block.spinning == 0) return false;
    block_at_ = block_at_ + 1 == alive_ ? 0 : block_at_ + 1;
    block_ = blocks_[block_at_].get();
    if (block_->spinning == 0) continue;
    std::replace(block_->states.begin(), block_->states.end(), State::spinning, State::ready);
    block_->spinning = 0;
    block_->cursor = 0;
  }
  return false;
}

// What every fiber does: runs threads from their beginning to their end, one after the other.
void Runner::fiber_main() {
  Runner& self = of_this_thread();
  for (;;) {
    {
      Block& block = *self.block_;
      const unsigned thread = self.thread_;
      block.threads[thread].fiber = self.fiber_;
      block.states[thread] = State::running;
      try {
        in_kernel = true;
        self.launch_->work.run();
        in_kernel = false;
      } catch (...) {
        in_kernel = false;
        self.error_ = std::current_exception();
      }
      block.states[thread] = State::done;
      block.threads[thread].fiber = nullptr;
      ++block.done;
    }
    if (self.error_ || !self.pick()) {
      self.idle_.push_back(self.fiber_);
      self.go(self.host_);
      continue;
    }
    if (self.block_->states[self.thread_] == State::fresh) continue;
    self.idle_.push_back(self.fiber_);
    self.block_->states[self.thread_] = State::running;
    self.go(*self.block_->threads[self.thread_].fiber);
  }
}

// Lets others run until the thread that calls, whose state says what it waits for, is picked again.
void Runner::wait() {
  Fiber* const self = fiber_;
  if (!pick()) {
    go(host_);  // nobody comes back here
    __builtin_unreachable();
  }
  const State state = block_->states[thread_];
  if (state == State::fresh) {
    if (idle_.empty()) idle_.push_back(fibers_.emplace_back(std::make_unique<Fiber>(&Runner::fiber_main)).get());
    Fiber& fiber = *idle_.back();
    idle_.pop_back();
    go(fiber);
    return;
  }
  block_->states[thread_] = State::running;
  Fiber* const next = block_->threads[thread_].fiber;
  if (next != self) go(*next);
}

void Runner::abandon() {
  for (std::size_t i = 0; i < alive_; ++i)
    for (Thread& thread : blocks_[i]->threads)
      if (thread.fiber != nullptr) {
        thread.fiber->restart();
        idle_.push_back(thread.fiber);
        thread.fiber = nullptr;
      }
}

// --- waiting ---------------------------------------------------------------------------------------------------------

namespace {

bool same_place(const Site& a, const Site& b) {
  return a.line == b.line && a.column == b.column && std::string_view(a.file) == b.file;
}

std::string_view name_of(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::sync: return "__syncwarp";
    case WarpOperation::shuffle: return "a shuffle";
    case WarpOperation::ballot: return "__ballot_sync";
    case WarpOperation::all: return "__all_sync";
    case WarpOperation::any: return "__any_sync";
  }
  return "?";
}

}  // namespace

int Runner::block_operation(BlockOperation operation, int predicate, const Site& site) {
  Block& block = *block_;
  Thread& self = block.threads[thread_];
  self.site = site;
  if (block.at_barrier == 0) {
    block.barrier_operation = operation;
    block.barrier_thread = thread_;
    block.votes = 0;
  } else if (const Site& first = block.threads[block.barrier_thread].site;
             block.barrier_operation != operation || !same_place(first, site)) {
    stop([&] {
      return fmt::format("waits at the barrier of the block at {}, thread {} at another one at {}", text_of(site),
                         text_of(launch_->thread_indices[block.barrier_thread]), text_of(first));
    });
  }
  block.states[thread_] = State::at_block;
  block.votes += predicate != 0;
  if (++block.at_barrier == launch_->threads) {
    const int threads = static_cast<int>(launch_->threads);
    block.vote_result = operation == BlockOperation::count ? block.votes
                        : operation == BlockOperation::all ? block.votes == threads
                                                           : block.votes > 0;
    block.at_barrier = 0;
    block.cursor = 0;
    std::fill(block.states.begin(), block.states.end(), State::ready);
    ++counted.block_barriers;
    if (checker_ != nullptr) checker_->block_passes_barrier(block, *this);
  }
  wait();
  return block.vote_result;
}

std::uint64_t Runner::warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value, int source,
                                     const Site& site) {
  Block& block = *block_;
  Thread& self = block.threads[thread_];
  const unsigned warp_index = thread_ / lanes_per_warp, lane = thread_ % lanes_per_warp;
  Warp& warp = block.warps[warp_index];
  self.site = site;
  if ((mask >> lane & 1U) == 0)
    stop([&] {
      return fmt::format("calls {} at {} with the mask {:#010x}, in which it is not itself",
                         emulation::name_of(operation), text_of(site), mask);
    });
  // A mask may name lanes that the block does not have, as long as nobody asks for their values.
  mask &= warp.existing;
  if (operation == WarpOperation::shuffle && (mask >> source & 1U) == 0)
    stop([&] {
      return fmt::format("shuffles from lane {} at {}, which does not take part (mask {:#010x})", source, text_of(site),
                         mask);
    });
  self.operation = operation;
  self.mask = mask;
  self.source = source;
  self.value = value;
  block.states[thread_] = State::at_warp;
  warp.waiting |= 1U << lane;
  // Lanes of the mask that wait with another one are on their way here: they are missing still.
  bool all = (warp.waiting & mask) == mask;
  for (unsigned rest = all ? mask : 0; rest != 0; rest &= rest - 1) {
    const auto other = warp_index * lanes_per_warp + static_cast<unsigned>(std::countr_zero(rest));
    all = all && block.threads[other].mask == mask && block.threads[other].operation == operation;
  }
  if (all) complete(block, warp, warp_index, mask);
  wait();
  return self.result;
}

// All lanes of the mask are there: gives each its result and lets it go on.
void Runner::complete(Block& block, Warp& warp, unsigned warp_index, unsigned mask) {
  const std::span lanes = std::span(block.threads).subspan(std::size_t{warp_index} * lanes_per_warp);
  unsigned ballot = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    ballot |= (lanes[lane].value != 0 ? 1U : 0U) << lane;
  }
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    Thread& thread = lanes[lane];
    switch (thread.operation) {
      case WarpOperation::sync: break;
      case WarpOperation::shuffle: thread.result = lanes[thread.source].value; break;
      case WarpOperation::ballot: thread.result = ballot; break;
      case WarpOperation::all: thread.result = ballot == mask; break;
      case WarpOperation::any: thread.result = ballot != 0; break;
    }
    block.states[std::size_t{warp_index} * lanes_per_warp + lane] = State::ready;
  }
  warp.waiting &= ~mask;
  block.cursor = std::min(block.cursor, warp.start);
  ++counted.warp_operations;
  if (checker_ != nullptr) checker_->warp_passes(block, warp_index, mask);
}

std::string Runner::whereabouts(const Block& block, unsigned thread) const {
  const Thread& there = block.threads[thread];
  switch (block.states[thread]) {
    case State::done: return "has ended";
    case State::at_block: return fmt::format("waits at the barrier of the block at {}", text_of(there.site));
    case State::at_grid: return fmt::format("waits at the barrier of the grid at {}", text_of(there.site));
    case State::spinning: return fmt::format("waits for other blocks at {}", text_of(there.site));
    case State::at_warp:
      return fmt::format("waits in {} at {} with the mask {:#010x}", emulation::name_of(there.operation),
                         text_of(there.site), there.mask);
    default: return "can run";
  }
}

// Some threads wait and none can run: names one that waits and one whom it waits for in vain.
void Runner::report_stuck() {
  const auto report = [&](const Block& block, unsigned waiting, const Block& other_block, unsigned other) {
    const bool same = &block == &other_block;
    fail("kernel {}, {}: {}, which not all reach: {} {}", launch_->kernel, name_of(block, waiting),
         whereabouts(block, waiting),
         same ? "thread " + text_of(launch_->thread_indices[other]) : name_of(other_block, other),
         whereabouts(other_block, other));
  };
  const Block* at_grid = nullptr;
  unsigned at_grid_thread = 0;
  for (std::size_t i = 0; i < alive_; ++i) {
    const Block& block = *blocks_[i];
    for (unsigned t = 0; t < launch_->threads; ++t) {
      if (block.states[t] == State::at_warp) {
        const unsigned first = t / lanes_per_warp * lanes_per_warp;
        const Thread& waiting = block.threads[t];
        for (unsigned rest = waiting.mask; rest != 0; rest &= rest - 1) {
          const unsigned other = first + static_cast<unsigned>(std::countr_zero(rest));
          const Thread& there = block.threads[other];
          if (block.states[other] != State::at_warp || there.mask != waiting.mask ||
              there.operation != waiting.operation)
            report(block, t, block, other);
        }
      }
      if (block.states[t] == State::at_grid && at_grid == nullptr) {
        at_grid = &block;
        at_grid_thread = t;
      }
    }
  }
  for (std::size_t i = 0; i < alive_; ++i) {
    const Block& block = *blocks_[i];
    for (unsigned t = 0; t < launch_->threads; ++t)
      if (block.states[t] == State::at_block)
        for (unsigned other = 0; other < launch_->threads; ++other)
          if (block.states[other] != State::at_block) report(block, t, block, other);
    if (at_grid != nullptr)
      for (unsigned other = 0; other < launch_->threads; ++other)
        if (block.states[other] != State::at_grid) report(*at_grid, at_grid_thread, block, other);
  }
  fail("kernel {}: its threads wait for each other", launch_->kernel);
}

}  // namespace ethreed::emulation

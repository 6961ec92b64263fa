// Where the blocks of a cooperative launch wait for each other.

#include "kernels/emulation/checker.h"
#include "kernels/emulation/runner.h"

#include <algorithm>

namespace ethreed::emulation {

void Runner::grid_barrier(const Site& site) {
  if (!launch_->cooperative)
    stop([&] { return fmt::format("calls grid_barrier at {} in a launch that is not cooperative", text_of(site)); });
  block_->threads[thread_].site = site;
  block_->states[thread_] = State::at_grid;
  ++block_->at_grid;
  std::size_t waiting = 0;
  if (block_->at_grid == launch_->threads)
    for (std::size_t i = 0; i < alive_; ++i) waiting += blocks_[i]->at_grid;
  if (waiting == alive_ * launch_->threads) {
    for (std::size_t i = 0; i < alive_; ++i) {
      Block& block = *blocks_[i];
      block.at_grid = 0;
      block.cursor = 0;
      std::fill(block.states.begin(), block.states.end(), State::ready);
      if (checker_ != nullptr) checker_->block_passes_barrier(block, *this);
    }
    ++counted.grid_barriers;
    if (checker_ != nullptr) checker_->grid_passes_barrier();
    block_at_ = 0;
    block_ = blocks_[0].get();
  }
  wait();
}

void Runner::let_other_blocks_run(const Site& site) {
  // In one round every block comes as far as it can without the others.
  if (++spins_ > 4 * static_cast<std::int64_t>(alive_) + 16)
    stop([&] { return fmt::format("waits at {} for blocks that never come", text_of(site)); });
  block_->threads[thread_].site = site;
  block_->states[thread_] = State::spinning;
  ++block_->spinning;
  wait();
}

void Runner::blocks_have_met(const Site& site) {
  for (std::size_t i = 0; i < alive_; ++i) {
    Block& block = *blocks_[i];
    const unsigned waiting = block.at_barrier + block.spinning + (&block == block_ ? 1 : 0);
    if (waiting != launch_->threads)
      stop([&] {
        return fmt::format("meets the other blocks at {}, but only {} of the {} threads of block {} wait for it",
                           text_of(site), waiting, launch_->threads, text_of(block.index));
      });
    if (checker_ != nullptr) checker_->block_passes_barrier(block, *this);
  }
  spins_ = 0;
  ++counted.grid_barriers;
  if (checker_ != nullptr) checker_->grid_passes_barrier();
}

}  // namespace ethreed::emulation

#include "core/error.h"
#include "core/thread_pool.h"
#include "kernels/emulation/checker.h"
#include "kernels/emulation/runner.h"

#include <algorithm>
#include <mutex>

namespace ethreed::emulation {

Settings& settings() {
  static Settings all;
  return all;
}

namespace {

Replacement& kernel_replacement() {
  static Replacement replacement;
  return replacement;
}

}  // namespace

void replace_kernels(Replacement replacement) { kernel_replacement() = std::move(replacement); }
std::shared_ptr<const Work> replaced(const LaunchInfo& info, std::shared_ptr<const Work> work) {
  const Replacement& replacement = kernel_replacement();
  return replacement ? replacement(info, std::move(work)) : work;
}

// --- counts ----------------------------------------------------------------------------------------------------------

namespace {

std::mutex counters_mutex;
std::vector<Counters>& all_counters() {
  static std::vector<Counters> all;
  return all;
}

void add_counts(const std::string& kernel, const Counters& more) {
  const std::lock_guard lock(counters_mutex);
  auto& all = all_counters();
  auto it = std::find_if(all.begin(), all.end(), [&](const Counters& one) { return one.kernel == kernel; });
  if (it == all.end()) {
    it = all.insert(all.end(), Counters{});
    it->kernel = kernel;
  }
  for (const auto member : {&Counters::launches, &Counters::blocks, &Counters::threads, &Counters::block_barriers,
                            &Counters::warp_operations, &Counters::grid_barriers, &Counters::accesses,
                            &Counters::global_bytes_read, &Counters::global_bytes_written, &Counters::shared_bytes_read,
                            &Counters::shared_bytes_written, &Counters::shared_requests, &Counters::bank_conflicts})
    (*it).*member += more.*member;
  for (const auto member : {&Counters::largest_block, &Counters::dynamic_shared_bytes})
    (*it).*member = std::max((*it).*member, more.*member);
}

}  // namespace

std::vector<Counters> counters() {
  const std::lock_guard lock(counters_mutex);
  return all_counters();
}

void reset_counters() {
  const std::lock_guard lock(counters_mutex);
  all_counters().clear();
}

// --- shapes ----------------------------------------------------------------------------------------------------------

int blocks_at_once(int threads, std::size_t shared_bytes) {
  const int warps = (threads + lanes_per_warp - 1) / lanes_per_warp;
  const Settings& device = settings();
  const int by_threads = device.threads_per_multiprocessor / (warps * lanes_per_warp);
  const auto by_memory = static_cast<int>(device.shared_bytes_per_multiprocessor /
                                          std::max<std::size_t>(1, shared_bytes + device.shared_bytes_reserved));
  return std::min({by_threads, by_memory, blocks_per_multiprocessor});
}

void check_shape(const LaunchInfo& info) {
  const auto& [kernel, grid, block, shared_bytes, cooperative] = info;
  ETHREED_CHECK(
      grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 0x7FFFFFFFU && grid.y <= 65535 && grid.z <= 65535,
      "kernel {}: grid of {}×{}×{} blocks, wanted 1 to 2147483647 × 65535 × 65535", kernel, grid.x, grid.y, grid.z);
  const auto threads = std::uint64_t{block.x} * block.y * block.z;
  ETHREED_CHECK(threads >= 1 && threads <= threads_per_block && block.z <= 64,
                "kernel {}: block of {}×{}×{} threads, wanted 1 to {} in all, 64 at most in z", kernel, block.x,
                block.y, block.z, threads_per_block);
  ETHREED_CHECK(shared_bytes <= settings().shared_bytes_per_block,
                "kernel {}: {} bytes of dynamic shared memory, {} bytes are all there is", kernel, shared_bytes,
                settings().shared_bytes_per_block);
  if (!cooperative) return;
  const auto blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  const auto fit =
      static_cast<std::uint64_t>(settings().multiprocessors * blocks_at_once(static_cast<int>(threads), shared_bytes));
  ETHREED_CHECK(blocks <= fit, "kernel {}: cooperative grid of {} blocks, {} fit on the device at once", kernel, blocks,
                fit);
}

// --- grids -----------------------------------------------------------------------------------------------------------

void run_launch(const Launch& launch, ThreadPool* pool) {
  const std::vector<std::int64_t> order = order_of_blocks(launch);
  const auto count = static_cast<std::int64_t>(order.size());
  Counters total;
  const auto run = [&](std::span<const std::int64_t> blocks, bool together) {
    Runner& runner = Runner::of_this_thread();
    runner.counted = {};
    if (together)
      runner.run(launch, blocks);
    else
      for (std::size_t i = 0; i < blocks.size(); ++i) runner.run(launch, blocks.subspan(i, 1));
    add_counts(launch.kernel, runner.counted);
  };
  add_counts(launch.kernel, {.launches = 1,
                             .largest_block = launch.threads,
                             .dynamic_shared_bytes = static_cast<std::int64_t>(launch.shared_bytes)});
  if (checked_variant() && !launch.checked) DeviceMemory::instance().assume_written();
  if (launch.checked) {
    const auto only = Checker::instance().begin(launch);
    run(order, launch.cooperative);
  } else if (pool == nullptr || launch.cooperative || count == 1) {
    run(order, launch.cooperative);
  } else {
    const std::int64_t grain = std::max<std::int64_t>(1, count / (8 * pool->threads()));
    pool->parallel_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
      run(std::span(order).subspan(begin, end - begin), false);
    });
  }
}

}  // namespace ethreed::emulation

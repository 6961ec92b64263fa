#include "core/error.h"
#include "kernels/emulation/runner.h"

#include <sys/mman.h>

#include <algorithm>
#include <numeric>

namespace ethreed::emulation {

namespace {

// SplitMix64: a few good bits for permutations.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30U) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27U) * 0x94D049BB133111EBU;
    return z ^ z >> 31U;
  }
  template <class T> void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[(*this)() % i]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace

std::vector<std::int64_t> order_of_blocks(const Launch& launch) {
  std::vector<std::int64_t> order(launch.blocks());
  std::iota(order.begin(), order.end(), 0);
  if (launch.settings.order == Order::reversed) std::reverse(order.begin(), order.end());
  if (launch.settings.order == Order::shuffled) Random(launch.settings.seed).shuffle(std::span(order));
  return order;
}

Block::Block() {
  void* memory =
      mmap(nullptr, shared_capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ETHREED_CHECK(memory != MAP_FAILED, "emulation: no memory for the shared memory of one more block");
  shared = static_cast<std::byte*>(memory);
  shared_begin = reinterpret_cast<std::uintptr_t>(memory);
}

Block::~Block() { munmap(shared, shared_capacity); }

void Block::start(const Launch& launch, std::int64_t index_) {
  const auto linear = static_cast<std::uint64_t>(index_);
  linear_index = static_cast<std::uint32_t>(linear);
  index = {static_cast<unsigned>(linear % launch.grid.x), static_cast<unsigned>(linear / launch.grid.x % launch.grid.y),
           static_cast<unsigned>(linear / launch.grid.x / launch.grid.y)};
  const unsigned count = launch.threads, warp_count = (count + lanes_per_warp - 1) / lanes_per_warp;
  threads.assign(count, {});
  states.assign(count, State::fresh);
  cursor = done = at_barrier = at_grid = spinning = 0;
  epoch = 0;

  // Warps stay together; their order, and that of the lanes within each, is what Settings::order says.
  Random random(launch.settings.seed * 0x2545F4914F6CDD1DU + linear);
  std::vector<unsigned> sequence(warp_count);
  std::iota(sequence.begin(), sequence.end(), 0U);
  if (launch.settings.order == Order::reversed) std::reverse(sequence.begin(), sequence.end());
  if (launch.settings.order == Order::shuffled) random.shuffle(std::span(sequence));
  order.clear();
  warps.resize(warp_count);
  for (const unsigned w : sequence) {
    Warp& warp = warps[w];
    const unsigned first = w * lanes_per_warp, lanes = std::min(count - first, unsigned{lanes_per_warp});
    warp.existing = lanes == lanes_per_warp ? 0xFFFFFFFFU : (1U << lanes) - 1;
    warp.waiting = 0;
    warp.start = static_cast<unsigned>(order.size());
    warp.epoch = 0;
    warp.parts = false;
    warp.requests.clear();
    for (unsigned lane = 0; lane < lanes; ++lane) order.push_back(first + lane);
    const auto mine = std::span(order).subspan(warp.start);
    if (launch.settings.order == Order::reversed) std::reverse(mine.begin(), mine.end());
    if (launch.settings.order == Order::shuffled) random.shuffle(mine);
  }

  arrays.clear();
  dynamic_type = nullptr;
  // The dynamic memory comes first; static arrays follow as they are asked for.
  shared_used = (launch.shared_bytes + shared_gap - 1) / shared_gap * shared_gap + shared_gap;
  shared_counted = launch.shared_bytes;
  if (launch.shared_bytes > 0) arrays.push_back({nullptr, shared, launch.shared_bytes});
}

std::byte* Block::find_array(const void* key) const {
  for (const SharedArray& array : arrays)
    if (array.key == key) return array.begin;
  return nullptr;
}

std::byte* Block::make_array(const void* key, std::size_t bytes, std::size_t alignment, const Launch& launch) {
  shared_counted = (shared_counted + alignment - 1) / alignment * alignment + bytes;
  if (shared_counted - launch.shared_bytes > shared_bytes_default ||
      shared_counted > launch.settings.shared_bytes_per_block)
    return nullptr;
  std::byte* const begin = shared + shared_used;
  const std::size_t used = shared_used + (bytes + shared_gap - 1) / shared_gap * shared_gap + shared_gap;
  if (used > shared_capacity) return nullptr;
  shared_used = used;
  arrays.push_back({key, begin, bytes});
  return begin;
}

}  // namespace ethreed::emulation

#include "kernels/emulation/ptx/machine.h"

#include "core/error.h"

#include <unordered_map>

namespace ethreed::emulation::ptx {

namespace {

// Slots and local memory of the thread that a fiber runs. They belong to the fiber: a launch that is given up forgets
// its threads, destructors and all.
class Area {
 public:
  void resize(std::size_t slots, std::size_t local_bytes) {
    const std::size_t needed = slots + (local_bytes + sizeof(Line) - 1) / sizeof(std::uint64_t) + sizeof(Line);
    if (needed <= words_) return;
    lines_ = std::make_unique<Line[]>(needed / 8 + 1);
    words_ = needed;
  }
  // Local memory first: it is aligned to 64 bytes.
  std::byte* local() { return reinterpret_cast<std::byte*>(lines_.get()); }
  std::uint64_t* slots(std::size_t local_bytes) {
    return reinterpret_cast<std::uint64_t*>(local() + (local_bytes + sizeof(Line) - 1) / sizeof(Line) * sizeof(Line));
  }
  // How often the thread has executed each instruction, where that is counted.
  std::vector<std::uint32_t> counts;

 private:
  struct alignas(64) Line {
    std::array<std::uint64_t, 8> words;
  };
  std::unique_ptr<Line[]> lines_;
  std::size_t words_ = 0;
};

Area& area_of(const Fiber& fiber) {
  thread_local std::unordered_map<const Fiber*, Area> areas;
  return areas[&fiber];
}

std::uint64_t value_of(Special special, const Grid& grid, const Runner& runner, unsigned thread, uint3 block_index) {
  const Launch& launch = runner.launch();
  const uint3 index = launch.thread_indices[thread];
  const auto workspace = reinterpret_cast<std::uintptr_t>(launch.cooperative ? grid.workspace : nullptr);
  switch (special) {
    case Special::tid_x: return index.x;
    case Special::tid_y: return index.y;
    case Special::tid_z: return index.z;
    case Special::ntid_x: return launch.block.x;
    case Special::ntid_y: return launch.block.y;
    case Special::ntid_z: return launch.block.z;
    case Special::ctaid_x: return block_index.x;
    case Special::ctaid_y: return block_index.y;
    case Special::ctaid_z: return block_index.z;
    case Special::nctaid_x: return launch.grid.x;
    case Special::nctaid_y: return launch.grid.y;
    case Special::nctaid_z: return launch.grid.z;
    case Special::laneid: return thread % lanes_per_warp;
    case Special::warpid: return thread / lanes_per_warp;
    case Special::dynamic_shared_bytes: return launch.shared_bytes;
    case Special::grid_workspace_high: return workspace >> 32U;
    case Special::grid_workspace_low: return workspace & 0xFFFFFFFFU;
  }
  return 0;
}

std::uint64_t shared_address(const Kernel& kernel, const Variable& variable, Runner& runner) {
  Block& block = runner.block();
  if (variable.dynamic) return 0;
  std::byte* array = block.find_array(&variable);
  if (array == nullptr) {
    array = block.make_array(&variable, variable.bytes, variable.alignment, runner.launch());
    if (array == nullptr)
      runner.stop([&] {
        return fmt::format("{} bytes of static and dynamic shared memory together, more than there are, at {}:{}",
                           block.shared_counted, kernel.file, variable.line);
      });
    if (runner.checker() != nullptr) runner.checker()->array_made(block, array, variable.bytes);
  }
  return static_cast<std::uint64_t>(array - block.shared);
}

}  // namespace

void run_thread(const Grid& grid) {
  const OutsideKernel outside;  // nothing here is instrumented code's access
  Runner& runner = Runner::of_this_thread();
  const Kernel& kernel = grid.kernel;
  Area& area = area_of(runner.fiber());
  area.resize(kernel.slots.size(), kernel.local_bytes);
  Machine machine{.grid = grid,
                  .runner = runner,
                  .slots = area.slots(kernel.local_bytes),
                  .local = area.local(),
                  .next = kernel.instructions.data()};
  std::memset(machine.local, 0xFF, kernel.local_bytes);
  std::memcpy(machine.slots, kernel.slots.data(), kernel.slots.size() * sizeof(std::uint64_t));
  for (const auto& [slot, special] : kernel.specials)
    machine.slots[slot] = value_of(special, grid, runner, runner.thread(), runner.block().index);
  for (const Kernel::Shared& shared : kernel.shared)
    machine.slots[shared.slot] = shared_address(kernel, *shared.variable, runner);
  for (const Kernel::Local& local : kernel.local)
    machine.slots[local.slot] = reinterpret_cast<std::uintptr_t>(machine.local + local.offset);
  std::uint32_t* counts = nullptr;
  if (grid.notes != nullptr && grid.notes->counts()) {
    area.counts.assign(kernel.instructions.size(), 0);
    counts = area.counts.data();
  }
  while (!machine.ended) {
    const Instruction& i = *machine.next++;
    if (counts != nullptr) ++counts[&i - kernel.instructions.data()];
    if (i.guard != Instruction::none && (machine.slots[i.guard] & 1U) == (i.guard_negated ? 1U : 0U)) continue;
    i.execute(machine, i);
  }
  if (counts == nullptr) return;
  const Block& block = runner.block();
  const unsigned warp = runner.thread() / lanes_per_warp;
  grid.notes->thread_ended(std::uint64_t{block.linear_index} * block.warps.size() + warp,
                           static_cast<unsigned>(std::popcount(block.warps[warp].existing)), area.counts);
}

}  // namespace ethreed::emulation::ptx

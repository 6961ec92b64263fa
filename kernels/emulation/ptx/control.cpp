// Branches and ends; what threads do together: barriers, shuffles, votes.

#include "kernels/emulation/ptx/machine.h"

namespace ethreed::emulation::ptx {

namespace {

using Kind = Wanted::Kind;
constexpr Type u32{'u', 4}, b32{'b', 4}, pred{'p', 1};

void branch(Machine& m, const Instruction& i) {
  const Instruction* const target = m.grid.kernel.instructions.data() + i.target;
  if (target <= &i) m.runner.count_turn([&] { return text_of(m.grid.kernel.site(i)); });
  m.next = target;
}
void end(Machine& m, const Instruction&) { m.ended = true; }
void trap(Machine& m, const Instruction& i) {
  m.stop(i, [] { return std::string("ends the launch by a trap"); });
}
void nothing(Machine&, const Instruction&) {}

}  // namespace

void refuse_call(Machine& m, const Instruction& i) {
  m.stop(i, [] { return std::string("calls a device function, which is not known here"); });
}

namespace {

// --- the block -------------------------------------------------------------------------------------------------------

// Only barrier 0, of all threads, is known: operand 0 is its number.
void check_barrier(Machine& m, const Instruction& i, std::size_t operand) {
  if (m.get<std::uint32_t>(i.at[operand]) != 0)
    m.stop(i, [&] {
      return fmt::format("waits at barrier {}: only 0 is known here", m.get<std::uint32_t>(i.at[operand]));
    });
}
void block_barrier(Machine& m, const Instruction& i) {
  check_barrier(m, i, 0);
  m.runner.block_operation(BlockOperation::sync, 0, m.grid.kernel.site(i));
}
template <BlockOperation operation> void block_vote(Machine& m, const Instruction& i) {
  check_barrier(m, i, 1);
  const int vote = m.runner.block_operation(operation, m.predicate(i, 2) ? 1 : 0, m.grid.kernel.site(i));
  if (operation == BlockOperation::count)
    m.set(i.at[0], static_cast<std::uint32_t>(vote));
  else
    m.set(i.at[0], static_cast<std::uint8_t>(vote != 0));
}

// --- the warp --------------------------------------------------------------------------------------------------------

enum class Shuffle { up, down, bfly, idx };

// Operands: result, its predicate, value, lane or distance, clamp and segment, members.
template <Shuffle mode> void shuffle(Machine& m, const Instruction& i) {
  const auto lane = static_cast<int>(m.runner.thread() % lanes_per_warp);
  const auto distance = static_cast<int>(m.get<std::uint32_t>(i.at[3]) & 31U);
  const auto limits = m.get<std::uint32_t>(i.at[4]);
  const auto clamp = static_cast<int>(limits & 31U), segment = static_cast<int>(limits >> 8U & 31U);
  const int least = lane & segment, most = least | (clamp & ~segment);
  int source = lane;
  bool inside = false;
  switch (mode) {
    case Shuffle::up:
      source = lane - distance;
      inside = source >= most;
      break;
    case Shuffle::down:
      source = lane + distance;
      inside = source <= most;
      break;
    case Shuffle::bfly:
      source = lane ^ distance;
      inside = source <= most;
      break;
    case Shuffle::idx:
      source = least | (distance & ~segment);
      inside = source <= most;
      break;
  }
  if (!inside) source = lane;
  const std::uint64_t value = m.runner.warp_operation(WarpOperation::shuffle, m.get<std::uint32_t>(i.at[5]),
                                                      m.get<std::uint32_t>(i.at[2]), source, m.grid.kernel.site(i));
  m.set(i.at[0], static_cast<std::uint32_t>(value));
  m.set(i.at[1], static_cast<std::uint8_t>(inside));
}

enum class Vote { all, any, uniform, ballot };

template <Vote kind> void vote(Machine& m, const Instruction& i) {
  const auto members = m.get<std::uint32_t>(i.at[2]);
  const auto ballot = static_cast<std::uint32_t>(
      m.runner.warp_operation(WarpOperation::ballot, members, m.predicate(i, 1) ? 1 : 0, 0, m.grid.kernel.site(i)));
  const std::uint32_t all = members & m.runner.block().warps[m.runner.thread() / lanes_per_warp].existing;
  switch (kind) {
    case Vote::ballot: return m.set(i.at[0], ballot);
    case Vote::all: return m.set(i.at[0], static_cast<std::uint8_t>(ballot == all));
    case Vote::any: return m.set(i.at[0], static_cast<std::uint8_t>(ballot != 0));
    case Vote::uniform: return m.set(i.at[0], static_cast<std::uint8_t>(ballot == 0 || ballot == all));
  }
}

void warp_barrier(Machine& m, const Instruction& i) {
  m.runner.warp_operation(WarpOperation::sync, m.get<std::uint32_t>(i.at[0]), 0, 0, m.grid.kernel.site(i));
}
// Lanes that happen to run together: here each runs alone.
void active_lanes(Machine& m, const Instruction& i) { m.set(i.at[0], 1U << m.runner.thread() % lanes_per_warp); }

Choice choose_barrier(Opcode& opcode) {
  opcode.take("cta");
  if (opcode.take("warp")) {
    if (!opcode.take("sync")) opcode.unknown();
    return {warp_barrier, {{Kind::value, b32}}};
  }
  if (opcode.take("sync")) {
    opcode.take("aligned");
    return {block_barrier, {{Kind::value, u32}}};
  }
  if (!opcode.take("red")) opcode.unknown();
  const int operation = opcode.take_one_of({"popc", "and", "or"});
  opcode.take("aligned");
  const Type t = opcode.type();
  if (operation < 0 || t != (operation == 0 ? u32 : pred)) opcode.unknown();
  const Execute e = operation == 0   ? block_vote<BlockOperation::count>
                    : operation == 1 ? block_vote<BlockOperation::all>
                                     : block_vote<BlockOperation::any>;
  return {e, {{Kind::result, t}, {Kind::value, u32}, {Kind::predicate}}};
}

}  // namespace

Choice choose_control(Opcode& opcode) {
  const std::string_view name = opcode.name();
  if (name == "bra") {
    opcode.take("uni");
    return {branch, {{Kind::label}}};
  }
  if (name == "ret" || name == "exit") {
    opcode.take("uni");
    return {end, {}};
  }
  if (name == "trap") return {trap, {}};
  if (name == "call") {
    opcode.take("uni");
    return {refuse_call, {}};
  }
  if (name == "membar" || name == "fence") {  // what a thread wrote is there for all at once
    opcode.take_one_of({"sc", "acq_rel"});
    if (opcode.take_one_of({"cta", "cluster", "gpu", "gl", "sys"}) < 0) opcode.unknown();
    return {nothing, {}};
  }
  if (name == "bar" || name == "barrier") return choose_barrier(opcode);
  if (name == "activemask") {
    if (opcode.type() != b32) opcode.unknown();
    return {active_lanes, {{Kind::result, b32}}};
  }
  if (name == "shfl") {
    if (!opcode.take("sync")) opcode.unknown();
    const int mode = opcode.take_one_of({"up", "down", "bfly", "idx"});
    if (opcode.type() != b32 || mode < 0) opcode.unknown();
    const Execute e = std::array<Execute, 4>{shuffle<Shuffle::up>, shuffle<Shuffle::down>, shuffle<Shuffle::bfly>,
                                             shuffle<Shuffle::idx>}[static_cast<std::size_t>(mode)];
    return {e,
            {{Kind::result_predicate, b32},
             {Kind::value, b32},
             {Kind::value, b32},
             {Kind::value, b32},
             {Kind::value, b32}}};
  }
  if (name == "vote") {
    if (!opcode.take("sync")) opcode.unknown();
    const int kind = opcode.take_one_of({"all", "any", "uni", "ballot"});
    const Type t = opcode.type();
    if (kind < 0 || t != (kind == 3 ? b32 : pred)) opcode.unknown();
    const Execute e = std::array<Execute, 4>{vote<Vote::all>, vote<Vote::any>, vote<Vote::uniform>,
                                             vote<Vote::ballot>}[static_cast<std::size_t>(kind)];
    return {e, {{Kind::result, t}, {Kind::predicate}, {Kind::value, b32}}};
  }
  return {};
}

}  // namespace ethreed::emulation::ptx

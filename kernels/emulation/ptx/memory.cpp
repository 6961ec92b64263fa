// Loads, stores, atomics, and the check of every address.

#include "kernels/emulation/device_memory.h"
#include "kernels/emulation/ptx/machine.h"

#include <algorithm>

namespace ethreed::emulation::ptx {

namespace {

using Kind = Wanted::Kind;

const char* does(Access kind) {
  return kind == Access::read ? "reads" : kind == Access::write ? "writes" : "updates atomically";
}

const char* name_of(Space space) {
  switch (space) {
    case Space::global: return "global";
    case Space::shared: return "shared";
    case Space::local: return "local";
    case Space::param: return "parameter";
    case Space::constant: return "constant";
    case Space::generic: break;
  }
  return "device";
}

bool within(std::uintptr_t begin, std::size_t size, std::uintptr_t address, std::size_t bytes) {
  const std::uintptr_t offset = address - begin;
  return offset < size && bytes <= size - offset;
}

}  // namespace

bool Machine::find(std::uintptr_t address) {
  const auto locked = DeviceMemory::instance().lock();
  const Allocation* const found = DeviceMemory::instance().find(address);
  if (found == nullptr) return false;
  known_begin = found->begin;
  known_bytes = found->bytes;
  return true;
}

void Machine::note(const Instruction& i, std::uintptr_t address, std::size_t bytes, Access kind) {
  const bool right =
      kind == Access::read ? grid.notes->read(address, bytes, i.read_only) : grid.notes->written(address, bytes);
  if (!right)
    stop(i, [&] {
      return fmt::format("{} {} bytes at {:#x} that the launch both reads by ld.global.nc and writes", does(kind),
                         bytes, address);
    });
}

std::byte* Machine::memory(const Instruction& i, std::uint64_t address, std::size_t bytes, Access kind) {
  const auto refuse = [&](const char* why) {
    stop(i, [&] {
      const std::string where =
          i.space == Space::generic || i.space == Space::global ? DeviceMemory::instance().describe(address) : "";
      return fmt::format("{} {} bytes of {} memory at {:#x}, {}{}", does(kind), bytes, name_of(i.space), address, why,
                         where.empty() ? "" : " (" + where + ")");
    });
  };
  if (i.space == Space::shared) address &= 0xFFFFFFFFU;
  if ((address & (bytes - 1)) != 0) refuse("which is not aligned to its size");  // a power of two
  Block& block = runner.block();
  Space space = i.space;
  std::uintptr_t host = address;
  const auto local_begin = reinterpret_cast<std::uintptr_t>(local);
  if (space == Space::generic)
    space = block.owns(address)                                            ? Space::shared
            : within(local_begin, grid.kernel.local_bytes, address, bytes) ? Space::local
                                                                           : Space::global;
  else if (space == Space::shared)
    host += block.shared_begin;
  switch (space) {
    case Space::param:
      if (!within(0, grid.kernel.parameter_bytes, address, bytes)) refuse("outside of the parameters");
      if (kind != Access::read) refuse("which a kernel may only read");
      return const_cast<std::byte*>(grid.parameters) + address;
    case Space::local:
      if (!within(local_begin, grid.kernel.local_bytes, address, bytes)) refuse("outside of the thread's local memory");
      return reinterpret_cast<std::byte*>(host);
    case Space::constant:
      if (!grid.memory.holds(address, bytes)) refuse("outside of the module's constants");
      if (kind != Access::read) refuse("which a kernel may only read");
      return reinterpret_cast<std::byte*>(host);
    case Space::shared:
      if (!block.owns(host)) refuse("outside of the block's shared memory");
      if (runner.checker() == nullptr &&
          std::none_of(block.arrays.begin(), block.arrays.end(), [&](const SharedArray& array) {
            return within(reinterpret_cast<std::uintptr_t>(array.begin), array.bytes, host, bytes);
          }))
        refuse("outside of the block's shared arrays");
      break;
    default: {
      if (grid.memory.holds(address, bytes)) return reinterpret_cast<std::byte*>(host);
      if (grid.workspace != nullptr && within(reinterpret_cast<std::uintptr_t>(grid.workspace), 8, address, bytes)) {
        runner.count_turn([&] { return text_of(grid.kernel.site(i)); });
        return reinterpret_cast<std::byte*>(host);
      }
      if (block.owns(address)) refuse("which is shared memory of the block");
      if (within(known_begin, known_bytes, address, bytes)) break;
      if (!find(address)) refuse(address < 4096 ? "a null pointer" : "which is not memory of the device");
      if (!within(known_begin, known_bytes, address, bytes)) refuse("of which not all is memory of the device");
    }
  }
  if (grid.notes != nullptr && space == Space::global) note(i, host, bytes, kind);
  if (runner.checker() != nullptr)
    runner.checker()->access(runner, host, bytes, kind, false, i.location);
  else if (kind == Access::atomic)
    runner.count_turn([&] { return text_of(grid.kernel.site(i)); });
  return reinterpret_cast<std::byte*>(host);
}

namespace {

// At `place` of the operands.
std::uint64_t address_of(Machine& m, const Instruction& i, std::size_t place) {
  return m.slots[i.at[place]] + static_cast<std::uint64_t>(i.offset);
}
// Is it the word at which the blocks of a cooperative launch meet?
bool is_meeting(const Machine& m, const std::byte* memory) {
  return m.grid.workspace != nullptr && memory == reinterpret_cast<const std::byte*>(m.grid.workspace + 1);
}

template <class T> void load(Machine& m, const Instruction& i) {
  const std::byte* memory = m.memory(i, address_of(m, i, i.count), sizeof(T) * i.count, Access::read);
  // A thread that asks whether all blocks have come lets these run first.
  if (is_meeting(m, memory)) m.runner.let_other_blocks_run(m.grid.kernel.site(i));
  for (std::size_t e = 0; e < i.count; ++e) {
    T value;
    std::memcpy(&value, memory + e * sizeof(T), sizeof(T));
    m.set(i.at[e], value);
  }
}

template <class T> void store(Machine& m, const Instruction& i) {
  std::byte* memory = m.memory(i, address_of(m, i, 0), sizeof(T) * i.count, Access::write);
  for (std::size_t e = 0; e < i.count; ++e) {
    const T value = m.get<T>(i.at[1 + e]);
    std::memcpy(memory + e * sizeof(T), &value, sizeof(T));
  }
}

// --- atomics ---------------------------------------------------------------------------------------------------------

struct Add {
  template <class T> static T of(T old, T value, T) {
    if constexpr (std::is_floating_point_v<T>)
      return old + value;
    else
      return static_cast<T>(static_cast<std::make_unsigned_t<T>>(old) + static_cast<std::make_unsigned_t<T>>(value));
  }
};
struct Minimum {
  template <class T> static T of(T old, T value, T) { return std::min(old, value); }
};
struct Maximum {
  template <class T> static T of(T old, T value, T) { return std::max(old, value); }
};
struct And {
  template <class T> static T of(T old, T value, T) { return old & value; }
};
struct Or {
  template <class T> static T of(T old, T value, T) { return old | value; }
};
struct Xor {
  template <class T> static T of(T old, T value, T) { return old ^ value; }
};
struct Exchange {
  template <class T> static T of(T, T value, T) { return value; }
};
struct CompareAndSwap {
  template <class T> static T of(T old, T expected, T value) { return old == expected ? value : old; }
};

// Operands: the result (absent from `red`, where it is none), the address, one value or two.
template <class F, class T, bool reduction> void atomic(Machine& m, const Instruction& i) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr std::size_t first = reduction ? 0 : 1;
  auto* const memory = reinterpret_cast<Bits*>(m.memory(i, address_of(m, i, first), sizeof(T), Access::atomic));
  const T a = m.get<T>(i.at[first + 1]);
  const T b = i.at[first + 2] == Instruction::none ? T{} : m.get<T>(i.at[first + 2]);
  // So that the threads of the block that this one does not wait for come to where it does.
  const bool meeting = is_meeting(m, reinterpret_cast<const std::byte*>(memory));
  if (meeting) m.runner.let_other_blocks_run(m.grid.kernel.site(i));
  Bits old = __atomic_load_n(memory, __ATOMIC_RELAXED), wanted;
  do {
    wanted = std::bit_cast<Bits>(F::of(std::bit_cast<T>(old), a, b));
  } while (!__atomic_compare_exchange_n(memory, &old, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  if (!reduction) m.set(i.at[0], std::bit_cast<T>(old));
  // The last block to come turns the highest bit over.
  if (meeting && (static_cast<std::uint64_t>(old ^ wanted) & 0x80000000U) != 0)
    m.runner.blocks_have_met(m.grid.kernel.site(i));
}

template <class F, bool floating> Execute typed_atomic(Type t, bool reduction) {
  const bool s = t.kind == 's';
  if (t.kind == 'f') {
    if constexpr (floating) {
      if (t.bytes == 4) return reduction ? atomic<F, float, true> : atomic<F, float, false>;
      return reduction ? atomic<F, double, true> : atomic<F, double, false>;
    }
    return nullptr;
  }
  if (t.bytes == 4 && s) return reduction ? atomic<F, std::int32_t, true> : atomic<F, std::int32_t, false>;
  if (t.bytes == 4) return reduction ? atomic<F, std::uint32_t, true> : atomic<F, std::uint32_t, false>;
  if (t.bytes == 8 && s) return reduction ? atomic<F, std::int64_t, true> : atomic<F, std::int64_t, false>;
  if (t.bytes == 8) return reduction ? atomic<F, std::uint64_t, true> : atomic<F, std::uint64_t, false>;
  return nullptr;
}

// --- opcodes ---------------------------------------------------------------------------------------------------------

// Threads see each other's accesses in order here, whatever was asked for; how it is cached is nobody's matter.
void take_order(Opcode& opcode) {
  opcode.take_one_of({"weak", "relaxed", "acquire", "release", "acq_rel", "volatile"});
  opcode.take_one_of({"cta", "cluster", "gpu", "sys"});
}

Space take_space(Opcode& opcode) {
  switch (opcode.take_one_of({"global", "shared", "shared::cta", "local", "param", "const"})) {
    case 0: return Space::global;
    case 1:
    case 2: return Space::shared;
    case 3: return Space::local;
    case 4: return Space::param;
    case 5: return Space::constant;
    default: return Space::generic;
  }
}

Choice choose_access(Opcode& opcode, bool loads) {
  Choice made;
  take_order(opcode);
  made.space = take_space(opcode);
  made.read_only = opcode.take("nc");
  opcode.take_one_of({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  opcode.take_one_of(
      {"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  opcode.take_one_of({"L2::64B", "L2::128B", "L2::256B"});
  const int vector = opcode.take_one_of({"v2", "v4", "v8"});
  made.count = static_cast<std::uint8_t>(vector < 0 ? 1 : 2 << vector);
  const Type t = opcode.type();
  if (t.kind == 'p' || t.bytes * made.count > 32) opcode.unknown();
  const bool s = t.kind == 's';
  switch (t.bytes) {
    case 1: made.execute = loads ? (s ? load<std::int8_t> : load<std::uint8_t>) : store<std::uint8_t>; break;
    case 2: made.execute = loads ? (s ? load<std::int16_t> : load<std::uint16_t>) : store<std::uint16_t>; break;
    case 4: made.execute = loads ? (s ? load<std::int32_t> : load<std::uint32_t>) : store<std::uint32_t>; break;
    default: made.execute = loads ? (s ? load<std::int64_t> : load<std::uint64_t>) : store<std::uint64_t>; break;
  }
  if (!loads && made.space == Space::param) made.execute = refuse_call;  // parameters of a device function
  const bool wide = t.kind != 'f';
  const Wanted data{loads ? Kind::vector_result : Kind::vector_value, t, wide}, address{Kind::address};
  made.operands = loads ? std::vector{data, address} : std::vector{address, data};
  return made;
}

Choice choose_atomic(Opcode& opcode, bool reduction) {
  Choice made;
  take_order(opcode);
  made.space = take_space(opcode);
  if (made.space != Space::global && made.space != Space::shared && made.space != Space::generic) opcode.unknown();
  const int operation = opcode.take_one_of({"add", "min", "max", "and", "or", "xor", "exch", "cas"});
  take_order(opcode);  // cooperative groups write it here
  const Type t = opcode.type();
  switch (operation) {
    case 0: made.execute = typed_atomic<Add, true>(t, reduction); break;
    case 1: made.execute = typed_atomic<Minimum, false>(t, reduction); break;
    case 2: made.execute = typed_atomic<Maximum, false>(t, reduction); break;
    case 3: made.execute = typed_atomic<And, false>(t, reduction); break;
    case 4: made.execute = typed_atomic<Or, false>(t, reduction); break;
    case 5: made.execute = typed_atomic<Xor, false>(t, reduction); break;
    case 6: made.execute = typed_atomic<Exchange, false>(t, reduction); break;
    case 7: made.execute = typed_atomic<CompareAndSwap, false>(t, reduction); break;
    default: break;
  }
  if (made.execute == nullptr || t.kind == 'p' || (operation >= 6 && reduction)) opcode.unknown();
  if (!reduction) made.operands.push_back({Kind::result, t});
  made.operands.push_back({Kind::address});
  made.operands.push_back({Kind::value, t});
  if (operation == 7) made.operands.push_back({Kind::value, t});
  return made;
}

// An address of all memory is that of the host; shared memory counts from the block's.
template <bool to_space> void convert_shared_address(Machine& m, const Instruction& i) {
  const std::uint64_t address = m.slots[i.at[1]], begin = m.runner.block().shared_begin;
  m.set(i.at[0], to_space ? address - begin : address + begin);
}
void convert_address(Machine& m, const Instruction& i) { m.set(i.at[0], m.slots[i.at[1]]); }

}  // namespace

Choice choose_memory(Opcode& opcode) {
  const std::string_view name = opcode.name();
  if (name == "ld" || name == "ldu") return choose_access(opcode, true);
  if (name == "st") return choose_access(opcode, false);
  if (name == "atom" || name == "red") return choose_atomic(opcode, name == "red");
  if (name != "cvta") return {};
  const bool to_space = opcode.take("to");
  const Space space = take_space(opcode);
  const Type t = opcode.type();
  if (t != Type{'u', 8} || space == Space::generic || space == Space::param) opcode.unknown();
  const Execute e = space != Space::shared ? convert_address
                    : to_space             ? convert_shared_address<true>
                                           : convert_shared_address<false>;
  return {e, {{Kind::result, t}, {Kind::value, t}}};
}

}  // namespace ethreed::emulation::ptx

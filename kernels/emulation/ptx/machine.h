#pragma once
// What executes PTX: a kernel lowered to instructions whose operands are places in an array, and the machine that runs
// them as one CUDA thread. A thread is a fiber of the emulated device, as the threads of the kernels compiled by the
// host compiler are: barriers, shuffles, the barrier of the grid and the checker are the same.

#include "kernels/emulation/checker.h"
#include "kernels/emulation/ptx/library.h"
#include "kernels/emulation/ptx/profile.h"
#include "kernels/emulation/ptx/source.h"
#include "kernels/emulation/runner.h"

#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

namespace ethreed::emulation::ptx {

struct Machine;
struct Instruction;
using Execute = void (*)(Machine&, const Instruction&);

/// Executes one statement. `at[i]` is the slot of the i-th operand; its meaning is the function's.
struct Instruction {
  static constexpr std::uint32_t none = 0xFFFFFFFFU;  ///< no operand: a result that goes nowhere, no predicate
  static constexpr std::size_t most = 10;

  Execute execute = nullptr;
  std::uint32_t guard = none;
  bool guard_negated = false;
  std::uint8_t count = 1;  ///< elements of a vector
  bool read_only = false;  ///< ld.global.nc
  Space space = Space::generic;
  std::array<std::uint32_t, most> at{};
  std::int64_t offset = 0;    ///< of an address
  std::uint32_t target = 0;   ///< of a branch: an index of Kernel::instructions
  std::uint32_t negated = 0;  ///< a bit for each operand that is a predicate with '!'
  Location location = 0;      ///< for the checker
  int line = 0;
};

/// What a slot holds when a thread begins, where it is not the same for all.
enum class Special : std::uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
  dynamic_shared_bytes,
  grid_workspace_high,
  grid_workspace_low,
};

/// A kernel that can run. Slots: its registers, then its constants, then what Special and the variables of memory say.
struct Kernel {
  std::string name;       ///< mangled
  const char* file = "";  ///< lives as long as the program
  int line = 0;
  std::vector<Variable> parameters;
  std::vector<std::size_t> parameter_offsets;
  std::size_t parameter_bytes = 0;
  std::vector<Instruction> instructions;
  std::vector<std::uint64_t> slots;  ///< as a thread finds them
  std::vector<std::pair<std::uint32_t, Special>> specials;
  struct Shared {
    std::uint32_t slot;  ///< gets its address in shared memory
    const Variable* variable;
  };
  std::vector<Shared> shared;
  struct Local {
    std::uint32_t slot;  ///< gets its address
    std::size_t offset;  ///< in the thread's local memory
  };
  std::vector<Local> local;
  std::size_t local_bytes = 0;

  Site site(const Instruction& instruction) const { return {file, static_cast<unsigned>(instruction.line), 0}; }
};

/// Memory of a module's constant and global variables.
struct ModuleMemory {
  std::unique_ptr<std::byte[]> data;
  std::size_t bytes = 0;
  bool holds(std::uintptr_t address, std::size_t size) const {
    const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(data.get());
    return offset < bytes && size <= bytes - offset;
  }
};

/// What every thread of a launch has in common.
struct Grid {
  const Kernel& kernel;
  const ModuleMemory& memory;
  const std::byte* parameters;
  /// The word at which the blocks of a cooperative launch meet: the second of it, by the layout nvcc's code expects.
  std::uint32_t* workspace;
  LaunchNotes* notes = nullptr;  ///< if there is something to note
};

/// One CUDA thread.
struct Machine {
  const Grid& grid;
  Runner& runner;
  std::uint64_t* slots;
  std::byte* local;
  const Instruction* next;
  std::uintptr_t known_begin = 0, known_bytes = 0;  ///< the allocation that was touched last
  bool ended = false;

  template <class T> T get(std::uint32_t slot) const {
    T value;
    std::memcpy(&value, slots + slot, sizeof(T));
    return value;
  }
  /// Results are as wide as the slot: integers keep their sign, all else is followed by zeros.
  template <class T> void set(std::uint32_t slot, T value) {
    if (slot == Instruction::none) return;
    std::uint64_t bits = 0;
    if constexpr (std::is_integral_v<T>)
      bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    else
      std::memcpy(&bits, &value, sizeof(T));
    slots[slot] = bits;
  }
  bool predicate(const Instruction& i, std::size_t operand) const {
    return (slots[i.at[operand]] & 1U) != (i.negated >> operand & 1U);
  }
  /// Ends the launch with an Error that says where: text() may own nothing but what it returns.
  template <class Text> [[noreturn]] void stop(const Instruction& i, const Text& text) {
    runner.stop([&] { return fmt::format("{}, at {}", text(), text_of(grid.kernel.site(i))); });
  }
  /// The memory behind an address, checked: the space, the bounds, the alignment, and all that the checker knows.
  std::byte* memory(const Instruction& i, std::uint64_t address, std::size_t bytes, Access kind);

  /// Notes an access to device memory; ends the launch where it reads by ld.global.nc what it writes.
  void note(const Instruction& i, std::uintptr_t address, std::size_t bytes, Access kind);
  /// Makes the allocation that holds the address the known one; false if there is none.
  bool find(std::uintptr_t address);
};

/// Runs the thread that the runner has chosen to its end.
void run_thread(const Grid& grid);

// --- which function executes an opcode -------------------------------------------------------------------------------

/// An opcode cut at its dots, to be taken apart from the left. Throws Error, with the statement's line, for the rest.
class Opcode {
 public:
  Opcode(std::string_view where, const Statement& statement);
  std::string_view name() const { return parts_[0]; }
  /// Is it the next one? Takes it then.
  bool take(std::string_view part);
  /// The next one, of these; -1 if it is none of them.
  int take_one_of(std::initializer_list<std::string_view> parts);
  Type type();
  bool next_is_type() const;
  bool ended() const { return at_ == parts_.size(); }
  [[noreturn]] void unknown() const;
  [[noreturn]] void wrong(std::string_view what) const;
  const Statement& statement() const { return statement_; }

 private:
  std::string where_;
  const Statement& statement_;
  std::vector<std::string_view> parts_;
  std::size_t at_ = 1;
};

/// What an operand must be. A wider register than the type is allowed where the ISA allows it (`wide`).
struct Wanted {
  enum class Kind : std::uint8_t {
    result,
    value,
    predicate,
    result_predicate,
    address,
    vector_result,
    vector_value,
    label
  };
  Kind kind;
  Type type{};
  bool wide = false;
};

/// The function of an opcode and what its operands must be, in their order in the text.
struct Choice {
  Execute execute = nullptr;
  std::vector<Wanted> operands;
  Space space = Space::generic;
  std::uint8_t count = 1;
  bool read_only = false;
};

Choice choose_arithmetic(Opcode& opcode);  ///< execute is null: the opcode is of another family
Choice choose_float(Opcode& opcode);
Choice choose_conversion(Opcode& opcode);
Choice choose_memory(Opcode& opcode);
Choice choose_control(Opcode& opcode);

/// Executes what calls a device function: an Error.
void refuse_call(Machine& m, const Instruction& i);

/// Makes an entry executable. Throws Error "FILE:LINE: …" for every statement that it does not know or whose operands
/// do not fit it. `addresses` are those of the module's variables.
Kernel lower(const Module& module, const Function& function, const std::map<std::string, std::uint64_t>& addresses);

}  // namespace ethreed::emulation::ptx

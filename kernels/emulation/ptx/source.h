#pragma once
// PTX as text, taken apart: what a module declares, and the statements of its functions, in the terms of NVIDIA's
// "Parallel Thread Execution ISA". Nothing is known here of what an instruction does.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::emulation::ptx {

/// A type of the ISA: 'b' untyped bits, 'u' and 's' integers, 'f' floating numbers, 'p' predicates.
struct Type {
  char kind = 'b';
  unsigned bytes = 4;  ///< 1 of a predicate
  bool operator==(const Type&) const = default;
};
/// "f32" is Type{'f', 4}; false for what is no type known here.
bool parse_type(std::string_view text, Type& type);

enum class Space : std::uint8_t { generic, global, shared, local, param, constant };

struct Operand {
  enum class Kind : std::uint8_t { name, number, vector, address, sink };
  Kind kind = Kind::name;
  bool negated = false;        ///< !%p
  std::string name;            ///< a register, a label or a variable; of an address its base, empty if there is none
  std::string second;          ///< the predicate of %r1|%p1
  std::uint64_t bits = 0;      ///< of a number: an integer, or the bits of a float ('f') or a double ('d')
  char literal = 'i';          ///< which of them
  std::int64_t offset = 0;     ///< of an address
  std::vector<Operand> parts;  ///< of a vector
};

struct Statement {
  int line = 0;
  std::string guard;  ///< the predicate of @%p, or empty
  bool guard_negated = false;
  std::string opcode;  ///< with all its modifiers
  std::vector<Operand> operands;
};

/// A variable of memory.
struct Variable {
  std::string name;
  Space space = Space::global;
  std::size_t bytes = 0, alignment = 1;
  bool dynamic = false;            ///< extern shared memory, whose size the launch says
  std::vector<std::byte> initial;  ///< of constant and global memory; zeros behind what is given
  int line = 0;
};

struct Function {
  std::string name;
  int line = 0;
  std::vector<Variable> parameters;
  /// In statements a register is named "#N", its place in this list: which one a name means depends on the scope.
  std::vector<Type> registers;
  std::vector<Variable> variables;  ///< shared and local ones declared in the function, parameters of calls
  std::vector<Statement> statements;
  std::map<std::string, std::size_t> labels;  ///< the statement behind a label
};

struct Module {
  std::string file;  ///< as reports name it
  std::string target;
  std::vector<Variable> variables;
  std::vector<Function> entries;
};

/// Throws Error "FILE:LINE: …" for what is no PTX, or none that is known here: an unknown directive, a name that nobody
/// declared.
Module parse(std::string file, std::string_view text);

}  // namespace ethreed::emulation::ptx

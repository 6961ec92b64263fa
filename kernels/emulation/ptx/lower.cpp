// From the statements of a kernel to its instructions: every operand gets a slot, every opcode its function.

#include "core/error.h"
#include "kernels/emulation/device_memory.h"
#include "kernels/emulation/ptx/machine.h"

#include <charconv>
#include <set>

namespace ethreed::emulation::ptx {

namespace {

/// What the ISA calls special registers, as far as code asks for them.
const std::map<std::string_view, std::pair<Special, unsigned>> special_registers{
    {"%tid.x", {Special::tid_x, 4}},
    {"%tid.y", {Special::tid_y, 4}},
    {"%tid.z", {Special::tid_z, 4}},
    {"%ntid.x", {Special::ntid_x, 4}},
    {"%ntid.y", {Special::ntid_y, 4}},
    {"%ntid.z", {Special::ntid_z, 4}},
    {"%ctaid.x", {Special::ctaid_x, 4}},
    {"%ctaid.y", {Special::ctaid_y, 4}},
    {"%ctaid.z", {Special::ctaid_z, 4}},
    {"%nctaid.x", {Special::nctaid_x, 4}},
    {"%nctaid.y", {Special::nctaid_y, 4}},
    {"%nctaid.z", {Special::nctaid_z, 4}},
    {"%laneid", {Special::laneid, 4}},
    {"%warpid", {Special::warpid, 4}},
    {"%dynamic_smem_size", {Special::dynamic_shared_bytes, 4}},
    {"%envreg1", {Special::grid_workspace_high, 4}},
    {"%envreg2", {Special::grid_workspace_low, 4}},
};

/// Reports keep the name of a file for longer than its module lives.
const char* kept(const std::string& name) {
  static std::set<std::string> names;
  return names.insert(name).first->c_str();
}

class Lowering {
 public:
  Lowering(const Module& module, const Function& function, const std::map<std::string, std::uint64_t>& addresses)
      : module_(module), function_(function), addresses_(addresses) {
    kernel_.name = function.name;
    kernel_.file = kept(module.file);
    kernel_.line = function.line;
    kernel_.parameters = function.parameters;
    // Registers nobody has written are NaN and −1, as all unwritten memory here.
    kernel_.slots.assign(function.registers.size(), ~std::uint64_t{0});
    for (const Variable& parameter : function.parameters) {
      const std::size_t align = parameter.alignment;
      kernel_.parameter_bytes = (kernel_.parameter_bytes + align - 1) / align * align;
      kernel_.parameter_offsets.push_back(kernel_.parameter_bytes);
      kernel_.parameter_bytes += parameter.bytes;
    }
    for (const Variable& variable : function.variables)
      if (variable.space == Space::local) {
        kernel_.local_bytes = (kernel_.local_bytes + variable.alignment - 1) / variable.alignment * variable.alignment;
        local_offsets_[variable.name] = kernel_.local_bytes;
        kernel_.local_bytes += variable.bytes;
      }
  }

  Kernel run() {
    for (const Statement& statement : function_.statements) lower(statement);
    // A kernel ends at its last instruction, if not before.
    const Statement end{.line = function_.line, .opcode = "ret"};
    lower(end);
    return std::move(kernel_);
  }

 private:
  void lower(const Statement& statement) {
    Opcode opcode(module_.file, statement);
    Choice choice;
    for (const auto choose : {choose_arithmetic, choose_float, choose_conversion, choose_memory, choose_control}) {
      choice = choose(opcode);
      if (choice.execute != nullptr) break;
    }
    if (choice.execute == nullptr || !opcode.ended()) opcode.unknown();
    Instruction made{.execute = choice.execute,
                     .count = choice.count,
                     .read_only = choice.read_only,
                     .space = choice.space,
                     .line = statement.line};
    made.at.fill(Instruction::none);
    {
      const auto locked = DeviceMemory::instance().lock();
      made.location = Checker::instance().location_of(kernel_.site(made));
    }
    made.guard_negated = statement.guard_negated;
    if (!statement.guard.empty()) made.guard = register_slot(opcode, statement.guard, {'p', 1}, false);
    if (opcode.name() == "call") return kernel_.instructions.push_back(made);
    if (statement.operands.size() != choice.operands.size())
      opcode.wrong(fmt::format("{} operands, got {}", choice.operands.size(), statement.operands.size()));
    std::size_t at = 0;
    for (std::size_t o = 0; o < choice.operands.size(); ++o)
      operand(opcode, made, at, statement.operands[o], choice.operands[o]);
    kernel_.instructions.push_back(made);
  }

  void operand(const Opcode& opcode, Instruction& made, std::size_t& at, const Operand& got, const Wanted& wanted) {
    const auto put = [&](std::uint32_t slot) {
      if (at == Instruction::most) opcode.wrong("too many operands");
      made.at[at++] = slot;
    };
    switch (wanted.kind) {
      case Wanted::Kind::result: {
        if (got.kind == Operand::Kind::sink && got.second.empty()) return put(Instruction::none);
        if (got.kind != Operand::Kind::name || got.negated || !got.second.empty())
          opcode.wrong("wanted a register for the result");
        return put(register_slot(opcode, got.name, wanted.type, wanted.wide));
      }
      case Wanted::Kind::result_predicate: {  // %r1|%p1: the second may be missing
        if (got.kind != Operand::Kind::name && got.kind != Operand::Kind::sink)
          opcode.wrong("wanted a register for the result");
        put(got.kind == Operand::Kind::sink ? Instruction::none
                                            : register_slot(opcode, got.name, wanted.type, wanted.wide));
        return put(got.second.empty() ? Instruction::none : register_slot(opcode, got.second, {'p', 1}, false));
      }
      case Wanted::Kind::predicate:
        if (got.negated) made.negated |= 1U << at;
        return put(value_slot(opcode, got, {'p', 1}, false));
      case Wanted::Kind::value:
        if (got.negated) opcode.wrong("'!' before what is no predicate");
        return put(value_slot(opcode, got, wanted.type, wanted.wide));
      case Wanted::Kind::address:
        if (got.kind != Operand::Kind::address) opcode.wrong("wanted an address in brackets");
        made.offset = got.offset;
        if (got.name.empty()) return put(constant(0));
        return put(value_slot(opcode, {.name = got.name}, {'b', 8}, false, made.space == Space::shared));
      case Wanted::Kind::vector_result:
      case Wanted::Kind::vector_value: {
        const bool result = wanted.kind == Wanted::Kind::vector_result;
        if (made.count == 1 && got.kind != Operand::Kind::vector) {
          const Wanted one{result ? Wanted::Kind::result : Wanted::Kind::value, wanted.type, wanted.wide};
          return operand(opcode, made, at, got, one);
        }
        if (got.kind != Operand::Kind::vector || got.parts.size() != made.count)
          opcode.wrong(fmt::format("wanted {} elements in braces", made.count));
        for (const Operand& part : got.parts) {
          const Wanted one{result ? Wanted::Kind::result : Wanted::Kind::value, wanted.type, wanted.wide};
          operand(opcode, made, at, part, one);
        }
        return;
      }
      case Wanted::Kind::label: {
        const auto label = function_.labels.find(got.name);
        if (got.kind != Operand::Kind::name || label == function_.labels.end())
          opcode.wrong(fmt::format("there is no label '{}'", got.name));
        made.target = static_cast<std::uint32_t>(label->second);
        return;
      }
    }
  }

  std::uint32_t register_slot(const Opcode& opcode, const std::string& name, Type wanted, bool wide) const {
    if (name.empty() || name[0] != '#') opcode.wrong(fmt::format("'{}' is no register", name));
    std::uint32_t slot = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), slot);
    const Type type = function_.registers[slot];
    const bool fits = wide ? type.bytes >= wanted.bytes : type.bytes == wanted.bytes;
    if ((type.kind == 'p') != (wanted.kind == 'p') || !fits)
      opcode.wrong(fmt::format("a register of {} bits where one of {} is wanted", type.kind == 'p' ? 1 : type.bytes * 8,
                               wanted.kind == 'p' ? 1 : wanted.bytes * 8));
    return slot;
  }

  // `address`: a register of 32 bits will do, in shared memory.
  std::uint32_t value_slot(const Opcode& opcode, const Operand& got, Type wanted, bool wide, bool address = false) {
    if (got.kind == Operand::Kind::number) {
      if (got.literal == 'f' && wanted.bytes != 4) opcode.wrong("a float where none is wanted");
      if (got.literal == 'd' && wanted.bytes != 8) opcode.wrong("a double where none is wanted");
      if (got.literal == 'i' && wanted.kind == 'f') opcode.wrong("an integer where a floating number is wanted");
      return constant(wanted.kind == 'p' ? got.bits & 1U : got.bits);
    }
    if (got.kind != Operand::Kind::name || !got.second.empty()) opcode.wrong("wanted a register or a number");
    if (got.name[0] == '#') {
      if (address && function_.registers[std::stoul(got.name.substr(1))].bytes == 4)
        return register_slot(opcode, got.name, {'b', 4}, false);
      return register_slot(opcode, got.name, wanted, wide);
    }
    if (const auto special = special_registers.find(got.name); special != special_registers.end()) {
      if (wanted.bytes != special->second.second) opcode.wrong(fmt::format("'{}' has another size", got.name));
      const auto [known, fresh] = special_slots_.try_emplace(special->second.first, 0);
      if (fresh) {
        known->second = fresh_slot();
        kernel_.specials.emplace_back(known->second, special->second.first);
      }
      return known->second;
    }
    if (wanted.bytes < 4) opcode.wrong("the address of a variable in less than 32 bits");
    return variable_slot(opcode, got.name);
  }

  std::uint32_t variable_slot(const Opcode& opcode, const std::string& name) {
    const auto [known, fresh] = variable_slots_.try_emplace(name, 0);
    if (!fresh) return known->second;
    for (std::size_t p = 0; p < function_.parameters.size(); ++p)
      if (function_.parameters[p].name == name) return known->second = constant(kernel_.parameter_offsets[p]);
    for (const auto* list : {&function_.variables, &module_.variables})
      for (const Variable& variable : *list) {
        if (variable.name != name) continue;
        if (variable.space == Space::shared) {
          known->second = fresh_slot();
          kernel_.shared.push_back({known->second, &variable});
        } else if (variable.space == Space::local) {
          known->second = fresh_slot();
          kernel_.local.push_back({known->second, local_offsets_.at(name)});
        } else if (variable.space == Space::param) {
          known->second = constant(0);  // of a call, which is never executed
        } else {
          known->second = constant(addresses_.at(name));
        }
        return known->second;
      }
    opcode.wrong(fmt::format("nobody has declared '{}'", name));
  }

  std::uint32_t fresh_slot() {
    kernel_.slots.push_back(0);
    return static_cast<std::uint32_t>(kernel_.slots.size() - 1);
  }
  std::uint32_t constant(std::uint64_t bits) {
    const auto [known, fresh] = constants_.try_emplace(bits, 0);
    if (fresh) {
      known->second = fresh_slot();
      kernel_.slots.back() = bits;
    }
    return known->second;
  }

  const Module& module_;
  const Function& function_;
  const std::map<std::string, std::uint64_t>& addresses_;
  Kernel kernel_;
  std::map<std::string, std::size_t> local_offsets_;
  std::map<Special, std::uint32_t> special_slots_;
  std::map<std::string, std::uint32_t> variable_slots_;
  std::map<std::uint64_t, std::uint32_t> constants_;
};

}  // namespace

Kernel lower(const Module& module, const Function& function, const std::map<std::string, std::uint64_t>& addresses) {
  return Lowering(module, function, addresses).run();
}

}  // namespace ethreed::emulation::ptx

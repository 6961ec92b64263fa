#include "core/error.h"
#include "kernels/emulation/ptx/machine.h"

namespace ethreed::emulation::ptx {

Opcode::Opcode(std::string_view where, const Statement& statement)
    : where_(fmt::format("{}:{}", where, statement.line)), statement_(statement) {
  std::string_view rest = statement.opcode;
  for (;;) {
    const std::size_t dot = rest.find('.');
    parts_.push_back(rest.substr(0, dot));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
}

bool Opcode::take(std::string_view part) {
  if (at_ == parts_.size() || parts_[at_] != part) return false;
  ++at_;
  return true;
}

int Opcode::take_one_of(std::initializer_list<std::string_view> parts) {
  int index = 0;
  for (const std::string_view part : parts) {
    if (take(part)) return index;
    ++index;
  }
  return -1;
}

bool Opcode::next_is_type() const {
  Type type;
  return at_ < parts_.size() && parse_type(parts_[at_], type);
}

Type Opcode::type() {
  Type type;
  if (at_ == parts_.size() || !parse_type(parts_[at_], type)) unknown();
  ++at_;
  return type;
}

void Opcode::unknown() const { fail("{}: the instruction '{}' is not known here", where_, statement_.opcode); }
void Opcode::wrong(std::string_view what) const { fail("{}: '{}': {}", where_, statement_.opcode, what); }

}  // namespace ethreed::emulation::ptx

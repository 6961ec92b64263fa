#include "kernels/emulation/ptx/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace ethreed::emulation::ptx {

namespace {

std::vector<std::string_view> parts_of(std::string_view opcode) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t dot = opcode.find('.');
    parts.push_back(opcode.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    opcode.remove_prefix(dot + 1);
  }
}

bool is_any(std::string_view one, std::initializer_list<std::string_view> of) {
  return std::find(of.begin(), of.end(), one) != of.end();
}

bool has(const Statement& statement, std::initializer_list<std::string_view> any) {
  const auto parts = parts_of(statement.opcode);
  return std::any_of(parts.begin() + 1, parts.end(), [&](std::string_view part) { return is_any(part, any); });
}
std::string_view opcode_name(const Statement& statement) { return parts_of(statement.opcode)[0]; }

Unit unit_of_access(const std::vector<std::string_view>& parts) {
  for (const std::string_view part : parts) {
    if (part == "global") return Unit::global;
    if (part.starts_with("shared")) return Unit::shared;
    if (part == "local") return Unit::local;
    if (part.starts_with("param") || part == "const") return Unit::constant;
  }
  return Unit::generic;
}

/// The barriers of the grid in a kernel, held against what orders memory. Paths are those between statements.
class GridBarriers {
 public:
  GridBarriers(const Function& function, Survey& survey) : statements_(function.statements), survey_(survey) {
    for (std::size_t s = 0; s < statements_.size(); ++s) {
      const std::string_view name = opcode_name(statements_[s]);
      std::vector<std::size_t> next;
      const bool always = statements_[s].guard.empty();
      if (name == "bra") next.push_back(function.labels.at(statements_[s].operands[0].name));
      if ((name != "bra" && name != "ret" && name != "exit" && name != "trap") || !always) next.push_back(s + 1);
      after_.push_back(next);
    }
    before_.resize(statements_.size() + 1);
    for (std::size_t s = 0; s < statements_.size(); ++s)
      for (const std::size_t next : after_[s]) before_[next].push_back(s);
  }

  void check() {
    find_workspace();
    if (workspace_.empty()) return;
    std::size_t waits = 0;
    for (std::size_t s = 0; s < statements_.size(); ++s) {
      if (is_arrival(s)) {
        ++survey_.grid_barriers;
        check_arrival(s);
      }
      if (is_wait(s)) {
        ++waits;
        check_wait(s);
      }
    }
    if (survey_.grid_barriers == 0) survey_.unordered.emplace_back("no thread arrives at the barrier of the grid");
    if (waits != static_cast<std::size_t>(survey_.grid_barriers))
      survey_.unordered.push_back(
          fmt::format("{} arrivals at the barrier of the grid, {} loops that wait", survey_.grid_barriers, waits));
  }

 private:
  // Registers with the address of the grid's word, which comes from %envreg1 and %envreg2.
  void find_workspace() {
    for (std::size_t known = workspace_.size() + 1; known != workspace_.size();) {
      known = workspace_.size();
      for (const Statement& statement : statements_) {
        const Unit unit = unit_of(statement.opcode);
        const bool moves = unit == Unit::integer || unit == Unit::conversion || opcode_name(statement) == "mov";
        if (!moves || statement.operands.empty()) continue;
        if (std::any_of(statement.operands.begin() + 1, statement.operands.end(),
                        [&](const Operand& operand) { return of_workspace(operand); }))
          add(statement.operands[0]);
      }
    }
  }
  bool of_workspace(const Operand& operand) const {
    return operand.name.starts_with("%envreg") || workspace_.count(operand.name) > 0 ||
           std::any_of(operand.parts.begin(), operand.parts.end(),
                       [&](const Operand& part) { return of_workspace(part); });
  }
  void add(const Operand& result) {
    if (!result.name.empty()) workspace_.insert(result.name);
    for (const Operand& part : result.parts) add(part);
  }

  bool touches_workspace(std::size_t s) const {
    return std::any_of(statements_[s].operands.begin(), statements_[s].operands.end(), [&](const Operand& operand) {
      return operand.kind == Operand::Kind::address && of_workspace(operand);
    });
  }
  bool is_arrival(std::size_t s) const {
    return unit_of(statements_[s].opcode) == Unit::atomic && touches_workspace(s);
  }
  bool is_wait(std::size_t s) const { return opcode_name(statements_[s]) == "ld" && touches_workspace(s); }
  bool is_block_barrier(std::size_t s) const {
    return is_any(opcode_name(statements_[s]), {"bar", "barrier"}) && has(statements_[s], {"sync", "red"}) &&
           !has(statements_[s], {"warp"});
  }
  bool is_fence(std::size_t s) const {
    return is_any(opcode_name(statements_[s]), {"membar", "fence"}) && has(statements_[s], {"gpu", "gl", "sys"});
  }
  bool is_memory(std::size_t s) const {
    const Unit unit = unit_of(statements_[s].opcode);
    return unit == Unit::global || unit == Unit::shared || unit == Unit::generic || unit == Unit::atomic;
  }
  bool orders(std::size_t s, std::initializer_list<std::string_view> semantics) const {
    return has(statements_[s], semantics) && has(statements_[s], {"gpu", "sys"});
  }

  void fault(std::size_t s, std::string_view what) {
    survey_.unordered.push_back(fmt::format("line {}: {}: {}", statements_[s].line, statements_[s].opcode, what));
  }

  // Is every path from here, this statement aside, stopped by one of the kind, before it comes to other memory or to
  // the end? `passes` are statements on the way that are no matter.
  template <class Stops, class Passes>
  bool all_paths(std::size_t from, const std::vector<std::vector<std::size_t>>& next, Stops stops,
                 Passes passes) const {
    std::set<std::size_t> seen;
    std::vector<std::size_t> left(next[from].begin(), next[from].end());
    if (left.empty()) return false;
    while (!left.empty()) {
      const std::size_t s = left.back();
      left.pop_back();
      if (!seen.insert(s).second) continue;
      if (s == statements_.size()) return false;
      if (stops(s)) continue;
      if ((is_memory(s) || is_block_barrier(s)) && !passes(s)) return false;
      if (next[s].empty()) return false;
      left.insert(left.end(), next[s].begin(), next[s].end());
    }
    return true;
  }

  void check_arrival(std::size_t s) {
    const auto none = [](std::size_t) { return false; };
    const bool fenced = all_paths(
        s, before_, [&](std::size_t p) { return is_fence(p); }, none);
    if (!orders(s, {"release", "acq_rel"}) && !fenced)
      fault(s, "neither releases what the block wrote at the scope of the GPU nor follows a fence of that scope");
    if (!all_paths(
            s, before_, [&](std::size_t p) { return is_block_barrier(p); }, none))
      fault(s, "is not behind a barrier of the block: some of its threads may still write");
    if (!all_paths(
            s, after_, [&](std::size_t p) { return is_wait(p); }, none))
      fault(s, "is not followed by the loop that waits");
  }
  void check_wait(std::size_t s) {
    const auto itself = [&](std::size_t p) { return p == s; };
    const bool fenced = all_paths(
        s, after_, [&](std::size_t p) { return is_fence(p); }, itself);
    if (!orders(s, {"acquire", "acq_rel"}) && !fenced)
      fault(s, "neither acquires what other blocks wrote at the scope of the GPU nor is followed by a fence of it");
    if (!all_paths(
            s, after_, [&](std::size_t p) { return is_block_barrier(p); }, itself))
      fault(s, "is not followed by a barrier of the block: some of its threads may read too early");
    std::set<std::size_t> seen;
    std::vector<std::size_t> left(after_[s].begin(), after_[s].end());
    while (!left.empty() && seen.count(s) == 0) {
      const std::size_t p = left.back();
      left.pop_back();
      if (p == statements_.size() || is_block_barrier(p) || !seen.insert(p).second) continue;
      left.insert(left.end(), after_[p].begin(), after_[p].end());
    }
    if (seen.count(s) == 0) fault(s, "is asked once only, in no loop");
  }

  const std::vector<Statement>& statements_;
  Survey& survey_;
  std::vector<std::vector<std::size_t>> after_, before_;
  std::set<std::string> workspace_;
};

}  // namespace

std::string_view name_of(Unit unit) {
  constexpr std::array<std::string_view, units> names{"float",   "double",   "special", "integer", "predicate",
                                                      "convert", "global",   "shared",  "local",   "generic",
                                                      "atomic",  "constant", "warp",    "barrier", "control"};
  return names[static_cast<std::size_t>(unit)];
}

Unit unit_of(std::string_view opcode) {
  const auto parts = parts_of(opcode);
  const std::string_view name = parts[0], type = parts.back();
  if (is_any(name, {"ld", "ldu", "st"})) return unit_of_access(parts);
  if (is_any(name, {"atom", "red"})) return Unit::atomic;
  if (is_any(name, {"shfl", "vote", "match", "redux", "activemask"})) return Unit::warp;
  if (is_any(name, {"bar", "barrier", "membar", "fence"})) return Unit::barrier;
  if (is_any(name, {"bra", "ret", "exit", "call", "trap"})) return Unit::control;
  if (is_any(name, {"setp", "selp", "mov", "set", "slct"}) || type == "pred") return Unit::predicate;
  if (name == "cvt") return Unit::conversion;
  const bool floating = type == "f32" || type == "f64";
  if (floating && is_any(name, {"ex2", "lg2", "rsqrt", "sin", "cos", "tanh", "rcp", "sqrt", "div"}))
    return Unit::special;
  return type == "f32" ? Unit::single_precision : type == "f64" ? Unit::double_precision : Unit::integer;
}

int Survey::all() const { return std::accumulate(instructions.begin(), instructions.end(), 0); }

Survey survey(const Function& function) {
  Survey made;
  for (const Statement& statement : function.statements) {
    ++made.instructions[static_cast<std::size_t>(unit_of(statement.opcode))];
    if (opcode_name(statement) == "ld" && has(statement, {"nc"})) ++made.read_only_loads;
  }
  for (const Variable& variable : function.variables)
    if (variable.space == Space::local) made.local_bytes += variable.bytes;
  GridBarriers(function, made).check();
  return made;
}

}  // namespace ethreed::emulation::ptx

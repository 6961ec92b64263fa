// Comparisons, choices, moves and conversions.

#include "kernels/emulation/ptx/machine.h"

#include <algorithm>
#include <cfenv>
#include <cmath>

namespace ethreed::emulation::ptx {

namespace {

using Kind = Wanted::Kind;

// --- comparisons -----------------------------------------------------------------------------------------------------

enum class Relation { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

template <Relation r, class T> bool holds(T a, T b) {
  const bool unordered = a != a || b != b;
  switch (r) {
    case Relation::eq: return a == b;
    case Relation::ne: return a != b && !unordered;
    case Relation::lt: return a < b;
    case Relation::le: return a <= b;
    case Relation::gt: return a > b;
    case Relation::ge: return a >= b;
    case Relation::equ: return a == b || unordered;
    case Relation::neu: return a != b || unordered;
    case Relation::ltu: return a < b || unordered;
    case Relation::leu: return a <= b || unordered;
    case Relation::gtu: return a > b || unordered;
    case Relation::geu: return a >= b || unordered;
    case Relation::num: return !unordered;
    case Relation::nan: return unordered;
  }
  return false;
}

// combine: 0 none, 1 and, 2 or, 3 xor, with the predicate of the last operand.
template <Relation r, class T, int combine, bool ftz> void compare(Machine& m, const Instruction& i) {
  T a = m.get<T>(i.at[2]), b = m.get<T>(i.at[3]);
  if constexpr (ftz) {
    if (std::abs(a) < std::numeric_limits<T>::min()) a = 0;
    if (std::abs(b) < std::numeric_limits<T>::min()) b = 0;
  }
  const bool found = holds<r>(a, b);
  const auto combined = [&](bool one) {
    if constexpr (combine == 0) return one;
    const bool c = m.predicate(i, 4);
    return combine == 1 ? one && c : combine == 2 ? one || c : one != c;
  };
  const bool first = combined(found), second = combined(!found);
  m.set(i.at[0], static_cast<std::uint8_t>(first));
  m.set(i.at[1], static_cast<std::uint8_t>(second));
}

template <Relation r, class T, bool ftz = false> Execute combined_compare(int combine) {
  switch (combine) {
    case 0: return compare<r, T, 1, ftz>;
    case 1: return compare<r, T, 2, ftz>;
    case 2: return compare<r, T, 3, ftz>;
    default: return compare<r, T, 0, ftz>;
  }
}

template <Relation r> Execute typed_compare(Type t, int combine, bool ftz) {
  constexpr bool plain = r <= Relation::ge, equality = r == Relation::eq || r == Relation::ne;
  if (t.kind == 'f') {
    if (t.bytes == 8) return ftz ? nullptr : combined_compare<r, double>(combine);
    return ftz ? combined_compare<r, float, true>(combine) : combined_compare<r, float>(combine);
  }
  if constexpr (plain) {
    if (ftz || (t.kind == 'b' && !equality)) return nullptr;
    const bool s = t.kind == 's';
    if (t.bytes == 2)
      return s ? combined_compare<r, std::int16_t>(combine) : combined_compare<r, std::uint16_t>(combine);
    if (t.bytes == 4)
      return s ? combined_compare<r, std::int32_t>(combine) : combined_compare<r, std::uint32_t>(combine);
    if (t.bytes == 8)
      return s ? combined_compare<r, std::int64_t>(combine) : combined_compare<r, std::uint64_t>(combine);
  }
  return nullptr;
}

Choice choose_compare(Opcode& opcode) {
  const int named = opcode.take_one_of({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu",
                                        "num", "nan", "lo", "ls", "hi", "hs"});
  if (named < 0) opcode.unknown();
  const bool of_unsigned = named >= 14;
  const auto relation = of_unsigned ? std::array{Relation::lt, Relation::le, Relation::gt,
                                                 Relation::ge}[static_cast<std::size_t>(named - 14)]
                                    : static_cast<Relation>(named);
  const int combine = opcode.take_one_of({"and", "or", "xor"});
  const bool ftz = opcode.take("ftz");
  const Type t = opcode.type();
  if (of_unsigned && t.kind != 'u') opcode.unknown();
  Choice made{.operands = {{Kind::result_predicate, {'p', 1}}, {Kind::value, t}, {Kind::value, t}}};
  if (combine >= 0) made.operands.push_back({Kind::predicate});
  switch (relation) {
    case Relation::eq: made.execute = typed_compare<Relation::eq>(t, combine, ftz); break;
    case Relation::ne: made.execute = typed_compare<Relation::ne>(t, combine, ftz); break;
    case Relation::lt: made.execute = typed_compare<Relation::lt>(t, combine, ftz); break;
    case Relation::le: made.execute = typed_compare<Relation::le>(t, combine, ftz); break;
    case Relation::gt: made.execute = typed_compare<Relation::gt>(t, combine, ftz); break;
    case Relation::ge: made.execute = typed_compare<Relation::ge>(t, combine, ftz); break;
    case Relation::equ: made.execute = typed_compare<Relation::equ>(t, combine, ftz); break;
    case Relation::neu: made.execute = typed_compare<Relation::neu>(t, combine, ftz); break;
    case Relation::ltu: made.execute = typed_compare<Relation::ltu>(t, combine, ftz); break;
    case Relation::leu: made.execute = typed_compare<Relation::leu>(t, combine, ftz); break;
    case Relation::gtu: made.execute = typed_compare<Relation::gtu>(t, combine, ftz); break;
    case Relation::geu: made.execute = typed_compare<Relation::geu>(t, combine, ftz); break;
    case Relation::num: made.execute = typed_compare<Relation::num>(t, combine, ftz); break;
    case Relation::nan: made.execute = typed_compare<Relation::nan>(t, combine, ftz); break;
  }
  if (made.execute == nullptr) opcode.unknown();
  return made;
}

// --- moves -----------------------------------------------------------------------------------------------------------

void move(Machine& m, const Instruction& i) { m.set(i.at[0], m.slots[i.at[1]]); }
void move_predicate(Machine& m, const Instruction& i) { m.set(i.at[0], static_cast<std::uint8_t>(m.predicate(i, 1))); }
void select(Machine& m, const Instruction& i) { m.set(i.at[0], m.slots[i.at[m.predicate(i, 3) ? 1 : 2]]); }

// {a, b, …} from one register, the first being its lowest bits, and back.
template <class Part, class Whole> void take_apart(Machine& m, const Instruction& i) {
  const auto whole = m.get<Whole>(i.at[i.count]);
  for (std::size_t p = 0; p < i.count; ++p) m.set(i.at[p], static_cast<Part>(whole >> (8 * sizeof(Part) * p)));
}
template <class Part, class Whole> void put_together(Machine& m, const Instruction& i) {
  Whole whole = 0;
  for (std::size_t p = 0; p < i.count; ++p)
    whole = static_cast<Whole>(whole | static_cast<Whole>(m.get<Part>(i.at[1 + p])) << (8 * sizeof(Part) * p));
  m.set(i.at[0], whole);
}

Choice choose_move(Opcode& opcode) {
  const Type t = opcode.type();
  if (t.kind == 'p') return {move_predicate, {{Kind::result, t}, {Kind::predicate}}};
  const auto& operands = opcode.statement().operands;
  const auto vector = [&](std::size_t o) {
    return o < operands.size() && operands[o].kind == Operand::Kind::vector ? operands[o].parts.size() : 0;
  };
  const std::size_t parts = std::max(vector(0), vector(1));
  if (parts == 0) return {move, {{Kind::result, t}, {Kind::value, t}}};
  const Type part{'b', static_cast<unsigned>(t.bytes / parts)};
  const bool apart = vector(0) > 0;
  Choice made{.count = static_cast<std::uint8_t>(parts)};
  made.operands = apart ? std::vector<Wanted>{{Kind::vector_result, part}, {Kind::value, t}}
                        : std::vector<Wanted>{{Kind::result, t}, {Kind::vector_value, part}};
  if (t == Type{'b', 8} && parts == 2)
    made.execute = apart ? take_apart<std::uint32_t, std::uint64_t> : put_together<std::uint32_t, std::uint64_t>;
  if (t == Type{'b', 8} && parts == 4)
    made.execute = apart ? take_apart<std::uint16_t, std::uint64_t> : put_together<std::uint16_t, std::uint64_t>;
  if (t == Type{'b', 4} && parts == 2)
    made.execute = apart ? take_apart<std::uint16_t, std::uint32_t> : put_together<std::uint16_t, std::uint32_t>;
  if (made.execute == nullptr) opcode.unknown();
  return made;
}

// --- conversions -----------------------------------------------------------------------------------------------------

/// How a conversion rounds, flushes and saturates.
struct Rounding {
  int mode;  ///< 0 nearest even, 1 to zero, 2 down, 3 up
  bool ftz, sat;
};

template <class To, class From> To convert_value(From x, Rounding how) {
  constexpr bool from_float = std::is_floating_point_v<From>, to_float = std::is_floating_point_v<To>;
  if constexpr (from_float && sizeof(From) == 4)
    if (how.ftz && std::abs(x) < std::numeric_limits<From>::min()) x = std::copysign(From{0}, x);
  if constexpr (from_float) {
    // Of a float to a float of the same size, and to an integer: to a whole number.
    if constexpr (!to_float || sizeof(To) == sizeof(From)) {
      if (how.mode >= 0)
        x = how.mode == 0   ? std::nearbyint(x)
            : how.mode == 1 ? std::trunc(x)
            : how.mode == 2 ? std::floor(x)
                            : std::ceil(x);
    }
  }
  if constexpr (from_float && !to_float) {
    if (x != x)
      return sizeof(To) == 8 || sizeof(From) == 8 ? static_cast<To>(std::uint64_t{1} << (8 * sizeof(To) - 1)) : To{0};
    if (x >= std::ldexp(From{1}, std::numeric_limits<To>::digits)) return std::numeric_limits<To>::max();
    if (x <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    return static_cast<To>(x);
  } else if constexpr (!from_float && !to_float) {
    if (how.sat)
      return std::in_range<To>(x) ? static_cast<To>(x)
             : x < 0              ? std::numeric_limits<To>::min()
                                  : std::numeric_limits<To>::max();
    return static_cast<To>(x);
  } else {
    To result;
    if (how.mode > 0 && !(from_float && sizeof(To) == sizeof(From))) {
      volatile From source = x;
      std::fesetround(
          std::array{FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD}[static_cast<std::size_t>(how.mode)]);
      volatile To directed = static_cast<To>(source);
      std::fesetround(FE_TONEAREST);
      result = directed;
    } else {
      result = static_cast<To>(x);
    }
    if (how.ftz && sizeof(To) == 4 && std::abs(result) < std::numeric_limits<To>::min())
      result = std::copysign(To{0}, result);
    if (how.sat) result = result > 0 ? std::min(result, To{1}) : To{0};
    return result;
  }
}

// How it rounds is in the instruction's count, which is otherwise of vectors.
template <class To, class From> void convert(Machine& m, const Instruction& i) {
  const auto bits = static_cast<unsigned>(i.count);
  const To value = convert_value<To>(m.get<From>(i.at[1]),
                                     Rounding{static_cast<int>(bits >> 2U) - 1, (bits & 1U) != 0, (bits & 2U) != 0});
  if constexpr (std::is_same_v<To, float>)
    if (value != value) return m.set(i.at[0], 0x7FFFFFFFU);
  m.set(i.at[0], value);
}

template <class Use> Execute with_type(Type t, Use use) {
  const bool s = t.kind == 's';
  if (t.kind == 'f') return t.bytes == 4 ? use(float{}) : use(double{});
  if (t.kind == 'p') return nullptr;
  switch (t.bytes) {
    case 1: return s ? use(std::int8_t{}) : use(std::uint8_t{});
    case 2: return s ? use(std::int16_t{}) : use(std::uint16_t{});
    case 4: return s ? use(std::int32_t{}) : use(std::uint32_t{});
    default: return s ? use(std::int64_t{}) : use(std::uint64_t{});
  }
}

Choice choose_convert(Opcode& opcode) {
  const int whole = opcode.take_one_of({"rni", "rzi", "rmi", "rpi"});
  const int rounding = opcode.take_one_of({"rn", "rz", "rm", "rp"});
  const bool ftz = opcode.take("ftz"), sat = opcode.take("sat");
  const Type to = opcode.type(), from = opcode.type();
  if (to.kind == 'b' || from.kind == 'b') opcode.unknown();
  const bool to_whole = from.kind == 'f' && (to.kind != 'f' || to.bytes == from.bytes);
  const bool rounds = to.kind == 'f' && (from.kind != 'f' || to.bytes < from.bytes);
  if (whole >= 0 && !to_whole) opcode.unknown();
  if (rounding >= 0 && !rounds) opcode.unknown();
  if ((whole < 0 && from.kind == 'f' && to.kind != 'f') || (rounding < 0 && rounds)) opcode.unknown();  // it must say
  Choice made{.operands = {{Kind::result, to, true}, {Kind::value, from, true}}};
  made.count = static_cast<std::uint8_t>((ftz ? 1 : 0) | (sat ? 2 : 0) | (std::max(whole, rounding) + 1) << 2);
  made.execute = with_type(
      to, [&](auto a) { return with_type(from, [](auto b) -> Execute { return convert<decltype(a), decltype(b)>; }); });
  return made;
}

}  // namespace

Choice choose_conversion(Opcode& opcode) {
  const std::string_view name = opcode.name();
  if (name == "setp") return choose_compare(opcode);
  if (name == "mov") return choose_move(opcode);
  if (name == "cvt") return choose_convert(opcode);
  if (name == "selp") {
    const Type t = opcode.type();
    return {select, {{Kind::result, t}, {Kind::value, t}, {Kind::value, t}, {Kind::predicate}}};
  }
  return {};
}

}  // namespace ethreed::emulation::ptx

// Integers, bits and predicates.

#include "kernels/emulation/ptx/machine.h"

#include <algorithm>

namespace ethreed::emulation::ptx {

namespace {

using Kind = Wanted::Kind;
__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

/// An integer type twice as wide.
template <class T> struct Twice;
template <> struct Twice<std::int16_t> { using Type = std::int32_t; };
template <> struct Twice<std::uint16_t> { using Type = std::uint32_t; };
template <> struct Twice<std::int32_t> { using Type = std::int64_t; };
template <> struct Twice<std::uint32_t> { using Type = std::uint64_t; };
template <> struct Twice<std::int64_t> { using Type = Wide; };
template <> struct Twice<std::uint64_t> { using Type = UnsignedWide; };

template <class T> using Bits = std::make_unsigned_t<T>;

/// F as the function of an instruction: F::of(T…) of the values of operands 1, 2, …, into operand 0.
template <class F, class T> void unary(Machine& m, const Instruction& i) { m.set(i.at[0], F::of(m.get<T>(i.at[1]))); }
template <class F, class T> void binary(Machine& m, const Instruction& i) {
  m.set(i.at[0], F::of(m.get<T>(i.at[1]), m.get<T>(i.at[2])));
}
template <class F, class T> void shift(Machine& m, const Instruction& i) {
  m.set(i.at[0], F::of(m.get<T>(i.at[1]), m.get<std::uint32_t>(i.at[2])));
}

struct Add {
  template <class T> static T of(T a, T b) { return static_cast<T>(static_cast<Bits<T>>(a) + static_cast<Bits<T>>(b)); }
};
struct Subtract {
  template <class T> static T of(T a, T b) { return static_cast<T>(static_cast<Bits<T>>(a) - static_cast<Bits<T>>(b)); }
};
struct Low {
  template <class T> static T of(T a, T b) {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};
struct High {
  template <class T> static T of(T a, T b) {
    using Double = typename Twice<T>::Type;
    return static_cast<T>(static_cast<Double>(a) * static_cast<Double>(b) >> (8 * sizeof(T)));
  }
};
// Where the ISA leaves the result open, the machine's: all ones; the dividend.
struct Divide {
  template <class T> static T of(T a, T b) {
    if (b == 0) return static_cast<T>(~Bits<T>{0});
    if constexpr (std::is_signed_v<T>)
      if (b == T{-1}) return Subtract::of(T{0}, a);
    return static_cast<T>(a / b);
  }
};
struct Remainder {
  template <class T> static T of(T a, T b) {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>)
      if (b == T{-1}) return T{0};
    return static_cast<T>(a % b);
  }
};
struct Minimum {
  template <class T> static T of(T a, T b) { return std::min(a, b); }
};
struct Maximum {
  template <class T> static T of(T a, T b) { return std::max(a, b); }
};
struct And {
  template <class T> static T of(T a, T b) { return static_cast<T>(a & b); }
};
struct Or {
  template <class T> static T of(T a, T b) { return static_cast<T>(a | b); }
};
struct Xor {
  template <class T> static T of(T a, T b) { return static_cast<T>(a ^ b); }
};
struct Not {
  template <class T> static T of(T a) { return static_cast<T>(~a); }
};
struct Negate {
  template <class T> static T of(T a) { return Subtract::of(T{0}, a); }
};
struct Absolute {
  template <class T> static T of(T a) { return a < 0 ? Negate::of(a) : a; }
};
struct Population {
  template <class T> static std::uint32_t of(T a) { return static_cast<std::uint32_t>(std::popcount(a)); }
};
struct LeadingZeros {
  template <class T> static std::uint32_t of(T a) { return static_cast<std::uint32_t>(std::countl_zero(a)); }
};
struct Reverse {
  template <class T> static T of(T a) {
    T result = 0;
    for (unsigned bit = 0; bit < 8 * sizeof(T); ++bit) result = static_cast<T>(result << 1U | (a >> bit & 1U));
    return result;
  }
};
// Shifts by more than the width are by the width.
struct ShiftLeft {
  template <class T> static T of(T a, std::uint32_t by) { return by >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << by); }
};
struct ShiftRight {
  template <class T> static T of(T a, std::uint32_t by) {
    return static_cast<T>(a >> std::min<std::uint32_t>(by, 8 * sizeof(T) - 1) >> (by >= 8 * sizeof(T) ? 1 : 0));
  }
};

template <class T> void multiply_wide(Machine& m, const Instruction& i) {
  using Double = typename Twice<T>::Type;
  m.set(i.at[0], static_cast<Double>(static_cast<Double>(m.get<T>(i.at[1])) * static_cast<Double>(m.get<T>(i.at[2]))));
}
template <class T> void multiply_wide_add(Machine& m, const Instruction& i) {
  using Double = typename Twice<T>::Type;
  m.set(i.at[0],
        Add::of(static_cast<Double>(static_cast<Double>(m.get<T>(i.at[1])) * static_cast<Double>(m.get<T>(i.at[2]))),
                m.get<Double>(i.at[3])));
}
template <class F, class T> void multiply_add(Machine& m, const Instruction& i) {
  m.set(i.at[0], Add::of(F::of(m.get<T>(i.at[1]), m.get<T>(i.at[2])), m.get<T>(i.at[3])));
}

// Any function of three bits, by its table.
void lookup3(Machine& m, const Instruction& i) {
  const auto a = m.get<std::uint32_t>(i.at[1]), b = m.get<std::uint32_t>(i.at[2]), c = m.get<std::uint32_t>(i.at[3]);
  const auto table = m.get<std::uint32_t>(i.at[4]);
  std::uint32_t result = 0;
  for (unsigned one = 0; one < 8; ++one)
    if ((table >> one & 1U) != 0)
      result |= ((one & 4U) != 0 ? a : ~a) & ((one & 2U) != 0 ? b : ~b) & ((one & 1U) != 0 ? c : ~c);
  m.set(i.at[0], result);
}

// Bytes of {b, a}, chosen by a nibble each, of which the highest bit spreads the sign.
void permute(Machine& m, const Instruction& i) {
  const auto pool = m.get<std::uint32_t>(i.at[1]) | std::uint64_t{m.get<std::uint32_t>(i.at[2])} << 32U;
  const auto selection = m.get<std::uint32_t>(i.at[3]);
  std::uint32_t result = 0;
  for (unsigned byte = 0; byte < 4; ++byte) {
    const unsigned nibble = selection >> (4 * byte) & 0xFU;
    auto value = static_cast<std::uint32_t>(pool >> (8 * (nibble & 7U)) & 0xFFU);
    if ((nibble & 8U) != 0) value = (value & 0x80U) != 0 ? 0xFFU : 0U;
    result |= value << (8 * byte);
  }
  m.set(i.at[0], result);
}

template <class T> void bit_field_insert(Machine& m, const Instruction& i) {
  constexpr unsigned width = 8 * sizeof(T);
  const unsigned position = m.get<std::uint32_t>(i.at[3]) & 0xFFU, length = m.get<std::uint32_t>(i.at[4]) & 0xFFU;
  T result = m.get<T>(i.at[2]);
  for (unsigned bit = 0; bit < length && position + bit < width; ++bit) {
    const T one = T{1} << (position + bit);
    result = (m.get<T>(i.at[1]) >> bit & 1U) != 0 ? result | one : result & ~one;
  }
  m.set(i.at[0], result);
}
template <class T> void bit_field_extract(Machine& m, const Instruction& i) {
  constexpr unsigned width = 8 * sizeof(T);
  const unsigned position = m.get<std::uint32_t>(i.at[2]) & 0xFFU, length = m.get<std::uint32_t>(i.at[3]) & 0xFFU;
  const auto value = m.get<Bits<T>>(i.at[1]);
  Bits<T> result = 0;
  for (unsigned bit = 0; bit < std::min(length, width); ++bit)
    if (position + bit < width) result |= (value >> (position + bit) & 1U) << bit;
  if (std::is_signed_v<T> && length != 0) {
    const bool sign = (value >> std::min(position + length - 1, width - 1) & 1U) != 0;
    const unsigned from = position >= width ? 0 : std::min(length, width - position);
    for (unsigned bit = from; sign && bit < width; ++bit) result |= Bits<T>{1} << bit;
  }
  m.set(i.at[0], static_cast<T>(result));
}

// Left: the high word of {b, a} shifted up; right: the low word of it shifted down.
template <bool left, bool wraps> void funnel(Machine& m, const Instruction& i) {
  const auto pair = m.get<std::uint32_t>(i.at[1]) | std::uint64_t{m.get<std::uint32_t>(i.at[2])} << 32U;
  const auto by = m.get<std::uint32_t>(i.at[3]), n = wraps ? by & 31U : std::min(by, 32U);
  m.set(i.at[0], static_cast<std::uint32_t>(left ? pair << n >> 32U : pair >> n));
}

// The instance for a type, of the function template that the arguments begin.
#define ETHREED_BY_TYPE(function, ...)                                                                              \
  [](Type of) -> Execute {                                                                                          \
    const bool is_signed = of.kind == 's';                                                                          \
    if (of.kind == 'f' || of.kind == 'p') return nullptr;                                                           \
    if (of.bytes == 2) return is_signed ? function<__VA_ARGS__ std::int16_t> : function<__VA_ARGS__ std::uint16_t>; \
    if (of.bytes == 4) return is_signed ? function<__VA_ARGS__ std::int32_t> : function<__VA_ARGS__ std::uint32_t>; \
    if (of.bytes == 8) return is_signed ? function<__VA_ARGS__ std::int64_t> : function<__VA_ARGS__ std::uint64_t>; \
    return nullptr;                                                                                                 \
  }
#define ETHREED_BY_BITS(function, ...)                             \
  [](Type of) -> Execute {                                         \
    if (of.kind != 'b') return nullptr;                            \
    if (of.bytes == 2) return function<__VA_ARGS__ std::uint16_t>; \
    if (of.bytes == 4) return function<__VA_ARGS__ std::uint32_t>; \
    if (of.bytes == 8) return function<__VA_ARGS__ std::uint64_t>; \
    return nullptr;                                                \
  }

template <class F> void of_predicates(Machine& m, const Instruction& i) {
  m.set(i.at[0],
        static_cast<std::uint8_t>(
            F::of(static_cast<std::uint8_t>(m.predicate(i, 1)), static_cast<std::uint8_t>(m.predicate(i, 2))) & 1U));
}
void not_predicate(Machine& m, const Instruction& i) { m.set(i.at[0], static_cast<std::uint8_t>(!m.predicate(i, 1))); }

Wanted result(Type t) { return {Kind::result, t}; }
Wanted value(Type t) { return {Kind::value, t}; }
Choice two(Execute e, Type t) { return {e, {result(t), value(t), value(t)}}; }
Choice one(Execute e, Type t) { return {e, {result(t), value(t)}}; }

constexpr Type u32{'u', 4};

Choice choose_product(Opcode& opcode) {
  const bool adds = opcode.name() == "mad";
  const int part = opcode.take_one_of({"lo", "hi", "wide"});
  if (part < 0 || !opcode.next_is_type()) return {};  // of floating numbers
  const Type t = opcode.type();
  const Type twice{t.kind, 2 * t.bytes};
  Execute e = nullptr;
  if (part == 2) {
    if (t.bytes > 4) opcode.unknown();
    const bool is_signed = t.kind == 's';
    if (!adds && t.bytes == 2) e = is_signed ? multiply_wide<std::int16_t> : multiply_wide<std::uint16_t>;
    if (!adds && t.bytes == 4) e = is_signed ? multiply_wide<std::int32_t> : multiply_wide<std::uint32_t>;
    if (adds && t.bytes == 4) e = is_signed ? multiply_wide_add<std::int32_t> : multiply_wide_add<std::uint32_t>;
    if (e == nullptr || t.kind == 'f') opcode.unknown();
    Choice made{e, {result(twice), value(t), value(t)}};
    if (adds) made.operands.push_back(value(twice));
    return made;
  }
  if (adds)
    e = part == 0 ? ETHREED_BY_TYPE(multiply_add, Low, )(t) : ETHREED_BY_TYPE(multiply_add, High, )(t);
  else
    e = part == 0 ? ETHREED_BY_TYPE(binary, Low, )(t) : ETHREED_BY_TYPE(binary, High, )(t);
  Choice made = two(e, t);
  if (adds) made.operands.push_back(value(t));
  return made;
}

// of integers; null for another type
Choice choose_bits(Opcode& opcode, std::string_view name) {
  const Type t = opcode.type();
  if (t.kind == 'p') {
    const Wanted p{Kind::predicate};
    if (name == "not") return {not_predicate, {result(t), p}};
    const Execute e = name == "and"   ? of_predicates<And>
                      : name == "or"  ? of_predicates<Or>
                      : name == "xor" ? of_predicates<Xor>
                                      : nullptr;
    return {e, {result(t), p, p}};
  }
  if (name == "and") return two(ETHREED_BY_BITS(binary, And, )(t), t);
  if (name == "or") return two(ETHREED_BY_BITS(binary, Or, )(t), t);
  if (name == "xor") return two(ETHREED_BY_BITS(binary, Xor, )(t), t);
  if (name == "not") return one(ETHREED_BY_BITS(unary, Not, )(t), t);
  if (name == "shl") return {ETHREED_BY_BITS(shift, ShiftLeft, )(t), {result(t), value(t), value(u32)}};
  if (name == "shr") return {ETHREED_BY_TYPE(shift, ShiftRight, )(t), {result(t), value(t), value(u32)}};
  if (t.bytes < 4) return {};
  const bool eight = t.bytes == 8;
  if (name == "popc")
    return {eight ? unary<Population, std::uint64_t> : unary<Population, std::uint32_t>, {result(u32), value(t)}};
  if (name == "clz")
    return {eight ? unary<LeadingZeros, std::uint64_t> : unary<LeadingZeros, std::uint32_t>, {result(u32), value(t)}};
  if (name == "brev") return one(eight ? unary<Reverse, std::uint64_t> : unary<Reverse, std::uint32_t>, t);
  if (name == "bfi")
    return {eight ? bit_field_insert<std::uint64_t> : bit_field_insert<std::uint32_t>,
            {result(t), value(t), value(t), value(u32), value(u32)}};
  if (name == "bfe") {
    const Execute e = t.kind == 's' ? (eight ? bit_field_extract<std::int64_t> : bit_field_extract<std::int32_t>)
                                    : (eight ? bit_field_extract<std::uint64_t> : bit_field_extract<std::uint32_t>);
    return {e, {result(t), value(t), value(u32), value(u32)}};
  }
  if (name == "lop3" && !eight) return {lookup3, {result(t), value(t), value(t), value(t), value(u32)}};
  if (name == "prmt" && !eight) return {permute, {result(t), value(t), value(t), value(t)}};
  return {};
}

}  // namespace

Choice choose_arithmetic(Opcode& opcode) {
  const std::string_view name = opcode.name();
  if (name == "mul" || name == "mad") return choose_product(opcode);
  if (name == "shf") {
    const int way = opcode.take_one_of({"l", "r"}), mode = opcode.take_one_of({"wrap", "clamp"});
    const Type t = opcode.type();
    if (way < 0 || mode < 0 || t != Type{'b', 4}) opcode.unknown();
    const Execute e = way == 0 ? (mode == 0 ? funnel<true, true> : funnel<true, false>)
                               : (mode == 0 ? funnel<false, true> : funnel<false, false>);
    return {e, {result(t), value(t), value(t), value(u32)}};
  }
  for (const std::string_view of_bits :
       {"and", "or", "xor", "not", "shl", "shr", "popc", "clz", "brev", "bfi", "bfe", "lop3", "prmt"})
    if (name == of_bits) return choose_bits(opcode, name);
  const std::initializer_list<std::string_view> of_numbers{"add", "sub", "div", "rem", "min", "max", "neg", "abs"};
  if (std::find(of_numbers.begin(), of_numbers.end(), name) == of_numbers.end()) return {};
  if (opcode.take_one_of({"u16", "u32", "u64", "s16", "s32", "s64"}) < 0) return {};
  const std::string_view last =
      std::string_view(opcode.statement().opcode).substr(opcode.statement().opcode.rfind('.') + 1);
  Type t;
  parse_type(last, t);
  if (name == "add") return two(ETHREED_BY_TYPE(binary, Add, )(t), t);
  if (name == "sub") return two(ETHREED_BY_TYPE(binary, Subtract, )(t), t);
  if (name == "div") return two(ETHREED_BY_TYPE(binary, Divide, )(t), t);
  if (name == "rem") return two(ETHREED_BY_TYPE(binary, Remainder, )(t), t);
  if (name == "min") return two(ETHREED_BY_TYPE(binary, Minimum, )(t), t);
  if (name == "max") return two(ETHREED_BY_TYPE(binary, Maximum, )(t), t);
  if (t.kind != 's') opcode.unknown();
  return one(name == "neg" ? ETHREED_BY_TYPE(unary, Negate, )(t) : ETHREED_BY_TYPE(unary, Absolute, )(t), t);
}

}  // namespace ethreed::emulation::ptx

// Floating numbers: rounded once, as the opcode says; a product and a sum are fused where it says fma, nowhere else.

#include "kernels/emulation/ptx/machine.h"

#include <algorithm>
#include <cfenv>
#include <cmath>

namespace ethreed::emulation::ptx {

Approximation& approximation() {
  static Approximation how = Approximation::exact;
  return how;
}

namespace {

using Kind = Wanted::Kind;

constexpr std::array<int, 4> directions{FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

template <class T> T flushed(T x) {
  return x != 0 && std::abs(x) < std::numeric_limits<T>::min() ? std::copysign(T{0}, x) : x;
}
template <class T> T saturated(T x) { return x > 0 ? std::min(x, T{1}) : T{0}; }  // NaN becomes 0

/// What an instruction leaves: NaN of 32 bits has one form only.
template <class T, bool ftz, bool sat> void put(Machine& m, const Instruction& i, T value) {
  if constexpr (ftz) value = flushed(value);
  if constexpr (sat) value = saturated(value);
  if (sizeof(T) == 4 && value != value) return m.set(i.at[0], 0x7FFFFFFFU);
  m.set(i.at[0], value);
}
template <class T, bool ftz> T operand(Machine& m, const Instruction& i, std::size_t o) {
  const T value = m.get<T>(i.at[o]);
  return ftz ? flushed(value) : value;
}

struct Add {
  template <class T> static T of(T a, T b) { return a + b; }
};
struct Subtract {
  template <class T> static T of(T a, T b) { return a - b; }
};
struct Multiply {
  template <class T> static T of(T a, T b) { return a * b; }
};
struct Divide {
  template <class T> static T of(T a, T b) { return a / b; }
};
struct Fused {
  template <class T> static T of(T a, T b, T c) { return std::fma(a, b, c); }
};
struct Root {
  template <class T> static T of(T a) { return std::sqrt(a); }
};
struct Reciprocal {
  template <class T> static T of(T a) { return T{1} / a; }
};
// Of NaN and a number the number; −0 is less than 0.
struct Minimum {
  template <class T> static T of(T a, T b) {
    return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : std::min(a, b);
  }
};
struct Maximum {
  template <class T> static T of(T a, T b) {
    return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
  }
};
template <class F> struct NanWins {
  template <class T> static T of(T a, T b) {
    return a != a || b != b ? std::numeric_limits<T>::quiet_NaN() : F::of(a, b);
  }
};

// The volatile variables keep the operation between the two changes of the rounding mode.
template <class F, int direction, class T, class... Rest> T rounded(T a, Rest... rest) {
  if constexpr (direction == 0) {
    return F::of(a, rest...);
  } else {
    volatile T first = a;
    std::fesetround(directions[direction]);
    volatile T result = F::of(static_cast<T>(first), rest...);
    std::fesetround(FE_TONEAREST);
    return result;
  }
}

template <class F, class T, bool ftz, bool sat, int direction> struct Executes {
  static void one(Machine& m, const Instruction& i) {
    put<T, ftz, sat>(m, i, rounded<F, direction>(operand<T, ftz>(m, i, 1)));
  }
  static void two(Machine& m, const Instruction& i) {
    put<T, ftz, sat>(m, i, rounded<F, direction>(operand<T, ftz>(m, i, 1), operand<T, ftz>(m, i, 2)));
  }
  static void three(Machine& m, const Instruction& i) {
    put<T, ftz, sat>(
        m, i, rounded<F, direction>(operand<T, ftz>(m, i, 1), operand<T, ftz>(m, i, 2), operand<T, ftz>(m, i, 3)));
  }
};

template <class F, int operands, class T, bool ftz, bool sat, int direction> constexpr Execute execute_as() {
  using E = Executes<F, T, ftz, sat, direction>;
  if constexpr (operands == 1)
    return E::one;
  else if constexpr (operands == 2)
    return E::two;
  else
    return E::three;
}

template <class F, int operands, bool ftz, bool sat> Execute in_direction(bool wide, int direction) {
  if (wide) {
    if constexpr (ftz || sat) return nullptr;
    switch (direction) {
      case 1: return execute_as<F, operands, double, false, false, 1>();
      case 2: return execute_as<F, operands, double, false, false, 2>();
      case 3: return execute_as<F, operands, double, false, false, 3>();
      default: return execute_as<F, operands, double, false, false, 0>();
    }
  }
  switch (direction) {
    case 1: return execute_as<F, operands, float, ftz, sat, 1>();
    case 2: return execute_as<F, operands, float, ftz, sat, 2>();
    case 3: return execute_as<F, operands, float, ftz, sat, 3>();
    default: return execute_as<F, operands, float, ftz, sat, 0>();
  }
}

// The modifiers behind the rounding mode, and the operands.
template <class F, int operands> Choice rounded_choice(Opcode& opcode, int direction) {
  const bool ftz = opcode.take("ftz"), sat = opcode.take("sat");
  const Type t = opcode.type();
  if (t.kind != 'f') opcode.unknown();
  const bool wide = t.bytes == 8;
  Choice made{.operands = {{Kind::result, t}}};
  for (int o = 0; o < operands; ++o) made.operands.push_back({Kind::value, t});
  made.execute = ftz ? (sat ? in_direction<F, operands, true, true>(wide, direction)
                            : in_direction<F, operands, true, false>(wide, direction))
                     : (sat ? in_direction<F, operands, false, true>(wide, direction)
                            : in_direction<F, operands, false, false>(wide, direction));
  if (made.execute == nullptr) opcode.unknown();
  return made;
}

// --- signs -----------------------------------------------------------------------------------------------------------

template <class T, bool ftz> void absolute(Machine& m, const Instruction& i) {
  m.set(i.at[0], std::abs(operand<T, ftz>(m, i, 1)));
}
template <class T, bool ftz> void negate(Machine& m, const Instruction& i) {
  m.set(i.at[0], -operand<T, ftz>(m, i, 1));
}
template <class T, bool> void copy_sign(Machine& m, const Instruction& i) {  // of operand 1, the size of operand 2
  m.set(i.at[0], std::copysign(m.get<T>(i.at[2]), m.get<T>(i.at[1])));
}

// --- approximations --------------------------------------------------------------------------------------------------

// How far each may be off is PTX ISA 9, sections 9.7.3.8 (div) and 9.7.3.13 to 9.7.3.22.

double ulp(double x) { return std::ldexp(1.0, std::max(std::ilogb(x), -126) - 23); }  // of a float

/// An approximate function and its largest error.
struct Exponential {  // of a whole number it is exact, or CUDA's own tanh in double would be off
  static double of(double x) { return std::exp2(x); }
  static bool is_exact(double x) { return x == std::nearbyint(x); }
  static double error(double, double exact) { return 2 * ulp(exact); }
};
struct Logarithm {
  static double of(double x) { return std::log2(x); }
  static double error(double x, double exact) { return (x > 0.5 && x < 2 ? 1 : std::abs(exact)) * 0x1p-22; }
};
struct FastReciprocal {
  static double of(double x) { return 1 / x; }
  static double error(double, double exact) { return ulp(exact); }
};
struct ReciprocalRoot {
  static double of(double x) { return 1 / std::sqrt(x); }
  static double error(double, double exact) { return exact * std::exp2(-22.9); }
};
struct FastRoot {
  static double of(double x) { return std::sqrt(x); }
  static double error(double, double exact) { return exact * 0x1p-23; }
};
// Beyond 100π nothing is promised: anything that a sine can be.
double error_of_sine(double x) {
  constexpr double pi = 3.14159265358979323846;
  return std::abs(x) <= 2 * pi ? std::exp2(-20.5) : std::abs(x) <= 100 * pi ? std::exp2(-14.7) : 2;
}
struct Sine {
  static double of(double x) { return std::sin(x); }
  static double error(double x, double) { return error_of_sine(x); }
};
struct Cosine {
  static double of(double x) { return std::cos(x); }
  static double error(double x, double) { return error_of_sine(x); }
};
struct Tangent {
  static double of(double x) { return std::tanh(x); }
  static double error(double, double exact) { return std::abs(exact) * 0x1p-11; }
};

double off_by(double exact, double error) {
  switch (approximation()) {
    case Approximation::low: return exact - error;
    case Approximation::high: return exact + error;
    default: return exact;
  }
}

template <class F, bool ftz> void approximate(Machine& m, const Instruction& i) {
  const double x = operand<float, ftz>(m, i, 1), exact = F::of(x);
  bool settled = exact == 0 || !std::isfinite(exact);  // 2^−∞, 1/0 and their like are what they are
  if constexpr (requires { F::is_exact(x); }) settled = settled || F::is_exact(x);
  double result = settled ? exact : off_by(exact, F::error(x, exact));
  if constexpr (std::is_same_v<F, Sine> || std::is_same_v<F, Cosine>)
    if (!settled && std::abs(result - exact) > 1) result = std::clamp(result, -1.0, 1.0);
  put<float, ftz, false>(m, i, static_cast<float>(result));
}
/// `full`: of the whole range; otherwise a·(1/b), whose reciprocal is 0 for a divisor above 2^126.
template <bool ftz, bool full> void approximate_quotient(Machine& m, const Instruction& i) {
  const double a = operand<float, ftz>(m, i, 1), b = operand<float, ftz>(m, i, 2), exact = a / b;
  if (!full && std::abs(b) > 0x1p126 && std::isfinite(b))
    return put<float, ftz, false>(m, i, static_cast<float>(a * std::copysign(0.0, b)));  // ∞·0 is NaN
  const bool settled = exact == 0 || !std::isfinite(exact);
  put<float, ftz, false>(m, i, static_cast<float>(settled ? exact : off_by(exact, 2 * ulp(exact))));
}
// Of the upper half of a double, with the lower half zero. The ISA calls it gross and bounds no error: one unit in the
// last of the 20 bits that the result has.
template <class F> void approximate_upper(Machine& m, const Instruction& i) {
  constexpr std::uint64_t upper = 0xFFFFFFFF00000000U;
  const double x = flushed(std::bit_cast<double>(m.get<std::uint64_t>(i.at[1]) & upper));
  double exact = F::of(x);
  if (std::isfinite(exact)) exact = flushed(off_by(exact, std::abs(exact) * 0x1p-21));
  m.set(i.at[0], std::bit_cast<std::uint64_t>(exact) & upper);
}

template <class F> Choice approximate_choice(Opcode& opcode) {
  const bool ftz = opcode.take("ftz");
  const Type t = opcode.type();
  Choice made{.operands = {{Kind::result, t}, {Kind::value, t}}};
  if (t == Type{'f', 4}) made.execute = ftz ? approximate<F, true> : approximate<F, false>;
  if constexpr (std::is_same_v<F, FastReciprocal> || std::is_same_v<F, ReciprocalRoot>)
    if (t == Type{'f', 8} && ftz) made.execute = approximate_upper<F>;
  if (made.execute == nullptr) opcode.unknown();
  return made;
}

Choice choose_sign(Opcode& opcode, std::string_view name) {
  const bool ftz = opcode.take("ftz");
  const Type t = opcode.type();
  if (t.kind != 'f') opcode.unknown();
  const bool wide = t.bytes == 8;
  Choice made{.operands = {{Kind::result, t}, {Kind::value, t}}};
  if (name == "abs")
    made.execute = wide ? absolute<double, false> : ftz ? absolute<float, true> : absolute<float, false>;
  if (name == "neg") made.execute = wide ? negate<double, false> : ftz ? negate<float, true> : negate<float, false>;
  if (name == "copysign") {
    made.execute = wide ? copy_sign<double, false> : copy_sign<float, false>;
    made.operands.push_back({Kind::value, t});
  }
  return made;
}

}  // namespace

Choice choose_float(Opcode& opcode) {
  const std::string_view name = opcode.name();
  if (name == "abs" || name == "neg" || name == "copysign") return choose_sign(opcode, name);
  if (name == "min" || name == "max") {
    const bool nan = opcode.take("NaN");
    if (name == "min")
      return nan ? rounded_choice<NanWins<Minimum>, 2>(opcode, 0) : rounded_choice<Minimum, 2>(opcode, 0);
    return nan ? rounded_choice<NanWins<Maximum>, 2>(opcode, 0) : rounded_choice<Maximum, 2>(opcode, 0);
  }
  if (name == "ex2" || name == "lg2" || name == "rsqrt" || name == "sin" || name == "cos" || name == "tanh") {
    if (!opcode.take("approx")) opcode.unknown();
    if (name == "ex2") return approximate_choice<Exponential>(opcode);
    if (name == "lg2") return approximate_choice<Logarithm>(opcode);
    if (name == "rsqrt") return approximate_choice<ReciprocalRoot>(opcode);
    if (name == "sin") return approximate_choice<Sine>(opcode);
    if (name == "cos") return approximate_choice<Cosine>(opcode);
    return approximate_choice<Tangent>(opcode);
  }
  if (name != "add" && name != "sub" && name != "mul" && name != "fma" && name != "div" && name != "sqrt" &&
      name != "rcp")
    return {};
  const bool full = name == "div" && opcode.take("full");
  if (full || opcode.take("approx")) {
    if (name == "rcp") return approximate_choice<FastReciprocal>(opcode);
    if (name == "sqrt") return approximate_choice<FastRoot>(opcode);
    if (name != "div") opcode.unknown();
    const bool ftz = opcode.take("ftz");
    const Type t = opcode.type();
    if (t != Type{'f', 4}) opcode.unknown();
    const Execute e = full ? (ftz ? approximate_quotient<true, true> : approximate_quotient<false, true>)
                           : (ftz ? approximate_quotient<true, false> : approximate_quotient<false, false>);
    return {e, {{Kind::result, t}, {Kind::value, t}, {Kind::value, t}}};
  }
  const int named = opcode.take_one_of({"rn", "rz", "rm", "rp"});
  const bool may_be_left_out = name == "add" || name == "sub" || name == "mul";
  if (named < 0 && !may_be_left_out) opcode.unknown();
  const int direction = std::max(named, 0);
  if (name == "add") return rounded_choice<Add, 2>(opcode, direction);
  if (name == "sub") return rounded_choice<Subtract, 2>(opcode, direction);
  if (name == "mul") return rounded_choice<Multiply, 2>(opcode, direction);
  if (name == "fma") return rounded_choice<Fused, 3>(opcode, direction);
  if (name == "div") return rounded_choice<Divide, 2>(opcode, direction);
  if (name == "sqrt") return rounded_choice<Root, 1>(opcode, direction);
  return rounded_choice<Reciprocal, 1>(opcode, direction);
}

}  // namespace ethreed::emulation::ptx

#pragma once
// A double that counts what is done with it. The CPU's kernels are templates: run on it, they tell how many operations
// they take. Included before their sources, so that the functions they call by qualified name are known.

#include <cmath>
#include <limits>

namespace ethreed::test {

struct Operations {
  double flops = 0;        ///< + − · / and the functions below, one each; a matrix product 2·m·n·k
  double comparisons = 0;  ///< < > ≤ ≥ and what is made of them: maxima, minima
};
/// Of this thread, since it was last set.
inline thread_local Operations counted_operations;

struct Counted {
  double value;

  Counted() = default;
  constexpr Counted(double v) : value(v) {}
  /// Sums in double: what is done with the double is not seen, one operation is assumed.
  explicit operator double() const { return ++counted_operations.flops, value; }

  static Counted operation(double result) { return ++counted_operations.flops, Counted(result); }
  static bool comparison(bool result) { return ++counted_operations.comparisons, result; }

  friend Counted operator+(Counted a, Counted b) { return operation(a.value + b.value); }
  friend Counted operator-(Counted a, Counted b) { return operation(a.value - b.value); }
  friend Counted operator*(Counted a, Counted b) { return operation(a.value * b.value); }
  friend Counted operator/(Counted a, Counted b) { return operation(a.value / b.value); }
  Counted& operator+=(Counted b) { return *this = *this + b; }
  Counted& operator-=(Counted b) { return *this = *this - b; }
  Counted& operator*=(Counted b) { return *this = *this * b; }
  Counted& operator/=(Counted b) { return *this = *this / b; }
  Counted operator-() const { return -value; }  // a sign is free
  friend bool operator<(Counted a, Counted b) { return comparison(a.value < b.value); }
  friend bool operator>(Counted a, Counted b) { return comparison(a.value > b.value); }
  friend bool operator<=(Counted a, Counted b) { return comparison(a.value <= b.value); }
  friend bool operator>=(Counted a, Counted b) { return comparison(a.value >= b.value); }
  friend bool operator==(Counted a, Counted b) { return a.value == b.value; }
};

}  // namespace ethreed::test

namespace ethreed::math {
using test::Counted;
inline Counted exp(Counted x) { return Counted::operation(std::exp(x.value)); }
inline Counted tanh(Counted x) { return Counted::operation(std::tanh(x.value)); }
inline Counted normal_tail(Counted y) {
  return 0.5 * Counted::operation(std::erfc((y * 0.70710678118654752440).value));
}
inline Counted sigmoid(Counted x) { return Counted::operation(1.0 / (1.0 + std::exp(-x.value))); }
}  // namespace ethreed::math

// Kernels write std::exp and the like, and numeric_limits, for whatever their scalar is.
namespace std {
using ethreed::test::Counted;
inline Counted exp(Counted x) { return Counted::operation(exp(x.value)); }
inline Counted log(Counted x) { return Counted::operation(log(x.value)); }
inline Counted log1p(Counted x) { return Counted::operation(log1p(x.value)); }
inline Counted sqrt(Counted x) { return Counted::operation(sqrt(x.value)); }
inline Counted abs(Counted x) { return abs(x.value); }
inline Counted fabs(Counted x) { return fabs(x.value); }
inline bool isfinite(Counted x) { return isfinite(x.value); }
template <> class numeric_limits<Counted> : public numeric_limits<double> {};
}  // namespace std

#pragma once
// The functions that the operation elementwise can apply. A new one is a struct here, its name in `Functions`, and its
// textbook in elementwise_cases.cpp, without which the cases do not compile.

#include "core/error.h"
#include "core/host_device.h"
#include "kernels/common/math.h"

#include <cmath>
#include <string_view>
#include <type_traits>

namespace ethreed::elementwise {

// What a struct has:
//   inputs         2: y = f(a, b); 1: y = f(a)
//   value          y of one element, from a and b, or from a
//   to_a, to_b     dy·∂y/∂a and dy·∂y/∂b, from dy, a, b and y; of one input: to_a alone, from dy, a and y
//   forward_flops, backward_flops   per element; exp, tanh and the like count as one, comparisons as none
//   backward_reads                  how many of a, b and y the derivatives need: what they do not use is not loaded
//   has_a_parameter there if value and to_a of one input take a number more, the last
//   positive       there if a must be positive
//   kink           there if the derivative jumps at a = 0

struct Add {
  static constexpr std::string_view name = "add";
  static constexpr int inputs = 2, forward_flops = 1, backward_flops = 0, backward_reads = 0;
  template <class T> ETHREED_HOST_DEVICE static T value(T a, T b) { return a + b; }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T, T) { return dy; }
  template <class T> ETHREED_HOST_DEVICE static T to_b(T dy, T, T, T) { return dy; }
};

struct Multiply {
  static constexpr std::string_view name = "multiply";
  static constexpr int inputs = 2, forward_flops = 1, backward_flops = 2, backward_reads = 2;
  template <class T> ETHREED_HOST_DEVICE static T value(T a, T b) { return a * b; }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T b, T) { return dy * b; }
  template <class T> ETHREED_HOST_DEVICE static T to_b(T dy, T a, T, T) { return dy * a; }
};

struct Tanh {
  static constexpr std::string_view name = "tanh";
  static constexpr int inputs = 1, forward_flops = 1, backward_flops = 3, backward_reads = 1;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return math::tanh(a); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T y) { return dy * (T{1} - y * y); }
};

/// 1/√a of a positive number.
struct InverseSquareRoot {
  static constexpr std::string_view name = "inverse_square_root";
  static constexpr int inputs = 1, forward_flops = 2, backward_flops = 4, backward_reads = 1;
  static constexpr bool positive = true;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return T{1} / std::sqrt(a); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T y) { return dy * (T{-0.5} * y * y * y); }
};

/// max(0, 1 − t·s)² of a score s and its sign t = ±1: the loss of a linear support vector machine.
struct SquaredHinge {
  static constexpr std::string_view name = "squared_hinge";
  static constexpr int inputs = 2, forward_flops = 3, backward_flops = 10, backward_reads = 2;
  template <class T> ETHREED_HOST_DEVICE static T margin(T s, T t) {
    const T m = T{1} - t * s;
    return m > T{0} ? m : T{0};
  }
  template <class T> ETHREED_HOST_DEVICE static T value(T s, T t) {
    const T m = margin(s, t);
    return m * m;
  }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T s, T t, T) { return dy * (T{-2} * t * margin(s, t)); }
  template <class T> ETHREED_HOST_DEVICE static T to_b(T dy, T s, T t, T) { return dy * (T{-2} * s * margin(s, t)); }
};

struct Subtract {
  static constexpr std::string_view name = "subtract";
  static constexpr int inputs = 2, forward_flops = 1, backward_flops = 0, backward_reads = 0;
  template <class T> ETHREED_HOST_DEVICE static T value(T a, T b) { return a - b; }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T, T) { return dy; }
  template <class T> ETHREED_HOST_DEVICE static T to_b(T dy, T, T, T) { return -dy; }
};

/// A constant times a.
struct Scale {
  static constexpr std::string_view name = "scale";
  static constexpr int inputs = 1, forward_flops = 1, backward_flops = 1, backward_reads = 0;
  static constexpr bool has_a_parameter = true;
  template <class T> ETHREED_HOST_DEVICE static T value(T a, T p) { return p * a; }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T, T p) { return p * dy; }
};

struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  static constexpr int inputs = 1, forward_flops = 1, backward_flops = 3, backward_reads = 1;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return math::sigmoid(a); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T y) { return dy * (y * (T{1} - y)); }
};

/// max(a, 0); its derivative at 0 is 0, and NaN stays NaN.
struct Relu {
  static constexpr std::string_view name = "relu";
  static constexpr int inputs = 1, forward_flops = 0, backward_flops = 0, backward_reads = 1;
  static constexpr bool kink = true;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return T{0} > a ? T{0} : a; }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T y) { return y > T{0} ? dy : T{0}; }
};

/// math::gelu().
struct Gelu {
  static constexpr std::string_view name = "gelu";
  static constexpr int inputs = 1, forward_flops = 5, backward_flops = 11, backward_reads = 1;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return math::gelu(a); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T a, T) { return dy * math::gelu_slope(a); }
};

/// a/2·(1 + tanh(√(2/π)·(a + 0.044715·a³))): the form by tanh of gelu()'s paper.
struct GeluTanh {
  static constexpr std::string_view name = "gelu_tanh";
  static constexpr int inputs = 1, forward_flops = 8, backward_flops = 16, backward_reads = 1;
  static constexpr double first = 0.79788456080286535588, third = first * 0.044715;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) {
    return T{0.5} * a * (T{1} + math::tanh(a * (static_cast<T>(first) + static_cast<T>(third) * (a * a))));
  }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T a, T) {
    const T square = a * a;
    const T t = math::tanh(a * (static_cast<T>(first) + static_cast<T>(third) * square));
    return dy * (T{0.5} * (T{1} + t) +
                 T{0.5} * a * (T{1} - t * t) * (static_cast<T>(first) + static_cast<T>(3 * third) * square));
  }
};

struct Exp {
  static constexpr std::string_view name = "exp";
  static constexpr int inputs = 1, forward_flops = 1, backward_flops = 1, backward_reads = 1;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return math::exp(a); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T, T y) { return dy * y; }
};

/// log a of a positive number.
struct Log {
  static constexpr std::string_view name = "log";
  static constexpr int inputs = 1, forward_flops = 1, backward_flops = 1, backward_reads = 1;
  static constexpr bool positive = true;
  template <class T> ETHREED_HOST_DEVICE static T value(T a) { return std::log(a); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T a, T) { return dy / a; }
};

/// (a − b)².
struct SquaredError {
  static constexpr std::string_view name = "squared_error";
  static constexpr int inputs = 2, forward_flops = 2, backward_flops = 6, backward_reads = 2;
  template <class T> ETHREED_HOST_DEVICE static T value(T a, T b) { return (a - b) * (a - b); }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T a, T b, T) { return T{2} * dy * (a - b); }
  template <class T> ETHREED_HOST_DEVICE static T to_b(T dy, T a, T b, T) { return T{2} * dy * (b - a); }
};

/// −t·log σ(z) − (1 − t)·log σ(−z) of a logit z and a target t from 0 to 1, as max(z, 0) − t·z + log(1 + e^{−|z|}):
/// finite for every finite z.
struct BinaryCrossEntropy {
  static constexpr std::string_view name = "binary_cross_entropy";
  static constexpr int inputs = 2, forward_flops = 5, backward_flops = 4, backward_reads = 2;
  template <class T> ETHREED_HOST_DEVICE static T value(T z, T t) {
    const T small = std::log1p(std::exp(z > T{0} ? -z : z));
    return (z > T{0} ? z : T{0}) - t * z + small;
  }
  template <class T> ETHREED_HOST_DEVICE static T to_a(T dy, T z, T t, T) { return dy * (math::sigmoid(z) - t); }
  template <class T> ETHREED_HOST_DEVICE static T to_b(T dy, T z, T, T) { return -(dy * z); }
};

template <class... F> struct FunctionList {};
using Functions = FunctionList<Add, Multiply, Tanh, InverseSquareRoot, SquaredHinge, Subtract, Scale, Sigmoid, Relu,
                               Gelu, GeluTanh, Exp, Log, SquaredError, BinaryCrossEntropy>;

template <class F> inline constexpr bool has_parameter = requires { F::has_a_parameter; };

namespace detail {

template <class Wanted, class... F> constexpr int place_of(FunctionList<F...>) {
  static_assert((std::is_same_v<Wanted, F> || ...), "the function is not in elementwise::Functions");
  int place = 0;
  bool found = false;
  ((found = found || std::is_same_v<Wanted, F>, place += found ? 0 : 1), ...);
  return place;
}
template <class... F> constexpr int count_of(FunctionList<F...>) { return static_cast<int>(sizeof...(F)); }
template <class Run, class... F> void call_for(int function, Run& run, FunctionList<F...>) {
  int place = 0;
  ((place++ == function ? run(F{}) : void()), ...);
}

}  // namespace detail

/// The number of a function in the arguments of the operation.
template <class F> inline constexpr int number_of = detail::place_of<F>(Functions{});

/// Calls run(F{}) for the function of this number.
template <class Run> void with_function(int function, Run run) {
  ETHREED_ASSERT(function >= 0 && function < detail::count_of(Functions{}));
  detail::call_for(function, run, Functions{});
}

}  // namespace ethreed::elementwise

#include "autograd/check/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace ethreed {

namespace {

// Streams of random numbers, told apart by what they are for.
constexpr std::uint64_t stream_cotangent = 1000;
constexpr std::uint64_t stream_start = 2000;

// start + gradient is summed in another order than gradient alone, over up to thousands of terms: the rounding errors
// of such a sum stay below this many units of its largest partial sum.
constexpr double accumulation_ulps = 256;

template <class T> double root_mean_square(const Array<T>& values) {
  double sum = 0;
  for (const T value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

/// The first index at which the bits differ, or −1.
template <class T> std::int64_t first_difference(const T* a, const T* b, std::size_t count) {
  if (count == 0 || std::memcmp(a, b, count * sizeof(T)) == 0) return -1;
  std::size_t i = 0;
  while (std::memcmp(a + i, b + i, sizeof(T)) == 0) ++i;
  return static_cast<std::int64_t>(i);
}

template <class T> std::int64_t first_not_finite(std::span<const T> values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) return static_cast<std::int64_t>(i);
  return -1;
}

constexpr int everything = -1;

/// One backward into buffers that hold `before`; `only` asks for the gradient of that input alone.
template <class T>
Arrays<T> backward_onto(CheckedFunction<T>& function, const Arrays<T>& cotangents, Arrays<T> before, bool accumulate,
                        int only = everything) {
  std::vector<const T*> arriving;
  for (const auto& cotangent : cotangents) arriving.push_back(cotangent.data());
  std::vector<GradientSink<T>> sinks(function.inputs.size());
  // An input without elements gets no sink: there is nothing to write, and an empty vector has no address.
  for (std::size_t i = 0; i < sinks.size(); ++i)
    if (function.inputs[i].differentiable && !before[i].empty() && (only == everything || only == static_cast<int>(i)))
      sinks[i] = {before[i].data(), accumulate};
  function.backward(arriving, sinks);
  return before;
}

/// Buffers for the gradients of all differentiable inputs.
template <class T> Arrays<T> filled(const CheckedFunction<T>& function, T value) {
  Arrays<T> arrays(function.inputs.size());
  for (std::size_t i = 0; i < arrays.size(); ++i)
    if (function.inputs[i].differentiable) arrays[i].assign(function.inputs[i].data.size(), value);
  return arrays;
}

/// The rules, each a function that rejects the rows it does not like. `gradients` is what the first backward gave.
template <class T> class Invariants {
 public:
  Invariants(CheckedFunction<T>& function, const Arrays<T>& cotangents, std::uint64_t seed,
             std::vector<InputReport>& rows)
      : function_(function), cotangents_(cotangents), seed_(seed), rows_(rows) {
    for (std::size_t i = 0; i < function.inputs.size(); ++i)
      if (function.inputs[i].differentiable) checked_.push_back(i);
  }

  Arrays<T> check() {
    function_.forward();
    outputs_are_finite();
    const Arrays<T> inputs = copy(function_.inputs);
    const Arrays<T> outputs = copy(function_.outputs);
    Arrays<T> before(function_.inputs.size());
    for (const std::size_t i : checked_)
      before[i] = uniform_values<T>(function_.inputs[i].data.size(), seed_, stream_start + i);
    gradients_ = backward_onto(function_, cotangents_, before, false);
    gradients_are_finite();
    unchanged(inputs, function_.inputs, "input");
    unchanged(outputs, function_.outputs, "output");
    repeated_and_overwritten();
    accumulated();
    asked_for_alone();
    zero_at_zero();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      std::copy(inputs[i].begin(), inputs[i].end(), function_.inputs[i].data.begin());
    return gradients_;
  }

 private:
  static Arrays<T> copy(const std::vector<CheckedArray<T>>& arrays) {
    Arrays<T> out;
    for (const auto& array : arrays) out.emplace_back(array.data.begin(), array.data.end());
    return out;
  }

  void outputs_are_finite() {
    for (const auto& output : function_.outputs)
      if (const auto at = first_not_finite<T>(output.data); at >= 0)
        for (InputReport& row : rows_)
          row.reject(Verdict::not_finite, at, static_cast<double>(output.data[at]), 0,
                     fmt::format("output {} of forward", output.name));
  }

  void gradients_are_finite() {
    for (std::size_t k = 0; k < checked_.size(); ++k)
      if (const auto at = first_not_finite<T>(gradients_[checked_[k]]); at >= 0)
        rows_[k].reject(Verdict::not_finite, at, value(gradients_, k, at), 0, "gradient");
  }

  void unchanged(const Arrays<T>& before, const std::vector<CheckedArray<T>>& now, std::string_view kind) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      const auto at = first_difference<T>(before[i].data(), now[i].data.data(), before[i].size());
      if (at < 0) continue;
      const auto j = static_cast<std::size_t>(at);
      for (InputReport& row : rows_)
        row.reject(Verdict::changes_operands, at, static_cast<double>(now[i].data[j]),
                   static_cast<double>(before[i][j]), fmt::format("{} {} after backward", kind, now[i].name));
    }
  }

  void repeated_and_overwritten() {
    const Arrays<T> nan = filled(function_, std::numeric_limits<T>::quiet_NaN());
    const Arrays<T> first = backward_onto(function_, cotangents_, nan, false);
    const Arrays<T> second = backward_onto(function_, cotangents_, nan, false);
    for (std::size_t k = 0; k < checked_.size(); ++k) {
      compare_bits(Verdict::not_repeatable, k, second, first, "second backward against the first");
      compare_bits(Verdict::not_overwritten, k, first, gradients_, "onto NaN against onto random numbers");
    }
  }

  void accumulated() {
    Arrays<T> start(function_.inputs.size());
    for (const std::size_t i : checked_)
      start[i] = uniform_values<T>(gradients_[i].size(), seed_, stream_start + 500 + i, scale(i));
    const Arrays<T> sum = backward_onto(function_, cotangents_, start, true);
    for (std::size_t k = 0; k < checked_.size(); ++k) {
      const std::size_t i = checked_[k];
      const double unit = accumulation_ulps * static_cast<double>(std::numeric_limits<T>::epsilon());
      for (std::size_t j = 0; j < sum[i].size(); ++j) {
        const double gradient = static_cast<double>(gradients_[i][j]);
        const double wanted = static_cast<double>(start[i][j]) + gradient;
        const double bound =
            unit * std::max({std::abs(gradient), std::abs(static_cast<double>(start[i][j])), scale(i)});
        if (std::abs(static_cast<double>(sum[i][j]) - wanted) <= bound) continue;
        rows_[k].reject(Verdict::not_accumulated, static_cast<std::int64_t>(j), static_cast<double>(sum[i][j]), wanted,
                        "accumulated against start + gradient");
        break;
      }
    }
  }

  void asked_for_alone() {
    const Arrays<T> before = filled(function_, T{7});
    for (std::size_t k = 0; k < checked_.size(); ++k)
      compare_bits(Verdict::depends_on_selection, k,
                   backward_onto(function_, cotangents_, before, false, static_cast<int>(checked_[k])), gradients_,
                   "alone against together");
  }

  void zero_at_zero() {
    Arrays<T> zeros = cotangents_;
    for (auto& cotangent : zeros) std::fill(cotangent.begin(), cotangent.end(), T{0});
    const Arrays<T> overwritten = backward_onto(function_, zeros, filled(function_, T{7}), false);
    const Arrays<T> accumulated = backward_onto(function_, zeros, filled(function_, T{7}), true);
    for (std::size_t k = 0; k < checked_.size(); ++k)
      for (std::size_t j = 0; j < overwritten[checked_[k]].size(); ++j) {
        const auto at = static_cast<std::int64_t>(j);
        if (overwritten[checked_[k]][j] != T{0})
          rows_[k].reject(Verdict::nonzero_at_zero, at, value(overwritten, k, at), 0, "cotangents of zeros");
        if (accumulated[checked_[k]][j] != T{7})
          rows_[k].reject(Verdict::nonzero_at_zero, at, value(accumulated, k, at), 7,
                          "cotangents of zeros, accumulated onto 7");
      }
  }

  void compare_bits(Verdict verdict, std::size_t k, const Arrays<T>& got, const Arrays<T>& wanted, const char* words) {
    const std::size_t i = checked_[k];
    const auto at = first_difference<T>(got[i].data(), wanted[i].data(), wanted[i].size());
    if (at >= 0) rows_[k].reject(verdict, at, value(got, k, at), value(wanted, k, at), words);
  }

  double value(const Arrays<T>& arrays, std::size_t k, std::int64_t at) const {
    return static_cast<double>(arrays[checked_[k]][at]);
  }

  /// Root mean square of a gradient, or 1 (the size of the cotangents) where it is nothing but rounding, or not finite.
  double scale(std::size_t i) {
    if (scales_.empty()) scales_.resize(function_.inputs.size(), -1.0);
    if (scales_[i] < 0) {
      const double rms = root_mean_square(gradients_[i]);
      const double rounding = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
      scales_[i] = rms > rounding && std::isfinite(rms) ? rms : 1.0;
    }
    return scales_[i];
  }

  CheckedFunction<T>& function_;
  const Arrays<T>& cotangents_;
  std::uint64_t seed_;
  std::vector<InputReport>& rows_;
  std::vector<std::size_t> checked_;  // the differentiable inputs: rows_[k] is about inputs[checked_[k]]
  Arrays<T> gradients_;
  std::vector<double> scales_;
};

}  // namespace

template <class T> Arrays<T> random_cotangents(const CheckedFunction<T>& function, std::uint64_t seed) {
  Arrays<T> cotangents;
  for (std::size_t i = 0; i < function.outputs.size(); ++i)
    if (const std::size_t count = function.outputs[i].data.size(); function.outputs[i].differentiable)
      cotangents.push_back(uniform_values<T>(count, seed, stream_cotangent + i));
    else
      cotangents.emplace_back(count, T{0});
  return cotangents;
}

template <class T> Arrays<T> backward(CheckedFunction<T>& function, const Arrays<T>& cotangents) {
  return backward_onto(function, cotangents, filled(function, T{0}), false);
}

template <class T>
Arrays<T> check_invariants(CheckedFunction<T>& function, const Arrays<T>& cotangents, std::uint64_t seed,
                           std::vector<InputReport>& rows) {
  return Invariants<T>(function, cotangents, seed, rows).check();
}

template Arrays<float> random_cotangents(const CheckedFunction<float>&, std::uint64_t);
template Arrays<double> random_cotangents(const CheckedFunction<double>&, std::uint64_t);
template Arrays<float> backward(CheckedFunction<float>&, const Arrays<float>&);
template Arrays<double> backward(CheckedFunction<double>&, const Arrays<double>&);
template Arrays<float> check_invariants(CheckedFunction<float>&, const Arrays<float>&, std::uint64_t,
                                        std::vector<InputReport>&);
template Arrays<double> check_invariants(CheckedFunction<double>&, const Arrays<double>&, std::uint64_t,
                                         std::vector<InputReport>&);

}  // namespace ethreed

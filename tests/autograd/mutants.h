#pragma once
// Functions with wrong backwards: what the gradient checker has to catch.

#include "autograd/gradient_checker.h"

#include <cmath>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace ethreed::test {

/// The problem of one case of the table, by name. Throws Error if there is none.
inline const OpCase find_case(std::string_view operation, std::string_view name) {
  for (const Operation& candidate : operations())
    if (candidate.name == operation)
      for (OpCase& op_case : candidate.cases())
        if (op_case.name == name) return op_case;
  fail("find_case: there is no case '{}' of '{}'", name, operation);
}

/// One backward call, as a mutant sees it: it may call the honest one, before, after or instead of its mischief.
template <class T> struct BackwardCall {
  CheckedFunction<T>& honest;
  std::span<const T* const> cotangents;
  std::span<const GradientSink<T>> gradients;

  void run() const { honest.backward(cotangents, gradients); }
};

/// A function with the forward of another and a backward that has been tampered with.
template <class T> class Mutant final : public CheckedFunction<T> {
 public:
  using Backward = std::function<void(const BackwardCall<T>&)>;
  Mutant(CheckedFunction<T>& honest, Backward backward) : honest_(honest), backward_(std::move(backward)) {
    this->inputs = honest.inputs;
    this->outputs = honest.outputs;
  }
  void forward() override { honest_.forward(); }
  void backward(std::span<const T* const> cotangents, std::span<const GradientSink<T>> gradients) override {
    backward_({honest_, cotangents, gradients});
  }

 private:
  CheckedFunction<T>& honest_;
  Backward backward_;
};

/// A backward that computes honest gradients, lets `damage` change them, and then writes them as the sinks ask:
/// a mutant whose numbers are wrong and whose manners are right.
template <class T, class Damage> typename Mutant<T>::Backward wrong_numbers(Damage damage) {
  return [damage](const BackwardCall<T>& call) {
    std::vector<std::vector<T>> values(call.gradients.size());
    std::vector<GradientSink<T>> sinks(call.gradients.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!call.gradients[i]) continue;
      values[i].resize(call.honest.inputs[i].data.size());
      sinks[i].data = values[i].data();
    }
    call.honest.backward(call.cotangents, sinks);
    damage(values, call);
    for (std::size_t i = 0; i < values.size(); ++i)
      for (std::size_t j = 0; j < values[i].size(); ++j) {
        T& to = call.gradients[i].data[j];
        to = call.gradients[i].accumulate ? to + values[i][j] : values[i][j];
      }
  };
}

/// y = softmax(x) over one row, and its backward dx = y ⊙ (v − ⟨y, v⟩); or, as a mutant, the diagonal y (1 − y) v
/// alone.
class Softmax final : public CheckedFunction<double> {
 public:
  explicit Softmax(bool diagonal_only) : diagonal_only_(diagonal_only) {
    inputs.push_back({"x", x_});
    outputs.push_back({"y", y_});
  }
  void forward() override {
    double sum = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) sum += y_[i] = std::exp(x_[i]);
    for (double& y : y_) y /= sum;
  }
  void backward(std::span<const double* const> cotangents, std::span<const GradientSink<double>> gradients) override {
    if (!gradients[0]) return;
    double mean = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) mean += y_[i] * cotangents[0][i];
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const double dx = diagonal_only_ ? y_[i] * (1 - y_[i]) * cotangents[0][i] : y_[i] * (cotangents[0][i] - mean);
      double& to = gradients[0].data[i];
      to = gradients[0].accumulate ? to + dx : dx;
    }
  }

 private:
  bool diagonal_only_;
  std::vector<double> x_{0.3, -0.7, 1.1, 0.2};
  std::vector<double> y_ = std::vector<double>(4);
};

/// One GRU cell with two hidden units, from what W_i x + b_i and W_h h + b_h give (gates in the order r, z, n):
/// h' = (1 − z) ⊙ n + z ⊙ h. As a mutant, its backward hands the reset gate's gradient to the update gate and back.
class GruCell final : public CheckedFunction<double> {
 public:
  explicit GruCell(bool swapped_gates) : swapped_gates_(swapped_gates) {
    inputs = {{"from input", a_}, {"from state", b_}, {"h", h_}};
    outputs.push_back({"h'", next_});
  }
  void forward() override {
    for (std::size_t i = 0; i < 2; ++i) {
      r_[i] = sigmoid(a_[i] + b_[i]);
      z_[i] = sigmoid(a_[2 + i] + b_[2 + i]);
      n_[i] = std::tanh(a_[4 + i] + r_[i] * b_[4 + i]);
      next_[i] = (1 - z_[i]) * n_[i] + z_[i] * h_[i];
    }
  }
  void backward(std::span<const double* const> cotangents, std::span<const GradientSink<double>> gradients) override {
    const std::size_t reset = swapped_gates_ ? 2 : 0;
    const std::size_t update = 2 - reset;
    for (std::size_t i = 0; i < 2; ++i) {
      const double v = cotangents[0][i];
      const double dn = v * (1 - z_[i]) * (1 - n_[i] * n_[i]);
      const double dr = dn * b_[4 + i] * r_[i] * (1 - r_[i]);
      const double dz = v * (h_[i] - n_[i]) * z_[i] * (1 - z_[i]);
      for (std::size_t input = 0; input < 2; ++input) {
        put(gradients[input], reset + i, dr);
        put(gradients[input], update + i, dz);
        put(gradients[input], 4 + i, input == 0 ? dn : dn * r_[i]);
      }
      put(gradients[2], i, v * z_[i]);
    }
  }

 private:
  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  static void put(const GradientSink<double>& sink, std::size_t i, double value) {
    if (sink) sink.data[i] = sink.accumulate ? sink.data[i] + value : value;
  }
  bool swapped_gates_;
  std::vector<double> a_{0.4, -0.3, 0.9, 0.1, -0.6, 0.5};
  std::vector<double> b_{-0.2, 0.8, 0.3, -0.5, 0.7, 1.2};
  std::vector<double> h_{0.6, -0.4};
  std::vector<double> r_ = std::vector<double>(2), z_ = r_, n_ = r_, next_ = r_;
};

}  // namespace ethreed::test

#pragma once
// What the gradient checker can check: anything with inputs, outputs, a forward and a backward. Two kinds are ready:
// an operation of the table, and any function written on a tape.

#include "autograd/tape.h"
#include "kernels/common/operation.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// A named array, not owned.
template <class T> struct CheckedArray {
  std::string name;
  std::span<T> data;
  bool differentiable = true;
};

/// A differentiable function of arrays. The checker perturbs the inputs in place and restores them.
template <class T> class CheckedFunction {
 public:
  virtual ~CheckedFunction() = default;

  std::vector<CheckedArray<T>> inputs;
  std::vector<CheckedArray<T>> outputs;

  /// inputs → outputs.
  virtual void forward() = 0;
  /// After a forward: one cotangent per output (zeros for those that are not differentiable), one sink per input.
  virtual void backward(std::span<const T* const> cotangents, std::span<const GradientSink<T>> gradients) = 0;
};

/// An operation bound to one case. Keeps references to both arguments.
template <class T> class CheckedOperation final : public CheckedFunction<T> {
 public:
  CheckedOperation(Context& context, OpProblem<T>& problem);
  void forward() override { problem_.forward(context_); }
  void backward(std::span<const T* const> cotangents, std::span<const GradientSink<T>> gradients) override {
    problem_.backward(context_, cotangents, gradients);
  }

 private:
  Context& context_;
  OpProblem<T>& problem_;
};

/// A function on the tape: it is handed one variable per leaf and returns the results to differentiate.
template <class T>
using TapeFunction = std::function<std::vector<Variable<T>>(Tape<T>& tape, std::span<const Variable<T>> leaves)>;

/// A TapeFunction bound to the values of its leaves. Every forward and every backward runs it on a new tape in the
/// arena of the context and gives that memory back. Leaves no gradient reaches get zeros.
template <class T> class CheckedTape final : public CheckedFunction<T> {
 public:
  /// Runs the function once, to learn its outputs: throws what it throws.
  CheckedTape(Context& context, std::vector<Operand<T>> leaves, TapeFunction<T> function);
  void forward() override;
  void backward(std::span<const T* const> cotangents, std::span<const GradientSink<T>> gradients) override;

 private:
  Context& context_;
  std::vector<Operand<T>> leaves_;
  TapeFunction<T> function_;
  std::vector<Tensor<T>> results_;
};

}  // namespace ethreed

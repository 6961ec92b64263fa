#pragma once
// The interface of an operation for code that runs over the whole table: tests, the gradient checker, benchmarks.

#include "core/context.h"
#include "core/philox.h"
#include "core/tensor.h"
#include "kernels/common/gradient.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// One input or output of an operation, bound to memory.
template <class T> struct Operand {
  std::string name;
  Tensor<T> data;
  bool differentiable = true;  ///< inputs: a gradient can be asked for; outputs: a cotangent is taken
};

/// What one call costs by the formulas of the doc block, with every gradient overwritten. FLOPs are the leading terms:
/// + − · / and exp, log, tanh, σ and √ count as one each, a matrix product as 2·m·n·k. Bytes are those of operands
/// (inputs, outputs, saved memory, cotangents, gradients and the index arrays of the contract), read and written, each
/// once; what is written and then read counts as written. Workspace does not count.
struct Cost {
  double forward_flops = 0;
  double backward_flops = 0;
  double forward_bytes = 0;
  double backward_bytes = 0;
  std::int64_t saved_bytes = 0;      ///< kept from forward for backward
  std::int64_t workspace_bytes = 0;  ///< the most scratch of either direction, as the arena counts it (64-byte rounded)
};

/// An operation bound to one case: inputs filled, outputs allocated. Saved memory belongs to the problem.
template <class T> class OpProblem {
 public:
  virtual ~OpProblem() = default;

  std::vector<Operand<T>> inputs;
  std::vector<Operand<T>> outputs;

  /// Moves every array that kernels are given into memory of this source: managed memory of a device. Index arrays stay
  /// where they are. A problem with arrays of its own (saved memory) moves these too.
  virtual void move_to(MemorySource& memory) {
    for (Operand<T>& input : inputs) input.data = input.data.clone(memory);
    for (Operand<T>& output : outputs) output.data = output.data.clone(memory);
  }

  /// Runs the production kernel: inputs → outputs (and saved memory).
  virtual void forward(Context& context) = 0;
  /// Runs the production backward kernel after a forward. `cotangents` has one array per output (never null; arrays of
  /// outputs that are not differentiable are zero); `gradients` one sink per input (empty where none is wanted).
  /// Must leave inputs and saved memory as they were, so that it can be run again.
  virtual void backward(Context& context, std::span<const T* const> cotangents,
                        std::span<const GradientSink<T>> gradients) = 0;
  /// The same outputs by textbook loops in double, written without the kernel: one vector per output.
  virtual std::vector<std::vector<double>> reference() const = 0;
  virtual Cost cost() const = 0;
  /// Bytes really held for the backward, to be compared with cost().saved_bytes.
  virtual std::int64_t saved_bytes() const = 0;
};

/// One entry of an operation's list of cases. `tiny` cases get a full Jacobian, others random projections.
struct OpCase {
  std::string name;
  bool tiny = false;
  std::function<std::unique_ptr<OpProblem<float>>(std::uint64_t seed)> make_float;
  std::function<std::unique_ptr<OpProblem<double>>(std::uint64_t seed)> make_double;
};

/// A line of the table.
struct Operation {
  std::string_view name;
  bool differentiable;
  std::vector<OpCase> (*cases)();
};

/// Every operation, in the order of kernels/op_table.def.
std::span<const Operation> operations();

/// Builds an OpCase from a callable template: make_case("name", tiny, []<class T>(std::uint64_t seed) { … }).
/// The callable returns std::unique_ptr<OpProblem<T>>.
template <class Make> OpCase make_case(std::string name, bool tiny, Make make) {
  return {
      std::move(name), tiny,
      [make](std::uint64_t seed) -> std::unique_ptr<OpProblem<float>> { return make.template operator()<float>(seed); },
      [make](std::uint64_t seed) -> std::unique_ptr<OpProblem<double>> {
        return make.template operator()<double>(seed);
      }};
}

/// A tensor filled with normal numbers times `scale`, reproducible from (seed, stream): float is the rounded double.
template <class T> Tensor<T> random_tensor(Shape shape, std::uint64_t seed, std::uint64_t stream, double scale = 1.0) {
  Tensor<T> tensor(shape);
  const PhiloxStream random(seed, stream);
  for (std::int64_t i = 0; i < tensor.count(); ++i)
    tensor[i] = static_cast<T>(random.normal(static_cast<std::uint64_t>(i)) * scale);
  return tensor;
}

}  // namespace ethreed

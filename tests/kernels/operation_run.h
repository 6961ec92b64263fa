#pragma once
// An operation run once in one of its cases, on any device: what the tests over the whole table share.

#include "core/error.h"
#include "core/indices.h"
#include "core/philox.h"
#include "kernels/common/device_problem.h"
#include "kernels/common/operation.h"
#include "tests/distance.h"
#include "tests/kernels/same_bits.h"
#include "tests/tested_operations.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

namespace ethreed::test {

/// Calls test(operation, op_case) for every case of the table, each in a section of its own.
template <class Test> void for_every_case(Test test) {
  for (const Operation& operation : tested_operations())
    for (const OpCase& op_case : tested_cases(operation)) {
      DYNAMIC_SECTION(operation.name << " / " << op_case.name) { test(operation, op_case); }
    }
}

template <class T> std::unique_ptr<OpProblem<T>> make(const OpCase& op_case) {
  if constexpr (std::is_same_v<T, float>)
    return op_case.make_float(seed);
  else
    return op_case.make_double(seed);
}

/// A problem with cotangents, and buffers for all its gradients.
template <class T> class Run {
 public:
  Run(Context& context, const Operation& operation, const OpCase& op_case)
      : Run(operation, for_device(context, make<T>(op_case))) {}
  Run(const Operation& operation, std::unique_ptr<OpProblem<T>> bound)
      : problem(std::move(bound)), differentiable_(operation.differentiable) {
    for (std::size_t o = 0; o < problem->outputs.size(); ++o) {
      const Operand<T>& output = problem->outputs[o];
      cotangents_.push_back(output.differentiable ? random_tensor<T>(output.data.shape(), seed, 1000 + o)
                                                  : Tensor<T>(output.data.shape()));
      arriving_.push_back(cotangents_.back().data());
    }
    for (const Operand<T>& input : problem->inputs) {
      gradients.emplace_back(input.data.shape());
      sinks_.push_back({input.differentiable ? gradients.back().data() : nullptr, false});
    }
  }

  void forward_and_backward(Context& context, bool accumulate = false) {
    problem->forward(context);
    backward(context, accumulate);
  }
  /// Nothing if the operation has none. Gradients that are to be overwritten are NaN before.
  void backward(Context& context, bool accumulate = false) {
    if (!differentiable_) return;
    for (GradientSink<T>& sink : sinks_) sink.accumulate = accumulate;
    for (std::size_t i = 0; i < sinks_.size() && !accumulate; ++i)
      if (sinks_[i]) std::fill_n(gradients[i].data(), gradients[i].count(), std::numeric_limits<T>::quiet_NaN());
    problem->backward(context, arriving_, sinks_);
  }

  std::unique_ptr<OpProblem<T>> problem;
  std::vector<Tensor<T>> gradients;

 private:
  bool differentiable_;
  std::vector<Tensor<T>> cotangents_;
  std::vector<const T*> arriving_;
  std::vector<GradientSink<T>> sinks_;
};

/// The forward's worst distance from the textbook reference, over all outputs.
template <class T> double distance_from_reference(Context& context, const OpCase& op_case) {
  const auto problem = for_device(context, make<T>(op_case));
  problem->forward(context);
  const auto reference = problem->reference();
  REQUIRE(reference.size() == problem->outputs.size());
  double worst = 0;
  for (std::size_t o = 0; o < reference.size(); ++o) {
    REQUIRE(static_cast<std::int64_t>(reference[o].size()) == problem->outputs[o].data.count());
    worst = std::max(worst, distance(problem->outputs[o].data.span(), reference[o]));
  }
  return worst;
}

}  // namespace ethreed::test

#pragma once
// What a case of the table of operations needs to be run backward on a device.

#include "kernels/common/operation.h"

#include <cstdint>
#include <vector>

namespace ethreed::report {

inline constexpr std::uint64_t seed = 1;

/// Cotangents of the outputs, random where they are differentiable, and places for the gradients.
template <class T> struct CaseArrays {
  std::vector<Tensor<T>> arrays;  ///< memory of the others
  std::vector<const T*> cotangents;
  std::vector<GradientSink<T>> sinks;

  CaseArrays(const OpProblem<T>& problem, MemorySource& memory) {
    for (std::size_t i = 0; i < problem.outputs.size(); ++i) {
      const auto& output = problem.outputs[i];
      arrays.push_back(output.differentiable ? random_tensor<T>(output.data.shape(), seed, 100 + i).clone(memory)
                                             : Tensor<T>(output.data.shape(), memory));
      cotangents.push_back(arrays.back().data());
    }
    for (const auto& input : problem.inputs) {
      arrays.emplace_back(input.data.shape(), memory);
      sinks.push_back(input.differentiable ? GradientSink<T>{arrays.back().data()} : GradientSink<T>{});
    }
  }
};

}  // namespace ethreed::report

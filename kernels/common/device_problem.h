#pragma once
// A problem of the table whose kernels run on a device: for tests, the gradient checker and benchmarks.

#include "kernels/common/operation.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace ethreed {

/// Operands are on the host as in every problem; what the kernels are given are copies in managed memory of the device,
/// made before and brought back after every call.
template <class T> class DeviceProblem final : public OpProblem<T> {
 public:
  /// `runtime` and `managed`, from which the copies are taken, must outlive this problem.
  DeviceProblem(DeviceRuntime& runtime, std::unique_ptr<OpProblem<T>> problem, MemorySource& managed)
      : runtime_(runtime), problem_(std::move(problem)) {
    for (const Operand<T>& input : problem_->inputs) {
      this->inputs.push_back({input.name, input.data.clone(), input.differentiable});
      gradients_.emplace_back(input.data.shape(), managed);
    }
    for (const Operand<T>& output : problem_->outputs) {
      this->outputs.push_back({output.name, output.data.clone(), output.differentiable});
      cotangents_.emplace_back(output.data.shape(), managed);
    }
    problem_->move_to(managed);
  }

  void forward(Context& context) override {
    to_device();
    problem_->forward(context);
    finish();
    for (std::size_t i = 0; i < this->outputs.size(); ++i)
      copy(problem_->outputs[i].data, this->outputs[i].data.data());
  }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    std::vector<const T*> arriving;
    for (std::size_t i = 0; i < cotangents_.size(); ++i) {
      std::copy_n(cotangents[i], cotangents_[i].count(), cotangents_[i].data());
      arriving.push_back(cotangents_[i].data());
    }
    std::vector<GradientSink<T>> sinks(gradients.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i]) continue;
      std::copy_n(gradients[i].data, gradients_[i].count(), gradients_[i].data());
      sinks[i] = {gradients_[i].data(), gradients[i].accumulate};
    }
    problem_->backward(context, arriving, sinks);
    finish();
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i]) copy(gradients_[i], gradients[i].data);
    // A kernel that altered its operands shows here as it does on the CPU.
    for (std::size_t i = 0; i < this->inputs.size(); ++i) copy(problem_->inputs[i].data, this->inputs[i].data.data());
    for (std::size_t i = 0; i < this->outputs.size(); ++i)
      copy(problem_->outputs[i].data, this->outputs[i].data.data());
  }

  std::vector<std::vector<double>> reference() const override { return problem_->reference(); }
  Cost cost() const override { return problem_->cost(); }
  std::int64_t saved_bytes() const override { return problem_->saved_bytes(); }

 private:
  static void copy(const Tensor<T>& from, T* to) { std::copy_n(from.data(), from.count(), to); }
  void to_device() {
    for (std::size_t i = 0; i < this->inputs.size(); ++i) copy(this->inputs[i].data, problem_->inputs[i].data.data());
  }
  void finish() {
    runtime_.synchronize();
    runtime_.staging().forget();
  }

  DeviceRuntime& runtime_;
  std::unique_ptr<OpProblem<T>> problem_;
  std::vector<Tensor<T>> cotangents_, gradients_;
};

/// The problem as it is on the CPU; wrapped for the device of any other context.
template <class T> std::unique_ptr<OpProblem<T>> for_device(Context& context, std::unique_ptr<OpProblem<T>> problem) {
  if (context.on_host()) return problem;
  return std::make_unique<DeviceProblem<T>>(*context.runtime, std::move(problem), context.runtime->managed());
}

}  // namespace ethreed

#include "autograd/check/checked_function.h"

#include <algorithm>
#include <utility>

namespace ethreed {

template <class T>
CheckedOperation<T>::CheckedOperation(Context& context, OpProblem<T>& problem) : context_(context), problem_(problem) {
  for (Operand<T>& input : problem.inputs)
    this->inputs.push_back({input.name, input.data.span(), input.differentiable});
  for (Operand<T>& output : problem.outputs)
    this->outputs.push_back({output.name, output.data.span(), output.differentiable});
}

template <class T>
CheckedTape<T>::CheckedTape(Context& context, std::vector<Operand<T>> leaves, TapeFunction<T> function)
    : context_(context), leaves_(std::move(leaves)), function_(std::move(function)) {
  for (Operand<T>& leaf : leaves_) this->inputs.push_back({leaf.name, leaf.data.span(), leaf.differentiable});
  forward();
  for (std::size_t i = 0; i < results_.size(); ++i)
    this->outputs.push_back({"output " + std::to_string(i), results_[i].span(), true});
}

template <class T> void CheckedTape<T>::forward() {
  const ArenaScope memory(context_.arena);
  Tape<T> tape(context_, false);
  std::vector<Variable<T>> variables;
  for (Operand<T>& leaf : leaves_) variables.push_back(tape.constant(leaf.data.view()));
  const std::vector<Variable<T>> results = function_(tape, variables);
  if (results_.empty())
    for (const Variable<T>& result : results) results_.emplace_back(result.shape());
  for (std::size_t i = 0; i < results.size(); ++i)
    std::copy_n(results[i].data(), results[i].shape().count(), results_[i].data());
}

template <class T>
void CheckedTape<T>::backward(std::span<const T* const> cotangents, std::span<const GradientSink<T>> gradients) {
  const ArenaScope memory(context_.arena);
  Tape<T> tape(context_);
  std::vector<Variable<T>> variables;
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const GradientSink<T>& sink = gradients[i];
    variables.push_back(sink ? tape.parameter(leaves_[i].data.view(), sink.data)
                             : tape.constant(leaves_[i].data.view()));
    // A gradient that counts as written already is added to: that is accumulate mode.
    if (sink) variables.back().node()->written = sink.accumulate;
  }
  const std::vector<Variable<T>> results = function_(tape, variables);
  for (std::size_t i = 0; i < results.size(); ++i) tape.seed(results[i], cotangents[i]);
  tape.run();
  for (std::size_t i = 0; i < leaves_.size(); ++i)
    if (gradients[i] && !variables[i].node()->written) std::fill_n(gradients[i].data, leaves_[i].data.count(), T{0});
}

template class CheckedOperation<float>;
template class CheckedOperation<double>;
template class CheckedTape<float>;
template class CheckedTape<double>;

}  // namespace ethreed

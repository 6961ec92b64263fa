#include "benchmarks/sections/sections.h"

#include "kernels/common/operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

namespace ethreed::bench {

namespace {

constexpr std::uint64_t seed = 1;

template <class T>
Row row_of(std::string name, const Quantiles& time, double flops, double bytes, const Machine& machine, int threads) {
  const double seconds = time.median * 1e-3;
  const double gflops = flops / seconds * 1e-9, gbytes = bytes / seconds * 1e-9;
  const Peak& peak = std::is_same_v<T, float> ? machine.float32 : machine.float64;
  return {.name = std::move(name),
          .time = time,
          .figures = {{"GFLOP/s", gflops},
                      {"% of peak", 100 * gflops / peak.of(threads)},
                      {"GB/s", gbytes},
                      {"% of memory", 100 * gbytes / machine.memory.of(threads)}}};
}

template <class T>
void measure(const std::string& name, OpProblem<T>& problem, bool differentiable, const Options& options,
             const Machine& machine, int threads, std::vector<Row>& rows) {
  Runtime runtime(threads);
  Context context = runtime.context();
  const std::string ending =
      fmt::format(", {}, {} thread{}", std::is_same_v<T, float> ? "float" : "double", threads, threads == 1 ? "" : "s");
  const Cost cost = problem.cost();
  const Quantiles forward = time_of(options.effort(), [&] { problem.forward(context); });
  rows.push_back(
      row_of<T>(name + " forward" + ending, forward, cost.forward_flops, cost.forward_bytes, machine, threads));
  if (!differentiable) return;
  std::vector<Tensor<T>> cotangents, gradients;
  std::vector<const T*> cotangent_data;
  std::vector<GradientSink<T>> sinks;
  for (std::size_t i = 0; i < problem.outputs.size(); ++i) {
    const auto& output = problem.outputs[i];
    cotangents.push_back(output.differentiable ? random_tensor<T>(output.data.shape(), seed, 100 + i)
                                               : Tensor<T>(output.data.shape()));
    cotangent_data.push_back(cotangents.back().data());
  }
  for (const auto& input : problem.inputs) {
    gradients.emplace_back(input.data.shape());
    sinks.push_back(input.differentiable ? GradientSink<T>{gradients.back().data(), false} : GradientSink<T>{});
  }
  const Quantiles backward = time_of(options.effort(), [&] { problem.backward(context, cotangent_data, sinks); });
  rows.push_back(
      row_of<T>(name + " backward" + ending, backward, cost.backward_flops, cost.backward_bytes, machine, threads));
}

}  // namespace

Section measure_operations(const Options& options, const Machine& machine) {
  Section section{
      .id = "operations",
      .title = "Operations",
      .notes =
          {"FLOPs and bytes by the formulas of each contract, the cases those of the tests. `% of memory` exceeds 100 "
           "where a case fits the cache."},
      .rows = {}};
  for (const int threads : options.threads)
    for (const Operation& operation : operations())
      for (const OpCase& op_case : operation.cases()) {
        const std::string name = fmt::format("{}/{}", operation.name, op_case.name);
        if (op_case.tiny || name.find(options.filter) == std::string::npos) continue;
        for (const std::string& dtype : options.dtypes) {
          if (dtype == "float32")
            measure(name, *op_case.make_float(seed), operation.differentiable, options, machine, threads, section.rows);
          else
            measure(name, *op_case.make_double(seed), operation.differentiable, options, machine, threads,
                    section.rows);
        }
      }
  return section;
}

}  // namespace ethreed::bench

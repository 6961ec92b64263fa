// Times every operation of the table on every case that is not tiny, forward and backward, in float: the very cases by
// which it is tested. Threads by ETHREED_THREADS (default 1).
//   bench_operations --benchmark_filter=gru --benchmark_repetitions=5

#include "kernels/common/operation.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

namespace {

using namespace ethreed;

constexpr std::uint64_t seed = 1;

void report(benchmark::State& state, double flops, double bytes) {
  using benchmark::Counter;
  state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  state.counters["bytes/s"] = Counter(bytes, Counter::kIsIterationInvariantRate);
}

void time_forward(benchmark::State& state, const OpCase& op_case, int threads) {
  Runtime runtime(threads);
  Context context = runtime.context();
  const auto problem = op_case.make_float(seed);
  for (auto _ : state) problem->forward(context);
  report(state, problem->cost().forward_flops, problem->cost().forward_bytes);
}

void time_backward(benchmark::State& state, const OpCase& op_case, int threads) {
  Runtime runtime(threads);
  Context context = runtime.context();
  const auto problem = op_case.make_float(seed);
  std::vector<Tensor<float>> cotangents, gradients;
  std::vector<const float*> cotangent_data;
  std::vector<GradientSink<float>> sinks;
  for (std::size_t i = 0; i < problem->outputs.size(); ++i) {
    const auto& output = problem->outputs[i];
    cotangents.push_back(output.differentiable ? random_tensor<float>(output.data.shape(), seed, 100 + i)
                                               : Tensor<float>(output.data.shape()));
    cotangent_data.push_back(cotangents.back().data());
  }
  for (const auto& input : problem->inputs) {
    gradients.emplace_back(input.data.shape());
    sinks.push_back(input.differentiable ? GradientSink<float>{gradients.back().data(), false} : GradientSink<float>{});
  }
  problem->forward(context);
  for (auto _ : state) problem->backward(context, cotangent_data, sinks);
  report(state, problem->cost().backward_flops, problem->cost().backward_bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const char* text = std::getenv("ETHREED_THREADS");
  const int threads = text != nullptr ? std::max(1, std::atoi(text)) : 1;
  std::vector<std::pair<const Operation*, OpCase>> cases;
  for (const Operation& operation : operations())
    for (const OpCase& op_case : operation.cases())
      if (!op_case.tiny) cases.emplace_back(&operation, op_case);
  for (const auto& [operation, op_case] : cases) {
    const std::string name = std::string(operation->name) + "/" + op_case.name;
    benchmark::RegisterBenchmark((name + "/forward").c_str(), time_forward, op_case, threads)->UseRealTime();
    if (operation->differentiable)
      benchmark::RegisterBenchmark((name + "/backward").c_str(), time_backward, op_case, threads)->UseRealTime();
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

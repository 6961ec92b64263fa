#include "tools/kernel_report/emulated_run.h"

#include "kernels/device/open_device.h"
#include "kernels/emulation/kernel_names.h"
#include "tools/kernel_report/case_arrays.h"
#include "tools/kernel_report/ptxas_log.h"

#include <algorithm>
#include <functional>

namespace ethreed::report {

namespace {

std::int64_t products(const DeviceRuntime& runtime) {
  for (const LaunchCount& count : runtime.launches())
    if (count.kernel == "gemm") return count.launches;
  return 0;
}

// What `work` launched; also notes the largest launches.
std::vector<emulation::Counters> counted(Context& context, LargestLaunches& largest, std::int64_t& product_count,
                                         const std::function<void()>& work) {
  DeviceRuntime& runtime = *context.runtime;
  emulation::reset_counters();
  runtime.forget_launches();
  work();
  runtime.synchronize();
  product_count = products(runtime);
  runtime.staging().forget();
  std::vector<emulation::Counters> counters = emulation::counters();
  for (emulation::Counters& one : counters) {
    one.kernel = emulation::tidy_name(one.kernel);
    LargestLaunch& launch = largest[one.kernel];
    launch.block_threads = std::max(launch.block_threads, static_cast<int>(one.largest_block));
    launch.dynamic_shared_bytes =
        std::max(launch.dynamic_shared_bytes, static_cast<std::size_t>(one.dynamic_shared_bytes));
  }
  return counters;
}

template <class T> void run_case(Context& context, OpProblem<T>& problem, LargestLaunches& largest, CaseRun& run) {
  MemorySource& memory = context.runtime->managed();
  problem.move_to(memory);
  run.forward = counted(context, largest, run.forward_products, [&] { problem.forward(context); });
  if (!run.differentiable) return;
  const CaseArrays<T> arrays(problem, memory);
  run.backward = counted(context, largest, run.backward_products,
                         [&] { problem.backward(context, arrays.cotangents, arrays.sinks); });
}

}  // namespace

EmulatedRun run_emulated(const std::string& filter) {
  emulation::settings().count_bank_conflicts = true;
  Runtime runtime(1);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  EmulatedRun all;
  for (const Operation& operation : operations()) {
    if (operation.name.find(filter) == std::string_view::npos) continue;
    for (const OpCase& op_case : operation.cases()) {
      if (op_case.tiny) continue;
      const auto problem = op_case.make_float(seed);
      CaseRun run{.operation = std::string(operation.name),
                  .name = op_case.name,
                  .cost = problem->cost(),
                  .differentiable = operation.differentiable};
      run_case(context, *problem, all.launches, run);
      CaseRun in_double = run;  // for its launches alone
      run_case(context, *op_case.make_double(seed), all.launches, in_double);
      all.cases.push_back(std::move(run));
    }
  }
  return all;
}

}  // namespace ethreed::report

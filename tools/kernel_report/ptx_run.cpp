#include "tools/kernel_report/ptx_run.h"

#include "core/error.h"
#include "kernels/device/open_device.h"
#include "tools/kernel_report/case_arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace ethreed::report {

namespace {

// Warp instructions that a multiprocessor issues in a clock: one of each of its four schedulers, by the white papers of
// Volta and of all architectures since.
constexpr double issued_a_clock = 4;

// The emulated device, like a GPU, until its end.
class LikeGpu {
 public:
  explicit LikeGpu(const RealGpu& gpu) : before_(emulation::settings()) {
    emulation::Settings& device = emulation::settings();
    device.check = false;  // the table's tests check; here is counted
    device.multiprocessors = std::min(gpu.multiprocessors, most_multiprocessors);
    device.shared_bytes_per_block = gpu.shared_bytes;
    device.shared_bytes_per_multiprocessor = gpu.shared_bytes + device.shared_bytes_reserved;
    if (gpu.architecture == 75) device.threads_per_multiprocessor = 1024;
  }
  ~LikeGpu() { emulation::settings() = before_; }
  LikeGpu(const LikeGpu&) = delete;
  LikeGpu& operator=(const LikeGpu&) = delete;

 private:
  emulation::Settings before_;
};

void run_case(Context& context, const Operation& operation, const OpCase& op_case) {
  DeviceRuntime& runtime = *context.runtime;
  const auto problem = op_case.make_float(seed);
  problem->move_to(runtime.managed());
  problem->forward(context);
  runtime.synchronize();
  runtime.staging().forget();
  if (!operation.differentiable) return;
  const CaseArrays<float> arrays(*problem, runtime.managed());
  problem->backward(context, arrays.cotangents, arrays.sinks);
  runtime.synchronize();
  runtime.staging().forget();
}

}  // namespace

PtxOfArchitecture run_ptx(const std::filesystem::path& folder, int architecture, const std::string& filter) {
  const RealGpu* const gpu = gpu_of(architecture);
  ETHREED_CHECK(gpu != nullptr, "kernel report: no GPU of compute capability {}.{} is known here", architecture / 10,
                architecture % 10);
  emulation::ptx::Library library;
  library.add_folder(folder / fmt::format("compute_{}", architecture));
  PtxOfArchitecture all{.architecture = architecture};
  for (const std::string& name : library.names()) all.surveys[name] = library.survey(name);
  const LikeGpu device(*gpu);
  const emulation::ptx::InPlaceOfKernels in_place(library);
  library.count_executed(true);
  {
    Runtime runtime(2);
    runtime.use(open_device(Device::emulated, runtime.pool()));
    Context context = runtime.context();
    for (const Operation& operation : operations())
      if (operation.name.find(filter) != std::string_view::npos)
        for (const OpCase& op_case : operation.cases())
          if (!op_case.tiny) {
            fmt::print(stderr, "compute_{}: {}, {}\n", architecture, operation.name, op_case.name);
            run_case(context, operation, op_case);
          }
  }
  all.executed = library.executed();
  return all;
}

IssueTime issue_time(const emulation::ptx::Executed& executed, const RealGpu& gpu) {
  double clocks = 0;
  for (const auto& [blocks, instructions] : executed.by_blocks)
    clocks += static_cast<double>(instructions) / issued_a_clock /
              static_cast<double>(std::min<std::int64_t>(blocks, gpu.multiprocessors));
  return {clocks / gpu.clock, static_cast<double>(executed.sector_bytes) / gpu.bytes};
}

}  // namespace ethreed::report

#pragma once
// A trained run with everything that it needs to be measured on a split of its data.

#include "core/context.h"
#include "model/evaluation/evaluator.h"
#include "model/interface/device_model.h"
#include "model/text/dataset.h"
#include "tools/ethreed/session.h"

#include <chrono>
#include <memory>

namespace ethreed {

/// Neither copied nor moved: its parts point to each other.
class OpenedRun {
 public:
  /// Throws Error as load_run, open_data, open_runtime and SplitExamples do.
  explicit OpenedRun(const RunArguments& arguments)
      : run(load_run(arguments)),
        data(open_data(run.info, arguments)),
        split(data.split(arguments.split)),
        runtime(open_runtime(arguments.device)),
        context(runtime->context()),
        device(context, *run.state),
        examples(split, example_kind(run.model())),
        evaluator(context, run.model(), device.model()) {}
  OpenedRun(const OpenedRun&) = delete;
  OpenedRun& operator=(const OpenedRun&) = delete;

  const Model& model() const { return run.model(); }

  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  const LoadedRun run;
  const Dataset data;
  const Split& split;
  const std::unique_ptr<Runtime> runtime;
  Context context;
  DeviceModel<float> device;
  SplitExamples examples;
  Evaluator<float> evaluator;
};

}  // namespace ethreed

#include "benchmarks/harness/workbench.h"
#include "benchmarks/sections/points.h"
#include "benchmarks/sections/sections.h"
#include "model/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>

namespace ethreed::bench {

Section measure_training(const Options& options) {
  Section section{.id = "training", .title = "Training, end to end", .notes = {}, .rows = {}};
  for (const int threads : options.threads) {
    Workbench bench(options.data, options.model, options.batch);
    Runtime runtime(threads);
    Context context = runtime.context();
    const int batches = std::min(options.batches, bench.batch_count());
    StepTimes times;
    for (int pass = -1; pass < options.passes; ++pass) {
      times.begin_pass(pass >= 0);
      for (int i = 0; i < batches; ++i)
        times.add([&] {
          return training_step(context, bench.model(), bench.state, bench.config.recipe, bench.batch(i),
                               {.step = i, .learning_rate = still})
              .targets;
        });
    }
    const double epoch_steps = bench.examples.count() / static_cast<double>(options.batch);
    Row row = times.row(fmt::format("a step of {} {}, {} thread{}", options.batch, examples_of(bench.model()), threads,
                                    threads == 1 ? "" : "s"),
                        target_of(bench.model()));
    const double step = row.time.median;
    row.figures.insert(row.figures.begin(), {{"steps/s", 1e3 / step}});
    row.figures.emplace_back("an epoch at that rate, min", epoch_steps * step / 60e3);
    row.figures.emplace_back("step arena, MiB", static_cast<double>(runtime.values().reserved_bytes()) / (1 << 20));
    section.rows.push_back(std::move(row));
    if (section.notes.empty())
      section.notes.push_back(
          fmt::format("{} different batches, {} passes; a time is the mean over a pass, from making the batch to Adam. "
                      "An epoch has {:.0f} steps; "
                      "validation comes on top.",
                      batches, options.passes, epoch_steps));
  }
  section.notes.push_back(fmt::format("Peak memory of this process, the data mapped: {:.0f} MiB.", peak_memory_mib()));
  return section;
}

}  // namespace ethreed::bench

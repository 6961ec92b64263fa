#include "benchmarks/harness/workbench.h"
#include "benchmarks/sections/points.h"
#include "benchmarks/sections/sections.h"
#include "benchmarks/sections/stage_costs.h"
#include "core/error.h"
#include "kernels/gemm/gemm.h"
#include "model/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ethreed::bench {

namespace {

// Throws unless a step with a clock has the loss and the gradients of a step without one, bit for bit.
void check_clock(const Context& context, Workbench& bench) {
  const ModelBatch& batch = bench.batch(0);
  StageClock clock;
  const auto run = [&](StageClock* with) {
    Context timed = context;
    timed.clock = with;
    return training_step(timed, bench.model(), bench.state, bench.config.recipe, batch, {.learning_rate = 0}).total;
  };
  const double expected = run(nullptr);
  const Tensor<float> gradients = bench.state.gradients.clone();
  const double loss = run(&clock);
  const bool equal =
      std::memcmp(&loss, &expected, sizeof loss) == 0 &&
      std::memcmp(gradients.data(), bench.state.gradients.data(), bytes_of<float>(gradients.count())) == 0;
  ETHREED_CHECK(equal, "with a clock the loss is {}, without {}, or the gradients differ", loss, expected);
}

// One part of a step: what it took in every pass, and what it has to do, as means over the batches of a pass.
struct Part {
  std::string name;
  double flops = 0, bytes = 0;
  std::vector<double> times{};
};

// A matrix product large enough to reach the most that matrix products reach: the peak that a step is compared with.
class LargeProduct {
 public:
  LargeProduct() {
    for (Tensor<float>* operand : {&a_, &b_}) std::fill(operand->span().begin(), operand->span().end(), 0.5F);
  }

  // GFLOP/s now.
  double rate(Context& context) {
    const auto multiply = [&] {
      gemm(context,
           Gemm<float>{
               .m = m, .n = n, .k = k, .a = a_.data(), .lda = k, .b = b_.data(), .ldb = n, .c = c_.data(), .ldc = n});
    };
    multiply();  // brings the operands into the cache and wakes the threads
    const double start = now_in_milliseconds();
    multiply();
    return 2e-6 * m * n * k / (now_in_milliseconds() - start);
  }

 private:
  static constexpr int m = 1008, n = 1024, k = 768;
  Tensor<float> a_{{m, k}}, b_{{k, n}}, c_{{m, n}};
};

// Ranges around stages: what they hold beside them, and what rows call that.
constexpr std::string_view step_range = "step", batch_range = "batch";
std::string name_of_range(std::string_view range) {
  if (range == "forward") return "forward, in no stage";
  if (range == "backward") return "backward, in no stage";
  if (range == step_range) return "the rest of the step";
  return std::string(range);
}

class StagedStep {
 public:
  StagedStep(Context& context, Workbench& bench) : context_(context), timed_(context), bench_(bench) {
    timed_.clock = &clock_;
  }

  // A step with the clock.
  void run(int i) {
    const Range step(timed_, step_range.data());
    take(timed_, i, [&]() -> const ModelBatch& {
      const Range range(timed_, batch_range.data());
      return bench_.batch(i);
    });
  }
  // The same without it: what the clock itself takes is the difference.
  void run_whole(int i) {
    const double start = now_in_milliseconds();
    take(context_, i, [&]() -> const ModelBatch& { return bench_.batch(i); });
    whole_ += now_in_milliseconds() - start;
  }

  // What the machine gives between two steps.
  void look_at_machine(int threads) {
    rates_.push_back(multiply_add_rate(threads));
    products_.push_back(product_.rate(context_));
  }
  Quantiles rates() const { return quantiles_of(rates_); }
  Quantiles products() const { return quantiles_of(products_); }

  void end_pass(int batches, bool keep) {
    if (parts_.empty()) make_parts();
    if (keep) {
      double sum = 0;
      const auto note = [&](const std::string& name, double time) {
        part(name).times.push_back(time / batches);
        sum += time;
      };
      for (const StageClock::Stage& stage : clock_.stages()) {
        if (stage.backwards == 0) {
          note(name_of_range(stage.name), stage.forward);
        } else {
          note(forward_of(stage.name), stage.forward);
          note(backward_of(stage.name), stage.backward);
        }
      }
      part(all_of_it).times.push_back(sum / batches);
      part(without_clock).times.push_back(whole_ / batches);
    }
    clock_.reset();
    whole_ = 0;
  }

  void add_costs(int i, double share) {
    const auto costs = stage_costs(bench_.model(), bench_.batch(i));
    if (costs.empty()) return;
    for (const auto& [stage, cost] : costs) {
      add(part(forward_of(stage)), share * cost.forward_flops, share * cost.forward_bytes);
      add(part(backward_of(stage)), share * cost.backward_flops, share * cost.backward_bytes);
    }
    const OptimizerCost optimizer = optimizer_cost(bench_.state.layout.size());
    add(part("optimizer"), share * optimizer.flops, share * optimizer.bytes);
  }

  std::vector<Row> rows(const Machine& machine, int threads) {
    double floor_of_all = 0;
    std::vector<Row> rows;
    const double step = quantiles_of(part(all_of_it).times).median;
    for (Part& part : parts_) {
      Row row{.name = part.name, .time = quantiles_of(part.times), .figures = {}};
      double floor = std::max(part.flops / machine.float32.of(threads), part.bytes / machine.memory.of(threads)) * 1e-6;
      floor_of_all += floor;
      if (part.name == all_of_it) floor = floor_of_all;
      if (part.bytes > 0) row.figures = {{"MFLOP", part.flops * 1e-6}, {"MB", part.bytes * 1e-6}};
      if (floor > 0 && part.name != without_clock) {
        row.figures.emplace_back("floor, ms", floor);
        row.figures.emplace_back("floor, % of ms", 100 * floor / row.time.median);
      }
      if (part.flops > 0) row.figures.emplace_back("GFLOP/s", part.flops / row.time.median * 1e-6);
      if (part.name != without_clock) row.figures.emplace_back("% of the step", 100 * row.time.median / step);
      if (part.name == all_of_it && sum_flops_ > 0) add_sum(row);
      if (part.name == without_clock && sum_flops_ > 0) {
        const double rate = sum_flops_ / row.time.median * 1e-6;
        row.figures = {{"GFLOP/s", rate},
                       {"% of peak", 100 * rate / machine.float32.of(threads)},
                       {"% of the loop of multiply-adds in the same minute", 100 * rate / rates().median},
                       {"% of a large matrix product in the same minute", 100 * rate / products().median}};
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  static constexpr const char* all_of_it = "all of it";
  static constexpr const char* without_clock = "training_step";
  static std::string forward_of(std::string_view stage) { return fmt::format("{}, forward", stage); }
  static std::string backward_of(std::string_view stage) { return fmt::format("{}, backward", stage); }

  template <class Make> void take(Context& context, int i, Make make) {
    training_step(context, bench_.model(), bench_.state, bench_.config.recipe, make(),
                  {.step = i, .learning_rate = still});
  }

  // The batch, every stage forward, every stage backward, the other ranges, sums. After a pass the clock knows them
  // all.
  void make_parts() {
    const auto stages = clock_.stages();
    parts_.push_back({.name = std::string(batch_range)});
    for (const StageClock::Stage& stage : stages)
      if (stage.backwards > 0) parts_.push_back({.name = forward_of(stage.name)});
    for (const StageClock::Stage& stage : stages)
      if (stage.backwards > 0) parts_.push_back({.name = backward_of(stage.name)});
    for (const StageClock::Stage& stage : stages)
      if (stage.backwards == 0 && stage.name != batch_range && stage.name != step_range)
        parts_.push_back({.name = name_of_range(stage.name)});
    parts_.push_back({.name = name_of_range(step_range)});
    for (const char* sum : {all_of_it, without_clock}) parts_.push_back({.name = sum});
  }
  Part& part(const std::string& name) {
    const auto found = std::find_if(parts_.begin(), parts_.end(), [&](const Part& part) { return part.name == name; });
    ETHREED_CHECK(found != parts_.end(), "'{}' is no part of a step of model '{}'", name, bench_.model().name());
    return *found;
  }
  void add(Part& part, double flops, double bytes) {
    part.flops += flops;
    part.bytes += bytes;
    sum_flops_ += flops;
    sum_bytes_ += bytes;
  }
  void add_sum(Row& row) const {
    row.figures.emplace_back("MFLOP", sum_flops_ * 1e-6);
    row.figures.emplace_back("MB", sum_bytes_ * 1e-6);
    row.figures.emplace_back("GFLOP/s", sum_flops_ / row.time.median * 1e-6);
  }

  Context& context_;
  Context timed_;  // the same with the clock
  StageClock clock_;
  Workbench& bench_;
  std::vector<Part> parts_;
  double whole_ = 0;  // of the pass in hand
  LargeProduct product_;
  std::vector<double> rates_, products_;
  double sum_flops_ = 0, sum_bytes_ = 0;
};

// What a mean batch holds, as far as it is known.
std::string batch_note(Workbench& bench, int batches) {
  double targets = 0, turns = 0, encoder = 0, sources = 0;
  bool of_ethreed = false;
  for (int i = 0; i < batches; ++i) {
    const ModelBatch& batch = bench.batch(i);
    targets += batch.targets();
    if (const auto* dialogues = dynamic_cast<const BatchOf<EthreedModel>*>(&batch)) {
      of_ethreed = true;
      turns += dialogues->value.turns(), encoder += dialogues->value.encoder_tokens();
      sources += dialogues->value.source_tokens();
    }
  }
  const double k = batches;
  if (of_ethreed)
    return fmt::format("a mean batch has {:.1f} turns and {:.0f} encoder, {:.0f} source and {:.0f} target tokens",
                       turns / k, encoder / k, sources / k, targets / k);
  return fmt::format("a mean batch has {:.1f} {}", targets / k, targets_of(bench.model()));
}

Section measure_with(const Options& options, const Machine& machine, int threads) {
  Workbench bench(options.data, options.model, options.batch);
  Runtime runtime(threads);
  Context context = runtime.context();
  const int batches = std::min(options.batches, bench.batch_count());
  check_clock(context, bench);
  StagedStep step(context, bench);
  for (int pass = -1; pass < options.passes; ++pass) {  // the first one warms up
    for (int i = 0; i < batches; ++i) step.run(i);
    for (int i = 0; i < batches; ++i) {
      step.run_whole(i);
      if (pass >= 0) step.look_at_machine(threads);
    }
    step.end_pass(batches, pass >= 0);
  }
  for (int i = 0; i < batches; ++i) step.add_costs(i, 1.0 / batches);
  return {
      .id = fmt::format("stages-{}", threads),
      .title = fmt::format("A training step by stage, {} thread{}", threads, threads == 1 ? "" : "s"),
      .notes =
          {fmt::format(
               "Model {}, variant {}. {} batches of {} {}, {} passes over them; {}. V = {}, word vectors of {}, "
               "{} parameters. With the clock, loss and gradients equal those without it to the bit.",
               bench.model().name(), bench.model().variant(), batches, options.batch, examples_of(bench.model()),
               options.passes, batch_note(bench, batches), bench.model().vocabulary(), bench.data.vectors().columns(),
               bench.state.layout.parameter_count()),
           "A time is the mean over the batches of a pass; median and quantiles are over the passes. `all of it` is "
           "the "
           "sum of the rows above it, `training_step` the same step without the clock. The floor of a stage (ETHREED "
           "and "
           "MIME have formulas for it) is the longer of FLOPs / peak and bytes / bandwidth of memory, as if nothing "
           "stayed in the cache; the dependence of one time step on the one before is not in it.",
           fmt::format("Meanwhile, between the steps, the loop of multiply-adds reached {:.0f} GFLOP/s in the median "
                       "({:.0f} to {:.0f}), a large product {:.0f} ({:.0f} to {:.0f}).",
                       step.rates().median, step.rates().low, step.rates().high, step.products().median,
                       step.products().low, step.products().high)},
      .rows = step.rows(machine, threads)};
}

}  // namespace

std::vector<Section> measure_stages(const Options& options, const Machine& machine) {
  std::vector<Section> sections;
  for (const int threads : options.threads) sections.push_back(measure_with(options, machine, threads));
  return sections;
}

}  // namespace ethreed::bench

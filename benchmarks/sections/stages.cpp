#include "benchmarks/harness/workbench.h"
#include "benchmarks/sections/sections.h"
#include "benchmarks/sections/stage_costs.h"
#include "core/error.h"
#include "kernels/adam/adam.h"
#include "kernels/gemm/gemm.h"
#include "kernels/global_norm/global_norm.h"
#include "model/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ethreed::bench {

namespace {

// Throws unless loss and gradients of the pass in stages are those of the model's own, bit for bit.
void check_staged_pass(Context& context, Workbench& bench, const Batch& batch) {
  ModelState<float>& model = bench.model;
  const auto run = [&](bool in_stages) {
    context.begin_step();
    Tape<float> tape(context);
    auto parameters = model.bind(tape);
    const StepNoise<float> noise = draw_training_noise<float>(context, model.config, bench.config.training, batch, 0);
    StageClock clock;
    const LossWeights& weights = bench.config.training.weights;
    const ForwardPass<float> pass = in_stages
                                        ? staged_pass(tape, model.config, weights, parameters, batch, noise, clock)
                                        : forward_pass(tape, model.config, weights, parameters, batch, noise);
    const float loss = pass.losses.total.data()[0];
    tape.backward(pass.losses.total);
    zero_untouched_gradients(context, model.config, parameters);
    return loss;
  };
  const float expected = run(false);
  const Tensor<float> gradients = model.gradients.clone();
  const float loss = run(true);
  const bool equal = std::memcmp(&loss, &expected, sizeof loss) == 0 &&
                     std::memcmp(gradients.data(), model.gradients.data(),
                                 static_cast<std::size_t>(gradients.count()) * sizeof(float)) == 0;
  ETHREED_CHECK(equal,
                "bench_all: the pass in stages has loss {} and forward_pass {}, or their gradients differ; bring "
                "benchmarks/sections/staged_pass.cpp in line with model/ethreed/ethreed.cpp",
                loss, expected);
}

// One part of a step: what it took in every pass, and what it has to do, as means over the batches of a pass.
struct Part {
  std::string name;
  double flops = 0, bytes = 0;
  double time = 0;  // of the pass in hand
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

class StagedStep {
 public:
  StagedStep(Context& context, Workbench& bench) : context_(context), bench_(bench) {
    for (const char* name : {"batch", "noise"}) parts_.push_back({.name = name});
    for (const std::string_view name : stage_names) parts_.push_back({.name = fmt::format("{}, forward", name)});
    for (const std::string_view name : stage_names) parts_.push_back({.name = fmt::format("{}, backward", name)});
    for (const char* name : {"optimizer", "all of it", "training_step"}) parts_.push_back({.name = name});
  }

  void run(int i) {
    ModelState<float>& model = bench_.model;
    const TrainingConfig& training = bench_.config.training;
    const double start = now_in_milliseconds();
    const Batch& batch = bench_.batch(i);
    context_.begin_step();
    Tape<float> tape(context_);
    auto parameters = model.bind(tape);
    const double built = now_in_milliseconds();
    const StepNoise<float> noise = draw_training_noise<float>(context_, model.config, training, batch, i);
    StageClock clock;
    const ForwardPass<float> pass = staged_pass(tape, model.config, training.weights, parameters, batch, noise, clock);
    tape.backward(pass.losses.total);
    const double walked = now_in_milliseconds();
    zero_untouched_gradients(context_, model.config, parameters);
    optimise(i, pass.losses.total.data());
    const double end = now_in_milliseconds();
    parts_[0].time += built - start;
    parts_[1].time += clock.forward[0] - built;
    for (std::size_t k = 0; k < stages; ++k) {
      parts_[2 + k].time += clock.forward[k + 1] - clock.forward[k];
      parts_[2 + stages + k].time += clock.backward[k] - clock.backward[k + 1];
    }
    parts_[2 + 2 * stages].time += end - walked;
    parts_[3 + 2 * stages].time += end - start;
  }

  // The same step as `ethreed train` does it, a part of the update concurrent with the next step's encoder.
  void run_whole(int i) {
    const double start = now_in_milliseconds();
    training_step(context_, bench_.model, bench_.config.training, bench_.batch(i), i, still, {.update = &update_});
    parts_.back().time += now_in_milliseconds() - start;
  }

  // What the machine gives between two steps.
  void look_at_machine(int threads) {
    rates_.push_back(multiply_add_rate(threads));
    products_.push_back(product_.rate(context_));
  }
  Spread rates() const { return spread_of(rates_); }
  Spread products() const { return spread_of(products_); }

  void end_pass(int batches, bool keep) {
    update_.finish(context_);
    for (Part& part : parts_) {
      if (keep) part.times.push_back(part.time / batches);
      part.time = 0;
    }
  }

  void add_costs(int i, double share) {
    const Batch& batch = bench_.batch(i);
    const auto costs = stage_costs(bench_.model.config, batch);
    for (std::size_t k = 0; k < stages; ++k) {
      add(parts_[2 + k], share * costs[k].forward_flops, share * costs[k].forward_bytes);
      add(parts_[2 + stages + k], share * costs[k].backward_flops, share * costs[k].backward_bytes);
    }
    const OptimizerCost optimizer = optimizer_cost(bench_.model.layout.size());
    add(parts_[2 + 2 * stages], share * optimizer.flops, share * optimizer.bytes);
  }

  std::vector<Row> rows(const Machine& machine, int threads) {
    double floor_of_all = 0;
    std::vector<Row> rows;
    Part& whole = parts_[3 + 2 * stages];
    for (Part& part : parts_) {
      Row row{.name = part.name, .time = spread_of(part.times), .figures = {}};
      double floor = std::max(part.flops / machine.float32.of(threads), part.bytes / machine.memory.of(threads)) * 1e-6;
      floor_of_all += floor;
      if (&part == &whole) floor = floor_of_all;
      if (part.flops > 0) row.figures = {{"MFLOP", part.flops * 1e-6}, {"MB", part.bytes * 1e-6}};
      if (floor > 0) {
        row.figures.emplace_back("floor, ms", floor);
        row.figures.emplace_back("floor, % of ms", 100 * floor / row.time.median);
      }
      if (part.flops > 0) row.figures.emplace_back("GFLOP/s", part.flops / row.time.median * 1e-6);
      if (&part == &whole || &part < &whole)
        row.figures.emplace_back("% of the step", 100 * row.time.median / spread_of(whole.times).median);
      if (&part == &whole) add_sum(row);
      if (&part == &parts_.back()) {
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

  void optimise(int step, const float* loss) {
    ModelState<float>& model = bench_.model;
    double* norm = context_.values.allocate<double>(1);
    global_norm<float>(context_, {.count = model.layout.size(), .x = model.gradients.data(), .norm = norm});
    adam_update(context_, adam_of_step(model, bench_.config.training, step, still, norm, loss));
  }

  Context& context_;
  Workbench& bench_;
  DeferredUpdate<float> update_{bench_.model.layout.encoder_end()};
  std::vector<Part> parts_;
  LargeProduct product_;
  std::vector<double> rates_, products_;
  double sum_flops_ = 0, sum_bytes_ = 0;
};

Section measure_with(const Options& options, const Machine& machine, int threads) {
  Workbench bench(options.data, options.batch);
  Runtime runtime(threads);
  Context context = runtime.context();
  const int batches = std::min(options.batches, bench.batch_count());
  check_staged_pass(context, bench, bench.batch(0));
  StagedStep step(context, bench);
  double turns = 0, encoder = 0, sources = 0, targets = 0;
  for (int i = 0; i < batches; ++i) {
    const Batch& batch = bench.batch(i);
    turns += batch.turns(), encoder += batch.encoder_tokens();
    sources += batch.source_tokens(), targets += batch.target_tokens();
    step.add_costs(i, 1.0 / batches);
  }
  for (int pass = -1; pass < options.passes; ++pass) {  // the first one warms up
    for (int i = 0; i < batches; ++i) step.run(i);
    for (int i = 0; i < batches; ++i) {
      step.run_whole(i);
      if (pass >= 0) step.look_at_machine(threads);
    }
    step.end_pass(batches, pass >= 0);
  }
  const double k = batches;
  return {
      .id = fmt::format("stages-{}", threads),
      .title = fmt::format("A training step by stage, {} thread{}", threads, threads == 1 ? "" : "s"),
      .notes =
          {fmt::format(
               "{} batches of {} dialogues, {} passes over them; a mean batch has {:.1f} turns and {:.0f} encoder, "
               "{:.0f} "
               "source and {:.0f} target tokens. V = {}, word vectors of {}, {} parameters. Loss and gradients equal "
               "forward_pass's to the bit.",
               batches, options.batch, options.passes, turns / k, encoder / k, sources / k, targets / k,
               bench.model.config.vocabulary, bench.model.config.embedding, bench.model.layout.parameter_count()),
           "A time is the mean over the batches of a pass; median and quantiles are over the passes. The floor of a "
           "stage is the "
           "longer of FLOPs / peak and bytes / bandwidth of memory, as if nothing stayed in the cache; the "
           "dependence of one time step on the one before is not in it.",
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

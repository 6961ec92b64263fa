// The utterance encoder's two GRUs by our kernels and by cuDNN, with the same weights on the same batch, on the first
// CUDA device: the largest differences of states and gradients, then times. Exit status 0: all agree; 1: something
// differs or went wrong; 2: wrong arguments; 77: there is no CUDA device, nothing was compared.

#include "benchmarks/peers/cudnn/cudnn_gru.h"
#include "core/philox.h"
#include "core/tensor.h"
#include "kernels/common/operation.h"
#include "kernels/device/open_device.h"
#include "kernels/gru_sequence/gru_sequence.h"
#include "kernels/linear/linear.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace ethreed;

constexpr int no_device = 77;
constexpr std::uint64_t seed = 1;

struct Options {
  int sequences = 34, longest = 40, width = 300, hidden = 300;  // a batch of 17 dialogues' posts and responses
  bool initial = false;
  int rounds = 9, repetitions = 20;
  peer::CudnnOptions cudnn;
};

// Lengths thin out as utterances do: the "encoder" case of gru_sequence.
std::vector<std::int32_t> packing_offsets(int sequences, int longest) {
  std::vector<int> lengths;
  for (int i = 0; i < sequences; ++i)
    lengths.push_back(
        std::max(1, static_cast<int>(std::lround(longest * std::pow(1.0 - static_cast<double>(i) / sequences, 1.2)))));
  std::vector<std::int32_t> offsets{0};
  for (int t = 0; t < lengths.front(); ++t)
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(std::count_if(
                                           lengths.begin(), lengths.end(), [t](int length) { return length > t; })));
  return offsets;
}

// Everything one implementation writes. Gradients are of one lane, but dx, which both lanes add to.
template <class T> struct Results {
  struct Lane {
    Tensor<T> h, dweight_ih, dweight_hh, dbias_ih, dbias_hh, dinitial;
  };
  std::array<Lane, gru_max_lanes> lane;
  Tensor<T> dx;

  Results(const Options& o, int rows, MemorySource& memory) : dx({rows, o.width}, memory) {
    for (Lane& l : lane)
      l = {.h = Tensor<T>({rows, o.hidden}, memory),
           .dweight_ih = Tensor<T>({3 * o.hidden, o.width}, memory),
           .dweight_hh = Tensor<T>({3 * o.hidden, o.hidden}, memory),
           .dbias_ih = Tensor<T>({3 * o.hidden}, memory),
           .dbias_hh = Tensor<T>({3 * o.hidden}, memory),
           .dinitial = Tensor<T>({o.sequences, o.hidden}, memory)};
  }
};

template <class T> class Encoder {
 public:
  Encoder(Context& context, const Options& options)
      : options_(options),
        offsets_(packing_offsets(options.sequences, options.longest)),
        rows_(offsets_.back()),
        ours(options, rows_, context.runtime->managed()),
        cudnn(options, rows_, context.runtime->managed()) {
    MemorySource& memory = context.runtime->managed();
    const int width = options.width, hidden = options.hidden;
    std::uint64_t stream = 0;
    const auto random = [&](Shape shape, double scale = 1.0) {
      return random_tensor<T>(shape, seed, stream++, scale).clone(memory);
    };
    x_ = random({rows_, width});
    for (Lane& lane : lanes_)
      lane = {.weight_ih = random({3 * hidden, width}, 1.0 / std::sqrt(width)),
              .weight_hh = random({3 * hidden, hidden}, 1.0 / std::sqrt(hidden)),
              .bias_ih = random({3 * hidden}, 0.5),
              .bias_hh = random({3 * hidden}, 0.5),
              .initial = random({options.sequences, hidden}),
              .dh = random({rows_, hidden}),
              .input_gates = Tensor<T>({rows_, 3 * hidden}, memory),
              .d_input_gates = Tensor<T>({rows_, 3 * hidden}, memory),
              .saved = Tensor<T>({rows_, 4 * hidden}, memory)};
  }

  peer::GruInput<T> input() const {
    peer::GruInput<T> input{.width = options_.width, .x = x_.data()};
    for (std::size_t l = 0; l < lanes_.size(); ++l) {
      input.weight_ih[l] = lanes_[l].weight_ih.data();
      input.bias_ih[l] = lanes_[l].bias_ih.data();
    }
    return input;
  }
  GruSequenceForward<T> forward_arguments(Results<T>& results) {
    GruSequenceForward<T> args{.packing = {offsets_}, .hidden = options_.hidden, .lanes = gru_max_lanes};
    for (std::size_t l = 0; l < lanes_.size(); ++l)
      args.lane[l] = {.reverse = l == 1,
                      .input_gates = lanes_[l].input_gates.data(),
                      .weight_hh = lanes_[l].weight_hh.data(),
                      .bias_hh = lanes_[l].bias_hh.data(),
                      .initial = options_.initial ? lanes_[l].initial.data() : nullptr,
                      .h = results.lane[l].h.data(),
                      .saved = lanes_[l].saved.data()};
    return args;
  }
  GruSequenceBackward<T> backward_arguments(Results<T>& results) {
    GruSequenceBackward<T> args{.forward = forward_arguments(results)};
    for (std::size_t l = 0; l < lanes_.size(); ++l) {
      auto& lane = results.lane[l];
      args.lane[l] = {
          .dh = lanes_[l].dh.data(), .dweight_hh = {lane.dweight_hh.data()}, .dbias_hh = {lane.dbias_hh.data()}};
      if (options_.initial) args.lane[l].dinitial = {lane.dinitial.data()};
    }
    return args;
  }
  static peer::GruInputGradients<T> input_gradients(Results<T>& results) {
    peer::GruInputGradients<T> gradients{.dx = {results.dx.data()}};
    for (std::size_t l = 0; l < gru_max_lanes; ++l) {
      gradients.dweight_ih[l] = {results.lane[l].dweight_ih.data()};
      gradients.dbias_ih[l] = {results.lane[l].dbias_ih.data()};
    }
    return gradients;
  }

  // As the model's encoder does it: the input projections of all rows, then the recurrence.
  void our_forward(Context& context) {
    for (Lane& lane : lanes_) linear_forward(context, product(lane));
    gru_sequence_forward(context, forward_arguments(ours));
  }
  void our_backward(Context& context) {
    GruSequenceBackward<T> args = backward_arguments(ours);
    for (std::size_t l = 0; l < lanes_.size(); ++l) args.lane[l].d_input_gates = {lanes_[l].d_input_gates.data()};
    gru_sequence_backward(context, args);
    for (std::size_t l = 0; l < lanes_.size(); ++l) {
      LinearBackward<T> back{.forward = product(lanes_[l]), .dy = lanes_[l].d_input_gates.data()};
      back.dx[0] = {ours.dx.data(), l > 0};
      back.dweight = {ours.lane[l].dweight_ih.data()};
      back.dbias = {ours.lane[l].dbias_ih.data()};
      linear_backward(context, back);
    }
  }

  int rows() const { return rows_; }

 private:
  struct Lane {
    Tensor<T> weight_ih, weight_hh, bias_ih, bias_hh, initial, dh, input_gates, d_input_gates, saved;
  };

  LinearForward<T> product(Lane& lane) {
    LinearForward<T> args{.rows = rows_, .out = 3 * options_.hidden};
    args.columns[0] = options_.width;
    args.x[0] = x_.data();
    args.weight = lane.weight_ih.data();
    args.bias = lane.bias_ih.data();
    args.y = lane.input_gates.data();
    return args;
  }

  Options options_;
  std::vector<std::int32_t> offsets_;
  int rows_;
  Tensor<T> x_;
  std::array<Lane, gru_max_lanes> lanes_;

 public:
  Results<T> ours, cudnn;
};

// Prints one line; returns the difference relative to the largest value.
template <class T> double compare(const std::string& name, const Tensor<T>& ours, const Tensor<T>& theirs) {
  double largest = 0, difference = 0;
  for (std::int64_t i = 0; i < ours.count(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(ours[i])));
    const double d = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    difference = d <= difference ? difference : d;  // a NaN is kept
  }
  const double relative = difference == 0 ? 0 : difference / largest;
  fmt::print("| {} | {:.3g} | {:.2g} | {:.2g} |\n", name, largest, difference, relative);
  return relative;
}

template <class T> double compare_all(const Encoder<T>& encoder, bool initial) {
  fmt::print("\n| {} | largest value | largest difference | relative |\n|---|---:|---:|---:|\n",
             sizeof(T) == 8 ? "double" : "float");
  double worst = 0;
  const auto line = [&](const std::string& name, const Tensor<T>& ours, const Tensor<T>& theirs) {
    const double relative = compare(name, ours, theirs);
    worst = relative <= worst ? worst : relative;
  };
  for (std::size_t l = 0; l < gru_max_lanes; ++l) {
    const auto &ours = encoder.ours.lane[l], &theirs = encoder.cudnn.lane[l];
    const std::string lane = l == 0 ? " forward" : " reverse";
    line("h" + lane, ours.h, theirs.h);
    line("dW_ih" + lane, ours.dweight_ih, theirs.dweight_ih);
    line("db_ih" + lane, ours.dbias_ih, theirs.dbias_ih);
    line("dW_hh" + lane, ours.dweight_hh, theirs.dweight_hh);
    line("db_hh" + lane, ours.dbias_hh, theirs.dbias_hh);
    if (initial) line("dinitial" + lane, ours.dinitial, theirs.dinitial);
  }
  line("dx", encoder.ours.dx, encoder.cudnn.dx);
  return worst;
}

// Median over rounds, of the mean of a round, in milliseconds.
template <class Run> double time_of(DeviceRuntime& runtime, const Options& options, Run run) {
  run();
  std::vector<double> times;
  for (int round = 0; round < options.rounds; ++round) {
    runtime.synchronize();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < options.repetitions; ++i) run();
    runtime.synchronize();
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - begin;
    times.push_back(passed.count() / options.repetitions);
  }
  std::nth_element(times.begin(), times.begin() + options.rounds / 2, times.end());
  return times[static_cast<std::size_t>(options.rounds) / 2];
}

template <class T> bool run(Context& context, const Options& options, double tolerance) {
  Encoder<T> encoder(context, options);
  const auto forward = encoder.forward_arguments(encoder.cudnn);
  const auto backward = encoder.backward_arguments(encoder.cudnn);
  peer::CudnnGru<T> gru(context, encoder.input(), forward, options.cudnn);
  encoder.our_forward(context);
  encoder.our_backward(context);
  peer::cudnn_gru_sequence(gru, context, encoder.input(), forward);
  peer::cudnn_gru_sequence(gru, context, backward, Encoder<T>::input_gradients(encoder.cudnn));
  DeviceRuntime& runtime = *context.runtime;
  runtime.synchronize();
  const double worst = compare_all(encoder, options.initial);
  const bool agree = worst <= tolerance;
  fmt::print("\nworst {:.2g}, allowed {:.0g}: {}\n", worst, tolerance, agree ? "agree" : "DIFFER");

  // A backward may use up what its forward left (cuDNN's reserve), so the two are timed together.
  const auto line = [&](const char* name, auto forward_run, auto backward_run) {
    const double f = time_of(runtime, options, forward_run);
    const double both = time_of(runtime, options, [&] {
      forward_run();
      backward_run();
    });
    fmt::print("| {} | {:.3f} | {:.3f} |\n", name, f, both);
  };
  fmt::print("\n| {}, {} rows, {} sequences, {} steps | forward, ms | forward and backward, ms |\n|---|---:|---:|\n",
             sizeof(T) == 8 ? "double" : "float", encoder.rows(), options.sequences, forward.packing.steps());
  line(
      "ours", [&] { encoder.our_forward(context); }, [&] { encoder.our_backward(context); });
  line(
      "cuDNN, its own calls alone", [&] { gru.run_forward(context); }, [&] { gru.run_backward(context); });
  line(
      "cuDNN behind our contract, copies included",
      [&] { peer::cudnn_gru_sequence(gru, context, encoder.input(), forward); },
      [&] { peer::cudnn_gru_sequence(gru, context, backward, Encoder<T>::input_gradients(encoder.cudnn)); });
  return agree;
}

int main_of(const Options& options) {
  Runtime runtime(1);
  std::unique_ptr<DeviceRuntime> device;
  try {
    device = open_device(Device::cuda, runtime.pool(), {.tf32 = options.cudnn.tf32});
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_cudnn: nothing compared: {}\n", error.what());
    return no_device;
  }
  runtime.use(std::move(device));
  Context context = runtime.context();
  fmt::print("{}\n", context.runtime->description());
  const bool in_double = run<double>(context, options, 1e-9);
  const bool in_float = run<float>(context, options, options.cudnn.tf32 ? 2e-2 : 1e-4);
  return in_double && in_float ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The utterance encoder's GRUs by our CUDA kernels and by cuDNN: differences and times");
  app.add_option("--sequences", options.sequences, "utterances in the batch")->check(CLI::PositiveNumber);
  app.add_option("--longest", options.longest, "tokens of the longest")->check(CLI::PositiveNumber);
  app.add_option("--width", options.width, "of a word vector")->check(CLI::PositiveNumber);
  app.add_option("--hidden", options.hidden, "of a state")->check(CLI::PositiveNumber);
  app.add_option("--rounds", options.rounds, "of which the median is taken")->check(CLI::PositiveNumber);
  app.add_option("--repetitions", options.repetitions, "in a round")->check(CLI::PositiveNumber);
  app.add_flag("--initial", options.initial, "with initial states and their gradients");
  app.add_flag("--unpacked", options.cudnn.unpacked, "cuDNN gets sequences with pads");
  app.add_flag("--tf32", options.cudnn.tf32, "products in float may round their inputs to TF32, in both");
  app.add_flag("--persistent", options.cudnn.persistent, "cuDNN's persistent kernels");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return main_of(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_cudnn: {}\n", error.what());
    return 1;
  }
}

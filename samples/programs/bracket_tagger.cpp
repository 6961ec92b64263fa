// A tagger: a GRU reads brackets and dots and says at every place whether the depth is odd. A dot changes nothing, so
// the state must remember. Ragged sequences are packed, never padded.
//
//   bracket_tagger [STEPS]    status 0 only if it is right on longer sequences than it has seen

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gru_sequence_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "core/philox.h"
#include "kernels/adam/adam.h"
#include "model/blocks/initialisation.h"
#include "model/interface/model_state.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace ethreed;

// Sequences in packed order: all first symbols, then all second ones, …, the longest sequence first.
struct Batch {
  std::vector<std::int32_t> symbols, odd, offsets{0};  // offsets[t]: the row of the first symbol of time t

  // `count` sequences of lengths longest, longest − 1, …. Random numbers are a function of (seed, stream, index).
  Batch(int count, int longest, std::uint64_t stream) {
    const PhiloxStream random(1, stream);
    std::vector<int> depth(static_cast<std::size_t>(count), 0);
    for (int t = 0; t < longest; ++t) {
      for (int s = 0; s < count && t < longest - s; ++s) {
        int& d = depth[static_cast<std::size_t>(s)];
        auto symbol = static_cast<std::int32_t>(random.below(3, symbols.size()));  // 0: '(', 1: ')', 2: '.'
        if (symbol == 1 && d == 0) symbol = 0;                                     // nothing to close
        d += symbol == 0 ? 1 : symbol == 1 ? -1 : 0;
        symbols.push_back(symbol);
        odd.push_back(d % 2);
      }
      offsets.push_back(static_cast<std::int32_t>(symbols.size()));
    }
  }
};

constexpr int width = 8, hidden = 16;

// Logits [rows, 2] of every symbol of the batch.
Variable<float> tag(Tape<float>& tape, ParameterHandles<float> p, const Batch& batch) {
  const Variable<float> x = embedding(tape, p[0], batch.symbols);
  // The products with the inputs of all times are one matrix product; the recurrence is left to gru_sequence.
  const Variable<float> gates = linear(tape, {x}, p[1], p[3]);
  const GruLane<float> lane{.input_gates = gates, .weight_hh = p[2], .bias_hh = p[4], .initial = {}};  // from zeros
  const Variable<float> states = gru_sequence<float>(tape, Packing{batch.offsets}, lane);
  return linear(tape, {states}, p[5], p[6]);
}

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 150;
  Runtime runtime(1);
  Context context = runtime.context();
  ParameterLayout layout;
  layout.add("symbols", {3, width}, {.fan_in = 1});
  GruHandles<int> none;  // visit_gru lists weight_ih, weight_hh, bias_ih, bias_hh with the usual start of each
  const auto add = [&](std::string_view prefix, std::string_view suffix, const Shape& shape, const InitialValues& start,
                       int) { layout.add(std::string(prefix) + std::string(suffix), shape, start); };
  visit_gru(add, "gru", GruNames::cell, width, hidden, 0.0, none);
  layout.add("out.weight", {2, hidden}, {.fan_in = hidden});
  layout.add("out.bias", {2}, {.how = Initialisation::zero});
  ModelState<float> state(layout, true);
  initialise_parameters(context.pool, layout, {}, /*seed=*/1, state.values.data());

  for (int step = 1; step <= steps; ++step) {
    const Batch batch(8, 12, static_cast<std::uint64_t>(step));
    context.begin_step();
    Tape<float> tape(context);
    const auto losses = softmax_cross_entropy(tape, tag(tape, state.bind(tape), batch), batch.odd);
    const auto total = loss_sum<float>(tape, {{losses, 1.0 / count_of(batch.odd)}}).total;
    tape.backward(total);
    adam_update(context, Adam<float>{.count = layout.size(),
                                     .step = step,
                                     .learning_rate = 0.02,
                                     .parameters = state.values.data(),
                                     .gradients = state.gradients.data(),
                                     .m = state.first_moment.data(),
                                     .v = state.second_moment.data()});
    if (step % 50 == 0) std::printf("step %4d  loss %.4f\n", step, static_cast<double>(total.data()[0]));
  }

  const Batch unseen(20, 40, 0);
  context.begin_step();
  Tape<float> tape(context, /*recording=*/false);  // values alone: nothing is kept for a backward pass
  const View<float> logits = tag(tape, state.bind(tape), unseen).value();
  int right = 0;
  for (int i = 0; i < logits.rows(); ++i) right += (logits.row(i)[1] > logits.row(i)[0]) == (unseen.odd[i] == 1);
  std::printf("right: %d of %d\n", right, static_cast<int>(logits.rows()));
  return right > logits.rows() * 95 / 100 ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}

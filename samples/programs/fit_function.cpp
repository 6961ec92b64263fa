// The smallest training there is: a network of two layers learns y = sin(3x) from points of it. Parameters, a tape, the
// backward pass and Adam, with nothing of the models on top.
//
//   fit_function [STEPS]    status 0 only if the fit is good

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "kernels/adam/adam.h"
#include "model/blocks/initialisation.h"
#include "model/interface/model_state.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace ethreed;

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 400;
  constexpr int points = 64, hidden = 16;

  // A Runtime owns threads and memory; a Context refers to them and is handed to everything that computes. To use a GPU
  // or its emulation: runtime.use(open_device(Device::cuda, runtime.pool())), from kernels/device/open_device.h; the
  // parameters then move by DeviceModel (model/interface/device_model.h).
  Runtime runtime(1);
  Context context = runtime.context();

  // All parameters lie in one block, so that Adam is one call and a checkpoint one array. A layout names them, gives
  // their shapes (weights are [out, in]) and says how they start.
  ParameterLayout layout;
  layout.add("first.weight", {hidden, 1}, {.fan_in = 1});
  layout.add("first.bias", {hidden}, {.fan_in = 1});
  layout.add("second.weight", {1, hidden}, {.fan_in = hidden});
  layout.add("second.bias", {1}, {.how = Initialisation::zero});
  ModelState<float> state(layout, true);  // values, and for training gradients and Adam's two moments
  initialise_parameters(context.pool, layout, {}, /*seed=*/1, state.values.data());

  // A Tensor owns its numbers. A View, which is what the tape takes, does not.
  Tensor<float> x({points, 1}), y({points, 1});
  for (int i = 0; i < points; ++i) {
    x[i] = -1.0F + 2.0F * static_cast<float>(i) / (points - 1);
    y[i] = std::sin(3.0F * x[i]);
  }

  float loss = 0;
  for (int step = 1; step <= steps; ++step) {
    // Values, gradients and the tape itself live in arenas. This empties them: after the first step nothing is
    // allocated any more. What was computed in the step before is gone.
    context.begin_step();
    Tape<float> tape(context);
    const ParameterHandles<float> p = state.bind(tape);  // in the order of the layout

    // Every function computes at once and notes on the tape how to go back.
    const Variable<float> input = tape.constant(x.view()), target = tape.constant(y.view());
    const Variable<float> inner = tanh(tape, linear(tape, {input}, p[0], p[1]));
    const Variable<float> output = linear(tape, {inner}, p[2], p[3]);
    const Variable<float> errors = squared_error(tape, output, target);
    const Variable<float> total = loss_sum<float>(tape, {{errors, 1.0 / points}}).total;  // the mean

    tape.backward(total);  // fills state.gradients
    adam_update(context, Adam<float>{.count = layout.size(),
                                     .step = step,
                                     .learning_rate = 0.02,
                                     .parameters = state.values.data(),
                                     .gradients = state.gradients.data(),
                                     .m = state.first_moment.data(),
                                     .v = state.second_moment.data()});

    loss = *context.to_host(total.data(), 1);  // on the CPU the number itself, from a GPU a copy
    if (step == 1 || step % 50 == 0) std::printf("step %4d  loss %.6f\n", step, static_cast<double>(loss));
  }
  const bool good = loss < 0.002F;
  std::printf("%s\n", good ? "fitted" : "not fitted: give more steps");
  return good ? 0 : 1;
} catch (const Error& error) {  // whatever a function refuses: which argument, got, wanted, what to do
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}

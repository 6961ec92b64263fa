// The kernels of the emulated device where devices, addresses, numbers and sizes are not what they usually are.

#include "kernels/common/launch.h"
#include "kernels/gather_rows/gather_rows.h"
#include "tests/kernels/agreement.h"
#include "tests/kernels/emulated_device.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <set>
#include <string_view>

using namespace ethreed;
using namespace ethreed::test;
using emulation::Queues;

namespace {

constexpr std::size_t kibibytes = 1024;

/// Memory whose pieces start so many bytes behind where they may start at best, by turns: the first as far as the first
/// shift says, the next as the next.
class ShiftedMemory final : public MemorySource {
 public:
  ShiftedMemory(MemorySource& memory, std::vector<std::size_t> shifts) : memory_(memory), shifts_(std::move(shifts)) {}
  void* allocate(std::size_t bytes) override {
    const std::size_t shift = shifts_[shift_of_.size() % shifts_.size()];
    std::byte* piece = static_cast<std::byte*>(memory_.allocate(bytes + shift)) + shift;
    shift_of_[piece] = shift;
    return piece;
  }
  void release(void* memory, std::size_t bytes) noexcept override {
    const std::size_t shift = shift_of_.at(memory);  // kept: pieces are counted by it
    memory_.release(static_cast<std::byte*>(memory) - shift, bytes + shift);
  }

 private:
  MemorySource& memory_;
  std::vector<std::size_t> shifts_;
  std::map<void*, std::size_t> shift_of_;
};

// Operations whose contract takes operands at any address of an element: blocks of parameters and rows of matrices.
// The others' operands are arrays of an arena, which start on 64 bytes.
const std::set<std::string_view> takes_any_address{"adam",        "global_norm",     "loss_sum",
                                                   "log_softmax", "segment_pooling", "slice_columns"};

}  // namespace

TEST_CASE("the emulated kernels give the same bits when streams run late and out of step") {
  for (const int multiprocessors : {8, 1})
    for (const Operation& operation : tested_operations())
      for (const OpCase& op_case : tested_cases(operation)) {
        INFO(operation.name << " / " << op_case.name << ", " << multiprocessors << " multiprocessors");
        const auto run_with = [&](Queues queues) {
          emulation::Settings settings;
          settings.queues = queues;
          settings.multiprocessors = multiprocessors;
          settings.check = false;  // of accesses: the tables' comparisons are
          EmulatedDevice emulated(settings);
          Context context = emulated.context();
          Run<float> run(context, operation, op_case);
          return results_of(run, context);
        };
        const auto wanted = run_with(Queues::at_once);
        for (const Queues queues : {Queues::needed_only, Queues::others_first}) {
          const auto got = run_with(queues);
          REQUIRE(got.size() == wanted.size());
          for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(same_bits(got[i], wanted[i]));
        }
      }
}

TEST_CASE("the emulated kernels agree with the CPU on devices of other sizes, every operation, every case") {
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  for (const NamedSettings& device : devices()) {
    EmulatedDevice emulated(device.settings);
    Context context = emulated.context();
    for (const Operation& operation : tested_operations())
      for (const OpCase& op_case : tested_cases(operation)) {
        INFO(operation.name << " / " << op_case.name << ", " << device.name);
        Run<float> wanted(cpu, operation, op_case), got(context, operation, op_case);
        check_agreement(results_of(got, context), results_of(wanted, cpu));
      }
  }
}

TEST_CASE("the emulated kernels treat NaN and −∞ in any input as the CPU does") {
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  EmulatedDevice emulated({.check = false});  // of accesses: the tables' comparisons are
  Context context = emulated.context();
  std::int64_t planted = 0;
  for (const Operation& operation : tested_operations())
    for (const OpCase& op_case : tested_cases(operation)) {
      // A state that is not there is zeros: 0 · NaN where a device multiplies it and the CPU knows better. So of the
      // GRU outputs alone are compared, and its recurrent weights stay finite.
      const bool multiplies_zeros = operation.name == "gru_sequence";
      Run<float> wanted(cpu, operation, op_case), got(context, operation, op_case);
      for (std::size_t input = 0; input < wanted.problem->inputs.size(); ++input) {
        const std::string& name = wanted.problem->inputs[input].name;
        const std::int64_t count = wanted.problem->inputs[input].data.count();
        if (count == 0 || (multiplies_zeros && name.find("weight_hh") != std::string::npos)) continue;
        const float was = wanted.problem->inputs[input].data[count / 2];
        const auto plant = [&](float value) {
          for (const Run<float>* run : {&wanted, &got}) run->problem->inputs[input].data[count / 2] = value;
        };
        for (const float value : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
          INFO(operation.name << " / " << op_case.name << ", " << value << " in " << name);
          plant(value);
          auto got_results = results_of(got, context), wanted_results = results_of(wanted, cpu);
          if (multiplies_zeros) {
            got_results.resize(wanted.problem->outputs.size());
            wanted_results.resize(wanted.problem->outputs.size());
          }
          check_agreement(got_results, wanted_results);
          ++planted;
        }
        plant(was);
      }
    }
  fmt::print("NaN and −∞: {} runs\n", planted);
  CHECK((planted > 0 || tested_operations().size() < operations().size()));
}

TEST_CASE("the emulated kernels of blocks and rows take operands that start anywhere") {
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  EmulatedDevice emulated({});
  Context context = emulated.context();
  std::size_t found = 0;
  for (const Operation& operation : tested_operations()) {
    if (takes_any_address.count(operation.name) == 0) continue;
    ++found;
    for (const OpCase& op_case : tested_cases(operation))
      // All of them alike, and each unlike the one before; a norm is a double.
      for (const std::vector<std::size_t>& shifts : {std::vector<std::size_t>{8}, {24}, {8, 16}, {0, 8, 24}}) {
        INFO(operation.name << " / " << op_case.name << ", " << fmt::format("{}", fmt::join(shifts, ", "))
                            << " bytes off");
        ShiftedMemory memory(emulated.device().managed(), shifts);
        Run<float> wanted(cpu, operation, op_case);
        Run<float> got(operation,
                       std::make_unique<DeviceProblem<float>>(emulated.device(), make<float>(op_case), memory));
        check_agreement(results_of(got, context), results_of(wanted, cpu));
      }
  }
  CHECK((found == takes_any_address.size() || tested_operations().size() < operations().size()));
}

TEST_CASE("the emulated kernels turn logits into their gradient in place, every case") {
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  EmulatedDevice emulated({});
  Context context = emulated.context();
  MemorySource& managed = emulated.device().managed();
  for (const Operation& operation : tested_operations()) {
    if (operation.name != "pointer_mixture" && operation.name != "vocabulary_loss")
      continue;  // whose contracts allow it
    for (const OpCase& op_case : tested_cases(operation)) {
      INFO(operation.name << " / " << op_case.name);
      Run<float> wanted(cpu, operation, op_case);
      wanted.forward_and_backward(cpu);
      const auto problem = make<float>(op_case);
      problem->move_to(managed);
      problem->forward(context);
      REQUIRE(problem->inputs[0].name == "logits");
      std::vector<Tensor<float>> cotangents, gradients;
      std::vector<const float*> arriving;
      for (std::size_t o = 0; o < problem->outputs.size(); ++o) {
        const Shape shape = problem->outputs[o].data.shape();
        const Tensor<float> numbers = random_tensor<float>(shape, seed, 1000 + o);
        std::copy_n(numbers.data(), numbers.count(), cotangents.emplace_back(shape, managed).data());
        arriving.push_back(cotangents.back().data());
      }
      std::vector<GradientSink<float>> sinks{{problem->inputs[0].data.data(), false}};
      for (std::size_t i = 1; i < problem->inputs.size(); ++i)
        sinks.push_back({gradients.emplace_back(problem->inputs[i].data.shape(), managed).data(), false});
      problem->backward(context, arriving, sinks);
      emulated.device().synchronize();
      emulated.device().staging().forget();
      CHECK(disagreements(problem->inputs[0].data, wanted.gradients[0]) == 0);
      for (std::size_t i = 1; i < problem->inputs.size(); ++i)
        CHECK(disagreements(gradients[i - 1], wanted.gradients[i]) == 0);
    }
  }
}

TEST_CASE("the emulated kernels make no gradient of a cotangent of 0, whatever overflows on the way to it") {
  // Words of vanishing probability and copies of weight 0: 1 / P is infinite.
  const Operation& operation = *std::find_if(operations().begin(), operations().end(),
                                             [](const auto& one) { return one.name == "pointer_mixture"; });
  EmulatedDevice emulated({});
  Runtime cpu_runtime;
  for (const bool on_device : {true, false}) {
    Context context = on_device ? emulated.context() : cpu_runtime.context();
    for (const OpCase& op_case : tested_cases(operation)) {
      INFO(op_case.name << (on_device ? ", emulated" : ", cpu"));
      const auto problem = make<float>(op_case);
      REQUIRE(problem->inputs[0].name == "logits");
      REQUIRE(problem->inputs[2].name == "weights");
      for (float& logit : problem->inputs[0].data.span()) logit *= 1e4F;
      for (float& weight : problem->inputs[2].data.span()) weight = 0;
      if (on_device) problem->move_to(emulated.device().managed());
      const auto tensor = [&](const Shape& shape, float value) {
        Tensor<float> values = on_device ? Tensor<float>(shape, emulated.device().managed()) : Tensor<float>(shape);
        std::fill_n(values.data(), values.count(), value);
        return values;
      };
      const Tensor<float> cotangent = tensor(problem->outputs[0].data.shape(), 0);
      const std::array<const float*, 1> arriving{cotangent.data()};
      std::vector<Tensor<float>> gradients;
      std::vector<GradientSink<float>> sinks;
      for (const Operand<float>& input : problem->inputs)
        sinks.push_back(
            {gradients.emplace_back(tensor(input.data.shape(), std::numeric_limits<float>::quiet_NaN())).data(),
             false});
      problem->forward(context);
      problem->backward(context, arriving, sinks);
      if (on_device) {
        emulated.device().synchronize();
        emulated.device().staging().forget();
      }
      for (const Tensor<float>& gradient : gradients)
        CHECK(std::all_of(gradient.span().begin(), gradient.span().end(), [](float g) { return g == 0; }));
    }
  }
}

TEST_CASE("a launch beyond what CUDA allows is an Error that names the kernel, while planning too") {
  EmulatedDevice emulated({});
  Context context = emulated.context();
  const std::vector<std::int32_t> index{0};
  float nothing = 0;
  const auto gather = [&](int columns) {
    gather_rows_backward<float>(
        context, {.forward = {.rows = 1, .parts = 1, .source_rows = {1}, .columns = {columns}, .index = {index.data()}},
                  .dy = &nothing,
                  .dx = {GradientSink<float>{&nothing, false}}});
  };
  emulated.device().plan(true);
  gather(65'535 * 128);
  CHECK_THROWS_WITH(gather(65'536 * 128 * 4), Catch::Contains("gather_rows_backward_kernel<float") &&
                                                  Catch::Contains("grid of 1 × 65536 × 1") &&
                                                  Catch::Contains("2147483647 × 65535 × 65535"));
  emulated.device().plan(false);
  const auto check = [&](const LaunchShape& shape) { check_launch(emulated.device(), "some_kernel", shape); };
  check({.grid = dim3(0x7FFFFFFF, 65'535, 65'535), .block = dim3(4, 4, 64), .shared_bytes = 227 * kibibytes});
  CHECK_THROWS_WITH(check({.grid = dim3(0x80000000U), .block = 32}),
                    Catch::Contains("some_kernel: grid of 2147483648"));
  CHECK_THROWS_WITH(check({.grid = dim3(1, 1, 65'536), .block = 32}), Catch::Contains("1 × 1 × 65536"));
  CHECK_THROWS_WITH(check({.grid = 0, .block = 32}), Catch::Contains("grid of 0"));
  CHECK_THROWS_WITH(check({.grid = 1, .block = 1025}), Catch::Contains("block of 1025"));
  CHECK_THROWS_WITH(check({.grid = 1, .block = dim3(1, 1, 65)}), Catch::Contains("64 at most in z"));
  CHECK_THROWS_WITH(check({.grid = 1, .block = 32, .shared_bytes = 227 * kibibytes + 1}),
                    Catch::Contains("232449 bytes of dynamic shared memory, this device has 232448"));
  CHECK(blocks_for(std::int64_t{0x7FFFFFFF} * 128, 128) == 0x7FFFFFFF);
  CHECK_THROWS_WITH(blocks_for(std::int64_t{0x7FFFFFFF} * 128 + 1, 128), Catch::Contains("at most 2147483647 blocks"));
}

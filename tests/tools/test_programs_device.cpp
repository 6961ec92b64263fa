// The program on the emulated device: the sample corpus trained there as on the CPU, and every command that takes
// --device.

#include "core/indices.h"
#include "kernels/gemm/gemm.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

constexpr std::array ablations{"none", "no_policy", "no_gps", "no_party", "no_emotion", "no_tracking"};

// What a run's log says of its steps.
std::vector<Json> steps_of(const TinyProject& project, const std::string& run) {
  std::vector<Json> lines;
  for (const std::string& text : lines_of(project.content(run + "/log.jsonl"))) {
    Json line = Json::parse(text);
    if (line["kind"] == "step") lines.push_back(std::move(line));
  }
  return lines;
}

// The largest relative difference of the losses of two runs, step by step.
double loss_difference(const std::vector<Json>& got, const std::vector<Json>& wanted) {
  REQUIRE(wanted.size() == got.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = got[i]["loss_total"], b = wanted[i]["loss_total"];
    REQUIRE(std::isfinite(a));
    worst = std::max(worst, std::abs(a - b) / std::abs(b));
  }
  return worst;
}

}  // namespace

TEST_CASE(
    "twenty steps on the sample corpus have the same losses on the emulated device as on the CPU, and six of every "
    "ablation") {
  const TinyProject project;
  const std::filesystem::path sources = ETHREED_SOURCE_DIR;
  project.must({"prepare", (sources / "samples/corpus").string(), "--labels",
                (sources / "samples/corpus/labels.csv").string(), "--dimension", "128", "--out", "sample"});
  for (const std::string ablation : ablations) {
    const int steps = ablation == "none" ? 20 : 6;
    const auto train = [&](const std::string& device) {
      const std::string run = ablation + "-" + device;
      project.must({"train", "--data", "sample", "--out", run, "--config", (sources / "samples/train.json").string(),
                    "--ablation", ablation, "--device", device, "--max-steps", std::to_string(steps), "--log-every",
                    "1", "--quiet"});
      const std::vector<Json> done = steps_of(project, run);
      REQUIRE(count_of(done) == steps);
      return done;
    };
    const double difference = loss_difference(train("emulated"), train("cpu"));
    fmt::print("{} steps on the sample, ablation {}: losses differ by at most {:.2e}\n", steps, ablation, difference);
    CHECK(difference <= 1e-5);
  }
}

TEST_CASE("a run goes on from the emulated device to the CPU and back, and every command runs there") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("run", {"--device", "emulated", "--max-steps", "3"}));
  project.must({"train", "--data", "data", "--out", "run", "--resume", "--max-steps", "5"});
  project.must({"train", "--data", "data", "--out", "run", "--resume", "--device", "emulated", "--no-graphs"});
  const auto figures = [&](const std::string& device) {
    return Json::parse(project.must({"evaluate", "run", "--json", "--device", device}));
  };
  const Json emulated = figures("emulated"), cpu = figures("cpu");
  CHECK(emulated["perplexity_token"].get<double>() == Approx(cpu["perplexity_token"].get<double>()).epsilon(1e-4));
  CHECK(project.must({"generate", "run", "--device", "emulated", "--limit", "3"}) ==
        project.must({"generate", "run", "--limit", "3"}));
  CHECK(project.must({"chat", "run", "--device", "emulated"}, {.input = "i am so happy today\n"}) ==
        project.must({"chat", "run"}, {.input = "i am so happy today\n"}));
  project.must({"trace", "--data", "data", "--run", "run", "--out", "t.safetensors", "--device", "emulated"});
}

TEST_CASE("training on a device says what it is and what memory goes where before the first step") {
  const TinyProject project;
  project.prepare();
  const std::string output = project.must(project.training("run", {"--device", "emulated", "--max-steps", "1"}));
  CHECK_THAT(output, Contains("device: emulated on the CPU"));
  for (const char* owner : {"parameters", "moments of Adam", "values and gradients of a step", "free on the device"})
    CHECK_THAT(output, Contains(owner));
}

TEST_CASE("a device that is not here is refused in one clear line, and --tf32 where it means nothing") {
  const TinyProject project;
  project.prepare();
  const std::string devices = project.must({"devices"});
  CHECK_THAT(devices, Contains("cpu: here") && Contains("emulated: here") && Contains("cuda: "));
  CHECK_THAT(devices, Contains(std::string("products of bfloat16: ") + std::string(bf16_products())));
  const Outcome outcome = project.ethreed(project.training("run", {"--device", "cuda", "--max-steps", "1"}));
  if (devices.find("cuda: not built in") != std::string::npos || devices.find("no CUDA device") != std::string::npos) {
    CHECK(outcome.exit_code == 1);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK_THAT(outcome.err, Contains("--device cpu"));
  } else {
    CHECK(outcome.exit_code == 0);
  }
  const Outcome tf32 = project.ethreed(project.training("other", {"--device", "emulated", "--tf32"}));
  CHECK(tf32.exit_code == 1);
  CHECK_THAT(tf32.err, Contains("--tf32"));
}

TEST_CASE("the kernels of the CPU are chosen by ETHREED_CPU, and a name that is not here is one clear line") {
  const TinyProject project;
  project.prepare();
  const char* given = std::getenv("ETHREED_CPU");
  const std::string before = given == nullptr ? "" : given;
  const std::string here(name_of(instruction_set()));

  CHECK_THAT(project.must({"devices"}), Contains(describe_instruction_set()));
  ::setenv("ETHREED_CPU", here.c_str(), 1);
  const std::string chosen = project.must({"devices"});
  ::setenv("ETHREED_CPU", "nonsense", 1);
  const Outcome devices = project.ethreed({"devices"});
  const Outcome training = project.ethreed(project.training("run", {"--max-steps", "1"}));
  if (before.empty())
    ::unsetenv("ETHREED_CPU");
  else
    ::setenv("ETHREED_CPU", before.c_str(), 1);

  CHECK_THAT(chosen, Contains("as ETHREED_CPU says") && Contains(here));
  for (const Outcome& wrong : {devices, training}) {
    CHECK(wrong.exit_code == 1);
    CHECK(lines_of(wrong.err).size() == 1);
    CHECK_THAT(wrong.err, Contains("ETHREED_CPU=nonsense"));
  }
}

TEST_CASE("products of bf16 train where the processor has them, and are refused in one clear line elsewhere") {
  const TinyProject project;
  project.prepare();
  const Outcome emulated = project.ethreed(project.training("other", {"--device", "emulated", "--precision", "bf16"}));
  CHECK(emulated.exit_code == 1);
  CHECK_THAT(emulated.err, Contains("--device cpu"));
  const Outcome outcome = project.ethreed(project.training("run", {"--precision", "bf16", "--max-steps", "2"}));
  if (!has_bf16_products()) {
    CHECK(outcome.exit_code == 1);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK_THAT(outcome.err, Contains("AVX512_BF16"));
    return;
  }
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("matrix products in bf16"));
}

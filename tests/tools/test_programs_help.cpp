// What the programs say about themselves, and about a command line that they do not understand.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

const std::vector<std::pair<std::string, std::vector<std::string>>> options_of_commands{
    {"prepare",
     {"CORPUS_DIR", "--out", "--vectors", "--labels", "--other-labels", "--label-column", "--column-distributions",
      "--tokens", "--vocabulary", "--min-frequency", "--max-length", "--max-situation-length", "--dimension"}},
    {"train",
     {"--data", "--out", "--config", "--epochs", "--batch", "--seed", "--learning-rate", "--dropout", "--model",
      "--variant", "--ablation", "--threads", "--log-every", "--save-every", "--max-steps", "--resume", "--tensorboard",
      "--quiet"}},
    {"evaluate",
     {"RUN", "--checkpoint", "--threads", "--data", "--split", "--decode", "--latent", "--policy", "--max-length",
      "--beam", "--length-power", "--top-k", "--temperature", "--seed", "--allow-unknown", "--replies", "--json",
      "--per-dialogue"}},
    {"experiment", {"PLAN", "--out", "--data", "--only", "--jobs", "--threads", "--device", "--dry-run"}},
    {"generate",
     {"RUN", "--checkpoint", "--threads", "--data", "--split", "--decode", "--latent", "--policy", "--max-length",
      "--beam", "--length-power", "--top-k", "--temperature", "--seed", "--allow-unknown", "--limit", "--format",
      "--out"}},
    {"reply",
     {"RUN", "--in", "--in-format", "--delimiter", "--column", "--out", "--post-length", "--history", "--quiet",
      "--top-p", "--min-length", "--no-repeat", "--n-best", "--reply-emotion"}},
    {"emotions", {"RUN", "--in", "--in-format", "--delimiter", "--column", "--out", "--post-length"}},
    {"attention", {"RUN", "--in", "--conversation", "--limit", "--out", "--html", "--data", "--split"}},
    {"report",
     {"RUN", "--out", "--title", "--data", "--split", "--limit", "--dialogues", "--cases", "--seed", "--quiet"}},
    {"chat",
     {"RUN", "--checkpoint", "--threads", "--decode", "--latent", "--policy", "--max-length", "--beam",
      "--length-power", "--top-k", "--temperature", "--seed", "--allow-unknown"}},
    {"serve",
     {"RUN", "--port", "--host", "--token-file", "--token", "--allow-host", "--queue", "--max-body", "--timeout",
      "--read-timeout", "--checkpoint", "--device", "--threads", "--verify", "--quiet"}},
    {"score", {"REPLIES",          "--references",
               "--in-format",      "--field",
               "--split",          "--vectors",
               "--train",          "--vocabulary",
               "--longest",        "--classifier",
               "--intents",        "--compare",
               "--resamples",      "--seed",
               "--markdown",       "--json",
               "--bertscore",      "--bertscore-layer",
               "--bertscore-name", "--bertscore-baseline",
               "--bertscore-text", "--bertscore-references",
               "--bertscore-idf"}},
    {"study", {"make", "score"}},
    {"import", {"MODEL_DIR", "--out"}},
    {"export", {"MODEL_DIR", "--out", "--dtype"}},
    {"fine-tune",
     {"MODEL_DIR", "CORPUS_DIR", "--out", "--labels", "--frozen", "--epochs", "--batch", "--accumulate",
      "--learning-rate", "--warm-up", "--weight-decay", "--clip-norm", "--layer-decay", "--seed", "--patience",
      "--max-length", "--threads", "--resume", "--quiet"}},
    {"completion", {"shell"}},
    {"tokenize", {"MODEL_DIR", "--in", "--in-format", "--out", "--max-length", "--no-specials", "--prefix-space"}},
    {"trace",
     {"--data", "--out", "--run", "--checkpoint", "--config", "--split", "--batch", "--seed", "--dtype", "--model",
      "--variant", "--ablation", "--threads"}}};

}  // namespace

TEST_CASE("the help of every command ends with exit code 0 and names every option") {
  for (const auto& [command, options] : options_of_commands) {
    INFO(command);
    const Outcome outcome = run_program(ETHREED_PROGRAM, {command, "--help"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.err == "");
    CHECK_THAT(outcome.out, Contains("Usage: ethreed " + command));
    for (const std::string& option : options)
      CHECK_THAT(outcome.out, Contains(option + " ") || Contains(option + "\n") || Contains(option + ","));
  }
}

TEST_CASE("help names every command, and --version a version") {
  const Outcome help = run_program(ETHREED_PROGRAM, {"--help"});
  CHECK(help.exit_code == 0);
  for (const auto& [command, options] : options_of_commands) CHECK_THAT(help.out, Contains("\n  " + command + " "));
  const Outcome version = run_program(ETHREED_PROGRAM, {"--version"});
  CHECK(version.exit_code == 0);
  CHECK_THAT(version.out, Catch::Matches("ethreed [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  const Outcome gradcheck = run_program(ETHREED_GRADCHECK_PROGRAM, {"--help"});
  CHECK(gradcheck.exit_code == 0);
  for (const char* option : {"--op", "--case", "--dtype", "--seed", "--threads", "--list"})
    CHECK_THAT(gradcheck.out, Contains(option));
}

namespace {

// What bash offers for the last of these words of a command line.
std::vector<std::string> completed(const TinyProject& project, const std::string& words) {
  project.file("complete.sh",
               "source <(\"$0\" completion bash) || exit 1\nCOMP_WORDS=(" + words +
                   ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_ethreed\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  const Outcome outcome =
      run_program("/bin/bash", {"-c", "set -- ; source ./complete.sh", ETHREED_PROGRAM}, {.directory = project.path()});
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  std::vector<std::string> lines;
  std::istringstream stream(outcome.out);
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("completion for a shell names every command and every option, and for bash it completes them") {
  for (const char* name : {"bash", "zsh", "fish"}) {
    const std::string shell = name;
    INFO(shell);
    const Outcome script = run_program(ETHREED_PROGRAM, {"completion", shell});
    CHECK(script.exit_code == 0);
    for (const auto& [command, options] : options_of_commands) {
      CHECK_THAT(script.out, Contains(command));
      for (const std::string& option : options)
        if (option.starts_with("--")) CHECK_THAT(script.out, Contains(option.substr(shell == "fish" ? 2 : 0)));
    }
    CHECK_THAT(script.out, !Contains("manual"));
  }
  const TinyProject project;
  using Words = std::vector<std::string>;
  CHECK(completed(project, "ethreed tra") == Words{"train", "trace"});
  CHECK(completed(project, "ethreed train --tens") == Words{"--tensorboard"});
  CHECK(completed(project, "ethreed train --device e") == Words{"emulated"});
  CHECK(completed(project, "ethreed train --epochs ''").empty());
  CHECK(completed(project, "ethreed study ma") == Words{"make"});
  CHECK(completed(project, "ethreed study make --ra") == Words{"--raters"});
  CHECK(completed(project, "ethreed completion z") == Words{"zsh"});
  CHECK(completed(project, "ethreed chat small.js").empty());  // a run is a folder
  CHECK(completed(project, "ethreed train --config small.js") == Words{"small.json"});
  check_refusal(project, {"completion", "csh"}, {"shell", "csh not in {bash,zsh,fish}"});
}

TEST_CASE("manual pages are one for every command, with every option of it") {
  const TinyProject project;
  std::filesystem::create_directory(project.path() / "pages");
  project.must({"manual", "--out", "pages"});
  for (const auto& [command, options] : options_of_commands) {
    INFO(command);
    const std::string page = project.content("pages/ethreed-" + command + ".1");
    CHECK_THAT(page, Catch::StartsWith(".TH \"ETHREED-"));
    for (const char* section : {".SH NAME\n", ".SH SYNOPSIS\n", ".SH OPTIONS\n", ".SH EXIT STATUS\n"})
      CHECK_THAT(page, Contains(section));
    for (const std::string& option : options) {
      std::string escaped;
      for (const char c : option) escaped += c == '-' ? "\\-" : std::string(1, c);
      if (option.starts_with("--")) CHECK_THAT(page, Contains("\\fB" + escaped + "\\fR"));
    }
  }
  CHECK_THAT(project.content("pages/ethreed-study-make.1"), Contains("From 1 to 1000.\nDefault: 3.\n"));
  CHECK_THAT(project.content("pages/ethreed-train.1"), Contains("One of: cpu, cuda, emulated.\nDefault: cpu.\n"));
  check_refusal(project, {"manual", "--out", "nowhere"}, {"nowhere/ethreed.1"});
}

TEST_CASE("a command line that is not understood is refused in one line that says where to look") {
  const TinyProject project;
  const std::string all =
      "the commands are prepare, train, evaluate, experiment, generate, reply, emotions, attention, chat, report, "
      "serve, trace, label, import, export, fine-tune, score, study, tokenize, models, devices, completion; see: "
      "ethreed --help";
  check_refusal(project, {}, {"no command given; " + all});
  check_refusal(project, {"evalute", "run"}, {"there is no command 'evalute'; " + all});
  check_refusal(project, {"--verbose"}, {"there is no command '--verbose'"});
  check_refusal(project, {"prepare", "corpus"}, {"--out is required", "see: ethreed prepare --help"});
  check_refusal(project, {"prepare", "--out", "data"}, {"corpus is required", "see: ethreed prepare --help"});
  check_refusal(project, {"train", "--out", "run"}, {"--data is required", "see: ethreed train --help"});
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--epoch", "3"},
                {"not expected", "--epoch", "ethreed train --help"});
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--epochs"},
                {"--epochs", "missing", "ethreed train --help"});
  check_refusal(project, {"evaluate"}, {"run is required", "see: ethreed evaluate --help"});
  check_refusal(project, {"score"}, {"replies is required", "see: ethreed score --help"});
  check_refusal(project, {"study"}, {"A subcommand is required", "see: ethreed study --help"});
  check_refusal(project, {"generate", "one", "two"}, {"not expected", "two"});
  check_refusal(project, {"trace", "--data", "data", "--out", "t", "--run", "run", "--config", "small.json"},
                {"--run excludes --config", "see: ethreed trace --help"});
  check_refusal(project, {"trace", "--data", "data", "--out", "t", "--run", "run", "--model", "ethreed"},
                {"--run excludes --model", "see: ethreed trace --help"});
}

TEST_CASE("an option's value that is out of range or no value of its kind is refused with what is allowed") {
  const TinyProject project;
  const auto train = [&](const char* option, const char* value, const std::vector<std::string>& parts) {
    check_refusal(project, {"train", "--data", "data", "--out", "run", option, value}, parts);
  };
  train("--epochs", "0", {"--epochs", "Value 0 not in range 1 to 100000"});
  train("--epochs", "1.5", {"--epochs", "1.5 not in range 1 to 100000"});
  train("--epochs", "many", {"--epochs", "many not in range"});
  train("--batch", "-1", {"--batch", "-1 not in range 1 to 65536"});
  train("--seed", "-1", {"--seed", "-1 is no seed; give a whole number from 0 to 18446744073709551615"});
  train("--seed", "18446744073709551616", {"--seed", "is no seed"});
  train("--seed", "2.5", {"--seed", "is no seed"});
  train("--learning-rate", "-0.1", {"--learning-rate", "not in range 0"});
  train("--dropout", "1", {"--dropout", "not in range 0"});
  train("--threads", "0", {"--threads", "not in range 1 to 1024"});
  check_refusal(project, {"prepare", "corpus", "--out", "o", "--min-frequency", "0"},
                {"--min-frequency", "not in range 1"});
  check_refusal(project, {"prepare", "corpus", "--out", "o", "--max-length", "1"}, {"--max-length", "not in range 2"});
  check_refusal(project, {"prepare", "corpus", "--out", "o", "--dimension", "0"}, {"--dimension", "not in range 1"});
  check_refusal(project, {"prepare", "corpus", "--out", "o", "--other-labels", "keep"},
                {"--other-labels", "keep not in {error,ignore}"});
  check_refusal(project, {"prepare", "corpus", "--out", "o", "--max-situation-length", "1"},
                {"--max-situation-length", "not in range 2"});
  for (const char* column : {"labels.csv", "=labels.csv", "name="})
    check_refusal(project, {"prepare", "corpus", "--out", "o", "--label-column", column},
                  {"--label-column", "is no column; give NAME=FILE"});
  check_refusal(project, {"evaluate", "run", "--split", "dev"}, {"--split", "dev not in {train,valid,test}"});
  check_refusal(project, {"generate", "run", "--decode", "best"}, {"--decode", "best not in {greedy,beam,sample}"});
  check_refusal(project, {"generate", "run", "--temperature", "0"}, {"--temperature", "not in range 0.01"});
  check_refusal(project, {"chat", "run", "--seed", "-3"}, {"--seed", "is no seed"});
  check_refusal(project, {"trace", "--data", "data", "--out", "t", "--dtype", "float16"},
                {"--dtype", "float16 not in {float32,float64}"});
  project.prepare();  // what passes for a number within the range is caught later
  check_refusal(project, project.training("run", {"--dropout", "nan"}),
                {"command line: ", "'dropout' is nan, out of range: give 0 to 0.95"});
  check_refusal(project, {"generate", "run", "--temperature", "nan"}, {"temperature is nan, wanted more than 0"});
}

TEST_CASE("a model or a variant that does not exist is refused with those that do, and exit code 1") {
  const TinyProject project;
  project.prepare();
  const auto refused = [&](const std::vector<std::string>& options, const std::vector<std::string>& parts) {
    std::vector<std::string> trace{"trace", "--data", "data", "--out", "t", "--config", "small.json"};
    trace.insert(trace.end(), options.begin(), options.end());
    for (const auto& arguments : {project.training("run", options), trace}) {
      check_refusal(project, arguments, parts);
      CHECK(project.ethreed(arguments).exit_code == 1);
    }
  };
  for (const char* option : {"--variant", "--ablation"})
    refused({option, "no_decoder"}, {"command line: ",
                                     "ablation 'no_decoder' does not exist; give one of none, no_policy, no_gps, "
                                     "no_party, no_emotion, no_tracking"});
  refused({"--model", "ethred"}, {"model 'ethred' does not exist; give one of ethreed"});
  refused({"--recipe", "bset"}, {"model 'ethreed' has no recipe 'bset'; it has paper, best"});
  refused({"--model", "hred", "--recipe", "best"}, {"model 'hred' has no recipe 'best'; it has paper"});
  project.file("small.json", R"({"model": {"name": "ethred"}})");
  refused({}, {"small.json: model 'ethred' does not exist; give one of ethreed"});
  refused({"--model", "ethreed"}, {"small.json: model.name is 'ethred', but the command line says 'ethreed'"});
}

TEST_CASE("models names every model with its variants") {
  const std::string output = TinyProject().must({"models"});
  CHECK_THAT(output, Catch::StartsWith("ethreed ") &&
                         Contains("variants: none, no_policy, no_gps, no_party, "
                                  "no_emotion, no_tracking\n") &&
                         Contains("recipe best: "));
}

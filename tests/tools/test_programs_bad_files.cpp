// Runs and checkpoints that are missing, damaged or of other data, and places that cannot be written.

#include "core/safetensors.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

void put(const TinyProject& project, const std::string& name, const std::string& content) {
  project.file("run/" + name, content);
}

void edit_json(const TinyProject& project, const std::string& name, const std::string& pointer, const Json& value) {
  Json json = project.json("run/" + name);
  json.at(Json::json_pointer(pointer)) = value;
  put(project, name, json.dump(2));
}

// Every command that reads run/last refuses it in the same words.
void check_checkpoint_refused(const TinyProject& project, const std::vector<std::string>& parts) {
  check_refusal(project, {"evaluate", "run", "--checkpoint", "last"}, parts);
  check_refusal(project, {"generate", "run", "--checkpoint", "last"}, parts);
  check_refusal(project, {"chat", "run", "--checkpoint", "last"}, parts);
  check_refusal(project, {"trace", "--data", "data", "--out", "t", "--run", "run", "--checkpoint", "last"}, parts);
  check_refusal(project, project.training("run", {"--epochs", "3", "--resume"}), parts);
}

// Damages a fresh run by `damage` and checks that it is refused.
template <class Damage>
void check_damage(const TinyProject& project, Damage damage, const std::vector<std::string>& parts) {
  fs::remove_all(project / "run");
  fs::copy(project / "whole", project / "run", fs::copy_options::recursive);
  damage();
  check_checkpoint_refused(project, parts);
}

// A project with a finished run `whole`, for check_damage.
struct FinishedProject : TinyProject {
  FinishedProject() {
    prepare_and_train();
    fs::rename(*this / "run", *this / "whole");
  }
};

// Replaces the first value of a tensor and leaves everything else as it was.
void write_value(const fs::path& path, std::string_view tensor, float value) {
  std::string bytes = content_of(path);
  std::size_t data_bytes = 0, begin = 0;
  {
    const SafetensorsFile file(path);
    for (const std::string& name : file.names()) data_bytes = std::max(data_bytes, file.info(name).end);
    begin = file.info(tensor).begin;
  }
  bytes.replace(bytes.size() - data_bytes + begin, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("a truncated checkpoint is refused, whichever of its files it is") {
  const FinishedProject project;
  for (const std::uintmax_t size : {0U, 100U, 9000U}) {
    INFO(size);
    check_damage(project, [&] { fs::resize_file(project / "run/last/model.safetensors", size); },
                 {"run/last/model.safetensors: ", "truncated"});
  }
  for (const char* name : {"config.json", "state.json"})
    check_damage(project, [&] { fs::resize_file(project / "run/last" / name, 40); },
                 {fmt::format("run/last/{}: not valid JSON: parse error at line ", name), "use another checkpoint"});
  check_damage(project, [&] { fs::resize_file(project / "run/last/vocabulary.txt", 60); },
               {"run/last/vocabulary.txt: ", "the checkpoint is damaged, use another one"});
  for (const char* name : {"state.json", "model.safetensors", "vocabulary.txt"})
    check_damage(project, [&] { fs::remove(project / "run/last" / name); }, {fmt::format("run/last/{}: ", name)});
}

TEST_CASE("a checkpoint that was edited is refused, though it would still be read") {
  const FinishedProject project;
  const std::vector<std::string> changed{"was changed after the checkpoint was saved", "use another checkpoint",
                                         "run/last/state.json"};
  const auto with = [&](const char* name) {
    std::vector<std::string> parts = changed;
    parts.push_back(fmt::format("run/last/{}: ", name));
    return parts;
  };
  check_damage(
      project, [&] { write_value(project / "run/last/model.safetensors", "decoder.pointer.weight", 0.25F); },
      with("model.safetensors"));
  check_damage(
      project,
      [&] {
        std::string words = project.content("run/last/vocabulary.txt");
        put(project, "last/vocabulary.txt", words.replace(words.find("\ndog\n"), 5, "\ncat\n"));
      },
      with("vocabulary.txt"));
  check_damage(
      project, [&] { edit_json(project, "last/config.json", "/training/dropout", 0.25); }, with("config.json"));
  check_damage(
      project, [&] { edit_json(project, "last/config.json", "/model/encoder", 30000); }, with("config.json"));
}

TEST_CASE("a checkpoint with values that cannot be is refused") {
  const FinishedProject project;
  const auto check_json = [&](const char* name, const char* pointer, const Json& value,
                              const std::vector<std::string>& parts) {
    INFO(pointer << " = " << value.dump());
    check_damage(
        project, [&] { edit_json(project, fmt::format("last/{}", name), pointer, value); }, parts);
  };
  for (const Json& format : {Json(0), Json(5), Json("3")}) {
    check_json("config.json", "/format", format, {"run/last/config.json: not a checkpoint of a format up to 4"});
    check_json("state.json", "/format", format, {"run/last/state.json: not a checkpoint of a format up to 4"});
  }
  check_json("config.json", "/model/name", "ethred",
             {"run/last/config.json: model 'ethred' does not exist; give one of ethreed"});
  check_json("config.json", "/model/name", 3, {"run/last/config.json: model.name: wanted a name, got 3"});
  check_json("config.json", "/training/dropout", 2,
             {"run/last/config.json: ", "'dropout' is 2, out of range: give 0 to 0.95"});
  check_json("config.json", "/model/ablation", "no_decoder", {"run/last/config.json: ablation 'no_decoder' does not"});
  check_json("config.json", "/data", 2, {"run/last/config.json: damaged"});
  for (const char* pointer : {"/step", "/epoch", "/best/epoch", "/running/steps"})
    check_json("state.json", pointer, 1'000'000'000,
               {"run/last/state.json: was changed after the checkpoint was saved"});
  // Where nothing vouches for the file, it must still make sense.
  const auto check_state = [&](const char* pointer, const Json& value, const std::string& part) {
    INFO(pointer << " = " << value.dump());
    check_damage(project,
                 [&] {
                   Json state = project.json("run/last/state.json");
                   state.erase("fingerprints");
                   state.at(Json::json_pointer(pointer)) = value;
                   put(project, "last/state.json", state.dump(2));
                 },
                 {"run/last/state.json: ", part});
  };
  check_state("/step", -1, "a counter is negative");
  check_state("/step", "x", "damaged (type must be number");
  check_state("/epoch", 1, "the last figures are of epoch 1 (from 0), though 1 epochs are done");
  check_state("/next_batch", 3, "the run is said to be over");
  check_state("/best/epoch", 5, "the best epoch is 5 (from 0), though 2 epochs are done");
  check_state("/best/epoch", -1, "the best epoch is -1");
  check_state("/best/perplexity_token", 0.5, "'perplexity_token' is 0.5, a perplexity is 1 or more");
  check_state("/running/steps", 4611686018427387904, "the losses since the last line of the log");
  check_state("/running/tokens", -1, "the losses since the last line of the log");
  check_damage(project,
               [&] {
                 write_value(project / "run/last/model.safetensors", "classifier.bias",
                             std::numeric_limits<float>::quiet_NaN());
               },
               {"run/last/model.safetensors: tensor 'classifier.bias' holds a value that is not finite"});
}

TEST_CASE("what only training reads is checked when training goes on") {
  const FinishedProject project;
  const std::vector<std::string> resume = project.training("run", {"--epochs", "3", "--resume"});
  fs::copy(project / "whole", project / "run", fs::copy_options::recursive);
  const std::string whole_state = project.content("run/last/state.json");
  Json state = Json::parse(whole_state);
  state.erase("fingerprints");
  state["finished"] = false;
  state["next_batch"] = 3;
  put(project, "last/state.json", state.dump(2));
  check_refusal(project, resume,
                {"run/last/state.json: step 12 is not 2 epochs of 6 steps and 3 more; use another checkpoint"});
  put(project, "last/state.json", whole_state);
  write_value(project / "run/last/optimizer.safetensors", "classifier.bias.m", 0.5F);
  check_refusal(project, resume, {"run/last/optimizer.safetensors: was changed after the checkpoint was saved"});
  fs::resize_file(project / "run/last/optimizer.safetensors", 9000);
  check_refusal(project, resume, {"run/last/optimizer.safetensors: ", "truncated"});
  project.must({"evaluate", "run", "--checkpoint", "last"});
}

TEST_CASE("a checkpoint without fingerprints, as another program writes it, is taken") {
  const TinyProject project;
  project.prepare_and_train();
  Json state = project.json("run/last/state.json");
  state.erase("fingerprints");
  put(project, "last/state.json", state.dump());
  write_value(project / "run/last/model.safetensors", "decoder.pointer.weight", 0.25F);
  project.must({"evaluate", "run", "--checkpoint", "last"});
}

TEST_CASE("a run made from other data is refused") {
  const TinyProject project;
  project.prepare_and_train();
  project.must({"prepare", "corpus", "--out", "other", "--dimension", "8", "--min-frequency", "2"});
  check_refusal(project, {"evaluate", "run", "--data", "other"},
                {"other: its vocabulary is not that of run (", "ethreed prepare CORPUS --like run --out DIR"});
  check_refusal(project, {"generate", "run", "--data", "other"}, {"other: its vocabulary is not that of run"});
  check_refusal(project, {"trace", "--data", "other", "--out", "t", "--run", "run"},
                {"other: its vocabulary is not that of run"});
  check_refusal(project, {"train", "--data", "other", "--out", "run", "--resume", "--epochs", "3"},
                {"other: its vocabulary is not that of run"});
  fs::rename(project / "data", project / "moved");
  check_refusal(project, {"evaluate", "run"},
                {"data: the data that run was trained on lay here and is gone", "--data DIR"});
}

TEST_CASE("what is no run is refused, and so is a run that has no checkpoint of that name yet") {
  const TinyProject project;
  for (const char* command : {"evaluate", "generate", "chat"}) {
    check_refusal(project, {command, "nowhere"},
                  {"nowhere: no such run; train one with `ethreed train --out nowhere`"});
    check_refusal(project, {command, "corpus"},
                  {"corpus: holds no checkpoint 'best'; train first, or give another run"});
    check_refusal(project, {command, "labels.csv"}, {"labels.csv: holds no checkpoint 'best'"});
  }
  project.prepare();
  project.must(project.training("run", {"--max-steps", "1"}));
  check_refusal(project, {"evaluate", "run"}, {"run: holds no checkpoint 'best' yet", "use --checkpoint last"});
  project.must({"evaluate", "run", "--checkpoint", "last"});
  check_refusal(project, {"evaluate", "run", "--checkpoint", "last", "--split", "test"},
                {"there is no split 'test'", "put test.csv into the corpus"});
}

TEST_CASE("train does not touch a run that is there, and --resume wants one with the same configuration") {
  const TinyProject project;
  project.prepare();
  const std::vector<std::string> nothing{"--resume found no run there; start one without --resume"};
  check_refusal(project, project.training("nowhere", {"--resume"}), nothing);
  check_refusal(project, project.training("corpus", {"--resume"}), nothing);
  project.must(project.training("run"));
  check_refusal(project, project.training("run"),
                {"run: holds a run already (last); go on with it by --resume, or give another --out"});
  const std::vector<std::string> contradiction{"run: --resume goes on with the run's own configuration",
                                               "leave the other options out"};
  check_refusal(project, project.training("run", {"--resume", "--seed", "7"}), contradiction);
  check_refusal(project, project.training("run", {"--resume", "--ablation", "no_gps"}), contradiction);
  project.file("c.json", R"({"model": {"encoder": 9}})");
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--resume", "--config", "c.json"}, contradiction);
  project.file("c.json", R"({"training": {"dropout": 2}})");
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--resume", "--config", "c.json"},
                {"c.json: ", "out of range"});
  check_refusal(project, project.training("run", {"--resume", "--epochs", "1"}),
                {"run: the run has done 2 epochs, --epochs 1 is less"});
}

TEST_CASE("a disk that is full leaves nothing half-written") {
  const TinyProject project;
  project.prepare_and_train();
  const std::string limit = "the file size limit is reached (ulimit -f): raise it";
  std::vector<std::uint64_t> limits{0, 1000, 5000};
#ifdef __SANITIZE_THREAD__
  limits.erase(limits.begin());  // ThreadSanitizer writes a file of its own when a program starts
#endif
  for (const std::uint64_t bytes : limits) {
    INFO(bytes);
    const ProgramOptions full{.file_size_limit = bytes};
    check_refusal(project, {"prepare", "corpus", "--out", "new", "--dimension", "8"}, {"new/", limit}, full);
    check_refusal(project, {"prepare", "corpus", "--out", "data", "--dimension", "8"}, {"data/", limit},
                  full);  // stays what it was
    check_refusal(project, project.training("new"), {"new/last/", limit}, full);
    check_refusal(project, {"trace", "--data", "data", "--out", "t", "--config", "small.json"},
                  {"t: writing it failed", limit}, full);
    if (bytes < 5000)
      check_refusal(project, {"generate", "run", "--out", "r.txt"}, {"r.txt: writing it failed", limit}, full);
  }
}

TEST_CASE("a disk that fills up during training leaves the checkpoint before as it was, and the run can go on") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("run", {"--max-steps", "2"}));
  project.must(project.training("reference"));
  const Snapshot before = snapshot_of(project / "run/last");
  const Outcome outcome = project.ethreed(project.training("run", {"--resume"}), {.file_size_limit = 20000});
  CHECK(outcome.exit_code == 1);
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK_THAT(outcome.err, Contains("ethreed: run/best/model.safetensors: writing it failed") && !Contains(".tmp-"));
  CHECK((snapshot_of(project / "run/last") == before));
  CHECK_FALSE(fs::exists(project / "run/best"));
  for (const auto& [name, content] : project.snapshot()) CHECK_THAT(name, !Contains(".tmp-"));
  project.must(project.training("run", {"--resume"}));
  CHECK((snapshot_of(project / "run/last") == snapshot_of(project / "reference/last")));
}

TEST_CASE("standard output that cannot be written is an error, not a silent loss") {
  const TinyProject project;
  project.prepare_and_train();
  const ProgramOptions full{.input = "Hello\n", .output = "/dev/full"};
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"evaluate", "run", "--json"},
                                                    {"generate", "run"},
                                                    {"chat", "run"},
                                                    {"train", "--help"},
                                                    {"--version"}}) {
    INFO(arguments[0]);
    const Outcome outcome = project.ethreed(arguments, full);
    CHECK(outcome.exit_code > 0);
    CHECK_THAT(outcome.err, Contains("ethreed: standard output cannot be written"));
    CHECK(lines_of(outcome.err).size() == 1);
  }
}

TEST_CASE("a place that cannot be written is refused") {
  const TinyProject project;
  project.prepare_and_train();
  // As root permissions do not bind: a place under a file, and the folder of the kernel's processes.
  for (const std::string place : {"labels.csv/sub", "/proc/nonexistent"}) {
    check_refusal(project, {"prepare", "corpus", "--out", place}, {place + ": ", "the folder", "choose another"});
    check_refusal(project, project.training(place), {place + ": cannot make the folder: ", "choose another --out"});
    check_refusal(project, {"generate", "run", "--out", place},
                  {place + ": creating it failed (", "create the folder first"});
    check_refusal(project, {"trace", "--data", "data", "--out", place, "--config", "small.json"},
                  {place + ": creating it failed (", "create the folder first"});
  }
  check_refusal(project, {"prepare", "corpus", "--out", "labels.csv"},
                {"labels.csv: cannot make the folder: that is no folder; choose another --out"});
  check_refusal(project, project.training("labels.csv"),
                {"labels.csv: cannot make the folder: ", "choose another --out"});
  check_refusal(project, {"generate", "run", "--out", "corpus"},
                {"corpus: is a folder; give the path of a file to write"});
  check_refusal(project, {"trace", "--data", "data", "--out", "corpus"},
                {"corpus: is a folder; give the path of a file to write"});
}

// A run away from the data it was trained on: other data for it, other runs from it, and what it may change on its way.

#include "core/safetensors.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

std::string test_split(const std::string& word) {
  return "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n"
         "hit:900_conv:900,1,joyful,p,1,Today my dog " +
         word + " made me feel joyful.,,\nhit:900_conv:900,2,joyful,p,0,Oh what did " + word +
         " do to make you feel joyful?,,\n";
}

Json evaluation(const TinyProject& project, std::vector<std::string> more) {
  more.insert(more.begin(), {"evaluate", "run", "--json"});
  Json json = Json::parse(project.must(more));
  json.erase("seconds");
  return json;
}

std::string weights(const TinyProject& project, const std::string& run) {
  return project.content(run + "/last/model.safetensors");
}

std::vector<Json> log_of(const TinyProject& project, const std::string& run) {
  std::vector<Json> lines;
  for (const std::string& line : lines_of(project.content(run + "/log.jsonl"))) lines.push_back(Json::parse(line));
  return lines;
}

// Changes bytes of a tensor in place.
void change_tensor(const fs::path& path, const std::string& tensor, std::size_t place, const std::string& bytes) {
  std::string all = content_of(path);
  std::size_t data = 0, begin = 0;
  {
    const SafetensorsFile file(path);
    for (const std::string& name : file.names()) data = std::max(data, file.info(name).end);
    begin = file.info(tensor).begin;
  }
  all.replace(all.size() - data + begin + place, bytes.size(), bytes);
  std::ofstream(path, std::ios::binary) << all;
}

}  // namespace

TEST_CASE("a test split that arrives later, or labels, make data that the run takes") {
  const TinyProject project;
  project.must({"prepare", "corpus", "--out", "data", "--dimension", "8"});
  project.must(project.training("run"));
  const Json before = evaluation(project, {});
  check_refusal(project, {"evaluate", "run", "--split", "test"}, {"there is no split 'test'"});
  project.file("corpus/test.csv", test_split("Rex"));
  project.must({"prepare", "corpus", "--out", "second", "--dimension", "8", "--labels", "labels.csv"});
  CHECK(project.content("second/vocabulary.txt") == project.content("data/vocabulary.txt"));
  CHECK(evaluation(project, {"--data", "second", "--split", "test"}).at("turns") == 1);
  const Json after = evaluation(project, {"--data", "second"});
  CHECK(after.at("perplexity_token") == before.at("perplexity_token"));
  CHECK(before.at("listener_accuracy").is_null());
  CHECK(after.at("listener_accuracy").is_number());
  // The training split is the same: the run goes on with it, to the bits of one that never saw a test split.
  project.must({"train", "--data", "second", "--out", "run", "--resume", "--epochs", "3"});
  project.must(project.training("whole", {"--epochs", "3"}));
  CHECK((weights(project, "run") == weights(project, "whole")));
}

TEST_CASE("prepare --like makes data with the vocabulary, the classes and the lengths of a run") {
  const TinyProject project;
  project.must({"prepare", "corpus", "--out", "data", "--labels", "labels.csv", "--dimension", "8", "--max-length", "9",
                "--min-frequency", "2"});
  project.must(project.training("run"));
  fs::create_directory(project / "mine");
  project.file("mine/test.csv", test_split("Zebedee and all of his many many friends from over there"));
  project.must({"prepare", "mine", "--like", "run", "--out", "other"});
  CHECK(project.content("other/vocabulary.txt") == project.content("data/vocabulary.txt"));
  CHECK(project.json("other/summary.json").at("max_length") == 9);
  CHECK(project.json("other/summary.json").at("vectors").at("dimension") == 8);
  CHECK(project.json("other/summary.json").at("splits").size() == 1);
  const Json prepared = evaluation(project, {"--data", "other", "--split", "test"});
  CHECK(prepared.at("turns") == 1);
  CHECK_THAT(project.must({"generate", "run", "--data", "other", "--split", "test"}), Contains("zebedee"));
  // The same without a data set, and nothing is written.
  const Snapshot files = project.snapshot();
  CHECK(evaluation(project, {"--corpus", "mine", "--split", "test"}) == prepared);
  CHECK_THAT(project.must({"generate", "run", "--corpus", "mine", "--split", "test"}), Contains("zebedee"));
  CHECK(evaluation(project, {"--corpus", "corpus", "--labels", "labels.csv"}) == evaluation(project, {}));
  CHECK((project.snapshot() == files));
  // Prepared like the run, its own corpus is its own data.
  project.must({"prepare", "corpus", "--like", "run", "--labels", "labels.csv", "--out", "again"});
  project.must({"train", "--data", "again", "--out", "run", "--resume", "--epochs", "3"});

  check_refusal(project, {"prepare", "mine", "--out", "new"}, {"mine: there is no train.csv"});
  check_refusal(project, {"prepare", "mine", "--like", "mine", "--out", "new"}, {"mine: holds no checkpoint 'best'"});
  check_refusal(project, {"prepare", "mine", "--like", "run", "--max-length", "9", "--out", "new"}, {"--like"});
  check_refusal(project, {"evaluate", "run", "--corpus", "mine", "--data", "data"}, {"give one of them"});
  check_refusal(project, {"evaluate", "run", "--labels", "labels.csv"}, {"are for --corpus"});
  check_refusal(project, {"train", "--data", "other", "--out", "new"}, {"there is no split 'train'"});
}

TEST_CASE("resuming with another training split of the same vocabulary is refused, --from takes it") {
  const TinyProject project;
  project.prepare_and_train();
  fs::create_directory(project / "mine");
  project.file("mine/train.csv", test_split("Rex"));
  project.file("mine/valid.csv", project.content("corpus/valid.csv"));
  project.must({"prepare", "mine", "--like", "run", "--out", "other"});
  check_refusal(project, {"train", "--data", "other", "--out", "run", "--resume", "--epochs", "3"},
                {"run: the run was made from other data", "--from run"});
  project.must(
      {"train", "--data", "other", "--out", "tuned", "--from", "run", "--epochs", "1", "--learning-rate", "0.01"});
  CHECK(project.json("tuned/last/config.json").at("model").at("encoder") == 8);  // the run's configuration
  CHECK(project.json("tuned/last/config.json").at("training").at("learning_rate") == 0.01);
  CHECK(project.json("tuned/last/config.json").contains("started_from"));
  CHECK(project.json("tuned/last/state.json").at("step") == 1);
}

TEST_CASE("train --from begins with the parameters of a run, and with nothing else of it") {
  const TinyProject project;
  project.prepare_and_train();
  project.must(
      {"train", "--data", "data", "--out", "tuned", "--from", "run/last", "--learning-rate", "0", "--max-steps", "1"});
  CHECK((weights(project, "tuned") == weights(project, "run")));
  CHECK(project.content("tuned/last/optimizer.safetensors") != project.content("run/last/optimizer.safetensors"));
  CHECK(log_of(project, "tuned").empty());
  // It resumes as any run does.
  project.must({"train", "--data", "data", "--out", "tuned", "--resume", "--max-steps", "3"});
  project.must(
      {"train", "--data", "data", "--out", "whole", "--from", "run/last", "--learning-rate", "0", "--max-steps", "3"});
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json", "config.json"})
    CHECK((project.content(fmt::format("tuned/last/{}", name)) == project.content(fmt::format("whole/last/{}", name))));

  project.file("wide.json", R"({"model": {"encoder": 9}})");
  const std::vector<std::string> start{"train", "--data", "data", "--out", "new", "--from", "run"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), start.begin(), start.end());
    return more;
  };
  const Outcome outcome = project.ethreed(with({"--config", "wide.json"}));
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("run: its parameters are not those of this configuration"));
  check_refusal(project, with({"--model", "hred"}), {"model.name is 'ethreed', but the command line says 'hred'"});
  check_refusal(project, with({"--resume"}), {"--resume"});
  project.must({"prepare", "corpus", "--out", "other", "--dimension", "8", "--min-frequency", "2"});
  check_refusal(project, {"train", "--data", "other", "--out", "new2", "--from", "run"},
                {"other: its vocabulary is not that of run"});
}

TEST_CASE("the advice at a loss that is not finite can be followed, and the change is in log and state") {
  const TinyProject project(600, 8);  // the first epoch is longer than that takes
  project.prepare();
  const Outcome outcome = project.ethreed(
      project.training("run", {"--learning-rate", "10", "--save-every", "0", "--log-every", "1", "--epochs", "100"}));
  REQUIRE(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("is not finite (") && Contains("--resume and a --learning-rate below 10"));
  const std::int64_t step = project.json("run/last/state.json").at("step");
  project.must({"train", "--data", "data", "--out", "run", "--resume", "--learning-rate", "0.0001", "--clip-norm",
                "0.5", "--max-steps", std::to_string(step + 1)});
  const Json config = project.json("run/last/config.json").at("training");
  CHECK(config.at("learning_rate") == 0.0001);
  CHECK(config.at("clip_norm") == 0.5);
  const Json changes = project.json("run/last/state.json").at("changes");
  REQUIRE(changes.size() == 2);
  CHECK(changes[1].at("change") == "learning_rate: 10.0 → 0.0001");
  CHECK(changes[1].at("step") == step);
  std::vector<Json> lines;
  for (const Json& line : log_of(project, "run"))
    if (line.at("kind") == "change") lines.push_back(line);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("change") == "clip_norm: 1.0 → 0.5");
  CHECK_THAT(project.content("run/log.csv"), Contains(",learning_rate: 10.0 → 0.0001\n"));
  // Resumed again they are there once.
  project.must({"train", "--data", "data", "--out", "run", "--resume", "--max-steps", std::to_string(step + 2)});
  CHECK(project.json("run/last/state.json").at("changes") == changes);
  std::size_t again = 0;
  for (const Json& line : log_of(project, "run")) again += line.at("kind") == "change";
  CHECK(again == 2);
}

TEST_CASE("where the last checkpoint itself gives a loss that is not finite, --resume is not what is advised") {
  const TinyProject project;
  project.prepare();
  // Every step multiplies the parameters by 1 − 10·10, whatever their gradients are.
  Json config = project.json("small.json");
  config["training"]["weight_decay"] = 10;
  project.file("small.json", config.dump());
  const Outcome outcome =
      project.ethreed(project.training("run", {"--learning-rate", "10", "--save-every", "1", "--epochs", "100"}));
  REQUIRE(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("the last checkpoint gives it, too: begin a new run") && !Contains("--resume"));
}

TEST_CASE("intervals and patience may change on --resume, what was learned from may not") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("run", {"--max-steps", "2"}));
  project.must({"train", "--data", "data", "--out", "run", "--resume", "--log-every", "3", "--max-steps", "4"});
  CHECK(project.json("run/last/state.json").at("changes")[0].at("change") == "log_every: 2 → 3");
  project.file("patience.json", R"({"training": {"patience": 1, "schedule": "linear", "warm_up_steps": 2}})");
  project.must(
      {"train", "--data", "data", "--out", "run", "--resume", "--config", "patience.json", "--max-steps", "5"});
  CHECK(project.json("run/last/state.json").at("changes").size() == 4);
  const auto refused = [&](const std::string& key, const std::string& value) {
    project.file("c.json", fmt::format(R"({{"training": {{"{}": {}}}}})", key, value));
    check_refusal(project, {"train", "--data", "data", "--out", "run", "--resume", "--config", "c.json"},
                  {"run: --resume goes on with the run's own configuration, but " + key + " would change"});
  };
  refused("batch", "5");
  refused("adam_beta1", "0.5");
  refused("weight_decay", "0.1");
  refused("dropout", "0.1");
  refused("seed", "9");
}

TEST_CASE("no file of a checkpoint holds the path of the data, and the run finds it all the same") {
  const TinyProject project;
  fs::create_directories(project / "home/somebody/secret-project");
  project.must({"prepare", "corpus", "--out", "home/somebody/secret-project/data", "--dimension", "8"});
  project.must({"train", "--data", (project / "home/somebody/secret-project/data").string(), "--out", "shared",
                "--config", "small.json", "--max-steps", "1"});
  for (const auto& [name, content] : snapshot_of(project / "shared/last")) {
    INFO(name);
    CHECK(content.find("secret-project") == std::string::npos);
    CHECK(content.find(project.path().string()) == std::string::npos);
  }
  CHECK(project.json("shared/last/config.json").at("data").at("name") == "data");
  CHECK(project.content("shared/run.json").find(project.path().string()) == std::string::npos);
  project.must({"evaluate", "shared", "--checkpoint", "last"});
  fs::create_directory(project / "moved");  // run and data move together
  fs::rename(project / "shared", project / "moved/shared");
  fs::rename(project / "home", project / "moved/home");
  project.must({"evaluate", "moved/shared", "--checkpoint", "last"});
  fs::copy(project / "moved/shared/last", project / "alone", fs::copy_options::recursive);
  check_refusal(project, {"evaluate", "alone"}, {"alone: where the data 'data' lies", "--data DIR", "--corpus DIR"});
  project.must({"evaluate", "alone", "--corpus", "corpus"});
}

TEST_CASE("a data set that was changed after it was prepared is refused, wherever the change is") {
  const TinyProject project;
  project.prepare_and_train();
  const std::string good = project.content("data/dataset.safetensors");
  const auto refuse = [&](const std::string& tensor, std::size_t place, const std::string& bytes) {
    INFO(tensor);
    change_tensor(project / "data/dataset.safetensors", tensor, place, bytes);
    const std::vector<std::string> message{
        "data/dataset.safetensors: was changed after it was prepared; prepare the corpus again"};
    check_refusal(project, {"evaluate", "run"}, message);
    check_refusal(project, project.training("run", {"--resume", "--epochs", "3"}), message);
    check_refusal(project, project.training("new"), message);
    project.file("data/dataset.safetensors", good);
  };
  refuse("train.emotion", 0, std::string("\x03\0\0\0", 4));
  refuse("valid.listener_label", 0, std::string("\x05\0\0\0", 4));
  refuse("vectors", 100, std::string("\0\0\x10\x41", 4));
  refuse("train.situation_tokens", 0, std::string("\x07\0\0\0", 4));
  refuse("train.conversation_bytes", 0, "x");
  project.must({"evaluate", "run", "--verify"});
  project.file("data/vocabulary.txt", "word\n");
  check_refusal(project, {"evaluate", "run", "--verify"}, {"data/vocabulary.txt: was changed"});
}

TEST_CASE("with --verify a command looks at files of a checkpoint that it does not read") {
  const TinyProject project;
  project.prepare_and_train();
  change_tensor(project / "run/best/optimizer.safetensors", "classifier.bias.m", 0, "abc");
  project.must({"evaluate", "run"});
  check_refusal(project, {"evaluate", "run", "--verify"},
                {"run/best/optimizer.safetensors: was changed after the checkpoint was saved"});
  check_refusal(project, {"chat", "run", "--verify"}, {"run/best/optimizer.safetensors: was changed"});
}

TEST_CASE("what a killed process left is put in order by the next training, also where nothing is left to train") {
  const TinyProject project;
  project.prepare_and_train();
  const Snapshot last = snapshot_of(project / "run/last");
  fs::copy(project / "run/last", project / "run/last.tmp-123", fs::copy_options::recursive);
  fs::copy(project / "run/last", project / "run/last.old", fs::copy_options::recursive);
  CHECK_THAT(project.must(project.training("run", {"--resume"})), Contains("all 2 epochs are done"));
  CHECK_FALSE(fs::exists(project / "run/last.tmp-123"));
  CHECK_FALSE(fs::exists(project / "run/last.old"));
  // A crash between the two renames of a file system that cannot exchange names.
  for (const char* name : {"last", "best"})
    fs::rename(project / "run" / name, project / "run" / (std::string(name) + ".old"));
  check_refusal(project, {"evaluate", "run"}, {"run: holds no checkpoint 'best', but 'best.old'", "--resume"});
  check_refusal(project, project.training("run"), {"run: holds a run already (last.old)", "--resume"});
  CHECK_THAT(project.must(project.training("run", {"--resume"})), Contains("all 2 epochs are done"));
  CHECK((snapshot_of(project / "run/last") == last));
  project.must({"evaluate", "run"});
}

TEST_CASE("a run of which best alone was copied says so") {
  const TinyProject project;
  project.prepare_and_train();
  fs::create_directory(project / "copied");
  fs::copy(project / "run/best", project / "copied/best", fs::copy_options::recursive);
  check_refusal(project, {"chat", "copied", "--checkpoint", "last"},
                {"copied: holds the checkpoint 'best' only; use --checkpoint best"});
  check_refusal(project, project.training("copied"), {"copied: holds a run already (best)"});
  check_refusal(project, project.training("copied", {"--resume"}),
                {"copied: holds the checkpoint 'best' only", "--from copied"});
  project.must({"chat", "copied"}, {.input = "hello\n"});
}

TEST_CASE("a checkpoint whose tensors are not aligned is read") {
  const TinyProject project;
  project.prepare_and_train();
  const std::string wanted = project.must({"chat", "run"}, {.input = "hello\n"});
  const std::string bytes = project.content("run/best/model.safetensors");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::string data = bytes.substr(8 + length);
  std::string header = bytes.substr(8, length);
  header.erase(header.find_last_not_of(' ') + 1);
  header.append((7 - header.size() % 4) % 4, ' ');
  length = header.size();
  REQUIRE(length % 4 == 3);
  project.file("run/best/model.safetensors",
               std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data);
  Json state = project.json("run/best/state.json");
  state.erase("fingerprints");
  project.file("run/best/state.json", state.dump());
  CHECK(project.must({"chat", "run"}, {.input = "hello\n"}) == wanted);
}

TEST_CASE("figures that do not exist are null, an empty cell and a dash, never 0") {
  const TinyProject project;
  project.must({"prepare", "corpus", "--out", "data", "--dimension", "8"});
  const std::string output = project.must(project.training("run"));
  CHECK_THAT(output, Contains("listener Acc –"));
  const Json json = evaluation(project, {});
  for (const char* name : {"listener_accuracy", "policy_divergence"}) CHECK(json.at(name).is_null());
  CHECK_FALSE(json.contains("not_finite"));
  CHECK_THAT(project.must({"evaluate", "run"}), Contains("listener_accuracy                 –\n"));
  CHECK(project.json("run/last/state.json").at("last").at("listener_accuracy").is_null());
  const Json line = log_of(project, "run").back();
  CHECK(line.at("listener_accuracy").is_null());
  CHECK(line.at("loss_generation").get<double>() > 0);
  CHECK(line.at("loss_emotion_listener").is_null());
  CHECK(line.at("seconds").get<double>() > 0);
}

TEST_CASE("a configuration that says a key twice, or lies deep, or holds long values, is refused in one short line") {
  const TinyProject project;
  project.prepare();
  const auto refused = [&](const std::string& content, const std::vector<std::string>& parts) {
    project.file("c.json", content);
    check_refusal(project, {"train", "--data", "data", "--out", "run", "--config", "c.json"}, parts);
  };
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  refused(R"({"training": {"epochs": 2, "epochs": 4}})", {"c.json: the key 'epochs' appears twice"});
  refused(R"({"training": {"epochs": 2}, "training": {}})", {"c.json: the key 'training' appears twice"});
  refused(R"({"model": {"encoder": )" + deep + "}}", {"c.json: ", "more than 64 deep"});
  refused(R"({"model": {"encoder": )" + std::string(60, '[') + std::string(60, ']') + "}}",
          {"c.json: model.encoder: wanted an integer", "got an array"});
  refused(R"({"model": {"encoder": ")" + std::string(100000, 'x') + "\"}}", {"c.json: model.encoder", "xxx…"});
  refused(R"({"model": {")" + std::string(100000, 'x') + "\": 1}}", {"c.json: 'model' has no key 'xxx", "…"});
  refused(R"({"model": {"name": ")" + std::string(100000, 'x') + "\"}}", {"c.json: model 'xxx", "…"});
  refused(R"({"model": {"ablation": ")" + std::string(100000, 'x') + "\"}}", {"c.json: ", "…"});
  refused("{\"a\": \"" + std::string(100000, 'x'), {"c.json: not valid JSON"});
}

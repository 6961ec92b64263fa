// Bad corpora, labels, vectors and configurations: each is refused in one clear line, and nothing is written.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;

// Puts `to` in the place of the first `from` in a file of the project.
void edit(const TinyProject& project, const std::string& name, const std::string& from, const std::string& to) {
  std::string text = project.content(name);
  const std::size_t at = text.find(from);
  INFO(name << " holds no " << from);
  REQUIRE(at != std::string::npos);
  project.file(name, text.replace(at, from.size(), to));
}

void check_prepare_refuses(const TinyProject& project, const std::vector<std::string>& more,
                           const std::vector<std::string>& parts) {
  std::vector<std::string> arguments{"prepare", "corpus", "--out", "data"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  check_refusal(project, arguments, parts);
}

// The same configuration file is refused by train and by trace, in the same words.
void check_configuration_refused(const TinyProject& project, const std::string& json,
                                 const std::vector<std::string>& parts) {
  INFO(json);
  project.file("c.json", json);
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--config", "c.json"}, parts);
  check_refusal(project, {"trace", "--data", "data", "--out", "t", "--config", "c.json"}, parts);
}

}  // namespace

TEST_CASE("prepare refuses a corpus that is not there") {
  const TinyProject project;
  check_refusal(project, {"prepare", "nowhere", "--out", "data"},
                {"nowhere: is not a folder; give the folder that holds train.csv"});
  check_refusal(project, {"prepare", "labels.csv", "--out", "data"}, {"labels.csv: is not a folder; give"});
  fs::remove(project / "corpus/train.csv");
  check_prepare_refuses(project, {}, {"corpus: there is no train.csv", "put the corpus's training split there"});
}

TEST_CASE("prepare refuses a corpus of another form and names file and line") {
  SECTION("a wrong header") {
    const TinyProject project;
    edit(project, "corpus/valid.csv", "conv_id", "id");
    check_prepare_refuses(
        project, {}, {"corpus/valid.csv:1: no column 'conv_id' in the header 'id,utterance_idx,", "name the columns"});
  }
  SECTION("a column too few") {
    const TinyProject project;
    edit(project, "corpus/train.csv", "hit:1_conv:1,2,sad,", "hit:1_conv:1,2,");
    check_prepare_refuses(project, {}, {"corpus/train.csv:5: got 7 columns, wanted 8", "_comma_"});
  }
  SECTION("a comma within a text") {
    const TinyProject project;
    edit(project, "corpus/train.csv", "park_comma_ can you believe", "park, can, you, believe");
    check_prepare_refuses(project, {}, {"corpus/train.csv:6: got 11 columns, wanted 8", "_comma_"});
  }
  SECTION("an unknown emotion") {
    const TinyProject project;
    edit(project, "corpus/valid.csv", "24,1,joyful", "24,1,hungry");
    check_prepare_refuses(project, {},
                          {"corpus/valid.csv:2: unknown emotion 'hungry'", "wanted one of afraid, angry,"});
  }
  SECTION("a number that is none") {
    const TinyProject project;
    edit(project, "corpus/train.csv", "hit:0_conv:0,2,", "hit:0_conv:0,two,");
    check_prepare_refuses(project, {}, {"corpus/train.csv:3: utterance_idx is 'two', wanted a whole number"});
  }
  SECTION("a row missing") {
    const TinyProject project;
    edit(project, "corpus/train.csv", "hit:1_conv:1,3,", "hit:1_conv:1,4,");
    check_prepare_refuses(project, {}, {"corpus/train.csv:6: utterance_idx 4 follows 2", "wanted 3"});
  }
  SECTION("a dialogue in two splits") {
    const TinyProject project;
    project.file("corpus/test.csv", project.content("corpus/valid.csv"));
    check_prepare_refuses(project, {}, {"hit:24_conv:24", "valid.csv and in test.csv; leave it in one split"});
  }
}

TEST_CASE("prepare refuses an empty split and a vocabulary without words") {
  const std::string header = lines_of(TinyProject().content("corpus/train.csv"))[0] + "\n";
  const TinyProject project;
  check_prepare_refuses(project, {"--min-frequency", "1000"}, {"no word occurs 1000 times", "lower --min-frequency"});
  project.file("corpus/valid.csv", header);
  check_prepare_refuses(project, {}, {"corpus/valid.csv: the split is empty: 0 rows", "fill the file or remove it"});
  project.file("corpus/valid.csv", header + "a,1,sad,p,1,Nobody answers.,,\n");
  check_prepare_refuses(project, {}, {"corpus/valid.csv: the split is empty: 1 rows"});
  project.file("corpus/valid.csv", "");
  check_prepare_refuses(project, {}, {"corpus/valid.csv: the file is empty; its first line names the columns"});
}

TEST_CASE("prepare refuses labels that do not belong to the corpus or are no emotions") {
  const TinyProject project;
  const auto check_labels = [&](const std::string& text, const std::vector<std::string>& parts) {
    project.file("l.csv", text);
    check_prepare_refuses(project, {"--labels", "l.csv"}, parts);
  };
  check_prepare_refuses(project, {"--labels", "none.csv"}, {"none.csv: cannot be opened", "check the path"});
  check_labels("conv_id,utterance_idx,emotion\n", {"l.csv:1: no column 'label'", "name the columns in the first line"});
  check_labels("conv_id,utterance_idx,label\nhit:0_conv:0,2\n", {"l.csv:2: got 2 columns, wanted 3 as in the header"});
  check_labels("conv_id,utterance_idx,label\nnowhere,2,sad\n",
               {"l.csv:2: the corpus has no utterance 2 of 'nowhere'", "take the labels"});
  check_labels("conv_id,utterance_idx,label\nhit:0_conv:0,4,sad\n",
               {"l.csv:2: the corpus has no utterance 4 of 'hit:0_conv:0'"});
  check_labels("conv_id,utterance_idx,label\nhit:0_conv:0,2,sad\nhit:0_conv:0,2,sad\n",
               {"l.csv:3:", "has a label already, in line 2"});
  check_labels(std::string(100000, 'x'), {"l.csv:1: no column 'conv_id' in the header 'xxx", "…'"});  // not all of it
  check_labels(std::string("\0\r\x1b[2J\n", 7), {"l.csv:1: no column 'conv_id'"});
  check_labels("conv_id,utterance_idx,label\nhit:0_conv:0,2,questioning\n",
               {"l.csv:2: the label 'questioning' is none of the 32 emotions", "--other-labels ignore"});
  CHECK_THAT(project.must({"prepare", "corpus", "--out", "data", "--labels", "l.csv", "--other-labels", "ignore",
                           "--dimension", "8"}),
             Contains("1 labels passed over"));
}

TEST_CASE("prepare refuses label columns that do not belong to the corpus or have one name") {
  const TinyProject project;
  project.file("l.csv", "conv_id,utterance_idx,label\nnowhere,1,sad\n");
  check_prepare_refuses(project, {"--label-column", "mood=none.csv"}, {"none.csv: cannot be opened", "check the path"});
  check_prepare_refuses(project, {"--label-column", "mood=l.csv"},
                        {"l.csv:2: the corpus has no utterance 1 of 'nowhere'", "take the labels"});
  check_prepare_refuses(project, {"--label-column", "a=labels.csv", "--label-column", "a=labels.csv"},
                        {"two label columns are called 'a'"});
  check_prepare_refuses(project, {"--label-column", "a b=labels.csv"},
                        {"a label column is called 'a b', wanted 1 to 64"});
}

TEST_CASE("prepare refuses word vectors of mixed width and other files that hold none") {
  const TinyProject project;
  const auto check_vectors = [&](const std::string& text, const std::vector<std::string>& parts) {
    project.file("v.txt", text);
    check_prepare_refuses(project, {"--vectors", "v.txt"}, parts);
  };
  check_prepare_refuses(project, {"--vectors", "none.txt"}, {"none.txt: cannot be opened", "check the path"});
  check_vectors("dog 1 2 3\nmy 1 2\n",
                {"v.txt:2: got 3 fields, wanted a word and 3 numbers", "all vectors have one width"});
  check_vectors("dog 1 2 3\nmy 1 2 3 4\n", {"v.txt:2: got 5 fields"});
  check_vectors("dog 1 2 3\nmy 1 x 3\n", {"v.txt:2: component 2 is 'x', wanted a finite number"});
  check_vectors("dog 1 nan 3\n", {"v.txt:1: component 2 is 'nan'"});
  check_vectors("", {"v.txt: holds no vectors"});
}

TEST_CASE("a data set is not replaced when preparing it anew fails") {
  const TinyProject project;
  project.prepare();
  edit(project, "corpus/train.csv", "joyful", "hungry");
  check_prepare_refuses(project, {}, {"corpus/train.csv:3: the dialogue", "hungry"});  // the snapshot holds data/
}

TEST_CASE("train and trace refuse what is no prepared data set") {
  const TinyProject project;
  for (const char* folder : {"nowhere", "corpus"}) {
    const std::vector<std::string> parts{fmt::format("{}/dataset.safetensors: there is no prepared data set", folder),
                                         "ethreed prepare"};
    check_refusal(project, {"train", "--data", folder, "--out", "run"}, parts);
    check_refusal(project, {"trace", "--data", folder, "--out", "t"}, parts);
  }
  project.prepare();
  fs::resize_file(project / "data/dataset.safetensors", 5000);
  check_refusal(project, {"train", "--data", "data", "--out", "run"}, {"data/dataset.safetensors", "truncated"});
}

TEST_CASE("train refuses data without a validation split before it makes the run's folder") {
  const TinyProject project;
  fs::remove(project / "corpus/valid.csv");
  project.must({"prepare", "corpus", "--out", "data", "--dimension", "8"});
  check_refusal(project, project.training("run"),
                {"data/dataset.safetensors: there is no split 'valid'", "put valid.csv into the corpus"});
  check_refusal(project, {"trace", "--data", "data", "--out", "t", "--config", "small.json", "--split", "test"},
                {"there is no split 'test'", "put test.csv"});
}

TEST_CASE("a configuration with an unknown key, a wrong type or a value out of range is refused with file and key") {
  const TinyProject project;
  project.prepare();
  const auto refused = [&](const char* json, const std::vector<std::string>& parts) {
    check_configuration_refused(project, json, parts);
  };
  refused(R"({"model": {"encodr": 8}})", {"c.json: 'model' has no key 'encodr'; it knows vocabulary,", "encoder"});
  refused(R"({"model": {"enc\noder": 8}})", {"c.json: 'model' has no key 'enc oder'"});  // one line all the same
  refused(R"({"training": {"lr": 8}})", {"c.json: 'training' has no key 'lr'; it knows ", "learning_rate"});
  refused(R"({"modle": {}})", {"c.json: no section 'modle'; there are 'model' and 'training'"});
  refused(R"({"model": 3})", {"c.json: 'model' must be an object"});
  refused("[]", {"c.json: wanted an object with 'model' and 'training'"});
  refused(R"({"model": {"encoder": "8"}})", {"c.json: model.encoder: wanted an integer", "got '8'"});
  refused(R"({"model": {"encoder": 8.5}})", {"c.json: model.encoder: wanted an integer", "got 8.5"});
  refused(R"({"model": {"encoder": -8}})", {"c.json: model.encoder: wanted an integer from 0"});
  refused(R"({"model": {"listener_labels": 1}})", {"c.json: model.listener_labels: wanted true or false, got 1"});
  refused(R"({"model": {"ablation": 3}})", {"c.json: model.ablation: wanted a name, got 3"});
  refused(R"({"model": {"ablation": "no_decoder"}})",
          {"c.json: ", "ablation 'no_decoder' does not exist; give one of none, no_policy"});
  refused(R"({"training": {"seed": -1}})", {"c.json: training.seed: wanted a non-negative integer, got -1"});
  refused(R"({"training": {"dropout": null}})", {"c.json: training.dropout: wanted a number, got null"});
  refused(R"({"model": {"encoder": 0}})", {"c.json: ", "'encoder' is 0, out of range: give 1 to 65536"});
  refused(R"({"training": {"dropout": 2}})", {"c.json: ", "'dropout' is 2, out of range: give 0 to 0.95"});
  refused(R"({"training": {"weight_policy": -1}})", {"c.json: ", "'weight_policy' is -1, out of range: give 0 to"});
  refused(R"({"model": {"vocabulary": 10}})",
          {"c.json: keys come from the data: vocabulary (10, the data has ", "leave them out"});
  refused(R"({"model": {"emotions": 7}})",
          {"c.json: keys come from the data: emotions (7, the data has 32); leave them out"});
  refused(R"({"model": {"ablation": "no_emotion", "party_state": 4}})",
          {"c.json: ", "'party_state' (4) and 'emotion_state' (300) must be equal"});
}

TEST_CASE("a configuration that is no JSON is refused with the line") {
  const TinyProject project;
  project.prepare();
  check_configuration_refused(project, "", {"c.json: not valid JSON", "line 1"});
  check_configuration_refused(project, "{\"model\":\n  {\"encoder\": 8,}\n}", {"c.json: not valid JSON", "line 2"});
  for (const char* path : {"none.json", "corpus"})
    check_refusal(project, {"train", "--data", "data", "--out", "run", "--config", path},
                  {fmt::format("{}: there is no such configuration file; check the path", path)});
}

TEST_CASE("a configuration that wants listener labels of data without them is refused") {
  const TinyProject project;
  project.must({"prepare", "corpus", "--out", "data", "--dimension", "8"});
  check_configuration_refused(project, R"({"model": {"listener_labels": true}})",
                              {"c.json: 'listener_labels' is true, but the data has none; prepare it with --labels"});
}

// Folders of encoders by the commands import and export, and what other commands make of them.

#include "tests/model/encoders/tiny_encoder.h"
#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <thread>

using namespace ethreed;
using Catch::Contains;

namespace {

constexpr const char* vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nmy\nlost\ndog\nwon\nmip\n,\n!\n'\nso\n##n\n##x\nx\nsad\nno\n.\n";

TinyEncoder wide_bert(int vocabulary_size = 20) {
  TinyEncoder m = tiny_bert();
  m.width = 16;
  m.inner = 32;
  m.vocabulary = vocabulary_size;
  return m;
}

// A published folder `tiny`, and a corpus of two emotions.
void write_project(const TinyProject& project) {
  const TinyEncoder m = wide_bert();
  Tensors tensors = list_of(sines_of(m));
  tensors.emplace_back("bert.embeddings.position_ids", reference::Parameter{{2}, {0, 1}});
  write_encoder<float>(project / "tiny", config_of(m), tensors);
  project.file("tiny/vocab.txt", vocabulary);
  std::filesystem::create_directory(project / "told");
  for (const std::string split : {"train", "valid"}) {
    std::string rows = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance\n";
    for (int i = 0; i < 8; ++i) {
      const std::string id = split + std::to_string(i),
                        text = i % 2 == 0 ? "gloomy,my lost dog so sad" : "merry,so won x x !";
      rows += id + ",1," + text + ",0,so x\n" + id + ",2," + text + ",1,no.\n";
    }
    project.file("told/" + split + ".csv", rows);
  }
}

}  // namespace

TEST_CASE("import says what it found and what it left, and export what it wrote, with sizes") {
  const TinyProject project(4, 2);
  write_project(project);
  const std::string in = project.must({"import", "tiny", "--out", "mapped"});
  CHECK_THAT(in, Contains("tiny: bert of 2 layers, d 16, 5347 parameters in 41 tensors, pooler and head for "
                          "classification\n") &&
                     Contains("  numbers: F32, as they were\n") &&
                     Contains("  tokenizer: word pieces, lower case, 20 pieces\n") &&
                     Contains("  not taken over: bert.embeddings.position_ids\n") && Contains("  config.json: ") &&
                     Contains("  import.json: ") && Contains("mapped: 4 files, "));
  const std::string out = project.must({"export", "mapped", "--out", "published", "--dtype", "F16"});
  CHECK_THAT(out, Contains("mapped: bert of 2 layers") && Contains("  numbers: F32 converted to F16\n") &&
                      Contains("  not taken over: bert.embeddings.position_ids\n") &&
                      Contains(fmt::format("  model.safetensors: {} bytes\n",
                                           project.content("published/model.safetensors").size())) &&
                      Contains("published: 3 files, "));
  CHECK_THAT(project.must({"import", "published/", "--out", "from-halves"}),
             Contains("  numbers: F16 converted to F32\n") && !Contains("not taken over"));
}

TEST_CASE("every command that takes an encoder's folder takes an imported one, with the same results") {
  const TinyProject project(4, 2);
  write_project(project);
  project.must({"import", "tiny", "--out", "mapped/tiny"});
  project.file("a.txt", "my lost dog, no!\nso so\n");
  project.file("b.txt", "my dog.\nso x\n");
  const auto same = [&](std::vector<std::string> before, const std::vector<std::string>& after) {
    std::vector<std::string> second = before;
    before.emplace_back("tiny");
    second.emplace_back("mapped/tiny");
    for (auto* arguments : {&before, &second}) arguments->insert(arguments->end(), after.begin(), after.end());
    CHECK(project.must(before) == project.must(second));
  };
  same({"tokenize", "--in", "a.txt"}, {});
  same({"score", "a.txt", "--references", "b.txt", "--bertscore"}, {});
  for (const std::string way : {"whole", "frozen"}) {
    const auto tuned = [&](const std::string& encoder, const std::string& out) {
      std::vector<std::string> arguments{"fine-tune", encoder, "told", "--epochs", "2", "--out", out, "--quiet"};
      if (way == "frozen") arguments.emplace_back("--frozen");
      project.must(arguments);
      project.must({"label", out, "told", "--out", out + ".csv", "--distribution"});
    };
    tuned("tiny", way + "-1");
    tuned("mapped/tiny", way + "-2");
    CHECK(project.content(way + "-1.csv") == project.content(way + "-2.csv"));
    CHECK(project.content(way + "-1/figures.json") == project.content(way + "-2/figures.json"));
  }
  // What fine-tune wrote goes out as a published folder does, and labels as it did.
  CHECK_THAT(project.must({"export", "whole-2", "--out", "published"}), Contains("pooler and head for classification"));
  project.must({"label", "published", "told", "--out", "labels.csv", "--distribution"});
  CHECK(project.content("labels.csv") == project.content("whole-1.csv"));
  check_refusal(project, {"export", "frozen-2", "--out", "x"}, {"frozen-2: has a head on sentence vectors"});
}

TEST_CASE("import and export refuse in one line what they cannot read or write, and write nothing") {
  const TinyProject project(4, 2);
  write_project(project);
  for (const std::string command : {"import", "export"}) {
    check_refusal(project, {command, "nowhere", "--out", "x"}, {"nowhere: is no folder"});
    check_refusal(project, {command, "corpus", "--out", "x"}, {"corpus: has no config.json"});
    check_refusal(project, {command, "tiny"}, {"--out is required"});
    check_refusal(project, {command, "tiny", "--out", "tiny"}, {"tiny: holds '", "give a new folder"});
    check_refusal(project, {command, "tiny", "--out", "corpus"}, {"corpus: holds '", "give a new folder"});
    check_refusal(project, {command, "tiny", "--out", "small.json"}, {"small.json: is a file"});
    check_refusal(project, {command, "tiny", "--out", "x"}, {"model.safetensors: writing it failed", "ulimit -f"},
                  {.file_size_limit = 4096});
  }
  check_refusal(project, {"export", "tiny", "--out", "x", "--dtype", "F8"}, {"F8 not in {F32,F16,BF16}"});
  project.must({"import", "tiny", "--out", "mapped"});
  project.file("mapped/vocab.txt", std::string(vocabulary) + "new\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"export", "mapped", "--out", "x"},
        {"fine-tune", "mapped", "told", "--out", "x", "--frozen", "--epochs", "1"},
        {"label", "mapped", "told", "--out", "x.csv"}})
    CHECK_THAT(project.ethreed(arguments).err, Contains("mapped"));
  check_refusal(project, {"export", "mapped", "--out", "x"}, {"mapped/vocab.txt: was changed after it was imported"});
  check_refusal(project, {"tokenize", "mapped"}, {"mapped/vocab.txt: was changed after it was imported"});
  project.file("tiny/model.safetensors", project.content("tiny/model.safetensors").substr(0, 5000));
  check_refusal(project, {"import", "tiny", "--out", "x"}, {"tiny/model.safetensors", "truncated or damaged"});
}

TEST_CASE("an import that is killed leaves no folder that is not whole") {
  const TinyProject project(4, 2);
  TinyEncoder m = wide_bert(60'000);
  write_encoder<float>(project / "large", config_of(m), list_of(sines_of(m)));
  project.file("large/vocab.txt", vocabulary);
  int without = 0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::filesystem::remove_all(project / "mapped");
    Program program = project.start({"import", "large", "--out", "mapped"});
    std::this_thread::sleep_for(std::chrono::milliseconds(attempt * 3));
    program.send(SIGKILL);
    program.finish();
    const bool there = std::filesystem::exists(project / "mapped");
    without += !there;
    if (there) project.must({"export", "mapped", "--out", fmt::format("back-{}", attempt)});
  }
  CHECK(without > 0);
  std::filesystem::remove_all(project / "mapped");
  project.must({"import", "large", "--out", "mapped"});
}

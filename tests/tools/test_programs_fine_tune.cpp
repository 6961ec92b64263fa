// A classifier on a pretrained encoder by `ethreed fine-tune`, and labels by it: a tiny encoder, both ways of training.

#include "kernels/gemm/gemm.h"
#include "tests/model/encoders/tiny_encoder.h"
#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <thread>

using namespace ethreed;
using Catch::Contains;

namespace {

constexpr const char* vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nmy\nlost\ndog\nwon\nmip\n,\n!\n'\nso\n##n\n##x\nx\nsad\nno\n.\n";

std::string rows_of(const std::string& name, int dialogues) {
  std::string rows = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance\n";
  for (int i = 0; i < dialogues; ++i) {
    const bool sad = i % 2 == 0;
    const std::string id = name + std::to_string(i), emotion = sad ? "gloomy" : "merry";
    const std::string situation = sad ? "my lost dog so sad" : "so won x x !";
    rows += id + ",1," + emotion + "," + situation + ",0," + situation + "\n";
    rows += id + ",2," + emotion + "," + situation + ",1,so so.\n";
  }
  return rows;
}

// A corpus whose situations tell their emotion, an encoder, and a file of labels of utterances.
void write_project(const TinyProject& project) {
  const TinyEncoder m = tiny_bert();
  write_encoder<float>(project / "tiny", config_of(m), list_of(sines_of(m)));
  project.file("tiny/vocab.txt", vocabulary);
  for (const char* folder : {"told", "only", "one"}) std::filesystem::create_directories(project / folder);
  project.file("told/train.csv", rows_of("t", 24));
  project.file("told/valid.csv", rows_of("v", 8));
  std::string labels = "split,conv_id,utterance_idx,label\n";
  for (const std::string split : {"train", "valid"})
    for (int i = 0; i < (split == "train" ? 24 : 8); ++i)
      for (int number = 1; number <= 2; ++number)
        labels += split + "," + split[0] + std::to_string(i) + "," + std::to_string(number) + "," +
                  (number == 2  ? "calm"
                   : i % 2 == 0 ? "low"
                                : "high") +
                  "\n";
  project.file("turns.csv", labels);
}

const std::vector<std::string> quick{"fine-tune", "tiny/", "told", "--epochs", "12", "--learning-rate", "0.02"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("an encoder that is fine-tuned on situations, or left frozen, labels the utterances of a corpus") {
  const TinyProject project(4, 2);
  write_project(project);
  for (const bool frozen : {false, true}) {
    INFO((frozen ? "frozen" : "fine-tuned"));
    const std::string out = frozen ? "frozen" : "tuned";
    std::vector<std::string> arguments = with(quick, {"--out", out, "--seed", "3"});
    if (frozen) arguments.emplace_back("--frozen");
    CHECK_THAT(project.must(arguments),
               Contains("2 classes of situations") && Contains("valid: 8 texts, accuracy 1.0000"));
    const nlohmann::json figures = project.json(out + "/figures.json");
    CHECK(figures.at("frozen") == frozen);
    CHECK(figures.at("encoder") == "tiny");
    CHECK(figures.at("splits").at("valid").at("texts") == 8);
    CHECK(figures.at("splits").at("valid").at("confusion") == nlohmann::json({{4, 0}, {0, 4}}));
    CHECK(figures.at("classes") == nlohmann::json({"gloomy", "merry"}));
    CHECK(!std::filesystem::exists(project / out / "training.safetensors"));
    // Its own training texts, as utterances.
    CHECK_THAT(project.must({"label", out, "told", "--out", out + ".csv", "--distribution", "--parties", "speaker"}),
               Contains("32 utterances of 2 splits, 2 classes, by bert of 2 layers, " +
                        std::string(frozen ? "frozen" : "fine-tuned")));
    const std::vector<std::string> lines = lines_of(project.content(out + ".csv"));
    CHECK(lines.front() == "split,conv_id,utterance_idx,label,probability,p_gloomy,p_merry");
    CHECK_THAT(lines.at(1), Catch::StartsWith("train,t0,1,gloomy,"));
    CHECK_THAT(lines.at(2), Catch::StartsWith("train,t1,1,merry,"));
    check_refusal(project, arguments, {"--out " + out, "holds a finished classifier"});
  }
  // prepare reads what label writes.
  project.must(
      {"prepare", "told", "--labels", "tuned.csv", "--labels-of", "both", "--out", "data", "--dimension", "8"});
}

TEST_CASE("what fine-tune made tells the emotions of replies to score and report, as label does") {
  const TinyProject project(4, 2);
  write_project(project);
  project.must(with(quick, {"--out", "tuned", "--seed", "3"}));
  project.must(with(quick, {"--out", "frozen", "--seed", "3", "--frozen"}));
  // Replies like the situations, the second and the fourth of them wrong; tokens of the first begin with a capital.
  project.file("r.jsonl", R"({"reply": "My lost dog so sad", "gold": "my lost dog so sad", "emotion": "gloomy"}
{"reply": "so won x x!", "gold": "my lost dog so sad", "emotion": "gloomy"}
{"reply": "so won x x !", "gold": "so won x x !", "emotion": "merry"}
{"reply": "my lost dog so sad", "gold": "so won x x !", "emotion": "merry"}
)");
  for (const std::string classifier : {"tuned", "frozen"}) {
    INFO(classifier);
    const std::string said = project.must({"score", "r.jsonl", "--classifier", classifier + "/", "--json", "s.json"});
    CHECK_THAT(said, Contains("emotions of replies by " + classifier + " (bert of 2 layers, "));
    std::map<std::string, nlohmann::json> value;
    const nlohmann::json scores = project.json("s.json");
    for (const nlohmann::json& figure : scores.at("figures")) value[figure.at("name")] = figure.at("values").at(0);
    CHECK(value.at("reply_emotion_acc") == 0.5);
    CHECK(value.at("reply_emotion_dialogue") == 0.5);
    CHECK(value.at("emotion_jsd") == 0);
  }
  check_refusal(project, {"score", "r.jsonl", "--classifier", "nowhere"}, {"nowhere"});
  check_refusal(project, {"evaluate", "tuned"},
                {"tuned: is the folder of an encoder, not of a run", "label, score and report"});
}

TEST_CASE("fine-tune rounds its products to bfloat16 where asked and where the processor can, and says so") {
  const TinyProject project(4, 2);
  write_project(project);
  for (const bool frozen : {false, true}) {
    const std::string out = frozen ? "frozen" : "tuned";
    std::vector<std::string> arguments = with(quick, {"--out", out, "--seed", "3", "--precision", "bf16"});
    if (frozen) arguments.emplace_back("--frozen");
    if (!has_bf16_products()) {
      check_refusal(project, arguments, {"bf16", "AVX512_BF16"});
      continue;
    }
    CHECK_THAT(project.must(arguments), Contains("valid: 8 texts, accuracy 1.0000"));
    CHECK(project.json(out + "/figures.json").at("precision") == "bf16");
    const std::string full = out + "-float32";
    arguments = with(quick, {"--out", full, "--seed", "3"});
    if (frozen) arguments.emplace_back("--frozen");
    project.must(arguments);
    CHECK(project.json(full + "/figures.json").at("precision") == "float32");
    const std::string weights = frozen ? "/sentence_head.safetensors" : "/model.safetensors";
    CHECK(project.content(out + weights) != project.content(full + weights));
  }
}

TEST_CASE("fine-tune learns the labels of utterances that a file names") {
  const TinyProject project(4, 2);
  write_project(project);
  const std::string said = project.must(with(quick, {"--out", "tuned", "--labels", "turns.csv", "--patience", "4"}));
  CHECK_THAT(said, Contains("3 classes of labelled utterances") && Contains("valid: 16 texts"));
  CHECK(project.json("tuned/figures.json").at("classes") == nlohmann::json({"calm", "high", "low"}));
}

TEST_CASE("fine-tune that is interrupted goes on with --resume to the same classifier") {
  const TinyProject project(4, 2);
  write_project(project);
  const std::vector<std::string> longer{"fine-tune", "tiny", "told", "--epochs", "400", "--learning-rate", "0.002"};
  project.must(with(longer, {"--out", "whole", "--quiet"}));
  int stops = 0;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::vector<std::string> arguments = with(longer, {"--out", "parts", "--quiet"});
    if (std::filesystem::exists(project / "parts/training.safetensors")) {
      check_refusal(project, arguments, {"unfinished training; add --resume"});
      arguments.emplace_back("--resume");
    }
    Program program = project.start(arguments);
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + 60 * attempt));
    program.send(SIGINT);
    const Outcome outcome = program.finish();
    if (outcome.exit_code == 0) break;
    ++stops;
    CHECK_THAT(outcome.err, Contains("--resume goes on"));
  }
  CHECK(stops > 0);
  for (const char* file : {"model.safetensors", "config.json", "figures.json"})
    CHECK(project.content("parts/" + std::string(file)) == project.content("whole/" + std::string(file)));
}

TEST_CASE("fine-tune --frozen that is interrupted keeps its vectors, and goes on to the same head") {
  const TinyProject project(4, 2);
  write_project(project);
  const std::vector<std::string> longer{"fine-tune", "tiny", "told", "--frozen", "--epochs", "4000"};
  project.must(with(longer, {"--out", "whole", "--quiet"}));
  Program program = project.start(with(longer, {"--out", "parts"}));
  while (!std::filesystem::exists(project / "parts/training.safetensors"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send(SIGINT);
  const Outcome outcome = program.finish();
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("--resume goes on"));
  CHECK(std::filesystem::exists(project / "parts/training.safetensors"));
  project.must(with(longer, {"--out", "parts", "--quiet", "--resume"}));
  for (const char* file : {"sentence_head.safetensors", "figures.json"})
    CHECK(project.content("parts/" + std::string(file)) == project.content("whole/" + std::string(file)));
}

TEST_CASE("fine-tune refuses what it cannot learn from, and destroys nothing") {
  const TinyProject project(4, 2);
  write_project(project);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
    check_refusal(project, with({"fine-tune"}, arguments), parts);
  };
  refused({"nowhere", "told", "--out", "x"}, {"nowhere", "give that of a pretrained encoder"});
  refused({"tiny", "nowhere", "--out", "x"}, {"nowhere"});
  refused({"tiny", "told", "--out", "tiny"}, {"the encoder's own folder"});
  refused({"tiny", "told", "--out", "x", "--labels", "nowhere.csv"}, {"nowhere.csv"});
  project.file("only/train.csv", rows_of("t", 4));
  refused({"tiny", "only", "--out", "x"}, {"only", "no situations of train and valid"});
  project.file("one/train.csv", "conv_id,utterance_idx,utterance\na,1,so\na,2,no\n");
  project.file("one/valid.csv", "conv_id,utterance_idx,utterance\nb,1,so\nb,2,no\n");
  refused({"tiny", "one", "--out", "x"}, {"one", "no column of emotions"});
  project.file("same.csv", "conv_id,utterance_idx,label\nt0,1,calm\nt1,1,calm\nv0,1,calm\n");
  refused({"tiny", "told", "--out", "x", "--labels", "same.csv"}, {"1 classes", "two at least"});
  refused({"tiny", "told", "--out", "x", "--frozen", "--layer-decay", "0.9"}, {"--frozen", "linear head"});
  for (const char* option : {"--learning-rate", "--warm-up", "--weight-decay", "--clip-norm", "--layer-decay"})
    refused({"tiny", "told", "--out", "x", option, "nan"}, {option, "nan is no number"});
  refused({"tiny", "told", "--out", "turns.csv"}, {"turns.csv: cannot make the folder: that is no folder"});
  refused({"nowhere", "told", "--out", "/"}, {"is the root folder"});
  // A refusal that comes late leaves no folder, and not those above it.
  project.file("tiny/model.safetensors", "none");
  refused({"tiny", "told", "--out", "new/x", "--quiet"}, {"model.safetensors"});
  refused({"tiny", "told", "--out", "new/x", "--quiet", "--frozen"}, {"model.safetensors"});
  Tensors without_head = list_of(sines_of(tiny_bert()));
  std::erase_if(without_head, [](const auto& tensor) { return tensor.first.starts_with("classifier"); });
  write_encoder<float>(project / "bare", config_of(tiny_bert()), without_head);
  project.file("bare/vocab.txt", vocabulary);
  check_refusal(project, {"label", "bare", "told", "--out", "y.csv"}, {"bare", "without a head for classification"});
}

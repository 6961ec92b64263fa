// The program `ethreed` as a user runs it, from the corpus to the trace, where all goes well.

#include "core/safetensors.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

constexpr std::array ablations{"none", "no_policy", "no_gps", "no_party", "no_emotion", "no_tracking"};

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  for (const std::string& line : lines_of(text)) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',')
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

// What chat prints as replies, in order.
std::vector<std::string> replies_in(const std::string& output) {
  std::vector<std::string> replies;
  for (const std::string& line : lines_of(output))
    if (line.starts_with("ethreed> ")) replies.push_back(line.substr(9));
  return replies;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("prepare writes the data set, the vocabulary and a summary, and the same bytes when run again") {
  const TinyProject project;
  const std::vector<std::string> arguments{"prepare",  "corpus",     "--out",       "data",
                                           "--labels", "labels.csv", "--dimension", "8"};
  const std::string output = project.must(arguments);
  CHECK_THAT(output, Contains("train 24 dialogues, 36 turns") && Contains("valid 8 dialogues, 12 turns"));
  CHECK_THAT(output, Contains("listener labels: 36 of 36 turns") && Contains("wrote data"));
  const Snapshot first = snapshot_of(project / "data");
  CHECK(first.size() == 4);
  const Json summary = project.json("data/summary.json");
  CHECK(lines_of(first.at("vocabulary.txt")).size() == summary.at("vocabulary_size").get<std::size_t>());
  CHECK_THAT(output, Contains(first.at("summary.txt")));
  project.must(arguments);
  CHECK((snapshot_of(project / "data") == first));
}

TEST_CASE("prepare keeps label columns under their names, as many as are given") {
  const TinyProject project;
  project.file("topics.csv", "conv_id,utterance_idx,label\nhit:0_conv:0,1,pets\n");
  const std::vector<std::string> arguments{
      "prepare",         "corpus",         "--dimension",      "8",     "--label-column",
      "mood=labels.csv", "--label-column", "topic=topics.csv", "--out", "data"};
  const std::string output = project.must(arguments);
  CHECK_THAT(output, Contains("labels 'mood': labels.csv, 4 classes; train: 36 of 72 utterances (50.0 %); valid: 12 of "
                              "24 utterances"));
  CHECK_THAT(output, Contains("labels 'topic': topics.csv, 1 classes; train: 1 of 72 utterances"));
  CHECK_THAT(output, Contains("NO LISTENER LABELS"));  // those are another matter
  const Json columns = project.json("data/summary.json").at("label_columns");
  CHECK(columns.at(0).at("splits").at("valid").at("labelled_utterances") == 12);
  project.must(project.training("run"));  // on a data set that has them
}

TEST_CASE(
    "without labels prepare and train say loudly that the listener's terms are off, and evaluate's figures stay "
    "finite") {
  const TinyProject project;
  CHECK_THAT(project.must({"prepare", "corpus", "--out", "data", "--dimension", "8"}),
             Contains("*** NO LISTENER LABELS"));
  CHECK_THAT(project.must(project.training("run")), Contains("NOTE: no listener labels"));
  const Json line = json_lines(project.content("run/log.jsonl")).front();
  CHECK(line.at("loss_emotion_listener").is_null());
  CHECK(line.at("loss_policy").is_null());
  CHECK(Json::parse(project.must({"evaluate", "run", "--json"})).at("listener_accuracy").is_null());
}

TEST_CASE("train prints plain lines into a pipe and leaves both checkpoints and the log in two equal forms") {
  const TinyProject project;
  project.prepare();
  const std::string output = project.must(project.training("run"));
  CHECK(output.find_first_of("\r\x1b") == std::string::npos);
  CHECK_THAT(output, Contains("epoch 1/2 batch 2/6 step 2  loss ") && Contains("tok/s") && Contains(" left\n"));
  CHECK_THAT(output, Contains("epoch 2/2 valid: Acc ") && Contains("\ndone: best epoch "));
  CHECK_THAT(output, Contains("decoder.vocabulary") && Contains("total"));
  for (const char* which : {"run/best", "run/last"}) {
    INFO(which);
    CHECK(snapshot_of(project / which).size() == 5);
    for (const char* name : {"config.json", "state.json"})
      CHECK(project.json(fmt::format("{}/{}", which, name)).is_object());
    const SafetensorsFile model(project / which / "model.safetensors");
    const SafetensorsFile moments(project / which / "optimizer.safetensors");
    CHECK(moments.names().size() == 2 * model.names().size());
    CHECK(model.contains("decoder.pointer.weight"));
    CHECK(project.content(fmt::format("{}/vocabulary.txt", which)) == project.content("data/vocabulary.txt"));
  }
  CHECK(project.json("run/last/state.json").at("step") == 12);
  CHECK(project.json("run/last/state.json").at("finished") == true);

  const std::vector<Json> jsonl = json_lines(project.content("run/log.jsonl"));
  const std::vector<std::string> csv = lines_of(project.content("run/log.csv"));
  REQUIRE(jsonl.size() == 8);  // 3 lines of steps and one of validation in each epoch
  REQUIRE(csv.size() == jsonl.size() + 1);
  const std::vector<std::string> header = fields_of(csv[0]);
  for (std::size_t i = 0; i < jsonl.size(); ++i) {
    const std::vector<std::string> fields = fields_of(csv[i + 1]);
    REQUIRE(fields.size() == header.size());
    std::size_t filled = 0;
    for (std::size_t column = 0; column < header.size(); ++column) {
      INFO(csv[i + 1] << ": " << header[column]);
      if (fields[column].empty()) continue;
      ++filled;
      const Json value = jsonl[i].at(header[column]);
      CHECK(fields[column] == (value.is_string() ? value.get<std::string>() : value.dump()));
    }
    const auto exist =
        std::count_if(jsonl[i].begin(), jsonl[i].end(), [](const Json& value) { return !value.is_null(); });
    CHECK(filled == static_cast<std::size_t>(exist));
  }
  CHECK(jsonl[3].at("kind") == "epoch");
  CHECK(jsonl[7].at("perplexity_token") == project.json("run/last/state.json").at("last").at("perplexity_token"));
}

TEST_CASE("train --quiet prints the result only") {
  const TinyProject project;
  project.prepare();
  const std::vector<std::string> lines = lines_of(project.must(project.training("run", {"--quiet"})));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("done: "));
}

TEST_CASE("training twice with one seed gives the same model, with another seed another one") {
  const TinyProject project;
  project.prepare();
  for (const char* run : {"a", "b", "c"})
    project.must(project.training(run, {"--seed", *run == 'c' ? "18446744073709551615" : "3"}));
  CHECK((project.content("a/last/model.safetensors") == project.content("b/last/model.safetensors")));
  CHECK((project.content("a/last/model.safetensors") != project.content("c/last/model.safetensors")));
}

TEST_CASE("evaluate --json gives every figure, finite, and the same with one thread and with two") {
  const TinyProject project;
  project.prepare_and_train();
  std::array<Json, 2> figures;
  for (std::size_t i = 0; i < 2; ++i)
    figures[i] = Json::parse(project.must({"evaluate", "run", "--json", "--threads", std::to_string(i + 1)}));
  for (const char* key : {"speaker_accuracy",
                          "listener_accuracy",
                          "perplexity_token",
                          "perplexity_macro",
                          "distinct_1",
                          "distinct_2",
                          "replies",
                          "vocabulary",
                          "unk_share",
                          "parameters",
                          "seconds",
                          "coverage",
                          "policy_divergence",
                          "perplexity_token_at_latent_mean",
                          "perplexity_macro_at_latent_mean",
                          "dialogues",
                          "turns",
                          "listener_turns",
                          "target_tokens",
                          "epoch"}) {
    INFO(key);
    REQUIRE(figures[0].contains(key));
    REQUIRE(figures[0][key].is_number());
    CHECK(std::isfinite(figures[0][key].get<double>()));
    if (key != std::string("seconds")) CHECK(figures[0][key] == figures[1][key]);
  }
  CHECK(figures[0]["model"] == "ethreed");
  CHECK(figures[0]["variant"] == "none");
  CHECK(figures[0]["decode"] == "greedy");
  CHECK(figures[0]["latent"] == "sample");
  CHECK(figures[0]["replies"] == 12);
  CHECK(figures[0]["vocabulary"] == project.json("data/summary.json").at("vocabulary_size"));
  CHECK(figures[0]["perplexity_token"] == project.json("run/best/state.json").at("best").at("perplexity_token"));
  const SafetensorsFile model(project / "run/best/model.safetensors");
  std::int64_t parameters = 0;
  for (const std::string& name : model.names()) {
    std::int64_t size = 1;
    for (const std::int64_t extent : model.info(name).shape) size *= extent;
    parameters += size;
  }
  CHECK(figures[0]["parameters"] == parameters);
  const std::string text = project.must({"evaluate", "run", "--split", "train"});
  CHECK_THAT(text, Contains("perplexity_token ") && Contains("parameters "));
}

TEST_CASE("evaluate --latent mean gives as its figures those that stand beside the sample's") {
  const TinyProject project;
  project.prepare_and_train();
  const Json sample = Json::parse(project.must({"evaluate", "run", "--json"}));
  for (const char* option : {"--latent", "--policy"}) {
    const Json mean = Json::parse(project.must({"evaluate", "run", "--json", option, "mean"}));
    CHECK(mean["latent"] == "mean");
    for (const std::string figure : {"perplexity_token", "perplexity_macro"}) {
      INFO(figure);
      CHECK(mean[figure] == sample[figure + "_at_latent_mean"]);
      CHECK(mean[figure] == mean[figure + "_at_latent_mean"]);
      CHECK(mean[figure] != sample[figure]);
    }
  }
}

TEST_CASE("evaluate --latent shuffled writes by another dialogue's plan, where a model has plans") {
  const TinyProject project;
  project.prepare_and_train();
  const Json sample = Json::parse(project.must({"evaluate", "run", "--json"}));
  const Json shuffled = Json::parse(project.must({"evaluate", "run", "--json", "--latent", "shuffled"}));
  CHECK(shuffled["latent"] == "shuffled");
  CHECK(shuffled["speaker_accuracy"] == sample["speaker_accuracy"]);
  CHECK(shuffled["perplexity_token"] != sample["perplexity_token"]);
  project.must({"train", "--data", "data", "--out", "plain", "--model", "hred", "--epochs", "1"});
  check_refusal(project, {"evaluate", "plain", "--latent", "shuffled"}, {"'hred'", "shuffled"});
  check_refusal(project, {"chat", "run", "--latent", "shuffled"}, {"--latent", "shuffled"});
}

TEST_CASE("evaluate finds data that was moved by --data, and a checkpoint folder in place of a run") {
  const TinyProject project;
  project.prepare_and_train();
  const Json before = Json::parse(project.must({"evaluate", "run", "--json"}));
  fs::rename(project / "data", project / "moved");
  const Json after = Json::parse(project.must({"evaluate", "run/best", "--json", "--data", "moved"}));
  CHECK(after.at("perplexity_token") == before.at("perplexity_token"));
  CHECK(after.at("distinct_2") == before.at("distinct_2"));
}

TEST_CASE("generate writes context, gold, reply and emotions of every turn, by every way of decoding") {
  const TinyProject project;
  project.prepare_and_train();
  for (const std::string method : {"greedy", "beam", "sample"}) {
    INFO(method);
    const std::vector<std::string> arguments{"generate", "run", "--format", "jsonl", "--decode", method};
    const std::string output = project.must(arguments);
    const std::vector<Json> turns = json_lines(output);
    REQUIRE(turns.size() == 12);
    CHECK(turns[0].at("context") == Json{"today my dog milox24 made me feel joyful."});
    CHECK(turns[0].at("gold") == "oh what did milox24 do to make you feel joyful?");
    CHECK(turns[0].at("emotion") == "joyful");
    CHECK(turns[2].at("context").size() == 3);  // post, answer, post
    for (const Json& turn : turns) {
      CHECK(turn.at("reply").is_string());
      CHECK_FALSE(turn.at("tracked_emotion").get<std::string>().empty());
      CHECK_FALSE(turn.at("reply_emotion").get<std::string>().empty());
      CHECK(turn.at("log_probability").get<double>() <= 0.0);
      CHECK_THAT(turn.at("reply").get<std::string>(), !Contains("<unk>"));
    }
    std::vector<std::string> one_thread = arguments;
    one_thread.insert(one_thread.end(), {"--threads", "1"});
    CHECK(project.must(one_thread) == output);
  }
}

TEST_CASE("generate prints the same turns as text, as many dialogues as --limit says, and to a file") {
  const TinyProject project;
  project.prepare_and_train();
  const std::string text = project.must({"generate", "run", "--limit", "2"});
  CHECK(count_of(text, "  reply:    ") == 3);  // one turn and two
  CHECK_THAT(text, Contains("  speaker:  today my dog milox24 made me feel joyful.") &&
                       Contains("  gold:     oh what did milox24"));
  CHECK_THAT(text, Contains("tracked emotion of the speaker: ") && Contains("emotion of the reply: "));
  CHECK(project.must({"generate", "run", "--limit", "2", "--out", "replies.txt"}) == "");
  CHECK(project.content("replies.txt") == text);
  CHECK(project.must({"generate", "run", "--limit", "0"}) == "");
}

TEST_CASE("chat answers every post of its standard input, shows the emotions, and forgets after an empty line") {
  const TinyProject project;
  project.prepare_and_train();
  const std::string dialogue =
      "My dog Bella made me feel sad.\nIt ran in the park!\n\nMy dog Bella made me feel sad.\n";
  const std::string output = project.must({"chat", "run", "--policy", "mean"}, {.input = dialogue});
  const std::vector<std::string> replies = replies_in(output);
  REQUIRE(replies.size() == 3);
  CHECK(count_of(output, "  you seem: ") == 3);
  CHECK(count_of(output, "  the reply should feel: ") == 3);
  CHECK(count_of(output, "-- new conversation --\n") == 1);
  const std::size_t first = output.find("you> My dog"), second = output.find("you> It ran"),
                    third = output.rfind("you> My dog");
  CHECK(output.substr(first, second - first) == output.substr(third));  // as if it had been the first post again
}

TEST_CASE("chat takes unknown words, odd bytes, very long lines and no line at all") {
  const TinyProject project;
  project.prepare_and_train();
  std::string post;
  for (int i = 0; i < 300; ++i) post += fmt::format("Zorblax{} ", i);
  CHECK(replies_in(project.must({"chat", "run", "--decode", "sample"},
                                {.input = post + "\n\xff\xfe\x80 caf\xc3\xa9 !\n...\n" + post}))
            .size() == 4);
  CHECK(project.must({"chat", "run"}) == "");
}

TEST_CASE("trace writes the same bytes again and with two threads, for every ablation in both types") {
  const TinyProject project;
  project.prepare();
  for (const std::string ablation : ablations) {
    for (const std::string dtype : {"float64", "float32"}) {
      INFO(ablation << ' ' << dtype);
      std::array<std::string, 3> bytes;
      for (std::size_t i = 0; i < 3; ++i) {
        const std::string file = fmt::format("{}.safetensors", i);
        project.must({"trace", "--data", "data", "--out", file, "--config", "small.json", "--batch", "4", "--dtype",
                      dtype, "--ablation", ablation, "--threads", i < 2 ? "1" : "2"});
        bytes[i] = project.content(file);
      }
      CHECK((bytes[0] == bytes[1]));
      CHECK((bytes[0] == bytes[2]));
      const SafetensorsFile trace(project / "0.safetensors");
      CHECK(trace.metadata("ablation") == ablation);
      CHECK(trace.info("loss.total").dtype == (dtype == "float64" ? "F64" : "F32"));
      CHECK(trace.contains("policy.mean") == (ablation != "no_policy"));
      CHECK(trace.contains("tracker.party_post") == (ablation != "no_party"));
      for (const std::string& name : trace.names())
        if (name.starts_with("param.")) CHECK(trace.contains("grad." + name.substr(6)));
    }
  }
}

TEST_CASE("trace --run traces the parameters of the checkpoint, and refuses another variant") {
  const TinyProject project;
  project.prepare_and_train();
  check_refusal(project, {"trace", "--data", "data", "--run", "run", "--out", "t", "--variant", "no_gps"},
                {"run: the run was trained as variant none, not no_gps; leave --variant out"});
  project.must({"trace", "--data", "data", "--run", "run", "--out", "t.safetensors", "--dtype", "float32"});
  const SafetensorsFile trace(project / "t.safetensors"), model(project / "run/best/model.safetensors");
  for (const std::string& name : model.names()) {
    INFO(name);
    const Shape shape(model.info(name).shape);
    const auto traced = trace.tensor<float>("param." + name, shape).span(),
               saved = model.tensor<float>(name, shape).span();
    CHECK(std::equal(traced.begin(), traced.end(), saved.begin(), saved.end()));
  }
}

TEST_CASE("ethreed-gradcheck prints a verdict for every input of an operation, and refuses one that does not exist") {
  const Outcome good = run_program(ETHREED_GRADCHECK_PROGRAM, {"--op", "loss_sum"});
  CHECK(good.exit_code == 0);
  CHECK_THAT(good.out, Contains("analytic") && Contains("numeric") && Contains("passed") && !Contains("FAILED"));
  const Outcome bad = run_program(ETHREED_GRADCHECK_PROGRAM, {"--op", "loss_sun"});
  CHECK(bad.exit_code > 0);
  CHECK_THAT(bad.err, Contains("there is no operation 'loss_sun'; known are ") && Contains("loss_sum"));
  CHECK(lines_of(bad.err).size() == 1);
}

#include "core/atomic_file.h"
#include "core/printable.h"
#include "model/interface/device_model.h"
#include "model/replies/post.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/history.h"
#include "tools/ethreed/records.h"
#include "tools/ethreed/reply_record.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

struct EmotionsArguments {
  RunArguments run;
  RecordArguments records;
  std::string out;
  std::optional<int> post_length;
};

constexpr int default_text_length = 100;  // of classifiers of texts, as in `ethreed label`

// An utterance on its way: what it is, how it was read, what the model takes its emotion to be.
struct Utterance {
  const Said* said = nullptr;
  EncodedPost post{};
  std::vector<double> probabilities{};  // empty: nothing was read
};

// The utterances of a record: those of its own history, then its own.
using OfRecord = std::vector<Utterance>;

std::vector<OfRecord> read_utterances(const std::vector<InputRecord>& records, const WordTable& words, int max_length) {
  std::vector<OfRecord> all(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto add = [&](const Said& said) {
      all[i].push_back({.said = &said, .post = encode_known_post(said.text, words, max_length)});
    };
    if (records[i].history)
      for (const Said& said : *records[i].history) add(said);
    add(records[i].said);
  }
  return all;
}

// By a model that follows emotions through a dialogue.
void follow(Evaluator<float>& evaluator, const std::vector<InputRecord>& records, std::vector<OfRecord>& all) {
  const Conversations conversations(records);
  std::deque<History> dialogues;
  struct Place {
    Utterance* utterance;
    History::Place place;
  };
  std::vector<std::vector<Place>> places;
  std::vector<std::size_t> dialogue_of(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::int64_t before = conversations.before(i);
    dialogue_of[i] = before < 0 ? dialogues.size() : dialogue_of[static_cast<std::size_t>(before)];
    if (before < 0) {
      dialogues.emplace_back();
      places.emplace_back();
    }
    for (Utterance& utterance : all[i])
      if (!utterance.post.empty())
        places[dialogue_of[i]].push_back(
            {&utterance, dialogues[dialogue_of[i]].add(utterance.said->listener, utterance.post.words)});
  }
  std::vector<Example> examples;
  std::vector<std::size_t> number;
  for (std::size_t d = 0; d < dialogues.size(); ++d)
    if (dialogues[d].count() > 0) {
      examples.push_back({.turns = dialogues[d].turns()});
      number.push_back(d);
    }
  std::size_t next = 0;
  int last = -1;
  evaluator.label_utterances(examples, [&](const LabelledTurn<float>& turn) {
    ETHREED_CHECK(!interrupted(), "interrupted, nothing is written");
    if (turn.dialogue != last) next = 0;
    last = turn.dialogue;
    const std::vector<Place>& of_dialogue = places[number[static_cast<std::size_t>(turn.dialogue)]];
    for (; next < of_dialogue.size() && of_dialogue[next].place.turn == turn.turn; ++next)
      of_dialogue[next].utterance->probabilities =
          probabilities(of_dialogue[next].place.listener ? turn.response : turn.post);
  });
}

// By a classifier of texts: each by itself.
void classify(Evaluator<float>& evaluator, std::vector<OfRecord>& all) {
  std::vector<Example> texts;
  std::vector<Utterance*> of;
  for (OfRecord& record : all)
    for (Utterance& utterance : record) {
      if (utterance.post.empty()) continue;
      texts.push_back({.text = utterance.post.words, .place = static_cast<std::int64_t>(texts.size())});
      of.push_back(&utterance);
    }
  evaluator.label(texts, [&](int i, std::span<const float> logits) {
    ETHREED_CHECK(!interrupted(), "interrupted, nothing is written");
    of[static_cast<std::size_t>(i)]->probabilities = probabilities(logits);
  });
}

void describe(Json& out, const Utterance& utterance, const std::vector<std::string>& classes) {
  out["party"] = utterance.said->listener ? "listener" : "speaker";
  out["text"] = printable(utterance.said->text);
  const std::vector<double>& p = utterance.probabilities;
  out["emotion"] = nullptr;
  out["probability"] = nullptr;
  out["distribution"] = nullptr;
  if (!p.empty()) {
    const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    out["emotion"] = classes[best];
    out["probability"] = rounded(p[best]);
    out["distribution"] = distribution_json(p, classes);
  }
  ReplyRecords::add_post(out, utterance.post);
}

std::string record_line(const InputRecord& record, const OfRecord& utterances, std::int64_t number,
                        const std::vector<std::string>& classes) {
  Json out{{"line", record.line}};
  if (record.id) out["id"] = printable(*record.id);
  if (record.conversation) out["conversation"] = printable(*record.conversation);
  out["utterance"] = number;
  describe(out, utterances.back(), classes);
  if (record.history) {
    out["history"] = Json::array();
    for (std::size_t i = 0; i + 1 < utterances.size(); ++i) {
      Json one = Json::object();
      describe(one, utterances[i], classes);
      out["history"].push_back(std::move(one));
    }
  }
  return out.dump() + "\n";
}

void run_emotions(const EmotionsArguments& arguments) {
  const bool to_file = arguments.out != "-";
  if (to_file) check_output_file(arguments.out, {&arguments.records.in, 1});
  const LoadedRun run = load_run(arguments.run);
  const Model& model = run.model();
  const bool texts = model.unit() == Unit::text;
  ETHREED_CHECK(
      texts || !model.utterance_labels().empty(),
      "{}: is a run of model '{}', variant {}, which takes utterances for no emotion; use a run of ethreed, of "
      "hred as emo_hred, of dialogue_rnn, or of a classifier of texts",
      arguments.run.run, model.name(), model.variant());
  const std::vector<std::string> classes = classes_of(run.info, texts ? model.label_set() : model.utterance_labels());
  const Records records = read_records(arguments.records);
  for (const std::string& note : records.notes) fmt::print(stderr, "{}\n", note);
  for (const std::string& note : model.notes()) fmt::print(stderr, "{}\n", note);
  const WordTable words = run.info.word_table();
  const int max_length = arguments.post_length.value_or(texts ? default_text_length : run.info.max_length);
  std::vector<OfRecord> utterances = read_utterances(records.all, words, max_length);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  Evaluator<float> evaluator(context, model, device.model());
  catch_interruptions();
  if (texts)
    classify(evaluator, utterances);
  else
    follow(evaluator, records.all, utterances);
  const Conversations conversations(records.all);
  std::optional<AtomicFile> file;
  if (to_file) file.emplace(arguments.out);
  for (std::size_t i = 0; i < records.all.size(); ++i) {
    const std::string line = record_line(records.all[i], utterances[i], conversations.number(i), classes);
    if (file)
      file->write(std::string_view(line));
    else
      fmt::print("{}", line);
  }
  if (file) file->commit();
}

}  // namespace

void add_emotions_command(CLI::App& app) {
  const auto a = std::make_shared<EmotionsArguments>();
  CLI::App* command =
      app.add_subcommand("emotions", "The emotion of every utterance of a file: one record in, one out");
  add_run_options(*command, a->run, false);
  add_record_options(*command, a->records);
  command->add_option("--out", a->out, "JSON Lines to write; - for standard output")->required()->type_name("FILE");
  command
      ->add_option("--post-length", a->post_length,
                   "Tokens read of an utterance, its last, end mark included [as the run was trained; 100 of texts]")
      ->check(CLI::Range(2, 100000))
      ->type_name("N");
  command->callback([a] { run_emotions(*a); });
}

}  // namespace ethreed

#include "core/atomic_file.h"
#include "model/interface/device_model.h"
#include "model/text/emotions.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>

namespace ethreed {

namespace {

struct GenerateArguments {
  RunArguments run;
  DecodeArguments decode;
  int limit = -1;
  std::string format = "text";
  std::string out;
};

// What the model says of a reply beside its words: the likeliest class of each insight.
struct NamedInsight {
  InsightColumn column;
  std::string name;
};

// One turn as a person or a program reads it.
struct TurnText {
  std::string conversation, emotion;
  std::vector<std::string> context;  // the utterances before, the post last
  std::string gold, reply;
  std::vector<NamedInsight> insights;
};

// The names of the classes that a model's insights are of.
std::vector<std::vector<std::string>> insight_classes(const LoadedRun& run) {
  std::vector<std::vector<std::string>> classes;
  for (const InsightColumn& column : run.model().insights()) classes.push_back(classes_of(run.info, column.label_set));
  return classes;
}

TurnText describe(const GeneratedTurn& turn, const Split& split, const EmotionSet& emotions, const WordTable& words,
                  const Model& model, const std::vector<std::vector<std::string>>& classes) {
  TurnText text{.conversation = std::string(split.conversation_id(turn.dialogue)),
                .emotion = std::string(emotions.name(split.post_emotion(turn.dialogue, turn.turn))),
                .gold = decode_utterance(split.response(turn.dialogue, turn.turn), words),
                .reply = decode_utterance(turn.reply.words, words)};
  for (std::size_t i = 0; i < turn.insights.size(); ++i)
    text.insights.push_back({model.insights()[i], classes[i][static_cast<std::size_t>(turn.insights[i])]});
  for (int t = 0; t <= turn.turn; ++t) {
    text.context.push_back(decode_utterance(split.post(turn.dialogue, t), words));
    if (t < turn.turn) text.context.push_back(decode_utterance(split.response(turn.dialogue, t), words));
  }
  return text;
}

std::string as_text(const TurnText& t, int turn) {
  std::string out = fmt::format("{} turn {} (emotion: {})\n", t.conversation, turn + 1, t.emotion);
  for (std::size_t i = 0; i < t.context.size(); ++i)
    out += fmt::format("  {:<9} {}\n", i % 2 == 0 ? "speaker:" : "listener:", t.context[i]);
  out += fmt::format("  gold:     {}\n  reply:    {}\n", t.gold, t.reply);
  std::string insights;
  for (const NamedInsight& insight : t.insights)
    insights += fmt::format("{}{}: {}", insights.empty() ? "  " : "; ", insight.column.label, insight.name);
  return out + (insights.empty() ? "" : insights + "\n") + "\n";
}

std::string as_json(const TurnText& t, int turn, double log_probability) {
  nlohmann::ordered_json line{{"conversation", t.conversation}, {"turn", turn + 1}, {"emotion", t.emotion},
                              {"context", t.context},           {"gold", t.gold},   {"reply", t.reply}};
  for (const NamedInsight& insight : t.insights) line[std::string(insight.column.key)] = insight.name;
  line["log_probability"] = log_probability;
  return line.dump() + "\n";
}

void run_generate(const GenerateArguments& arguments) {
  const DecodeOptions decode = arguments.decode.checked();
  check_output_file(arguments.out);
  const LoadedRun run = load_run(arguments.run.run, arguments.run.checkpoint);
  const Dataset data = open_data_of_run(run.info, arguments.run.run, arguments.run.data);
  const Split& split = data.split(arguments.run.split);
  const WordTable words = data.word_table();
  std::unique_ptr<AtomicFile> file;
  if (!arguments.out.empty()) file = std::make_unique<AtomicFile>(arguments.out);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  const Model& model = run.model();
  SplitExamples examples(split, example_kind(model));
  Evaluator<float> evaluator(context, model, device.model());
  const std::vector<std::vector<std::string>> classes = insight_classes(run);
  catch_interruptions();
  evaluator.generate(examples, arguments.limit, arguments.decode.mode(), decode, [&](const GeneratedTurn& turn) {
    const TurnText text = describe(turn, split, data.emotions(), words, model, classes);
    const std::string line =
        arguments.format == "jsonl" ? as_json(text, turn.turn, turn.reply.log_probability) : as_text(text, turn.turn);
    if (file)
      file->write(std::string_view(line));
    else
      fmt::print("{}", line);
    return !interrupted();
  });
  ETHREED_CHECK(!interrupted() || !file, "{}: interrupted, not written", arguments.out);
  if (file) file->commit();
}

}  // namespace

void add_generate_command(CLI::App& app) {
  const auto a = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Replies to every post of a split, each after its gold history");
  add_run_options(*command, a->run, true);
  add_decode_options(*command, a->decode);
  command->add_option("--limit", a->limit, "Only the first N dialogues")
      ->check(CLI::Range(0, 1'000'000'000))
      ->type_name("N");
  command->add_option("--format", a->format, "How to print")
      ->check(CLI::IsMember({"text", "jsonl"}))
      ->capture_default_str();
  command->add_option("--out", a->out, "File to write instead of the terminal")->type_name("FILE");
  command->callback([a] { run_generate(*a); });
}

}  // namespace ethreed

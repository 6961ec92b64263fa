#include "core/atomic_file.h"
#include "core/printable.h"
#include "model/interface/device_model.h"
#include "model/text/vocabulary.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/reply_record.h"

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

// One turn as a person or a program reads it.
struct TurnText {
  std::string conversation, emotion;
  std::vector<std::string> context;  // the utterances before, the post last
  std::string gold, reply;
  EncodedPost post;   // as the data has it: what prepare cut is not known here
  bool full = false;  // it has as many tokens as the data keeps
};

TurnText describe(const GeneratedTurn& turn, const Dataset& data, const Split& split, const WordTable& words) {
  TurnText text{.conversation = printable(split.conversation_id(turn.dialogue)),
                .emotion = split.post_emotion(turn.dialogue, turn.turn) < 0
                               ? std::string()
                               : std::string(data.emotions().name(split.post_emotion(turn.dialogue, turn.turn))),
                .gold = decode_utterance(split.response(turn.dialogue, turn.turn), words),
                .reply = decode_utterance(turn.reply.words, words)};
  for (int t = 0; t <= turn.turn; ++t) {
    text.context.push_back(decode_utterance(split.post(turn.dialogue, t), words));
    if (t < turn.turn) text.context.push_back(decode_utterance(split.response(turn.dialogue, t), words));
  }
  const auto post = split.post(turn.dialogue, turn.turn);
  text.post.tokens = static_cast<int>(post.size()) - 1;
  for (const std::int32_t word : post)
    text.post.known += word < data.vocabulary_size() && word != unk_id && word != eos_id;
  text.full = static_cast<int>(post.size()) == data.max_length();
  return text;
}

std::string as_text(const TurnText& t, const GeneratedTurn& turn, const Model& model, const ReplyRecords& write,
                    int max_length) {
  std::string out = fmt::format("{} turn {}{}\n", t.conversation, turn.turn + 1,
                                t.emotion.empty() ? "" : fmt::format(" (emotion: {})", t.emotion));
  for (std::size_t i = 0; i < t.context.size(); ++i)
    out += fmt::format("  {:<9} {}\n", i % 2 == 0 ? "speaker:" : "listener:", t.context[i]);
  if (t.full)
    out += fmt::format("            ({} tokens, the most that this data keeps: prepare may have cut the post)\n",
                       max_length - 1);
  if (t.post.nothing_known()) out += "            (no word of this is known to the model)\n";
  out += fmt::format("  gold:     {}\n  reply:    {}\n", t.gold, t.reply);
  for (const Reply& other : turn.reply.others) out += fmt::format("  or:       {}\n", write.text(other));
  std::string insights;
  for (std::size_t i = 0; i < turn.insights.size(); ++i)
    insights += fmt::format("{}{}: {}", insights.empty() ? "  " : "; ", model.insights()[i].label,
                            write.classes(i)[static_cast<std::size_t>(turn.insights[i])]);
  return out + (insights.empty() ? "" : insights + "\n") + "\n";
}

std::string as_json(const TurnText& t, const GeneratedTurn& turn, const ReplyRecords& write) {
  nlohmann::ordered_json line{{"conversation", t.conversation}, {"turn", turn.turn + 1}, {"emotion", t.emotion},
                              {"context", t.context},           {"gold", t.gold},        {"reply", t.reply}};
  if (t.emotion.empty()) line["emotion"] = nullptr;
  write.add_insights(line, turn);
  write.add_reply(line, turn);
  line["tokens"] = t.post.tokens;
  line["fills_limit"] = t.full;
  line["unknown_share"] = rounded(t.post.unknown_share());
  line["no_known_word"] = t.post.nothing_known();
  return line.dump() + "\n";
}

void run_generate(const GenerateArguments& arguments) {
  const DecodeOptions decode = arguments.decode.checked();
  check_output_file(arguments.out, corpus_files(arguments.run));
  const LoadedRun run = load_run(arguments.run);
  const Dataset data = open_data(run.info, arguments.run);
  const Split& split = data.split(arguments.run.split);
  const WordTable words = data.word_table();
  std::unique_ptr<AtomicFile> file;
  if (!arguments.out.empty()) file = std::make_unique<AtomicFile>(arguments.out);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  const Model& model = run.model();
  ETHREED_CHECK(model.writes_replies(), "{}: is a run of model '{}', which writes no replies; see: ethreed models",
                arguments.run.run, model.name());
  SplitExamples examples(split, example_kind(model));
  Evaluator<float> evaluator(context, model, device.model());
  const ReplyRecords write(run, words);
  const ReplyMode mode = arguments.decode.reply_mode(run);
  catch_interruptions();
  evaluator.generate(examples, arguments.limit, mode, decode, [&](const GeneratedTurn& turn) {
    const TurnText text = describe(turn, data, split, words);
    const std::string line =
        arguments.format == "jsonl" ? as_json(text, turn, write) : as_text(text, turn, model, write, data.max_length());
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
  add_decode_options(*command, a->decode, true, true);
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

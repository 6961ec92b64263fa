#include "core/atomic_file.h"
#include "core/printable.h"
#include "model/interface/device_model.h"
#include "model/text/vocabulary.h"
#include "tools/ethreed/answerer.h"
#include "tools/ethreed/attention_view.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/decode_options.h"
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

struct AttentionArguments {
  RunArguments run;
  DecodeArguments decode;
  RecordArguments records;
  std::vector<std::string> conversations;
  std::string out, html;
  int limit = -1;
};

// The files asked for, each whole or not at all.
class AttentionFiles {
 public:
  AttentionFiles(const AttentionArguments& arguments, const std::string& title) {
    if (!arguments.out.empty()) lines_.emplace(arguments.out);
    if (!arguments.html.empty()) {
      page_.emplace(arguments.html);
      page_->write(std::string_view(attention_page_begin(title)));
    }
  }
  // `record` says what was answered, and with what.
  void add(Json record, const AttentionView& view, const std::string& title) {
    ++count_;
    record.update(attention_json(view));
    if (lines_) lines_->write(std::string_view(record.dump() + "\n"));
    if (page_) page_->write(std::string_view(attention_html(view, title)));
  }
  void commit() {
    if (page_) page_->write(std::string_view(attention_page_end()));
    if (lines_) lines_->sync();
    if (page_) page_->sync();
    if (lines_) lines_->commit();
    if (page_) page_->commit();
  }
  std::size_t count() const { return count_; }

 private:
  std::optional<AtomicFile> lines_, page_;
  std::size_t count_ = 0;
};

class AttentionCommand {
 public:
  AttentionCommand(const AttentionArguments& arguments, const LoadedRun& run, Evaluator<float>& evaluator)
      : arguments_(arguments),
        run_(run),
        model_(run.model()),
        evaluator_(evaluator),
        mode_(arguments.decode.reply_mode(run)),
        options_(arguments.decode.checked()),
        files_(arguments, fmt::format("Attention of {}", arguments.run.run)) {}

  std::size_t run() {
    catch_interruptions();
    if (arguments_.records.in.empty())
      split();
    else
      input();
    ETHREED_CHECK(!interrupted(), "interrupted, nothing is written");
    ETHREED_CHECK(files_.count() > 0 || arguments_.conversations.empty(), "there is no conversation '{}' to answer",
                  fmt::join(arguments_.conversations, "', '"));
    files_.commit();
    return files_.count();
  }

 private:
  bool wanted(std::string_view conversation) const {
    const auto& chosen = arguments_.conversations;
    return chosen.empty() || std::find(chosen.begin(), chosen.end(), conversation) != chosen.end();
  }
  bool more() const {
    return !interrupted() && (arguments_.limit < 0 || files_.count() < static_cast<std::size_t>(arguments_.limit));
  }

  void add(Json record, const GeneratedTurn& turn, const WordTable& words, const std::string& title) {
    record["reply"] = decode_utterance(turn.reply.words, words);
    files_.add(std::move(record), view_of(turn.reply, turn.source, words, model_), title);
  }

  void split() {
    const Dataset data = open_data(run_.info, arguments_.run);
    const Split& split = data.split(arguments_.run.split);
    const WordTable words = data.word_table();
    SplitExamples examples(split, example_kind(model_));
    for (std::int32_t d = 0; d < examples.count() && more(); ++d) {
      const std::string conversation = printable(split.conversation_id(d));
      if (!wanted(conversation)) continue;
      evaluator_.reply(examples.make({&d, 1}), Answer::every_turn, mode_, options_, [&](const GeneratedTurn& turn) {
        add({{"conversation", conversation},
             {"turn", turn.turn + 1},
             {"text", decode_utterance(split.post(d, turn.turn), words)}},
            turn, words, fmt::format("{}, turn {}", conversation, turn.turn + 1));
        return more();
      });
    }
  }

  void input() {
    Records records = read_records(arguments_.records);
    for (const std::string& note : records.notes) fmt::print(stderr, "{}\n", note);
    std::erase_if(records.all, [&](const InputRecord& r) { return !wanted(printable(r.conversation.value_or(""))); });
    WordTable words = run_.info.word_table();
    Answerer answerer(evaluator_, records.all, words, model_.vocabulary(), run_.info.max_length, 0);
    for (std::size_t first = 0; first < records.all.size() && more(); first += answer_window)
      answerer.answer(
          first, mode_, options_, [] { return !interrupted(); },
          [&](std::size_t i, const Answerer::Answer& answer) {
            if (!answer.turn || !more()) return;
            const InputRecord& record = records.all[i];
            Json out{{"line", record.line}};
            if (record.id) out["id"] = printable(*record.id);
            if (record.conversation) out["conversation"] = printable(*record.conversation);
            out["text"] = printable(record.said.text);
            ReplyRecords::add_post(out, answer.post);
            add(std::move(out), *answer.turn, words,
                fmt::format("line {}: {}", record.line, printable(record.said.text)));
          });
  }

  const AttentionArguments& arguments_;
  const LoadedRun& run_;
  const Model& model_;
  Evaluator<float>& evaluator_;
  ReplyMode mode_;
  DecodeOptions options_;
  AttentionFiles files_;
};

void run_attention(const AttentionArguments& arguments) {
  ETHREED_CHECK(!arguments.out.empty() || !arguments.html.empty(), "attention: give --out FILE, --html FILE or both");
  check_output_file(arguments.out, {&arguments.records.in, 1});
  check_output_file(arguments.html, {&arguments.records.in, 1});
  check_different_outputs(arguments.out, arguments.html, "--out and --html");
  const LoadedRun run = load_run(arguments.run);
  const Model& model = run.model();
  ETHREED_CHECK(model.has_pointer(), "{}: {}; take a run of a model that has one", arguments.run.run,
                without_pointer(model));
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  Evaluator<float> evaluator(context, model, device.model());
  AttentionCommand command(arguments, run, evaluator);
  const std::size_t count = command.run();
  fmt::print("{} replies\n", count);
}

}  // namespace

void add_attention_command(CLI::App& app) {
  const auto a = std::make_shared<AttentionArguments>();
  CLI::App* command = app.add_subcommand(
      "attention", "Where the pointer looked while it wrote its replies: to the posts of a file, or of a split");
  add_run_options(*command, a->run, true);
  add_record_options(*command, a->records, false);
  command->add_option("--conversation", a->conversations, "Only the conversations with these ids")->type_name("ID");
  command->add_option("--limit", a->limit, "At most N replies")->check(CLI::Range(0, 1'000'000'000))->type_name("N");
  command->add_option("--out", a->out, "JSON Lines to write")->type_name("FILE");
  command->add_option("--html", a->html, "Page to write, a heat map a reply; it needs no network and no script")
      ->type_name("FILE");
  add_decode_options(*command, a->decode, false);
  command->callback([a] { run_attention(*a); });
}

}  // namespace ethreed

#include "core/hash.h"
#include "core/json.h"
#include "model/interface/device_model.h"
#include "model/text/vocabulary.h"
#include "tools/ethreed/answered_record.h"
#include "tools/ethreed/batch_progress.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/record_file.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <span>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

struct ReplyArguments {
  RunArguments run;
  DecodeArguments decode;
  RecordArguments records;
  std::string out;
  std::optional<int> post_length;
  int history = 0;
  bool quiet = false;
};

// One line that two calls share if and only if they write the same records.
std::string made_from(const ReplyArguments& arguments, const LoadedRun& run, const Records& records,
                      const DecodeOptions& decode, int max_length) {
  const auto hash =
      fnv1a(std::as_bytes(std::span(run.state->values.data(), static_cast<std::size_t>(run.state->values.count()))));
  return Json{{"ethreed_reply", 2},
              {"input", fmt::format("{:016x}", records.fingerprint)},
              {"run", fmt::format("{:016x}", hash)},
              {"decoding", description_of(decode)},
              {"n_best", decode.n_best},
              {"seed", decode.seed},
              {"latent", arguments.decode.latent},
              {"reply_emotion", arguments.decode.emotion},
              {"columns", arguments.records.columns},
              {"format", arguments.records.format + " " + arguments.records.delimiter},
              {"precision", arguments.run.device.device + " " + arguments.run.device.precision},
              {"post_length", max_length},
              {"history", arguments.history}}
      .dump();
}

std::string record_line(const InputRecord& record, const Answerer::Answer& answer, std::int64_t number,
                        const ReplyRecords& write, const WordTable& words, bool is_history) {
  Json out = answered_record(record, answer, number, write);
  if (answer.turn && is_history) {  // what later records of the conversation read as said
    Json& said = out["reply_tokens"] = Json::array();
    for (const std::int32_t word : answer.turn->reply.words) said.push_back(words.word(word));
  }
  return out.dump() + "\n";
}

// Takes the whole windows of an earlier call; returns how many records they are.
std::size_t go_on_behind(RecordFile& file, const std::vector<InputRecord>& records, const std::string& out,
                         int max_length, WordTable& words, Answerer& answerer) {
  const std::size_t found = file.kept().size();
  const std::size_t kept = found >= records.size() ? records.size() : found / answer_window * answer_window;
  for (std::size_t i = 0; i < kept; ++i) {
    const std::string place = fmt::format("{}.part:{}", out, i + 2);
    const Json record = parse_json<Json>(file.kept()[i], place, "remove the file");
    ETHREED_CHECK(record.is_object() && record.value("line", Json()) == records[i].line,
                  "{}: is not the record of line {} of the input; remove the file", place, records[i].line);
    if (!answerer.is_history(i)) continue;
    const Json tokens = record.value("reply_tokens", Json());
    ETHREED_CHECK(tokens.is_array(), "{}: has no reply_tokens, which a later record is answered after; remove the file",
                  place);
    std::vector<std::int32_t> reply;
    for (const Json& word : tokens) reply.push_back(words.id(word.get<std::string>()));
    reply.push_back(eos_id);
    if (reply.size() > static_cast<std::size_t>(max_length)) reply.erase(reply.begin(), reply.end() - max_length);
    answerer.restore(i, std::move(reply));
  }
  file.keep(kept);
  return kept;
}

struct Counts {
  std::size_t answered = 0, empty = 0, listener = 0, cut = 0, nothing_known = 0;
};

void run_reply(const ReplyArguments& arguments) {
  const DecodeOptions decode = arguments.decode.checked();
  if (arguments.out != "-") check_output_file(arguments.out, {&arguments.records.in, 1});
  const LoadedRun run = load_run(arguments.run);
  const Model& model = run.model();
  ETHREED_CHECK(model.writes_replies(), "{}: is a run of model '{}', which writes no replies; see: ethreed models",
                arguments.run.run, model.name());
  const ReplyMode mode = arguments.decode.reply_mode(run);
  const Records records = read_records(arguments.records);
  for (const std::string& note : records.notes) fmt::print(stderr, "{}\n", note);
  const int max_length = arguments.post_length.value_or(run.info.max_length);
  WordTable words = run.info.word_table();
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  Evaluator<float> evaluator(context, model, device.model());
  Answerer answerer(evaluator, records.all, words, model.vocabulary(), max_length, arguments.history);
  const ReplyRecords write(run, words);
  const Conversations conversations(records.all);
  catch_interruptions();
  RecordFile file(arguments.out, made_from(arguments, run, records, decode, max_length));
  const std::size_t kept = go_on_behind(file, records.all, arguments.out, max_length, words, answerer);
  if (kept > 0) fmt::print(stderr, "{}: {} records are there from an earlier call\n", arguments.out, kept);
  Counts counts;
  {
    BatchProgress progress("replies", records.all.size(), kept, arguments.quiet);
    for (std::size_t first = kept; first < records.all.size(); first += answer_window) {
      std::string lines;
      const bool done = answerer.answer(
          first, mode, decode, [] { return !interrupted(); },
          [&](std::size_t i, const Answerer::Answer& answer) {
            const InputRecord& record = records.all[i];
            lines += record_line(record, answer, conversations.number(i), write, words, answerer.is_history(i));
            ++(answer.turn ? counts.answered : record.said.listener ? counts.listener : counts.empty);
            counts.cut += answer.post.cut > 0;
            counts.nothing_known += answer.turn && answer.post.nothing_known();
          });
      ETHREED_CHECK(done, "{}: interrupted after {} of {} records; {}", arguments.out, first, records.all.size(),
                    file.how_to_go_on());
      file.write(lines);
      progress.at(std::min(first + answer_window, records.all.size()));
    }
  }
  file.commit();
  if (arguments.quiet || arguments.out == "-") return;
  std::string summary = fmt::format("{} records: {} answered", records.all.size() - kept, counts.answered);
  const auto add = [&](std::size_t count, std::string_view what) {
    if (count > 0) summary += fmt::format(", {} {}", count, what);
  };
  add(counts.empty, "empty");
  add(counts.listener, "of the listener");
  add(counts.cut, fmt::format("cut at their beginning (the last {} tokens are read)", max_length - 1));
  add(counts.nothing_known, "answered without a word that the model knows");
  fmt::print("{}: {}\n", arguments.out, summary);
}

}  // namespace

void add_reply_command(CLI::App& app) {
  const auto a = std::make_shared<ReplyArguments>();
  CLI::App* command = app.add_subcommand("reply", "Reply to the posts of a file: one record in, one out");
  add_run_options(*command, a->run, false);
  add_record_options(*command, a->records);
  command->add_option("--out", a->out, "JSON Lines to write; - for standard output")->required()->type_name("FILE");
  command
      ->add_option("--post-length", a->post_length,
                   "Tokens read of an utterance, its last, end mark included [as the run was trained]")
      ->check(CLI::Range(2, 100000))
      ->type_name("N");
  command->add_option("--history", a->history, "Utterances read before a post, the last ones; 0: all")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--quiet", a->quiet, "No progress and no summary");
  add_decode_options(*command, a->decode);
  command->callback([a] { run_reply(*a); });
}

}  // namespace ethreed

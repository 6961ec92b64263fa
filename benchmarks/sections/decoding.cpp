#include "benchmarks/harness/workbench.h"
#include "benchmarks/sections/sections.h"
#include "core/error.h"
#include "model/training/checkpoint.h"
#include "model/training/evaluator.h"

#include <fmt/format.h>

#include <cstdlib>
#include <numeric>

namespace ethreed::bench {

namespace {

constexpr int chat_tokens = 16;

// The first turns of dialogues whose first post has so many tokens, or nearly.
std::vector<std::int64_t> dialogues_with_posts_of(const Split& split, int tokens, std::size_t most) {
  std::vector<std::int64_t> found;
  for (int slack = 0; slack < tokens && found.size() < most; ++slack)
    for (std::int64_t d = 0; d < split.dialogues() && found.size() < most; ++d)
      if (std::abs(static_cast<int>(split.post(d, 0).size()) - tokens) == slack) found.push_back(d);
  return found;
}

// What `ethreed chat` does for one post: batch, encoder to policy, greedy reply. Returns the words of the reply and its
// EOS.
std::size_t reply_to(Context& context, ModelState<float>& model, std::span<const std::int32_t> post, Batch& batch) {
  static constexpr std::int32_t unknown_reply[] = {eos_id};
  const TurnInput turn{.post = post, .response = unknown_reply};
  const DialogueInput dialogue(&turn, 1);
  batch.build({&dialogue, 1}, model.config.vocabulary);
  context.begin_step();
  context.stage(batch.arrays());
  Tape<float> tape(context, false);
  const auto parameters = model.bind(tape);
  const DialogueState<float> state = read_dialogues(tape, model.config, parameters, batch, StepNoise<float>{});
  const std::uint64_t draw = 0;
  return generate_replies(tape, parameters, batch, state, DecodeOptions{}, {&draw, 1}).front().words.size() + 1;
}

Row measure_chat(const Options& options, Context& context, ModelState<float>& model, const Split& split, int threads) {
  const auto chosen = dialogues_with_posts_of(split, chat_tokens, options.quick ? 5 : 25);
  Batch batch;
  std::vector<double> times;
  double words = 0, total = 0;
  for (int pass = -1; pass < (options.quick ? 1 : 3); ++pass)
    for (const std::int64_t d : chosen) {
      const double start = now_in_milliseconds();
      const auto count = static_cast<double>(reply_to(context, model, split.post(d, 0), batch));
      if (pass < 0) continue;
      times.push_back(now_in_milliseconds() - start);
      total += times.back();
      words += count;
    }
  const auto replies = static_cast<double>(times.size());
  return {.name = fmt::format("a reply in chat, greedy, {} thread{}", threads, threads == 1 ? "" : "s"),
          .time = spread_of(times),
          .figures = {{"words a reply, EOS too", words / replies},
                      {"ms a word", total / words},
                      {"replies/s", replies / total * 1e3}}};
}

Row measure_batches(const Options& options, Context& context, ModelState<float>& model, SplitBatches& batches,
                    int threads, DecodeMethod method) {
  Evaluator<float> evaluator(context, model);
  const int dialogues = std::min(batches.dialogues(), evaluation_batch * (options.quick ? 1 : 4));
  const DecodeOptions decode{.method = method};
  std::vector<double> times;
  double words = 0, replies = 0, total = 0;
  for (int pass = -1; pass < (options.quick ? 2 : 5); ++pass) {
    double pass_words = 0, pass_replies = 0;
    const double start = now_in_milliseconds();
    evaluator.generate(batches, dialogues, PolicyMode{}, decode, [&](const GeneratedTurn& turn) {
      pass_words += static_cast<double>(turn.reply.words.size() + 1);
      ++pass_replies;
      return true;
    });
    if (pass < 0) continue;
    const double time = now_in_milliseconds() - start;
    times.push_back(time / pass_replies);
    total += time, words += pass_words, replies += pass_replies;
  }
  return {.name = fmt::format("a reply in batches of {} dialogues, {}, {} thread{}", evaluation_batch, name_of(method),
                              threads, threads == 1 ? "" : "s"),
          .time = spread_of(times),
          .figures = {{"words a reply, EOS too", words / replies},
                      {"ms a word", total / words},
                      {"replies/s", replies / total * 1e3}}};
}

}  // namespace

Section measure_decoding(const Options& options) {
  Workbench bench(options.data, 1);
  if (!options.run.empty()) {
    const auto checkpoint = checkpoint_in(options.run, "best");
    const CheckpointInfo info = load_checkpoint_info(checkpoint);
    ETHREED_CHECK(info.data_fingerprint == bench.data.fingerprint(), "bench_all: {} was trained on other data than {}",
                  options.run, options.data);
    bench.model = ModelState<float>(info.config.model, false);
    load_checkpoint_tensors(checkpoint, bench.model);
  }
  const Split& split = bench.data.has_split("valid") ? bench.data.split("valid") : bench.data.split("train");
  SplitBatches batches(split, bench.data.vocabulary_size());
  Section section{
      .id = "decoding",
      .title = "Replies",
      .notes = {fmt::format(
          "Posts of the {} split; in chat those of {} tokens, EOS included. {}", split.name(), chat_tokens,
          options.run.empty()
              ? "The parameters are those of an untrained model, which rarely ends a reply before the longest length "
                "(40): an upper bound; `--run RUN` takes a trained one."
              : "A trained run.")},
      .rows = {}};
  for (const int threads : options.threads) {
    Runtime runtime(threads);
    Context context = runtime.context();
    section.rows.push_back(measure_chat(options, context, bench.model, split, threads));
    section.rows.push_back(measure_batches(options, context, bench.model, batches, threads, DecodeMethod::greedy));
    if (!options.quick)
      section.rows.push_back(measure_batches(options, context, bench.model, batches, threads, DecodeMethod::beam));
  }
  return section;
}

}  // namespace ethreed::bench

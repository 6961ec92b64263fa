#include "benchmarks/sections/replier.h"
#include "benchmarks/sections/sections.h"
#include "model/evaluation/evaluator.h"

#include <fmt/format.h>

namespace ethreed::bench {

namespace {

constexpr int chat_tokens = 16;

const char* plural(int threads) { return threads == 1 ? "" : "s"; }

// What `ethreed chat` does for the first post: encoder to policy, greedy reply.
Row measure_chat(const Options& options, Context& context, Replier& replier, int threads) {
  const Split& split = replier.split();
  const auto chosen = posts_of_length(split, chat_tokens, options.quick ? 5 : 25, true);
  std::vector<double> times;
  double words = 0, total = 0;
  for (int pass = -1; pass < (options.quick ? 1 : 3); ++pass)
    for (const PostPlace& place : chosen) {
      Talk talk(context, replier);
      const double start = now_in_milliseconds();
      const auto count = static_cast<double>(talk.answer(split.post(place.dialogue, place.turn)).size() + 1);
      if (pass < 0) continue;
      times.push_back(now_in_milliseconds() - start);
      total += times.back();
      words += count;
    }
  const auto replies = static_cast<double>(times.size());
  return {.name = fmt::format("a reply in chat, greedy, {} thread{}", threads, plural(threads)),
          .time = quantiles_of(times),
          .figures = {{"words a reply, EOS too", words / replies},
                      {"ms a word", total / words},
                      {"replies/s", replies / total * 1e3}}};
}

Row measure_batches(const Options& options, Context& context, Replier& replier, SplitExamples& examples, int threads,
                    DecodeMethod method) {
  Evaluator<float> evaluator(context, replier.model(), replier.state);
  const int dialogues = std::min(examples.count(), evaluation_batch * (options.quick ? 1 : 4));
  const DecodeOptions decode{.method = method};
  std::vector<double> times;
  double words = 0, replies = 0, total = 0;
  for (int pass = -1; pass < (options.quick ? 2 : 5); ++pass) {
    double pass_words = 0, pass_replies = 0;
    const double start = now_in_milliseconds();
    evaluator.generate(examples, dialogues, ReplyMode{}, decode, [&](const GeneratedTurn& turn) {
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
                              threads, plural(threads)),
          .time = quantiles_of(times),
          .figures = {{"words a reply, EOS too", words / replies},
                      {"ms a word", total / words},
                      {"replies/s", replies / total * 1e3}}};
}

}  // namespace

Section measure_decoding(const Options& options) {
  Replier replier(options);
  SplitExamples examples(replier.split(), example_kind(replier.model()));
  Section section{.id = "decoding",
                  .title = "Replies",
                  .notes = {fmt::format("Posts of the {} split; in chat those of {} tokens, EOS included. {}",
                                        replier.split().name(), chat_tokens, replier.note)},
                  .rows = {}};
  for (const int threads : options.threads) {
    Runtime runtime(threads);
    Context context = runtime.context();
    section.rows.push_back(measure_chat(options, context, replier, threads));
    section.rows.push_back(measure_batches(options, context, replier, examples, threads, DecodeMethod::greedy));
    if (!options.quick)
      section.rows.push_back(measure_batches(options, context, replier, examples, threads, DecodeMethod::beam));
  }
  return section;
}

}  // namespace ethreed::bench

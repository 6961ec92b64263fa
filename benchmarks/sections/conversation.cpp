#include "benchmarks/sections/replier.h"
#include "benchmarks/sections/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ethreed::bench {

namespace {

constexpr int post_tokens = 16, reply_words = 12;  // about the mean of EmpatheticDialogues
constexpr std::array<int, 4> places{1, 2, 10, 50};
constexpr std::array<const char*, 4> place_names{"1st", "2nd", "10th", "50th"};

// Latencies of the replies at `places`, over all conversations.
using Latencies = std::array<std::vector<double>, places.size()>;

// n conversations of n posts, the first a warm-up pass: conversation c is given post (c + t) mod n in turn t, so that
// over the conversations every turn is given every post once, and turns differ in their history alone.
Latencies talk(Context& context, Replier& replier, std::span<const PostPlace> posts, int passes) {
  const Split& split = replier.split();
  Latencies latencies;
  for (int pass = -1; pass < passes; ++pass)
    for (std::size_t c = 0; c < posts.size(); ++c) {
      Talk talk(context, replier, reply_words);
      std::size_t next = 0;
      for (int turn = 1; turn <= places.back(); ++turn) {
        const PostPlace& place = posts[(c + static_cast<std::size_t>(turn)) % posts.size()];
        const double start = now_in_milliseconds();
        const std::size_t words = talk.answer(split.post(place.dialogue, place.turn)).size();
        const double time = now_in_milliseconds() - start;
        ETHREED_CHECK(words == reply_words, "a reply of {} words, wanted {}", words, reply_words);
        if (turn != places[next]) continue;
        if (pass >= 0) latencies[next].push_back(time);
        ++next;
      }
    }
  return latencies;
}

}  // namespace

Section measure_conversation(const Options& options) {
  Replier replier(options);
  const auto posts = posts_of_length(replier.split(), post_tokens, options.quick ? 5 : 25, false);
  const int passes = options.quick ? 1 : 3;
  Section section{
      .id = "conversation",
      .title = "Replies of one conversation, by how much was said before",
      .notes = {fmt::format("{} conversations of {} turns, timed {}; posts of the {} split of {} tokens, EOS "
                            "included, or as near to that as there are. {}",
                            posts.size(), places.back(), passes == 1 ? "once" : fmt::format("{} times", passes),
                            replier.split().name(), post_tokens, replier.note),
                fmt::format("Every reply has {} words: greedy search, the end mark has no probability before. Over the "
                            "conversations every turn is given the same posts, in another order, so turns differ in "
                            "their history alone. The 1st reply has no reply before it to read, the others have: the "
                            "2nd is what later ones are compared with.",
                            reply_words)},
      .rows = {}};
  for (const int threads : options.threads) {
    Runtime runtime(threads);
    Context context = runtime.context();
    const Latencies latencies = talk(context, replier, posts, passes);
    const double second = quantiles_of(latencies[1]).median;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Quantiles time = quantiles_of(latencies[i]);
      section.rows.push_back(
          {.name = fmt::format("the {} reply, {} thread{}", place_names[i], threads, threads == 1 ? "" : "s"),
           .time = time,
           .figures = {{"ms a word", time.median / reply_words}, {"times the 2nd reply", time.median / second}}});
    }
  }
  return section;
}

}  // namespace ethreed::bench

// Figures of all replies of a run, by hand.

#include "model/evaluation/reply_figures.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace ethreed;

namespace {

GeneratedTurn turn(std::vector<std::int32_t> words, std::vector<double> gates, std::vector<double> copied,
                   std::span<const std::int32_t> source) {
  GeneratedTurn made;
  made.reply.words = std::move(words);
  for (std::size_t i = 0; i < gates.size(); ++i)
    made.reply.origins.push_back({.generation_gate = gates[i], .copied = copied[i]});
  made.source.assign(source.begin(), source.end());
  return made;
}

}  // namespace

TEST_CASE("replies are counted that hold a copied and that hold an unknown word, beside posts that have one") {
  const std::vector<std::int32_t> known{4, 5, 3}, unknown{4, 20, 3};
  ReplyFigures figures(20);
  CHECK(figures.commonest_share() == 0);
  CHECK(std::isnan(figures.gate_quantile(0.5)));
  figures.add(turn({4, 6}, {0.9, 0.4, 1.0}, {0.1, 0.6, 0}, known));     // copied, of the vocabulary
  figures.add(turn({4, 31}, {0.9, 0.2, 0.8}, {0.1, 1, 0.5}, unknown));  // an unknown word
  figures.add(turn({4}, {0.7, 0.6}, {0.5, 0}, unknown));                // half is not more than half
  CHECK(figures.replies() == 3);
  CHECK(figures.with_copied() == 2);
  CHECK(figures.with_unknown() == 1);
  CHECK(figures.to_unknown() == 2);
  // .2 .4 .6 .7 .8 .9 .9 1
  CHECK(figures.gate_quantile(0.05) == 0.2);
  CHECK(figures.gate_quantile(0.25) == 0.4);
  CHECK(figures.gate_quantile(0.5) == 0.7);
  CHECK(figures.gate_quantile(0.95) == 1.0);
}

TEST_CASE("the share of the ten commonest replies counts each as often as it was written") {
  ReplyFigures figures(20);
  for (int word = 4; word < 16; ++word)  // twelve sentences, the first two twice
    for (int k = 0; k < (word < 6 ? 2 : 1); ++k) figures.add(turn({word}, {}, {}, {}));
  CHECK(figures.commonest_share() == Approx(12.0 / 14));
}

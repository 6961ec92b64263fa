// Figures of drawn dialogues that are no means: held against the same figure of the rows that were drawn, and their
// intervals against what other samples show.

#include "core/philox.h"
#include "model/metrics/classes.h"
#include "model/metrics/distinct.h"
#include "model/metrics/repetition.h"
#include "model/metrics/reply_scores.h"
#include "model/metrics/self_bleu.h"
#include "tests/model/metric_texts.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using namespace ethreed;

namespace {

using Labels = std::vector<std::int32_t>;
using Weights = std::vector<std::int32_t>;

// Replies of corpus B in three dialogues: rows 1 and 2, row 3, row 4.
const Labels group_of_b{0, 0, 1, 2};

// `rows` replies of 3 to 9 words, drawn by Zipf's law from 400: `seed` makes another sample of the same source.
std::vector<std::vector<std::int32_t>> zipf_replies(std::size_t rows, std::uint64_t seed) {
  std::vector<double> below{0};
  for (int k = 1; k <= 400; ++k) below.push_back(below.back() + 1.0 / k);
  const PhiloxStream random(seed, 77);
  std::vector<std::vector<std::int32_t>> replies(rows);
  std::uint64_t next = 0;
  for (auto& reply : replies) {
    reply.resize(3 + random.below(7, next++));
    for (std::int32_t& word : reply)
      word = static_cast<std::int32_t>(
          std::upper_bound(below.begin(), below.end(), random.uniform(next++) * below.back()) - below.begin());
  }
  return replies;
}

double deviation(const std::vector<double>& values) {
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

// How many times wider a bootstrap makes a figure than other samples of its source do, both as standard deviations.
// `figure(replies)` has the figure of draws.
template <class Figure> double width_by_bootstrap(const Figure& figure) {
  constexpr std::size_t rows = 200;
  const Weights once(rows, 1);
  std::vector<double> samples;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) samples.push_back(figure(zipf_replies(rows, seed))(once));
  double drawn = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const Bootstrap bootstrap(static_cast<int>(rows), {.resamples = 200});
    drawn += deviation(bootstrap.resample(figure(zipf_replies(rows, seed))).draws) / 8;
  }
  return drawn / deviation(samples);
}

Labels one_each(std::size_t rows) {
  Labels groups(rows);
  std::iota(groups.begin(), groups.end(), 0);
  return groups;
}

}  // namespace

TEST_CASE(
    "Self-BLEU of a draw has the other replies drawn for references, and a reply drawn twice is none of its own") {
  WordTable words;
  const auto replies = ids_of_all(replies_b, words);
  const SelfBleu self(replies, group_of_b, 3);
  const Bleu all = self.value(), once = self.of_draw(Weights{1, 1, 1});
  const std::vector<std::vector<std::int32_t>> some{replies[0], replies[1], replies[3]};
  const Bleu without_row_3 = SelfBleu(some, Labels{0, 0, 1}, 2).value();
  const Bleu drawn = self.of_draw(Weights{1, 0, 1}), twice = self.of_draw(Weights{2, 0, 1}),
             other_twice = self.of_draw(Weights{1, 0, 2});
  for (std::size_t n = 0; n < 4; ++n) {
    CHECK(once[n] == all[n]);
    CHECK(drawn[n] == Approx(without_row_3[n]));
    // Of row 4, and of rows 1 and 2 together, whose references are the same however often they are drawn.
    const double fourth = 4 * other_twice[n] - 3 * drawn[n], first_two = 3 * drawn[n] - fourth;
    CHECK(fourth < 1);
    CHECK(twice[n] == Approx((2 * first_two + fourth) / 5));
  }
  CHECK(std::isnan(self.of_draw(Weights{0, 3, 0})[0]));
  CHECK_THROWS_WITH(self.of_draw(Weights{1}), Catch::Contains("1 weights for 3 groups"));
  CHECK_THROWS_WITH(SelfBleu(some, Labels{0, 0, 2}, 2), Catch::Contains("group 2 of reply 2, wanted 0 to 1"));
}

TEST_CASE("variety of a draw is that of the replies drawn, each as often as its dialogue") {
  WordTable words;
  const auto replies = ids_of_all(replies_b, words);
  const std::vector<std::vector<std::int32_t>> drawn{replies[0], replies[1], replies[0], replies[1], replies[3]};
  for (int n = 1; n <= 3; ++n) {
    const NgramVariety variety(replies, n, group_of_b, 3), of_drawn(drawn, n, one_each(5), 5);
    const NgramVariety::Draw draw = variety.draw(Weights{2, 0, 1});
    CHECK(draw.total == of_drawn.total());
    CHECK(draw.distinct == of_drawn.distinct());
    CHECK(NgramVariety::distinct_of(draw) == Approx(of_drawn.distinct_n()));
    CHECK(NgramVariety::distinct_words_of(draw) == Approx(of_drawn.distinct_n_words()));
    CHECK(NgramVariety::entropy_of(draw) == Approx(of_drawn.entropy()));
    CHECK(NgramVariety::expectation_adjusted_of(draw, 100) == Approx(of_drawn.expectation_adjusted(100)));
    CHECK(variety.distinct_n_reply(Weights{2, 0, 1}) == Approx(of_drawn.distinct_n_reply()));
  }
}

TEST_CASE("a reply of a draw equals another only if another row was drawn with its words") {
  const auto of_draw = duplicates_of_draw(replies_b, group_of_b);  // rows 1 and 3 are equal
  const Duplicates all = of_draw(Weights{1, 1, 1});
  CHECK(all.duplicate_replies == duplicates(replies_b).duplicate_replies);
  CHECK(all.unique_replies == duplicates(replies_b).unique_replies);
  CHECK(all.top_reply == duplicates(replies_b).top_reply);
  const Duplicates apart = of_draw(Weights{2, 0, 1});
  CHECK(apart.duplicate_replies == 0);
  CHECK(apart.unique_replies == 1);
  CHECK(apart.top_reply == Approx(2.0 / 5));
  CHECK(of_draw(Weights{1, 2, 0}).duplicate_replies == Approx(3.0 / 4));
  CHECK(of_draw(Weights{1, 2, 0}).unique_replies == Approx((0.5 + 1 + 2 * 0.5) / 4));
  CHECK(std::isnan(of_draw(Weights{0, 0, 0}).top_reply));
}

TEST_CASE("median and 95th percentile of a draw are those of the lengths drawn") {
  const auto of_draw = lengths_of_draw(replies_b, group_of_b);  // 6, 3 / 6 / 6
  CHECK(of_draw(Weights{1, 1, 1}).median == lengths_of(replies_b).median);
  CHECK(of_draw(Weights{3, 0, 0}).median == 4.5);
  CHECK(of_draw(Weights{3, 0, 0}).mean == 4.5);
  CHECK(of_draw(Weights{2, 0, 1}).median == 6);
  CHECK(of_draw(Weights{2, 0, 1}).p95 == 6);
  CHECK(of_draw(Weights{0, 0, 0}).p95 == -1);
}

TEST_CASE("divergences of a draw are those of the rows drawn") {
  const Labels groups{0, 0, 1, 2}, a{0, 1, 1, -1}, b{1, 1, 0, 0};
  const GroupFigure divergence = jensen_shannon_figure(a, b, 2, groups);
  const auto of = [](const Labels& x, const Labels& y) {
    return jensen_shannon(class_shares(x, 2), class_shares(y, 2));
  };
  CHECK(divergence(Weights{1, 1, 1}) == Approx(of(a, b)));
  CHECK(divergence(Weights{2, 0, 1}) == Approx(of({0, 1, 0, 1}, {1, 1, 1, 1, 0})));
  CHECK(std::isnan(divergence(Weights{0, 0, 1})));
  const Labels emotion{0, 0, 1, 1}, human{0, 1, 1, 0}, model{0, 0, 1, 0};
  const auto intents = intent_divergence_of_draw(emotion, human, model, 2, 2, groups);
  CHECK(intents(Weights{1, 1, 1}).mean == Approx(intent_divergence(emotion, human, model, 2, 2).mean));
  const IntentDivergence drawn = intents(Weights{2, 1, 0});
  CHECK(drawn.mean ==
        Approx(intent_divergence(Labels{0, 0, 0, 0, 1}, Labels{0, 1, 0, 1, 1}, Labels{0, 0, 0, 0, 1}, 2, 2).mean));
  CHECK(intents(Weights{1, 0, 0}).emotions == 1);
  CHECK_THROWS_WITH(jensen_shannon_figure(a, b, 1, groups), Catch::Contains("label 1, wanted 0 to 0"));
}

TEST_CASE("what a draw is asked for again is not computed again") {
  int computed = 0;
  const auto sum = once_a_draw([&computed](GroupWeights weights) {
    ++computed;
    return std::accumulate(weights.begin(), weights.end(), 0);
  });
  CHECK(sum(Weights{1, 2}) == 3);
  CHECK(sum(Weights{1, 2}) == 3);
  CHECK(computed == 1);
  CHECK(sum(Weights{2, 2}) == 4);
  CHECK(sum(Weights{2}) == 2);
  CHECK(computed == 3);
}

TEST_CASE("intervals of Self-BLEU, Distinct and entropy are about as wide as what other samples of one source show") {
  const auto self_bleu = [](const auto& replies) {
    return GroupFigure([self = SelfBleu(replies, one_each(replies.size()), static_cast<int>(replies.size()))](
                           GroupWeights weights) { return self.of_draw(weights)[1]; });
  };
  const auto variety = [](double (*value_of)(const NgramVariety::Draw&)) {
    return [value_of](const auto& replies) {
      return GroupFigure([v = NgramVariety(replies, 1, one_each(replies.size()), static_cast<int>(replies.size())),
                          value_of](GroupWeights weights) { return value_of(v.draw(weights)); });
    };
  };
  const double of_self_bleu = width_by_bootstrap(self_bleu);
  const double of_distinct = width_by_bootstrap(variety(&NgramVariety::distinct_of));
  const double of_entropy = width_by_bootstrap(variety(&NgramVariety::entropy_of));
  CAPTURE(of_self_bleu, of_distinct, of_entropy);
  for (const double width : {of_self_bleu, of_distinct, of_entropy}) {
    CHECK(width > 0.7);
    CHECK(width < 1.5);
  }
}

TEST_CASE("every figure that a set of replies has comes with an interval, or says why it has none") {
  const ReplySet set{.replies = candidates_a, .references = references_a, .posts = {{}, {}, {}}};
  const std::vector<float> vector{1, 2};
  ScoreOptions options{.train = references_a, .vocabulary = 100};
  options.vector_of = [&](std::string_view) { return std::span<const float>(vector); };
  int with = 0, without = 0;
  for (const ScoreFigure& figure : score_replies(set, options)) {
    INFO(figure.name);
    CHECK((!figure.absent.empty() || static_cast<bool>(figure.of_draw) != !figure.no_interval.empty()));
    CHECK(figure.absent.empty() == !std::isnan(figure.value));
    with += static_cast<bool>(figure.of_draw);
    without += !figure.no_interval.empty();
  }
  CHECK(with > 60);
  CHECK(without == 1);  // emb_rows_left_out
}

#include "model/metrics/reply_scores.h"

#include "core/error.h"
#include "core/philox.h"
#include "model/metrics/bleu.h"
#include "model/metrics/chrf.h"
#include "model/metrics/distinct.h"
#include "model/metrics/embedding.h"
#include "model/metrics/meteor.h"
#include "model/metrics/repetition.h"
#include "model/metrics/rouge.h"
#include "model/metrics/sentence_bleu.h"
#include "model/text/word_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

namespace ethreed {

namespace {

constexpr std::uint64_t sample_stream = 0x5E1FULL << 48;
using Ids = std::vector<std::int32_t>;

class Scorer {
 public:
  Scorer(const ReplySet& set, const ScoreOptions& options) : set_(set), options_(options), group_of_(set.group_of) {
    groups_ = set.groups;
    if (group_of_.empty()) {
      group_of_.resize(set.replies.size());
      std::iota(group_of_.begin(), group_of_.end(), 0);
      groups_ = static_cast<int>(group_of_.size());
    }
    for (const TokenText& reply : set.replies) replies_.push_back(ids(reply));
    for (const TokenText& reference : set.references) references_.push_back(ids(reference));
  }

  std::vector<ScoreFigure> all() {
    bleu_figures();
    sentence_figures();
    candidate_figures();
    overlap_figures();
    embedding_figures();
    variety_figures();
    self_bleu_figures();
    repetition_figures();
    length_figures();
    copy_figures();
    return std::move(figures_);
  }

 private:
  Ids ids(const TokenText& text) {
    Ids ids;
    for (const std::string& word : text) ids.push_back(words_.id(word));
    return ids;
  }
  std::size_t rows() const { return replies_.size(); }

  ScoreFigure& add(std::string name, FigureUnit unit, double value) {
    return figures_.emplace_back(ScoreFigure{.name = std::move(name), .unit = unit, .value = value});
  }
  ScoreFigure& add(std::string name, FigureUnit unit, GroupFigure figure) {
    const std::vector<std::int32_t> once(static_cast<std::size_t>(groups_), 1);
    ScoreFigure& added = add(std::move(name), unit, figure(once));
    if (std::isnan(added.value))
      added.absent = "no row has what it is taken of";
    else
      added.of_draw = std::move(figure);
    return added;
  }
  void add_absent(std::string name, FigureUnit unit, std::string reason) {
    add(std::move(name), unit, std::numeric_limits<double>::quiet_NaN()).absent = std::move(reason);
  }
  void add_absent(std::string_view name, int orders, FigureUnit unit, const std::string& reason) {
    for (int n = 1; n <= orders; ++n) add_absent(fmt::format("{}_{}", name, n), unit, reason);
  }

  // Counts of the rows, summed by dialogue.
  template <class Counts, class OfRow> std::shared_ptr<const std::vector<Counts>> by_group(const OfRow& of_row) const {
    auto groups = std::make_shared<std::vector<Counts>>(static_cast<std::size_t>(groups_));
    for (std::size_t i = 0; i < rows(); ++i) (*groups)[static_cast<std::size_t>(group_of_[i])].add(of_row(i));
    return groups;
  }
  template <class Counts, class Value>
  static GroupFigure of_sum(std::shared_ptr<const std::vector<Counts>> groups, Value value) {
    return [groups = std::move(groups), value](GroupWeights weights) { return value(weighted_sum(*groups, weights)); };
  }
  // The ratio of two sums over rows.
  template <class OfRow>
  ScoreFigure& add_ratio(std::string name, FigureUnit unit, const OfRow& of_row, double scale = 1) {
    return add(std::move(name), unit,
               of_sum(by_group<RatioCounts>(of_row), [scale](const RatioCounts& sum) { return scale * sum.ratio(); }));
  }
  template <class OfRow>
  ScoreFigure& add_mean(std::string name, FigureUnit unit, const OfRow& of_row, double scale = 1) {
    return add_ratio(
        std::move(name), unit,
        [&](std::size_t i) {
          return RatioCounts{static_cast<double>(of_row(i)), 1};
        },
        scale);
  }

  void bleu_figures() {
    constexpr std::string_view reason = "no references";
    if (references_.empty()) {
      add_absent("bleu", 4, FigureUnit::percent, std::string(reason));
      add_absent("sacrebleu", FigureUnit::percent, std::string(reason));
      for (const char* name : {"bleu_coco", "bleu_nltk"}) add_absent(name, 4, FigureUnit::percent, std::string(reason));
      return;
    }
    const auto groups = by_group<BleuCounts>([&](std::size_t i) { return bleu_counts(replies_[i], references_[i]); });
    const auto add_orders = [&](std::string_view name, Bleu (*variant)(const BleuCounts&)) {
      for (std::size_t n = 0; n < 4; ++n)
        add(fmt::format("{}_{}", name, n + 1), FigureUnit::percent,
            of_sum(groups, [variant, n](const BleuCounts& sum) { return 100 * variant(sum)[n]; }));
    };
    const std::vector<std::int32_t> once(static_cast<std::size_t>(groups_), 1);
    const BleuCounts whole = weighted_sum(*groups, once);
    add_orders("bleu", bleu);
    for (std::size_t n = 0; n < 4; ++n)
      if (has_zero_count(whole, static_cast<int>(n) + 1)) figures_[figures_.size() - 4 + n].note = "a zero count";
    add("sacrebleu", FigureUnit::percent, of_sum(groups, [](const BleuCounts& sum) { return sacrebleu(sum).score; }));
    add_orders("bleu_coco", bleu_coco);
    add_orders("bleu_nltk", bleu_nltk);
  }

  void sentence_figures() {
    for (const auto& [name, smoothing] :
         {std::pair("bleu_sent_m1", Smoothing::method_1), std::pair("bleu_sent_m7", Smoothing::method_7)}) {
      if (references_.empty()) {
        add_absent(name, 4, FigureUnit::percent, "no references");
        continue;
      }
      std::vector<Bleu> values;
      for (std::size_t i = 0; i < rows(); ++i)
        values.push_back(sentence_bleu(bleu_counts(replies_[i], references_[i]), smoothing));
      for (std::size_t n = 0; n < 4; ++n)
        add_mean(
            fmt::format("{}_{}", name, n + 1), FigureUnit::percent, [&](std::size_t i) { return values[i][n]; }, 100);
    }
  }

  // EmpHi's precision and recall of several replies a row.
  void candidate_figures() {
    if (set_.candidates.empty() || references_.empty()) {
      const std::string reason = references_.empty() ? "no references" : "one reply a row; write several (--n-best)";
      for (const char* name : {"emphi_p", "emphi_r", "emphi_f1"}) add_absent(name, 4, FigureUnit::percent, reason);
      return;
    }
    std::vector<PrecisionRecall> values;
    for (std::size_t i = 0; i < rows(); ++i) values.push_back(emphi_bleu(set_.candidates[i], set_.references[i]));
    const auto add_orders = [&](std::string_view name, Bleu PrecisionRecall::*which) {
      for (std::size_t n = 0; n < 4; ++n)
        add_mean(
            fmt::format("{}_{}", name, n + 1), FigureUnit::percent,
            [&](std::size_t i) { return (values[i].*which)[n]; }, 100);
    };
    add_orders("emphi_p", &PrecisionRecall::precision);
    add_orders("emphi_r", &PrecisionRecall::recall);
    const std::size_t first = figures_.size() - 8;
    for (std::size_t n = 0; n < 4; ++n) {
      const GroupFigure p = figures_[first + n].of_draw, r = figures_[first + 4 + n].of_draw;
      add(fmt::format("emphi_f1_{}", n + 1), FigureUnit::percent,
          [p, r](GroupWeights weights) { return harmonic_mean(p(weights), r(weights)); });
    }
  }

  void overlap_figures() {
    if (references_.empty()) {
      for (const char* name : {"rouge_1", "rouge_2", "rouge_l", "rouge_l_coco", "meteor_exact_stem"})
        add_absent(name, FigureUnit::share, "no references");
      add_absent("chrf", FigureUnit::percent, "no references");
      return;
    }
    std::vector<TokenText> c, r;  // as rouge-score sees them
    for (std::size_t i = 0; i < rows(); ++i) {
      c.push_back(rouge_tokens(set_.replies[i]));
      r.push_back(rouge_tokens(set_.references[i]));
    }
    add_mean("rouge_1", FigureUnit::share, [&](std::size_t i) { return rouge_n(c[i], r[i], 1).f; });
    add_mean("rouge_2", FigureUnit::share, [&](std::size_t i) { return rouge_n(c[i], r[i], 2).f; });
    add_mean("rouge_l", FigureUnit::share, [&](std::size_t i) { return rouge_l(c[i], r[i]).f; });
    add_mean("rouge_l_coco", FigureUnit::share,
             [&](std::size_t i) { return rouge_l_coco(set_.replies[i], set_.references[i]).f; });
    const PorterStemmer stemmer;
    add_mean("meteor_exact_stem", FigureUnit::share,
             [&](std::size_t i) { return meteor_exact_stem(set_.replies[i], set_.references[i], stemmer).score; });
    add("chrf", FigureUnit::percent,
        of_sum(by_group<ChrfCounts>([&](std::size_t i) { return chrf_counts(set_.replies[i], set_.references[i]); }),
               chrf));
  }

  WordRows vectors_of(const TokenText& text) const {
    WordRows rows;
    for (const std::string& word : text)
      if (const auto row = options_.vector_of(word); !row.empty()) rows.push_back(row);
    return rows;
  }

  void embedding_figures() {
    const bool possible = options_.vector_of && !references_.empty();
    const std::string reason = references_.empty() ? "no references" : "no word vectors (--vectors)";
    std::int64_t left_out = 0;
    for (const auto& [name, metric] : {std::pair("emb_average", &emb_average), std::pair("emb_extrema", &emb_extrema),
                                       std::pair("emb_greedy", &emb_greedy)}) {
      if (!possible) {
        add_absent(name, FigureUnit::share, reason);
        continue;
      }
      left_out = 0;
      add_ratio(name, FigureUnit::share, [&, metric = metric](std::size_t i) {
        const auto value = metric(vectors_of(set_.replies[i]), vectors_of(set_.references[i]));
        left_out += !value;
        return value ? RatioCounts{*value, 1} : RatioCounts{};
      });
    }
    if (possible)
      add("emb_rows_left_out", FigureUnit::count, static_cast<double>(left_out));
    else
      add_absent("emb_rows_left_out", FigureUnit::count, reason);
  }

  void variety_figures() {
    std::vector<std::shared_ptr<const NgramVariety>> variety;
    for (int n = 1; n <= 3; ++n)
      variety.push_back(std::make_shared<const NgramVariety>(replies_, n, group_of_, groups_));
    for (int n = 1; n <= 3; ++n)
      add(fmt::format("distinct_{}", n), FigureUnit::percent,
          [v = variety[static_cast<std::size_t>(n) - 1]](GroupWeights weights) {
            return 100 * v->distinct_n(weights);
          });
    for (int n = 1; n <= 3; ++n)
      add(fmt::format("distinct_{}_words", n), FigureUnit::share,
          variety[static_cast<std::size_t>(n) - 1]->distinct_n_words());
    for (int n = 1; n <= 3; ++n)
      add(fmt::format("distinct_{}_reply", n), FigureUnit::share,
          variety[static_cast<std::size_t>(n) - 1]->distinct_n_reply());
    for (int n = 1; n <= 2; ++n)
      if (options_.vocabulary > 0)
        add(fmt::format("ead_{}", n), FigureUnit::share,
            variety[static_cast<std::size_t>(n) - 1]->expectation_adjusted(
                std::pow(static_cast<double>(options_.vocabulary), n)));
      else
        add_absent(fmt::format("ead_{}", n), FigureUnit::share, "no size of the vocabulary (--vocabulary)");
    for (int n = 1; n <= 2; ++n)
      add(fmt::format("entropy_{}", n), FigureUnit::nats, variety[static_cast<std::size_t>(n) - 1]->entropy());
  }

  void self_bleu_figures() {
    std::vector<Ids> sample;
    for (const std::size_t i : sample_rows(rows(), options_.self_bleu_sample, options_.seed))
      sample.push_back(replies_[i]);
    const Bleu values = self_bleu(sample);
    for (std::size_t n = 0; n < 4; ++n) {
      const std::string name = fmt::format("self_bleu_{}", n + 1);
      if (sample.size() < 2)
        add_absent(name, FigureUnit::share, "one reply");
      else
        add(name, FigureUnit::share, values[n]).note = fmt::format("{} replies, seed {}", sample.size(), options_.seed);
    }
  }

  void repetition_figures() {
    for (int n = 1; n <= 3; ++n)
      add_mean(fmt::format("rep_{}", n), FigureUnit::share, [&](std::size_t i) { return repetition(replies_[i], n); });
    const Duplicates same = duplicates(set_.replies);
    add("duplicate_replies", FigureUnit::share, same.duplicate_replies);
    add("unique_replies", FigureUnit::share, same.unique_replies);
    std::string text;
    for (const std::string& word : set_.replies[same.top_row]) text += (text.empty() ? "" : " ") + word;
    add("top_reply", FigureUnit::share, same.top_reply).note = "\"" + text + "\"";
    if (options_.train)
      add("copied_from_train", FigureUnit::share, copied_from(set_.replies, *options_.train));
    else
      add_absent("copied_from_train", FigureUnit::share, "no training replies (--train)");
  }

  void length_figures() {
    const Lengths lengths = lengths_of(set_.replies);
    const auto length = [&](std::size_t i) { return static_cast<int>(set_.replies[i].size()); };
    add_mean("length_mean", FigureUnit::tokens, length);
    add("length_median", FigureUnit::tokens, lengths.median);
    add("length_p95", FigureUnit::tokens, static_cast<double>(lengths.p95));
    add_mean(fmt::format("cut_at_{}", options_.longest), FigureUnit::share,
             [&](std::size_t i) { return set_.cut.empty() ? length(i) >= options_.longest : set_.cut[i] != 0; });
    add_mean("empty_replies", FigureUnit::share, [&](std::size_t i) { return length(i) == 0; });
    if (references_.empty())
      add_absent("length_ratio", FigureUnit::share, "no references");
    else
      add_ratio("length_ratio", FigureUnit::share, [&](std::size_t i) {
        return RatioCounts{static_cast<double>(length(i)), static_cast<double>(references_[i].size())};
      });
    add_mean("ends_in_question", FigureUnit::share,
             [&](std::size_t i) { return length(i) > 0 && set_.replies[i].back() == "?"; });
  }

  void copy_figures() {
    std::vector<std::vector<Ids>> posts(set_.posts.size());
    for (std::size_t i = 0; i < posts.size(); ++i)
      for (const TokenText& post : set_.posts[i]) posts[i].push_back(ids(post));
    for (int n = 1; n <= 3; ++n) {
      const std::string name = fmt::format("novel_{}", n);
      if (posts.empty())
        add_absent(name, FigureUnit::share, "no posts");
      else
        add_ratio(name, FigureUnit::share, [&](std::size_t i) {
          const Novelty counts = novelty(replies_[i], posts[i], n);
          return RatioCounts{static_cast<double>(counts.novel), static_cast<double>(counts.total)};
        });
    }
    if (set_.gates.empty())
      add_absent("copy_rate", FigureUnit::share, "no p_gen in the records");
    else
      add_ratio("copy_rate", FigureUnit::share, [&](std::size_t i) {
        RatioCounts counts;
        for (const double gate : set_.gates[i]) counts.add({1 - gate, 1});
        return counts;
      });
    const std::int32_t unknown = words_.id("unk");
    add_ratio("oov_out", FigureUnit::share, [&](std::size_t i) {
      return RatioCounts{static_cast<double>(std::count(replies_[i].begin(), replies_[i].end(), unknown)),
                         static_cast<double>(replies_[i].size())};
    });
  }

  const ReplySet& set_;
  const ScoreOptions& options_;
  WordTable words_;
  std::vector<Ids> replies_, references_;
  Ids group_of_;
  int groups_ = 0;
  std::vector<ScoreFigure> figures_;
};

void check(const ReplySet& set) {
  ETHREED_CHECK(!set.replies.empty(), "score_replies: no replies, wanted one row at least");
  const auto rows = [&](std::size_t size, std::string_view what) {
    ETHREED_CHECK(size == 0 || size == set.replies.size(), "score_replies: {} rows of {}, wanted {}, as of replies",
                  size, what, set.replies.size());
  };
  rows(set.references.size(), "references");
  rows(set.posts.size(), "posts");
  rows(set.candidates.size(), "candidates");
  rows(set.gates.size(), "gates");
  rows(set.cut.size(), "cut replies");
  rows(set.group_of.size(), "dialogues");
}

}  // namespace

std::string_view name_of(FigureUnit unit) {
  switch (unit) {
    case FigureUnit::percent: return "×100";
    case FigureUnit::share: return "share";
    case FigureUnit::nats: return "nats";
    case FigureUnit::tokens: return "tokens";
    case FigureUnit::count: return "count";
  }
  return "";
}

std::vector<std::size_t> sample_rows(std::size_t rows, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (rows <= count) return order;
  const PhiloxStream random(seed, sample_stream);
  for (std::size_t i = 0; i < count; ++i) std::swap(order[i], order[i + random.below(rows - i, i)]);
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

std::vector<ScoreFigure> score_replies(const ReplySet& set, const ScoreOptions& options) {
  check(set);
  return Scorer(set, options).all();
}

}  // namespace ethreed

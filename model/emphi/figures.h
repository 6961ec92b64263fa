#pragma once
// Figures of EmpHi over a split. A perplexity says by which intent the replies were written: that matters more than
// anything else about it.

#include "model/blocks/figure_sums.h"
#include "model/emphi/forward.h"

#include <array>
#include <span>
#include <vector>

namespace ethreed {

class EmphiFigures {
 public:
  explicit EmphiFigures(const EmphiConfig& config) : vocabulary_(config.vocabulary) {}
  /// `pass` is a finished pass of validation over `batch`, on the host.
  template <class T> void add(const EmphiBatch& batch, const EmphiPass<T>& pass);
  /// In the order of `columns`. Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  static constexpr int perplexity_marginal = 2;
  static constexpr std::array<FigureColumn, 15> columns{{
      {.name = "perplexity_token", .label = "PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "perplexity_macro", .label = "macro PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "perplexity_marginal",
       .label = "marginal PPL",
       .decimals = 2,
       .logged = true,
       .better = Better::lower},  // Σ_z p_z Π_i P(y_i | z): what compares with models that draw no intent
      {.name = "perplexity_prior_argmax",
       .label = "",
       .decimals = 2,
       .logged = true,
       .better = Better::lower},  // by the likeliest intent of p_z
      {.name = "perplexity_gold_intent",
       .label = "",
       .decimals = 2,
       .logged = true,
       .better = Better::lower},  // by the reply's own, which looks at the reply; the likeliest where it has none
      {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},
      {.name = "intent_accuracy", .label = "intent Acc", .logged = true, .better = Better::higher},
      {.name = "intent_accuracy_top_2", .label = "", .logged = true, .better = Better::higher},
      {.name = "intent_accuracy_top_3", .label = "", .logged = true, .better = Better::higher},
      {.name = "intent_cross_entropy", .label = "", .logged = true, .better = Better::lower},
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "intent_turns", .count = true},
      {.name = "target_tokens", .count = true},
      {.name = "unk_share"},
  }};

 private:
  template <class T> void add_intents(const EmphiBatch& batch, const EmphiPass<T>& pass);

  int vocabulary_;
  PerplexitySum reply_, argmax_, gold_;
  double marginal_ = 0;
  std::vector<ExampleShare> marginal_shares_;
  AccuracySum emotion_;
  std::array<std::vector<ExampleShare>, 3> top_shares_;
  std::array<std::int64_t, 3> top_{};
  double intent_nll_ = 0;
  std::int64_t intents_ = 0;
};

}  // namespace ethreed

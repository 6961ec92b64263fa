#pragma once
// Replies of small models, to whole dialogues at a time.

#include "core/indices.h"
#include "model/replies/search.h"
#include "tests/model/ethreed/test_model.h"

#include <catch2/catch.hpp>

#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace ethreed::test {

/// Replies of a model to dialogues, by dialogue and turn.
class Generation {
 public:
  explicit Generation(TestModel<double>& model) : model_(model) {}

  /// The dialogues stand in a split one after the other, the first turn at `first_place`.
  std::vector<std::vector<Reply>> replies(const Dialogues& dialogues, const DecodeOptions& options,
                                          std::int64_t first_place = 0) {
    const DialogueBatch batch = make_batch(dialogues, model_.config.vocabulary, first_place);
    Context context = runtime_.context();
    context.arena.reset();
    Tape<double> tape(context, false);
    SessionOf<EthreedModel, double> session(EthreedModel::replies(tape, model_.config,
                                                                  bind_named(tape, model_.config, model_), batch,
                                                                  {.sample_latent = false,
                                                                   .hypotheses_per_row = hypotheses(options),
                                                                   .planned_class = planned_class,
                                                                   .look = look}));
    insights.assign(2, {});
    const std::vector<Reply> flat = search_replies<double>(context, session, model_.config.vocabulary, options);
    std::vector<std::vector<Reply>> out;
    for (const DialogueData& dialogue : dialogues) out.emplace_back(dialogue.size());
    REQUIRE(count_of(flat) == batch.turns());
    for (int r = 0; r < count_of(flat); ++r) {
      const ReplyRow row = session.row(r);
      out[row.dialogue][row.turn] = flat[r];
      for (int i = 0; i < 2; ++i) {
        const auto logits = session.insight(r, i);
        insights[i][{row.dialogue, row.turn}].assign(logits.begin(), logits.end());
      }
    }
    return out;
  }
  Reply reply(const DialogueData& dialogue, const DecodeOptions& options) { return replies({dialogue}, options)[0][0]; }

  /// Σ log P of the reply under teacher forcing; without EOS if it was cut at the greatest length.
  double rescored(const Dialogues& dialogues, std::size_t d, std::size_t t, const Reply& reply, int max_length) {
    Dialogues forced{dialogues[d]};
    forced[0][t].response = reply.words;
    forced[0][t].response.push_back(eos_id);
    // Later turns would see another history, but they are not asked.
    const DialogueBatch batch = make_batch(forced, model_.config.vocabulary);
    Context context = runtime_.context();
    context.arena.reset();
    Tape<double> tape(context, false);
    const auto pass =
        forward_pass(tape, model_.config, bind_named(tape, model_.config, model_), batch, StepNoise<double>{});
    const int row = batch.row_of_turn[t];  // one dialogue: turn rows are its turns
    const double* first = pass.log_probability.data() + batch.rows().target(row);
    const auto tokens = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(reply.words.size()) + 1, max_length);
    return std::accumulate(first, first + tokens, 0.0);
  }

  int planned_class = -1;  ///< see ReplyOptions
  bool look = false;
  /// Of the last call: logits of each insight by dialogue and turn.
  std::vector<std::map<std::pair<int, int>, std::vector<double>>> insights;

 private:
  TestModel<double>& model_;
  Runtime runtime_;
};

inline TestModel<double> random_model(std::uint64_t seed = 1, double bound = 1.0) {
  TestModel<double> model(tiny_config());
  randomise(model, seed, bound);
  return model;
}

/// May a reply hold this word?
inline bool may_be_written(int word, const DecodeOptions& options) {
  return word != pad_id && word != sos_id && (word != unk_id || options.allow_unknown);
}

}  // namespace ethreed::test

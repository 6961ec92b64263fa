#include "model/evaluation/reply_batch.h"

#include "core/error.h"
#include "model/blocks/figure_sums.h"

#include <algorithm>
#include <utility>

namespace ethreed {

template <class T>
ReplyBatch<T>::ReplyBatch(Context context, const Model& model, ModelState<T>& state)
    : context_(context), model_(model), state_(state), batch_(model.new_batch()) {}

template <class T> void ReplyBatch<T>::open(std::span<const AskedDialogue> dialogues) {
  search_.reset();
  session_.reset();
  tape_.reset();
  ETHREED_CHECK(!dialogues.empty(), "replies: no dialogue is asked for, wanted one or more");
  std::vector<Example> examples;
  std::vector<DialogueChoice> choices;
  ReplyOptions options{.answer = Answer::last_turn, .sample_latent = dialogues.front().mode.latent.sample};
  for (const AskedDialogue& one : dialogues) {
    ETHREED_CHECK(in_one_batch(one.mode, dialogues.front().mode),
                  "replies: latent variables are drawn in some dialogues of a batch and at their mean in others");
    ETHREED_CHECK(!one.mode.latent.shuffle_plans,
                  "replies: plans are to be shuffled, which makes dialogues of a batch depend on each other");
    examples.push_back(one.example);
    choices.push_back({.seed = one.mode.latent.seed, .planned_class = one.mode.planned_class});
    options.hypotheses_per_row = std::max(options.hypotheses_per_row, hypotheses(one.decode));
    options.look = options.look || one.mode.look;
  }
  options.choices = choices;
  batch_->build(examples);
  context_.begin_step();
  context_.stage(batch_->arrays());
  tape_.emplace(context_, false);
  session_ = model_.steps<T>().replies(*tape_, state_.bind(*tape_), *batch_, options);
  row_of_dialogue_.assign(dialogues.size(), 0);
  std::vector<DecodeOptions> decode(dialogues.size());
  for (int r = 0; r < session_->rows(); ++r) {
    const auto dialogue = static_cast<std::size_t>(session_->row(r).dialogue);
    row_of_dialogue_[dialogue] = r;
    decode[static_cast<std::size_t>(r)] = dialogues[dialogue].decode;
  }
  search_.emplace(context_, *session_, model_.vocabulary(), std::move(decode));
}

template <class T> GeneratedTurn ReplyBatch<T>::take(int dialogue) {
  const int r = row_of(dialogue);
  return generated_turn(model_, *session_, r, search_->take(r));
}

template <class T>
GeneratedTurn generated_turn(const Model& model, const ReplySession<T>& session, int r, Reply&& reply) {
  const ReplyRow row = session.row(r);
  GeneratedTurn turn{.dialogue = row.dialogue,
                     .turn = row.turn,
                     .reply = std::move(reply),
                     .insights = {},
                     .source = given_source(session, r, model.vocabulary())};
  for (std::size_t i = 0; i < model.insights().size(); ++i) {
    const std::span<const T> logits = session.insight(r, static_cast<int>(i));
    turn.insights.push_back(argmax(logits));
    turn.distributions.push_back(probabilities(logits));
  }
  return turn;
}

template class ReplyBatch<float>;
template class ReplyBatch<double>;
template GeneratedTurn generated_turn(const Model&, const ReplySession<float>&, int, Reply&&);
template GeneratedTurn generated_turn(const Model&, const ReplySession<double>&, int, Reply&&);

}  // namespace ethreed

#include "model/ethreed/ethreed.h"

#include "model/ethreed/reply_plan.h"
#include "model/ethreed/trace.h"
#include "model/interface/make_model.h"
#include "model/interface/turn_rows.h"

namespace ethreed {

Selection EthreedModel::selection(const EthreedConfig& config) {
  switch (config.selection) {
    case SelectedBy::perplexity: return {.figure = EthreedFigures::perplexity_token, .label = "validation PPL"};
    case SelectedBy::accuracy:
      return {.figure = EthreedFigures::speaker_accuracy, .higher = true, .label = "validation Acc"};
    case SelectedBy::both: break;
  }
  return {.figure = EthreedFigures::speaker_accuracy,
          .divisor = EthreedFigures::perplexity_token,
          .higher = true,
          .label = "validation Acc / PPL"};
}

std::span<const InsightColumn> EthreedModel::insights(const EthreedConfig&) {
  static constexpr std::array<InsightColumn, 2> columns{{{.key = "tracked_emotion",
                                                          .label = "tracked emotion of the speaker",
                                                          .chat = "you seem",
                                                          .label_set = "emotion"},
                                                         {.key = "reply_emotion",
                                                          .label = "emotion of the reply",
                                                          .chat = "the reply should feel",
                                                          .label_set = "emotion",
                                                          .of_reply = true}}};
  return columns;
}

std::vector<std::string> EthreedModel::notes(const EthreedConfig& config) {
  if (config.listener_labels) return {};
  return {"no listener labels: the listener term of L1 and the KL term L2 are OFF"};
}

template <class T>
EthreedReplies<T> EthreedModel::replies(Tape<T>& tape, const EthreedConfig& config,
                                        const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                        const ReplyOptions& options) {
  const StepNoise<T> noise{
      .policy = options.sample_latent ? draw_evaluation_noise<T>(tape.context(), config, batch, options) : nullptr,
      .shuffle_plans = options.shuffle_plans};
  DialogueState<T> state = read_dialogues(tape, config, parameters, batch, noise);
  plan_reply_emotion(tape, config, parameters, batch, options, state);
  return EthreedReplies<T>(tape, parameters, batch, state, options);
}

template <class T>
UtteranceLogits<T> EthreedModel::utterance_logits(Tape<T>& tape, const EthreedConfig& config,
                                                  const EthreedParameters<Variable<T>>& parameters,
                                                  const DialogueBatch& batch) {
  const PassOptions pass{.purpose = Purpose::validate, .sample_latent = false};
  const StepNoise<T> noise = draw_noise<T>(tape.context(), config, batch, pass);
  const DialogueState<T> state = read_dialogues(tape, config, parameters, batch, noise);
  return {.rows = rows_of_turns(batch),
          .posts = ethreed::on_host(tape.context(), state.speaker_logits),
          .responses = ethreed::on_host(tape.context(), state.listener_logits)};
}

template <class T>
void EthreedModel::write_trace(Context& context, ModelState<T>& state, const EthreedConfig& config, const Split& split,
                               Indices dialogues, std::uint64_t seed, const std::filesystem::path& path) {
  ethreed::write_trace(context, state, config, split, dialogues, seed, path);
}

ModelKind ethreed_model() { return kind_of<EthreedModel>(); }

#define ETHREED_INSTANTIATE(T)                                                                                   \
  template EthreedReplies<T> EthreedModel::replies(Tape<T>&, const EthreedConfig&,                               \
                                                   const EthreedParameters<Variable<T>>&, const DialogueBatch&,  \
                                                   const ReplyOptions&);                                         \
  template UtteranceLogits<T> EthreedModel::utterance_logits(                                                    \
      Tape<T>&, const EthreedConfig&, const EthreedParameters<Variable<T>>&, const DialogueBatch&);              \
  template void EthreedModel::write_trace(Context&, ModelState<T>&, const EthreedConfig&, const Split&, Indices, \
                                          std::uint64_t, const std::filesystem::path&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed

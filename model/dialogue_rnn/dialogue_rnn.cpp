#include "model/dialogue_rnn/dialogue_rnn.h"

#include "model/interface/make_model.h"
#include "model/interface/turn_rows.h"

#include <fmt/format.h>

namespace ethreed {

std::vector<std::string> DialogueRnnModel::notes(const DialogueRnnConfig& config) {
  std::vector<std::string> notes;
  if (!config.listener_labels) notes.emplace_back("no listener labels: the classifier learns from posts only");
  if (config.is_bidirectional())
    notes.push_back(
        fmt::format("variant '{}' reads the whole dialogue before it labels a post: its accuracy does not compare "
                    "with that of a model that has not seen what comes next",
                    config.variant()));
  return notes;
}

template <class T>
DialogueRnnPass<T> DialogueRnnModel::forward(Tape<T>& tape, const DialogueRnnConfig& config,
                                             const DialogueRnnParameters<Variable<T>>& parameters,
                                             const DialogueRnnBatch& batch, const PassOptions& options) {
  const DialogueRnnMasks<T> masks = draw_masks<T>(tape.context(), config, batch, options);
  const Variable<T> u = read_utterances(tape, parameters, batch.dialogues);
  DialogueRnnPass<T> pass = label_utterances(tape, config, parameters, batch, u, masks);
  add_losses(tape, config, batch.dialogues, pass);
  return pass;
}

template <class T>
UtteranceLogits<T> DialogueRnnModel::utterance_logits(Tape<T>& tape, const DialogueRnnConfig& config,
                                                      const DialogueRnnParameters<Variable<T>>& parameters,
                                                      const DialogueRnnBatch& batch) {
  const Variable<T> u = read_utterances(tape, parameters, batch.dialogues);
  const DialogueRnnPass<T> pass = label_utterances<T>(tape, config, parameters, batch, u, {});
  return {.rows = rows_of_turns(batch.dialogues),
          .posts = ethreed::on_host(tape.context(), pass.speaker_logits),
          .responses = ethreed::on_host(tape.context(), pass.listener_logits)};
}

ModelKind dialogue_rnn_model() { return kind_of<DialogueRnnModel>(); }

#define ETHREED_INSTANTIATE(T)                                                                        \
  template DialogueRnnPass<T> DialogueRnnModel::forward(Tape<T>&, const DialogueRnnConfig&,           \
                                                        const DialogueRnnParameters<Variable<T>>&,    \
                                                        const DialogueRnnBatch&, const PassOptions&); \
  template UtteranceLogits<T> DialogueRnnModel::utterance_logits(                                     \
      Tape<T>&, const DialogueRnnConfig&, const DialogueRnnParameters<Variable<T>>&, const DialogueRnnBatch&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed

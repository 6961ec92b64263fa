#pragma once
// DialogueRNN as a model of this program (model/interface/model_of.h): an emotion for every utterance, no replies.
// Source: Majumder, Poria, Hazarika, Mihalcea, Gelbukh, Cambria, "DialogueRNN: An Attentive RNN for Emotion Detection
// in Conversations", AAAI 2019. Vectors of utterances are a BiGRU's here, trained with the rest.

#include "model/dialogue_rnn/figures.h"
#include "model/dialogue_rnn/forward.h"
#include "model/interface/model_of.h"

#include <string>
#include <vector>

namespace ethreed {

struct DialogueRnnModel {
  static constexpr std::string_view name = "dialogue_rnn";
  static constexpr std::string_view summary =
      "Majumder et al.: the emotion of every utterance, no replies; bidirectional ones read ahead";
  static constexpr Unit unit = Unit::dialogue;

  using Config = DialogueRnnConfig;
  using Batch = DialogueRnnBatch;
  template <class Handle> using Parameters = DialogueRnnParameters<Handle>;
  using Figures = DialogueRnnFigures;

  static Recipe recipe() { return {}; }  // ETHREED's, so that a difference is one of architecture
  static std::span<const LossColumn> losses(const DialogueRnnConfig& config) {
    return std::span(loss_columns).first(config.listener_labels ? 2 : 1);
  }
  static std::span<const FigureColumn> figures(const DialogueRnnConfig& config) {
    return DialogueRnnFigures::columns(config);
  }
  static Selection selection(const DialogueRnnConfig&) {
    return {.figure = 0, .higher = true, .label = "validation accuracy"};
  }
  static std::string_view utterance_labels(const DialogueRnnConfig&) { return "emotion"; }
  static std::vector<std::string> notes(const DialogueRnnConfig& config);

  template <class Handle, class Visit>
  static void visit_parameters(const DialogueRnnConfig& config, DialogueRnnParameters<Handle>& parameters,
                               Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  static void build(DialogueRnnBatch& batch, const DialogueRnnConfig& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary);
  }
  /// Tokens that are read: none is written.
  static int targets(const DialogueRnnBatch& batch) { return batch.dialogues.encoder_tokens(); }
  template <class T>
  static DialogueRnnPass<T> forward(Tape<T>& tape, const DialogueRnnConfig& config,
                                    const DialogueRnnParameters<Variable<T>>& parameters, const DialogueRnnBatch& batch,
                                    const PassOptions& options);
  template <class T> static DialogueRnnPass<T> on_host(const Context& context, DialogueRnnPass<T> pass) {
    for (Variable<T>* variable : {&pass.speaker_logits, &pass.listener_logits, &pass.nll})
      *variable = ethreed::on_host(context, *variable);
    return pass;
  }
  template <class T>
  static UtteranceLogits<T> utterance_logits(Tape<T>& tape, const DialogueRnnConfig& config,
                                             const DialogueRnnParameters<Variable<T>>& parameters,
                                             const DialogueRnnBatch& batch);

 private:
  static constexpr std::array<LossColumn, 2> loss_columns{
      {{"emotion_speaker", "emotion"}, {"emotion_listener", "listener"}}};
};

}  // namespace ethreed

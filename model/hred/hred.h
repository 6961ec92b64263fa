#pragma once
// HRED, VHRED and Emo-HRED as a model of this program (model/interface/model_of.h).
// HRED: Serban, Sordoni, Bengio, Courville, Pineau, AAAI 2016. VHRED: Serban et al., AAAI 2017. Emo-HRED: Lubis, Sakti,
// Yoshino, Nakamura, AAAI 2018.

#include "model/hred/losses.h"
#include "model/hred/replies.h"
#include "model/interface/model_of.h"

namespace ethreed {

struct HredModel {
  static constexpr std::string_view name = "hred";
  static constexpr std::string_view summary = "Serban et al.: a recurrent context of utterances; VHRED and Emo-HRED";
  static constexpr Unit unit = Unit::dialogue;

  using Config = HredConfig;
  using Batch = HredBatch;
  template <class Handle> using Parameters = HredParameters<Handle>;
  using Figures = HredFigures;
  template <class T> using Replies = HredReplies<T>;
  template <class T> using Conversation = HredConversation<T>;

  static Recipe recipe() { return {}; }  // ETHREED's, so that a difference is one of architecture
  static std::span<const LossColumn> losses(const HredConfig& config) { return hred_losses(config); }
  static std::span<const FigureColumn> figures(const HredConfig& config) { return hred_figures(config); }
  static Selection selection(const HredConfig& config) {
    if (config.has_latent()) return {.figure = 6, .label = "validation PPL bound"};
    return {.figure = 0, .label = "validation PPL"};
  }
  static bool has_latent(const HredConfig& config) { return config.has_latent(); }
  static std::string_view utterance_labels(const HredConfig& config) { return config.has_emotion() ? "emotion" : ""; }
  static std::span<const InsightColumn> insights(const HredConfig& config);
  static std::vector<std::string> notes(const HredConfig& config);

  template <class Handle, class Visit>
  static void visit_parameters(const HredConfig& config, HredParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  static void build(HredBatch& batch, const HredConfig& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary, config.has_post_targets());
  }
  static int targets(const HredBatch& batch) { return batch.dialogues.target_tokens(); }
  template <class T>
  static HredPass<T> forward(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                             const HredBatch& batch, const PassOptions& options) {
    return hred_forward(tape, config, parameters, batch, options);
  }
  template <class T> static HredPass<T> on_host(const Context& context, const HredPass<T>& pass) {
    return hred_on_host(context, pass);
  }
  template <class T>
  static HredReplies<T> replies(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                                const HredBatch& batch, const ReplyOptions& options) {
    return hred_replies(tape, config, parameters, batch, options);
  }
  /// Throws Error unless it is Emo-HRED.
  template <class T>
  static UtteranceLogits<T> utterance_logits(Tape<T>& tape, const HredConfig& config,
                                             const HredParameters<Variable<T>>& parameters, const HredBatch& batch) {
    return hred_utterance_logits(tape, config, parameters, batch);
  }
};

}  // namespace ethreed

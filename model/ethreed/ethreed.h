#pragma once
// ETHREED as a model of this program (model/interface/model_of.h).

#include "core/indices.h"
#include "model/blocks/random_streams.h"
#include "model/ethreed/conversation.h"
#include "model/ethreed/figures.h"
#include "model/ethreed/forward.h"
#include "model/ethreed/replies.h"
#include "model/interface/model_of.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

struct EthreedModel {
  static constexpr std::string_view name = "ethreed";
  static constexpr std::string_view summary =
      "Li et al.: tracks the speaker's emotion, plans the reply's, copies words";
  static constexpr Unit unit = Unit::dialogue;

  using Config = EthreedConfig;
  using Batch = DialogueBatch;
  template <class Handle> using Parameters = EthreedParameters<Handle>;
  using Figures = EthreedFigures;
  template <class T> using Replies = EthreedReplies<T>;
  template <class T> using Conversation = EthreedConversation<T>;

  static std::span<const LossColumn> losses(const EthreedConfig& config) {
    return std::span(loss_columns).first(config.has_situations() ? 7 : config.weights.copy > 0 ? 6 : 5);
  }
  static std::span<const FigureColumn> figures(const EthreedConfig&) { return EthreedFigures::columns; }
  static Selection selection(const EthreedConfig& config);
  static Recipe recipe() { return {}; }  // section 6: the defaults
  static bool reads_situations(const EthreedConfig& config) { return config.has_situations(); }
  static std::span<const NamedRecipe> recipes() { return named_recipes; }
  static bool has_latent(const EthreedConfig& config) { return config.has_policy(); }
  static std::string_view reply_plan(const EthreedConfig& config) { return config.has_policy() ? "emotion" : ""; }
  static std::string_view utterance_labels(const EthreedConfig&) { return "emotion"; }
  static std::span<const InsightColumn> insights(const EthreedConfig& config);
  static std::vector<std::string> notes(const EthreedConfig& config);

  template <class Handle, class Visit>
  static void visit_parameters(const EthreedConfig& config, EthreedParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  static void build(DialogueBatch& batch, const EthreedConfig& config, std::span<const Example> examples,
                    std::optional<TrainingDraw> draw = {}) {
    if (draw && config.mask_words > 0)
      batch.build(examples, config.vocabulary,
                  {.share = config.mask_words,
                   .from = config.mask_words_from,
                   .random = random_stream(draw->seed, Draw::word_mask, static_cast<std::uint64_t>(draw->step))});
    else
      batch.build(examples, config.vocabulary);
  }
  static int targets(const DialogueBatch& batch) { return batch.target_tokens(); }
  template <class T>
  static ForwardPass<T> forward(Tape<T>& tape, const EthreedConfig& config,
                                const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                const PassOptions& options) {
    return forward_pass(tape, config, parameters, batch, draw_noise<T>(tape.context(), config, batch, options));
  }
  template <class T> static ForwardPass<T> on_host(const Context& context, const ForwardPass<T>& pass) {
    return ethreed::on_host(context, pass);
  }
  template <class T>
  static EthreedReplies<T> replies(Tape<T>& tape, const EthreedConfig& config,
                                   const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                   const ReplyOptions& options);
  template <class T>
  static UtteranceLogits<T> utterance_logits(Tape<T>& tape, const EthreedConfig& config,
                                             const EthreedParameters<Variable<T>>& parameters,
                                             const DialogueBatch& batch);
  template <class T>
  static void write_trace(Context& context, ModelState<T>& state, const EthreedConfig& config, const Split& split,
                          Indices dialogues, std::uint64_t seed, const std::filesystem::path& path);

 private:
  static constexpr std::array<NamedRecipe, 1> named_recipes{
      {{.name = "best",
        .summary = "attention pooling, emo and con at the decoder's input, word and con in its output, situations, "
                   "dropout, label smoothing, a slower decay, averaged parameters, the epoch of the best Acc / PPL "
                   "(docs/results.md)",
        .keys = R"({"model": {"pooling": "attention", "emotion_input": true, "content_input": true,
                              "deep_output": true},
                    "training": {"dropout_encoder": 0.2, "dropout_output": 0.1, "weight_situation": 1.0,
                                 "emotion_smoothing": 0.1, "learning_rate_factor": 0.5, "average_updates": 5000,
                                 "selection": "both"}})"}}};
  // In the order of EthreedLoss.
  static constexpr std::array<LossColumn, 7> loss_columns{{{"emotion_speaker", "emotion"},
                                                           {"emotion_listener", "listener"},
                                                           {"policy", "policy"},
                                                           {"generation", "reply"},
                                                           {"coverage", "coverage"},
                                                           {"copy", "copy"},
                                                           {"emotion_situation", "situation"}}};
};

}  // namespace ethreed

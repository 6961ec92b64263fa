#pragma once
// EmpHi as a model of this program (model/interface/model_of.h): replies by one of nine intents each.
// Source: Chen, Li, Yang, "EmpHi: Generating Empathetic Responses with Human-like Intents", NAACL 2022. The intents of
// replies are labels of the data (label column `intent`), where the authors ask a classifier of theirs; or, with the
// key `unlabelled` as classifier, the probabilities that a classifier gave them.

#include "model/emphi/figures.h"
#include "model/emphi/forward.h"
#include "model/emphi/replies.h"
#include "model/interface/model_of.h"

#include <string>
#include <vector>

namespace ethreed {

struct EmphiModel {
  static constexpr std::string_view name = "emphi";
  static constexpr std::string_view summary =
      "Chen et al.: replies by one of nine intents, drawn, with its keywords; wants --label-column intent=FILE";
  static constexpr Unit unit = Unit::dialogue;

  using Config = EmphiConfig;
  using Batch = EmphiBatch;
  template <class Handle> using Parameters = EmphiParameters<Handle>;
  using Figures = EmphiFigures;
  template <class T> using Replies = EmphiReplies<T>;
  template <class T> using Conversation = EmphiConversation<T>;

  /// 8 dialogues are about 16 replies, the paper's batch. It validates five times in a pass, and makes 50 at most.
  static Recipe recipe() {
    Recipe recipe;
    recipe.epochs = 250;
    recipe.epochs_per_pass = 5;
    recipe.batch = 8;
    recipe.learning_rate = 1e-4;
    recipe.learning_rate_factor = 1.0;
    recipe.clip_norm = 1.0;
    recipe.patience = 3;
    return recipe;
  }
  static std::span<const NamedRecipe> recipes() { return named_recipes; }
  static std::span<const LossColumn> losses(const EmphiConfig& config) {
    return std::span(loss_columns).first(config.has_explicit() ? 4 : 3);
  }
  static std::span<const FigureColumn> figures(const EmphiConfig&) { return EmphiFigures::columns; }
  static Selection selection(const EmphiConfig&) {
    return {.figure = EmphiFigures::perplexity_marginal, .label = "validation PPL, marginal"};
  }
  static ReplyLabels reply_labels(const EmphiConfig& config) { return config.reply_labels(); }
  static std::span<const InsightColumn> insights(const EmphiConfig&) { return insight_columns; }
  static std::vector<std::string> notes(const EmphiConfig&) { return {}; }

  template <class Handle, class Visit>
  static void visit_parameters(const EmphiConfig& config, EmphiParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  /// The keywords of every intent.
  static void start_from_data(const EmphiConfig& config, const ParameterLayout& layout, const Dataset& data,
                              float* block);
  static void build(EmphiBatch& batch, const EmphiConfig& config, std::span<const Example> examples) {
    batch.build(config, examples);
  }
  static int targets(const EmphiBatch& batch) { return batch.dialogues.target_tokens(); }
  template <class T>
  static EmphiPass<T> forward(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                              const EmphiBatch& batch, const PassOptions& options) {
    return emphi_forward(tape, config, parameters, batch, options);
  }
  template <class T> static EmphiPass<T> on_host(const Context& context, EmphiPass<T> pass) {
    for (Variable<T>* variable : {&pass.emotion_logits, &pass.intent_logits})
      *variable = ethreed::on_host(context, *variable);
    return pass;
  }
  template <class T>
  static EmphiReplies<T> replies(Tape<T>& tape, const EmphiConfig& config,
                                 const EmphiParameters<Variable<T>>& parameters, const EmphiBatch& batch,
                                 const ReplyOptions& options) {
    return EmphiReplies<T>(tape, config, parameters, batch, options);
  }

 private:
  static constexpr std::array<NamedRecipe, 1> named_recipes{
      {{.name = "released",
        .summary = "the decoder's first states and the clipping of the released code",
        .keys = R"({"model": {"states": "released"}, "training": {"clip_norm": 0.1}})"}}};
  // In the order of EmphiLoss.
  static constexpr std::array<LossColumn, 4> loss_columns{
      {{"generation", "reply"}, {"intent", "intent"}, {"emotion_speaker", "emotion"}, {"copy", "copy"}}};
  static constexpr std::array<InsightColumn, 3> insight_columns{
      {{.key = "tracked_emotion", .label = "emotion of the speaker", .chat = "you seem", .label_set = "emotion"},
       {.key = "reply_intent",
        .label = "intent of the reply",
        .chat = "the reply is",
        .label_set = "",
        .of_reply = true,
        .classes = emphi_intents},
       {.key = "likeliest_intent",
        .label = "likeliest intent",
        .chat = "likeliest would be",
        .label_set = "",
        .classes = emphi_intents}}};
};

}  // namespace ethreed

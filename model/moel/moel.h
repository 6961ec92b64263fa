#pragma once
// MoEL as a model of this program (model/interface/model_of.h). Source: Lin, Madotto, Shin, Xu, Fung, "MoEL: Mixture of
// Empathetic Listeners", EMNLP 2019, and its released code.

#include "model/interface/model_of.h"
#include "model/interface/recorded_conversation.h"
#include "model/moel/figures.h"
#include "model/moel/replies.h"

namespace ethreed {

struct MoelModel {
  static constexpr std::string_view name = "moel";
  static constexpr std::string_view summary =
      "Lin et al.: a transformer with a listener for every emotion, mixed by the emotion that it predicts";
  static constexpr Unit unit = Unit::dialogue;

  using Config = MoelConfig;
  using Batch = ContextBatch;
  template <class Handle> using Parameters = MoelParameters<Handle>;
  template <class T> using Pass = MoelPass<T>;
  using Figures = MoelFigures;
  template <class T> using Replies = MoelReplies<T>;
  template <class T> using Conversation = RecordedConversation<MoelModel, T>;

  static Recipe recipe();
  static std::span<const NamedRecipe> recipes() { return named_recipes; }
  static std::span<const LossColumn> losses(const MoelConfig&) { return loss_columns; }
  static std::span<const FigureColumn> figures(const MoelConfig&) { return MoelFigures::columns; }
  static Selection selection(const MoelConfig&) { return {.figure = 0, .label = "validation PPL"}; }
  static std::span<const InsightColumn> insights(const MoelConfig&) { return insight_columns; }
  static std::vector<std::string> notes(const MoelConfig& config);

  template <class Handle, class Visit>
  static void visit_parameters(const MoelConfig& config, MoelParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  static void build(ContextBatch& batch, const MoelConfig& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary, config.max_context);
  }
  static int targets(const ContextBatch& batch) { return batch.dialogues.target_tokens(); }
  template <class T>
  static MoelPass<T> forward(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& parameters,
                             const ContextBatch& batch, const PassOptions& options) {
    return moel_forward(tape, config, parameters, batch, options);
  }
  template <class T> static MoelPass<T> on_host(const Context& context, const MoelPass<T>& pass) {
    return moel_on_host(context, pass);
  }
  template <class T>
  static MoelReplies<T> replies(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& parameters,
                                const ContextBatch& batch, const ReplyOptions& options) {
    return moel_replies(tape, config, parameters, batch, options);
  }

 private:
  static constexpr std::array<LossColumn, 2> loss_columns{{{"generation", "reply"}, {"emotion_speaker", "emotion"}}};
  static constexpr std::array<InsightColumn, 1> insight_columns{{{.key = "tracked_emotion",
                                                                  .label = "tracked emotion of the speaker",
                                                                  .chat = "you seem",
                                                                  .label_set = "emotion"}}};
  static constexpr std::array<NamedRecipe, 1> named_recipes{
      {{.name = "released",
        .summary = "as the released code: validation every 2,000 steps, the first that counts after 14,000",
        .keys = R"({"training": {"epoch_steps": 2000, "first_best_epoch": 7, "epochs": 50}})"}}};
};

/// Parameters of the released code in these sizes, with the modules in which it computes nothing: a gate to copy, a
/// matrix of emojis [d, 64], and the marks' rows of the output. None of these is made here.
std::int64_t published_parameters(const MoelConfig& config);

}  // namespace ethreed

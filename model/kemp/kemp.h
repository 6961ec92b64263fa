#pragma once
// KEMP as a model of this program (model/interface/model_of.h). Source: Li, Li, Ren, Ren, Chen, "Knowledge Bridging for
// Empathetic Dialogue Generation", AAAI 2022, and its released code. Its knowledge comes from files of the user
// (knowledge.h); without them it is not KEMP, and its variant says so.

#include "model/interface/model_of.h"
#include "model/interface/recorded_conversation.h"
#include "model/kemp/figures.h"
#include "model/kemp/replies.h"

namespace ethreed {

struct KempModel {
  static constexpr std::string_view name = "kemp";
  static constexpr std::string_view summary =
      "Li et al.: a transformer that reads concepts of the words beside them; wants files of knowledge";
  static constexpr Unit unit = Unit::dialogue;

  using Config = KempConfig;
  using Batch = ContextBatch;
  template <class Handle> using Parameters = KempParameters<Handle>;
  template <class T> using Pass = KempPass<T>;
  using Figures = KempFigures;
  template <class T> using Replies = KempReplies<T>;
  template <class T> using Conversation = RecordedConversation<KempModel, T>;

  static Recipe recipe();
  static std::span<const NamedRecipe> recipes() { return named_recipes; }
  static std::span<const LossColumn> losses(const KempConfig& config) {
    return std::span(loss_columns).first(config.has_attention_loss() ? 3 : 2);
  }
  static std::span<const FigureColumn> figures(const KempConfig& config) { return KempFigures::columns_of(config); }
  static Selection selection(const KempConfig&) { return {.figure = 0, .label = "validation PPL"}; }
  static std::span<const InsightColumn> insights(const KempConfig&) { return insight_columns; }
  static std::vector<std::string> notes(const KempConfig& config);
  static bool has_pointer(const KempConfig& config) { return config.copy; }
  static constexpr std::string_view pointer_key = "copy";
  static constexpr std::array<std::string_view, 2> source_marks{"<cls>", "<sep>"};

  template <class Handle, class Visit>
  static void visit_parameters(const KempConfig& config, KempParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  /// The knowledge, from the files that the configuration names.
  static void start_from_data(const KempConfig& config, const ParameterLayout& layout, const Dataset& data,
                              float* block);
  static void build(ContextBatch& batch, const KempConfig& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary, config.max_context);
  }
  static int targets(const ContextBatch& batch) { return batch.dialogues.target_tokens(); }
  template <class T>
  static KempPass<T> forward(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                             const ContextBatch& batch, const PassOptions& options) {
    return kemp_forward(tape, config, parameters, batch, options);
  }
  template <class T> static KempPass<T> on_host(const Context& context, const KempPass<T>& pass) {
    return kemp_on_host(context, pass);
  }
  template <class T>
  static KempReplies<T> replies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                                const ContextBatch& batch, const ReplyOptions& options) {
    return kemp_replies(tape, config, parameters, batch, options);
  }

 private:
  // In the order of KempLoss.
  static constexpr std::array<LossColumn, 3> loss_columns{
      {{"generation", "reply"}, {"emotion_speaker", "emotion"}, {"attention", "attention"}}};
  static constexpr std::array<InsightColumn, 1> insight_columns{{{.key = "tracked_emotion",
                                                                  .label = "tracked emotion of the speaker",
                                                                  .chat = "you seem",
                                                                  .label_set = "emotion"}}};
  static constexpr std::array<NamedRecipe, 2> named_recipes{
      {{.name = "kemp-4",
        .summary = "four layers, with which the published number of parameters is reached; the release says one",
        .keys = R"({"model": {"layers": 4}})"},
       {.name = "released",
        .summary = "as the released code: validation every 2,000 steps, the first that counts after 14,000",
        .keys = R"({"training": {"epoch_steps": 2000, "first_best_epoch": 7, "epochs": 50}})"}}};
};

/// Parameters that are trained: those of the layout without the numbers of the user's files.
std::int64_t trained_parameters(const KempConfig& config);

/// Parameters of the released code in these sizes, with the modules in which it computes nothing: a second output
/// matrix [V, 2d], in every layer matrices [d, 2d] and a scalar beside each attention (of which that of the decoder's
/// attention to the source serves), a key matrix [K, d], and the marks' rows of the output. None of these is made here.
std::int64_t published_parameters(const KempConfig& config);

}  // namespace ethreed

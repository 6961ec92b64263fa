#pragma once
// EmpDG's generator as a model of this program (model/interface/model_of.h). Source: Li, Chen, Ren, Ren, Tu, Chen,
// "EmpDG: Multi-resolution Interactive Empathetic Dialogue Generation", COLING 2020, its released code, and the port of
// it in the code of CEM (Sabour, Zheng, Huang, AAAI 2022), from which most published figures of EmpDG come: the
// generator alone, without its pointer. No gradient flows from the release's discriminators to its generator: there are
// none.

#include "model/empdg/figures.h"
#include "model/empdg/replies.h"
#include "model/interface/model_of.h"
#include "model/interface/recorded_conversation.h"

#include <string>
#include <vector>

namespace ethreed {

struct EmpdgModel {
  static constexpr std::string_view name = "empdg";
  static constexpr std::string_view summary =
      "Li et al.: a transformer with a second encoder, of emotion words (of a list made from the data, or of --variant "
      "lexicon)";
  static constexpr Unit unit = Unit::dialogue;

  using Config = EmpdgConfig;
  using Batch = EmpdgBatch;
  template <class Handle> using Parameters = EmpdgParameters<Handle>;
  template <class T> using Pass = EmpdgPass<T>;
  using Figures = EmpdgFigures;
  template <class T> using Replies = EmpdgReplies<T>;
  template <class T> using Conversation = RecordedConversation<EmpdgModel, T>;

  static Recipe recipe();
  static std::span<const NamedRecipe> recipes() { return named_recipes; }
  static std::span<const LossColumn> losses(const EmpdgConfig&) { return loss_columns; }
  static std::span<const FigureColumn> figures(const EmpdgConfig&) { return EmpdgFigures::columns; }
  static Selection selection(const EmpdgConfig& config) {
    if (config.selection == EmpdgSelection::accuracy)
      return {.figure = EmpdgFigures::speaker_accuracy, .higher = true, .label = "validation Acc"};
    return {.figure = EmpdgFigures::perplexity_token, .label = "validation PPL"};
  }
  static std::span<const InsightColumn> insights(const EmpdgConfig&) { return insight_columns; }
  static std::vector<std::string> notes(const EmpdgConfig& config);
  static bool has_pointer(const EmpdgConfig& config) { return config.copy; }
  static constexpr std::string_view pointer_key = "copy";
  static constexpr std::array<std::string_view, 2> source_marks{"<cls>", "<lab>"};

  template <class Handle, class Visit>
  static void visit_parameters(const EmpdgConfig& config, EmpdgParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  /// Which words are emotion words.
  static void start_from_data(const EmpdgConfig& config, const ParameterLayout& layout, const Dataset& data,
                              float* block);
  static void build(EmpdgBatch& batch, const EmpdgConfig& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary, config.max_context);
  }
  static int targets(const EmpdgBatch& batch) { return batch.replies.dialogues.target_tokens(); }
  template <class T>
  static EmpdgPass<T> forward(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
                              const EmpdgBatch& batch, const PassOptions& options) {
    return empdg_forward(tape, config, parameters, batch, options);
  }
  template <class T> static EmpdgPass<T> on_host(const Context& context, const EmpdgPass<T>& pass) {
    return empdg_on_host(context, pass);
  }
  template <class T>
  static EmpdgReplies<T> replies(Tape<T>& tape, const EmpdgConfig& config,
                                 const EmpdgParameters<Variable<T>>& parameters, const EmpdgBatch& batch,
                                 const ReplyOptions& options) {
    return empdg_replies(tape, config, parameters, batch, options);
  }

 private:
  static constexpr std::array<LossColumn, 2> loss_columns{{{"generation", "reply"}, {"emotion_speaker", "emotion"}}};
  static constexpr std::array<InsightColumn, 1> insight_columns{{{.key = "tracked_emotion",
                                                                  .label = "tracked emotion of the speaker",
                                                                  .chat = "you seem",
                                                                  .label_set = "emotion"}}};
  static constexpr std::array<NamedRecipe, 4> named_recipes{
      {{.name = "port",
        .summary = "as the port of CEM's authors: the emotion's loss is a mean over replies; validation every 2,000 "
                   "steps, the first that counts after 14,000",
        .keys = R"({"training": {"emotion_loss": "mean", "epoch_steps": 2000, "first_best_epoch": 7, "epochs": 50}})"},
       {.name = "copy",
        .summary = "with the pointer that the release has: words of the context may be copied",
        .keys = R"({"model": {"copy": true}})"},
       {.name = "released",
        .summary = "the first stage of the release: the pointer; validation every 2,000 steps, the first that counts "
                   "after 14,000",
        .keys = R"({"model": {"copy": true},
                    "training": {"epoch_steps": 2000, "first_best_epoch": 7, "epochs": 50}})"},
       {.name = "second_stage",
        .summary = "what the second stage of the release does, after the first (--from): five steps on each batch, at "
                   "most 25,000, the best by accuracy",
        .keys = R"({"model": {"copy": true},
                    "training": {"updates_per_batch": 5, "epoch_steps": 1000, "epochs": 25,
                                 "selection": "accuracy"}})"}}};
};

/// Parameters in these sizes with all that computes nothing: of the port in CEM's code, and of the generator of the
/// released code. Both have a second output [V, 2d], a classifier [K, d], a key matrix [K, d], a gate to copy that is
/// off, and the marks' rows of the output; the release has a matrix [d, 2d] and a scalar more in every attention. None
/// of these is made here.
struct EmpdgPublished {
  std::int64_t port = 0, release = 0;
};
EmpdgPublished published_parameters(const EmpdgConfig& config);

}  // namespace ethreed

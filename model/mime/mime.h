#pragma once
// MIME as a model of this program (model/interface/model_of.h). Source: Majumder, Hong, Peng, Lu, Ghosal, Gelbukh,
// Mihalcea, Poria, "MIME: MIMicking Emotions for Empathetic Response Generation", EMNLP 2020, and its released code.

#include "model/interface/model_of.h"
#include "model/interface/recorded_conversation.h"
#include "model/mime/figures.h"
#include "model/mime/replies.h"
#include "model/mime/trace.h"

namespace ethreed {

struct MimeModel {
  static constexpr std::string_view name = "mime";
  static constexpr std::string_view summary =
      "Majumder et al.: a transformer that mimics the speaker's emotion, with latent variables of two groups";
  static constexpr Unit unit = Unit::dialogue;

  using Config = MimeConfig;
  using Batch = ContextBatch;
  template <class Handle> using Parameters = MimeParameters<Handle>;
  template <class T> using Pass = MimePass<T>;
  using Figures = MimeFigures;
  template <class T> using Replies = MimeReplies<T>;
  template <class T> using Conversation = RecordedConversation<MimeModel, T>;

  static Recipe recipe();
  static std::span<const NamedRecipe> recipes() { return named_recipes; }
  static std::span<const LossColumn> losses(const MimeConfig&) { return loss_columns; }
  static std::span<const FigureColumn> figures(const MimeConfig&) { return MimeFigures::columns; }
  static Selection selection(const MimeConfig& config) {
    if (config.selection == MimeSelection::gold_group)
      return {.figure = MimeFigures::perplexity_gold_group, .label = "validation PPL, gold group"};
    return {.figure = MimeFigures::perplexity_token, .label = "validation PPL"};
  }
  static bool has_latent(const MimeConfig&) { return true; }
  static std::span<const InsightColumn> insights(const MimeConfig&) { return insight_columns; }
  static std::vector<std::string> notes(const MimeConfig& config);

  template <class Handle, class Visit>
  static void visit_parameters(const MimeConfig& config, MimeParameters<Handle>& parameters, Visit&& visit) {
    ethreed::visit_parameters(config, parameters, visit);
  }
  static void build(ContextBatch& batch, const MimeConfig& config, std::span<const Example> examples) {
    batch.build(examples, config.vocabulary, config.max_context);
  }
  static int targets(const ContextBatch& batch) { return batch.dialogues.target_tokens(); }
  template <class T>
  static MimePass<T> forward(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& parameters,
                             const ContextBatch& batch, const PassOptions& options) {
    return mime_forward(tape, config, parameters, batch, options);
  }
  template <class T> static MimePass<T> on_host(const Context& context, const MimePass<T>& pass) {
    return mime_on_host(context, pass);
  }
  template <class T>
  static MimeReplies<T> replies(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& parameters,
                                const ContextBatch& batch, const ReplyOptions& options) {
    return mime_replies(tape, config, parameters, batch, options);
  }
  template <class T>
  static void write_trace(Context& context, ModelState<T>& state, const MimeConfig& config, const Split& split,
                          Indices dialogues, std::uint64_t seed, const std::filesystem::path& path) {
    write_mime_trace(context, state, config, split, dialogues, seed, path);
  }

 private:
  static constexpr std::array<LossColumn, 4> loss_columns{{{"generation", "reply"},
                                                           {"divergence_positive", "KL +"},
                                                           {"divergence_negative", "KL −"},
                                                           {"emotion_speaker", "emotion"}}};
  static constexpr std::array<InsightColumn, 1> insight_columns{{{.key = "tracked_emotion",
                                                                  .label = "tracked emotion of the speaker",
                                                                  .chat = "you seem",
                                                                  .label_set = "emotion"}}};
  static constexpr std::array<NamedRecipe, 1> named_recipes{
      {{.name = "released",
        .summary = "as the released code: the negative group's log variance is the positive one's; validation every "
                   "1,000 steps, the first that counts after 11,000, by the perplexity with the gold group",
        .keys = R"({"model": {"shared_log_variance": true},
                    "training": {"epoch_steps": 1000, "first_best_epoch": 11, "epochs": 100,
                                 "selection": "gold_group"}})"}}};
};

/// Parameters of the released code in these sizes, with the modules in which it computes nothing: a key matrix [K, d],
/// a matrix of word emotions, a gate to copy, the posterior's own layers to the emotions, and the marks' rows of the
/// output. None of these is made here.
std::int64_t published_parameters(const MimeConfig& config);

}  // namespace ethreed

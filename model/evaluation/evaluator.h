#pragma once
// Runs a model over a split: teacher forced for the figures, free for the replies.

#include "core/context.h"
#include "model/interface/model.h"
#include "model/interface/split_examples.h"
#include "model/replies/search.h"

#include <functional>
#include <vector>

namespace ethreed {

/// Examples of a batch in evaluation and generation. Fixed: the shape of a product is part of its bits.
inline constexpr int evaluation_batch = 32;

/// Latent variables in evaluation and generation (section 6): a sample with noise fixed by a seed and the turn's place,
/// or their mean.
struct LatentMode {
  bool sample = true;
  std::uint64_t seed = 1;
  bool shuffle_plans = false;  ///< replies are written by another dialogue's plan: what does the decoder make of it?
  int samples = 0;             ///< of importance sampling, for models that have such a figure
};

/// One turn with the model's reply.
struct GeneratedTurn {
  int dialogue = 0;
  int turn = 0;
  Reply reply;
  std::vector<int> insights;  ///< the likeliest class of each of the model's insights()
  /// The probability of every class of each of them.
  std::vector<std::vector<double>> distributions{};
  std::vector<std::int32_t> source{};  ///< what the pointer may copy; see given_source
};

/// softmax of logits, in double.
template <class T> std::vector<double> probabilities(std::span<const T> logits);

/// How replies are written, beside the search.
struct ReplyMode {
  LatentMode latent{};
  int planned_class = -1;  ///< see ReplyOptions
  bool look = false;
};

/// What a classifier of utterances says of one turn.
template <class T> struct LabelledTurn {
  int dialogue = 0;  ///< its number among those given
  int turn = 0;
  std::span<const T> post, response;  ///< logits
};

template <class T> class Evaluator {
 public:
  /// `state` is on the device of the context (DeviceModel); both must outlive the evaluator. The arenas of the context
  /// are reset at every batch.
  Evaluator(Context context, const Model& model, ModelState<T>& state)
      : context_(context), model_(model), state_(state) {}

  /// The model's figures over a split, in the order of figures(). `progress`, if given, is called with the examples
  /// done after every batch and stops the evaluation by returning false (then Error "interrupted" is thrown).
  std::vector<double> evaluate(SplitExamples& examples, const LatentMode& mode,
                               const std::function<bool(int done)>& progress = {});
  /// The terms of the loss in that evaluation: means over its batches.
  LossMeans losses() const { return sums_->losses(); }
  /// What every example added to the figures of that evaluation, in the order of the split.
  std::vector<FigureShares> shares() const { return sums_->shares(); }

  /// Replies to the first `limit` dialogues of a split (all if negative), in order: `consume` is called for every turn
  /// and stops the work by returning false. Throws Error if the model writes no replies.
  void generate(SplitExamples& examples, int limit, const ReplyMode& mode, const DecodeOptions& options,
                const std::function<bool(const GeneratedTurn&)>& consume);
  /// Replies to one batch of dialogues (evaluation_batch of them at most), to every turn or the last, in order.
  /// `GeneratedTurn::dialogue` is the place in the batch. Returns false as soon as `consume` does.
  bool reply(std::span<const Example> batch, Answer answer, const ReplyMode& mode, const DecodeOptions& options,
             const std::function<bool(const GeneratedTurn&)>& consume);

  /// What the model follows through dialogues that come from elsewhere, in order, turn by turn (see
  /// ModelSteps::utterance_logits). Throws Error if it follows nothing.
  void label_utterances(std::span<const Example> dialogues, const std::function<void(const LabelledTurn<T>&)>& consume);

  /// Logits of the classes for every text of a split, in order: `consume` is called for each with its number. Throws
  /// Error if the model labels no texts.
  void label(SplitExamples& examples, const std::function<void(int, std::span<const T>)>& consume);
  /// The same for texts that come from elsewhere.
  void label(std::span<const Example> texts, const std::function<void(int, std::span<const T>)>& consume);

 private:
  Context context_;
  const Model& model_;
  ModelState<T>& state_;
  std::unique_ptr<ModelBatch> batch_;  // of reply(), whose memory is used again
  std::unique_ptr<FigureSums> sums_;   // of evaluate()
};

}  // namespace ethreed

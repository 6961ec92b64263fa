#pragma once
// What the rest of the program may ask of a model. Training, evaluation, replies and tools know this page only; a
// model's own code has no virtual function (see model_of.h).

#include "autograd/tape.h"
#include "core/indices.h"
#include "model/blocks/example.h"
#include "model/blocks/figure_shares.h"
#include "model/blocks/parameters.h"
#include "model/interface/data_description.h"
#include "model/interface/model_state.h"
#include "model/interface/recipe.h"
#include "model/interface/reply_session.h"
#include "model/interface/text_task.h"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

class Dataset;
class Split;

/// A term of the loss: its name in log and checkpoint, and what a line of progress calls it.
struct LossColumn {
  std::string_view name;
  std::string_view label;
};
inline constexpr std::size_t max_loss_terms = 8;

/// Which of two runs of a model is the better one by a figure: that with more, with less, or neither.
enum class Better { neither, higher, lower };

/// A figure of evaluation.
struct FigureColumn {
  std::string_view name;   ///< in log, checkpoint and JSON
  std::string_view label;  ///< in a line of progress; empty: not shown there
  int decimals = 4;        ///< of that line
  bool logged = false;     ///< kept with the checkpoint and written to the log after every validation
  bool count = false;      ///< a whole number
  bool sampled = false;    ///< by importance sampling: absent without PassOptions::latent_samples
  bool at_mean = false;    ///< another one at the mean of the latent variables: evaluate prints both
  Better better = Better::neither;
};

/// Which checkpoint is the best: by a figure, or by its quotient with another; the lower or the higher. Both figures
/// are logged ones.
struct Selection {
  int figure = 0;
  int divisor = -1;  ///< the figure that it is divided by; −1: by none
  bool higher = false;
  std::string_view label;  ///< "validation PPL"
};

/// What a pass is for.
enum class Purpose {
  train,     ///< dropout on, latent variables drawn by (seed, step)
  validate,  ///< dropout off, latent variables drawn by (seed, place) or their mean
};

struct PassOptions {
  Purpose purpose = Purpose::train;
  std::uint64_t seed = 1;
  std::int64_t step = 0;       ///< of training, from 0
  bool sample_latent = true;   ///< false: the mean of what is drawn otherwise
  bool shuffle_plans = false;  ///< every reply is written by another dialogue's plan (Model::reply_plan) of the batch
  int latent_samples = 0;      ///< in validation: estimates by importance sampling with so many draws; 0: none
};

/// Scalars side by side in `all`, which one copy brings to the host: the terms that are there, in the order of the
/// model's losses(), then the total. `term[k]` is unset where this batch has no such term.
template <class T> struct StepLosses {
  std::array<Variable<T>, max_loss_terms> term;
  Variable<T> total;
  Variable<T> all;
};

/// Which step of training a batch is made for: what is drawn while a batch is laid out is a function of it.
struct TrainingDraw {
  std::uint64_t seed = 1;
  std::int64_t step = 0;
};

/// The index arrays of a batch of examples, as a model wants them. Filled again for every batch; keeps its memory.
class ModelBatch {
 public:
  virtual ~ModelBatch() = default;
  /// `draw` is given for a step of training. Throws Error if an example is not what the model learns from.
  virtual void build(std::span<const Example> examples, std::optional<TrainingDraw> draw = {}) = 0;
  /// Every array that kernels read, to be staged together. Valid until the next build.
  virtual std::span<const std::span<const std::byte>> arrays() const = 0;
  /// What the speed of training is counted in: target tokens, or texts.
  virtual int targets() const = 0;
};

/// Means of the terms of the loss over batches, in the order of the model's losses(): NaN where no batch had the term,
/// infinite where one was not finite.
struct LossMeans {
  std::array<double, max_loss_terms> term{};
  double total = 0;
};

/// Figures over the batches of a split; sums are taken in the order of the batches, in double.
class FigureSums {
 public:
  virtual ~FigureSums() = default;
  /// One value for each of the model's figures(): NaN for one that does not exist (an accuracy without a label),
  /// infinite for one that is not finite. Throws Error if no batch was added.
  virtual std::vector<double> result() const = 0;
  /// What every example added to those of the figures that are ratios of sums.
  virtual std::vector<FigureShares> shares() const { return {}; }

  /// The losses of one batch, on the host: `values` is StepLosses::all.
  template <class T> void add_losses(const StepLosses<T>& losses, const T* values) {
    const auto value = [&](const Variable<T>& term) {
      return static_cast<double>(values[term.data() - losses.all.data()]);
    };
    for (std::size_t k = 0; k < max_loss_terms; ++k)
      if (losses.term[k]) terms_[k].add(value(losses.term[k]));
    total_.add(value(losses.total));
  }
  LossMeans losses() const {
    LossMeans means{.term = {}, .total = total_.mean()};
    for (std::size_t k = 0; k < max_loss_terms; ++k) means.term[k] = terms_[k].mean();
    return means;
  }

 private:
  struct Sum {
    double sum = 0;
    std::int64_t count = 0;
    void add(double x) {
      sum += x;
      ++count;
    }
    double mean() const {
      if (count == 0) return std::numeric_limits<double>::quiet_NaN();
      return std::isfinite(sum) ? sum / static_cast<double>(count) : std::numeric_limits<double>::infinity();
    }
  };
  std::array<Sum, max_loss_terms> terms_;
  Sum total_;
};

/// The steps of a model in one type of numbers.
template <class T> class ModelSteps {
 public:
  virtual ~ModelSteps() = default;
  /// One pass over a batch, up to the losses.
  virtual StepLosses<T> forward(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch,
                                const PassOptions& options) const = 0;
  /// The same, added up for the figures. Waits for the device.
  virtual void measure(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch,
                       const PassOptions& options, FigureSums& sums) const = 0;
  /// Replies to the turns of a batch. Throws Error if the model writes none.
  virtual std::unique_ptr<ReplySession<T>> replies(Tape<T>& tape, ParameterHandles<T> parameters,
                                                   const ModelBatch& batch, const ReplyOptions& options) const = 0;
  /// A conversation with nothing said yet. Throws Error if the model writes no replies.
  virtual std::unique_ptr<Conversation<T>> converse() const = 0;
  /// Logits for every utterance of a batch of dialogues. Throws Error if the model follows no labels through a
  /// dialogue.
  virtual UtteranceLogits<T> utterance_logits(Tape<T>& tape, ParameterHandles<T> parameters,
                                              const ModelBatch& batch) const = 0;
  /// Logits of the classes for every text of the batch, in the order given, on the host. Throws Error if the model
  /// labels no texts.
  virtual Variable<T> label_logits(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch) const = 0;
  /// Forward and backward of these examples (indices into the split), without dropout and with the latent noise of
  /// `seed`, in a file that any other program can recompute: the interchange format's trace. `state` is on the host;
  /// the gradients stay in it. Throws Error if the model has no trace, a value is not finite or the file cannot be
  /// written.
  virtual void write_trace(Context& context, ModelState<T>& state, const Split& split, Indices examples,
                           std::uint64_t seed, const std::filesystem::path& path) const = 0;
};

/// A configured model: everything but its parameters' values.
class Model {
 public:
  virtual ~Model() = default;

  virtual std::string_view name() const = 0;
  /// Keys of the sections `model` and `training` of a configuration file (the recipe's own left out).
  virtual nlohmann::json model_config() const = 0;
  virtual nlohmann::json training_config() const = 0;
  /// The variant of the model (an ablation, say) by its name.
  virtual std::string_view variant() const = 0;
  virtual int vocabulary() const = 0;  ///< V
  virtual const ParameterLayout& layout() const = 0;
  /// Parameters that start as numbers of the data set (Initialisation::from_data): fills them into the block.
  virtual void start_from_data(const Dataset& data, float* block) const = 0;

  virtual std::span<const LossColumn> losses() const = 0;
  virtual std::span<const FigureColumn> figures() const = 0;
  virtual Selection selection() const = 0;
  virtual Unit unit() const = 0;
  /// Of a model of texts: the label set that it learns, and where its texts come from.
  virtual std::string_view label_set() const = 0;
  virtual TextSource text_source() const = 0;
  /// Of a model of dialogues: does it learn from the situations, too.
  virtual bool reads_situations() const = 0;
  /// Of a model of dialogues: the labels that every turn brings (TurnInput::reply_class and reply_distribution).
  virtual ReplyLabels reply_labels() const = 0;
  /// Are there latent variables: figures at their mean mean something.
  virtual bool has_latent() const = 0;
  virtual std::span<const InsightColumn> insights() const = 0;
  virtual bool writes_replies() const = 0;
  /// Do its replies come with where it looked (ReplySession::look).
  virtual bool has_pointer() const = 0;
  /// The key of `model` by which one that has no pointer would have one; empty if none does.
  virtual std::string_view pointer_key() const = 0;
  /// Names of what stands in a pointer's source and is no word (ReplySession::source).
  virtual std::span<const std::string_view> source_marks() const = 0;
  /// The label set of which a reply can be given a class (ReplyOptions::planned_class); empty: it plans none.
  virtual std::string_view reply_plan() const = 0;
  /// The label set that it follows through a dialogue (utterance_logits); empty: none.
  virtual std::string_view utterance_labels() const = 0;
  /// Lines that a person should read before training (a term that is off for want of labels, say).
  virtual std::vector<std::string> notes() const = 0;

  virtual std::unique_ptr<ModelBatch> new_batch() const = 0;
  virtual std::unique_ptr<FigureSums> new_figures() const = 0;
  template <class T> const ModelSteps<T>& steps() const;

 private:
  virtual const ModelSteps<float>& float_steps() const = 0;
  virtual const ModelSteps<double>& double_steps() const = 0;
};

template <> inline const ModelSteps<float>& Model::steps<float>() const { return float_steps(); }
template <> inline const ModelSteps<double>& Model::steps<double>() const { return double_steps(); }

}  // namespace ethreed

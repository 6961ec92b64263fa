#pragma once
// The only adapter between a model's plain functions and the interface: types are erased here, once a step, and here is
// the only cast.
//
// A model M is a struct without state that names its types and functions (docs/adding-a-model.md):
//   name, summary, unit               what it is called, one line on what it is, what one example is
//   Config                            plain struct: model_fields(), training_fields(), check(), check_data(),
//   take_data(),
//                                     variant_names, variant()
//   Batch, targets(batch)             plain struct: arrays(); what the speed of training counts
//   Parameters<Handle>, Pass<T>       named handles; what a pass leaves, `losses` among it
//   Figures                           add(batch, pass on the host), result(); shares(), if it can say them
//   recipe(), losses(config), figures(config), selection(config), notes(config)
//   visit_parameters(config, named, visit), build(batch, config, examples), forward(tape, config, named, batch,
//   options), on_host(context, pass)
// and, if it has them: build with a TrainingDraw as fourth argument; insights, Replies<T>, replies(…), Conversation<T>;
// recipes(), named ones beside its paper's; label_set(config), text_source(config), label_logits(…);
// reads_situations(config); reply_labels(config); has_latent(config); reply_plan(config); utterance_labels(config),
// utterance_logits(…); start_from_data(…); write_trace(…). Replies with a pointer have source(row) and look(k); where
// marks stand in the source, source_marks; where the pointer is an option, has_pointer(config) and pointer_key.

#include "core/error.h"
#include "core/indices.h"
#include "model/interface/model.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace ethreed {

template <class M> class BatchOf final : public ModelBatch {
 public:
  explicit BatchOf(const typename M::Config& config) : config_(config) {}
  void build(std::span<const Example> examples, std::optional<TrainingDraw> draw) override {
    if constexpr (requires { M::build(value, config_, examples, draw); })
      M::build(value, config_, examples, draw);
    else
      M::build(value, config_, examples);
    arrays_ = value.arrays();
  }
  std::span<const std::span<const std::byte>> arrays() const override { return arrays_; }
  int targets() const override { return M::targets(value); }

  typename M::Batch value;

 private:
  const typename M::Config& config_;
  decltype(std::declval<const typename M::Batch&>().arrays()) arrays_{};
};

template <class M> class FiguresOf final : public FigureSums {
 public:
  explicit FiguresOf(const typename M::Config& config) : value(config) {}
  std::vector<double> result() const override { return value.result(); }
  std::vector<FigureShares> shares() const override {
    if constexpr (requires { value.shares(); })
      return value.shares();
    else
      return {};
  }
  typename M::Figures value;
};

template <class M, class T> class SessionOf final : public ReplySession<T> {
 public:
  explicit SessionOf(typename M::template Replies<T> replies) : replies_(std::move(replies)) {}
  int rows() const override { return replies_.rows(); }
  ReplyRow row(int r) const override { return replies_.row(r); }
  NextWords<T> advance(Indices parents, Indices words) override { return replies_.advance(parents, words); }
  std::int32_t word_id(int row, std::int32_t word) const override { return replies_.word_id(row, word); }
  std::span<const T> insight(int row, int i) const override { return replies_.insight(row, i); }
  std::span<const std::int32_t> source(int row) const override {
    if constexpr (requires { replies_.source(row); })
      return replies_.source(row);
    else
      return {};
  }
  PointerLook<T> look(int k) const override {
    if constexpr (requires { replies_.look(k); })
      return replies_.look(k);
    else
      return {};
  }

 private:
  typename M::template Replies<T> replies_;
};

/// The parameters of M by their roles.
template <class M, class T>
typename M::template Parameters<Variable<T>> named_parameters(const typename M::Config& config,
                                                              ParameterHandles<T> handles) {
  typename M::template Parameters<Variable<T>> named;
  std::size_t next = 0;
  M::visit_parameters(config, named,
                      [&](std::string_view, std::string_view, const Shape&, const InitialValues&, Variable<T>& handle) {
                        handle = handles[next++];
                      });
  return named;
}

/// The parameters that a configuration of M has.
template <class M> ParameterLayout layout_of(const typename M::Config& config) {
  ParameterLayout layout;
  typename M::template Parameters<char> named;
  M::visit_parameters(
      config, named,
      [&](std::string_view prefix, std::string_view suffix, const Shape& shape, const InitialValues& start, char&) {
        layout.add(std::string(prefix).append(suffix), shape, start);
      });
  return layout;
}

template <class M, class T> class ConversationOf final : public Conversation<T> {
 public:
  explicit ConversationOf(const typename M::Config& config) : config_(config) {}
  std::unique_ptr<ReplySession<T>> read(Tape<T>& tape, ParameterHandles<T> parameters, Indices reply, Indices post,
                                        std::int64_t place, const ReplyOptions& options) override {
    return std::make_unique<SessionOf<M, T>>(
        conversation_.read(tape, config_, named_parameters<M>(config_, parameters), reply, post, place, options));
  }

 private:
  const typename M::Config& config_;
  typename M::template Conversation<T> conversation_;
};

template <class M, class T> class StepsOf final : public ModelSteps<T> {
 public:
  explicit StepsOf(const typename M::Config& config) : config_(config) {}

  StepLosses<T> forward(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch,
                        const PassOptions& options) const override {
    return M::forward(tape, config_, named(parameters), value(batch), options).losses;
  }
  void measure(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch, const PassOptions& options,
               FigureSums& sums) const override {
    auto passed = M::forward(tape, config_, named(parameters), value(batch), options);
    const Variable<T> all = passed.losses.all;
    sums.add_losses(passed.losses, tape.context().to_host(all.data(), all.value().count()));
    auto pass = M::on_host(tape.context(), std::move(passed));
    static_cast<FiguresOf<M>&>(sums).value.add(value(batch), pass);
  }
  std::unique_ptr<ReplySession<T>> replies(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch,
                                           const ReplyOptions& options) const override {
    if constexpr (requires { typename M::template Replies<T>; })
      return std::make_unique<SessionOf<M, T>>(M::replies(tape, config_, named(parameters), value(batch), options));
    else
      fail_without("writes no replies");
  }
  std::unique_ptr<Conversation<T>> converse() const override {
    if constexpr (requires { typename M::template Conversation<T>; })
      return std::make_unique<ConversationOf<M, T>>(config_);
    else
      fail_without("writes no replies");
  }
  UtteranceLogits<T> utterance_logits(Tape<T>& tape, ParameterHandles<T> parameters,
                                      const ModelBatch& batch) const override {
    if constexpr (requires { M::utterance_logits(tape, config_, named(parameters), value(batch)); })
      return M::utterance_logits(tape, config_, named(parameters), value(batch));
    else
      fail_without("follows no labels through a dialogue");
  }
  Variable<T> label_logits(Tape<T>& tape, ParameterHandles<T> parameters, const ModelBatch& batch) const override {
    if constexpr (requires { M::label_logits(tape, config_, named(parameters), value(batch)); })
      return on_host(tape.context(), M::label_logits(tape, config_, named(parameters), value(batch)));
    else
      fail_without("labels no texts");
  }
  void write_trace(Context& context, ModelState<T>& state, const Split& split, Indices examples, std::uint64_t seed,
                   const std::filesystem::path& path) const override {
    if constexpr (requires { M::write_trace(context, state, config_, split, examples, seed, path); })
      M::write_trace(context, state, config_, split, examples, seed, path);
    else
      fail_without("has no trace");
  }

 private:
  [[noreturn]] static void fail_without(std::string_view what) {
    fail("model '{}' {}; give a run of a model that does", M::name, what);
  }
  auto named(ParameterHandles<T> parameters) const { return named_parameters<M>(config_, parameters); }
  static const typename M::Batch& value(const ModelBatch& batch) {
    return static_cast<const BatchOf<M>&>(batch).value;  // a model is given the batches that it made
  }

  const typename M::Config& config_;
};

template <class M> class ModelOf final : public Model {
 public:
  using Config = typename M::Config;

  /// Throws Error if the configuration is not valid.
  explicit ModelOf(const Config& config)
      : config_(config), layout_(checked_layout(config)), float_(config_), double_(config_) {}
  ModelOf(const ModelOf&) = delete;
  ModelOf& operator=(const ModelOf&) = delete;

  std::string_view name() const override { return M::name; }
  nlohmann::json model_config() const override {
    Config copy = config_;
    return fields_to_json(copy.model_fields());
  }
  nlohmann::json training_config() const override {
    Config copy = config_;
    return fields_to_json(copy.training_fields());
  }
  std::string_view variant() const override { return config_.variant(); }
  int vocabulary() const override { return config_.vocabulary; }
  const ParameterLayout& layout() const override { return layout_; }
  void start_from_data(const Dataset& data, float* block) const override {
    if constexpr (requires { M::start_from_data(config_, layout_, data, block); })
      M::start_from_data(config_, layout_, data, block);
  }
  std::span<const LossColumn> losses() const override { return M::losses(config_); }
  std::span<const FigureColumn> figures() const override { return M::figures(config_); }
  Selection selection() const override { return M::selection(config_); }
  Unit unit() const override { return M::unit; }
  std::string_view label_set() const override {
    if constexpr (requires { M::label_set(config_); })
      return M::label_set(config_);
    else
      return {};
  }
  TextSource text_source() const override {
    if constexpr (requires { M::text_source(config_); })
      return M::text_source(config_);
    else
      return {};
  }
  bool reads_situations() const override {
    if constexpr (requires { M::reads_situations(config_); })
      return M::reads_situations(config_);
    else
      return false;
  }
  ReplyLabels reply_labels() const override {
    if constexpr (requires { M::reply_labels(config_); })
      return M::reply_labels(config_);
    else
      return {};
  }
  bool has_latent() const override {
    if constexpr (requires { M::has_latent(config_); })
      return M::has_latent(config_);
    else
      return false;
  }
  std::span<const InsightColumn> insights() const override {
    if constexpr (requires { M::insights(config_); })
      return M::insights(config_);
    else
      return {};
  }
  bool writes_replies() const override {
    return requires { typename M::template Replies<float>; };
  }
  bool has_pointer() const override {
    if constexpr (requires { M::has_pointer(config_); })
      return M::has_pointer(config_);
    else if constexpr (requires { typename M::template Replies<float>; })
      return requires(const typename M::template Replies<float>& replies) { replies.look(0); };
    else
      return false;
  }
  std::string_view pointer_key() const override {
    if constexpr (requires { M::pointer_key; })
      return has_pointer() ? std::string_view{} : M::pointer_key;
    else
      return {};
  }
  std::span<const std::string_view> source_marks() const override {
    if constexpr (requires { M::source_marks; })
      return M::source_marks;
    else
      return {};
  }
  std::string_view reply_plan() const override {
    if constexpr (requires { M::reply_plan(config_); })
      return M::reply_plan(config_);
    else
      return {};
  }
  std::string_view utterance_labels() const override {
    if constexpr (requires { M::utterance_labels(config_); })
      return M::utterance_labels(config_);
    else
      return {};
  }
  std::vector<std::string> notes() const override { return M::notes(config_); }
  std::unique_ptr<ModelBatch> new_batch() const override { return std::make_unique<BatchOf<M>>(config_); }
  std::unique_ptr<FigureSums> new_figures() const override { return std::make_unique<FiguresOf<M>>(config_); }

  const Config& config() const { return config_; }

 private:
  static ParameterLayout checked_layout(const Config& config) {
    config.check();
    return layout_of<M>(config);
  }
  const ModelSteps<float>& float_steps() const override { return float_; }
  const ModelSteps<double>& double_steps() const override { return double_; }

  Config config_;
  ParameterLayout layout_;
  StepsOf<M, float> float_;
  StepsOf<M, double> double_;
};

}  // namespace ethreed

#include "model/ethreed/trace.h"

#include "core/safetensors.h"
#include "kernels/dropout_mask/dropout_mask.h"
#include "model/blocks/random_streams.h"
#include "model/ethreed/ethreed.h"
#include "model/interface/device_model.h"
#include "model/interface/split_examples.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace ethreed {

namespace {

// Collects tensors of a trace: owns what it converts, borrows the rest.
template <class T> class TraceWriter {
 public:
  TraceWriter(const DialogueBatch& batch, int turns, int length) : batch_(batch), turns_(turns), length_(length) {}

  void add(std::string name, View<const T> values) {
    for (std::int64_t i = 0; i < values.count(); ++i)
      ETHREED_CHECK(std::isfinite(values[i]), "trace: {} is {} at {}", name, static_cast<double>(values[i]), i);
    writer_.add(std::move(name), values);
  }

  // A scalar; 0 for a term that the configuration does not have.
  void add_scalar(std::string name, const Variable<T>& value) {
    Tensor<T>& tensor = floats_.emplace_back(Shape{});
    if (value) tensor[0] = value.data()[0];
    add(std::move(name), std::as_const(tensor).view());
  }

  // [N, columns] by turn row → [B, T, columns].
  void add_turns(std::string name, const T* values, int columns) {
    Tensor<T>& tensor = floats_.emplace_back(Shape{batch_.dialogues(), turns_, columns});
    for (int i = 0; i < batch_.turns(); ++i)
      std::copy_n(values + std::int64_t{i} * columns, columns, tensor.data() + place(i) * columns);
    add(std::move(name), std::as_const(tensor).view());
  }
  void add_turns(std::string name, const Variable<T>& values) {
    add_turns(std::move(name), values.data(), values.columns());
  }

  // Target tokens → [B, T, L], through `map`.
  template <class Map> void add_targets(std::string name, const T* values, Map map) {
    Tensor<T>& tensor = floats_.emplace_back(Shape{batch_.dialogues(), turns_, length_});
    for_each_target([&](std::int64_t turn, int i, int token, int) { tensor[turn * length_ + i] = map(values[token]); });
    add(std::move(name), std::as_const(tensor).view());
  }

  // γ → [B, T, L, L].
  void add_attention(std::string name, const T* weights) {
    Tensor<T>& tensor = floats_.emplace_back(Shape{batch_.dialogues(), turns_, length_, length_});
    const RowLayout rows = batch_.rows();
    for_each_target([&](std::int64_t turn, int i, int, int r) {
      const int count = rows.source_count(r);
      std::copy_n(weights + rows.weight(r) + std::int64_t{i} * count, count,
                  tensor.data() + (turn * length_ + i) * length_);
    });
    add(std::move(name), std::as_const(tensor).view());
  }

  // Integers: fill(tensor) writes [B] or [B, T] or [B, T, L], 0 elsewhere.
  template <class Fill> void add_integers(std::string name, Shape shape, Fill fill) {
    Tensor<std::int64_t>& tensor = integers_.emplace_back(shape);
    for (int i = 0; i < batch_.turns(); ++i) fill(tensor, i, place(i));
    writer_.add(std::move(name), std::as_const(tensor).view());
  }

  SafetensorsWriter& writer() { return writer_; }
  Shape tokens_shape() const { return {batch_.dialogues(), turns_, length_}; }
  Shape turns_shape() const { return {batch_.dialogues(), turns_}; }
  int length() const { return length_; }

 private:
  // Where turn row i stands among [B, T].
  std::int64_t place(int i) const { return std::int64_t{batch_.turn_dialogue[i]} * turns_ + batch_.turn_time[i]; }
  // visit(place in [B, T], step i, target token, decoder row)
  template <class Visit> void for_each_target(Visit visit) const {
    const RowLayout rows = batch_.rows();
    for (int r = 0; r < rows.rows(); ++r)
      for (int i = 0; i < rows.target_count(r); ++i) visit(place(batch_.turn_of_row[r]), i, rows.target(r) + i, r);
  }

  const DialogueBatch& batch_;
  int turns_, length_;
  SafetensorsWriter writer_;
  std::deque<Tensor<T>> floats_;
  std::deque<Tensor<std::int64_t>> integers_;
};

template <class T>
void add_inputs(TraceWriter<T>& trace, const DialogueBatch& batch, const Split& split, Indices dialogues,
                std::int32_t vocabulary) {
  using Integers = Tensor<std::int64_t>;
  const RowLayout rows = batch.rows();
  const int length = trace.length();
  const auto dialogue = [&](int i) { return dialogues[batch.turn_dialogue[i]]; };
  const auto time = [&](int i) { return batch.turn_time[i]; };
  const auto row = [&](int i) { return batch.row_of_turn[i]; };
  const auto copy = [&](Integers& out, std::int64_t place, Indices ids, bool as_unknown) {
    for (int j = 0; j < ids.size(); ++j) out[place * length + j] = as_unknown && ids[j] >= vocabulary ? unk_id : ids[j];
  };
  const auto part = [](const std::vector<std::int32_t>& ids, int begin, int end) {
    return Indices(ids).subspan(begin, end - begin);
  };
  trace.add_integers("batch.turns", {batch.dialogues()},
                     [&](Integers& out, int i, std::int64_t) { ++out[batch.turn_dialogue[i]]; });
  trace.add_integers("batch.post", trace.tokens_shape(), [&](Integers& out, int i, std::int64_t place) {
    copy(out, place, split.post(dialogue(i), time(i)), true);
  });
  trace.add_integers("batch.post_length", trace.turns_shape(), [&](Integers& out, int i, std::int64_t place) {
    out[place] = static_cast<std::int64_t>(split.post(dialogue(i), time(i)).size());
  });
  trace.add_integers("batch.response", trace.tokens_shape(), [&](Integers& out, int i, std::int64_t place) {
    copy(out, place, split.response(dialogue(i), time(i)), true);
  });
  trace.add_integers("batch.response_length", trace.turns_shape(), [&](Integers& out, int i, std::int64_t place) {
    out[place] = static_cast<std::int64_t>(split.response(dialogue(i), time(i)).size());
  });
  trace.add_integers("batch.post_extended", trace.tokens_shape(), [&](Integers& out, int i, std::int64_t place) {
    copy(out, place, part(batch.source_ids, rows.source(row(i)), rows.source(row(i) + 1)), false);
  });
  trace.add_integers("batch.target", trace.tokens_shape(), [&](Integers& out, int i, std::int64_t place) {
    copy(out, place, part(batch.targets, rows.target(row(i)), rows.target(row(i) + 1)), false);
  });
  trace.add_integers("batch.emotion_post", trace.turns_shape(),
                     [&](Integers& out, int i, std::int64_t place) { out[place] = batch.emotion[i]; });
  trace.add_integers("batch.emotion_response", trace.turns_shape(),
                     [&](Integers& out, int i, std::int64_t place) { out[place] = batch.listener_label[i]; });
}

template <class T>
void add_outputs(TraceWriter<T>& trace, Context& context, const ForwardPass<T>& pass, const DialogueBatch& batch) {
  // Rows of P out of rows of the chain.
  const auto add_posts = [&](std::string name, const Variable<T>& chain) {
    const int columns = chain.columns();
    T* posts = context.arena.allocate<T>(std::int64_t{batch.turns()} * columns);
    for (int i = 0; i < batch.turns(); ++i)
      std::copy_n(chain.value().row(batch.post_chain[i]), columns, posts + std::int64_t{i} * columns);
    trace.add_turns(std::move(name), posts, columns);
  };
  add_posts("encoder.post_summary", pass.state.utterances.summary);
  const TrackedEmotions<T>& tracked = pass.state.tracked;
  trace.add_turns("tracker.global_post", tracked.global_post);
  if (tracked.party) add_posts("tracker.party_post", tracked.party);
  trace.add_turns("tracker.emotion_post", tracked.emotion_post);
  trace.add_turns("tracker.emotion_response", tracked.emotion_response);
  trace.add_turns("tracker.content", tracked.content);
  if (pass.state.policy.mean) {
    trace.add_turns("policy.mean", pass.state.policy.mean);
    trace.add_turns("policy.log_variance", pass.state.policy.log_variance);
  }
  trace.add_targets("decoder.log_probability", pass.log_probability.data(), [](T x) { return x; });
  trace.add_attention("decoder.attention", pass.decoded.attention.data());
  trace.add_targets("decoder.generation_gate", pass.decoded.gate_logit.data(),
                    [](T x) { return T{1} / (T{1} + std::exp(-x)); });
  trace.add_scalar("loss.emotion_speaker", pass.losses.term[loss_emotion_speaker]);
  trace.add_scalar("loss.emotion_listener", pass.losses.term[loss_emotion_listener]);
  trace.add_scalar("loss.policy", pass.losses.term[loss_policy]);
  trace.add_scalar("loss.generation", pass.losses.term[loss_generation]);
  trace.add_scalar("loss.coverage", pass.losses.term[loss_coverage]);
  trace.add_scalar("loss.total", pass.losses.total);
}

}  // namespace

template <class T>
void write_trace(Context& context, ModelState<T>& state, const EthreedConfig& config, const Split& split,
                 Indices dialogues, std::uint64_t seed, const std::filesystem::path& path) {
  SplitExamples examples(split, {});
  DialogueBatch batch;
  batch.build(examples.make(dialogues), config.vocabulary);
  DeviceModel<T> device(context, state);
  context.begin_step();
  context.stage(batch.arrays());
  Tape<T> tape(context);
  const ParameterHandles<T> handles = device.model().bind(tape);
  const std::int64_t noise_count = std::int64_t{batch.turns()} * config.emotion_state;
  T* noise = context.values.allocate<T>(noise_count);
  fill_normal(
      context,
      FillNormal<T>{.count = noise_count, .random = random_stream(seed, Draw::latent_training, 0), .out = noise});
  ForwardPass<T> pass =
      forward_pass(tape, config, named_parameters<EthreedModel>(config, handles), batch, StepNoise<T>{.policy = noise});
  tape.backward(pass.losses.total);
  zero_untouched_gradients(context, state.layout, handles);
  device.gradients_to_host();
  pass = on_host(context, std::move(pass));

  const int length = batch.encoder_packing().steps();
  TraceWriter<T> trace(batch, batch.turn_packing().steps(), length);
  for (const auto& entry : state.layout.entries())
    trace.add("param." + entry.name, View<const T>(state.values.data() + entry.offset, entry.shape));
  add_inputs(trace, batch, split, dialogues, config.vocabulary);
  trace.add_turns("policy.noise", context.to_host(noise, noise_count), config.emotion_state);
  add_outputs(trace, context, pass, batch);
  for (const auto& entry : state.layout.entries())
    trace.add("grad." + entry.name, View<const T>(state.gradients.data() + entry.offset, entry.shape));
  trace.writer().add_metadata("format", "ethreed trace 1");
  trace.writer().add_metadata("ablation", std::string(config.variant()));
  trace.writer().add_metadata("listener", config.listener_labels ? "true" : "false");
  trace.writer().write(path);
}

template void write_trace(Context&, ModelState<float>&, const EthreedConfig&, const Split&, Indices, std::uint64_t,
                          const std::filesystem::path&);
template void write_trace(Context&, ModelState<double>&, const EthreedConfig&, const Split&, Indices, std::uint64_t,
                          const std::filesystem::path&);

}  // namespace ethreed

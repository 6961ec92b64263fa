#include "model/mime/trace.h"

#include "core/safetensors.h"
#include "model/interface/device_model.h"
#include "model/interface/split_examples.h"
#include "model/mime/mime.h"
#include "model/mime/noise.h"

#include <cmath>
#include <deque>

namespace ethreed {

namespace {

/// Collects the tensors of a trace: owns what it copies, borrows the rest.
template <class T> class MimeTraceWriter {
 public:
  explicit MimeTraceWriter(const Context& context) : context_(context) {}

  void add(std::string name, View<const T> values) {
    for (std::int64_t i = 0; i < values.count(); ++i)
      ETHREED_CHECK(std::isfinite(values[i]), "trace: {} is {} at {}", name, static_cast<double>(values[i]), i);
    writer_.add(std::move(name), values);
  }
  void add(std::string name, const T* device, const Shape& shape) {
    add(std::move(name), View<const T>(context_.to_host(device, shape.count()), shape));
  }
  /// 0 for a term that the batch does not have.
  void add_scalar(std::string name, const Variable<T>& value) {
    Tensor<T>& tensor = floats_.emplace_back(Shape{});
    if (value) tensor[0] = *context_.to_host(value.data(), 1);
    add(std::move(name), std::as_const(tensor).view());
  }
  template <class At> void add_integers(std::string name, int count, At at) {
    Tensor<std::int64_t>& tensor = integers_.emplace_back(Shape{count});
    for (int i = 0; i < count; ++i) tensor[i] = at(i);
    writer_.add(std::move(name), std::as_const(tensor).view());
  }
  SafetensorsWriter& writer() { return writer_; }

 private:
  const Context& context_;
  SafetensorsWriter writer_;
  std::deque<Tensor<T>> floats_;
  std::deque<Tensor<std::int64_t>> integers_;
};

template <class T> void add_batch(MimeTraceWriter<T>& trace, const MimeConfig& config, const ContextBatch& batch) {
  const DialogueBatch& d = batch.dialogues;
  const ContextRows& contexts = batch.contexts;
  const int known = count_of(d.word_ids);
  const auto list = [](const std::vector<std::int32_t>& values) { return [&values](int i) { return values[i]; }; };
  trace.add_integers("batch.context_offsets", count_of(contexts.offsets), list(contexts.offsets));
  trace.add_integers("batch.context_words", contexts.positions(), [&](int i) {
    const std::int32_t word = contexts.words[i];
    return word < known ? d.word_ids[word] : config.vocabulary + (word - known);
  });
  trace.add_integers("batch.context_states", contexts.positions(), list(contexts.states));
  trace.add_integers("batch.target_offsets", count_of(d.target_offsets), list(d.target_offsets));
  trace.add_integers("batch.inputs", count_of(batch.inputs), [&](int i) { return d.word_ids[batch.inputs[i]]; });
  trace.add_integers("batch.targets", count_of(batch.targets), list(batch.targets));
  trace.add_integers("batch.emotion", d.turns(), [&](int r) { return d.emotion[d.turn_of_row[r]]; });
  trace.add_integers("batch.positive_emotions", config.emotion_classes,
                     [&](int k) { return config.is_positive(k) ? 1 : 0; });
}

}  // namespace

template <class T>
void write_mime_trace(Context& context, ModelState<T>& state, const MimeConfig& config, const Split& split,
                      Indices dialogues, std::uint64_t seed, const std::filesystem::path& path) {
  SplitExamples examples(split, {});
  ContextBatch batch;
  batch.build(examples.make(dialogues), config.vocabulary, config.max_context);
  DeviceModel<T> device(context, state);
  context.begin_step();
  context.stage(batch.arrays());
  Tape<T> tape(context);
  const ParameterHandles<T> handles = device.model().bind(tape);
  const PassOptions options{.purpose = Purpose::train, .seed = seed};
  const MimePass<T> pass = mime_forward(tape, config, named_parameters<MimeModel>(config, handles), batch, options);
  tape.backward(pass.losses.total);
  zero_untouched_gradients(context, state.layout, handles);
  device.gradients_to_host();

  MimeTraceWriter<T> trace(context);
  for (const auto& entry : state.layout.entries())
    trace.add("param." + entry.name, View<const T>(state.values.data() + entry.offset, entry.shape));
  add_batch(trace, config, batch);
  const MimeNoise<T> noise = draw_noise<T>(context, config, batch.dialogues, options);  // a function of the options
  const int replies = batch.replies();
  const auto add_noise = [&](const char* name, const T* values) {
    if (values != nullptr) trace.add(name, values, {replies, config.width()});
  };
  add_noise("noise.prior_positive", noise.prior[group_positive]);
  add_noise("noise.prior_negative", noise.prior[group_negative]);
  add_noise("noise.posterior_positive", noise.posterior[group_positive]);
  add_noise("noise.posterior_negative", noise.posterior[group_negative]);
  T* logits = context.arena.allocate<T>(std::int64_t{replies} * config.emotion_classes);
  const Variable<T> by_turn = on_host(context, pass.logits);
  for (int r = 0; r < replies; ++r)
    std::copy_n(by_turn.value().row(batch.dialogues.turn_of_row[r]), config.emotion_classes,
                logits + std::int64_t{r} * config.emotion_classes);
  trace.add("classifier.logits", View<const T>(logits, {replies, config.emotion_classes}));
  trace.add("decoder.nll", pass.nll.data(), {count_of(batch.targets)});
  for (std::size_t k = 0; k < MimeModel::losses(config).size(); ++k)
    trace.add_scalar("loss." + std::string(MimeModel::losses(config)[k].name), pass.losses.term[k]);
  trace.add_scalar("loss.total", pass.losses.total);
  for (const auto& entry : state.layout.entries())
    trace.add("grad." + entry.name, View<const T>(state.gradients.data() + entry.offset, entry.shape));
  trace.writer().add_metadata("format", "ethreed trace of mime 1");
  trace.writer().add_metadata("config", ModelOf<MimeModel>(config).model_config().dump());
  trace.writer().write(path);
}

template void write_mime_trace(Context&, ModelState<float>&, const MimeConfig&, const Split&, Indices, std::uint64_t,
                               const std::filesystem::path&);
template void write_mime_trace(Context&, ModelState<double>&, const MimeConfig&, const Split&, Indices, std::uint64_t,
                               const std::filesystem::path&);

}  // namespace ethreed

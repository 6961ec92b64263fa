#include "model/hred/noise.h"

#include "model/blocks/dropout.h"

namespace ethreed {

namespace {

// The decoder's inputs [packed rows] as word ids, some of them UNK; SOS stays.
Indices drop_words(Context& context, const HredConfig& config, const DialogueBatch& batch, const PassOptions& options) {
  const int count = count_of(batch.decoder_inputs);
  std::int32_t* ids = context.arena.allocate<std::int32_t>(count);
  const PhiloxStream random = random_stream(options.seed, Draw::word_dropout, static_cast<std::uint64_t>(options.step));
  for (int i = 0; i < count; ++i) {
    ids[i] = batch.word_ids[batch.decoder_inputs[i]];
    if (ids[i] != sos_id && random.uniform(i) < config.word_dropout) ids[i] = unk_id;
  }
  return {ids, count};
}

}  // namespace

template <class T>
const T* draw_latent_noise(Context& context, const HredConfig& config, const DialogueBatch& batch,
                           const ReplyOptions& options, int sample) {
  const std::int64_t count = std::int64_t{batch.turns()} * config.latent;
  T* noise = context.arena.allocate<T>(count);
  for (int i = 0; i < batch.turns(); ++i) {
    const std::uint64_t seed = options.choice(batch.turn_dialogue[i]).seed;
    const PhiloxStream random = random_stream(seed, Draw::latent_evaluation, static_cast<std::uint64_t>(sample));
    for (int j = 0; j < config.latent; ++j)
      noise[std::int64_t{i} * config.latent + j] =
          static_cast<T>(random.normal(static_cast<std::uint64_t>(batch.place(i) * config.latent + j)));
  }
  return context.to_device(noise, count);
}

template <class T>
HredNoise<T> draw_noise(Context& context, const HredConfig& config, const HredBatch& batch,
                        const PassOptions& options) {
  HredNoise<T> noise;
  const DialogueBatch& d = batch.dialogues;
  if (options.purpose == Purpose::validate) {
    if (config.has_latent() && options.sample_latent)
      noise.latent = draw_latent_noise<T>(context, config, d, {.seed = options.seed});
    return noise;
  }
  StepDropout<T> dropout(context, config.dropout, options.seed, options.step);
  noise.context = dropout.mask(0, 2 * d.turns(), config.context_state);
  if (config.has_emotion()) noise.emotion = dropout.mask(1, 2 * d.turns(), config.emotion_state);
  dropout.draw();
  if (!config.has_latent()) return noise;
  const std::int64_t count = std::int64_t{d.turns()} * config.latent;
  T* latent = context.values.allocate<T>(count);
  fill_normal(context, FillNormal<T>{.count = count,
                                     .random = random_stream(options.seed, Draw::latent_training,
                                                             static_cast<std::uint64_t>(options.step)),
                                     .out = latent});
  noise.latent = latent;
  if (config.word_dropout > 0) noise.inputs = drop_words(context, config, d, options);
  return noise;
}

template HredNoise<float> draw_noise(Context&, const HredConfig&, const HredBatch&, const PassOptions&);
template HredNoise<double> draw_noise(Context&, const HredConfig&, const HredBatch&, const PassOptions&);
template const float* draw_latent_noise(Context&, const HredConfig&, const DialogueBatch&, const ReplyOptions&, int);
template const double* draw_latent_noise(Context&, const HredConfig&, const DialogueBatch&, const ReplyOptions&, int);

}  // namespace ethreed

#include "model/ethreed/noise.h"

#include "model/blocks/dropout.h"
#include "model/ethreed/losses.h"

namespace ethreed {

template <class T>
StepNoise<T> draw_training_noise(Context& context, const EthreedConfig& config, const DialogueBatch& batch,
                                 std::uint64_t seed, std::int64_t step) {
  StepDropout<T> dropout(context, config.dropout, seed, step);
  const int n = batch.turns();
  StepNoise<T> noise;
  noise.policy_share = policy_share(config, step);
  noise.frozen_words = step < config.frozen_vector_steps;
  noise.masks.global = dropout.mask(0, 2 * n, config.global_state);
  if (config.has_party()) noise.masks.party = dropout.mask(1, 2 * n, config.party_state);
  if (config.has_emotion_cell()) noise.masks.emotion = dropout.mask(2, 2 * n, config.emotion_state);
  noise.masks.content = dropout.mask(3, n, config.content_state);
  if (const int s = batch.situations(); s > 0) {
    noise.situations.global = dropout.mask(8, s, config.global_state);
    if (config.has_party()) noise.situations.party = dropout.mask(9, s, config.party_state);
    if (config.has_emotion_cell()) noise.situations.emotion = dropout.mask(10, s, config.emotion_state);
  }
  dropout.draw();
  StepDropout<T> words(context, config.dropout_words, seed, step);
  noise.words = words.mask(4, count_of(batch.word_ids), config.embedding);
  words.draw();
  StepDropout<T> encoder(context, config.dropout_encoder, seed, step);
  noise.encoder.summary = encoder.mask(5, batch.utterances(), 2 * config.encoder);
  noise.encoder.source_states = encoder.mask(6, batch.source_tokens(), 2 * config.encoder);
  encoder.draw();
  StepDropout<T> output(context, config.dropout_output, seed, step);
  noise.features = output.mask(7, batch.target_tokens(), config.bottleneck);
  output.draw();
  if (config.has_policy() && config.sample_in_training) {
    const std::int64_t count = std::int64_t{n} * config.emotion_state;
    T* values = context.values.allocate<T>(count);
    fill_normal(context,
                FillNormal<T>{.count = count,
                              .random = random_stream(seed, Draw::latent_training, static_cast<std::uint64_t>(step)),
                              .out = values});
    noise.policy = values;
  }
  return noise;
}

template <class T>
const T* draw_evaluation_noise(Context& context, const EthreedConfig& config, const DialogueBatch& batch,
                               const ReplyOptions& options) {
  if (!config.has_policy()) return nullptr;
  const std::int64_t width = config.emotion_state;
  const std::int64_t count = batch.turns() * width;
  T* noise = context.arena.allocate<T>(count);
  for (int i = 0; i < batch.turns(); ++i) {
    const std::uint64_t seed = options.choice(batch.turn_dialogue[i]).seed;
    const PhiloxStream random = random_stream(seed, Draw::latent_evaluation, 0);
    const std::int64_t first = batch.place(i) * width;
    for (std::int64_t j = 0; j < width; ++j)
      noise[i * width + j] = static_cast<T>(random.normal(static_cast<std::uint64_t>(first + j)));
  }
  return context.to_device(noise, count);
}

template <class T>
StepNoise<T> draw_noise(Context& context, const EthreedConfig& config, const DialogueBatch& batch,
                        const PassOptions& options) {
  if (options.purpose == Purpose::train)
    return draw_training_noise<T>(context, config, batch, options.seed, options.step);
  return {.policy = options.sample_latent ? draw_evaluation_noise<T>(context, config, batch, {.seed = options.seed})
                                          : nullptr,
          .shuffle_plans = options.shuffle_plans};
}

#define ETHREED_INSTANTIATE(T)                                                                                        \
  template StepNoise<T> draw_training_noise(Context&, const EthreedConfig&, const DialogueBatch&, std::uint64_t,      \
                                            std::int64_t);                                                            \
  template const T* draw_evaluation_noise(Context&, const EthreedConfig&, const DialogueBatch&, const ReplyOptions&); \
  template StepNoise<T> draw_noise(Context&, const EthreedConfig&, const DialogueBatch&, const PassOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed

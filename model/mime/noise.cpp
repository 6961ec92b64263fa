#include "model/mime/noise.h"

#include "kernels/dropout_mask/dropout_mask.h"
#include "model/blocks/random_streams.h"

namespace ethreed {

namespace {

// Draw `number` of the evaluation: the prior's z_+ and z_−, then the posterior's.
template <class T>
const T* noise_of_places(Context& context, int width, const DialogueBatch& batch, Indices rows,
                         const ReplyOptions& options, std::size_t number) {
  const std::int64_t count = std::int64_t{rows.size()} * width;
  T* noise = context.arena.allocate<T>(count);
  for (int i = 0; i < rows.size(); ++i) {
    const std::int32_t turn = batch.turn_of_row[rows[i]];
    const std::uint64_t seed = options.choice(batch.turn_dialogue[turn]).seed;
    const PhiloxStream random = random_stream(seed, Draw::latent_evaluation, number);
    const std::int64_t place = batch.place(turn) * width;
    for (int j = 0; j < width; ++j)
      noise[std::int64_t{i} * width + j] = static_cast<T>(random.normal(static_cast<std::uint64_t>(place + j)));
  }
  return context.to_device(noise, count);
}

}  // namespace

template <class T>
BothGroups<const T*> prior_noise(Context& context, const MimeConfig& config, const DialogueBatch& batch, Indices rows,
                                 const ReplyOptions& options) {
  return {noise_of_places<T>(context, config.width(), batch, rows, options, group_positive),
          noise_of_places<T>(context, config.width(), batch, rows, options, group_negative)};
}

template <class T>
MimeNoise<T> draw_noise(Context& context, const MimeConfig& config, const DialogueBatch& batch,
                        const PassOptions& options) {
  MimeNoise<T> noise;
  const bool train = options.purpose == Purpose::train, posterior = config.decoder_sample == DecoderSample::posterior;
  if (!(train ? config.sample_in_training : options.sample_latent)) return noise;
  if (!train) {
    const Indices rows = all_rows(context, batch.turns());
    noise.prior = prior_noise<T>(context, config, batch, rows, {.seed = options.seed});
    for (std::size_t g = 0; posterior && g < noise.posterior.size(); ++g)
      noise.posterior[g] =
          noise_of_places<T>(context, config.width(), batch, rows, {.seed = options.seed}, noise.prior.size() + g);
    return noise;
  }
  const std::int64_t count = std::int64_t{batch.turns()} * config.width(), draws = posterior ? 4 : 2;
  T* all = context.values.allocate<T>(draws * count);
  fill_normal(context, FillNormal<T>{.count = draws * count,
                                     .random = random_stream(options.seed, Draw::latent_training,
                                                             static_cast<std::uint64_t>(options.step)),
                                     .out = all});
  noise.prior = {all, all + count};
  if (posterior) noise.posterior = {all + 2 * count, all + 3 * count};
  return noise;
}

#define ETHREED_INSTANTIATE(T)                                                                             \
  template MimeNoise<T> draw_noise(Context&, const MimeConfig&, const DialogueBatch&, const PassOptions&); \
  template BothGroups<const T*> prior_noise(Context&, const MimeConfig&, const DialogueBatch&, Indices,    \
                                            const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed

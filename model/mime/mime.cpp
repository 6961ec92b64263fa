#include "model/mime/mime.h"

#include "model/interface/make_model.h"

#include <fmt/format.h>

#include <cmath>

namespace ethreed {

namespace {

/// The parameters of a layer with a bias.
std::int64_t layer_parameters(std::int64_t out, std::int64_t in) { return out * (in + 1); }

}  // namespace

std::int64_t published_parameters(const MimeConfig& config) {
  MimeConfig released = config;
  released.shared_log_variance = released.one_mimicry_encoder = false;
  const std::int64_t d = config.width(), classes = config.emotion_classes;
  return layout_of<MimeModel>(released).parameter_count() + classes * d + layer_parameters(d, d) +
         layer_parameters(1, d) + layer_parameters(classes, d) + layer_parameters(mark_count, d);
}

Recipe MimeModel::recipe() {
  Recipe recipe;
  recipe.epochs = 12;
  recipe.batch = 8;  // dialogues: 16.5 replies of EmpatheticDialogues, where the release takes 16
  recipe.schedule = Schedule::inverse_square_root;
  recipe.warm_up_steps = 8000;
  recipe.learning_rate = 1 / std::sqrt(300.0 * 8000.0);  // its peak: d^{−1/2}·warm_up_steps^{−1/2}
  recipe.adam_beta2 = 0.98;
  recipe.adam_epsilon = 1e-9;
  recipe.clip_norm = 1e9;  // none
  recipe.patience = 3;
  return recipe;
}

std::vector<std::string> MimeModel::notes(const MimeConfig& config) {
  return {fmt::format("{} parameters; {} with the modules of the released code in which nothing computes",
                      layout_of<MimeModel>(config).parameter_count(), published_parameters(config))};
}

ModelKind mime_model() { return kind_of<MimeModel>(); }

}  // namespace ethreed

#include "model/moel/moel.h"

#include "model/interface/make_model.h"

#include <fmt/format.h>

#include <cmath>

namespace ethreed {

std::int64_t published_parameters(const MoelConfig& config) {
  const std::int64_t d = config.width(), emojis = 64;
  return layout_of<MoelModel>(config).parameter_count() + (d + 1) + emojis * d + mark_count * (d + 1);
}

Recipe MoelModel::recipe() {
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

std::vector<std::string> MoelModel::notes(const MoelConfig& config) {
  return {fmt::format("{} parameters; {} with the modules of the released code in which nothing computes",
                      layout_of<MoelModel>(config).parameter_count(), published_parameters(config))};
}

ModelKind moel_model() { return kind_of<MoelModel>(); }

}  // namespace ethreed

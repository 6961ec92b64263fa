#include "model/empdg/empdg.h"

#include "model/interface/make_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ethreed {

EmpdgPublished published_parameters(const EmpdgConfig& config) {
  const std::int64_t d = config.width(), classes = config.emotion_classes, layers = config.transformer.layers;
  const std::int64_t marks = mark_count + 1;  // the release has them in its vocabulary
  const std::int64_t second_output = (2 * d + 1) * (config.vocabulary + marks);
  EmpdgPublished published;
  published.port = layout_of<EmpdgModel>(config).parameter_count() + marks * (d + 1) + (config.copy ? 0 : d + 1) +
                   second_output + 2 * classes * d;
  published.release = published.port + 4 * layers * (2 * d * d + 1);  // one in each encoder's layer, two in a decoder's
  return published;
}

Recipe EmpdgModel::recipe() {
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

std::vector<std::string> EmpdgModel::notes(const EmpdgConfig& config) {
  const EmpdgPublished published = published_parameters(config);
  std::vector<std::string> notes{
      fmt::format("{} parameters; {} with the modules of the port in CEM's code in which nothing computes, {} with "
                  "those of the released generator",
                  layout_of<EmpdgModel>(config).parameter_count(), published.port, published.release)};
  if (config.words == EmpdgWords::data_lexicon)
    notes.emplace_back(
        "EmpDG (data lexicon): its emotion words are a list made from the situations of the training split; figures do "
        "not compare with published ones, which are by a lexicon (--variant lexicon, model key 'lexicon')");
  return notes;
}

void EmpdgModel::start_from_data(const EmpdgConfig& config, const ParameterLayout& layout, const Dataset& data,
                                 float* block) {
  const std::vector<float> plain = plain_words(config, data);
  std::copy(plain.begin(), plain.end(), block + layout.find("emotion_words.plain")->offset);
}

ModelKind empdg_model() { return kind_of<EmpdgModel>(); }

}  // namespace ethreed

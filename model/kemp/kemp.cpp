#include "model/kemp/kemp.h"

#include "model/interface/make_model.h"
#include "model/kemp/knowledge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ethreed {

std::int64_t trained_parameters(const KempConfig& config) {
  std::int64_t count = 0;
  const ParameterLayout layout = layout_of<KempModel>(config);
  for (const ParameterLayout::Entry& entry : layout.entries())
    if (entry.start.how != Initialisation::from_data) count += entry.shape.count();
  return count;
}

std::int64_t published_parameters(const KempConfig& config) {
  KempConfig whole = config;
  whole.variant_choice = KempVariant::kemp;
  whole.copy = true;
  whole.graph_mask = GraphMask::zero;
  const std::int64_t d = config.width(), published_v = config.vocabulary + kemp_mark_count;
  const std::int64_t of_attention = 2 * d * d + 1;  // the matrix [d, 2d] and the scalar

  return trained_parameters(whole) + kemp_mark_count * (d + 1) + published_v * (2 * d + 1) +
         config.transformer.layers * (2 * of_attention + 1) + config.emotion_classes * d;
}

Recipe KempModel::recipe() {
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

std::vector<std::string> KempModel::notes(const KempConfig& config) {
  std::vector<std::string> notes;
  if (!config.has_knowledge())
    notes.emplace_back(
        "this is kemp (no knowledge), NOT KEMP: no concepts, no intensities of words, no loss of the attention. Give a "
        "lexicon and concepts by the model key 'knowledge' and the training keys 'lexicon' and 'concepts', and do not "
        "call figures without them KEMP's");
  if (config.knowledge == Knowledge::concept_map)
    notes.emplace_back(
        "this is kemp (concept map): a map that was read out of the released outputs has the words of test contexts "
        "(no labels, no replies)");
  notes.push_back(fmt::format(
      "off the edges of the graph a logit is {}; {}",
      config.graph_mask == GraphMask::strict ? "-10^18, as the paper has it" : "0, as the released code has it",
      config.copy ? "words of contexts and concepts may be copied, as in the released code"
                  : "nothing is copied, where the released code copies"));
  notes.push_back(
      fmt::format("{} parameters are trained; {} with the modules of the released code in which nothing "
                  "computes",
                  trained_parameters(config), published_parameters(config)));
  return notes;
}

void KempModel::start_from_data(const KempConfig& config, const ParameterLayout& layout, const Dataset& data,
                                float* block) {
  if (!config.has_knowledge()) return;
  const std::vector<float> table = knowledge_table(config, data);
  std::copy(table.begin(), table.end(), block + layout.find("knowledge.words")->offset);
}

ModelKind kemp_model() { return kind_of<KempModel>(); }

}  // namespace ethreed

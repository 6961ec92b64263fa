#include "model/emphi/emphi.h"

#include "model/emphi/keywords.h"
#include "model/interface/make_model.h"

#include <algorithm>

namespace ethreed {

void EmphiModel::start_from_data(const EmphiConfig& config, const ParameterLayout& layout, const Dataset& data,
                                 float* block) {
  if (!config.has_explicit()) return;
  const std::vector<std::int32_t> words = emphi_keywords(config, data);
  std::transform(words.begin(), words.end(), block + layout.find("intent.keywords")->offset,
                 [](std::int32_t word) { return static_cast<float>(word); });
}

ModelKind emphi_model() { return kind_of<EmphiModel>(); }

}  // namespace ethreed

#include "model/hred/hred.h"

#include "model/interface/make_model.h"

namespace ethreed {

std::span<const InsightColumn> HredModel::insights(const HredConfig& config) {
  static constexpr std::array<InsightColumn, 1> emotion{{{.key = "tracked_emotion",
                                                          .label = "tracked emotion of the speaker",
                                                          .chat = "you seem",
                                                          .label_set = "emotion"}}};
  if (config.has_emotion()) return emotion;
  return {};
}

std::vector<std::string> HredModel::notes(const HredConfig& config) {
  if (!config.has_emotion() || config.listener_labels) return {};
  return {"no listener labels: the classifier learns from posts only"};
}

ModelKind hred_model() { return kind_of<HredModel>(); }

}  // namespace ethreed

#include "model/interface/reply_classes.h"

#include <algorithm>

namespace ethreed {

ReplyClasses::ReplyClasses(const UtteranceLabels& labels, const ReplyLabels& known)
    : labels_(labels), distributions_(known.distributions && labels.has_distributions()) {
  for (const std::string& name : labels.classes()) {
    const auto place = std::find(known.classes.begin(), known.classes.end(), name);
    known_class_.push_back(place == known.classes.end() ? -1
                                                        : static_cast<std::int32_t>(place - known.classes.begin()));
  }
}

int ReplyClasses::read(std::int64_t d, std::int64_t t, std::span<float> p) const {
  const std::int32_t label = labels_.label(d, t, true);
  if (!distributions_) return label < 0 ? -1 : known_class_[static_cast<std::size_t>(label)];
  std::fill(p.begin(), p.end(), 0.0F);
  const std::span<const float> of_label = labels_.distribution(d, t, true);
  double sum = 0;
  for (std::size_t k = 0; k < of_label.size(); ++k) {
    if (known_class_[k] < 0) continue;
    p[static_cast<std::size_t>(known_class_[k])] = of_label[k];
    sum += static_cast<double>(of_label[k]);
  }
  if (sum == 0) return -1;
  for (float& x : p) x = static_cast<float>(static_cast<double>(x) / sum);
  return static_cast<int>(std::max_element(p.begin(), p.end()) - p.begin());
}

}  // namespace ethreed

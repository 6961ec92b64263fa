#include "model/text/emotions.h"

#include <algorithm>

namespace ethreed {

static_assert(std::is_sorted(emotion_names.begin(), emotion_names.end()), "emotion_id searches by bisection");

std::optional<std::int32_t> emotion_id(std::string_view name) {
  const auto place = std::lower_bound(emotion_names.begin(), emotion_names.end(), name);
  if (place == emotion_names.end() || *place != name) return std::nullopt;
  return static_cast<std::int32_t>(place - emotion_names.begin());
}

}  // namespace ethreed

#include "tools/ethreed/history.h"

#include "model/text/vocabulary.h"

namespace ethreed {

History::Place History::add(bool listener, std::vector<std::int32_t> words) {
  static constexpr std::array<std::int32_t, 1> nothing{eos_id};
  const std::span<const std::int32_t> said = words_.emplace_back(std::move(words));
  if (!listener) {
    turns_.push_back({.post = said, .response = nothing});
    answered_ = false;
  } else if (answered_) {
    turns_.push_back({.post = nothing, .response = said});
  } else {
    turns_.back().response = said;
    answered_ = true;
  }
  return {count() - 1, listener};
}

}  // namespace ethreed

#include "model/interface/model_cases.h"

#include <array>

namespace ethreed {

#define ETHREED_MODEL(name) ModelCases name##_cases();
#include "model/model_table.def"
#undef ETHREED_MODEL

std::span<const ModelCases> model_cases() {
  static const auto table = std::to_array<ModelCases>({
#define ETHREED_MODEL(name) name##_cases(),
#include "model/model_table.def"
#undef ETHREED_MODEL
  });
  return table;
}

}  // namespace ethreed

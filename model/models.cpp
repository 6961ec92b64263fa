#include "model/interface/models.h"
#include "core/error.h"
#include "core/json.h"

#include <array>

namespace ethreed {

#define ETHREED_MODEL(name) ModelKind name##_model();
#include "model/model_table.def"
#undef ETHREED_MODEL

std::span<const ModelKind> model_kinds() {
  static const auto table = std::to_array<ModelKind>({
#define ETHREED_MODEL(name) name##_model(),
#include "model/model_table.def"
#undef ETHREED_MODEL
  });
  return table;
}

const ModelKind& model_kind(std::string_view name) {
  for (const ModelKind& kind : model_kinds())
    if (kind.name == name) return kind;
  fail("model '{}' does not exist; give one of {}", cut_text(name), model_names());
}

std::string model_names() {
  std::string names;
  for (const ModelKind& kind : model_kinds()) names.append(names.empty() ? "" : ", ").append(kind.name);
  return names;
}

}  // namespace ethreed

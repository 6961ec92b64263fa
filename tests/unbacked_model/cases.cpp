#include "model/interface/model_cases.h"

namespace ethreed {

ModelCases unbacked_cases() { return {.model = "unbacked"}; }

}  // namespace ethreed

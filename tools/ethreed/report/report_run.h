#pragma once
// What a report says of one run: the part of the page's data that is measured on a split.

#include "tools/ethreed/evaluate.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace ethreed {

/// {"name", "figures" (those of evaluate), "better" (1: more is better, −1: less), "not_finite", "log", "judged"
/// (confusion and calibration of every label that the model gives), "plans" (speaker's emotion to what the reply shall
/// be), "gates", "lengths", "missing":
/// [{"section", "why"}…], "notes"}. A section that the model has nothing for is left out and named in "missing". Throws
/// Error as the Evaluator does, and after Ctrl-C where interruptions are caught.
nlohmann::ordered_json report_run(OpenedRun& opened, const EvaluateArguments& arguments, const std::string& name);

}  // namespace ethreed

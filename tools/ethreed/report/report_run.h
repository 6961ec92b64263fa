#pragma once
// What a report says of one run: the part of the page's data that is measured on a split.

#include "tools/ethreed/evaluate.h"
#include "tools/ethreed/score/reply_classes.h"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// {"name", "figures" (those of evaluate), "better" (1: more is better, −1: less), "not_finite", "log", "judged"
/// (confusion and calibration of every label that the model gives), "plans" (speaker's emotion to what the reply shall
/// be), "gates", "lengths", "missing":
/// [{"section", "why"}…], "notes", "latents" (compare_modes(), null unless `latents` names modes that the model has)}.
/// With `latents` everything else is of the first of them. A section that the model has nothing for is left out and
/// named in "missing". `bert`, if given, scores the replies. Throws Error as the Evaluator does, and after Ctrl-C where
/// interruptions are caught.
nlohmann::ordered_json report_run(OpenedRun& opened, const EvaluateArguments& arguments, const std::string& name,
                                  std::span<const std::string> latents = {}, ReplyClassifier* emotions = nullptr,
                                  BertScorer* bert = nullptr);

}  // namespace ethreed

#pragma once
// The options of `ethreed evaluate`, for whoever calls it with some of them.

#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/session.h"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

struct EvaluateArguments {
  RunArguments run;
  std::vector<std::string> more_runs;
  DecodeArguments decode;
  int replies = -1;
  int importance_samples = 0;
  bool json = false;
  std::string per_dialogue;  ///< file to write (DialogueFile); empty: none
};

/// All of them. `arguments` must outlive the parsing.
void add_evaluate_options(CLI::App& command, EvaluateArguments& arguments);

}  // namespace ethreed

#pragma once
// The options of `ethreed evaluate`, and the figures of a run as it prints them: for other commands.

#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/dialogue_file.h"
#include "tools/ethreed/opened_run.h"
#include "tools/ethreed/score/bert_scores.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
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
  int replies = -1;            ///< dialogues that replies are written for; −1: all
  int importance_samples = 0;  ///< 0: no figure by importance sampling
  bool json = false;
  std::string per_dialogue;  ///< file to write (DialogueFile); empty: none
  BertScoreArguments bert_score;
  /// Null where no BERTScore is asked for. Its encoder is opened once for all runs of a command.
  std::unique_ptr<BertScorer> bert_scorer() const;
};

/// All of them. `arguments` must outlive the parsing.
void add_evaluate_options(CLI::App& command, EvaluateArguments& arguments);

/// A figure that is not finite is null in the object, and named under this key.
inline constexpr const char* not_finite_key = "not_finite";

/// All figures of one run by name; its model's notes are added to `notes`, each once. `turn` is shown every reply as it
/// is written; `file`, if given, gets what every dialogue adds. Throws Error if the model has no figure by importance
/// sampling and one is asked for, or after Ctrl-C where interruptions are caught.
nlohmann::ordered_json figures_of(OpenedRun& opened, const EvaluateArguments& arguments,
                                  std::vector<std::string>& notes,
                                  const std::function<void(const GeneratedTurn&)>& turn = {},
                                  DialogueFile* file = nullptr, BertScorer* bert = nullptr);

}  // namespace ethreed

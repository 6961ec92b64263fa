#pragma once
// What a run's figures and replies owe to its latent variables: the same split, read and answered with a sample of
// them, with their mean, and (of models that plan their replies) with the plan of another dialogue.

#include "model/interface/model.h"
#include "tools/ethreed/dialogue_file.h"
#include "tools/ethreed/evaluate.h"
#include "tools/ethreed/reply_file.h"
#include "tools/ethreed/score/reply_classes.h"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// Those of `wanted` (values of --latent) that a model has: none without latent variables, no `shuffled` where nothing
/// of a reply is planned. What is left out is said in `missing`.
std::vector<std::string> latent_modes_of(const Model& model, std::span<const std::string> wanted,
                                         std::vector<std::string>& missing);

/// A split read and answered in one mode.
class ModeAnswers {
 public:
  ModeAnswers(const OpenedRun& opened, std::string mode);
  /// Every reply, as it is written.
  void add(const GeneratedTurn& turn);
  DialogueFile figures;  ///< filled by figures_of()

  const std::string& mode() const { return mode_; }
  /// Replies, gold replies, and the emotion that each was planned to have (if one is planned).
  const ReplySet& replies() const { return replies_; }
  const ReplyFile& rows() const { return rows_; }

 private:
  const OpenedRun& opened_;
  const std::string mode_;
  const WordTable words_;
  int plan_ = -1;  // the insight of the reply's emotion
  std::vector<std::string> plan_classes_;
  ReplySet replies_;
  ReplyFile rows_;
};

/// {"modes", "dialogues", "answered", "classifier", "resamples", "seed", "figures": [{"name", "unit", "values":
/// [{"value", "low", "high"}…], "differences": [null, {…}…]}…], "absent": [{"name", "why"}…]}: values by mode, and each
/// less that of the first mode, with 95 % intervals by paired bootstrap over dialogues (those with replies for figures
/// of replies). `emotions` classifies replies; null: those figures are absent.
nlohmann::ordered_json compare_modes(std::vector<ModeAnswers>& modes, ReplyClassifier* emotions);

}  // namespace ethreed

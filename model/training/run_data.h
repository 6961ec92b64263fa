#pragma once
// Which data a run can be used with: data of its vocabulary and classes. Which it can go on with: that it learned from.

#include "model/text/prepare.h"
#include "model/training/checkpoint.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// What a checkpoint of a new run keeps of its data: all but the progress. `path` is where it lies.
CheckpointInfo info_of_new_run(RunConfig config, const Dataset& data, const std::filesystem::path& path);

/// The classes of a label set that a run's model speaks of. Throws Error if the checkpoint does not know them.
std::vector<std::string> classes_of(const CheckpointInfo& info, std::string_view label_set);
/// Those of what a model says in addition to its words.
std::vector<std::string> classes_of(const CheckpointInfo& info, const InsightColumn& column);

/// Throws Error, saying how such data is made, unless the data has the vocabulary and the tokens of the run and, where
/// it has label sets that the run's model speaks of, their classes. `run` names it.
void check_fits(const CheckpointInfo& info, const Dataset& data, const std::string& run);

/// Is the training split the one that the run has learned from?
bool learned_from(const CheckpointInfo& info, const Dataset& data);

/// What new data needs to fit the run.
DataLikeness likeness_of(const CheckpointInfo& info);

/// "learning_rate: 10 → 0.0001": every key of the recipe in which `after` differs. Throws Error unless all else is the
/// same and only these keys differ that a run may change on its way: epochs, the learning rate and its schedule, the
/// clip norm, the patience.
std::vector<std::string> changes_between(const RunConfig& before, const RunConfig& after, const std::string& run);

}  // namespace ethreed

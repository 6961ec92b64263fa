#pragma once
// The runs of an experiment: what each of them is, how far it is, and the small files that are kept of it.

#include "model/interface/run_config.h"
#include "tools/ethreed/experiment/experiment_plan.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// One variant with one seed.
struct PlannedRun {
  std::size_t variant = 0;  ///< its place in the plan
  std::uint64_t seed = 1;
  std::string name;        ///< "VARIANT-SEED"
  std::string trained_as;  ///< the run of another variant that it is; empty: it is trained itself
  RunConfig config;
  std::int64_t steps_per_epoch = 0;
  std::int64_t steps() const { return steps_per_epoch * config.recipe.epochs; }
};

enum class RunStage {
  waiting,  ///< nothing is there
  started,  ///< a checkpoint is there
  trained,  ///< to its end
  done,     ///< evaluated, too
};

/// Where the files of an experiment lie.
struct ExperimentFolder {
  std::filesystem::path root;
  std::filesystem::path config(const PlannedVariant& variant) const {
    return root / "configs" / (variant.name + ".json");
  }
  std::filesystem::path run(const PlannedRun& run) const {
    return root / "runs" / (run.trained_as.empty() ? run.name : run.trained_as);
  }
  std::filesystem::path log(const std::string& name) const { return root / "logs" / (name + ".txt"); }
  std::filesystem::path figures(const PlannedRun& run) const { return root / "logs" / (run.name + ".figures.json"); }
  std::filesystem::path dialogues(const PlannedRun& run) const { return root / "dialogues" / (run.name + ".jsonl"); }
  std::filesystem::path result(const PlannedRun& run) const { return root / "results" / (run.name + ".json"); }
  std::filesystem::path times(const PlannedRun& run) const { return root / "times" / (run.name + ".json"); }
  /// Of the data of the plan: given, or made there.
  std::filesystem::path data(const PlannedData& data) const {
    return data.folder.empty() ? root / data.place : data.folder;
  }
};

/// Opens (or, where it has yet to be made, prepares in memory) the data of a plan, checks every configuration against
/// it, and lists the runs in the order of seeds, then variants: whatever is stopped early has all systems. Fingerprints
/// of the data are added to `fingerprints` by place. Throws Error naming the variant and the key. Where `only` names
/// variants, another one that the data has nothing for (labels that a model learns, say) is left out instead.
std::vector<PlannedRun> list_runs(const ExperimentPlan& plan, const ExperimentFolder& folder,
                                  std::span<const std::string> only, nlohmann::json& fingerprints);
/// Is this variant asked for: named, or none is.
bool is_wanted(std::span<const std::string> only, const std::string& variant);

/// Are result and dialogues there?
bool is_done(const PlannedRun& run, const ExperimentFolder& folder);

/// How far a run is. Throws Error if what is there was made by another configuration than the plan's (naming the key),
/// or cannot be read.
RunStage stage_of(const ExperimentPlan& plan, const PlannedRun& run, const ExperimentFolder& folder);

/// The last line of a run's log that has a step, as far as it is there.
struct LogTail {
  std::int64_t step = 0;
  int epoch = 0;
  double loss = 0, seconds = 0;
};
std::optional<LogTail> log_tail(const std::filesystem::path& run);

/// Writes result and times of a run from its checkpoint and from what `ethreed evaluate --json` has printed. The result
/// is the last file to be written. Throws Error if that cannot be read.
void write_result(const ExperimentPlan& plan, const PlannedRun& run, const ExperimentFolder& folder, int threads);

}  // namespace ethreed

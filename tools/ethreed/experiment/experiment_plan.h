#pragma once
// The plan of an experiment (docs/guide.md tells every key): which systems, on which data, with which seeds, and what
// its tables show.

#include "model/interface/models.h"
#include "model/metrics/bootstrap.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Where prepared data lies, or how it is made.
struct PlannedData {
  std::filesystem::path folder;      ///< of prepared data; empty: made by `prepare` (or given on the command line)
  std::vector<std::string> prepare;  ///< arguments of `ethreed prepare` without --out, paths made absolute
  nlohmann::json recipe;             ///< the same as the plan has it
  std::string place;                 ///< the name of the folder, below that of the experiment, for what is made
};

struct PlannedVariant {
  std::string name;   ///< names files: letters, digits and . _ -
  std::string title;  ///< in tables
  std::string note;
  std::string model;      ///< its line of the table of models
  nlohmann::json config;  ///< {"model": {…}, "training": {…}}: what `train --config` gets
  std::vector<std::uint64_t> seeds;
  std::size_t data = 0;  ///< its place in ExperimentPlan::data
  /// The variant, before this one, whose runs it is: they are evaluated in another way. Empty: it has runs of its own.
  std::string runs_of;
  nlohmann::json evaluate;  ///< the plan's, and over it the variant's; an encoder by its name, without its path
  std::vector<std::string> decoding;  ///< the same as arguments, but for
  std::vector<std::string> scoring;   ///< those of BERTScore, for the models that write replies, and for
  int importance_samples = 0;         ///< for the models that have such a figure
};

/// A column of the tables.
struct PlannedColumn {
  std::string heading;
  std::vector<std::string> figures;  ///< of `evaluate`: the first that a run has
  int decimals = 4;
};

/// What somebody else has printed.
struct PublishedRow {
  std::string title;
  std::map<std::string, double> figures;  ///< by heading
  std::string note;                       ///< where it stands, and what of it compares with ours
};

struct ExperimentPlan {
  std::string source;  ///< its path, for messages
  std::string name;
  std::vector<PlannedData> data;  ///< that of the plan first
  std::vector<PlannedVariant> variants;
  std::vector<PlannedColumn> columns;  ///< none: every figure that is no count
  std::vector<PublishedRow> published;
  std::string published_note;  ///< a line for all of them
  nlohmann::json evaluate;     ///< {"split": …, …}: options of `ethreed evaluate`
  BootstrapOptions bootstrap;
};

/// Reads a plan. `data`, if given, takes the place of the plan's data; `evaluate` has keys over those of the plan's
/// "evaluate". Throws Error naming the file and the key. What a
/// configuration says is checked against the data, by list_runs.
ExperimentPlan read_plan(const std::filesystem::path& path, const std::string& data,
                         const nlohmann::json& evaluate = nlohmann::json::object());

/// The number of `PlannedVariant::seeds` runs in all.
std::size_t runs_of(const ExperimentPlan& plan);

}  // namespace ethreed

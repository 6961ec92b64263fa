#pragma once
// What the runs of an experiment have shown so far, as numbers: the rows of its tables.

#include "tools/ethreed/experiment/experiment_runs.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

/// One figure of one system: its values, one a run that has it.
struct TableFigure {
  std::vector<double> values;
  int runs = 0;  ///< of the system
  bool exists() const { return !values.empty(); }
  double mean() const;
  /// Of a sample (divided by n − 1); NaN for fewer than two values.
  double deviation() const;
};

/// One system that ran here.
struct SystemRow {
  std::string name, title, note;
  std::vector<std::uint64_t> seeds;  ///< of the runs that are done
  std::vector<TableFigure> figures;  ///< by column
  std::int64_t parameters = 0, vocabulary = 0;
  std::vector<int> best_epochs, epochs;
  TableFigure training_seconds, evaluation_seconds;
  /// Vocabulary and share of unknown words are those of the first system: only then do perplexities compare.
  bool same_unknown_words = true;
  /// By column: this system less the first one.
  std::vector<std::optional<SystemDifference>> differences;
};

struct ExperimentResults {
  std::vector<PlannedColumn> columns;
  std::vector<SystemRow> systems;  ///< those with a run that is done; the first is what others are compared with
  std::string compared_with;       ///< its title; empty: no comparison
  std::vector<std::string> notes;  ///< why something is not compared
};

/// Is the column's figure a perplexity?
bool is_perplexity(const PlannedColumn& column);

/// Reads the results of the runs that are done. Throws Error if one is damaged.
ExperimentResults gather_results(const ExperimentPlan& plan, const std::vector<PlannedRun>& runs,
                                 const ExperimentFolder& folder);

}  // namespace ethreed

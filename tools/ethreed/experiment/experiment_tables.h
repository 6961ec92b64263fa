#pragma once
// The tables of an experiment: Markdown, CSV, LaTeX and JSON.

#include "tools/ethreed/experiment/experiment_results.h"

namespace ethreed {

/// Writes tables.md, .csv, .tex and .json, and tables-times.* into the folder: what took how long stands apart, so that
/// the others depend on nothing but plan and data. Throws Error if one cannot be written.
void write_tables(const ExperimentPlan& plan, const ExperimentResults& results, const ExperimentFolder& folder);

}  // namespace ethreed

#pragma once
// Runs of an experiment, several side by side, each in a process of its own: whatever ends one harms no other.

#include "tools/ethreed/experiment/experiment_view.h"
#include "tools/ethreed/session.h"

namespace ethreed {

struct JobOptions {
  int jobs = 0;            ///< side by side; 0: as many as there are threads and memory for
  DeviceArguments device;  ///< its threads are divided among the jobs
};

/// As many as go on side by side by default: one a thread, as far as memory reaches; on a device one. Whether that is
/// faster on a machine than fewer runs with more threads: benchmarks/experiment_jobs.sh.
int usual_jobs(const DeviceArguments& device);

/// Trains and evaluates the runs that are not done, in order, until all are or the program is interrupted
/// (catch_interruptions() was called): trainings then save and stop. Returns the names of those that failed.
std::vector<std::string> run_jobs(const ExperimentPlan& plan, const std::vector<PlannedRun>& runs,
                                  const std::vector<const PlannedRun*>& wanted, const ExperimentFolder& folder,
                                  const JobOptions& options);

}  // namespace ethreed

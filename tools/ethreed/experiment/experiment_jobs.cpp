#include "tools/ethreed/experiment/experiment_jobs.h"

#include "core/directory_lock.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "model/training/checkpoint.h"
#include "tools/ethreed/experiment/child_process.h"
#include "tools/ethreed/progress.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <list>
#include <memory>
#include <thread>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Job {
  const PlannedRun* run = nullptr;
  bool evaluating = false;
  int threads = 1;
  std::unique_ptr<ChildProcess> child;
};

// Seconds that the training of a run has taken, and steps.
LogTail tail_or_nothing(const fs::path& run) { return log_tail(run).value_or(LogTail{}); }

// The last message of the program in a log.
std::string last_message(const fs::path& log) {
  std::ifstream file(log);
  std::string message;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("ethreed: ")) message = line.substr(9);
  return message;
}

class JobLoop {
 public:
  JobLoop(const ExperimentPlan& plan, const std::vector<PlannedRun>& runs, const ExperimentFolder& folder,
          const JobOptions& options)
      : plan_(plan), folder_(folder), options_(options), runs_(runs.size()) {
    for (const PlannedRun& run : runs)
      if (is_done(run, folder_)) {
        ++done_;
        if (run.trained_as.empty()) time_left_.learn(run, tail_or_nothing(folder_.run(run)));
      }
  }

  std::vector<std::string> run(const std::vector<const PlannedRun*>& wanted) {
    for (const PlannedRun* run : wanted)
      if (!is_done(*run, folder_)) waiting_.push_back(run);
    bool told = false;
    while (!in_work_.empty() || (!waiting_.empty() && !interrupted())) {
      while (!interrupted() && static_cast<int>(in_work_.size()) < options_.jobs && start_next()) {
      }
      if (interrupted() && !told) {
        view_.say("stopping: trainings save; the same command goes on");
        for (Job& job : in_work_) job.child->stop();
        told = true;
      }
      for (auto job = in_work_.begin(); job != in_work_.end();) {
        const bool over = job->child->ended() && take_end(*job);
        job = over ? in_work_.erase(job) : std::next(job);
      }
      show();
      std::this_thread::sleep_for(20ms);
    }
    return std::move(failed_);
  }

 private:
  std::vector<std::string> device_options(int threads) const {
    std::vector<std::string> options{"--device",    options_.device.device,   "--threads", std::to_string(threads),
                                     "--precision", options_.device.precision};
    if (options_.device.tf32) options.emplace_back("--tf32");
    return options;
  }

  // The threads are divided among the runs that will go on side by side: fewer than the jobs towards the end.
  int threads_of_next() const {
    const int side_by_side =
        std::min(options_.jobs, static_cast<int>(in_work_.size()) + static_cast<int>(waiting_.size()));
    return std::max(1, options_.device.threads / std::max(1, side_by_side));
  }

  // Is the training that a run is of another variant still to come, or at work?
  bool is_blocked(const PlannedRun& run) const {
    const auto trains = [&](const PlannedRun& other) { return other.name == run.trained_as; };
    return std::any_of(waiting_.begin(), waiting_.end(), [&](const PlannedRun* other) { return trains(*other); }) ||
           std::any_of(in_work_.begin(), in_work_.end(),
                       [&](const Job& job) { return trains(*job.run) && !job.evaluating; });
  }

  // False if there is nothing that can begin now.
  bool start_next() {
    const auto next =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const PlannedRun* run) { return !is_blocked(*run); });
    if (next == waiting_.end()) return false;
    Job job{.run = *next, .threads = threads_of_next()};
    waiting_.erase(next);
    wait_for_lock(*job.run);
    const RunStage stage = stage_of(plan_, *job.run, folder_);
    if (stage == RunStage::trained) {
      evaluate(job);
    } else if (job.run->trained_as.empty()) {
      train(job, stage == RunStage::started);
    } else {
      failed_.push_back(job.run->name);
      view_.say(
          fmt::format("{}: FAILED: {}, whose evaluation it is, is not trained", job.run->name, job.run->trained_as));
      return true;
    }
    in_work_.push_back(std::move(job));
    return true;
  }

  // A training that an earlier call left behind when it was killed may still be saving.
  void wait_for_lock(const PlannedRun& run) {
    for (int tries = 0; DirectoryLock::is_held(folder_.run(run)) && !interrupted() && tries < 1200; ++tries) {
      if (tries == 20) view_.say(fmt::format("{}: waiting for a process that still trains there", run.name));
      std::this_thread::sleep_for(50ms);
    }
  }

  void train(Job& job, bool resume) {
    const PlannedVariant& variant = plan_.variants[job.run->variant];
    std::vector<std::string> arguments{"train",
                                       "--data",
                                       folder_.data(plan_.data[variant.data]).string(),
                                       "--out",
                                       folder_.run(*job.run).string(),
                                       "--config",
                                       folder_.config(variant).string(),
                                       "--seed",
                                       std::to_string(job.run->seed),
                                       "--log-every",
                                       std::to_string(std::clamp<std::int64_t>(job.run->steps_per_epoch / 20, 1, 50))};
    for (const std::string& option : device_options(job.threads)) arguments.push_back(option);
    if (resume) arguments.emplace_back("--resume");
    job.child = std::make_unique<ChildProcess>(arguments, folder_.log(job.run->name));
    view_.say(fmt::format("{}: {} with {} thread{}", job.run->name, resume ? "goes on" : "training", job.threads,
                          job.threads == 1 ? "" : "s"));
  }

  void evaluate(Job& job) {
    std::vector<std::string> arguments{
        "evaluate",       folder_.run(*job.run).string(),
        "--data",         folder_.data(plan_.data[plan_.variants[job.run->variant].data]).string(),
        "--per-dialogue", folder_.dialogues(*job.run).string(),
        "--json"};
    const PlannedVariant& variant = plan_.variants[job.run->variant];
    for (const std::string& option : variant.decoding) arguments.push_back(option);
    if (job.run->config.model->writes_replies())
      arguments.insert(arguments.end(), variant.scoring.begin(), variant.scoring.end());
    const auto figures = job.run->config.model->figures();
    if (variant.importance_samples > 0 &&
        std::any_of(figures.begin(), figures.end(), [](const FigureColumn& column) { return column.sampled; }))
      arguments.push_back(fmt::format("--importance-samples={}", variant.importance_samples));
    for (const std::string& option : device_options(job.threads)) arguments.push_back(option);
    job.evaluating = true;
    job.child = std::make_unique<ChildProcess>(arguments, folder_.log(job.run->name), folder_.figures(*job.run));
  }

  // What follows when a child has ended. True if its run leaves.
  bool take_end(Job& job) {
    const ChildEnd& end = job.child->end();
    if (interrupted() && !(end.well() && job.evaluating)) return true;
    if (!end.well()) return fail_with(job, end.text());
    if (job.evaluating) {
      try {
        write_result(plan_, *job.run, folder_, job.threads);
      } catch (const Error& error) {
        return fail_with(job, fmt::format("left no result: {}", error.what()));
      }
      ++done_;
      view_.say(fmt::format("{}: done, {} of {} runs{}", job.run->name, done_, runs_, left_text()));
      return true;
    }
    if (stage_of(plan_, *job.run, folder_) != RunStage::trained) return fail_with(job, "has stopped before its end");
    time_left_.learn(*job.run, tail_or_nothing(folder_.run(*job.run)));
    view_.say(trained_text(*job.run));
    evaluate(job);
    return false;
  }

  bool fail_with(const Job& job, const std::string& how) {
    failed_.push_back(job.run->name);
    const std::string message = last_message(folder_.log(job.run->name));
    view_.say(fmt::format("{}: FAILED: {} {}{}{}", job.run->name, job.evaluating ? "its evaluation" : "its training",
                          how, message.empty() ? "" : ": ", message));
    return true;
  }

  std::string trained_text(const PlannedRun& run) const {
    const TrainingProgress progress = load_checkpoint_info(folder_.run(run) / "last").progress;
    return fmt::format("{}: trained, best epoch {} of {} with {} ({})", run.name, progress.best.epoch + 1,
                       progress.epoch, selected_text(*run.config.model, progress.best),
                       duration_text(tail_or_nothing(folder_.run(run)).seconds));
  }

  std::vector<RunInWork> in_work() const {
    std::vector<RunInWork> works;
    for (const Job& job : in_work_) works.push_back({job.run, job.evaluating, log_tail(folder_.run(*job.run))});
    return works;
  }

  double seconds_left() const {
    std::vector<RunInWork> runs = in_work();
    for (const PlannedRun* run : waiting_) runs.push_back({run, false, log_tail(folder_.run(*run))});
    return time_left_.of(runs, options_.jobs);
  }

  std::string left_text() const {
    const double left = seconds_left();
    return left < 0 || done_ == runs_ ? std::string() : fmt::format(", {} left", duration_text(left));
  }

  void show() {
    if (std::chrono::steady_clock::now() - last_look_ < 500ms) return;
    last_look_ = std::chrono::steady_clock::now();
    const std::vector<RunInWork> works = in_work();
    for (const RunInWork& work : works)
      if (work.tail && work.run->trained_as.empty()) time_left_.learn(*work.run, *work.tail);
    view_.show(works, done_, runs_, seconds_left());
  }

  const ExperimentPlan& plan_;
  const ExperimentFolder& folder_;
  const JobOptions& options_;
  std::size_t runs_, done_ = 0;
  std::vector<const PlannedRun*> waiting_;
  std::list<Job> in_work_;
  std::vector<std::string> failed_;
  TimeLeft time_left_;
  ExperimentView view_;
  std::chrono::steady_clock::time_point last_look_{};
};

}  // namespace

std::vector<std::string> run_jobs(const ExperimentPlan& plan, const std::vector<PlannedRun>& runs,
                                  const std::vector<const PlannedRun*>& wanted, const ExperimentFolder& folder,
                                  const JobOptions& options) {
  return JobLoop(plan, runs, folder, options).run(wanted);
}

int usual_jobs(const DeviceArguments& device) {
  if (device.device != "cpu") return 1;
  // A training of the paper's sizes was seen to take 325 MiB with vectors of 100 dimensions.
  constexpr double gib_a_run = 0.75;
  double available = 0;
  std::ifstream file("/proc/meminfo");
  for (std::string key, rest; file >> key && std::getline(file, rest);)
    if (key == "MemAvailable:") available = std::strtod(rest.c_str(), nullptr) / (1024.0 * 1024.0);
  const int by_memory = available > 0 ? static_cast<int>(available / gib_a_run) : device.threads;
  return std::clamp(by_memory, 1, device.threads);
}

}  // namespace ethreed

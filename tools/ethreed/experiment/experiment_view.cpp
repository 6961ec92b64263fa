#include "tools/ethreed/experiment/experiment_view.h"

#include "tools/ethreed/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace ethreed {

void TimeLeft::learn(const PlannedRun& run, const LogTail& tail, double evaluation) {
  if (tail.step <= 0 || tail.seconds <= 0) return;
  // A run that has stopped early may have taken fewer steps than it might have.
  seconds_a_run_[run.variant] =
      tail.seconds / static_cast<double>(tail.step) * static_cast<double>(run.steps()) + evaluation;
}

double TimeLeft::seconds_of(const PlannedRun& run) const {
  if (!run.trained_as.empty()) return 0;  // an evaluation alone
  if (const auto known = seconds_a_run_.find(run.variant); known != seconds_a_run_.end()) return known->second;
  double sum = 0;
  for (const auto& [variant, seconds] : seconds_a_run_) sum += seconds;
  return sum / static_cast<double>(seconds_a_run_.size());
}

double TimeLeft::of(const std::vector<RunInWork>& runs, int jobs) const {
  if (seconds_a_run_.empty()) return -1;
  double sum = 0, longest = 0;
  for (const RunInWork& work : runs) {
    const double share =
        work.tail ? static_cast<double>(work.tail->step) / static_cast<double>(work.run->steps()) : 0.0;
    const double left = work.evaluating ? 0.0 : std::max(0.0, 1 - share) * seconds_of(*work.run);
    sum += left;
    longest = std::max(longest, left);
  }
  return std::max(longest, sum / jobs);
}

ExperimentView::ExperimentView() : terminal_(can_draw()) {}

ExperimentView::~ExperimentView() { clear(); }

void ExperimentView::clear() {
  if (lines_ > 0) fmt::print("\x1b[{}A\r\x1b[J", lines_);
  lines_ = 0;
  std::fflush(stdout);
}

void ExperimentView::say(const std::string& line) {
  clear();
  fmt::print("{}\n", line);
  std::fflush(stdout);
  last_shown_ = {};
}

void ExperimentView::show(const std::vector<RunInWork>& in_work, std::size_t done, std::size_t runs,
                          double seconds_left) {
  const auto now = Clock::now();
  if (!terminal_ || now - last_shown_ < std::chrono::milliseconds(200)) return;
  last_shown_ = now;
  clear();
  const std::size_t columns = terminal_columns() - 1;
  std::size_t width = 0;
  for (const RunInWork& work : in_work) width = std::max(width, work.run->name.size());
  const auto put = [&](const std::vector<std::string>& lines) {
    fmt::print("{}\n", fitting(lines, columns));
    ++lines_;
  };
  // More lines than the terminal has could not be cleared again.
  const std::size_t most = std::max<std::size_t>(4, terminal_rows()) - 3;
  for (std::size_t i = 0; i < std::min(most, in_work.size()); ++i) {
    const RunInWork& work = in_work[i];
    const PlannedRun& run = *work.run;
    const std::string name = fmt::format("{:<{}}", run.name, width);
    const LogTail tail = work.tail.value_or(LogTail{});
    if (work.evaluating) {
      put({fmt::format("{}  evaluating", name)});
      continue;
    }
    const double share = std::min(1.0, static_cast<double>(tail.step) / static_cast<double>(run.steps()));
    const std::string epoch = fmt::format("epoch {}/{}", std::max(1, tail.epoch), run.config.recipe.epochs),
                      steps = fmt::format("step {}/{}", tail.step, run.steps()),
                      loss = tail.step > 0 ? fmt::format("loss {:.3f}", tail.loss) : std::string("begins");
    put({fmt::format("{}  {} {}  {}  {}", name, progress_bar(share), epoch, steps, loss),
         fmt::format("{}  {} {}  {}", name, progress_bar(share, 10), epoch, loss), fmt::format("{}  {}", name, epoch)});
  }
  if (in_work.size() > most) put({fmt::format("… and {} more", in_work.size() - most)});
  const double share = runs == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(runs);
  const std::string left = seconds_left < 0 ? std::string("time left: ?") : duration_text(seconds_left) + " left";
  put({fmt::format("{:<{}}  {} {} of {} runs done  {}", "all", width, progress_bar(share), done, runs, left),
       fmt::format("all  {} of {} runs done  {}", done, runs, left), fmt::format("{}/{} {}", done, runs, left)});
  std::fflush(stdout);
}

}  // namespace ethreed

#include "tools/ethreed/progress.h"

#include <fmt/format.h>

#include <unistd.h>

namespace ethreed {

namespace {

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string bar(double share) {
  constexpr int width = 20;
  const int full = static_cast<int>(share * width);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(width - full), '.') + "]";
}

}  // namespace

ProgressDisplay::ProgressDisplay(const Model& model, int epochs, std::int64_t first_step, bool quiet)
    : model_(model), epochs_(epochs), first_step_(first_step), quiet_(quiet), terminal_(::isatty(STDOUT_FILENO) == 1) {}

std::string ProgressDisplay::time_left(const TrainingProgress& progress) const {
  const auto done = static_cast<double>(progress.step - first_step_);
  const auto left = static_cast<double>(batches_ * epochs_ - progress.step);
  return done > 0 ? duration_text(training_seconds_ / done * left) : "?";
}

void ProgressDisplay::step(const TrainingProgress& progress, const StepReport& report, std::int64_t batches_per_epoch) {
  const auto now = Clock::now();
  batches_ = batches_per_epoch;
  const double seconds = seconds_between(last_step_, now);
  training_seconds_ += seconds;
  seconds_since_asked_ += seconds;
  last_step_ = now;
  tokens_since_asked_ += report.targets;
  if (!terminal_ || quiet_ || seconds_between(last_shown_, now) < 0.1) return;
  last_shown_ = now;
  std::string terms;
  for (std::size_t k = 0; k < model_.losses().size(); ++k)
    terms += fmt::format("{}{} {:.3f}", k == 0 ? "" : " ", model_.losses()[k].label, report.term[k]);
  show(fmt::format("epoch {}/{} {} {}/{}  loss {:.3f} ({})  {:.0f} {}/s  {} left", progress.epoch + 1, epochs_,
                   bar(static_cast<double>(progress.next_batch) / static_cast<double>(batches_)), progress.next_batch,
                   batches_, report.total, terms, tokens_per_second_, unit(), time_left(progress)));
}

const char* ProgressDisplay::unit() const { return model_.unit() == Unit::text ? "texts" : "tok"; }

double ProgressDisplay::tokens_per_second_since_asked() {
  tokens_per_second_ = seconds_since_asked_ > 0 ? static_cast<double>(tokens_since_asked_) / seconds_since_asked_ : 0;
  tokens_since_asked_ = 0;
  seconds_since_asked_ = 0;
  return tokens_per_second_;
}

void ProgressDisplay::log_line(const TrainingProgress& progress) {
  if (terminal_ || quiet_) return;
  const RunningLosses& sums = progress.running;
  const auto mean = [&](double sum) { return sum / static_cast<double>(sums.steps); };
  std::string terms;
  for (std::size_t k = 0; k < model_.losses().size(); ++k)
    terms += fmt::format("  {} {:.4f}", model_.losses()[k].label, mean(sums.term[k]));
  print(fmt::format("epoch {}/{} batch {}/{} step {}  loss {:.4f}{}  {:.0f} {}/s  {} left", progress.epoch + 1, epochs_,
                    progress.next_batch, batches_, progress.step, mean(sums.total), terms, tokens_per_second_, unit(),
                    time_left(progress)));
}

void ProgressDisplay::validation(int done, int examples) {
  const auto now = Clock::now();
  last_step_ = now;  // validation is no training time
  if (!terminal_ || quiet_ || (done < examples && seconds_between(last_shown_, now) < 0.1)) return;
  last_shown_ = now;
  show(fmt::format("validation {} {}/{}", bar(static_cast<double>(done) / examples), done, examples));
}

void ProgressDisplay::epoch(const TrainingProgress& progress, std::span<const double> figures) {
  if (quiet_) return;
  std::string shown;
  for (std::size_t k = 0; k < figures.size(); ++k)
    if (const FigureColumn& column = model_.figures()[k]; !column.label.empty())
      shown += fmt::format("{}{} {:.{}f}", shown.empty() ? "" : "  ", column.label, figures[k], column.decimals);
  print(fmt::format("epoch {}/{} valid: {}{}  ({} since start)", progress.epoch + 1, epochs_, shown,
                    progress.best.epoch == progress.epoch ? "  best so far" : "",
                    duration_text(seconds_between(start_, Clock::now()))));
}

void ProgressDisplay::finish() {
  if (bar_open_) fmt::print("\n");
  bar_open_ = false;
  std::fflush(stdout);
}

void ProgressDisplay::show(const std::string& line) {
  fmt::print("\r\x1b[K{}", line);
  std::fflush(stdout);
  bar_open_ = true;
}

void ProgressDisplay::print(const std::string& line) {
  if (bar_open_) fmt::print("\r\x1b[K");
  bar_open_ = false;
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace ethreed

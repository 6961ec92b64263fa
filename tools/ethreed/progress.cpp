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

ProgressDisplay::ProgressDisplay(int epochs, std::int64_t first_step, bool quiet)
    : epochs_(epochs), first_step_(first_step), quiet_(quiet), terminal_(::isatty(STDOUT_FILENO) == 1) {}

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
  tokens_since_asked_ += report.tokens;
  if (!terminal_ || quiet_ || seconds_between(last_shown_, now) < 0.1) return;
  last_shown_ = now;
  show(fmt::format(
      "epoch {}/{} {} {}/{}  loss {:.3f} (emotion {:.2f}+{:.2f} policy {:.3f} reply {:.3f} coverage {:.2f})  {:.0f} "
      "tok/s  {} left",
      progress.epoch + 1, epochs_, bar(static_cast<double>(progress.next_batch) / static_cast<double>(batches_)),
      progress.next_batch, batches_, report.total, report.emotion_speaker, report.emotion_listener, report.policy,
      report.generation, report.coverage, tokens_per_second_, time_left(progress)));
}

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
  print(
      fmt::format("epoch {}/{} batch {}/{} step {}  loss {:.4f}  emotion {:.4f} + {:.4f}  policy {:.4f}  reply {:.4f}  "
                  "coverage {:.4f}  "
                  "{:.0f} tok/s  {} left",
                  progress.epoch + 1, epochs_, progress.next_batch, batches_, progress.step, mean(sums.total),
                  mean(sums.emotion_speaker), mean(sums.emotion_listener), mean(sums.policy), mean(sums.generation),
                  mean(sums.coverage), tokens_per_second_, time_left(progress)));
}

void ProgressDisplay::validation(int done, int dialogues) {
  const auto now = Clock::now();
  last_step_ = now;  // validation is no training time
  if (!terminal_ || quiet_ || (done < dialogues && seconds_between(last_shown_, now) < 0.1)) return;
  last_shown_ = now;
  show(fmt::format("validation {} {}/{}", bar(static_cast<double>(done) / dialogues), done, dialogues));
}

void ProgressDisplay::epoch(const TrainingProgress& progress, const EvaluationResult& result) {
  if (quiet_) return;
  print(fmt::format(
      "epoch {}/{} valid: Acc {:.4f}  listener Acc {:.4f}  PPL {:.2f}  macro PPL {:.2f}  coverage {:.4f}{}  ({} since "
      "start)",
      progress.epoch + 1, epochs_, result.speaker_accuracy, result.listener_accuracy, result.perplexity_token,
      result.perplexity_macro, result.coverage, progress.best.epoch == progress.epoch ? "  best so far" : "",
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

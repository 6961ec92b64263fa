#include "tools/ethreed/progress.h"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

namespace ethreed {

namespace {

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string progress_bar(double share, int width) {
  const int full = static_cast<int>(share * width);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(width - full), '.') + "]";
}

bool can_draw() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::size_t terminal_rows() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) return size.ws_row;
  return 24;
}

std::string figure_text(double value, int decimals) {
  if (std::isnan(value)) return "–";
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : "not finite";
}

std::string selected_text(const Model& model, const ValidationFigures& figures) {
  const Selection selection = model.selection();
  const auto text = [&](int place) {
    const FigureColumn& column = model.figures()[static_cast<std::size_t>(place)];
    return figure_text(figures.value(std::string(column.name)), column.decimals);
  };
  const std::string first = fmt::format("{} {}", selection.label, text(selection.figure));
  return selection.divisor < 0 ? first : fmt::format("{} / {}", first, text(selection.divisor));
}

std::string fitting(const std::vector<std::string>& lines, std::size_t columns) {
  for (const std::string& line : lines)
    if (line.size() <= columns) return line;
  return lines.back().substr(0, columns);
}

ProgressDisplay::ProgressDisplay(const Model& model, int epochs, std::int64_t first_step, bool quiet)
    : model_(model), epochs_(epochs), first_step_(first_step), quiet_(quiet), terminal_(can_draw()) {}

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
    terms += fmt::format("{}{} {}", k == 0 ? "" : " ", model_.losses()[k].label,
                         report.has[k] ? fmt::format("{:.3f}", report.term[k]) : "-");
  const std::string place = fmt::format("epoch {}/{}", progress.epoch + 1, epochs_),
                    batches = fmt::format("{}/{}", progress.next_batch, batches_),
                    loss = fmt::format("loss {:.3f}", report.total),
                    speed = fmt::format("{:.0f} {}/s", tokens_per_second_, unit()),
                    left = time_left(progress) + " left";
  const double share = static_cast<double>(progress.next_batch) / static_cast<double>(batches_);
  show({fmt::format("{} {} {}  {} ({})  {}  {}", place, progress_bar(share), batches, loss, terms, speed, left),
        fmt::format("{} {} {}  {}  {}  {}", place, progress_bar(share), batches, loss, speed, left),
        fmt::format("{} {} {}  {}  {}  {}", place, progress_bar(share, 10), batches, loss, speed, left),
        fmt::format("{} {}  {}  {}", place, batches, loss, left), fmt::format("{}  {}", place, left)});
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
  std::string terms;
  for (std::size_t k = 0; k < model_.losses().size(); ++k)
    terms += fmt::format("  {} {}", model_.losses()[k].label, figure_text(sums.mean(k), 4));
  print(fmt::format("epoch {}/{} batch {}/{} step {}  loss {:.4f}{}  {:.0f} {}/s  {} left", progress.epoch + 1, epochs_,
                    progress.next_batch, batches_, progress.step, sums.mean_total(), terms, tokens_per_second_, unit(),
                    time_left(progress)));
}

void ProgressDisplay::validation(int done, int examples) {
  const auto now = Clock::now();
  last_step_ = now;  // validation is no training time
  if (!terminal_ || quiet_ || (done < examples && seconds_between(last_shown_, now) < 0.1)) return;
  last_shown_ = now;
  show({fmt::format("validation {} {}/{}", progress_bar(static_cast<double>(done) / examples), done, examples),
        fmt::format("validation {}/{}", done, examples)});
}

void ProgressDisplay::epoch(const TrainingProgress& progress, std::span<const double> figures) {
  if (quiet_) return;
  std::string shown;
  for (std::size_t k = 0; k < figures.size(); ++k)
    if (const FigureColumn& column = model_.figures()[k]; !column.label.empty())
      shown +=
          fmt::format("{}{} {}", shown.empty() ? "" : "  ", column.label, figure_text(figures[k], column.decimals));
  print(fmt::format("epoch {}/{} valid: {}{}  ({} since start)", progress.epoch + 1, epochs_, shown,
                    progress.best.epoch == progress.epoch ? "  best so far" : "",
                    duration_text(seconds_between(start_, Clock::now()))));
}

void ProgressDisplay::finish() {
  if (bar_open_) fmt::print("\n");
  bar_open_ = false;
  std::fflush(stdout);
}

void ProgressDisplay::show(const std::vector<std::string>& lines) {
  // A line that fills its row would leave the cursor in the next one on some terminals.
  fmt::print("\r\x1b[K{}", fitting(lines, terminal_columns() - 1));
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

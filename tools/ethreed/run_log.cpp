#include "tools/ethreed/run_log.h"

#include "core/atomic_file.h"
#include "core/json.h"
#include "model/text/line_reader.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

// A whole line of the log; what else may stand there (a torn last line, say) is dropped.
bool is_log_line(const Json& line) {
  return line.is_object() && line.contains("kind") && line.contains("epoch") && line["epoch"].is_number_integer() &&
         line.contains("step") && line["step"].is_number_integer();
}

// A line of the file as JSON, if it is any.
std::optional<Json> parsed(const std::string& text) {
  try {
    return parse_json<Json>(text, "the log", "the line is passed over", {.depth = 4, .array = 1000});
  } catch (const Error&) {
    return {};
  }
}

// Did a run that stands at `progress` write a line of this kind, epoch (from 1) and step before?
bool was_written(bool of_epoch, std::int64_t epoch, std::int64_t step, const TrainingProgress& progress) {
  return of_epoch ? epoch - 1 < progress.epoch : step <= progress.step;
}

bool was_written(const Json& line, const TrainingProgress& progress) {
  return was_written(line.at("kind") == "epoch", line.at("epoch").get<std::int64_t>(),
                     line.at("step").get<std::int64_t>(), progress);
}

// Lines of steps and epochs in a table that a run at `progress` wrote before. They begin with kind, epoch and step.
std::int64_t lines_of_table(const std::filesystem::path& csv, const TrainingProgress& progress) {
  std::ifstream file(csv);
  std::int64_t lines = 0;
  for (std::string text; std::getline(file, text);) {
    std::array<std::string, 3> cells;
    std::istringstream line(text);
    for (std::string& cell : cells) std::getline(line, cell, ',');
    const auto epoch = parse_number<std::int64_t>(cells[1]), step = parse_number<std::int64_t>(cells[2]);
    if (!epoch || !step || (cells[0] != "step" && cells[0] != "epoch")) continue;
    lines += was_written(cells[0] == "epoch", *epoch, *step, progress);
  }
  return lines;
}

}  // namespace

namespace {

constexpr const char* not_finite_key = "not_finite";

// A number of a line: NaN is one that does not exist.
void put(Json& line, const std::string& name, double value) {
  line[name] = std::isfinite(value) ? Json(value) : Json();
  if (!std::isfinite(value) && !std::isnan(value)) line[not_finite_key].push_back(name);
}

bool is_not_finite(const Json& line, const std::string& column) {
  const auto names = line.find(not_finite_key);
  return names != line.end() && names->is_array() && std::find(names->begin(), names->end(), column) != names->end();
}

Json line_of(const RecipeChange& change) {
  return {{"kind", "change"}, {"epoch", change.epoch + 1}, {"step", change.step}, {"change", change.text}};
}

}  // namespace

std::string RunLog::csv_line(const Json& line) const {
  std::string text;
  for (const std::string& column : columns_) {
    if (column != columns_.front()) text += ',';
    const auto found = line.find(column);
    if (is_not_finite(line, column))
      text += "inf";
    else if (found != line.end() && !found->is_null())
      text += found->is_string() ? found->get<std::string>() : found->dump();
  }
  return text + "\n";
}

std::string RunLog::csv_header() const { return fmt::format("{}\n", fmt::join(columns_, ",")); }

RunLog::RunLog(const std::filesystem::path& run, const CheckpointInfo& info)
    : model_(*info.config.model),
      csv_(run / "log.csv"),
      jsonl_(run / "log.jsonl"),
      columns_{"kind", "epoch", "step", "learning_rate", "loss_total"} {
  for (const LossColumn& loss : model_.losses()) columns_.push_back("loss_" + std::string(loss.name));
  for (const char* column : {"gradient_norm", "target_tokens", "tokens_per_second"}) columns_.emplace_back(column);
  for (const FigureColumn& figure : model_.figures())
    if (figure.logged) columns_.emplace_back(figure.name);
  for (const char* column : {"seconds", "change"}) columns_.emplace_back(column);
  std::string csv = csv_header();
  std::string jsonl;
  const auto keep = [&](const Json& line) {
    csv += csv_line(line);
    jsonl += line.dump() + "\n";
    if (const auto seconds = line.find("seconds"); seconds != line.end() && seconds->is_number())
      seconds_before_ = std::max(seconds_before_, seconds->get<double>());
  };
  std::size_t changes = 0;  // of the checkpoint, that are in the log
  std::int64_t lines = 0;   // of steps and epochs
  std::ifstream before(jsonl_);
  for (std::string text; info.progress.step > 0 && std::getline(before, text);) {
    const std::optional<Json> line = parsed(text);
    if (!line || !is_log_line(*line) || !was_written(*line, info.progress)) continue;
    if (line->at("kind") == "change" && (changes == info.changes.size() || *line != line_of(info.changes[changes++])))
      continue;
    lines += line->at("kind") != "change";
    keep(*line);
  }
  if (info.progress.step > 0) keep_longer_table(lines, info.progress);
  for (; changes < info.changes.size(); ++changes) keep(line_of(info.changes[changes]));
  write_text_atomically(csv_, csv);
  write_text_atomically(jsonl_, jsonl);
}

// The table is made anew from the lines of log.jsonl: what it has beyond them would be lost.
void RunLog::keep_longer_table(std::int64_t lines, const TrainingProgress& progress) {
  const std::int64_t there = lines_of_table(csv_, progress);
  if (there <= lines) return;
  std::filesystem::path kept = csv_;
  kept += ".old";
  for (int number = 2; std::filesystem::exists(kept); ++number) kept = fmt::format("{}.old-{}", csv_.string(), number);
  std::error_code error;
  std::filesystem::rename(csv_, kept, error);
  ETHREED_CHECK(!error, "{}: cannot be kept as {}: {}; make the folder writable", csv_.string(), kept.string(),
                error.message());
  note_ = fmt::format("{}: lacks {} of the {} lines that log.csv had of the run so far; that table is kept as {}",
                      jsonl_.string(), there - lines, there, kept.string());
}

double RunLog::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void RunLog::add_steps(const TrainingProgress& progress, double learning_rate, double tokens_per_second) {
  const RunningLosses& sums = progress.running;
  Json line{{"kind", "step"}, {"epoch", progress.epoch + 1}, {"step", progress.step}, {"learning_rate", learning_rate}};
  put(line, "loss_total", sums.mean_total());
  for (std::size_t k = 0; k < model_.losses().size(); ++k)
    put(line, "loss_" + std::string(model_.losses()[k].name), sums.mean(k));
  put(line, "gradient_norm", sums.gradient_norm / static_cast<double>(sums.steps));
  line["target_tokens"] = sums.tokens;
  line["tokens_per_second"] = tokens_per_second;
  line["seconds"] = seconds();
  append(line);
}

void RunLog::add_epoch(const TrainingProgress& progress, std::span<const double> figures, const LossMeans& losses,
                       double learning_rate) {
  Json line{
      {"kind", "epoch"}, {"epoch", progress.epoch + 1}, {"step", progress.step}, {"learning_rate", learning_rate}};
  put(line, "loss_total", losses.total);
  for (std::size_t k = 0; k < model_.losses().size(); ++k)
    put(line, "loss_" + std::string(model_.losses()[k].name), losses.term[k]);
  for (std::size_t k = 0; k < figures.size(); ++k)  // counted in the same unit as in lines of kind "step"
    if (model_.figures()[k].name == "target_tokens") line["target_tokens"] = static_cast<std::int64_t>(figures[k]);
  for (std::size_t k = 0; k < figures.size(); ++k)
    if (model_.figures()[k].logged) put(line, std::string(model_.figures()[k].name), figures[k]);
  line["seconds"] = seconds();
  append(line);
}

void RunLog::write_event(const Json& line) const {
  const std::string group = line.at("kind") == "epoch" ? "valid/" : "train/";
  std::vector<EventScalar> scalars;
  for (const auto& [name, value] : line.items())
    if (name != "step" && value.is_number()) scalars.push_back({group + name, value.get<double>()});
  if (const auto names = line.find(not_finite_key); names != line.end())
    for (const Json& name : *names)
      scalars.push_back({group + name.get<std::string>(), std::numeric_limits<double>::infinity()});
  events_->add(line.at("step").get<std::int64_t>(), scalars);
}

void RunLog::append(const Json& line) {
  if (events_ != nullptr) write_event(line);
  for (const auto& [path, text] : {std::pair{csv_, csv_line(line)}, std::pair{jsonl_, line.dump() + "\n"}}) {
    std::ofstream stream(path, std::ios::app);
    stream << text << std::flush;
    ETHREED_CHECK(stream, "{}: cannot write the log; free some space, then go on with --resume", path.string());
  }
}

}  // namespace ethreed

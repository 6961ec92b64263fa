#include "tools/ethreed/run_log.h"

#include "core/atomic_file.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <string_view>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

// A whole line of the log; what else may stand there (a torn last line, say) is dropped.
bool is_log_line(const Json& line) {
  return line.is_object() && line.contains("kind") && line.contains("epoch") && line["epoch"].is_number_integer() &&
         line.contains("step") && line["step"].is_number_integer();
}

// Did a run that stands at `progress` write this line before?
bool was_written(const Json& line, const TrainingProgress& progress) {
  const std::int64_t epoch = line.at("epoch").get<std::int64_t>() - 1;
  if (line.at("kind") == "epoch") return epoch < progress.epoch;
  return line.at("step").get<std::int64_t>() <= progress.step;
}

}  // namespace

std::string RunLog::csv_line(const Json& line) const {
  std::string text;
  for (const std::string& column : columns_) {
    if (!text.empty()) text += ',';
    const auto found = line.find(column);
    if (found != line.end()) text += found->is_string() ? found->get<std::string>() : found->dump();
  }
  return text + "\n";
}

std::string RunLog::csv_header() const { return fmt::format("{}\n", fmt::join(columns_, ",")); }

RunLog::RunLog(const std::filesystem::path& run, const Model& model, const TrainingProgress& progress)
    : model_(model),
      csv_(run / "log.csv"),
      jsonl_(run / "log.jsonl"),
      columns_{"kind", "epoch", "step", "learning_rate", "loss_total"} {
  for (const LossColumn& loss : model.losses()) columns_.push_back("loss_" + std::string(loss.name));
  for (const char* column : {"gradient_norm", "target_tokens", "tokens_per_second"}) columns_.emplace_back(column);
  for (const FigureColumn& figure : model.figures())
    if (figure.logged) columns_.emplace_back(figure.name);
  std::string csv = csv_header();
  std::string jsonl;
  std::ifstream before(jsonl_);
  for (std::string text; progress.step > 0 && std::getline(before, text);) {
    const Json line = Json::parse(text, nullptr, false);
    if (!is_log_line(line) || !was_written(line, progress)) continue;
    csv += csv_line(line);
    jsonl += line.dump() + "\n";
  }
  write_text_atomically(csv_, csv);
  write_text_atomically(jsonl_, jsonl);
}

void RunLog::add_steps(const TrainingProgress& progress, double learning_rate, double tokens_per_second) {
  const RunningLosses& sums = progress.running;
  const auto mean = [&](double sum) { return sum / static_cast<double>(sums.steps); };
  Json line{{"kind", "step"},
            {"epoch", progress.epoch + 1},
            {"step", progress.step},
            {"learning_rate", learning_rate},
            {"loss_total", mean(sums.total)}};
  for (std::size_t k = 0; k < model_.losses().size(); ++k)
    line["loss_" + std::string(model_.losses()[k].name)] = mean(sums.term[k]);
  line["gradient_norm"] = mean(sums.gradient_norm);
  line["target_tokens"] = sums.tokens;
  line["tokens_per_second"] = tokens_per_second;
  append(line);
}

void RunLog::add_epoch(const TrainingProgress& progress, std::span<const double> figures, double learning_rate) {
  Json line{
      {"kind", "epoch"}, {"epoch", progress.epoch + 1}, {"step", progress.step}, {"learning_rate", learning_rate}};
  for (std::size_t k = 0; k < figures.size(); ++k)  // counted in the same unit as in lines of kind "step"
    if (model_.figures()[k].name == "target_tokens") line["target_tokens"] = static_cast<std::int64_t>(figures[k]);
  for (std::size_t k = 0; k < figures.size(); ++k)
    if (model_.figures()[k].logged) line[std::string(model_.figures()[k].name)] = figures[k];
  append(line);
}

void RunLog::append(const Json& line) {
  for (const auto& [path, text] : {std::pair{csv_, csv_line(line)}, std::pair{jsonl_, line.dump() + "\n"}}) {
    std::ofstream stream(path, std::ios::app);
    stream << text << std::flush;
    ETHREED_CHECK(stream, "{}: cannot write the log; free some space, then go on with --resume", path.string());
  }
}

}  // namespace ethreed

#include "tools/ethreed/run_log.h"

#include "core/atomic_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <fstream>
#include <string>
#include <string_view>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 18> columns{"kind",
                                                   "epoch",
                                                   "step",
                                                   "learning_rate",
                                                   "loss_total",
                                                   "loss_emotion_speaker",
                                                   "loss_emotion_listener",
                                                   "loss_policy",
                                                   "loss_generation",
                                                   "loss_coverage",
                                                   "gradient_norm",
                                                   "target_tokens",
                                                   "tokens_per_second",
                                                   "speaker_accuracy",
                                                   "listener_accuracy",
                                                   "perplexity_token",
                                                   "perplexity_macro",
                                                   "coverage"};

std::string csv_line(const Json& line) {
  std::string text;
  for (const std::string_view column : columns) {
    if (!text.empty()) text += ',';
    const auto found = line.find(column);
    if (found != line.end()) text += found->is_string() ? found->get<std::string>() : found->dump();
  }
  return text + "\n";
}

std::string csv_header() {
  std::string text;
  for (const std::string_view column : columns) text += (text.empty() ? "" : ",") + std::string(column);
  return text + "\n";
}

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

RunLog::RunLog(const std::filesystem::path& run, const TrainingProgress& progress)
    : csv_(run / "log.csv"), jsonl_(run / "log.jsonl") {
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
  append({{"kind", "step"},
          {"epoch", progress.epoch + 1},
          {"step", progress.step},
          {"learning_rate", learning_rate},
          {"loss_total", mean(sums.total)},
          {"loss_emotion_speaker", mean(sums.emotion_speaker)},
          {"loss_emotion_listener", mean(sums.emotion_listener)},
          {"loss_policy", mean(sums.policy)},
          {"loss_generation", mean(sums.generation)},
          {"loss_coverage", mean(sums.coverage)},
          {"gradient_norm", mean(sums.gradient_norm)},
          {"target_tokens", sums.tokens},
          {"tokens_per_second", tokens_per_second}});
}

void RunLog::add_epoch(const TrainingProgress& progress, const EvaluationResult& result, double learning_rate) {
  append({{"kind", "epoch"},
          {"epoch", progress.epoch + 1},
          {"step", progress.step},
          {"learning_rate", learning_rate},
          {"target_tokens", result.tokens},
          {"speaker_accuracy", result.speaker_accuracy},
          {"listener_accuracy", result.listener_accuracy},
          {"perplexity_token", result.perplexity_token},
          {"perplexity_macro", result.perplexity_macro},
          {"coverage", result.coverage}});
}

void RunLog::append(const Json& line) {
  for (const auto& [path, text] : {std::pair{csv_, csv_line(line)}, std::pair{jsonl_, line.dump() + "\n"}}) {
    std::ofstream stream(path, std::ios::app);
    stream << text << std::flush;
    ETHREED_CHECK(stream, "{}: cannot write the log; free some space, then go on with --resume", path.string());
  }
}

}  // namespace ethreed

#include "model/text/label_columns.h"

#include "model/text/label_file.h"
#include "model/text/line_reader.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <map>

namespace ethreed {

namespace {

void check_label(const LabelFile& file, std::string_view label) {
  ETHREED_CHECK(!label.empty(), "{}: the label is empty; name a class or remove the row", file.place());
  const bool printable = std::none_of(label.begin(), label.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' || byte == 0x7F;
  });
  // Class names are kept as metadata, which must be text.
  ETHREED_CHECK(printable && is_utf8(label), "{}: the label '{}' holds control characters or bytes that are no UTF-8",
                file.place(), excerpt(label));
}

}  // namespace

bool is_column_name(std::string_view name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == std::string_view::npos;
}

ColumnLabels read_label_column(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                               bool distributions) {
  LabelFile file(path, splits);
  ColumnLabels labels;
  std::map<std::string, std::int32_t, std::less<>> classes;  // numbered as they are met, until all are known
  const ProbabilityColumns probabilities = distributions ? file.probability_columns() : ProbabilityColumns{};
  const std::size_t width = probabilities.classes.size();
  for (const std::string& name : probabilities.classes) {
    check_label(file, name);
    classes.emplace(name, static_cast<std::int32_t>(classes.size()));
  }
  for (const CorpusSplit& split : splits) {
    std::size_t turns = 0;
    for (const Dialogue& dialogue : split.dialogues) turns += dialogue.turns.size();
    labels.of_utterance.emplace_back(2 * turns, -1);
    if (distributions) labels.distributions.emplace_back(2 * turns * width, 0.0F);
  }
  for (LabelRow row; file.next(row);) {
    check_label(file, row.label);
    ETHREED_CHECK(!distributions || classes.contains(row.label),
                  "{}: the label '{}' has no column p_{}, and probabilities are wanted; write them with: ethreed label "
                  "--distribution",
                  file.place(), excerpt(row.label), excerpt(row.label));
    const std::int32_t met =
        classes.emplace(std::string(row.label), static_cast<std::int32_t>(classes.size())).first->second;
    if (row.other_split) {
      ++labels.other_splits;
      continue;
    }
    file.check_first_label(row);
    if (!row.place) {
      ++labels.dropped_posts;
      continue;
    }
    std::int32_t& label = labels.of_utterance[row.split][*row.place];
    if (label >= 0) ++labels.joined;
    label = met;
    if (distributions)
      file.read_probabilities(probabilities.places,
                              std::span(labels.distributions[row.split]).subspan(*row.place * width, width));
    ++labels.used;
  }
  labels.rows = file.rows();
  labels.notes = file.notes();
  ETHREED_CHECK(labels.rows > 0, "{}: holds no label, only a header; fill the file or leave the column out",
                path.string());
  std::vector<std::int32_t> number(classes.size());  // of the class that was met as the i-th
  for (const auto& [label, met] : classes) {         // in the order of bytes
    number[met] = static_cast<std::int32_t>(labels.classes.size());
    labels.classes.emplace_back(label);
  }
  for (std::vector<std::int32_t>& split : labels.of_utterance)
    for (std::int32_t& label : split)
      if (label >= 0) label = number[label];
  return labels;
}

}  // namespace ethreed

#pragma once
// What the writer and the reader of a data set's file have in common.

#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

inline constexpr std::string_view dataset_format_name = "ethreed-dataset";
/// What is written where every emotion is one of the 32 and a dialogue's. 1 had neither situations nor label columns
/// and is read too.
inline constexpr std::string_view dataset_format_version = "2";
/// What is written where that is not so.
inline constexpr std::string_view emotions_format_version = "3";
/// What is written where replies have distributions of emotions.
inline constexpr std::string_view distributions_format_version = "4";
/// What is written where utterances have distributions of a label column's classes.
inline constexpr std::string_view label_distributions_format_version = "5";
inline constexpr std::string_view first_dataset_format_version = "1";

/// Metadata: the names of emotions that are not the 32, one a line.
inline constexpr std::string_view emotions_key = "emotions";

inline constexpr std::string_view label_key_prefix = "label.";
inline constexpr std::string_view label_key_suffix = ".classes";
/// Metadata: the class names of a label column, one a line.
inline std::string label_classes_key(std::string_view column) {
  return std::string(label_key_prefix) + std::string(column) + std::string(label_key_suffix);
}
/// The tensor of a label column in a split.
inline std::string label_tensor_name(std::string_view split, std::string_view column) {
  return std::string(split) + '.' + std::string(label_key_prefix) + std::string(column);
}

/// The tensor of a label column's distributions in a split.
inline std::string distribution_tensor_name(std::string_view split, std::string_view column) {
  return std::string(split) + ".label_distribution." + std::string(column);
}

/// Lines of a metadata value.
inline std::vector<std::string> lines_of_metadata(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = text.find('\n', begin) == std::string_view::npos ? text.size() : text.find('\n', begin);
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace ethreed

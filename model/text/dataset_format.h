#pragma once
// What the writer and the reader of a data set's file have in common.

#include <string>
#include <string_view>

namespace ethreed {

inline constexpr std::string_view dataset_format_name = "ethreed-dataset";
/// What is written. 1 had neither situations nor label columns and is read too.
inline constexpr std::string_view dataset_format_version = "2";
inline constexpr std::string_view first_dataset_format_version = "1";

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

}  // namespace ethreed

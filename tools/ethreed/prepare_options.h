#pragma once
// The options of `ethreed prepare`, for whoever calls it with some of them.

#include "model/text/prepare.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

struct PrepareArguments {
  PrepareOptions options;  ///< those that need no translation
  // Options that are words.
  std::string tokens = "own", vocabulary = "train";
  std::string other_labels = "error", labels_of = "auto", emotion_per = "auto", empty = "drop", listener_first = "keep",
              replies = "all";
  std::string delimiter;
  std::optional<std::int64_t> min_frequency;
  std::vector<std::string> label_columns;         ///< "NAME=FILE"
  std::vector<std::string> column_distributions;  ///< names among them
  std::string like, checkpoint = "best";
  /// Throws Error if a word is none, if distributions are wanted of a column that is not there, if the minimum
  /// frequency is for another vocabulary, or as likeness_of does.
  PrepareOptions checked() const;
};

/// All of them, the corpus first. `arguments` must outlive the parsing.
void add_prepare_options(CLI::App& command, PrepareArguments& arguments);

}  // namespace ethreed

#pragma once
// The splits of a corpus in a folder.

#include "model/text/corpus.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

struct SplitFile {
  std::string split;  ///< "train", "valid" or "test"
  std::filesystem::path path;
};

/// The splits of a folder, in the order train, valid, test: files called train, valid (or validation, or dev) and test
/// with the endings .csv, .tsv, .jsonl or .json. `unread` gets the names of other files with such endings, in order.
/// Throws Error if `directory` is no folder or two files are of one split.
std::vector<SplitFile> find_split_files(const std::filesystem::path& directory,
                                        std::vector<std::string>* unread = nullptr);

struct Corpus {
  std::vector<CorpusSplit> splits;        ///< train first
  std::vector<std::string> unread_files;  ///< tables of the folder that are no split
};

/// Reads all splits. Throws Error where one is damaged, there is none called train, or a dialogue is in two splits.
Corpus read_corpus(const std::filesystem::path& directory, const CorpusOptions& options = {});

}  // namespace ethreed

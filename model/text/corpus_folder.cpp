#include "model/text/corpus_folder.h"

#include "core/error.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> table_endings{".csv", ".tsv", ".jsonl", ".json"};

}  // namespace

std::vector<SplitFile> find_split_files(const fs::path& directory, std::vector<std::string>* unread) {
  ETHREED_CHECK(fs::is_directory(directory),
                "{}: is not a folder; give the folder that holds train.csv (and valid.csv, test.csv)",
                directory.string());
  std::vector<SplitFile> found;
  std::vector<std::string> others;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const fs::path& path = entry.path();
    if (std::find(table_endings.begin(), table_endings.end(), path.extension().string()) == table_endings.end())
      continue;
    if (const auto split = split_called(path.stem().string()))
      found.push_back({std::string(*split), path});
    else
      others.push_back(path.filename().string());
  }
  const auto order = [](const SplitFile& file) { return file.split == "train" ? 0 : file.split == "valid" ? 1 : 2; };
  std::sort(found.begin(), found.end(), [&](const SplitFile& a, const SplitFile& b) {
    return order(a) != order(b) ? order(a) < order(b) : a.path < b.path;
  });
  for (std::size_t i = 1; i < found.size(); ++i)
    ETHREED_CHECK(found[i].split != found[i - 1].split, "{}: {} and {} are both of the split {}; leave one of them",
                  directory.string(), found[i - 1].path.filename().string(), found[i].path.filename().string(),
                  found[i].split);
  std::sort(others.begin(), others.end());
  if (unread != nullptr) *unread = std::move(others);
  return found;
}

Corpus read_corpus(const fs::path& directory, const CorpusOptions& options) {
  Corpus corpus;
  const std::vector<SplitFile> files = find_split_files(directory, &corpus.unread_files);
  ETHREED_CHECK(
      !files.empty() && files.front().split == "train",
      "{}: there is no train.csv (nor .tsv, .jsonl, .json); the vocabulary comes from it, so put the corpus's "
      "training split there",
      directory.string());
  for (const SplitFile& file : files) corpus.splits.push_back(read_corpus_split(file.path, file.split, options));
  // A dialogue in two splits would be tested on what it was trained on (and its labels would be ambiguous).
  std::unordered_map<std::string_view, const CorpusSplit*> split_of;
  for (const CorpusSplit& split : corpus.splits)
    for (const std::vector<Dialogue>* list : {&split.dialogues, &split.dropped})
      for (const Dialogue& dialogue : *list) {
        const auto [place, added] = split_of.emplace(dialogue.conversation_id, &split);
        ETHREED_CHECK(added, "{}: the dialogue '{}' is in {} and in {}; leave it in one split, or name it otherwise",
                      directory.string(), dialogue.conversation_id, place->second->file, split.file);
      }
  return corpus;
}

}  // namespace ethreed

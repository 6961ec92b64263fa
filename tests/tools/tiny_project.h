#pragma once
// A corpus of short dialogues in a temporary folder, and the program `ethreed` run there: everything small enough that
// preparing and training take a fraction of a second.

#include "tests/temporary_folder.h"
#include "tests/tools/program.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ethreed {

/// Every file and folder below a folder by its path, with the content of the files.
using Snapshot = std::map<std::string, std::string>;
Snapshot snapshot_of(const std::filesystem::path& folder);

std::vector<std::string> lines_of(const std::string& text);

/// The folder holds corpus/train.csv, corpus/valid.csv, labels.csv (a label for every reply) and small.json (a
/// configuration with states of 8).
class TinyProject {
 public:
  /// 24 dialogues to train on and 8 to validate on, with one or two turns each, unless told otherwise.
  explicit TinyProject(int train = 24, int valid = 8);

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path file(const std::string& name, const std::string& content) const {
    return folder_.file(name, content);
  }
  std::string content(const std::string& name) const { return content_of(folder_ / name); }
  nlohmann::json json(const std::string& name) const { return nlohmann::json::parse(content(name)); }
  Snapshot snapshot() const { return snapshot_of(folder_.path()); }

  /// Runs `ethreed` in the folder, so that its messages name files as the test does.
  Outcome ethreed(const std::vector<std::string>& arguments, ProgramOptions options = {}) const;
  /// The same where only success makes sense: fails the test (Catch2) otherwise. Returns standard output.
  std::string must(const std::vector<std::string>& arguments, ProgramOptions options = {}) const;
  /// Started, not waited for.
  Program start(const std::vector<std::string>& arguments, ProgramOptions options = {}) const;

  /// corpus and labels.csv → the data set `data`.
  void prepare() const;
  /// The arguments of a small training: data → `run`, steps of 4 dialogues; then `more`. Without --epochs there: 2
  /// epochs; without --log-every there: a line of the log every 2 steps.
  std::vector<std::string> training(const std::string& run, const std::vector<std::string>& more = {}) const;
  /// Prepares and trains `run`.
  void prepare_and_train() const;

 private:
  TemporaryFolder folder_;
};

/// With the data set `data` and the trained `run`.
class TrainedProject : public TinyProject {
 public:
  TrainedProject() { prepare_and_train(); }
};

/// Checks (Catch2) that the program refuses: an exit code other than 0, one line on standard error that starts with
/// "ethreed: " and holds each of `parts`, nothing on standard output, and every file as it was.
void check_refusal(const TinyProject& project, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& parts, const ProgramOptions& options = {});

}  // namespace ethreed

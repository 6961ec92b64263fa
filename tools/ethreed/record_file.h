#pragma once
// The records that a command writes: whole or not at all, and gone on with after an interruption.

#include "core/atomic_file.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Records go to `<path>.part`, whose first line says what they were made from; commit() puts them in place of `path`
/// and removes it. Where it is there from an earlier call, the work goes on behind it. "-" is standard output, which is
/// written at once and cannot be gone on with; so is a path that is no regular file (/dev/null).
class RecordFile {
 public:
  /// `made_from`: one line; two calls with the same one write the same records. Throws Error if the part that is there
  /// was made from something else, or the file cannot be written.
  RecordFile(std::string path, std::string made_from);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// Records that are there from an earlier call, in order.
  const std::vector<std::string>& kept() const { return kept_; }
  /// Says which of them stay: the first `count`. Before the first write().
  void keep(std::size_t count);
  /// Appends whole records, a line each.
  void write(std::string_view lines);
  void commit();
  /// What a person is told after an interruption.
  std::string how_to_go_on() const;

 private:
  void check(bool good, std::string_view doing) const;

  std::string path_, part_, made_from_;
  bool resumable_;
  std::vector<std::string> kept_;
  std::FILE* file_ = nullptr;
};

}  // namespace ethreed

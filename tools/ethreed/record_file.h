#pragma once
// The records that a command writes: whole or not at all, and gone on with after an interruption.

#include "core/output_place.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Records go to `<path>.part`, whose first line says what they were made from; commit() puts them in place of `path`
/// and removes it. Where it is there from an earlier call, the work goes on behind it. "-" is standard output, which is
/// written at once and cannot be gone on with; so is what is written into (a device, a pipe; core/output_place.h).
///
/// A line of the part is a record, a tab and a checksum of everything before it, so that a line that was changed, taken
/// away or put in is found. The part is locked for as long as this object lives.
class RecordFile {
 public:
  /// `made_from`: one line; two calls with the same one write the same records. Throws Error if the part that is there
  /// was made from something else, is damaged (naming its line) or is written by another process, or if the file cannot
  /// be written.
  RecordFile(std::string path, std::string made_from);
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
  struct Descriptor {
    int value = -1;
    Descriptor() = default;
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    void close();
  };
  // Where a line of the part ends, and the checksum of all up to there.
  struct Mark {
    std::size_t end = 0;
    std::uint64_t sum = 0;
  };
  void check(bool good, std::string_view doing) const;
  void open_part();
  void read_part();
  void put(std::string_view bytes);
  std::string text_of_part() const;

  std::string path_, part_, made_from_;
  bool resumable_ = false;
  Descriptor file_;
  std::vector<std::string> kept_;
  std::vector<Mark> marks_;  // of the first line, then of each record that was kept
  std::uint64_t sum_ = 0;    // of all that is written
};

}  // namespace ethreed

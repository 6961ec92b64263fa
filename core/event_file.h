#pragma once
// Event files of TensorBoard: scalars by name and step. A file is a row of TFRecords (length, its checksum, data, its
// checksum), each a message `Event` of tensorflow/core/util/event.proto in the wire format of protocol buffers.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace ethreed {

struct EventScalar {
  std::string tag;   ///< "valid/perplexity": what stands before the slash is a group
  double value = 0;  ///< kept as float32
};

/// One file. Events are at the disk's disposal as soon as they are written.
class EventFile {
 public:
  /// Makes a new file in `folder`, which is made if need be: TensorBoard reads all files of a folder as one run, in the
  /// order of their names. A viewer drops what earlier files have from `first_step` on: a run that goes on writes these
  /// again. Throws Error if it cannot be written.
  EventFile(const std::filesystem::path& folder, std::int64_t first_step);

  /// One event with all these scalars, at the present time. Throws Error if it cannot be written.
  void add(std::int64_t step, std::span<const EventScalar> scalars);
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void write(const std::string& event);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace ethreed

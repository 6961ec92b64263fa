#pragma once
// Where what is written to a path goes: through symlinks, into devices and pipes.

#include <filesystem>

namespace ethreed {

struct OutputPlace {
  std::filesystem::path path;  ///< without symlinks at its end
  /// A regular file, or nothing, is there: a whole file takes its place. Else it is written into.
  bool is_replaced = true;
  int descriptor = -1;  ///< of this process, where the path means one (/dev/stdout, /dev/fd/63)
};

/// What a path of an output means. Throws Error for what nothing should be written to: a block device, a socket, a
/// symlink that leads nowhere but to itself, a descriptor that is not open for writing. A folder is left to the writer.
OutputPlace output_place(const std::filesystem::path& path);

/// A descriptor of one's own to write into what is not replaced. Waits until a pipe has a reader, and no longer than
/// until a signal is caught. Throws Error if it cannot be opened, and after the signal.
int open_output(const OutputPlace& place);

}  // namespace ethreed

#pragma once
// RUN/run.json: what `ethreed train` was called with that is none of the model's. It lies beside the checkpoints, which
// hold no path: last/ and best/ can be passed on by themselves.

#include <cstdint>
#include <filesystem>
#include <optional>

namespace ethreed {

struct RunFolder {
  std::filesystem::path data;  ///< relative to the run's folder; empty: not known
  std::optional<std::int64_t> log_every, save_every;

  /// Empty where there is no such file. Throws Error if it is damaged.
  static RunFolder read(const std::filesystem::path& run);
  /// Throws Error if it cannot be written.
  void write(const std::filesystem::path& run) const;
};

/// `path` as seen from the folder `run`, links resolved.
std::filesystem::path seen_from(const std::filesystem::path& run, const std::filesystem::path& path);

}  // namespace ethreed

#pragma once
// What writers that were killed have left beside their target.

#include <filesystem>

namespace ethreed {

/// `<target>.tmp-<process id>`: where this process writes what is to become `target`.
std::filesystem::path temporary_beside(const std::filesystem::path& target);

/// Whether a path has a name of that kind, whoever's.
bool is_temporary(const std::filesystem::path& path);

/// Marks an open file or folder as one that a living process writes to, until the descriptor is closed. Does nothing on
/// file systems without locks.
void mark_as_written(int descriptor) noexcept;

/// Removes the files and folders `<target>.tmp-<digits>` that no living process has marked: what a writer that was
/// killed has left. Those that cannot be looked at or removed stay; without locks all stay.
void remove_abandoned(const std::filesystem::path& target) noexcept;

}  // namespace ethreed

#include "core/atomic_file.h"

#include "core/abandoned_files.h"
#include "core/error.h"
#include "core/output_place.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace ethreed {

namespace {

std::string_view advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free some space or choose another disk";
    case EFBIG: return "the file size limit is reached (ulimit -f): raise it";
    case EACCES:
    case EPERM:
    case EROFS: return "choose a folder you may write to";
    case ENOENT:
    case ENOTDIR: return "create the folder first";
    case EISDIR: return "the path is a folder: give the path of a file";
    default: return "nothing was changed; try again or choose another folder";
  }
}

// Some file systems do not let a folder be synced (EINVAL); the rename is done by then, so this is best effort.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  const OutputPlace place = output_place(path_);
  if (!place.is_replaced) {
    descriptor_ = open_output(place);
    return;
  }
  target_ = place.path;
  temporary_ = temporary_beside(target_);
  remove_abandoned(target_);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor_ < 0) give_up("creating", errno);
  mark_as_written(descriptor_);
}

AtomicFile::~AtomicFile() { discard(); }

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      synced_(other.synced_) {}

void AtomicFile::write(std::span<const std::byte> bytes) {
  ETHREED_CHECK(descriptor_ >= 0, "AtomicFile::write: {} is already committed or failed", path_.string());
  synced_ = false;
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), 1U << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) give_up("writing", errno);
    bytes = bytes.subspan(written);
  }
}

void AtomicFile::sync() {
  ETHREED_CHECK(descriptor_ >= 0, "AtomicFile::sync: {} is already committed or failed", path_.string());
  if (synced_ || temporary_.empty()) return;
  if (::fsync(descriptor_) != 0) give_up("writing", errno);
  synced_ = true;
}

void AtomicFile::commit() {
  ETHREED_CHECK(descriptor_ >= 0, "AtomicFile::commit: {} is already committed or failed", path_.string());
  sync();
  // The descriptor stays open until the rename has succeeded, so that discard() knows there is something to remove.
  if (!temporary_.empty() && ::rename(temporary_.c_str(), target_.c_str()) != 0) give_up("putting in place", errno);
  ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) sync_folder(target_.parent_path());
}

void AtomicFile::give_up(std::string_view doing, int error) {
  discard();
  fail("{}: {} it failed ({}); {}", path_.string(), doing, std::strerror(error), advice(error));
}

void AtomicFile::discard() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void write_text_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace ethreed

#include "core/atomic_folder.h"

#include "core/abandoned_files.h"
#include "core/error.h"

#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

// "runs/one" of "runs/one/".
fs::path without_slash(const fs::path& path) {
  const fs::path normal = fs::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& target) : target_(without_slash(target)) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(target_, error))) {
    ETHREED_CHECK(fs::is_directory(target_), "{}: is a file; give the path of a new folder", target.string());
    const fs::directory_iterator entries(target_, error);
    ETHREED_CHECK(!error, "{}: cannot be read ({})", target.string(), error.message());
    if (entries != fs::directory_iterator())
      fail("{}: holds '{}' already; give a new folder", target.string(), entries->path().filename().string());
  }
  fs::create_directories(target_.parent_path(), error);
  remove_abandoned(target_);
  temporary_ = temporary_beside(target_);
  if (!error) fs::remove_all(temporary_, error);
  if (!error) fs::create_directory(temporary_, error);
  ETHREED_CHECK(!error, "{}: the folder cannot be made ({}); choose one that you may write to", target.string(),
                error.message());
  descriptor_ = ::open(temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  mark_as_written(descriptor_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AtomicFolder::commit() {
  std::error_code error;
  fs::rename(temporary_, target_, error);  // takes the place of an empty folder, too
  ETHREED_CHECK(!error, "{}: the folder cannot be put in place ({}); give a new folder", target_.string(),
                error.message());
  committed_ = true;
}

}  // namespace ethreed

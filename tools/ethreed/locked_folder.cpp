#include "tools/ethreed/locked_folder.h"

#include "core/error.h"

#include <unistd.h>

#include <string_view>
#include <system_error>

namespace ethreed {

namespace fs = std::filesystem;

void check_output_folder(const fs::path& path, const std::string& option) {
  ETHREED_CHECK(!path.empty(), "{}: names no folder; give one", option);
  std::error_code error;
  const fs::path whole = fs::absolute(path).lexically_normal();
  ETHREED_CHECK(!fs::equivalent(whole, whole.root_path(), error), "{}: is the root folder; choose another {}",
                path.string(), option);
  fs::path there = whole;
  while (!fs::exists(fs::symlink_status(there, error)) && there.has_relative_path()) there = there.parent_path();
  const auto refuse = [&](std::string_view reason) {
    fail("{}: cannot make the folder: {} {}; choose another {}", path.string(),
         there == whole ? "that" : there.string(), reason, option);
  };
  if (!fs::is_directory(there, error)) refuse("is no folder");
  if (::access(there.c_str(), W_OK | X_OK) != 0) refuse("cannot be written to");
}

LockedFolder::LockedFolder(const fs::path& folder) {
  check_output_folder(folder);
  std::error_code error;
  std::vector<fs::path> missing;
  fs::path path = fs::absolute(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "run/"
  for (; !fs::exists(path, error) && path.has_relative_path(); path = path.parent_path()) missing.push_back(path);
  fs::create_directories(folder, error);
  ETHREED_CHECK(!error, "{}: cannot make the folder: {}; choose another --out", folder.string(), error.message());
  lock_.emplace(folder);
  made_ = std::move(missing);  // not before: a folder that another process has locked is left alone
}

LockedFolder::~LockedFolder() {
  std::error_code ignored;
  if (!made_.empty()) fs::remove_all(made_.front(), ignored);
  for (std::size_t i = 1; i < made_.size(); ++i) fs::remove(made_[i], ignored);  // if nothing else is there
}

}  // namespace ethreed

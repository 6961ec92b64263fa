#include "core/output_place.h"

#include "core/error.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

// The number of an entry of /proc/self/fd, whatever way led there.
std::optional<int> own_descriptor(const fs::path& folder, const std::string& name) {
  std::error_code error;
  const fs::path self = fs::canonical("/proc/self", error);
  const fs::path above = folder.parent_path();
  if (error || folder.filename() != "fd" || (above != self && above.parent_path() != self / "task")) return {};
  int number = -1;
  const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (bad != std::errc() || end != name.data() + name.size()) return {};
  return number;
}

void check_is_open_for_writing(const fs::path& path, int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  ETHREED_CHECK(flags >= 0 && (flags & O_ACCMODE) != O_RDONLY,
                "{}: is not open for writing; give the path of a file to write", path.string());
}

// Follows the symlinks at the end of a path, as far as they lead.
void follow_links(OutputPlace& place, const fs::path& given) {
  std::error_code error;
  constexpr int most_links = 40;  // as the system follows
  for (int links = 0; fs::is_symlink(fs::symlink_status(place.path, error)); ++links) {
    ETHREED_CHECK(links < most_links, "{}: is a symlink that leads to itself; give the path of a file to write",
                  given.string());
    const fs::path above = place.path.parent_path();
    const fs::path folder = fs::canonical(above.empty() ? "." : above, error);
    if (const auto number = own_descriptor(folder, place.path.filename().string())) {
      check_is_open_for_writing(given, *number);
      place = {.path = given, .is_replaced = false, .descriptor = *number};
      return;
    }
    const fs::path target = fs::read_symlink(place.path, error);
    if (error) return;
    place.path = above / target;  // an absolute target stands alone
  }
}

}  // namespace

OutputPlace output_place(const fs::path& path) {
  OutputPlace place{.path = path};
  follow_links(place, path);
  if (!place.is_replaced) return place;
  std::error_code error;
  const fs::file_type kind = fs::status(path, error).type();
  ETHREED_CHECK(kind != fs::file_type::block && kind != fs::file_type::socket,
                "{}: is a {}, which is not written to; give the path of a file", path.string(),
                kind == fs::file_type::block ? "block device" : "socket");
  if (kind == fs::file_type::character || kind == fs::file_type::fifo) place = {.path = path, .is_replaced = false};
  return place;
}

int open_output(const OutputPlace& place) {
  if (place.descriptor >= 0) {
    const int copy = ::fcntl(place.descriptor, F_DUPFD_CLOEXEC, 0);
    ETHREED_CHECK(copy >= 0, "{}: cannot be written ({})", place.path.string(), std::strerror(errno));
    return copy;
  }
  for (;;) {
    // A call that waits for the pipe's reader would go on after a signal; this one does not wait.
    const int descriptor = ::open(place.path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor >= 0) {
      ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
      return descriptor;
    }
    const int reason = errno;
    std::error_code error;
    ETHREED_CHECK(reason == ENXIO && fs::is_fifo(fs::status(place.path, error)), "{}: cannot be written ({})",
                  place.path.string(), std::strerror(reason));
    const timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
    ETHREED_CHECK(::nanosleep(&pause, nullptr) == 0, "{}: interrupted while it waited for a reader of the pipe",
                  place.path.string());
  }
}

}  // namespace ethreed

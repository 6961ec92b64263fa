#include "core/mapped_file.h"

#include "core/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ethreed {

namespace {
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};
}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  // A pipe without a writer is opened at once, too, and refused below.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  ETHREED_CHECK(file.value >= 0, "{}: cannot be opened for reading ({}); check the path and its permissions",
                path.string(), std::strerror(errno));
  struct stat status {};
  ETHREED_CHECK(::fstat(file.value, &status) == 0, "{}: cannot be examined ({})", path.string(), std::strerror(errno));
  ETHREED_CHECK(S_ISREG(status.st_mode), "{}: is not a regular file; give the path of a file", path.string());
  if (status.st_size == 0) return;  // an empty mapping is an error to mmap, not to us
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  ETHREED_CHECK(address != MAP_FAILED, "{}: cannot be mapped into memory ({})", path.string(), std::strerror(errno));
  data_ = static_cast<const std::byte*>(address);
  size_ = size;
}

std::byte* MappedFile::writable() {
  auto* const bytes = const_cast<std::byte*>(data_);
  ETHREED_CHECK(size_ == 0 || ::mprotect(bytes, size_, PROT_READ | PROT_WRITE) == 0,
                "a mapped file cannot be made writable in memory ({})", std::strerror(errno));
  return bytes;
}

std::size_t MappedFile::bytes_of_pages() const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (size_ + page - 1) / page * page;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace ethreed

#include "tools/ethreed/record_file.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t sum_size = 1 + 16;  // a tab and hexadecimal digits

std::uint64_t sum_behind(std::uint64_t sum, std::string_view text) {
  return fnv1a(std::as_bytes(std::span(text)), sum);
}

std::uint64_t first_sum(std::string_view made_from) { return fnv1a(std::as_bytes(std::span(made_from))); }

std::string text_of(std::uint64_t sum) { return fmt::format("\t{:016x}", sum); }

// Is the file at this path still the one that was opened?
bool is_still(const std::string& path, int descriptor) {
  struct stat opened {
  }, there{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
         opened.st_ino == there.st_ino;
}

}  // namespace

void RecordFile::Descriptor::close() {
  if (value >= 0) ::close(std::exchange(value, -1));
}

RecordFile::RecordFile(std::string path, std::string made_from)
    : path_(std::move(path)), part_(path_ + ".part"), made_from_(std::move(made_from)) {
  if (path_ == "-") {
    std::fflush(stdout);
    file_.value = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    check(file_.value >= 0, "cannot be written");
    return;
  }
  const OutputPlace place = output_place(path_);
  resumable_ = place.is_replaced;
  if (!resumable_) {
    file_.value = open_output(place);
    return;
  }
  open_part();
  read_part();
  keep(kept_.size());
}

// Opens and locks the part. One that its writer has put in place meanwhile is gone: then the next one is made.
void RecordFile::open_part() {
  for (;;) {
    file_.value = ::open(part_.c_str(), O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
    check(file_.value >= 0, "cannot be written");
    struct stat status {};
    check(::fstat(file_.value, &status) == 0, "cannot be examined");
    ETHREED_CHECK(S_ISREG(status.st_mode), "{}: is not a regular file; remove it, or give another --out", part_);
    ETHREED_CHECK(::flock(file_.value, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK,
                  "{}: another process is writing these records; wait for it, stop it, or give another --out", part_);
    if (is_still(part_, file_.value)) return;
    file_.close();
  }
}

void RecordFile::read_part() {
  const std::string text = text_of_part();
  std::string_view rest = text;
  std::uint64_t sum = first_sum(made_from_);
  for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    const std::string_view line = rest.substr(0, end);  // what a kill left without a line's end is written again
    const std::size_t behind = text.size() - rest.size() + end + 1;
    if (marks_.empty()) {
      ETHREED_CHECK(line == made_from_, "{}: was begun with another input, run or options; give the same, or remove it",
                    part_);
      marks_.push_back({behind, sum});
      continue;
    }
    const std::string_view record = line.substr(0, line.size() - std::min(line.size(), sum_size));
    sum = sum_behind(sum, record);
    ETHREED_CHECK(line.substr(record.size()) == text_of(sum),
                  "{}:{}: is damaged, or a line before it is missing; remove this line and all behind it, or the file",
                  part_, marks_.size() + 1);
    kept_.emplace_back(record);
    marks_.push_back({behind, sum});
  }
}

std::string RecordFile::text_of_part() const { return std::string(MappedFile(part_).text()); }

void RecordFile::check(bool good, std::string_view doing) const {
  if (!good)
    fail("{}: {}: {}", path_ == "-" ? "standard output" : resumable_ ? part_ : path_, doing, std::strerror(errno));
}

void RecordFile::keep(std::size_t count) {
  if (!resumable_) return;
  kept_.resize(count);
  if (marks_.empty()) {
    check(::ftruncate(file_.value, 0) == 0, "cannot be written");
    put(made_from_ + "\n");
    marks_.push_back({made_from_.size() + 1, first_sum(made_from_)});
  }
  marks_.resize(count + 1);
  sum_ = marks_.back().sum;
  const auto end = static_cast<off_t>(marks_.back().end);
  check(::ftruncate(file_.value, end) == 0 && ::lseek(file_.value, end, SEEK_SET) == end, "cannot be written");
}

void RecordFile::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.value, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    check(written >= 0, "cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void RecordFile::write(std::string_view lines) {
  if (!resumable_) {
    put(lines);
    return;
  }
  std::string text;
  for (std::size_t end = 0; (end = lines.find('\n')) != std::string_view::npos; lines.remove_prefix(end + 1)) {
    const std::string_view record = lines.substr(0, end);
    sum_ = sum_behind(sum_, record);
    text.append(record).append(text_of(sum_)) += '\n';
  }
  put(text);
}

void RecordFile::commit() {
  if (!resumable_) return;
  AtomicFile file{fs::path(path_)};
  const std::string text = text_of_part();
  std::string_view rest = std::string_view(text).substr(made_from_.size() + 1);
  std::string records;
  for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1))
    records.append(rest.substr(0, end - sum_size)) += '\n';
  file.write(std::string_view(records));
  file.commit();
  fs::remove(part_);
}

std::string RecordFile::how_to_go_on() const {
  return resumable_ ? part_ + " holds what is done; the same command goes on behind it"
                    : "give --out FILE for what can be gone on with";
}

}  // namespace ethreed

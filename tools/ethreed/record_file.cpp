#include "tools/ethreed/record_file.h"

#include "core/error.h"
#include "core/mapped_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ethreed {

namespace fs = std::filesystem;

RecordFile::RecordFile(std::string path, std::string made_from)
    : path_(std::move(path)),
      part_(path_ + ".part"),
      made_from_(std::move(made_from)),
      resumable_(path_ != "-" && (!fs::exists(path_) || fs::is_regular_file(path_))) {
  if (!resumable_) {
    file_ = path_ == "-" ? stdout : std::fopen(path_.c_str(), "w");
    check(file_ != nullptr, "cannot be written");
    return;
  }
  if (fs::exists(part_)) {
    const MappedFile file(part_);
    std::string_view rest = file.text();
    std::vector<std::string> lines;
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1))
      lines.emplace_back(rest.substr(0, end));  // what a kill left without a line's end is written again
    if (!lines.empty()) {
      ETHREED_CHECK(lines.front() == made_from_,
                    "{}: was begun with another input, run or options; give the same, or remove it", part_);
      kept_.assign(lines.begin() + 1, lines.end());
    }
  }
  keep(kept_.size());
}

RecordFile::~RecordFile() {
  if (file_ != nullptr && file_ != stdout) std::fclose(file_);
}

void RecordFile::check(bool good, std::string_view doing) const {
  if (!good)
    fail("{}: {}: {}", path_ == "-" ? "standard output" : resumable_ ? part_ : path_, doing, std::strerror(errno));
}

void RecordFile::keep(std::size_t count) {
  if (!resumable_) return;
  kept_.resize(count);
  if (file_ != nullptr) std::fclose(file_);
  std::string text = made_from_ + "\n";
  for (const std::string& line : kept_) text += line + "\n";
  write_text_atomically(part_, text);
  file_ = std::fopen(part_.c_str(), "a");
  check(file_ != nullptr, "cannot be written");
}

void RecordFile::write(std::string_view lines) {
  errno = 0;
  check(std::fwrite(lines.data(), 1, lines.size(), file_) == lines.size() && std::fflush(file_) == 0,
        "cannot be written");
}

void RecordFile::commit() {
  if (!resumable_) {
    check(std::fflush(file_) == 0, "cannot be written");
    return;
  }
  check(::fsync(::fileno(file_)) == 0 && std::fclose(std::exchange(file_, nullptr)) == 0, "cannot be written");
  {
    const MappedFile part(part_);
    AtomicFile file{fs::path(path_)};
    file.write(part.text().substr(made_from_.size() + 1));
    file.commit();
  }
  fs::remove(part_);
}

std::string RecordFile::how_to_go_on() const {
  return resumable_ ? part_ + " holds what is done; the same command goes on behind it"
                    : "give --out FILE for what can be gone on with";
}

}  // namespace ethreed

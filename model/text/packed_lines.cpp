#include "model/text/packed_lines.h"

#include "core/error.h"
#include "core/mapped_file.h"
#include "model/text/delimited.h"
#include "model/text/line_reader.h"

#define ZLIB_CONST  // zlib takes constant input
#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = std::size_t{256} << 10;
constexpr std::size_t head_size = 4096;
constexpr std::string_view gzip_magic = "\x1F\x8B";

class PlainPieces : public TextPieces {
 public:
  explicit PlainPieces(const fs::path& path) : file_(path), rest_(file_.text()) {}
  std::string_view next() override {
    const std::string_view piece = rest_;
    rest_ = {};
    return piece;
  }

 private:
  MappedFile file_;
  std::string_view rest_;
};

// Members of gzip one after another. zlib's own gzread passes over what follows a member and is none, without a word.
class GzipPieces : public TextPieces {
 public:
  explicit GzipPieces(const fs::path& path)
      : path_(path.string()), file_(path), rest_(file_.text()), buffer_(buffer_size) {
    constexpr int gzip_only = 15 + 16;  // the largest window, and gzip's header and checksum
    ETHREED_CHECK(::inflateInit2(&stream_, gzip_only) == Z_OK, "{}: cannot be unpacked: out of memory", path_);
  }
  ~GzipPieces() override { ::inflateEnd(&stream_); }
  GzipPieces(const GzipPieces&) = delete;
  GzipPieces& operator=(const GzipPieces&) = delete;

  std::string_view next() override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    while (stream_.avail_out == buffer_.size() && !done_) unpack();
    return {buffer_.data(), buffer_.size() - stream_.avail_out};
  }

 private:
  void unpack() {
    constexpr std::size_t most = std::size_t{1} << 30;  // zlib counts by 32 bits
    const auto given = static_cast<uInt>(std::min(rest_.size(), most));
    stream_.next_in = reinterpret_cast<const Bytef*>(rest_.data());
    stream_.avail_in = given;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    rest_.remove_prefix(given - stream_.avail_in);
    if (result == Z_STREAM_END) {
      end_member();
      return;
    }
    ETHREED_CHECK(result == Z_OK, "{}: cannot be unpacked ({}); the file is damaged or cut off, fetch it again", path_,
                  stream_.msg == nullptr ? "it ends too early" : stream_.msg);
  }

  // Zeros that fill a block of a tape may follow the last member, as for gzip's own program.
  void end_member() {
    done_ = rest_.find_first_not_of('\0') == std::string_view::npos;
    if (done_) return;
    ETHREED_CHECK(
        rest_.starts_with(gzip_magic),
        "{}: cannot be unpacked (its last {} bytes are no gzip); the file is damaged or something was added to "
        "it, fetch it again",
        path_, rest_.size());
    ::inflateReset(&stream_);
  }

  std::string path_;
  MappedFile file_;
  std::string_view rest_;
  z_stream stream_{};
  bool done_ = false;
  std::vector<char> buffer_;
};

class ZipPieces : public TextPieces {
 public:
  explicit ZipPieces(const fs::path& path) : path_(path.string()), buffer_(buffer_size) {
    int error = 0;
    archive_ = ::zip_open(path.c_str(), ZIP_RDONLY, &error);
    ETHREED_CHECK(archive_ != nullptr, "{}: is no whole zip archive (error {} of libzip); fetch it again", path_,
                  error);
    choose();
    file_ = ::zip_fopen_index(archive_, chosen_, 0);
    if (file_ == nullptr) {
      const std::string what = ::zip_strerror(archive_);
      ::zip_discard(archive_);
      fail("{}: its file '{}' cannot be unpacked ({})", path_, excerpt(member_), what);
    }
  }
  ~ZipPieces() override {
    ::zip_fclose(file_);
    ::zip_discard(archive_);
  }
  ZipPieces(const ZipPieces&) = delete;
  ZipPieces& operator=(const ZipPieces&) = delete;

  std::string_view next() override {
    const zip_int64_t got = ::zip_fread(file_, buffer_.data(), buffer_.size());
    ETHREED_CHECK(got >= 0, "{}: its file '{}' cannot be unpacked ({}); the archive is damaged, fetch it again", path_,
                  excerpt(member_), ::zip_file_strerror(file_));
    return {buffer_.data(), static_cast<std::size_t>(got)};
  }
  const std::string& member() const { return member_; }
  int others() const { return others_; }

 private:
  void choose() {
    bool found = false, found_text = false;
    const zip_int64_t count = ::zip_get_num_entries(archive_, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
      const char* raw = ::zip_get_name(archive_, static_cast<zip_uint64_t>(i), 0);
      const std::string name = raw == nullptr ? "" : raw;
      if (name.empty() || name.ends_with('/') || name.starts_with("__MACOSX/")) continue;
      const bool text = name.ends_with(".txt") || name.ends_with(".vec");
      if (text && found_text) ++others_;
      if (found_text || (found && !text)) continue;
      found = true;
      found_text = text;
      chosen_ = static_cast<zip_uint64_t>(i);
      member_ = name;
    }
    if (found) return;
    ::zip_discard(archive_);
    fail("{}: the zip archive holds no file; fetch it again", path_);
  }

  std::string path_, member_;
  int others_ = 0;
  zip_t* archive_ = nullptr;
  zip_file_t* file_ = nullptr;
  zip_uint64_t chosen_ = 0;
  std::vector<char> buffer_;
};

}  // namespace

PackedLines::PackedLines(const fs::path& path) : path_(path.string()) {
  std::string magic;
  {
    const MappedFile file(path);
    magic = file.text().substr(0, 4);
  }
  if (magic.starts_with(gzip_magic)) {
    pieces_ = std::make_unique<GzipPieces>(path);
  } else if (magic == "PK\x03\x04" || magic == "PK\x05\x06") {
    auto zip = std::make_unique<ZipPieces>(path);
    member_ = zip->member();
    other_members_ = zip->others();
    pieces_ = std::move(zip);
  } else {
    pieces_ = std::make_unique<PlainPieces>(path);
  }
  piece_ = pieces_->next();
  if (piece_.starts_with("\xEF\xBB\xBF")) piece_.remove_prefix(3);
  head_ = piece_.substr(0, head_size);
}

PackedLines::~PackedLines() = default;

std::string PackedLines::place() const {
  return member_.empty() ? fmt::format("{}:{}", path_, number_)
                         : fmt::format("{}:{}:{}", path_, excerpt(member_), number_);
}

bool PackedLines::next(std::string_view& line) {
  line_.clear();
  ++number_;
  const auto check_length = [&](std::size_t more) {
    ETHREED_CHECK(line_.size() + more <= largest_record, "{}: the line is longer than {} MiB; this is no text", place(),
                  largest_record >> 20);
  };
  for (;;) {
    if (piece_.empty()) {
      if (!at_end_) piece_ = pieces_->next();
      at_end_ = piece_.empty();
      if (at_end_) {
        if (line_.empty()) {
          --number_;
          return false;
        }
        line = line_;
        break;
      }
    }
    const std::size_t end = piece_.find('\n');
    const std::string_view part = piece_.substr(0, end);
    check_length(part.size());
    piece_.remove_prefix(end == std::string_view::npos ? piece_.size() : end + 1);
    if (end != std::string_view::npos && line_.empty()) {
      line = part;
      break;
    }
    line_ += part;
    if (end != std::string_view::npos) {
      line = line_;
      break;
    }
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

}  // namespace ethreed

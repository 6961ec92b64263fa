#include "core/event_file.h"

#include "core/crc32c.h"
#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

// Numbers of fields of the messages Event, Summary, Summary.Value and SessionLog.
enum Field : std::uint32_t {
  event_wall_time = 1,     // double
  event_step = 2,          // int64
  event_file_version = 3,  // string
  event_summary = 5,       // Summary
  event_session_log = 7,   // SessionLog
  summary_value = 1,       // repeated Value
  value_tag = 1,           // string
  value_simple = 2,        // float
  session_status = 1,      // enum
};
constexpr std::uint64_t session_start = 1;

enum Wire : std::uint32_t { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

void put_varint(std::string& out, std::uint64_t x) {
  for (; x >= 0x80; x >>= 7) out += static_cast<char>((x & 0x7f) | 0x80);
  out += static_cast<char>(x);
}

void put_key(std::string& out, Field field, Wire wire) {
  put_varint(out, (static_cast<std::uint64_t>(field) << 3) | wire);
}

// The lowest byte first.
template <class Integer> void put_fixed(std::string& out, Integer x) {
  for (std::size_t i = 0; i < sizeof x; ++i) out += static_cast<char>((x >> (8 * i)) & 0xff);
}

void put_bytes(std::string& out, Field field, const std::string& bytes) {
  put_key(out, field, delimited);
  put_varint(out, bytes.size());
  out += bytes;
}

std::chrono::duration<double> since_1970() { return std::chrono::system_clock::now().time_since_epoch(); }

std::string event_begin(std::int64_t step) {
  std::string event;
  put_key(event, event_wall_time, fixed64);
  put_fixed(event, std::bit_cast<std::uint64_t>(since_1970().count()));
  put_key(event, event_step, varint);
  put_varint(event, static_cast<std::uint64_t>(step));
  return event;
}

std::uint32_t checksum(const std::string& bytes) { return masked_crc32c(std::as_bytes(std::span(bytes))); }

}  // namespace

EventFile::EventFile(const fs::path& folder, std::int64_t first_step) {
  std::error_code error;
  fs::create_directories(folder, error);
  ETHREED_CHECK(!error, "{}: cannot make the folder of event files: {}; give another one", folder.string(),
                error.message());
  // Names in the order of time, and of number where the second is the same: a file that is there is never touched.
  const auto seconds = static_cast<std::int64_t>(since_1970().count());
  for (int number = 0; !file_ && number < 10000; ++number) {
    path_ = folder / fmt::format("events.out.tfevents.{:010}.ethreed.{:04}", seconds, number);
    file_.reset(std::fopen(path_.c_str(), "wbx"));
    if (!file_ && errno != EEXIST) break;
  }
  ETHREED_CHECK(file_, "{}: cannot make the event file: {}; give another folder", path_.string(), std::strerror(errno));
  std::string version = event_begin(0);
  put_bytes(version, event_file_version, "brain.Event:2");
  write(version);
  std::string log;
  put_key(log, session_status, varint);
  put_varint(log, session_start);
  std::string start = event_begin(first_step);
  put_bytes(start, event_session_log, log);
  write(start);
}

void EventFile::add(std::int64_t step, std::span<const EventScalar> scalars) {
  std::string summary;
  for (const EventScalar& scalar : scalars) {
    std::string value;
    put_bytes(value, value_tag, scalar.tag);
    put_key(value, value_simple, fixed32);
    put_fixed(value, std::bit_cast<std::uint32_t>(static_cast<float>(scalar.value)));
    put_bytes(summary, summary_value, value);
  }
  std::string event = event_begin(step);
  put_bytes(event, event_summary, summary);
  write(event);
}

void EventFile::write(const std::string& event) {
  std::string record;
  put_fixed(record, static_cast<std::uint64_t>(event.size()));
  put_fixed(record, checksum(record));
  record += event;
  put_fixed(record, checksum(event));
  const bool good =
      std::fwrite(record.data(), 1, record.size(), file_.get()) == record.size() && std::fflush(file_.get()) == 0;
  ETHREED_CHECK(good, "{}: cannot write the event file: {}; free some space, then go on with --resume", path_.string(),
                std::strerror(errno));
}

}  // namespace ethreed

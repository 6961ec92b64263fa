// Event files, read back here by a reader of their own.

#include "core/event_file.h"

#include "core/crc32c.h"
#include "core/error.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using namespace ethreed;

namespace {

std::uint32_t checksum(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

template <class T> T take(std::string_view& bytes) {
  REQUIRE(bytes.size() >= sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);  // of a machine whose lowest byte is the first
  bytes.remove_prefix(sizeof value);
  return value;
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<std::uint8_t>(bytes);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

// The fields of a message by number, each as its bytes (numbers as 8 of them).
std::multimap<std::uint64_t, std::string> fields_of(std::string_view bytes) {
  std::multimap<std::uint64_t, std::string> fields;
  const auto raw = [](std::uint64_t x) { return std::string(reinterpret_cast<const char*>(&x), sizeof x); };
  while (!bytes.empty()) {
    const std::uint64_t key = take_varint(bytes);
    switch (key & 7) {
      case 0: fields.emplace(key >> 3, raw(take_varint(bytes))); break;
      case 1: fields.emplace(key >> 3, raw(take<std::uint64_t>(bytes))); break;
      case 5: fields.emplace(key >> 3, raw(take<std::uint32_t>(bytes))); break;
      case 2: {
        const std::uint64_t length = take_varint(bytes);
        REQUIRE(length <= bytes.size());
        fields.emplace(key >> 3, bytes.substr(0, length));
        bytes.remove_prefix(length);
        break;
      }
      default: FAIL("wire type " << (key & 7));
    }
  }
  return fields;
}

template <class T> T number(const std::string& bytes) {
  T value;
  REQUIRE(bytes.size() >= sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

struct Event {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string version;
  std::uint64_t status = 0;
  std::map<std::string, float> scalars;
};

std::vector<Event> read_events(const std::filesystem::path& path) {
  const std::string content = content_of(path);
  std::string_view bytes = content;
  std::vector<Event> events;
  while (!bytes.empty()) {
    const std::string_view length_bytes = bytes.substr(0, 8);
    const auto length = take<std::uint64_t>(bytes);
    CHECK(take<std::uint32_t>(bytes) == masked_crc32c(std::as_bytes(std::span(length_bytes))));
    REQUIRE(length <= bytes.size());
    const std::string_view data = bytes.substr(0, length);
    bytes.remove_prefix(length);
    CHECK(take<std::uint32_t>(bytes) == masked_crc32c(std::as_bytes(std::span(data))));
    Event& event = events.emplace_back();
    for (const auto& [field, value] : fields_of(data)) {
      if (field == 1) event.wall_time = number<double>(value);
      if (field == 2) event.step = number<std::int64_t>(value);
      if (field == 3) event.version = value;
      if (field == 7) event.status = number<std::uint64_t>(fields_of(value).find(1)->second);
      if (field != 5) continue;
      for (const auto& [one, scalar] : fields_of(value)) {
        REQUIRE(one == 1);
        const auto parts = fields_of(scalar);
        event.scalars[parts.find(1)->second] = number<float>(parts.find(2)->second);
      }
    }
  }
  return events;
}

}  // namespace

TEST_CASE("crc32c has the values of RFC 3720 and its mask the one of its definition") {
  CHECK(checksum("123456789") == 0xe3069283U);
  CHECK(checksum("") == 0);
  CHECK(checksum(std::string(32, '\0')) == 0x8a9136aaU);
  CHECK(checksum(std::string(32, '\xff')) == 0x62a8ab43U);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  CHECK(checksum(rising) == 0x46dd794eU);
  // 0xe3069283 turned right by 15: 0x2507c60d; plus 0xa282ead8.
  CHECK(masked_crc32c(std::as_bytes(std::span(std::string_view("123456789")))) == 0xc78ab0e5U);
}

TEST_CASE(
    "an event file holds its version, the start of the session and every scalar, each record with its checksums") {
  const TemporaryFolder folder;
  EventFile file(folder / "events", 8);
  file.add(8, std::array{EventScalar{"train/loss_total", 3.25}, EventScalar{"train/learning_rate", 0.0005}});
  file.add(300, std::array{EventScalar{"valid/perplexity", std::numeric_limits<double>::infinity()}});
  const std::vector<Event> events = read_events(file.path());
  REQUIRE(events.size() == 4);
  CHECK(events[0].version == "brain.Event:2");
  CHECK(events[1].status == 1);
  CHECK(events[1].step == 8);
  CHECK(events[2].step == 8);
  CHECK(events[2].scalars ==
        std::map<std::string, float>{{"train/loss_total", 3.25F}, {"train/learning_rate", 0.0005F}});
  CHECK(events[2].wall_time > 1.7e9);
  CHECK(events[3].step == 300);
  CHECK(std::isinf(events[3].scalars.at("valid/perplexity")));
}

TEST_CASE("every event file is a new one, and a folder that cannot be made is refused") {
  const TemporaryFolder folder;
  const EventFile first(folder / "events", 0);
  const EventFile second(folder / "events", 0);
  CHECK(first.path() != second.path());
  CHECK(first.path().string() < second.path().string());
  folder.file("taken", "no folder");
  CHECK_THROWS_WITH(EventFile(folder / "taken", 0), Catch::Contains("event"));
}

#include "core/safetensors.h"

#include "core/error.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <numeric>

using namespace ethreed;
using Catch::Contains;

namespace {

// A file with this header (as it is, not padded) and this many bytes of data.
std::string raw_file(std::string_view header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  bytes += header;
  bytes.append(data_bytes, '\1');
  return bytes;
}

}  // namespace

TEST_CASE("tensors of every dtype come back from a safetensors file with shape and values") {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  const std::vector<std::int32_t> ints{-1, 2, 3, 4, 5, 6};
  const std::vector<float> floats{1.5F, -2.5F};
  const std::vector<std::int64_t> longs{std::int64_t{1} << 40};
  const std::vector<double> doubles{0.1, 0.2, 0.3};
  SafetensorsWriter writer;
  writer.add("bytes", std::span(bytes));
  writer.add("ints", View<const std::int32_t>(ints.data(), {2, 3}));
  writer.add("floats", std::span(floats));
  writer.add("scalar", View<const std::int64_t>(longs.data(), Shape{}));
  writer.add("doubles", std::span(doubles));
  writer.add("empty", View<const float>(nullptr, {0, 5}));
  writer.add_metadata("format", "test \"quoted\" é");
  writer.write(folder / "a.safetensors");

  const SafetensorsFile file(folder / "a.safetensors");
  CHECK(file.names() == std::vector<std::string>{"bytes", "ints", "floats", "scalar", "doubles", "empty"});
  CHECK(file.metadata("format") == "test \"quoted\" é");
  CHECK(std::ranges::equal(file.tensor<std::uint8_t>("bytes").span(), bytes));
  CHECK(std::ranges::equal(file.tensor<std::int32_t>("ints", {2, 3}).span(), ints));
  CHECK(std::ranges::equal(file.tensor<float>("floats").span(), floats));
  CHECK(file.tensor<std::int64_t>("scalar", {})[0] == longs[0]);
  CHECK(std::ranges::equal(file.tensor<double>("doubles").span(), doubles));
  CHECK(file.tensor<float>("empty").shape == Shape{0, 5});
}

TEST_CASE("a written safetensors file is laid out as the format says") {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> odd(3, 7);
  const std::vector<double> doubles{1.0};
  SafetensorsWriter writer;
  writer.add("odd", std::span(odd));
  writer.add("doubles", std::span(doubles));
  writer.write(folder / "a.safetensors");
  const std::string text = content_of(folder / "a.safetensors");
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), 8);
  const std::string header = text.substr(8, length);
  CHECK(length % 8 == 0);
  CHECK(header.starts_with(
      R"({"odd":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},"doubles":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})"));
  CHECK(header.find_first_not_of(' ', header.rfind('}') + 1) == std::string::npos);
  CHECK(text.size() == 8 + length + 11);
}

TEST_CASE("the data of a safetensors file start where the writer is told, and types of 16 bits are bytes to it") {
  const TemporaryFolder folder;
  const std::vector<float> floats{1.5F, -2.5F};
  const std::vector<std::uint16_t> halves{0x3C00, 0x4000, 0x4200};
  for (const std::size_t alignment : {8, 64, 4096}) {
    SafetensorsWriter writer;
    writer.add_bytes("halves", "F16", Shape{3, 1}, std::as_bytes(std::span(halves)));
    writer.add("floats", std::span(floats));
    writer.align_data(alignment);
    writer.write(folder / "a.safetensors");
    const SafetensorsFile file(folder / "a.safetensors");
    CHECK(file.data_offset() % alignment == 0);
    CHECK(file.data_bytes() == 14);
    CHECK(file.info("halves").dtype == "F16");
    CHECK(std::ranges::equal(file.bytes("halves"), std::as_bytes(std::span(halves))));
    CHECK(std::ranges::equal(file.bytes("floats"), std::as_bytes(std::span(floats))));
    CHECK(file.bytes("floats").data() == file.map().bytes().data() + file.data_offset());
    CHECK_THROWS_WITH(file.bytes("absent"), Contains("no tensor 'absent'"));
  }
  SafetensorsWriter writer;
  CHECK_THROWS_WITH(writer.align_data(12), Contains("12 is no multiple of 8"));
  CHECK_THROWS_WITH(writer.add_bytes("a", "F4", Shape{3}, std::as_bytes(std::span(halves))),
                    Contains("'F4' is no type"));
  CHECK_THROWS_WITH(writer.add_bytes("a", "F16", Shape{4}, std::as_bytes(std::span(halves))),
                    Contains("'a' has 6 bytes, [4] of F16 takes 8"));
}

TEST_CASE("a safetensors writer refuses names it cannot store, and bytes that are no UTF-8 leave no file") {
  const TemporaryFolder folder;
  const std::vector<float> values{1.0F};
  SafetensorsWriter writer;
  writer.add("a", std::span(values));
  CHECK_THROWS_WITH(writer.add("a", std::span(values)), Contains("a tensor 'a' already"));
  CHECK_THROWS_WITH(writer.add("", std::span(values)), Contains("cannot be the name"));
  CHECK_THROWS_WITH(writer.add("__metadata__", std::span(values)), Contains("cannot be the name"));
  writer.add_metadata("key", "bad \xff");
  CHECK_THROWS_WITH(writer.add_metadata("key", "x"), Contains("unique"));
  CHECK_THROWS_WITH(writer.write(folder / "a.safetensors"), Contains("not UTF-8"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("a tensor is refused under another name, dtype or shape, with the file named") {
  const TemporaryFolder folder;
  const std::vector<float> values(6);
  SafetensorsWriter writer;
  writer.add("w", View<const float>(values.data(), {2, 3}));
  writer.write(folder / "a.safetensors");
  const SafetensorsFile file(folder / "a.safetensors");
  CHECK_THROWS_WITH(file.tensor<float>("v"), Contains("a.safetensors") && Contains("no tensor 'v'"));
  CHECK_THROWS_WITH(file.tensor<double>("w"), Contains("'w' is F32, wanted F64"));
  CHECK_THROWS_WITH(file.tensor<float>("w", {3, 2}), Contains("shape [2, 3], wanted [3, 2]"));
  CHECK_THROWS_WITH(file.metadata("x"), Contains("no 'x'"));
}

TEST_CASE("every prefix of a safetensors file is refused") {
  const TemporaryFolder folder;
  const std::vector<std::int32_t> values{1, 2, 3};
  SafetensorsWriter writer;
  writer.add("w", std::span(values));
  writer.write(folder / "a.safetensors");
  const std::string whole = content_of(folder / "a.safetensors");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    INFO(bytes);
    CHECK_THROWS_AS(SafetensorsFile(folder.file("cut", whole.substr(0, bytes))), Error);
  }
  CHECK_NOTHROW(SafetensorsFile(folder.file("cut", whole)));
}

TEST_CASE("a damaged safetensors header is refused with the tensor and the reason") {
  const TemporaryFolder folder;
  const auto refuses = [&](std::string_view header, std::size_t data_bytes, std::string_view reason) {
    INFO(header);
    CHECK_THROWS_WITH(SafetensorsFile(folder.file("bad", raw_file(header, data_bytes))),
                      Contains("/bad: ") && Contains(std::string(reason)));
  };
  const auto one = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return fmt::format(R"({{"w":{{"dtype":"{}","shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
  };
  CHECK_NOTHROW(SafetensorsFile(folder.file("good", raw_file(one("F32", "[1]", "[0,4]"), 4))));
  refuses("{", 0, "not valid JSON");
  refuses("[]", 0, "not a JSON object");
  refuses("\xff\xff", 0, "not valid JSON");
  refuses(R"({"w":1})", 0, "entry 'w'");
  refuses(R"({"w":{"dtype":"F32","shape":[1]}})", 4, "entry 'w'");
  refuses(R"({"__metadata__":{"a":1}})", 0, "entry '__metadata__'");
  refuses(one("F31", "[1]", "[0,4]"), 4, "unknown dtype 'F31'");
  refuses(one("F32", "[-1]", "[0,4]"), 4, "has the size -1");
  refuses(one("F32", "1", "[0,4]"), 4, "wanted a list");
  refuses(one("F32", "[2]", "[0,4]"), 4, "not what F32 [2] takes");
  refuses(one("F32", "[4611686018427387905]", "[0,4]"), 4, "not what F32");  // 4·size overflows to 4
  refuses(one("F32", "[1]", "[0,8]"), 4, "truncated or damaged");
  refuses(one("F32", "[1]", "[4,0]"), 4, "truncated or damaged");
  refuses(one("F32", "[1]", "[0,-4]"), 4, "wanted [begin, end]");
  refuses(one("F32", "[1]", "[4,8]"), 8, "byte 0 is next");
  refuses(one("F32", "[1]", "[0,4]"), 8, "its tensors take 4");
  refuses(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
      "tensor 'b' starts at byte 1");
  refuses(
      R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
      "appears twice");
  std::string huge = raw_file("{}", 0);
  huge[7] = '\x7f';
  CHECK_THROWS_WITH(SafetensorsFile(folder.file("bad", huge)), Contains("says its header has"));
}

TEST_CASE("a header without padding is read: tensors that are not aligned are copied, the others are not") {
  const TemporaryFolder folder;
  std::string header =
      R"({"half":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"deep":{"dtype":"F32","shape":[1,1,1,1,1],"data_offsets":[4,8]},)"
      R"("w":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  header.append((9 - header.size() % 8) % 8, ' ');  // data starts one byte beyond a multiple of eight
  const SafetensorsFile shifted(folder.file("shifted", raw_file(header, 12)));
  CHECK(reinterpret_cast<std::uintptr_t>(shifted.tensor<float>("w").data) % sizeof(float) == 0);
  const SafetensorsFile file(folder.file("whole", raw_file(header + "       ", 12)));
  CHECK(file.tensor<float>("w").count() == 1);
  CHECK_THROWS_WITH(file.tensor<float>("half"), Contains("'half' is BF16, wanted F32"));
  CHECK_THROWS_WITH(file.tensor<float>("deep"), Contains("5 dimensions"));
}

TEST_CASE("a file that is missing or a folder is refused by name") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(SafetensorsFile(folder / "absent"),
                    Contains("/absent: cannot be opened") && Contains("No such file"));
  CHECK_THROWS_WITH(SafetensorsFile(folder.path()), Contains("not a regular file"));
}

// Tensors that are parts of files, and the folder that exists whole or not at all.

#include "core/atomic_folder.h"
#include "core/mapped_tensor.h"

#include "core/error.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

// 64 bytes, then the floats 0, 1, 2, …
std::string file_of(int count) {
  std::string bytes(64, '#');
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

}  // namespace

TEST_CASE("a mapped tensor has the file's numbers, zeros behind its end, and what is written stays in memory") {
  const TemporaryFolder folder;
  const std::string content = file_of(1000);
  const auto path = folder.file("numbers", content);
  Tensor<float> tensor = mapped_tensor<float>(MappedFile(path), 64, Shape{1004});
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.data()) % alignment_bytes == 0);
  CHECK(tensor[0] == 0);
  CHECK(tensor[999] == 999);
  for (int i = 1000; i < 1004; ++i) CHECK(tensor[i] == 0);
  tensor[7] = -1;
  CHECK(content_of(path) == content);
  const Tensor<float> second = mapped_tensor<float>(MappedFile(path), 64, Shape{4});
  CHECK(std::vector<float>(second.span().begin(), second.span().end()) == std::vector<float>{0, 1, 2, 3});
  // Moved and assigned as any other tensor, it keeps its memory; a clone has its own.
  Tensor<float> moved = std::move(tensor);
  Tensor<float> copy = moved.clone();
  moved = mapped_tensor<float>(MappedFile(path), 128, Shape{2});
  CHECK(moved[1] == 17);
  CHECK(copy[7] == -1);
  CHECK(copy[999] == 999);
}

TEST_CASE("a mapped tensor begins at a multiple of 64 bytes and ends with the file's last page") {
  const TemporaryFolder folder;
  const auto path = folder.file("numbers", file_of(1008));  // a page of 4,096 bytes
  CHECK_NOTHROW(mapped_tensor<float>(MappedFile(path), 64, Shape{1008}));
  CHECK_THROWS_WITH(mapped_tensor<float>(MappedFile(path), 68, Shape{4}), Contains("at byte 68"));
  const auto beyond = static_cast<std::int64_t>(MappedFile(path).bytes_of_pages() / sizeof(float)) - 15;
  CHECK_THROWS_WITH(mapped_tensor<float>(MappedFile(path), 64, Shape{beyond}), Contains("of a file of 4096"));
  CHECK_THROWS_WITH(mapped_tensor<float>(MappedFile(path), std::size_t{1} << 40, Shape{1}), Contains("of a file of"));
}

TEST_CASE("an atomic folder appears with commit and not before, and without it leaves no trace") {
  const TemporaryFolder folder;
  const auto target = folder / "above/target";
  {
    AtomicFolder made(target.string() + "/");
    std::ofstream(made.path() / "a.txt") << "a";
    CHECK_FALSE(std::filesystem::exists(target));
    made.commit();
  }
  CHECK(content_of(target / "a.txt") == "a");
  CHECK_THROWS_WITH(AtomicFolder(target), Contains("above/target: holds 'a.txt' already; give a new folder"));
  {
    const AtomicFolder given_up(folder / "other");
    std::ofstream(given_up.path() / "b.txt") << "b";
  }
  std::filesystem::create_directory(folder / "empty");
  {
    AtomicFolder taken(folder / "empty");
    std::ofstream(taken.path() / "c.txt") << "c";
    taken.commit();
  }
  CHECK(content_of(folder / "empty/c.txt") == "c");
  AtomicFolder late(folder / "late");
  std::filesystem::create_directory(folder / "late");
  std::ofstream(folder / "late/d.txt") << "d";
  CHECK_THROWS_WITH(late.commit(), Contains("late: the folder cannot be put in place"));
  CHECK_THROWS_WITH(AtomicFolder(folder.file("file", "")), Contains("file: is a file; give the path of a new folder"));
  CHECK(folder.entries() == 5);  // above, empty, late, late's own, file
}

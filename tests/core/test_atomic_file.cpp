#include "core/atomic_file.h"

#include "core/abandoned_files.h"
#include "core/atomic_folder.h"
#include "core/error.h"
#include "core/hash.h"
#include "tests/file_size_limit.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

using namespace ethreed;
using ethreed::test::FileSizeLimit;

TEST_CASE("an atomic file appears with commit and not before") {
  const TemporaryFolder folder;
  const auto path = folder.file("a.txt", "old");
  AtomicFile file(path);
  file.write(std::string_view("new "));
  file.write(std::string_view("content"));
  CHECK(content_of(path) == "old");
  file.commit();
  CHECK(content_of(path) == "new content");
  CHECK(folder.entries() == 1);
  CHECK_THROWS_WITH(file.write(std::string_view("x")), Catch::Contains("already committed"));
}

TEST_CASE("an atomic file that is not committed leaves no trace") {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "a.txt");
    file.write(std::string_view("half"));
    CHECK(folder.entries() == 1);
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("what a killed writer left is removed by the next one, and what another one writes to is not") {
  const TemporaryFolder folder;
  const auto path = folder / "a.txt";
  // Numbers beyond those of processes: nobody's.
  folder.file("a.txt.tmp-99999999", "half");
  folder.file("a.txt.tmp-99999998", "of another program that still writes");
  folder.file("a.txt.tmp-new", "no writer's");
  folder.file("b.txt.tmp-99999999", "another file's");
  std::filesystem::create_directories(folder / "run.tmp-99999999/part");
  const int other = ::open((folder / "a.txt.tmp-99999998").c_str(), O_RDONLY);
  mark_as_written(other);
  write_text_atomically(path, "new");
  CHECK(content_of(path) == "new");
  CHECK_FALSE(std::filesystem::exists(folder / "a.txt.tmp-99999999"));
  CHECK(std::filesystem::exists(folder / "a.txt.tmp-99999998"));
  CHECK(std::filesystem::exists(folder / "a.txt.tmp-new"));
  CHECK(std::filesystem::exists(folder / "b.txt.tmp-99999999"));
  {
    AtomicFolder made(folder / "run");
    CHECK_FALSE(std::filesystem::exists(folder / "run.tmp-99999999"));
    remove_abandoned(folder / "run");
    CHECK(std::filesystem::exists(made.path()));
    made.commit();
  }
  ::close(other);
  write_text_atomically(path, "newer");
  CHECK_FALSE(std::filesystem::exists(folder / "a.txt.tmp-99999998"));
  CHECK(folder.entries() == 4);  // a.txt, a.txt.tmp-new, b.txt's, run
}

TEST_CASE("a write that does not fit leaves the old file and no temporary one") {
  const TemporaryFolder folder;
  const auto path = folder.file("a.txt", "old");
  const std::string large(1 << 16, 'x');
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_WITH(write_text_atomically(path, large),
                      Catch::Contains("a.txt: writing it failed") && Catch::Contains("limit"));
    CHECK(content_of(path) == "old");
    CHECK(folder.entries() == 1);
  }
  write_text_atomically(path, large);
  CHECK(content_of(path) == large);
}

TEST_CASE("an atomic file names what stands in its way") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(write_text_atomically(folder / "absent/a.txt", "x"),
                    Catch::Contains("absent/a.txt") && Catch::Contains("create the folder first"));
  std::filesystem::create_directory(folder / "taken");
  CHECK_THROWS_WITH(write_text_atomically(folder / "taken", "x"), Catch::Contains("give the path of a file"));
  CHECK(folder.entries() == 1);
}

TEST_CASE("fnv1a gives the published values and a fingerprint tells pieces apart") {
  CHECK(fnv1a({}) == 0xcbf29ce484222325U);
  CHECK(fnv1a(std::as_bytes(std::span(std::string_view("foobar")))) == 0x85944171f73967e8U);
  CHECK(Fingerprint().add("ab").add("c").text() != Fingerprint().add("a").add("bc").text());
  CHECK(Fingerprint().add("ab").text() == Fingerprint().add("ab").text());
  CHECK(Fingerprint().add("ab").text().size() == 16);
}

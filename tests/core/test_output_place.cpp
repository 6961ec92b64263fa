#include "core/output_place.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "tests/temporary_folder.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

using namespace ethreed;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;

// What a pipe holds now.
std::string rest_of(int descriptor) {
  std::array<char, 100> bytes{};
  const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

}  // namespace

TEST_CASE("symlinks are kept, and what they lead to is replaced or made") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "there");
  folder.file("there/a.txt", "old");
  fs::create_symlink("there/a.txt", folder / "one");
  fs::create_symlink(folder / "one", folder / "two");
  write_text_atomically(folder / "two", "new");
  CHECK(fs::is_symlink(folder / "one"));
  CHECK(fs::is_symlink(folder / "two"));
  CHECK_FALSE(fs::is_symlink(folder / "there/a.txt"));
  CHECK(content_of(folder / "there/a.txt") == "new");

  fs::create_symlink("there/b.txt", folder / "three");
  {
    AtomicFile file(folder / "three");
    file.write(std::string_view("half"));
  }
  CHECK_FALSE(fs::exists(folder / "there/b.txt"));
  write_text_atomically(folder / "three", "made");
  CHECK(fs::is_symlink(folder / "three"));
  CHECK(content_of(folder / "there/b.txt") == "made");
  CHECK(std::distance(fs::directory_iterator(folder / "there"), fs::directory_iterator()) == 2);
  CHECK(folder.entries() == 4);
}

TEST_CASE("a symlink that leads to itself is refused, and one into a folder that is not there") {
  const TemporaryFolder folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  CHECK_THROWS_WITH(write_text_atomically(folder / "a", "x"), Contains("leads to itself"));
  fs::create_symlink("absent/c", folder / "c");
  CHECK_THROWS_WITH(write_text_atomically(folder / "c", "x"), Contains("create the folder first"));
  CHECK(folder.entries() == 3);
}

TEST_CASE("a pipe is written into and stays one") {
  const TemporaryFolder folder;
  const fs::path path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  fs::create_symlink("pipe", folder / "link");
  write_text_atomically(path, "one");
  write_text_atomically(folder / "link", " two");
  CHECK(rest_of(reader) == "one two");
  ::close(reader);
  CHECK(fs::is_fifo(path));
  CHECK(folder.entries() == 2);
}

TEST_CASE("a pipe waits for its reader, and a signal that is caught ends that") {
  const TemporaryFolder folder;
  const fs::path path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::string got;
  std::thread reader([&] { got = content_of(path); });
  write_text_atomically(path, "all of it");
  reader.join();
  CHECK(got == "all of it");

  const auto before = std::signal(SIGUSR1, [](int) {});  // restarts calls, as the program's own do
  const pthread_t self = ::pthread_self();
  std::atomic<bool> ended{false};
  std::thread sender([&] {
    while (!ended) {
      ::usleep(5000);
      ::pthread_kill(self, SIGUSR1);
    }
  });
  CHECK_THROWS_WITH(AtomicFile(path), Contains("pipe: interrupted while it waited for a reader"));
  ended = true;
  sender.join();
  std::signal(SIGUSR1, before);
}

TEST_CASE("a device is written into and stays one") {
  const TemporaryFolder folder;
  const fs::path path = folder / "null";
  if (::mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) return;  // for root alone
  const int device = ::open(path.c_str(), O_WRONLY);
  if (device < 0) return;  // a file system without devices
  ::close(device);
  write_text_atomically(path, "x");
  CHECK(fs::is_character_file(path));
  CHECK(folder.entries() == 1);
}

TEST_CASE("a path that means a descriptor of the process is written into where it stands") {
  const TemporaryFolder folder;
  const fs::path target = folder.file("out.txt", "before,");
  const int out = ::open(target.c_str(), O_WRONLY | O_APPEND), in = ::open(target.c_str(), O_RDONLY);
  fs::create_symlink(fmt::format("/proc/self/fd/{}", out), folder / "stdout");
  write_text_atomically(folder / "stdout", "more");
  CHECK(fs::is_symlink(folder / "stdout"));
  CHECK(content_of(target) == "before,more");
  REQUIRE(::write(out, ",after", 6) == 6);  // still open
  CHECK(content_of(target) == "before,more,after");
  fs::create_symlink(fmt::format("/proc/self/fd/{}", in), folder / "stdin");
  CHECK_THROWS_WITH(write_text_atomically(folder / "stdin", "x"), Contains("not open for writing"));
  ::close(in);
  ::close(out);
  CHECK_THROWS_AS(write_text_atomically(folder / "stdout", "x"), Error);
  CHECK(folder.entries() == 3);
}

TEST_CASE("a socket is not written to") {
  const TemporaryFolder folder;
  const fs::path path = folder / "s";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK_THROWS_WITH(write_text_atomically(path, "x"), Contains("is a socket"));
  CHECK(fs::is_socket(path));
  ::close(made);
}

TEST_CASE("a pipe that nobody writes to is no file to map, and is refused at once") {
  const TemporaryFolder folder;
  const fs::path path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_THROWS_WITH(MappedFile(path), Contains("pipe: is not a regular file"));
}

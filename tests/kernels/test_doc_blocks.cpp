// The contract in each operation's header: what must be said there.

#include "kernels/common/operation.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace ethreed;

TEST_CASE(
    "every operation has a folder with a contract that says what it costs, saves, needs and where it comes from") {
  const std::filesystem::path kernels = std::filesystem::path(ETHREED_SOURCE_DIR) / "kernels";
  for (const Operation& operation : operations()) {
    const std::string name(operation.name);
    const std::filesystem::path header = kernels / name / (name + ".h");
    INFO(header);
    std::ifstream stream(header);
    REQUIRE(stream);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    for (const char* part : {"FLOPs", "Bytes", "Saved", "Workspace", "Order of reduction", "Source: "}) {
      INFO(part);
      CHECK(text.find(part) != std::string::npos);
    }
    CHECK(std::filesystem::exists(kernels / name / (name + "_cpu.cpp")));
    CHECK(std::filesystem::exists(kernels / name / (name + "_cases.cpp")));
  }
}

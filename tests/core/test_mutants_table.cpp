// The table of planted faults fits the sources: an edit that moves a line a fault is planted in is seen here, not only
// in the build that plants them.

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int occurrences(const std::string& text, const std::string& piece) {
  int count = 0;
  for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("every planted fault has a number of its own and stands exactly once in its source") {
  const std::string root = ETHREED_SOURCE_DIR;
  const auto table = nlohmann::json::parse(content_of(root + "/tests/mutants/mutants.json"));
  std::set<int> numbers;
  int in_kernels = 0;
  for (const auto& fault : table) {
    const std::string file = fault.at("file"), find = fault.at("find");
    INFO("fault " << fault.at("id") << " in " << file << ": " << find);
    CHECK(numbers.insert(fault.at("id").get<int>()).second);
    CHECK(occurrences(content_of(root + "/" + file), find) == 1);
    CHECK(find != fault.at("faulty").get<std::string>());
    in_kernels += file.starts_with("kernels/");
  }
  CHECK(in_kernels >= 80);
  CHECK(static_cast<int>(table.size()) - in_kernels >= 30);
}

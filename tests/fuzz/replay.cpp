// test_fuzz: replays the corpora of the fuzz targets in an ordinary build.
//
//   test_fuzz            the targets, one name a line
//   test_fuzz NAME DIR   gives every file of DIR to the target, and the cut halves of each

#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

namespace ethreed::fuzz {

namespace {

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

int replay(Target target, const std::filesystem::path& corpus) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  run(target, "");
  for (const std::filesystem::path& file : files) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);  // the last line names the input that ended the program
    const std::string input = content_of(file);
    run(target, input);
    run(target, std::string_view(input).substr(0, input.size() / 2));
    run(target, std::string_view(input).substr(input.size() / 2));
  }
  return static_cast<int>(files.size());
}

}  // namespace

bool enter(const char* name, Target target) { return targets().emplace(name, target).second; }

}  // namespace ethreed::fuzz

int main(int argc, char** argv) {
  using namespace ethreed::fuzz;
  if (argc == 1) {
    for (const auto& [name, target] : targets()) std::printf("%s\n", name.c_str());
    return 0;
  }
  const auto found = argc == 3 ? targets().find(argv[1]) : targets().end();
  if (found == targets().end()) {
    std::fprintf(stderr, "usage: %s [TARGET DIR]\n", argv[0]);
    return 2;
  }
  if (replay(found->second, argv[2]) > 0) return 0;
  std::fprintf(stderr, "%s holds no input\n", argv[2]);
  return 1;
}

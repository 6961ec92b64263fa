// test_fuzz: replays the inputs of the fuzz targets in an ordinary build.
//
//   test_fuzz             the targets, one name a line
//   test_fuzz NAME ROOT   gives a target every file of ROOT/corpora/NAME, and the two halves of each, then every file
//   of
//                         ROOT/growth/NAME with what it repeats: readers must be linear and may not recurse by the
//                         input
//
// In a file of growth, @{TEXT}@ stands for TEXT a hundred thousand times.

#include "tests/fuzz/target.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <vector>

namespace ethreed::fuzz {

namespace {

constexpr int repetitions = 100'000;
constexpr double most_seconds = 10;  // of the processor; a linear reader takes a tenth of a second

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// Whether a process of its own takes the input to its end: so one run names every input that breaks a reader.
bool survives(Target target, std::string_view input, const std::string& name) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  require(child >= 0, "a process can be started");
  if (child == 0) {
    const std::clock_t start = std::clock();
    run(target, input);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    require(seconds < most_seconds, "a reader takes a time that is linear in the length of its input");
    std::exit(0);  // with destructors: the target's folder goes
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status == 0) return true;
  std::printf("%s (%zu bytes): %s %d\n", name.c_str(), input.size(), WIFSIGNALED(status) ? "ended by signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return false;
}

std::string grown(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t begin = text.find("@{"),
                      end = text.find("}@", begin == std::string_view::npos ? begin : begin + 2);
    if (end == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, begin));
    for (int i = 0; i < repetitions; ++i) out.append(text.substr(begin + 2, end - begin - 2));
    text.remove_prefix(end + 2);
  }
}

// The number of inputs that break the target.
int replay(Target target, const std::string& name, const std::filesystem::path& root) {
  const std::vector<std::filesystem::path> corpus = files_in(root / "corpora" / name);
  require(!corpus.empty(), "a target has inputs in its corpus");
  int broken = survives(target, "", "nothing") ? 0 : 1;
  for (const std::filesystem::path& file : corpus) {
    const std::string input = content_of(file);
    const std::size_t half = input.size() / 2;
    broken += !survives(target, input, file.string());
    broken += !survives(target, std::string_view(input).substr(0, half), file.string() + ", first half");
    broken += !survives(target, std::string_view(input).substr(half), file.string() + ", second half");
  }
  const std::vector<std::filesystem::path> growing = files_in(root / "growth" / name);
  for (const std::filesystem::path& file : growing) broken += !survives(target, grown(content_of(file)), file.string());
  std::printf("%s: %zu inputs, %zu that grow; %d break it\n", name.c_str(), corpus.size(), growing.size(), broken);
  return broken;
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
    std::fprintf(stderr, "usage: %s [TARGET ROOT]\n", argv[0]);
    return 2;
  }
  return replay(found->second, found->first, argv[2]) == 0 ? 0 : 1;
}

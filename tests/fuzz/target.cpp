#include "tests/fuzz/target.h"

#include "core/error.h"
#include "model/text/line_reader.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>

namespace ethreed::fuzz {

namespace {

constexpr std::size_t longest_message = 4000;

[[noreturn]] void stop(const std::string& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

}  // namespace

void run(Target target, std::string_view input) {
  try {
    target(input);
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.empty() || message.size() > longest_message)
      stop("an Error has a message of " + std::to_string(message.size()) + " bytes");
  } catch (const std::exception& error) {
    stop(std::string("not an Error was thrown, but: ") + error.what());
  }
}

void require(bool claim, const char* what) {
  if (!claim) stop(std::string("does not hold: ") + what);
}

const std::filesystem::path& InputFile::hold(std::string_view input) const {
  std::ofstream file(path_, std::ios::binary | std::ios::trunc);
  file.write(input.data(), static_cast<std::streamsize>(input.size()));
  file.close();
  require(!file.fail(), "the input can be written to a file");
  return path_;
}

std::string patched(std::string good, std::string_view patches) {
  while (!patches.empty()) {
    const std::size_t end = std::min(patches.find('\n'), patches.size());
    const std::string_view line = patches.substr(0, end);
    patches.remove_prefix(std::min(end + 1, patches.size()));
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view bytes = line.substr(space + 1);
    if (line.substr(0, space) == "=") {
      const auto size = parse_number<std::size_t>(bytes);
      if (size && *size < good.size()) good.resize(*size);
      continue;
    }
    const auto offset = parse_number<std::int64_t>(line.substr(0, space));
    const auto size = static_cast<std::int64_t>(good.size());
    if (!offset || *offset >= size || *offset < -size) continue;
    const auto at = static_cast<std::size_t>(*offset < 0 ? size + *offset : *offset);
    const std::size_t count = std::min(bytes.size(), good.size() - at);
    good.replace(at, count, bytes.substr(0, count));
  }
  return good;
}

}  // namespace ethreed::fuzz

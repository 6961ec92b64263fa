#include "tests/ptx/planted_fault.h"

#include "core/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>

namespace ethreed::test {

namespace {

/// From its name to the end of its body.
struct Entry {
  std::size_t begin, end;
};

Entry entry_of(std::string_view text, const PtxFault& fault) {
  if (fault.kernel.empty()) return {0, text.size()};
  std::vector<Entry> found;
  constexpr std::string_view word = ".entry ";
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto name_end = std::min(text.find('(', at), text.size());
    if (text.substr(at, name_end - at).find(fault.kernel) == std::string_view::npos) continue;
    found.push_back({at, std::min(text.find("\n}\n", at), text.size())});
  }
  ETHREED_CHECK(found.size() == 1, "fault {} of PTX: {} kernels of {} have '{}' in their name, wanted one", fault.id,
                found.size(), fault.file, fault.kernel);
  return found[0];
}

}  // namespace

const std::vector<PtxFault>& ptx_faults() {
  static const std::vector<PtxFault> all = [] {
    std::ifstream file(ETHREED_SOURCE_DIR "/tests/mutants/ptx_mutants.json");
    std::vector<PtxFault> read;
    for (const auto& line : nlohmann::json::parse(file)) {
      const std::string operations = line.at("operations");
      read.push_back({.id = line.at("id"),
                      .file = line.at("file"),
                      .kernel = line.at("kernel"),
                      .kind = line.at("kind"),
                      .what = line.at("what"),
                      .find = line.at("find"),
                      .at = line.value("at", 1),
                      .of = line.value("of", 1),
                      .faulty = line.at("faulty"),
                      .operation = operations.substr(0, operations.find(',')),
                      .quick = line.value("quick", false)});
    }
    return read;
  }();
  return all;
}

std::string planted(std::string_view text, const PtxFault& fault) {
  const Entry entry = entry_of(text, fault);
  const std::string body(text.substr(entry.begin, entry.end - entry.begin));
  const std::regex wanted(fault.find);
  std::vector<std::smatch> places(std::sregex_iterator(body.begin(), body.end(), wanted), std::sregex_iterator{});
  ETHREED_CHECK(static_cast<int>(places.size()) == fault.of && fault.at >= 1 && fault.at <= fault.of,
                "fault {} of PTX: {} of {} has '{}' {} times, the table says {} of {}", fault.id, fault.kernel,
                fault.file, fault.find, places.size(), fault.at, fault.of);
  const std::smatch& place = places[static_cast<std::size_t>(fault.at - 1)];
  const std::string changed = place.format(fault.faulty);
  ETHREED_CHECK(changed != place.str(), "fault {} of PTX changes nothing", fault.id);
  const std::size_t at = entry.begin + static_cast<std::size_t>(place.position());
  return fmt::format("{}{}{}", text.substr(0, at), changed, text.substr(at + static_cast<std::size_t>(place.length())));
}

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  ETHREED_CHECK(file.good(), "'{}' cannot be read", path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::string> texts_with_fault(const std::filesystem::path& folder) {
  const char* const asked = std::getenv("ETHREED_MUTANT");
  const int number = asked == nullptr ? 0 : std::atoi(asked);
  std::map<std::string, std::string> texts;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".ptx") texts[file.path().filename().string()] = text_of_file(file.path());
  for (const PtxFault& fault : ptx_faults())
    if (fault.id == number) texts.at(fault.file) = planted(texts.at(fault.file), fault);
  ETHREED_CHECK(!texts.empty(), "ptx: there are no files *.ptx in '{}'", folder.string());
  return texts;
}

void add_folder_with_fault(emulation::ptx::Library& library, const std::filesystem::path& folder) {
  for (const auto& [name, text] : texts_with_fault(folder)) library.add(name, text);
}

}  // namespace ethreed::test

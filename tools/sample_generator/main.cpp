// ethreed-sample-corpus: writes a corpus in the layout of EmpatheticDialogues, of any size, from hand-written
// templates. The one in samples/corpus was made by `ethreed-sample-corpus --out samples/corpus`.

#include "core/atomic_file.h"
#include "core/error.h"
#include "tools/sample_generator/dialogue.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>

namespace ethreed::sample {

namespace {

namespace fs = std::filesystem;

/// Lines to a file that exists whole or not at all, written in large pieces.
class LineFile {
 public:
  LineFile(const fs::path& path, std::string_view header) : file_(path) { line(header); }

  void line(std::string_view text) {
    buffer_.append(text).push_back('\n');
    if (buffer_.size() >= buffer_bytes) flush();
  }
  void sync() {
    flush();
    file_.sync();
  }
  void commit() { file_.commit(); }

 private:
  static constexpr std::size_t buffer_bytes = 1 << 20;

  void flush() {
    file_.write(buffer_);
    buffer_.clear();
  }

  AtomicFile file_;
  std::string buffer_;
};

/// The layout knows no quoting: a comma in a text is written `_comma_`.
std::string field(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == ',') {
      result += "_comma_";
    } else {
      result += c;
    }
  }
  return result;
}

/// Writes dialogues first … first + count − 1 as one split; the labels of all splits go to one file of each kind.
void write_split(const Generator& generator, std::string_view split, std::uint64_t first, std::uint64_t count,
                 LineFile& rows, LineFile& labels, LineFile& intents) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const Dialogue dialogue = generator.dialogue(first + i);
    const std::string id = fmt::format("{}:{}", split, i);
    for (std::size_t u = 0; u < dialogue.utterances.size(); ++u) {
      const Utterance& utterance = dialogue.utterances[u];
      const bool speaker = u % 2 == 0;
      rows.line(fmt::format("{},{},{},{},{},{},,", id, u + 1, dialogue.emotion, field(dialogue.prompt), speaker ? 1 : 0,
                            field(utterance.text)));
      if (!speaker) labels.line(fmt::format("{},{},{}", id, u + 1, utterance.label));
      if (!utterance.intent.empty()) intents.line(fmt::format("{},{},{}", id, u + 1, utterance.intent));
    }
  }
}

void write_corpus(const fs::path& directory, std::uint64_t seed, std::uint64_t dialogues, std::uint64_t valid) {
  std::error_code error;
  fs::create_directories(directory, error);
  ETHREED_CHECK(!error, "cannot make the directory {}: {}", directory.string(), error.message());

  constexpr std::string_view header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags";
  LineFile train_rows(directory / "train.csv", header);
  LineFile valid_rows(directory / "valid.csv", header);
  LineFile labels(directory / "labels.csv", "conv_id,utterance_idx,label");
  LineFile intents(directory / "intents.csv", "conv_id,utterance_idx,label");
  const Generator generator(seed);
  write_split(generator, "train", 0, dialogues, train_rows, labels, intents);
  write_split(generator, "valid", dialogues, valid, valid_rows, labels, intents);
  for (LineFile* file : {&train_rows, &valid_rows, &labels, &intents}) file->sync();
  for (LineFile* file : {&train_rows, &valid_rows, &labels, &intents}) file->commit();
}

}  // namespace

}  // namespace ethreed::sample

int main(int argc, char** argv) {
  CLI::App app(
      "Writes train.csv, valid.csv, labels.csv and intents.csv in the layout of EmpatheticDialogues, from "
      "hand-written templates. Equal arguments give equal bytes; memory does not grow with the size.");
  std::uint64_t dialogues = 1024;
  std::uint64_t valid = 160;
  std::uint64_t seed = 1;
  std::string out;
  const CLI::Range sizes(std::uint64_t{1}, std::uint64_t{1} << 40);
  app.add_option("--dialogues", dialogues, "dialogues of the train split")->check(sizes)->capture_default_str();
  app.add_option("--valid", valid, "dialogues of the valid split")->check(sizes)->capture_default_str();
  app.add_option("--seed", seed, "every seed gives another corpus")->capture_default_str();
  app.add_option("--out", out, "directory to write to; it is made where it does not exist")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    ethreed::sample::write_corpus(out, seed, dialogues, valid);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ethreed-sample-corpus: {}\n", error.what());
    return 1;
  }
  fmt::print("{}: {} train and {} valid dialogues, seed {}\n", out, dialogues, valid, seed);
  return 0;
}

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/printable.h"
#include "model/encoders/import_record.h"
#include "model/subwords/tokenizer.h"
#include "model/text/dataset.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "model/training/checkpoint.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct TokenizeArguments {
  std::string folder, in = "-", format = "auto", out = "-";
  SubwordOptions options;
  bool no_specials = false, prefix_space = false;
};

// A text, or a pair of texts.
struct Input {
  std::string first;
  std::optional<std::string> second;
};

// What a folder makes of a text.
class Scheme {
 public:
  explicit Scheme(const TokenizeArguments& arguments) : options_(arguments.options) {
    const fs::path folder = arguments.folder;
    ETHREED_CHECK(fs::is_directory(folder), "{}: is no folder; give that of a pretrained model, a data set or a run",
                  arguments.folder);
    if (fs::exists(folder / dataset_file_name)) {
      words_ = Dataset::open(folder).vocabulary();
    } else if (fs::exists(folder / "best")) {
      words_ = load_checkpoint_info(folder / "best").word_table();
    } else {
      ImportRecord::read_checked(folder);  // throws if a file was changed since
      subwords_.emplace(SubwordTokenizer::open(folder));
    }
    const bool given = options_.max_length > 0 || arguments.no_specials || arguments.prefix_space;
    ETHREED_CHECK(!words_ || !given,
                  "{}: has a vocabulary of words, which --max-length, --no-specials and --prefix-space are not for",
                  arguments.folder);
    if (arguments.prefix_space) options_.prefix_space = true;
    options_.specials = !arguments.no_specials;
    quoted_.resize(static_cast<std::size_t>(words_ ? words_->size() : subwords_->size()));
  }

  std::string description() const {
    if (!words_) return subwords_->description();
    return words_->rules() == TokenRules::own ? "words" : fmt::format("words, {}", name_of(words_->rules()));
  }

  SubwordRow row(const Input& input, const std::string& place) const {
    if (!words_)
      return input.second ? subwords_->encode(input.first, *input.second, options_)
                          : subwords_->encode(input.first, options_);
    ETHREED_CHECK(!input.second, "{}: is a pair, which a vocabulary of words does not know; give one text a line",
                  place);
    SubwordRow row;
    for (const std::string& word : tokenize(input.first, words_->rules()))
      row.ids.push_back(words_->find(word).value_or(unk_id));
    return row;
  }

  // A piece as JSON, made once.
  const std::string& quoted(std::int32_t id) {
    std::string& text = quoted_[static_cast<std::size_t>(id)];
    if (text.empty()) text = Json(printable(words_ ? words_->word(id) : subwords_->piece(id))).dump();
    return text;
  }

 private:
  SubwordOptions options_;
  std::optional<WordTable> words_;
  std::optional<SubwordTokenizer> subwords_;
  std::vector<std::string> quoted_;
};

// All of a file or of standard input.
class Content {
 public:
  explicit Content(const std::string& path) {
    if (path != "-") {
      file_ = MappedFile(path);
      return;
    }
    std::array<char, 1 << 16> bytes{};
    while (const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), stdin)) copy_.append(bytes.data(), got);
    ETHREED_CHECK(!std::ferror(stdin), "standard input cannot be read");
  }
  std::string_view text() const { return copy_.empty() ? file_.text() : std::string_view(copy_); }

 private:
  MappedFile file_;
  std::string copy_;
};

Input input_of(std::string_view line, bool json, const std::string& place) {
  if (!json) return {std::string(line), std::nullopt};
  constexpr std::string_view advice = "give a text, or a list of two, in JSON";
  const Json value = parse_json<Json>(line, place, advice);
  if (value.is_string()) return {value.get<std::string>(), std::nullopt};
  ETHREED_CHECK(value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string(), "{}: is {}; {}",
                place, shown(value), advice);
  return {value[0].get<std::string>(), value[1].get<std::string>()};
}

bool is_json(const TokenizeArguments& arguments) {
  if (arguments.format != "auto") return arguments.format == "json";
  return arguments.in.ends_with(".json") || arguments.in.ends_with(".jsonl") || arguments.in.ends_with(".ndjson");
}

void append_record(std::string& out, std::int64_t line, const SubwordRow& row, bool pair, Scheme& scheme) {
  fmt::format_to(std::back_inserter(out), R"({{"line":{})", line);
  const auto list = [&](std::string_view name, const std::vector<std::int32_t>& values, auto&& shown_value) {
    fmt::format_to(std::back_inserter(out), R"(,"{}":[)", name);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out += ',';
      out += shown_value(values[i]);
    }
    out += ']';
  };
  const auto number = [](std::int32_t value) { return fmt::format_int(value).str(); };
  list("ids", row.ids, number);
  list("pieces", row.ids, [&](std::int32_t id) { return scheme.quoted(id); });
  if (pair) list("types", row.types, number);
  if (row.cut > 0) fmt::format_to(std::back_inserter(out), R"(,"cut":{})", row.cut);
  out += "}\n";
}

void run_tokenize(const TokenizeArguments& arguments) {
  const bool to_file = arguments.out != "-";
  if (to_file) check_output_file(arguments.out, {&arguments.in, 1});
  Scheme scheme(arguments);
  const Content content(arguments.in);
  const bool json = is_json(arguments);
  const std::string source = arguments.in == "-" ? "standard input" : arguments.in;
  std::optional<AtomicFile> file;
  if (to_file) file.emplace(fs::path(arguments.out));
  std::string out;
  const auto flush = [&] {
    if (file)
      file->write(std::string_view(out));
    else
      std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  };
  std::int64_t number = 0, texts = 0, pieces = 0, cut = 0;
  for (std::string_view rest = content.text(); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++number;
    if (json && line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = fmt::format("{}:{}", source, number);
    const Input input = input_of(line, json, place);
    const SubwordRow row = scheme.row(input, place);
    append_record(out, number, row, input.second.has_value(), scheme);
    ++texts;
    pieces += static_cast<std::int64_t>(row.ids.size());
    cut += row.cut > 0;
    constexpr std::size_t much = 1 << 20;
    if (out.size() > much) flush();
  }
  flush();
  if (!file) return;
  file->commit();
  fmt::print("{}: {} texts, {} pieces ({}){}\n", arguments.out, texts, pieces, scheme.description(),
             cut > 0 ? fmt::format(", {} texts cut at {} pieces", cut, arguments.options.max_length) : "");
}

}  // namespace

void add_tokenize_command(CLI::App& app) {
  const auto a = std::make_shared<TokenizeArguments>();
  CLI::App* command = app.add_subcommand("tokenize", "Show what a tokenizer makes of texts: ids and pieces");
  command
      ->add_option(
          "folder", a->folder,
          "Folder of a pretrained model (tokenizer.json, or vocab.json and merges.txt, or vocab.txt), of a data "
          "set or of a run")
      ->required()
      ->type_name("MODEL_DIR");
  command->add_option("--in", a->in, "Texts, one a line; - for standard input")
      ->type_name("FILE")
      ->capture_default_str();
  command
      ->add_option("--in-format", a->format,
                   "text: lines as they are; json: on each line a text, or a list of two for a pair; auto: by the "
                   "file's ending")
      ->check(CLI::IsMember({"auto", "text", "json"}))
      ->capture_default_str();
  command->add_option("--out", a->out, "JSON Lines to write; - for standard output")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_option("--max-length", a->options.max_length, "Ids of a row, specials included, at most; 0: all")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--no-specials", a->no_specials, "Without [CLS], [SEP] and the like around a text");
  command->add_flag("--prefix-space", a->prefix_space, "A space before every text, for byte pairs");
  command->callback([a] { run_tokenize(*a); });
}

}  // namespace ethreed

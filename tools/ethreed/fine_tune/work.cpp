#include "tools/ethreed/fine_tune/work.h"

#include "core/atomic_file.h"
#include "model/encoders/folder_files.h"
#include "model/encoders/sentence_head.h"
#include "model/encoders/text_classifier.h"
#include "tools/ethreed/fine_tune/classifier_figures.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr const char* figures_name = "figures.json";

LabelledRows rows_of(const LabelledTexts& texts, const SubwordTokenizer& tokenizer, std::size_t longest) {
  LabelledRows out{.texts = &texts};
  for (const std::string& text : texts.texts) {
    out.rows.push_back(tokenizer.encode(text, {.max_length = longest}));
    out.cut += out.rows.back().cut > 0;
  }
  return out;
}

}  // namespace

void say(const std::string& text) {
  fmt::print("{}", text);
  std::fflush(stdout);
}

FineTuneWork::FineTuneWork(const FineTuneArguments& a)
    : arguments(a),
      out(a.out),
      data(a.labels.empty() ? read_situations(a.corpus) : read_labelled_utterances(a.corpus, a.labels)),
      config(read_encoder_config(a.encoder)) {
  ETHREED_CHECK(!fs::exists(out) || !fs::equivalent(a.encoder, out), "--out {}: is the encoder's own folder", a.out);
  ETHREED_CHECK(!fs::exists(out / figures_name), "--out {}: holds a finished classifier; give another folder", a.out);
  ETHREED_CHECK(a.resume || fs::exists(state()) || !TextClassifier::is_folder_of_one(out),
                "--out {}: holds an encoder; give another folder", a.out);
  const SubwordTokenizer tokenizer = open_tokenizer(a.encoder, config);
  const auto longest = static_cast<std::size_t>(std::min(a.max_length, config.longest()));
  for (const LabelledTexts& split : data.splits)
    if (!split.texts.empty()) splits.push_back(rows_of(split, tokenizer, longest));
  folder_ = std::make_unique<LockedFolder>(out);
  if (!a.quiet) describe();
}

const LabelledRows& FineTuneWork::split(std::string_view name) const {
  const auto found =
      std::find_if(splits.begin(), splits.end(), [&](const LabelledRows& rows) { return rows.texts->split == name; });
  ETHREED_CHECK(found != splits.end(), "{}: has no texts of {}", arguments.corpus, name);
  return *found;
}

std::string FineTuneWork::encoder_name() const {
  const fs::path path = fs::path(arguments.encoder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

void FineTuneWork::stop() const {
  fail("interrupted; everything is saved in {}, the same command with --resume goes on", arguments.out);
}

void FineTuneWork::check_resumed() const {
  ETHREED_CHECK(arguments.resume, "{}: holds an unfinished training; add --resume, or take the file away",
                state().string());
}

void FineTuneWork::describe() const {
  fmt::print("{}: {} of {} layers, d {}, {} classes of {}\n", arguments.encoder, name_of(config.family), config.layers,
             config.width, data.classes.size(), data.what);
  for (const LabelledRows& rows : splits) {
    std::size_t tokens = 0;
    for (const SubwordRow& row : rows.rows) tokens += row.ids.size();
    fmt::print("  {}: {} texts, {:.1f} tokens each{}\n", rows.texts->split, rows.rows.size(),
               static_cast<double>(tokens) / static_cast<double>(rows.rows.size()),
               rows.cut == 0 ? ""
                             : fmt::format(", {} lost their end beyond {} tokens", rows.cut,
                                           std::min(arguments.max_length, config.longest())));
  }
  for (const std::string& note : data.notes) fmt::print("  {}\n", note);
  std::fflush(stdout);
}

void FineTuneWork::finish(Context& context, nlohmann::ordered_json record) const {
  TextClassifier classifier(out);
  record["classes"] = data.classes;
  for (const LabelledRows& rows : splits) {
    if (rows.texts->split == "train") continue;
    ClassifierFigures figures(count_of(data.classes));
    std::vector<std::vector<double>> of_text(rows.rows.size());
    classifier.classify(context, rows.rows, [&](int i, std::span<const double> p) {
      of_text[static_cast<std::size_t>(i)].assign(p.begin(), p.end());
    });
    for (std::size_t i = 0; i < of_text.size(); ++i) figures.add(of_text[i], rows.texts->labels[i]);
    fmt::print("{}", figures.text(rows.texts->split, data.classes));
    record["splits"][rows.texts->split] = figures.json();
  }
  write_text_atomically(out / figures_name, record.dump(1) + "\n");
  fs::remove(state());
  fmt::print("{}: a classifier for ethreed label, figures in figures.json\n", arguments.out);
}

}  // namespace ethreed

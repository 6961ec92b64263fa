#include "tools/ethreed/score/bert_scores.h"

#include "core/error.h"
#include "model/encoders/text_encoder.h"
#include "model/subwords/characters.h"
#include "tools/ethreed/reply_file.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <unordered_map>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> joined_left{".",   ",",  "!",   "?",   ";",   ":",  "'",
                                                       "n't", "'s", "'re", "'ve", "'ll", "'d", "'m"};

std::string stripped(std::string_view text) {
  const std::u32string characters = characters_of(text);
  const auto begin = std::find_if_not(characters.begin(), characters.end(), is_white_space);
  const auto end = std::find_if_not(characters.rbegin(), std::make_reverse_iterator(begin), is_white_space).base();
  return utf8_of(std::u32string(begin, end));
}

// Whether an encoder has the sizes of a published one.
bool has_sizes_of(std::string_view encoder, const EncoderConfig& config) {
  const auto sizes = [&](EncoderFamily family, int layers, int width, int vocabulary) {
    return config.family == family && config.layers == layers && config.width == width &&
           config.vocabulary == vocabulary;
  };
  if (encoder == "roberta-large") return sizes(EncoderFamily::roberta, 24, 1024, 50'265);
  if (encoder == "roberta-base") return sizes(EncoderFamily::roberta, 12, 768, 50'265);
  if (encoder == "distilroberta-base") return sizes(EncoderFamily::roberta, 6, 768, 50'265);
  return encoder == "bert-base-uncased" && sizes(EncoderFamily::bert, 12, 768, 30'522);
}

int layer_of(const BertScoreArguments& arguments, const EncoderConfig& config) {
  int layer = config.layers;
  for (const BertScoreBaseline& published : bert_score_baselines())
    if (has_sizes_of(published.encoder, config)) layer = published.layer;
  layer = arguments.layer.value_or(layer);
  ETHREED_CHECK(layer <= config.layers, "--bertscore-layer {}: the encoder in {} has {} layers", layer,
                arguments.folder, config.layers);
  return layer;
}

struct Baseline {
  BertScore value;
  std::string name;       ///< "the published baseline of roberta-large"
  bool of_paper = false;  ///< what papers call F_BERT
};

// "P,R,F"
std::optional<BertScore> numbers_of(std::string_view text) {
  std::array<double, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const char* const end = text.data() + text.size();
    const auto [place, error] = std::from_chars(text.data(), end, parts[i]);
    if (error != std::errc() || !(parts[i] > -1 && parts[i] < 1)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(place - text.data()));
    if (i + 1 < parts.size() ? !text.starts_with(',') : !text.empty()) return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);
  }
  return BertScore{parts[0], parts[1], parts[2]};
}

std::optional<Baseline> baseline_of(const BertScoreArguments& arguments, const EncoderConfig& config, int layer) {
  if (arguments.baseline.empty()) return std::nullopt;
  std::string known;
  for (const BertScoreBaseline& published : bert_score_baselines()) {
    known += std::string(published.encoder) + ", ";
    if (published.encoder != arguments.baseline) continue;
    ETHREED_CHECK(has_sizes_of(published.encoder, config), "--bertscore-baseline {}: the encoder in {} has other sizes",
                  published.encoder, arguments.folder);
    ETHREED_CHECK(published.layer == layer, "--bertscore-baseline {}: is of layer {}, the score is of layer {}",
                  published.encoder, published.layer, layer);
    return Baseline{.value = published.value,
                    .name = fmt::format("the published baseline of {}", published.encoder),
                    .of_paper = published.encoder == "roberta-large" && !arguments.idf};
  }
  const std::optional<BertScore> own = numbers_of(arguments.baseline);
  ETHREED_CHECK(own, "--bertscore-baseline {}: wanted {}or three numbers below 1, P,R,F", arguments.baseline, known);
  return Baseline{.value = *own, .name = "own baseline " + arguments.baseline};
}

}  // namespace

std::string bert_score_text(const TokenText& tokens) {
  std::string text;
  for (const std::string& token : tokens) {
    const bool left = std::find(joined_left.begin(), joined_left.end(), token) != joined_left.end();
    if (!text.empty() && !left) text += ' ';
    text += token;
  }
  return text;
}

// Every different text is encoded once and kept.
struct BertScorer::Open {
  struct Text {
    SubwordRow row;
    std::vector<float> vectors;  // of length 1
    bool empty = false;          // nothing but special tokens
  };

  BertScoreArguments arguments;
  bool split;
  TextEncoder encoder;
  int layer;
  std::optional<Baseline> baseline;
  std::unique_ptr<Runtime> runtime;
  std::unordered_map<std::string, std::size_t> number_of;
  std::vector<Text> texts;

  Open(const BertScoreArguments& a, bool s, int threads)
      : arguments(a),
        split(s),
        encoder(a.folder),
        layer(layer_of(a, encoder.config())),
        baseline(baseline_of(a, encoder.config(), layer)),
        runtime(open_runtime({.threads = threads})) {}

  bool is_special(std::int32_t id) const {
    return std::find(encoder.specials().begin(), encoder.specials().end(), id) != encoder.specials().end();
  }

  std::size_t add(const std::string& raw, bool verbatim) {
    const std::string text = verbatim ? stripped(raw) : bert_score_text(reply_tokens(raw, split));
    const auto [place, added] = number_of.try_emplace(text, texts.size());
    if (added) {
      Text& one = texts.emplace_back();
      one.row = encoder.row_of(text, true);
      one.empty = std::all_of(one.row.ids.begin(), one.row.ids.end(), [&](std::int32_t id) { return is_special(id); });
    }
    return place->second;
  }

  // Texts from `first` on.
  void encode(std::size_t first) {
    std::vector<SubwordRow> rows;
    for (std::size_t i = first; i < texts.size(); ++i) rows.push_back(texts[i].row);
    Context context = runtime->context();
    const int width = encoder.config().width;
    encoder.encode(context, rows, layer, [&](int row, std::span<const float> states) {
      std::vector<float>& vectors = texts[first + static_cast<std::size_t>(row)].vectors;
      vectors.assign(states.begin(), states.end());
      for (std::size_t begin = 0; begin < vectors.size(); begin += static_cast<std::size_t>(width)) {
        const std::span<float> vector = std::span(vectors).subspan(begin, static_cast<std::size_t>(width));
        double squares = 0;
        for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
        const double length = std::sqrt(squares);
        for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / length);
      }
    });
  }

  std::vector<double> weights_of(const Text& text, const TokenRarity* rarity) const {
    std::vector<double> weights;
    for (const std::int32_t id : text.row.ids)
      weights.push_back(is_special(id) ? 0 : rarity != nullptr ? rarity->weight(id) : 1);
    return weights;
  }
};

BertScorer::BertScorer(const BertScoreArguments& arguments, bool split, int threads)
    : open_(std::make_unique<Open>(arguments, split, threads)) {
  if (open_->arguments.name.empty()) {
    const fs::path path = fs::path(arguments.folder).lexically_normal();
    open_->arguments.name = (path.has_filename() ? path : path.parent_path()).filename().string();
  }
}

BertScorer::~BertScorer() = default;

std::string BertScorer::description() const {
  const BertScoreArguments& a = open_->arguments;
  const std::string forms = a.text == "same"  ? "replies and references as tokens"
                            : a.text == "raw" ? "replies as tokens, references as they are"
                                              : "texts as they are";
  return fmt::format("BERTScore by {} ({}, layer {} of {}), {}, {}{}", a.name, name_of(open_->encoder.config().family),
                     open_->layer, open_->encoder.config().layers, forms,
                     a.idf ? "weighed by idf over the references" : "no idf",
                     open_->baseline ? ", rescaled by " + open_->baseline->name : "");
}

BertScoreRows BertScorer::score(const BertScoreTexts& texts) {
  Open& open = *open_;
  BertScoreRows rows;
  if (texts.references.empty()) return rows;
  // Texts of this file by number.
  const std::size_t known = open.texts.size();
  std::vector<std::size_t> replies;
  std::vector<std::vector<std::size_t>> references(texts.references.size());
  for (const std::string& reply : texts.replies) replies.push_back(open.add(reply, open.arguments.text == "verbatim"));
  for (std::size_t i = 0; i < references.size(); ++i)
    for (const std::string& one : texts.references[i])
      references[i].push_back(open.add(one, open.arguments.text != "same"));
  open.encode(known);
  TokenRarity rarity;
  for (const auto& of_row : references)
    for (const std::size_t one : of_row) rarity.add(open.texts[one].row.ids);
  const TokenRarity* weighed_by = open.arguments.idf ? &rarity : nullptr;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Open::Text& reply = open.texts[replies[i]];
    const std::vector<double> weights = open.weights_of(reply, weighed_by);
    std::optional<BertScore> best;
    for (const std::size_t number : references[i]) {
      const Open::Text& reference = open.texts[number];
      const std::vector<double> other = open.weights_of(reference, weighed_by);
      const BertScore score =
          bert_score({reply.vectors, weights}, {reference.vectors, other}, open.encoder.config().width);
      best = best ? larger_of(*best, score) : score;
      rows.empty_references += reference.empty;
    }
    rows.scores.push_back(*best);
    rows.empty_replies += reply.empty;
  }
  return rows;
}

std::vector<BertScoreFigure> BertScorer::mean_figures() const {
  const Open& open = *open_;
  const std::string label = fmt::format("[{}:{}{}]", open.arguments.name, open.layer, open.arguments.idf ? ":idf" : "");
  std::vector<BertScoreFigure> figures{{"bertscore_p" + label, [](const BertScore& s) { return s.precision; }},
                                       {"bertscore_r" + label, [](const BertScore& s) { return s.recall; }},
                                       {"bertscore_f" + label, [](const BertScore& s) { return s.f; }}};
  if (!open.baseline) return figures;
  const BertScore b = open.baseline->value;
  figures.push_back({"bertscore_p_rescaled" + label, [b](const BertScore& s) { return rescaled(s, b).precision; }});
  figures.push_back({"bertscore_r_rescaled" + label, [b](const BertScore& s) { return rescaled(s, b).recall; }});
  figures.push_back({open.baseline->of_paper ? "f_bert" : "bertscore_f_rescaled" + label,
                     [b](const BertScore& s) { return rescaled(s, b).f; }});
  return figures;
}

std::vector<ScoreFigure> BertScorer::figures(const BertScoreTexts& texts, const ReplySet& set) {
  const bool has_references = !texts.references.empty();
  const BertScoreRows rows = score(texts);
  std::vector<ScoreFigure> figures;
  for (BertScoreFigure& mean : mean_figures()) {
    ScoreFigure& figure = figures.emplace_back(ScoreFigure{.name = std::move(mean.name), .unit = FigureUnit::share});
    if (!has_references) {
      figure.value = std::numeric_limits<double>::quiet_NaN();
      figure.absent = "no references";
      continue;
    }
    std::vector<RatioCounts> groups(static_cast<std::size_t>(set.groups));
    RatioCounts all;
    for (std::size_t i = 0; i < rows.scores.size(); ++i) {
      const RatioCounts one{mean.of_row(rows.scores[i]), 1};
      groups[static_cast<std::size_t>(set.group_of[i])].add(one);
      all.add(one);
    }
    figure.value = all.ratio();
    figure.of_draw = ratio_figure(std::move(groups));
  }
  ScoreFigure empty{.name = "bertscore_empty", .unit = FigureUnit::count};
  if (has_references) {
    empty.value = static_cast<double>(rows.empty_replies + rows.empty_references);
    empty.no_interval = counted_in_file;
    if (empty.value > 0)
      empty.note = fmt::format("{} replies and {} references without a token; P, R and F of such a pair are 0",
                               rows.empty_replies, rows.empty_references);
  } else {
    empty.value = std::numeric_limits<double>::quiet_NaN();
    empty.absent = "no references";
  }
  figures.push_back(std::move(empty));
  return figures;
}

void add_bert_score_options(CLI::App& command, BertScoreArguments& a, bool of_files) {
  CLI::Option* folder =
      command.add_option("--bertscore", a.folder, "Folder of a pretrained encoder (docs/encoders.md), for bertscore_…")
          ->type_name("MODEL_DIR");
  const auto with_it = [&](CLI::Option* option) { return option->needs(folder); };
  with_it(command.add_option("--bertscore-layer", a.layer,
                             "Hidden state that is compared, 0 for the embeddings; default: 17 of RoBERTa-large and "
                             "so on, else the last"))
      ->check(CLI::Range(0, most_encoder_layers))
      ->type_name("N");
  with_it(command.add_option("--bertscore-name", a.name, "What the figures call the encoder; default: its folder"))
      ->type_name("NAME");
  with_it(command.add_option("--bertscore-baseline", a.baseline,
                             "Baseline to rescale by: roberta-large, roberta-base, distilroberta-base, "
                             "bert-base-uncased, or your own as P,R,F"))
      ->type_name("NAME");
  with_it(command.add_flag("--bertscore-idf", a.idf, "Weigh tokens by how few references have them"));
  if (!of_files) return;
  with_it(command.add_option("--bertscore-text", a.text,
                             "same: the tokens of replies and references, put together again; raw: references as "
                             "they are in the file; verbatim: both"))
      ->check(CLI::IsMember({"same", "raw", "verbatim"}))
      ->capture_default_str();
  with_it(command.add_option("--bertscore-references", a.more,
                             "Further references, a row each, for BERTScore alone; may be given again"))
      ->type_name("FILE")
      ->allow_extra_args(false);
}

}  // namespace ethreed

#include "tools/ethreed/attention_view.h"

#include "model/text/vocabulary.h"
#include "tools/ethreed/html_text.h"
#include "tools/ethreed/reply_record.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

Json shares(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double x : values) out.push_back(rounded(x));
  return out;
}

}  // namespace

AttentionView view_of(const Reply& reply, std::span<const std::int32_t> source, const WordTable& words,
                      const Model& model) {
  const int vocabulary = model.vocabulary();
  AttentionView view;
  for (const std::int32_t word : source) {
    const std::string_view name =
        word < 0 ? model.source_marks()[static_cast<std::size_t>(-1 - word)] : words.word(word);
    view.source.push_back({.word = std::string(name), .unknown = word >= vocabulary || word == unk_id});
  }
  for (std::size_t i = 0; i < reply.origins.size(); ++i) {
    const std::int32_t word = i < reply.words.size() ? reply.words[i] : eos_id;
    view.reply.push_back({.word = std::string(words.word(word)),
                          .unknown = word >= vocabulary || word == unk_id,
                          .origin = reply.origins[i]});
  }
  return view;
}

std::string without_pointer(const Model& model) {
  std::string text = fmt::format("model '{}' has no pointer that looks at single words", model.name());
  if (!model.pointer_key().empty())
    text += fmt::format(" in this run: it was trained without model key '{}'", model.pointer_key());
  return text;
}

Json attention_json(const AttentionView& view) {
  Json out{{"source", Json::array()}, {"steps", Json::array()}};
  for (const AttentionView::Source& source : view.source)
    out["source"].push_back({{"word", source.word}, {"unknown", source.unknown}});
  for (const AttentionView::Step& step : view.reply) {
    Json one{{"word", step.word},
             {"unknown", step.unknown},
             {"copied", is_copied(step.origin)},
             {"copied_share", rounded(step.origin.copied)},
             {"probability", rounded(std::exp(step.origin.log_probability))},
             {"p_gen", rounded(step.origin.generation_gate)},
             {"attention", shares(step.origin.attention)}};
    if (!step.origin.coverage.empty()) one["coverage"] = shares(step.origin.coverage);
    out["steps"].push_back(std::move(one));
  }
  return out;
}

std::string attention_text(const AttentionView& view) {
  std::string out;
  for (const AttentionView::Step& step : view.reply) {
    const std::vector<double>& attention = step.origin.attention;
    std::vector<std::size_t> order(attention.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return attention[a] > attention[b]; });
    std::string looked;
    for (std::size_t k = 0; k < std::min<std::size_t>(3, order.size()); ++k)
      looked += fmt::format("{}{} {:.2f}", k == 0 ? "" : ", ", view.source[order[k]].word, attention[order[k]]);
    out += fmt::format("  {:<16} {:<9} p_gen {:.2f}  looked at {}\n", step.word,
                       is_copied(step.origin) ? "copied" : "generated", step.origin.generation_gate, looked);
  }
  return out;
}

std::string attention_html(const AttentionView& view, std::string_view title) {
  std::string out = fmt::format("<h2>{}</h2>\n<table>\n<tr><th></th><th>p_gen</th>", html_text(title));
  for (const AttentionView::Source& source : view.source)
    out += fmt::format("<th class=\"{}\">{}</th>", source.unknown ? "unknown" : "known", html_text(source.word));
  out += "</tr>\n";
  for (const AttentionView::Step& step : view.reply) {
    const bool copied = is_copied(step.origin);
    out += fmt::format(
        "<tr><th class=\"{}\" title=\"{} (pointer's share {:.3f}), probability {:.4f}\">{}</th><td>{:.2f}</td>",
        copied ? "copied" : "generated", copied ? "copied" : "generated", step.origin.copied,
        std::exp(step.origin.log_probability), html_text(step.word), step.origin.generation_gate);
    for (std::size_t j = 0; j < step.origin.attention.size(); ++j) {
      const std::string before =
          step.origin.coverage.empty() ? "" : fmt::format(", coverage before {:.4f}", step.origin.coverage[j]);
      out += fmt::format("<td style=\"background:rgba(200,60,0,{:.3f})\" title=\"{}: attention {:.4f}{}\">{:.2f}</td>",
                         step.origin.attention[j], html_text(view.source[j].word), step.origin.attention[j], before,
                         step.origin.attention[j]);
    }
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

std::string attention_page_begin(std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>\n"
      "body {{ font: 14px sans-serif; margin: 2em }}\nh2 {{ font-size: 1em }}\n"
      "table {{ border-collapse: collapse; margin-bottom: 2em }}\n"
      "td, th {{ border: 1px solid #ddd; padding: 2px 6px; text-align: center; font-weight: normal }}\n"
      "th.unknown {{ font-style: italic; text-decoration: underline }}\nth.copied {{ font-weight: bold }}\n"
      "</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<p>A row is a word of the reply, a column a word that was read and may be copied; the deeper the colour, the "
      "more "
      "attention. Bold: copied. Underlined: not in the vocabulary, can only be copied. p_gen: the share "
      "of "
      "the vocabulary in the word's distribution.</p>\n",
      html_text(title));
}

std::string attention_page_end() { return "</body>\n</html>\n"; }

}  // namespace ethreed

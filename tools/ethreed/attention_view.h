#pragma once
// Where a pointer looked while it wrote a reply: for programs, for a browser, for a terminal.

#include "model/interface/model.h"
#include "model/replies/search.h"
#include "model/text/word_table.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

struct AttentionView {
  struct Source {
    std::string word;
    bool unknown = false;  ///< the vocabulary lacks it: it can only be copied
  };
  struct Step {
    std::string word;
    bool unknown = false;
    WordOrigin origin;
  };
  std::vector<Source> source;
  std::vector<Step> reply;  ///< word by word, the end mark last if it ended
};

/// `source` is GeneratedTurn::source of a reply of this model.
AttentionView view_of(const Reply& reply, std::span<const std::int32_t> source, const WordTable& words,
                      const Model& model);

/// "model 'hred' has no pointer that looks at single words", and by which key of its configuration it would have one.
std::string without_pointer(const Model& model);

/// {"source": [{"word", "unknown"}…], "steps": [{"word", "unknown", "copied", "copied_share", "probability", "p_gen",
/// "attention": […], "coverage": […]}…]}; no "coverage" in steps of a model without one.
nlohmann::ordered_json attention_json(const AttentionView& view);

/// A line a word, for a terminal: the word, whether it was copied, p_gen, and the three words looked at most.
std::string attention_text(const AttentionView& view);

/// A table for a browser: a row a word of the reply, a column a word of the source, the deeper the more attention.
/// `title` is escaped like every other text.
std::string attention_html(const AttentionView& view, std::string_view title);
/// What stands before and after the tables of a page, which needs no network and no script.
std::string attention_page_begin(std::string_view title);
std::string attention_page_end();

}  // namespace ethreed

#pragma once
// Words of English that sentences are made with.

#include <string_view>

namespace ethreed {

/// Is it a word that carries no content: an English function word, or one without a letter or digit. The list is this
/// project's own: articles, pronouns, prepositions, conjunctions, auxiliaries and their like. Words that may say what a
/// reply is for (would, could, sorry, well, oh) are none.
bool is_stop_word(std::string_view word);

}  // namespace ethreed

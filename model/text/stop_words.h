#pragma once
// The English words that sentences are made with, in a list of this project's own.

#include <string_view>

namespace ethreed {

/// Is it a word of grammar (in small letters), or one without a letter or digit: it says nothing of what a text is
/// about.
bool is_stop_word(std::string_view word);

}  // namespace ethreed

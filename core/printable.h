#pragma once
// Text from files and people where a terminal shows it.

#include <string>
#include <string_view>

namespace ethreed {

/// `text` as UTF-8 that can do nothing to a terminal: every control character (U+0000 to U+001F, U+007F to U+009F),
/// line and paragraph separator and mark that turns the direction of text becomes a space, every byte that is no UTF-8
/// (also overlong forms and surrogates) becomes U+FFFD. On one line by that. Linear in the length.
std::string printable(std::string_view text);

}  // namespace ethreed

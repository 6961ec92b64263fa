#pragma once
// Text of others in a page of HTML.

#include <string>
#include <string_view>

namespace ethreed {

/// The text as HTML shows it, in an element or in a quoted attribute; without control characters (printable).
std::string html_text(std::string_view text);

}  // namespace ethreed

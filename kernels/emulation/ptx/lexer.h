#pragma once
// PTX text cut into words, numbers and signs, each with its line.

#include <string>
#include <string_view>
#include <vector>

namespace ethreed::emulation::ptx {

struct Token {
  enum class Kind : unsigned char { word, number, text, sign, end };
  Kind kind = Kind::end;
  std::string_view text;  ///< of the source, which must live on
  int line = 0;
  bool is(char sign) const { return kind == Kind::sign && text[0] == sign; }
  bool is(std::string_view word) const { return kind == Kind::word && text == word; }
};

/// Ends with a token of the kind `end`. Comments and lines of #, .loc and .file are left out: they say nothing that is
/// executed. Throws Error "FILE:LINE: …" for a character that PTX does not have, or a comment or text without an end.
std::vector<Token> tokens_of(const std::string& file, std::string_view text);

}  // namespace ethreed::emulation::ptx

#include "kernels/emulation/ptx/lexer.h"

#include "core/error.h"

#include <cctype>

namespace ethreed::emulation::ptx {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '%'; }

class Lexer {
 public:
  Lexer(const std::string& file, std::string_view text) : file_(file), text_(text) {}

  std::vector<Token> run() {
    while (skip_blank()) next();
    tokens_.push_back({Token::Kind::end, {}, line_});
    return std::move(tokens_);
  }

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  // False at the end.
  bool skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '#' || (c == '/' && at(at_ + 1) == '/')) {
        skip_line();
      } else if (c == '/' && at(at_ + 1) == '*') {
        const std::size_t end = text_.find("*/", at_ + 2);
        ETHREED_CHECK(end != std::string_view::npos, "{}:{}: a comment without an end", file_, line_);
        for (; at_ < end + 2; ++at_) line_ += text_[at_] == '\n' ? 1 : 0;
      } else {
        return true;
      }
    }
    return false;
  }
  void skip_line() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void next() {
    const std::size_t begin = at_;
    const char c = text_[at_];
    Token::Kind kind = Token::Kind::sign;
    if (is_letter(c) || c == '.') {
      kind = Token::Kind::word;
      while (is_letter(at(at_)) || is_digit(at(at_)) || at(at_) == '.' || (at(at_) == ':' && at(at_ + 1) == ':')) {
        // A cache hint: .L2::128B
        at_ += at(at_) == ':' ? 2 : 1;
      }
    } else if (is_digit(c)) {
      kind = Token::Kind::number;
      while (is_digit(at(at_)) || is_letter(at(at_))) ++at_;
    } else if (c == '"') {
      kind = Token::Kind::text;
      const std::size_t end = text_.find('"', at_ + 1);
      ETHREED_CHECK(end != std::string_view::npos, "{}:{}: text without an end", file_, line_);
      at_ = end + 1;
    } else {
      ETHREED_CHECK(std::string_view("{}[]()<>,;:=@!|+-").find(c) != std::string_view::npos,
                    "{}:{}: the character {:#04x}, which PTX does not have here", file_, line_,
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word == ".loc" || word == ".file") return skip_line();
    tokens_.push_back({kind, word, line_});
  }

  const std::string& file_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(const std::string& file, std::string_view text) { return Lexer(file, text).run(); }

}  // namespace ethreed::emulation::ptx

#include "core/error.h"
#include "kernels/emulation/ptx/lexer.h"
#include "kernels/emulation/ptx/source.h"

#include <charconv>
#include <cstring>

namespace ethreed::emulation::ptx {

bool parse_type(std::string_view text, Type& type) {
  if (text == "pred") {
    type = {'p', 1};
    return true;
  }
  if (text.size() < 2 || std::string_view("busf").find(text[0]) == std::string_view::npos) return false;
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  const bool known = bits == 32 || bits == 64 || (text[0] != 'f' && (bits == 8 || bits == 16));
  type = {text[0], bits / 8};
  return known;
}

namespace {

class Parser {
 public:
  Parser(const std::string& file, std::string_view text) : tokens_(tokens_of(file, text)) { module_.file = file; }

  Module run() {
    while (token().kind != Token::Kind::end) declaration();
    ETHREED_CHECK(!module_.target.empty(), "{}: no .target: not PTX, or cut off", module_.file);
    return std::move(module_);
  }

 private:
  // --- tokens ---
  const Token& token() const { return tokens_[at_]; }
  const Token& take() { return tokens_[token().kind == Token::Kind::end ? at_ : at_++]; }
  template <class... Arguments> [[noreturn]] void wrong(fmt::format_string<Arguments...> text, Arguments&&... args) {
    fail("{}:{}: {}", module_.file, token().line, fmt::format(text, std::forward<Arguments>(args)...));
  }
  std::string shown() const { return token().kind == Token::Kind::end ? "the end" : fmt::format("'{}'", token().text); }
  bool accept(char sign) {
    if (!token().is(sign)) return false;
    ++at_;
    return true;
  }
  void expect(char sign) {
    if (!accept(sign)) wrong("wanted '{}', got {}", sign, shown());
  }
  std::string word(std::string_view what) {
    if (token().kind != Token::Kind::word) wrong("wanted {}, got {}", what, shown());
    return std::string(take().text);
  }
  std::uint64_t unsigned_number(std::string_view what) {
    if (token().kind != Token::Kind::number) wrong("wanted {}, got {}", what, shown());
    std::string_view text = token().text;
    if (!text.empty() && text.back() == 'U') text.remove_suffix(1);
    int base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
      base = 16;
      text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) wrong("{} is no number", shown());
    ++at_;
    return value;
  }
  std::int64_t number(std::string_view what) {
    const bool negative = accept('-');
    const auto value = static_cast<std::int64_t>(unsigned_number(what));
    return negative ? -value : value;
  }
  // Of {…}, whatever it holds.
  void skip_braces() {
    expect('{');
    for (int depth = 1; depth > 0;) {
      if (token().kind == Token::Kind::end) wrong("a brace that nobody closes");
      depth += token().is('{') ? 1 : token().is('}') ? -1 : 0;
      ++at_;
    }
  }

  // --- declarations ---
  void declaration() {
    const int line = token().line;
    const std::string directive = word("a directive");
    if (directive == ".version") {
      take();
      if (token().line == line) take();  // 9 . 0 is one number or two words
    } else if (directive == ".target") {
      module_.target = word("an architecture");
      while (accept(',')) word("a word of .target");
    } else if (directive == ".address_size") {
      if (unsigned_number("a size") != 64) wrong("only addresses of 64 bits are known");
    } else if (directive == ".section") {
      word("a section");
      skip_braces();
    } else if (directive == ".visible" || directive == ".weak") {
      // Who may see it is the linker's matter.
    } else if (directive == ".extern") {
      extern_ = true;
    } else if (directive == ".func") {
      skip_function();
    } else if (directive == ".entry") {
      entry(line);
    } else if (directive == ".global" || directive == ".const" || directive == ".shared") {
      module_.variables.push_back(variable(directive));
    } else {
      --at_;
      wrong("{} is not known here", directive);
    }
  }

  static Space space_of(std::string_view directive) {
    return directive == ".shared"  ? Space::shared
           : directive == ".local" ? Space::local
           : directive == ".const" ? Space::constant
           : directive == ".param" ? Space::param
                                   : Space::global;
  }

  // .align 8 .b8 name[40] and, of memory with contents, = {…}; up to the sign behind it.
  Variable sized_variable(Space space) {
    Variable made{.space = space, .line = token().line};
    std::size_t align = 0;
    Type type;
    for (bool typed = false; !typed;) {
      const std::string directive = word("a type");
      if (directive == ".align") {
        align = unsigned_number("an alignment");
        if (align == 0 || (align & (align - 1)) != 0 || align > 4096) wrong("an alignment of {}", align);
      } else {
        typed = directive.size() > 1 && parse_type(std::string_view(directive).substr(1), type) && type.kind != 'p';
        if (!typed) wrong("wanted a type, got '{}'", directive);
      }
    }
    made.alignment = std::max<std::size_t>(align, type.bytes);
    if (token().is(".ptr")) {  // what a parameter points to
      take();
      if (token().is(".global") || token().is(".shared") || token().is(".local") || token().is(".const")) take();
      if (token().is(".align")) {
        take();
        unsigned_number("an alignment");
      }
    }
    made.name = word("a name");
    made.bytes = type.bytes;
    if (accept('[')) {
      if (accept(']')) {
        made.bytes = 0;
        made.dynamic = true;
      } else {
        const std::uint64_t count = unsigned_number("a count of elements");
        if (count > (std::size_t{1} << 32)) wrong("{} elements", count);
        made.bytes *= count;
        expect(']');
      }
    }
    if (accept('=')) contents(made, type);
    return made;
  }

  void contents(Variable& made, Type type) {
    if (made.space == Space::shared || made.space == Space::param) wrong("contents of memory that has none at first");
    const auto element = [&] {
      std::uint64_t bits = 0;
      if (token().kind == Token::Kind::word) wrong("the address of {} as contents is not known here", shown());
      bits = literal().bits;
      const std::size_t before = made.initial.size();
      made.initial.resize(before + type.bytes);
      std::memcpy(made.initial.data() + before, &bits, type.bytes);
    };
    if (!accept('{')) return element();
    do element();
    while (accept(','));
    expect('}');
    if (made.initial.size() > made.bytes)
      wrong("{} bytes for the {} of '{}'", made.initial.size(), made.bytes, made.name);
  }

  Variable variable(const std::string& directive) {
    Variable made = sized_variable(space_of(directive));
    const bool is_extern = std::exchange(extern_, false);
    if (made.dynamic != (is_extern && made.space == Space::shared))
      wrong("'{}': only extern shared memory has no size, and nothing else of other modules is known", made.name);
    expect(';');
    return made;
  }

  // A device function. What calls one can be read, and is an Error when it is executed.
  void skip_function() {
    while (!token().is(';') && !token().is('{')) {
      if (token().kind == Token::Kind::end) wrong("a function without an end");
      ++at_;
    }
    if (!accept(';')) skip_braces();
  }

  // --- functions ---
  void entry(int line) {
    function_ = {};
    function_.line = line;
    function_.name = word("the name of a kernel");
    scopes_.clear();
    scopes_.emplace_back();
    if (accept('(') && !accept(')')) {
      do {
        if (word("a parameter") != ".param") wrong("wanted .param");
        function_.parameters.push_back(sized_variable(Space::param));
      } while (accept(','));
      expect(')');
    }
    // How many threads and registers a kernel has at most is the compiler's matter.
    while (token().kind == Token::Kind::word) {
      const std::string directive = word("a directive");
      if (directive != ".maxntid" && directive != ".minnctapersm" && directive != ".reqntid" && directive != ".maxnreg")
        wrong("{} is not known here", directive);
      do unsigned_number("a count");
      while (accept(','));
    }
    expect('{');
    for (int depth = 1; depth > 0;) {
      if (token().kind == Token::Kind::end) wrong("a function without an end");
      if (accept('{')) {
        scopes_.emplace_back();
        ++depth;
      } else if (accept('}')) {
        scopes_.pop_back();
        --depth;
      } else {
        statement();
      }
    }
    for (const Variable& variable : function_.variables)
      if (variable.dynamic) fail("{}:{}: '{}' has no size", module_.file, variable.line, variable.name);
    module_.entries.push_back(std::move(function_));
  }

  void statement() {
    const Token& first = token();
    if (first.kind == Token::Kind::word && first.text[0] == '.') return directive();
    if (first.kind == Token::Kind::word && tokens_[at_ + 1].is(':')) {
      if (!function_.labels.emplace(first.text, function_.statements.size()).second)
        wrong("a second label '{}'", first.text);
      at_ += 2;
      return;
    }
    Statement made{.line = first.line};
    if (accept('@')) {
      made.guard_negated = accept('!');
      made.guard = register_of(word("a predicate"));
      if (made.guard[0] != '#') wrong("'{}' guards an instruction and is no register", made.guard);
    }
    made.line = token().line;
    made.opcode = word("an instruction");
    if (!token().is(';')) do {
        made.operands.push_back(operand());
      } while (accept(','));
    expect(';');
    function_.statements.push_back(std::move(made));
  }

  void directive() {
    const std::string name = word("a directive");
    if (name == ".reg") return registers();
    if (name == ".shared" || name == ".local" || name == ".param") {
      function_.variables.push_back(variable(name));
      return;
    }
    if (name != ".pragma") {
      --at_;
      wrong("{} is not known here", name);
    }
    while (!token().is(';')) {
      if (token().kind == Token::Kind::end) wrong("a .pragma without an end");
      ++at_;
    }
    expect(';');
  }

  void registers() {
    const std::string text = word("a type");
    Type type;
    if (!parse_type(std::string_view(text).substr(1), type)) wrong("registers of the type {} are not known", text);
    do {
      const std::string name = word("the name of a register");
      std::uint64_t count = 1;
      const bool many = accept('<');
      if (many) {
        count = unsigned_number("a count");
        if (count > 100'000) wrong("{} registers", count);
        expect('>');
      }
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::string one = many ? name + std::to_string(i) : name;
        scopes_.back()[one] = "#" + std::to_string(function_.registers.size());
        function_.registers.push_back(type);
      }
    } while (accept(','));
    expect(';');
  }

  // The register that a name means here; the name itself if it means something else.
  std::string register_of(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      if (const auto found = scope->find(name); found != scope->end()) return found->second;
    return name;
  }

  Operand literal() {
    const bool negative = accept('-');
    const std::string_view text = token().text;
    Operand made{.kind = Operand::Kind::number};
    const char letter = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : ' ';
    if (token().kind == Token::Kind::number && (letter == 'f' || letter == 'd')) {
      made.literal = letter;
      const std::size_t digits = letter == 'f' ? 8 : 16;
      const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), made.bits, 16);
      if (negative || text.size() != 2 + digits || error != std::errc() || end != text.data() + text.size())
        wrong("{} is no number", shown());
      ++at_;
      return made;
    }
    made.bits = unsigned_number("a number");
    if (negative) made.bits = 0 - made.bits;
    return made;
  }

  Operand operand() {
    if (token().is('{') || token().is('(')) {  // a vector, or what a call passes
      const char closes = take().is('{') ? '}' : ')';
      Operand made{.kind = Operand::Kind::vector};
      do made.parts.push_back(operand());
      while (accept(','));
      expect(closes);
      return made;
    }
    if (accept('[')) {
      Operand made{.kind = Operand::Kind::address};
      if (token().kind == Token::Kind::word) {
        made.name = register_of(word("an address"));
        if (accept('+'))
          made.offset = number("an offset");
        else if (token().is('-'))
          made.offset = number("an offset");
      } else {
        made.offset = number("an address");
      }
      expect(']');
      return made;
    }
    if (token().kind == Token::Kind::number || token().is('-')) return literal();
    Operand made;
    made.negated = accept('!');
    const std::string name = word("an operand");
    if (name == "_") made.kind = Operand::Kind::sink;
    made.name = register_of(name);
    if (accept('|')) made.second = register_of(word("a predicate"));
    return made;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  Module module_;
  bool extern_ = false;
  Function function_;
  std::vector<std::map<std::string, std::string>> scopes_;
};

}  // namespace

Module parse(std::string file, std::string_view text) { return Parser(file, text).run(); }

}  // namespace ethreed::emulation::ptx

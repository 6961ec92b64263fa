#include "tools/ethreed/completion/manual_pages.h"

#include <fmt/ranges.h>

#include <cctype>
#include <string_view>

namespace ethreed {

namespace {

// Text for troff: a backslash, a hyphen that shall stay one, and marks at the beginning of a line have a meaning.
std::string text_of(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    at_start = c == '\n';
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += c;
    }
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + text_of(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + text_of(text) + "\\fR"; }

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string sentence(const std::string& text) {
  return text.empty() || std::string_view(".:!?").find(text.back()) != std::string_view::npos ? text : text + ".";
}

std::string value_of(const OptionEntry& option) {
  if (option.is_flag()) return {};
  // A name that has its brackets says already that it may be left out.
  const bool bracket = option.value_optional && option.value.front() != '[';
  return fmt::format(" {}{}{}{}", bracket ? "[" : "", italic(option.value), bracket ? "]" : "",
                     option.repeats ? " ..." : "");
}

// A tagged paragraph: names and value, then what it is.
std::string paragraph(const OptionEntry& option) {
  std::string tag;
  for (const std::string& name : option.names)
    tag += (tag.empty() ? "" : ", ") + (option.positional ? italic(name) : bold(name));
  if (option.positional)
    tag += option.repeats ? " ..." : "";
  else
    tag += value_of(option);
  std::string text = ".TP\n" + tag + "\n" + text_of(sentence(option.description)) + "\n";
  if (!option.choices.empty()) text += text_of(fmt::format("One of: {}.", fmt::join(option.choices, ", "))) + "\n";
  if (!option.range.empty()) text += text_of("From " + option.range + ".") + "\n";
  if (!option.default_value.empty()) text += text_of("Default: " + option.default_value + ".") + "\n";
  if (option.required && !option.positional) text += "Must be given.\n";
  return text;
}

std::string synopsis(const CommandEntry& command) {
  std::string text = ".SH SYNOPSIS\n" + bold(command.joined(" "));
  for (const OptionEntry& option : command.options)
    if (option.required) text += " " + bold(option.names.back()) + value_of(option);
  text += " [" + italic("OPTION") + " ...]";
  for (const OptionEntry& argument : command.positionals)
    text += fmt::format(" {}{}{}{}", argument.required ? "" : "[", italic(upper(argument.names.front())),
                        argument.repeats ? " ..." : "", argument.required ? "" : "]");
  if (!command.commands.empty()) text += " " + italic("COMMAND") + " ...";
  return text + "\n";
}

std::string reference(const CommandEntry& command) { return bold(command.joined("-")) + "(1)"; }

std::string see_also(const CommandEntry& command, const CommandEntry& root) {
  std::vector<std::string> pages;
  if (&command != &root) pages.push_back(reference(root));
  if (command.path.size() > 2) {
    CommandEntry parent{.path = command.path};
    parent.path.pop_back();
    pages.push_back(reference(parent));
  }
  for (const CommandEntry& other : &command == &root || command.path.size() == 2 ? root.commands : command.commands)
    if (&other != &command) pages.push_back(reference(other));
  return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(pages, ",\n"));
}

}  // namespace

std::string manual_page(const CommandEntry& command, const CommandEntry& root) {
  const bool is_program = &command == &root;
  std::string name_line = command.description.substr(0, command.description.find('\n'));
  if (is_program) name_line = "dialogue models that track emotions: prepare, train, evaluate, talk";
  std::string text =
      fmt::format(".TH \"{}\" 1 \"\" \"ethreed {}\" \"User Commands\"\n", upper(command.joined("-")), ETHREED_VERSION);
  text += fmt::format(".SH NAME\n{} \\- {}\n", text_of(command.joined("-")), text_of(name_line));
  text += synopsis(command);
  text += ".SH DESCRIPTION\n" + text_of(sentence(command.description)) + "\n";
  if (!command.positionals.empty()) {
    text += ".SH ARGUMENTS\n";
    for (const OptionEntry& argument : command.positionals) text += paragraph(argument);
  }
  if (!command.commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const CommandEntry& below : command.commands)
      text += ".TP\n" + bold(below.path.back()) + "\n" + text_of(sentence(below.description)) + "\nSee " +
              reference(below) + ".\n";
  }
  text += ".SH OPTIONS\n";
  for (const OptionEntry& option : command.options) text += paragraph(option);
  text +=
      ".SH EXIT STATUS\n0 if all was done, 1 after an error, 2 if the command line was wrong.\nAn error is one line on "
      "standard error: what, where, got, wanted, what to do.\n";
  return text + see_also(command, root);
}

std::string manual_file_name(const CommandEntry& command) { return command.joined("-") + ".1"; }

}  // namespace ethreed

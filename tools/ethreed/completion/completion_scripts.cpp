#include "tools/ethreed/completion/completion_scripts.h"

#include <fmt/ranges.h>

#include <string_view>

namespace ethreed {

namespace {

// In single quotes of a POSIX shell: every ' ends the quotes, stands by itself and begins them again.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// In single quotes of fish, where \ and ' are escaped.
std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// The first line, and of a long one the first sentence: a menu has one line for each.
std::string brief(const std::string& description) {
  std::string text = description.substr(0, description.find('\n'));
  constexpr std::size_t longest = 100;
  if (text.size() <= longest) return text;
  const std::size_t end = text.find_first_of(".:;(", 20);
  if (end != std::string::npos && end <= longest) {
    text.resize(text.find_last_not_of(' ', end - 1) + 1);
    return text;
  }
  text.resize(text.find_last_of(' ', longest));
  return text + " …";
}

std::vector<std::string> names_below(const CommandEntry& command) {
  std::vector<std::string> names;
  for (const CommandEntry& below : command.commands) names.push_back(below.path.back());
  return names;
}

std::vector<std::string> option_names(const CommandEntry& command) {
  std::vector<std::string> names;
  for (const OptionEntry& option : command.options) names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

// The statement of bash that offers values of an option or argument.
std::string bash_values(const OptionEntry& option) {
  switch (option.kind) {
    case ValueKind::file: return "_ethreed_paths -f";
    case ValueKind::folder: return "_ethreed_paths -d";
    case ValueKind::choice:
      return fmt::format("_ethreed_words {}", quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    case ValueKind::other: break;
  }
  return ":";
}

// What _arguments of zsh does for a value.
std::string zsh_action(const OptionEntry& option) {
  switch (option.kind) {
    case ValueKind::file: return "_files";
    case ValueKind::folder: return "_files -/";
    case ValueKind::choice: return fmt::format("({})", fmt::join(option.choices, " "));
    case ValueKind::other: break;
  }
  return " ";
}

// Within a specification of _arguments [ ] and : have a meaning.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const OptionEntry& option) {
  const bool several = option.names.size() > 1;
  std::string text;
  for (const std::string& name : option.names) {
    std::string spec = option.repeats ? "*" : fmt::format("({})", fmt::join(option.names, " "));
    if (!several && !option.repeats) spec.clear();
    spec += fmt::format("{}[{}]", name, zsh_escaped(brief(option.description)));
    if (!option.is_flag())
      spec += fmt::format("{}{}:{}", option.value_optional ? "::" : ":", zsh_escaped(option.value), zsh_action(option));
    text += fmt::format("    {} \\\n", quoted(spec));
  }
  return text;
}

std::string fish_values(const OptionEntry& option) {
  if (option.is_flag()) return {};
  const std::string needs = option.value_optional ? "" : " -r";
  switch (option.kind) {
    case ValueKind::file: return needs + " -F";
    case ValueKind::folder: return needs + " -f -a '(__fish_complete_directories)'";
    case ValueKind::choice:
      return fmt::format("{} -f -a {}", needs, fish_quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    case ValueKind::other: break;
  }
  return needs + " -f";
}

std::string function_name(const CommandEntry& command) { return "_" + command.joined("_"); }

}  // namespace

std::string bash_completion(const CommandEntry& root) {
  std::string text =
      "# Completion of ethreed for bash, made by `ethreed completion bash`.\n\n"
      "_ethreed_offer() {\n"
      "  mapfile -t COMPREPLY <<<\"$1\"\n"
      "  [[ -n $1 ]] || COMPREPLY=()\n"
      "}\n"
      "_ethreed_words() { _ethreed_offer \"$(compgen -W \"$1\" -- \"$current\")\"; }\n"
      "_ethreed_paths() {\n"
      "  _ethreed_offer \"$(compgen \"$1\" -- \"$current\")\"\n"
      "  compopt -o filenames 2>/dev/null || true\n"
      "}\n\n"
      "_ethreed() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} path=ethreed word\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path $word\" in\n     ";
  const std::vector<const CommandEntry*> commands = all_commands(root);
  for (const CommandEntry* command : commands)
    if (command != &root)
      text += fmt::format(" {}{}", command == commands[1] ? "" : "| ", quoted(command->joined(" ")));
  text += ") path+=\" $word\" ;;\n    esac\n  done\n  case \"$path\" in\n";
  for (const CommandEntry* command : commands) {
    text += fmt::format("    {})\n", quoted(command->joined(" ")));
    std::string cases;
    for (const OptionEntry& option : command->options)
      if (!option.is_flag() && !option.value_optional)
        cases += fmt::format("        {}) {}; return ;;\n", fmt::join(option.names, " | "), bash_values(option));
    if (!cases.empty()) text += "      case \"$previous\" in\n" + cases + "      esac\n";
    text += fmt::format("      if [[ $current == -* ]]; then _ethreed_words {}; return; fi\n",
                        quoted(fmt::format("{}", fmt::join(option_names(*command), " "))));
    if (!command->commands.empty())
      text +=
          fmt::format("      _ethreed_words {}\n", quoted(fmt::format("{}", fmt::join(names_below(*command), " "))));
    else if (!command->positionals.empty())
      text += fmt::format("      {}\n", bash_values(command->positionals.front()));
    text += "      ;;\n";
  }
  return text + "  esac\n}\ncomplete -F _ethreed ethreed\n";
}

std::string zsh_completion(const CommandEntry& root) {
  std::string text = "#compdef ethreed\n# Completion of ethreed for zsh, made by `ethreed completion zsh`.\n";
  for (const CommandEntry* command : all_commands(root)) {
    text += fmt::format("\n{}() {{\n", function_name(*command));
    if (!command->commands.empty()) {
      text +=
          "  local curcontext=$curcontext context state state_descr line ret=1\n  typeset -A opt_args\n  local -a "
          "commands=(\n";
      for (const CommandEntry& below : command->commands)
        text += fmt::format("    {}\n", quoted(below.path.back() + ":" + zsh_escaped(brief(below.description))));
      text += "  )\n";
    }
    text += fmt::format("  _arguments -s -S{} \\\n", command->commands.empty() ? "" : " -C");
    for (const OptionEntry& option : command->options) text += zsh_option(option);
    for (const OptionEntry& argument : command->positionals)
      text +=
          fmt::format("    {} \\\n", quoted(fmt::format("{}:{}:{}",
                                                        argument.repeats    ? "*"
                                                        : argument.required ? ""
                                                                            : ":",
                                                        zsh_escaped(argument.names.front()), zsh_action(argument))));
    if (command->commands.empty()) {
      text += "    && return 0\n}\n";
      continue;
    }
    text +=
        "    '1:command:->command' '*::argument:->argument' && ret=0\n  case $state in\n"
        "    command) _describe command commands && ret=0 ;;\n    argument)\n      case $words[1] in\n";
    for (const CommandEntry& below : command->commands)
      text += fmt::format("        {}) {} && ret=0 ;;\n", below.path.back(), function_name(below));
    text += "      esac ;;\n  esac\n  return ret\n}\n";
  }
  return text + "\nif [[ $funcstack[1] == _ethreed ]]; then\n  _ethreed \"$@\"\nelse\n  compdef _ethreed ethreed\nfi\n";
}

std::string fish_completion(const CommandEntry& root) {
  std::string text = "# Completion of ethreed for fish, made by `ethreed completion fish`.\ncomplete -c ethreed -f\n";
  for (const CommandEntry* command : all_commands(root)) {
    // This command and those above it are there, and none below it.
    std::string when;
    for (std::size_t i = 1; i < command->path.size(); ++i)
      when += fmt::format("__fish_seen_subcommand_from {}; and ", command->path[i]);
    // Nor one of another command's that has the same name.
    if (command->path.size() == 2)
      for (const CommandEntry& other : root.commands)
        for (const CommandEntry& below : other.commands)
          if (below.path.back() == command->path.back())
            when += fmt::format("not __fish_seen_subcommand_from {}; and ", other.path.back());
    const std::string below = fmt::format("{}", fmt::join(names_below(*command), " "));
    if (!below.empty()) when += fmt::format("not __fish_seen_subcommand_from {}; and ", below);
    if (!when.empty()) when.resize(when.size() - std::string_view("; and ").size());
    const std::string start = fmt::format("complete -c ethreed -n {}", fish_quoted(when));
    for (const CommandEntry& entry : command->commands)
      text += fmt::format("{} -a {} -d {}\n", start, entry.path.back(), fish_quoted(brief(entry.description)));
    for (const OptionEntry& option : command->options) {
      text += start;
      for (const std::string& name : option.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      text += fmt::format("{} -d {}\n", fish_values(option), fish_quoted(brief(option.description)));
    }
    if (!command->positionals.empty()) text += start + fish_values(command->positionals.front()) + "\n";
  }
  return text;
}

}  // namespace ethreed

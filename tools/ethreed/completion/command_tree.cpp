#include "tools/ethreed/completion/command_tree.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <string_view>

namespace ethreed {

namespace {

// "TEXT:{cpu,cuda}" is of choices, "INT:INT in [1 - 9]" has a range: what the checks of an option add to its type.
void read_type(const std::string& type, OptionEntry& entry) {
  const std::size_t colon = type.find(':');
  entry.value = type.substr(0, colon);
  if (colon != std::string::npos) {
    std::string_view check = std::string_view(type).substr(colon + 1);
    const std::size_t open = check.find_first_of("{["), close = check.find_last_of("}]");
    if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
      const std::string inside(check.substr(open + 1, close - open - 1));
      if (check[open] == '{') {
        entry.kind = ValueKind::choice;
        entry.choices = CLI::detail::split(inside, ',');
        entry.value = "NAME";
      } else if (const std::size_t dash = inside.find(" - "); dash != std::string::npos) {
        entry.range = inside.substr(0, dash) + " to " + inside.substr(dash + 3);
      }
    }
  }
  // Names of the parser's own for plain types.
  if (entry.value == "UINT" || entry.value == "INT") entry.value = "N";
  if (entry.value == "FLOAT") entry.value = "X";
  const auto has = [&](std::string_view part) { return entry.value.find(part) != std::string::npos; };
  if (entry.kind != ValueKind::other) return;
  if (has("DIR") || has("RUN"))
    entry.kind = ValueKind::folder;
  else if (has("FILE") || has("PLAN") || has("REPLIES") || has("KEY") || has("SHEETS"))
    entry.kind = ValueKind::file;
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry{.description = option.get_description(),
                    .positional = option.get_positional() && option.nonpositional() == false,
                    .required = option.get_required()};
  if (entry.positional) {
    entry.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() == 0) return entry;  // a flag
  read_type(option.get_type_name(), entry);
  entry.default_value = option.get_default_str();
  entry.value_optional = option.get_expected_min() == 0;
  entry.repeats = option.get_expected_max() > 1 || option.get_allow_extra_args();
  return entry;
}

CommandEntry command_of(const CLI::App& app, std::vector<std::string> path) {
  path.push_back(app.get_name());
  CommandEntry command{.path = path, .description = app.get_description()};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    OptionEntry entry = entry_of(*option);
    (entry.positional ? command.positionals : command.options).push_back(std::move(entry));
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!below->get_group().empty()) command.commands.push_back(command_of(*below, path));
  return command;
}

}  // namespace

std::string CommandEntry::joined(const char* between) const { return fmt::format("{}", fmt::join(path, between)); }

CommandEntry command_tree(const CLI::App& app) { return command_of(app, {}); }

std::vector<const CommandEntry*> all_commands(const CommandEntry& root) {
  std::vector<const CommandEntry*> all{&root};
  for (const CommandEntry& below : root.commands)
    for (const CommandEntry* command : all_commands(below)) all.push_back(command);
  return all;
}

}  // namespace ethreed

#pragma once
// The commands of the program and their options, as the parser of command lines knows them: what manual pages and
// completion are made of, so that neither says anything else than the program.

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

/// What a value is, as far as a shell can offer one.
enum class ValueKind { other, file, folder, choice };

/// An option, or a positional argument.
struct OptionEntry {
  std::vector<std::string> names;  ///< "-h", "--help", short ones first; of a positional its one name, without dashes
  std::string description;
  std::string value;                 ///< "FILE"; empty for a flag
  std::vector<std::string> choices;  ///< of ValueKind::choice
  std::string range;                 ///< "1 to 1024", or empty
  std::string default_value;         ///< or empty
  ValueKind kind = ValueKind::other;
  bool positional = false;
  bool required = false;
  bool value_optional = false;  ///< may stand without its value
  bool repeats = false;         ///< takes several values

  bool is_flag() const { return value.empty(); }
};

struct CommandEntry {
  std::vector<std::string> path;  ///< "ethreed", "study", "make"
  std::string description;
  std::vector<OptionEntry> positionals, options;
  std::vector<CommandEntry> commands;

  /// "ethreed study make", "ethreed-study-make"
  std::string joined(const char* between) const;
};

/// Of a command and all below it, without hidden ones (those of an empty group).
CommandEntry command_tree(const CLI::App& app);

/// The command and all below it, each before those below.
std::vector<const CommandEntry*> all_commands(const CommandEntry& root);

}  // namespace ethreed

#pragma once
// Scripts by which shells complete the commands, options and values of the program.

#include "tools/ethreed/completion/command_tree.h"

#include <string>

namespace ethreed {

/// For bash 4 or later: to be sourced, or put where bash-completion looks. Needs nothing else.
std::string bash_completion(const CommandEntry& root);
/// For zsh: a file _ethreed of a folder of $fpath, or to be sourced after compinit.
std::string zsh_completion(const CommandEntry& root);
/// For fish: ethreed.fish of a folder of $fish_complete_path, or to be sourced.
std::string fish_completion(const CommandEntry& root);

}  // namespace ethreed

#pragma once
// Manual pages (section 1) of the program and of each command.

#include "tools/ethreed/completion/command_tree.h"

#include <string>

namespace ethreed {

/// The page of a command in troff's macros `man`. `root` is the program, for what pages refer to.
std::string manual_page(const CommandEntry& command, const CommandEntry& root);

/// "ethreed-study-make.1"
std::string manual_file_name(const CommandEntry& command);

}  // namespace ethreed

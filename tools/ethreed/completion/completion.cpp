// `ethreed completion` prints a script for a shell. `ethreed manual`, which is for the build and hidden, writes the
// manual pages.

#include "core/atomic_file.h"
#include "core/error.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/completion/completion_scripts.h"
#include "tools/ethreed/completion/manual_pages.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace ethreed {

void add_completion_command(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "completion",
      "Print a script by which a shell completes commands, options and values: source <(ethreed completion bash)");
  command->add_option("shell", *shell, "For which shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app] {
    const CommandEntry root = command_tree(app);
    const std::string script = *shell == "bash"  ? bash_completion(root)
                               : *shell == "zsh" ? zsh_completion(root)
                                                 : fish_completion(root);
    fmt::print("{}", script);
  });

  const auto out = std::make_shared<std::string>();
  CLI::App* manual = app.add_subcommand("manual", "Write the manual pages of all commands into a folder");
  manual->group("");
  manual->add_option("--out", *out, "Folder, which must exist")->required()->type_name("DIR");
  manual->callback([out, &app] {
    const CommandEntry root = command_tree(app);
    for (const CommandEntry* page : all_commands(root)) {
      AtomicFile file(std::filesystem::path(*out) / manual_file_name(*page));
      file.write(manual_page(*page, root));
      file.commit();
    }
  });
}

}  // namespace ethreed

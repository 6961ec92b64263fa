#include "model/interface/models.h"
#include "tools/ethreed/commands.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

namespace ethreed {

void add_models_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("models", "Say which models there are, and their variants");
  command->callback([] {
    for (const ModelKind& kind : model_kinds()) {
      fmt::print("{:<20}{}\n{:<20}variants: {}\n", kind.name, kind.summary, "", fmt::join(kind.variants(), ", "));
      for (const NamedRecipe& recipe : kind.recipes())
        fmt::print("{:<20}recipe {}: {}\n", "", recipe.name, recipe.summary);
    }
  });
}

}  // namespace ethreed

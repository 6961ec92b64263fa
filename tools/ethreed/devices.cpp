#include "kernels/device/open_device.h"
#include "tools/ethreed/commands.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

namespace ethreed {

void add_devices_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("devices", "Say which devices this program was built for and finds here");
  command->callback([] { fmt::print("{}", describe_devices()); });
}

}  // namespace ethreed

#pragma once
// How replies are written, as the command line says it: of every command that writes replies.

#include "model/evaluation/evaluator.h"
#include "tools/ethreed/session.h"

#include <optional>
#include <string>

namespace ethreed {

struct DecodeArguments {
  std::string method = "greedy";
  std::string latent = "sample";
  std::string emotion;       ///< of the replies; empty: the model's own plan
  std::optional<int> top_k;  ///< not given: 20, or with top-p all words
  DecodeOptions options;
  LatentMode mode() const {
    return {.sample = latent != "mean", .seed = options.seed, .shuffle_plans = latent == "shuffled"};
  }
  /// Throws Error if an option is out of range.
  DecodeOptions checked() const;
  /// How a run writes replies by these options; with where its words came from. Throws Error as planned_class does.
  ReplyMode reply_mode(const LoadedRun& run) const;
};

/// All of them; `many`: those, too, that only make sense where many replies can be shown; `split`: those of whole
/// splits.
void add_decode_options(CLI::App& command, DecodeArguments& arguments, bool many = true, bool split = false);
/// Throws Error if --latent asks for what the run's model does not have.
void check_latent(const DecodeArguments& arguments, const LoadedRun& run);

/// The number of the class that a person calls `name`, for ReplyOptions::planned_class; −1 if it is empty. Case and
/// blanks around it do not matter. Throws Error if the model plans no emotion of its replies or has none of this name.
int planned_class(const LoadedRun& run, const std::string& name);

}  // namespace ethreed

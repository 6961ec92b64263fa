#pragma once
// What one run does on each dialogue of a split, kept in a file: enough for figures over any choice of dialogues, so
// that two runs can be compared dialogue by dialogue.

#include "model/blocks/figure_shares.h"
#include "model/metrics/bootstrap.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Behind the name of a figure at the mean of the latent variables.
inline constexpr std::string_view at_latent_mean = "_at_latent_mean";

/// A figure that is a ratio of sums (see FigureShares), by dialogue.
struct DialogueFigure {
  std::string name;
  bool exponential = false;
  std::vector<ExampleShare> of_dialogue;
  /// As a function of dialogues drawn.
  GroupFigure of_draw() const;
  /// Is it a figure at the mean of the latent variables?
  bool at_mean() const { return name.ends_with(at_latent_mean); }
};

/// JSON Lines. The first line: {"format": 1, "split", "decoding", "figures": {name: "ratio" or "exp"}, "dialogues"}.
/// Then a line a dialogue: {"conversation", name: [sum, count], …, "replies": ["words with blanks between them", …]}.
struct DialogueFile {
  std::string split;
  std::string decoding;  ///< of the replies; empty: the model writes none
  std::vector<std::string> conversations;
  std::vector<DialogueFigure> figures;
  std::vector<std::vector<std::vector<std::string>>> replies;  ///< of every dialogue the words of each; may be none

  /// Throws Error if the file cannot be written.
  void write(const std::filesystem::path& path) const;
  /// Throws Error naming file and line if it is missing or damaged.
  static DialogueFile read(const std::filesystem::path& path);
};

}  // namespace ethreed

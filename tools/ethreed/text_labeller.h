#pragma once
// Classes of texts by whatever can tell them: a run of a classifier of texts, or a classifier on a pretrained encoder.

#include "tools/ethreed/session.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

class TextLabeller {
 public:
  /// Called for every text that is done, in an order of the labeller's own; p [classes]. What it throws ends the work.
  using Consume = std::function<void(int text, std::span<const double> p)>;

  virtual ~TextLabeller() = default;
  virtual const std::vector<std::string>& classes() const = 0;
  /// What it is, for people: "model 'linear_classifier', variant 'none'", "mpnet of 12 layers, fine-tuned".
  virtual std::string description() const = 0;
  /// The label set that a run has learned; empty for an encoder, whose classes are of no data set.
  virtual std::string label_set() const = 0;
  /// Does it want texts as people write them; else tokens with blanks between them do as well.
  virtual bool wants_plain_text() const = 0;
  virtual void label(const std::vector<std::string>& texts, const Consume& consume) = 0;
};

/// `max_length`: tokens read of a text, end mark included; none: 100, of encoders 128. Throws Error unless
/// arguments.run is the folder of one of the two, and for an encoder on any device but the CPU.
std::unique_ptr<TextLabeller> open_labeller(const RunArguments& arguments, std::optional<int> max_length = {});

}  // namespace ethreed

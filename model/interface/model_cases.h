#pragma once
// How a model presents itself to the tests: small configurations of every variant, and a textbook forward in double
// that was written without the engine. One test file walks the table and asks every property of every case.

#include "model/blocks/example.h"
#include "model/interface/models.h"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// A configuration for tests: small sizes, every one another where the model allows it, so that no two can be mixed up
/// unseen. Sizes of the data are filled in by whoever makes the model.
struct ModelCase {
  std::string name;
  nlohmann::json keys;  ///< {"model": {…}, "training": {…}}
  /// Keys to change besides where the gradient is held against differences: a loss that takes a part of itself for a
  /// constant is not the function that its gradient belongs to. Empty: none.
  nlohmann::json gradient_keys = nlohmann::json::object();
  /// Losses that are sums over the examples of a batch in this case, beside ModelCases::sums.
  std::vector<std::string_view> sums{};
};

/// A parameter by name, row-major, in double.
struct TextbookArray {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};
using TextbookParameters = std::map<std::string, TextbookArray>;

/// What the textbook is given: the configuration with every key (to_json of the run), parameters, examples, and the
/// seed by which latent variables are drawn as in Purpose::validate (dropout is off); no sample: their mean.
struct TextbookInput {
  nlohmann::json config;
  const TextbookParameters* parameters = nullptr;
  std::span<const Example> examples;
  std::uint64_t seed = 1;
  bool sample_latent = true;
  int latent_samples = 0;  ///< of importance sampling, for figures that want it
};

/// What it must agree with.
struct TextbookPass {
  std::map<std::string, double> losses;  ///< by the names of the model's losses(); a term that is not there is absent
  double total = 0;
  std::map<std::string, double> figures;  ///< of these examples alone; at least the one that selects a checkpoint
};

struct ModelCases {
  std::string_view model;  ///< its name in the table
  std::vector<ModelCase> cases;
  TextbookPass (*textbook)(const TextbookInput& input) = nullptr;
  /// Losses that are sums over the examples of a batch, where most are means; a model that has any adds its terms up
  /// with weight 1.
  std::vector<std::string_view> sums{};
};

/// The cases of every model, in the order of model/model_table.def.
std::span<const ModelCases> model_cases();

}  // namespace ethreed

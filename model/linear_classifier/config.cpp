#include "model/linear_classifier/config.h"

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 2> loss_names{"squared_hinge", "cross_entropy"};

}  // namespace

ConfigFields LinearClassifierConfig::model_fields() {
  ConfigFields fields{{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
                      {"buckets", &buckets, 1, 1 << 26},
                      {"ngrams", named_choice(ngrams, variant_names)},
                      {"loss", named_choice(loss, loss_names)}};
  for (ConfigField& field : task.fields()) fields.push_back(std::move(field));
  return fields;
}

void LinearClassifierConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  task.take_data(data);
}

void LinearClassifierConfig::check() const {
  LinearClassifierConfig copy = *this;
  check_fields(copy.model_fields());
}

}  // namespace ethreed

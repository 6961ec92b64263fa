#include "model/interface/text_task.h"

#include "core/error.h"
#include "core/indices.h"

#include <fmt/ranges.h>

namespace ethreed {

ConfigFields TextTask::fields() {
  return {{"texts", named_choice(texts, text_source_names)},
          {"label_set", &label_set},
          {.key = "classes", .value = &classes, .low = 2, .high = 65536, .from_data = true}};
}

void TextTask::take_data(const DataDescription& data) {
  if (const LabelSet* set = data.find(label_set)) classes = count_of(set->classes);
}

void TextTask::check_data(const DataDescription& data) const {
  std::vector<std::string> names;
  for (const LabelSet& set : data.labels) names.push_back(set.name);
  ETHREED_CHECK(data.find(label_set) != nullptr,
                "'label_set' is '{}', but the data has labels of {}; prepare it with --label-column {}=FILE", label_set,
                fmt::join(names, ", "), label_set);
  ETHREED_CHECK(
      (label_set == "emotion") == (texts != TextSource::utterances),
      "'label_set' is '{}' and 'texts' is '{}': the emotion of a dialogue labels situations and posts, a label "
      "column labels utterances",
      label_set, text_source());
  ETHREED_CHECK(texts != TextSource::situations || data.situations,
                "'texts' is 'situations', but the data has none; prepare it again with this version of the program");
}

}  // namespace ethreed

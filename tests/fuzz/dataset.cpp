// A prepared data set with changed bytes: it is refused, or everything in it can be used.

#include "model/text/dataset.h"
#include "tests/fuzz/target.h"
#include "tests/model/tiny_dataset.h"

using namespace ethreed;

namespace {

std::string good_file() {
  const TemporaryFolder folder;
  test::Random random(3);
  test::make_dataset(folder, {{"train", test::random_dialogues(1, 3, test::tiny_vocabulary, 4)},
                              {"valid", test::random_dialogues(2, 2, test::tiny_vocabulary, 4)}});
  return content_of(folder / "data" / std::string(dataset_file_name));
}

std::size_t length_of(const Dataset& data, std::span<const std::int32_t> tokens) {
  std::size_t length = 0;
  for (const std::int32_t token : tokens) length += data.word(token).size();
  return length;
}

}  // namespace

ETHREED_FUZZ_TARGET(dataset) {
  static const fuzz::InputFile file(dataset_file_name.data());
  static const std::string good = good_file();
  file.hold(fuzz::patched(good, input));
  const Dataset data = Dataset::open(file.folder());
  std::size_t length = 0;
  for (const Split& split : data.splits())
    for (std::int64_t d = 0; d < split.dialogues(); ++d) {
      length += split.conversation_id(d).size();
      if (split.has_situations()) length += length_of(data, split.situation(d));
      for (std::int64_t t = 0; t < split.turns(d); ++t) {
        length += length_of(data, split.post(d, t)) + length_of(data, split.response(d, t));
        for (const LabelColumn& column : data.label_columns()) {
          const UtteranceLabels& labels = *split.labels(column.name);
          fuzz::require(labels.label(d, t, true) < static_cast<std::int32_t>(column.classes.size()),
                        "a label is one of its column's classes");
          const std::span<const float> p = labels.distribution(d, t, true);
          fuzz::require(p.empty() || p.size() == column.classes.size(), "a distribution is over its column's classes");
        }
      }
    }
  fuzz::require(length < 100'000'000, "a small file holds little text");
}

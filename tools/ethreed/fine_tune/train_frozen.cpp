#include "core/hash.h"
#include "core/safetensors.h"
#include "model/encoders/classifier_folder.h"
#include "model/encoders/sentence_head.h"
#include "model/encoders/text_encoder.h"
#include "tools/ethreed/batch_progress.h"
#include "tools/ethreed/fine_tune/work.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Sentence vectors of all texts, in the order of the splits. What was computed before an interruption is kept.
class Vectors {
 public:
  Vectors(const FineTuneWork& work, Context& context) : width_(static_cast<std::size_t>(work.config.width)) {
    std::vector<SubwordRow> rows;
    Fingerprint print;
    for (const LabelledRows& split : work.splits) rows.insert(rows.end(), split.rows.begin(), split.rows.end());
    for (const SubwordRow& row : rows) print.add(std::span<const std::int32_t>(row.ids));
    const fs::path path = work.state();
    if (fs::exists(path)) load(work, path, print.text());
    const std::size_t begun = done();
    TextEncoder encoder(work.arguments.encoder);
    work.keep_folder();
    BatchProgress progress("sentence vectors", rows.size(), done(), work.arguments.quiet);
    constexpr std::size_t at_once = 512;
    while (done() < rows.size() && !interrupted()) {
      const std::size_t first = done(), count = std::min(at_once, rows.size() - first);
      values_.resize((first + count) * width_);
      encoder.encode(
          context, std::span(rows).subspan(first, count), work.config.layers,
          [&](int row, std::span<const float> states) {
            const std::vector<float> vector = sentence_vector(states, work.config.width);
            std::copy(vector.begin(), vector.end(),
                      values_.begin() + static_cast<std::ptrdiff_t>((first + static_cast<std::size_t>(row)) * width_));
          });
      progress.at(done());
    }
    if (done() > begun) save(path, print.text());
    if (done() < rows.size()) work.stop();
  }

  std::span<const float> of(std::size_t first, std::size_t count) const {
    return std::span(values_).subspan(first * width_, count * width_);
  }

 private:
  std::size_t done() const { return values_.size() / width_; }
  void save(const fs::path& path, const std::string& print) const {
    SafetensorsWriter writer;
    const Shape shape{static_cast<std::int64_t>(done()), static_cast<std::int64_t>(width_)};
    writer.add("vectors", View<const float>(values_.data(), shape));
    writer.add_metadata("fingerprint", print);
    writer.write(path);
  }
  void load(const FineTuneWork& work, const fs::path& path, const std::string& print) {
    const SafetensorsFile file(path);
    work.check_resumed();
    ETHREED_CHECK(file.metadata("fingerprint") == print,
                  "{}: was begun with other texts or another tokenizer; take the file away to begin anew",
                  path.string());
    const View<const float> vectors = file.tensor<float>("vectors");
    ETHREED_CHECK(vectors.shape.rank() == 2 && vectors.shape[1] == static_cast<std::int64_t>(width_),
                  "{}: was begun with another encoder; take the file away to begin anew", path.string());
    values_.assign(vectors.data, vectors.data + vectors.count());
  }

  std::size_t width_;
  std::vector<float> values_;
};

}  // namespace

void train_frozen(const FineTuneWork& work, Context& context) {
  const FineTuneArguments& a = work.arguments;
  SentenceHeadRecipe recipe;
  recipe.epochs = a.epochs.value_or(recipe.epochs);
  recipe.batch = a.batch.value_or(recipe.batch);
  recipe.learning_rate = a.learning_rate.value_or(recipe.learning_rate);
  recipe.weight_decay = a.weight_decay.value_or(recipe.weight_decay);
  recipe.seed = a.seed.value_or(recipe.seed);
  const Vectors vectors(work, context);
  const auto of = [&](std::string_view name) {
    std::size_t first = 0;
    for (const LabelledRows& rows : work.splits) {
      if (rows.texts->split == name)
        return LabelledVectors{vectors.of(first, rows.rows.size()), Indices(rows.texts->labels)};
      first += rows.rows.size();
    }
    fail("no split {}", name);
  };
  Json epochs = Json::array();
  int best = 0, without = 0;
  double best_accuracy = -1;
  const SentenceHead head = train_sentence_head(
      context, work.data.classes, work.config.width, of("train"), of("valid"), recipe,
      [&](int epoch, double loss, double accuracy) {
        if (interrupted()) work.stop();  // the vectors are saved, the rest takes seconds
        epochs.push_back({{"epoch", epoch + 1}, {"loss", loss}, {"accuracy", accuracy}});
        without = accuracy > best_accuracy ? 0 : without + 1;
        if (accuracy > best_accuracy) best = epoch + 1;
        best_accuracy = std::max(best_accuracy, accuracy);
        if (!a.quiet) say(fmt::format("epoch {}: loss {:.4f}, accuracy on valid {:.4f}\n", epoch + 1, loss, accuracy));
        return a.patience == 0 || without < a.patience;
      });
  copy_encoder_folder(a.encoder, work.out);
  head.write(work.out);
  work.finish(context, {{"encoder", work.encoder_name()},
                        {"frozen", true},
                        {"precision", a.precision},
                        {"recipe",
                         {{"epochs", recipe.epochs},
                          {"batch", recipe.batch},
                          {"learning_rate", recipe.learning_rate},
                          {"weight_decay", recipe.weight_decay},
                          {"seed", recipe.seed}}},
                        {"best_epoch", best},
                        {"epochs", epochs}});
}

}  // namespace ethreed

// Fine-tuning of a tiny encoder, and a head on sentence vectors: against AdamW written out, stopped and gone on with,
// and what is written to be read again.

#include "model/blocks/softmax.h"
#include "model/encoders/classifier_folder.h"
#include "model/encoders/fine_tuning.h"
#include "model/encoders/text_classifier.h"
#include "tests/model/encoders/encoder_bench.h"
#include "tests/model/encoders/tiny_encoder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

using namespace ethreed;
using Catch::Contains;

namespace {

const std::vector<std::string> labels{"glad", "sad", "so, so"};
constexpr const char* vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nblor\n##bin\n##b\n##i\nmip\n,\n!\n'\nso\nble\n##x\nx\nmipzu\nno\n.\n";

// A folder with a tiny encoder, without dropout unless it is wanted.
struct Folder {
  explicit Folder(const TinyEncoder& m, double dropout = 0) {
    nlohmann::json config = config_of(m);
    for (const char* key :
         {"hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "seq_classif_dropout"})
      if (config.contains(key)) config[key] = dropout;
    write_encoder<float>(path(), config, list_of(sines_of(m)));
    std::ofstream(path() / "vocab.txt") << vocabulary;
  }
  std::filesystem::path path() const { return folder / "encoder"; }
  TemporaryFolder folder;
};

const std::vector<SubwordRow>& rows() {
  static const std::vector<SubwordRow> rows = [] {
    std::vector<SubwordRow> all;
    for (const std::vector<std::int32_t>& ids :
         TokenRows{{2, 5, 9, 3}, {2, 13, 3}, {2, 7, 7, 12, 3}, {2, 14, 3}, {2, 9, 18, 3}})
      all.push_back({.ids = ids, .types = std::vector<std::int32_t>(ids.size(), 0)});
    return all;
  }();
  return rows;
}
const std::vector<std::int32_t> classes{0, 1, 2, 1, 0};

FineTuneRecipe recipe() {
  return {.epochs = 2, .batch = 2, .learning_rate = 0.01, .warm_up = 0.4, .weight_decay = 0.1, .layer_decay = 0.5};
}

std::vector<float> values_of(FineTuning& training) {
  return {training.values(), training.values() + training.layout().block.size()};
}

std::vector<float> trained(const Folder& folder, const FineTuneRecipe& r, int threads = 1) {
  Runtime runtime(threads);
  Context context = runtime.context();
  FineTuning training(with_new_head(folder.path(), labels, r.seed), rows(), Indices(classes), r);
  for (; !training.finished(); training.next_epoch())
    while (!training.epoch_is_done()) training.update(context);
  return values_of(training);
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double far = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    far = std::max(far, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return far;
}

}  // namespace

TEST_CASE("the learning rate of fine-tuning rises over the warm-up and falls to nothing with the last update") {
  const FineTuneRecipe r{.learning_rate = 1, .warm_up = 0.2};
  CHECK(r.learning_rate_at(0, 10) == 0.5);
  CHECK(r.learning_rate_at(1, 10) == 1.0);
  CHECK(r.learning_rate_at(2, 10) == Approx(8.0 / 9));
  CHECK(r.learning_rate_at(9, 10) == Approx(1.0 / 9));
  CHECK((FineTuneRecipe{.learning_rate = 1, .warm_up = 0}).learning_rate_at(0, 10) == 1.0);
}

TEST_CASE("updates of fine-tuning are AdamW written out: clipped, decayed but for biases and norms, slower below") {
  const TinyEncoder m = tiny_bert();
  const Folder folder(m);
  const FineTuneRecipe r = recipe();
  Runtime runtime(1);
  Context context = runtime.context();
  PretrainedEncoder<float> start = with_new_head(folder.path(), labels, r.seed);
  // The same in double: gradients by the tape, the rest by hand.
  PretrainedEncoder<double> wide{.layout = start.layout, .values = Tensor<double>({start.layout.block.size()})};
  std::copy_n(start.values.data(), start.values.count(), wide.values.data());
  EncoderBench<double> bench(std::move(wide));
  FineTuning training(std::move(start), rows(), Indices(classes), r);
  std::vector<std::int32_t> order(rows().size());
  std::vector<double> first(static_cast<std::size_t>(bench.values.count())), second = first;
  std::int64_t step = 0;
  for (int epoch = 0; epoch < r.epochs; ++epoch) {
    std::iota(order.begin(), order.end(), 0);
    const PhiloxStream random(r.seed, std::uint64_t{2} << 56 | static_cast<std::uint64_t>(epoch));  // Draw::shuffle
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i, i)]);
    for (std::size_t begin = 0; begin < order.size(); begin += 2) {
      TokenRows ids, types;
      std::vector<std::int32_t> of;
      for (std::size_t i = begin; i < std::min(order.size(), begin + 2); ++i) {
        ids.push_back(rows()[static_cast<std::size_t>(order[i])].ids);
        types.push_back(rows()[static_cast<std::size_t>(order[i])].types);
        of.push_back(classes[static_cast<std::size_t>(order[i])]);
      }
      bench.set(ids, types);
      bench.loss(of, true);
      double squares = 0;
      for (const double g : bench.gradients.span()) squares += g * g;
      const double clip = std::min(1.0, r.clip_norm / (std::sqrt(squares) + 1e-6));
      ++step;
      for (const EncoderTensor& tensor : bench.layout.tensors) {
        const bool norm = tensor.name.find("LayerNorm") != std::string::npos, bias = tensor.name.ends_with(".bias");
        int below = 3;  // of the embeddings: the head, two layers
        for (int l = 0; l < 2; ++l)
          if (tensor.name.find("layer." + std::to_string(l)) != std::string::npos) below = 2 - l;
        if (tensor.name.starts_with("pooler") || tensor.name.starts_with("classifier")) below = 0;
        const double rate = r.learning_rate_at(step - 1, 6) * std::pow(r.layer_decay, below);
        for (std::int64_t i = tensor.offset; i < tensor.offset + tensor.shape.count(); ++i) {
          const auto k = static_cast<std::size_t>(i);
          const double g = clip * bench.gradients[i];
          first[k] = 0.9 * first[k] + 0.1 * g;
          second[k] = 0.999 * second[k] + 0.001 * g * g;
          const double m_hat = first[k] / (1 - std::pow(0.9, static_cast<double>(step))),
                       v_hat = second[k] / (1 - std::pow(0.999, static_cast<double>(step)));
          const double decay = norm || bias ? 0 : r.weight_decay;
          bench.values[i] -= rate * (m_hat / (std::sqrt(v_hat) + 1e-8) + decay * bench.values[i]);
        }
      }
      training.update(context);
    }
    CHECK(training.epoch_is_done());
    training.next_epoch();
  }
  CHECK(training.finished());
  // Of the key's bias the gradient is 0, of which float keeps rounding errors that Adam makes steps of.
  double far = 0;
  for (const EncoderTensor& tensor : bench.layout.tensors)
    for (std::int64_t i = tensor.offset; i < tensor.offset + tensor.shape.count(); ++i)
      if (tensor.name.find("self.key.bias") == std::string::npos)
        far = std::max(far, std::abs(bench.values[i] - static_cast<double>(training.values()[i])));
  CHECK(far < 2e-4);
  CHECK(far > 0);
}

TEST_CASE("fine-tuning has the same bits with any number of threads, and with its seed alone") {
  const Folder folder(tiny_mpnet(), 0.1);
  const std::vector<float> one = trained(folder, recipe());
  CHECK(trained(folder, recipe(), 3) == one);
  FineTuneRecipe other = recipe();
  other.seed = 2;
  CHECK(trained(folder, other) != one);
}

TEST_CASE("a batch computed in parts gives the update of the whole to rounding") {
  const Folder folder(tiny_roberta());
  FineTuneRecipe whole = recipe(), parts = recipe();
  whole.batch = parts.batch = 4;
  whole.epochs = parts.epochs = 1;
  parts.accumulate = 3;
  Runtime runtime(1);
  Context context = runtime.context();
  FineTuning a(with_new_head(folder.path(), labels, 1), rows(), Indices(classes), whole),
      b(with_new_head(folder.path(), labels, 1), rows(), Indices(classes), parts);
  a.update(context);
  b.update(context);
  CHECK(a.mean_loss() == Approx(b.mean_loss()).epsilon(1e-5));
  // What Adam keeps after one update is a tenth of the clipped gradient: its steps would hide a wrong size.
  const auto gradient_of = [&](const FineTuning& training) {
    training.save(folder.path() / "state", "");
    const SafetensorsFile file(folder.path() / "state");
    const View<const float> m = file.tensor<float>("m");
    return std::vector<float>(m.data, m.data + m.count());
  };
  const std::vector<float> wanted = gradient_of(a);
  double largest = 0;
  for (const float x : wanted) largest = std::max(largest, std::abs(static_cast<double>(x)));
  CHECK(largest > 0.001);
  CHECK(distance(gradient_of(b), wanted) < 1e-5 * largest);
}

TEST_CASE("fine-tuning that was stopped anywhere goes on to the same bits, and refuses another training's state") {
  const Folder folder(tiny_distilbert(), 0.1);
  const std::vector<float> wanted = trained(folder, recipe());
  const std::filesystem::path path = folder.path() / "state";
  Runtime runtime(1);
  Context context = runtime.context();
  for (int stop = 0; stop < 6; ++stop) {
    FineTuning before(with_new_head(folder.path(), labels, 1), rows(), Indices(classes), recipe());
    for (int i = 0; i < stop; ++i) {
      if (before.epoch_is_done()) before.next_epoch();
      before.update(context);
    }
    before.save(path, "a note");
    FineTuning after(with_new_head(folder.path(), labels, 1), rows(), Indices(classes), recipe());
    CHECK(after.load(path) == "a note");
    CHECK(after.step() == stop);
    for (; !after.finished(); after.next_epoch())
      while (!after.epoch_is_done()) after.update(context);
    CHECK(values_of(after) == wanted);
  }
  FineTuneRecipe faster = recipe();
  faster.learning_rate *= 2;
  FineTuning other(with_new_head(folder.path(), labels, 1), rows(), Indices(classes), faster);
  CHECK_THROWS_WITH(other.load(path), Contains("was begun with the recipe"));
  const std::vector<std::int32_t> changed{0, 1, 2, 1, 1};
  FineTuning relabelled(with_new_head(folder.path(), labels, 1), rows(), Indices(changed), recipe());
  CHECK_THROWS_WITH(relabelled.load(path), Contains("other texts or labels"));
}

TEST_CASE("a classifier's folder is read back to the bit, of every family, with its labels") {
  for (const TinyEncoder& m : {tiny_bert(), tiny_roberta(), tiny_distilbert(), tiny_mpnet()}) {
    INFO(m.family);
    const Folder folder(m);
    const PretrainedEncoder<float> made = with_new_head(folder.path(), labels, 7);
    const std::filesystem::path out = folder.path() / "classifier";
    write_classifier(out, folder.path(), made.layout, made.values.data());
    const PretrainedEncoder<float> read = read_encoder<float>(out, EncoderHead::classifier);
    CHECK(read.layout.config.labels == labels);
    CHECK(std::equal(read.values.span().begin(), read.values.span().end(), made.values.span().begin()));
    // And the encoder below is what it was.
    const PretrainedEncoder<float> was = read_encoder<float>(folder.path()), is = read_encoder<float>(out);
    CHECK(std::equal(was.values.span().begin(), was.values.span().end(), is.values.span().begin()));
    TextClassifier classifier(out);
    CHECK(classifier.labels() == labels);
    Runtime runtime(1);
    Context context = runtime.context();
    const std::vector<SubwordRow> row{classifier.row_of("mip so", 100)};
    double sum = 0;
    classifier.classify(context, row, [&](int, std::span<const double> p) {
      for (const double one : p) sum += one;
    });
    CHECK(sum == Approx(1));
  }
  const Folder folder(tiny_bert());
  CHECK_THROWS_WITH(with_new_head(folder.path(), {"one"}, 1), Contains("two labels at least"));
  CHECK_THROWS_WITH(with_new_head(folder.path(), {"one", "one"}, 1), Contains("all different"));
}

TEST_CASE("fine-tuning refuses what it cannot train on") {
  const Folder folder(tiny_bert());
  const auto start = [&](const std::vector<SubwordRow>& texts, const std::vector<std::int32_t>& of, FineTuneRecipe r) {
    FineTuning(with_new_head(folder.path(), labels, 1), texts, Indices(of), r);
  };
  CHECK_THROWS_WITH(start(rows(), {0, 1, 2, 1}, recipe()), Contains("5 texts and 4 labels"));
  CHECK_THROWS_WITH(start(rows(), {0, 1, 2, 1, 3}, recipe()), Contains("text 4 has the class 3 of 3"));
  CHECK_THROWS_WITH(start({}, {}, recipe()), Contains("0 texts"));
  CHECK_THROWS_WITH(start({SubwordRow{}}, {0}, recipe()), Contains("text 0 has no token"));
  FineTuneRecipe wrong = recipe();
  wrong.accumulate = 3;
  CHECK_THROWS_WITH(start(rows(), classes, wrong), Contains("accumulate is 3, wanted 1 to 2"));
  wrong = recipe();
  wrong.warm_up = -0.1;
  CHECK_THROWS_WITH(start(rows(), classes, wrong), Contains("warm_up"));
  wrong = recipe();
  wrong.learning_rate = 10;
  Runtime runtime(1);
  Context context = runtime.context();
  FineTuning broken(with_new_head(folder.path(), labels, 1), rows(), Indices(classes), wrong);
  std::fill_n(broken.values(), broken.layout().block.size(), std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_WITH(broken.update(context), Contains("lower learning rate") && Contains("update 0"));
}

TEST_CASE("a sentence vector is the mean of all tokens with length 1") {
  const std::vector<float> states{3, 0, 1, 0, -1, 8};  // means 1 and 8 / 3
  const std::vector<float> vector = sentence_vector(states, 2);
  const double length = std::sqrt(1 + 64.0 / 9);
  CHECK(vector[0] == Approx(1 / length));
  CHECK(vector[1] == Approx(8.0 / 3 / length));
  CHECK(sentence_vector({}, 2) == std::vector<float>{0, 0});
}

TEST_CASE("a head on sentence vectors finds what is there, the same whatever the scale of the features") {
  // Three clusters in the plane; the second feature is large and far from 0.
  std::vector<float> vectors;
  std::vector<std::int32_t> of;
  const PhiloxStream random(3, 4);
  for (int i = 0; i < 90; ++i) {
    const int k = i % 3;
    vectors.push_back(static_cast<float>(k + 0.1 * random.normal(static_cast<std::uint64_t>(2 * i))));
    vectors.push_back(
        static_cast<float>(1000 + 100 * ((k == 1) + 0.1 * random.normal(static_cast<std::uint64_t>(2 * i + 1)))));
    of.push_back(k);
  }
  const LabelledVectors data{vectors, Indices(of)};
  Runtime runtime(2);
  Context context = runtime.context();
  int epochs = 0;
  SentenceHeadRecipe r{.epochs = 40, .batch = 16, .learning_rate = 0.05};
  const SentenceHead head = train_sentence_head(context, labels, 2, data, data, r, [&](int, double, double accuracy) {
    ++epochs;
    return accuracy < 1;
  });
  CHECK(epochs < 40);
  for (int i = 0; i < 90; ++i) {
    const std::vector<double> p = head.probabilities(std::span(vectors).subspan(static_cast<std::size_t>(2 * i), 2));
    CHECK(std::max_element(p.begin(), p.end()) - p.begin() == of[static_cast<std::size_t>(i)]);
  }
  const TemporaryFolder folder;
  head.write(folder.path());
  const SentenceHead read = SentenceHead::read(folder.path());
  CHECK(read.labels == labels);
  CHECK(read.weight == head.weight);
  CHECK(read.bias == head.bias);
  of[4] = 3;
  CHECK_THROWS_WITH(train_sentence_head(context, labels, 2, data, data, r, [](int, double, double) { return true; }),
                    Contains("class 3, of 3"));
  SentenceHead broken = head;
  broken.bias[1] = std::numeric_limits<float>::infinity();
  broken.write(folder.path());
  CHECK_THROWS_WITH(SentenceHead::read(folder.path()), Contains("not finite"));
  SafetensorsWriter writer;
  writer.add("weight", View<const float>(head.weight.data(), Shape{3, 2}));
  writer.add("bias", View<const float>(head.bias.data(), Shape{2}));
  writer.add_metadata("labels", R"(["glad", "sad", "so, so"])");
  writer.write(folder.path() / SentenceHead::file_name);
  CHECK_THROWS_WITH(SentenceHead::read(folder.path()), Contains("bias"));
}

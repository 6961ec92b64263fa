// How the parameters start. Orthogonality gate by gate is among the traps, in test_traps.cpp.

#include "model/blocks/initialisation.h"
#include "model/text/word_vectors.h"
#include "tests/model/tiny_model.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

Tensor<float> some_vectors(const EthreedConfig& config) {
  Tensor<float> vectors({config.vocabulary, config.embedding});
  Random random(2);
  for (float& value : vectors.span()) value = static_cast<float>(random.normal());
  return vectors;
}

template <class T> ModelState<T> started(const EthreedConfig& config, std::uint64_t seed, int threads = 1) {
  ModelState<T> model = make_state<T>(config, false);
  const Tensor<float> vectors = some_vectors(config);
  ThreadPool pool(threads);
  initialise_parameters(pool, model.layout, vectors.view(), seed, model.values.data());
  return model;
}

bool is(const std::string& name, std::string_view part) { return name.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the embedding starts as the word vectors") {
  const EthreedConfig config = tiny_config();
  ModelState<double> model = started<double>(config, 1);
  const Tensor<float> vectors = some_vectors(config);
  const auto embedding = parameter(model, "embedding.weight");
  CHECK(std::equal(embedding.begin(), embedding.end(), vectors.span().begin(), vectors.span().end()));
}

TEST_CASE("where a model asks for it, words without a vector start narrower, and words with one as the vectors") {
  const WordTable words = [] {
    WordTable table;
    for (const char* word : {"good", "bad", "odd", "new"}) table.id(word);
    return table;
  }();
  const TemporaryFolder folder;
  const int width = 40;
  std::string file;
  Random random(3);
  for (const char* word : {"good", "odd"}) {
    file += word;
    for (int i = 0; i < width; ++i) file += ' ' + std::to_string(random.normal());
    file += '\n';
  }
  const bool from_file = GENERATE(true, false);
  const WordVectors vectors =
      from_file ? read_word_vectors(folder.file("vectors.txt", file), words) : random_word_vectors(words, width);
  std::vector<std::int32_t> drawn;
  for (std::int32_t id = 0; id < words.size(); ++id)
    if (is_drawn_vector(vectors.rows.view(), id)) drawn.push_back(id);
  const std::int32_t good = *words.find("good"), odd = *words.find("odd");
  std::vector<std::int32_t> missing;
  for (std::int32_t id = pad_id + 1; id < words.size(); ++id)
    if (!from_file || (id != good && id != odd)) missing.push_back(id);
  CHECK(drawn == missing);

  const auto start = [&](double deviation, std::uint64_t seed) {
    ParameterLayout layout;
    layout.add("table.weight", Shape{words.size(), width},
               {.how = Initialisation::word_vectors, .fan_in = width, .missing_deviation = deviation});
    ThreadPool pool(1);
    std::vector<double> block(static_cast<std::size_t>(layout.size()));
    initialise_parameters(pool, layout, vectors.rows.view(), seed, block.data());
    return block;
  };
  const std::vector<double> wide = start(0, 1), narrow = start(0.01, 1);
  double squares = 0;
  for (std::int32_t id = 0; id < words.size(); ++id)
    for (int i = 0; i < width; ++i) {
      const std::size_t at = static_cast<std::size_t>(id * width + i);
      CHECK(wide[at] == static_cast<double>(vectors.rows[id * width + i]));
      const bool is_missing = std::find(missing.begin(), missing.end(), id) != missing.end();
      if (is_missing)
        squares += narrow[at] * narrow[at];
      else
        CHECK(narrow[at] == wide[at]);
    }
  const double deviation = std::sqrt(squares / (static_cast<double>(missing.size()) * width));
  CHECK(deviation == Approx(0.01).epsilon(0.2));
  CHECK(start(0.01, 1) == narrow);
  CHECK(start(0.01, 2) != narrow);
}

TEST_CASE("the recurrent bias of every update gate starts at the recipe's value, the others do not") {
  EthreedConfig config = tiny_config();
  const double recipe = GENERATE(2.0, 2.5);
  if (recipe != 2.0) config.update_gate_bias = recipe;  // 2 is the default
  ModelState<double> model = started<double>(config, 1);
  int cells = 0;
  for (const auto& entry : model.layout.entries()) {
    if (!is(entry.name, "bias_hh")) continue;
    INFO(entry.name);
    ++cells;
    const auto bias = parameter(model, entry.name);
    const std::size_t hidden = bias.size() / 3;
    for (std::size_t i = 0; i < bias.size(); ++i) {  // r, z, n
      const bool update = i >= hidden && i < 2 * hidden;
      CHECK((bias[i] == recipe) == update);
    }
  }
  CHECK(cells == 7);
  CHECK(parameter(model, "tracker.emotion.bias_ih")[8] != recipe);
}

TEST_CASE("everything else starts uniform between plus and minus one over the root of fan-in") {
  EthreedConfig config = tiny_config();
  config.vocabulary = 2000;  // enough numbers for their variance to tell
  ModelState<double> model = started<double>(config, 3);
  const std::map<std::string, int> fan_in{{"encoder.weight_ih_l0", 5},
                                          {"tracker.party.weight_ih", 10},
                                          {"tracker.history_attention.weight", 4},
                                          {"classifier.bias", 8},
                                          {"policy.mean.weight", 8},
                                          {"decoder.attention.weight", 6},
                                          {"decoder.attention.coverage", 6},
                                          {"decoder.bottleneck.weight", 25},
                                          {"decoder.vocabulary.weight", 10},
                                          {"decoder.vocabulary.bias", 10},
                                          {"decoder.pointer.weight", 25}};
  for (const auto& [name, n] : fan_in) {
    INFO(name);
    const double bound = 1.0 / std::sqrt(n);
    double squares = 0;
    const auto values = parameter(model, name);
    for (const double value : values) {
      CHECK(std::abs(value) <= bound);
      squares += value * value;
    }
    if (values.size() < 2000) continue;
    CHECK(squares / static_cast<double>(values.size()) == Approx(bound * bound / 3).epsilon(0.05));
  }
}

TEST_CASE("a parameter starts the same in every ablation that has it") {
  // All states of one size, as in the paper: then an ablation changes no shape.
  const auto config = [](Ablation ablation) {
    EthreedConfig c = tiny_config(ablation);
    c.global_state = c.party_state = c.emotion_state = c.content_state = c.decoder_state = 8;
    return c;
  };
  ModelState<float> whole = started<float>(config(Ablation::none), 4);
  for (const Ablation ablation : all_ablations) {
    ModelState<float> model = started<float>(config(ablation), 4);
    for (const auto& entry : model.layout.entries()) {
      INFO(name_of(ablation) << ", " << entry.name);
      REQUIRE(whole.layout.find(entry.name) != nullptr);
      const auto got = parameter(model, entry.name), wanted = parameter(whole, entry.name);
      CHECK(std::equal(got.begin(), got.end(), wanted.begin(), wanted.end()));
    }
  }
}

TEST_CASE("another seed gives other numbers, the same seed the same, and no two parameters the same") {
  ModelState<float> first = started<float>(tiny_config(), 5), again = started<float>(tiny_config(), 5),
                    other = started<float>(tiny_config(), 6);
  CHECK(same_bits(first.values, again.values));
  for (const auto& entry : first.layout.entries()) {
    if (entry.name == "embedding.weight") continue;
    INFO(entry.name);
    const auto a = parameter(first, entry.name), b = parameter(other, entry.name);
    CHECK_FALSE(std::equal(a.begin(), a.end(), b.begin()));
  }
  const auto forward = parameter(first, "encoder.weight_ih_l0"),
             reverse = parameter(first, "encoder.weight_ih_l0_reverse");
  CHECK_FALSE(std::equal(forward.begin(), forward.end(), reverse.begin()));
}

TEST_CASE("between two parameters of the block there are zeros, and each starts at a multiple of 64 bytes") {
  ModelState<float> model = started<float>(tiny_config(), 7);
  std::vector<bool> used(model.layout.size(), false);
  std::int64_t count = 0;
  for (const auto& entry : model.layout.entries()) {
    CHECK(entry.offset % 16 == 0);
    for (std::int64_t i = 0; i < entry.shape.count(); ++i) {
      CHECK_FALSE(used[entry.offset + i]);
      used[entry.offset + i] = true;
    }
    count += entry.shape.count();
  }
  CHECK(count == model.layout.parameter_count());
  for (std::int64_t i = 0; i < model.layout.size(); ++i)
    if (!used[i]) CHECK(model.values[i] == 0.0F);
}

TEST_CASE("a model starts with the same bits whatever the number of threads") {
  const ModelState<float> one = started<float>(tiny_config(), 7);
  for (const int threads : {2, 3}) CHECK(same_bits(one.values, started<float>(tiny_config(), 7, threads).values));
}

TEST_CASE("word vectors of another shape are refused with both shapes") {
  const EthreedConfig config = tiny_config();
  ModelState<float> model = make_state<float>(config, false);
  const Tensor<float> vectors({30, 6});
  ThreadPool pool(2);
  CHECK_THROWS_WITH(initialise_parameters(pool, model.layout, vectors.view(), 1, model.values.data()),
                    Catch::Contains("[30, 6]") && Catch::Contains("[30, 5]"));
}

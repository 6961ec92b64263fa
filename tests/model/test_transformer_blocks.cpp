// The transformer blocks of the comparison systems: against their textbook, by finite differences, on the emulated
// device, and by the parameter counts that are published for them.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "autograd/gradient_checker.h"
#include "kernels/device/open_device.h"
#include "model/blocks/initialisation.h"
#include "model/blocks/transformer.h"
#include "model/interface/transformer_textbook.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

constexpr TransformerSizes tiny{.width = 6, .heads = 2, .depth = 4, .inner = 5, .layers = 2};
constexpr int tiny_input = 3;

struct EncoderDecoder {
  template <class Handle> struct Handles { TransformerHandles<Handle> encoder, decoder; };
  template <class Handle, class Visit> static void visit(Handles<Handle>& h, Visit&& visit) {
    visit_transformer(visit, "encoder", tiny, tiny_input, false, h.encoder);
    visit_transformer(visit, "decoder", tiny, tiny_input, true, h.decoder);
  }
};

ParameterLayout layout_of(const TransformerSizes& sizes, int input, bool source) {
  ParameterLayout layout;
  TransformerHandles<char> handles;
  const auto add = [&](std::string_view prefix, std::string_view suffix, const Shape& shape, const InitialValues& start,
                       char&) { layout.add(std::string(prefix).append(suffix), shape, start); };
  visit_transformer(add, "block", sizes, input, source, handles);
  return layout;
}

/// An encoder and a decoder over two dialogues: sources of 4 and 1 rows, targets of 2 and 3.
class Blocks {
 public:
  explicit Blocks(Device device = Device::cpu) {
    if (device != Device::cpu) runtime_.use(open_device(device, runtime_.pool()));
    MemorySource& memory = device == Device::cpu ? host_memory() : runtime_.device()->managed();
    EncoderDecoder::Handles<char> names;
    EncoderDecoder::visit(
        names, [&](std::string_view prefix, std::string_view suffix, const Shape& shape, const InitialValues& start,
                   char&) { layout.add(std::string(prefix).append(suffix), shape, start); });
    values = random_tensor<double>({layout.size()}, 5, 0, 0.6).clone(memory);
    gradients = Tensor<double>({layout.size()}, memory);
    source = random_tensor<double>({5, tiny_input}, 5, 1).clone(memory);
    target = random_tensor<double>({5, tiny_input}, 5, 2).clone(memory);
    weights = random_tensor<double>({5, tiny.width}, 5, 3).clone(memory);
    pair_weights = random_tensor<double>({11}, 5, 4).clone(memory);
  }

  /// Σ weights ⊙ states + Σ pair weights ⊙ mean logits.
  double run(bool backward) {
    Context context = runtime_.context();
    context.begin_step();
    Tape<double> tape(context, backward);
    const ParameterHandles<double> bound = bind_parameters(tape, layout, values.data(), gradients.data());
    EncoderDecoder::Handles<Variable<double>> h;
    std::size_t next = 0;
    EncoderDecoder::visit(h, [&](std::string_view, std::string_view, const Shape&, const InitialValues&,
                                 Variable<double>& handle) { handle = bound[next++]; });
    const auto constant = [&](const Tensor<double>& x) {
      return tape.constant(View<const double>(x.data(), x.shape()));
    };
    const Variable<double> encoded = transformer_encoder<double>(tape, tiny, h.encoder, sources, {constant(source)});
    const TransformerDecoded<double> decoded = transformer_decoder<double>(
        tape, tiny, h.decoder, targets, {constant(target)}, sources, encoded, AttentionMean::logits);
    const std::vector<LossTerm<double>> terms{
        {.x = multiply(tape, decoded.states, constant(weights)), .scale = 1, .weight = 1},
        {.x = multiply(tape, decoded.mean, constant(pair_weights)), .scale = 1, .weight = 1}};
    const LossSum<double> sum = loss_sum<double>(tape, terms);
    if (backward) tape.backward(sum.total);
    const auto kept = [&](Variable<double> x) {
      const double* host = context.to_host(x.data(), x.value().count());
      if (!context.on_host()) runtime_.device()->synchronize();
      return std::vector<double>(host, host + x.value().count());
    };
    encoder_states = kept(encoded);
    states = kept(decoded.states);
    mean_logits = kept(decoded.mean);
    return kept(sum.total)[0];
  }

  // The device's memory is that of the tensors.
 private:
  Runtime runtime_{2};

 public:
  ParameterLayout layout;
  Tensor<double> values, gradients, source, target, weights, pair_weights;
  std::vector<std::int32_t> sources{0, 4, 5}, targets{0, 2, 5};
  std::vector<double> encoder_states, states, mean_logits;
};

reference::Parameters textbook_parameters(const Blocks& blocks) {
  reference::Parameters p;
  for (const ParameterLayout::Entry& entry : blocks.layout.entries()) {
    reference::Parameter& one = p[entry.name];
    for (int axis = 0; axis < entry.shape.rank(); ++axis) one.shape.push_back(static_cast<int>(entry.shape[axis]));
    one.values.assign(blocks.values.data() + entry.offset, blocks.values.data() + entry.offset + entry.shape.count());
  }
  return p;
}

reference::Rows rows_of(const Tensor<double>& x, int begin, int end) {
  reference::Rows rows;
  const std::int64_t columns = x.shape().columns();
  for (int r = begin; r < end; ++r) rows.emplace_back(x.data() + r * columns, x.data() + (r + 1) * columns);
  return rows;
}

void append(std::vector<double>& all, const reference::Rows& rows) {
  for (const reference::Vector& row : rows) all.insert(all.end(), row.begin(), row.end());
}

void check_close(const std::vector<double>& got, const std::vector<double>& wanted, double tolerance) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("number " << i);
    CHECK(got[i] == Approx(wanted[i]).epsilon(tolerance).margin(tolerance));
  }
}

}  // namespace

TEST_CASE("transformer blocks have the published numbers of parameters") {
  const TransformerSizes sizes;
  CHECK(layout_of(sizes, 300, false).parameter_count() == 230'150);
  CHECK(layout_of(sizes, 300, true).parameter_count() == 278'750);
  CHECK(layout_of(sizes, 600, false).parameter_count() == 180'000 + 139'550 + 600);  // of MIME, from [H ; m]
  TransformerSizes six = sizes;
  six.layers = most_transformer_layers;
  CHECK(layout_of(six, 300, false).parameter_count() == 90'000 + 6 * 139'550 + 600);
}

TEST_CASE("transformer blocks, encoder and decoder, are their textbook on ragged sequences") {
  Blocks blocks;
  blocks.run(false);
  const reference::Parameters p = textbook_parameters(blocks);
  std::vector<double> encoded, states, logits;
  for (int s = 0; s < 2; ++s) {
    const reference::Rows source = reference::transformer_encoder(
        p, "encoder", tiny.layers, tiny.heads, rows_of(blocks.source, blocks.sources[s], blocks.sources[s + 1]));
    const reference::Attended decoded =
        reference::transformer_decoder(p, "decoder", tiny.layers, tiny.heads,
                                       rows_of(blocks.target, blocks.targets[s], blocks.targets[s + 1]), source);
    append(encoded, source);
    append(states, decoded.output);
    append(logits, decoded.mean_logits);
  }
  check_close(blocks.encoder_states, encoded, 1e-12);
  check_close(blocks.states, states, 1e-12);
  check_close(blocks.mean_logits, logits, 1e-12);
}

TEST_CASE("transformer blocks: the gradient of every parameter agrees with finite differences") {
  Blocks blocks;
  blocks.run(true);
  const Tensor<double> analytic = blocks.gradients.clone();
  std::vector<NamedArray> arrays;
  for (const ParameterLayout::Entry& entry : blocks.layout.entries())
    arrays.push_back(
        {entry.name, blocks.values.data() + entry.offset, entry.shape.count(), analytic.data() + entry.offset});
  const GradientReport report = check_scalar_function([&] { return blocks.run(false); }, arrays);
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.inputs.size() == blocks.layout.entries().size());
}

TEST_CASE("transformer blocks on the emulated device are those of the CPU, gradients too") {
  Blocks cpu, emulated(Device::emulated);
  CHECK(emulated.run(true) == Approx(cpu.run(true)).epsilon(1e-12));
  check_close(emulated.states, cpu.states, 1e-12);
  check_close({emulated.gradients.span().begin(), emulated.gradients.span().end()},
              {cpu.gradients.span().begin(), cpu.gradients.span().end()}, 1e-11);
}

TEST_CASE("the timing signal is that of its definition up to place 1,000, sines before cosines") {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context, false);
  const std::vector<std::int32_t> offsets{0, 1000, 1000, 1002};
  const Variable<double> signal = timing_signal(tape, offsets, 300);
  REQUIRE(signal.rows() == 1002);
  double worst = 0;
  for (const auto& [row, place] : {std::pair(0, 0), std::pair(1, 1), std::pair(17, 17), std::pair(999, 999),
                                   std::pair(1000, 0), std::pair(1001, 1)}) {
    const reference::Vector wanted = reference::timing(place, 300);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      worst = std::max(worst, std::abs(signal.data()[row * 300 + static_cast<std::int64_t>(i)] - wanted[i]));
  }
  CHECK(worst < 1e-12);
  CHECK(signal.data()[300] == Approx(std::sin(1.0)));         // t = 1, ω_0 = 1
  CHECK(signal.data()[300 + 149] == Approx(std::sin(1e-4)));  // ω_149 = 10000^{−1}
  CHECK(signal.data()[300 + 150] == Approx(std::cos(1.0)));
}

TEST_CASE("sizes of transformer blocks that do not fit are refused by name") {
  const auto refused = [](TransformerSizes sizes, const char* what) {
    CHECK_THROWS_WITH(check_transformer(sizes), Contains(what));
  };
  refused({.width = 7}, "width");
  refused({.width = 2}, "width");
  refused({.heads = 3}, "depth");
  refused({.inner = 0}, "inner");
  refused({.layers = 7}, "layers");
  refused({.layers = 0}, "layers");
  CHECK_NOTHROW(check_transformer({}));
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context, false);
  const std::vector<std::int32_t> falling{0, 3, 2};
  CHECK_THROWS_WITH(timing_signal(tape, falling, 8), Contains("decrease"));
  CHECK_THROWS_WITH(timing_signal(tape, Indices(falling.data(), 2), 5), Contains("even"));
}

TEST_CASE("Xavier's numbers fill their range and no more, gamma starts with ones") {
  const ParameterLayout layout = layout_of({}, 300, true);
  Runtime runtime(2);
  Tensor<float> block({layout.size()});
  initialise_parameters<float>(runtime.pool(), layout, View<const float>(nullptr, Shape{0, 0}), 1, block.data());
  const auto* projection = layout.find("block.projection.weight");
  const auto* inner = layout.find("block.layers.0.feed_forward.inner.weight");
  for (const auto& [entry, bound] :
       {std::pair(projection, std::sqrt(6.0 / 600)), std::pair(inner, std::sqrt(6.0 / 1050))}) {
    float most = 0;
    for (std::int64_t i = 0; i < entry->shape.count(); ++i)
      most = std::max(most, std::abs(block.data()[entry->offset + i]));
    CHECK(most <= bound);
    CHECK(most > 0.99 * bound);
  }
  const auto* gamma = layout.find("block.norm.gamma");
  for (std::int64_t i = 0; i < gamma->shape.count(); ++i) CHECK(block.data()[gamma->offset + i] == 1.0F);
}

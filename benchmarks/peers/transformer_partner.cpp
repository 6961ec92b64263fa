// One transformer encoder and one decoder of the comparison systems, for a comparison with another program:
//   transformer_partner trace FILE    one forward and backward in double with all it takes to recompute them
//   transformer_partner serve         the same work in float, timed; the protocol is that of bench_partner
// The sequences have the lengths of the systems' contexts and replies; the first source and the second target are a
// single row. The loss is Σ weights ⊙ states, in a trace also + Σ logit weights ⊙ mean logits. The trace is ragged, as
// rows are computed: pytorch/block_torch.py lists its tensors.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "benchmarks/harness/measure.h"
#include "benchmarks/peers/serve.h"
#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "model/blocks/transformer.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace ethreed;
using namespace ethreed::bench;

struct Arguments {
  std::string file;
  TransformerSizes sizes;
  int input = 300, sequences = 16, threads = 1;
  std::uint64_t seed = 1;
};

template <class Handle> struct Both { TransformerHandles<Handle> encoder, decoder; };

template <class Handle, class Visit> void visit_both(const Arguments& a, Both<Handle>& h, Visit visit) {
  visit_transformer(visit, "encoder", a.sizes, a.input, false, h.encoder);
  visit_transformer(visit, "decoder", a.sizes, a.input, true, h.decoder);
}

// What is random, each a stream of its own; behind them one of each parameter.
enum Draw : std::uint64_t { draw_lengths, draw_source, draw_target, draw_weights, draw_logit_weights, draw_parameters };

template <class T> class Blocks {
 public:
  explicit Blocks(const Arguments& arguments) : arguments_(arguments), runtime_(arguments.threads) {
    check_transformer(arguments.sizes);
    Both<char> names;
    visit_both(arguments, names,
               [&](std::string_view prefix, std::string_view suffix, const Shape& shape, const InitialValues& start,
                   char&) { layout_.add(std::string(prefix).append(suffix), shape, start); });
    values_ = Tensor<T>({layout_.size()});
    gradients_ = Tensor<T>({layout_.size()});
    std::uint64_t stream = draw_parameters;
    for (const ParameterLayout::Entry& entry : layout_.entries()) {
      // Larger than an initialisation: no gradient is tiny. Gammas are about one.
      const double bound = entry.shape.rank() == 2 ? 1.5 / std::sqrt(entry.shape[1]) : 0.5;
      const double middle = entry.name.ends_with(".gamma") ? 1 : 0;
      fill(values_.data() + entry.offset, entry.shape.count(), stream++, bound, middle);
    }
    lay_out();
    source_ = random({source_offsets_.back(), arguments.input}, draw_source);
    target_ = random({target_offsets_.back(), arguments.input}, draw_target);
    weights_ = random({target_offsets_.back(), arguments.sizes.width}, draw_weights);
    logit_weights_ = random({pairs_}, draw_logit_weights);
    source_gradient_ = Tensor<T>(source_.shape());
    target_gradient_ = Tensor<T>(target_.shape());
  }

  // Values of one step, valid until the next.
  struct Pass {
    Variable<T> encoded, states, logits, total;
    double forward_ms = 0, backward_ms = 0;
  };
  Pass run(bool with_logits) {
    context_.begin_step();
    Tape<T> tape(context_);
    const ParameterHandles<T> bound = bind_parameters(tape, layout_, values_.data(), gradients_.data());
    Both<Variable<T>> h;
    std::size_t next = 0;
    visit_both(arguments_, h,
               [&](std::string_view, std::string_view, const Shape&, const InitialValues&, Variable<T>& handle) {
                 handle = bound[next++];
               });
    const auto constant = [&](const Tensor<T>& x) { return tape.constant(View<const T>(x.data(), x.shape())); };
    const auto leaf = [&](Tensor<T>& x, Tensor<T>& gradient) {
      return tape.parameter(View<T>(x.data(), x.shape()), gradient.data());
    };
    Pass pass;
    const double start = now_in_milliseconds();
    pass.encoded =
        transformer_encoder<T>(tape, arguments_.sizes, h.encoder, source_offsets_, {leaf(source_, source_gradient_)});
    const TransformerDecoded<T> decoded = transformer_decoder<T>(
        tape, arguments_.sizes, h.decoder, target_offsets_, {leaf(target_, target_gradient_)}, source_offsets_,
        pass.encoded, with_logits ? AttentionMean::logits : AttentionMean::none);
    pass.states = decoded.states;
    pass.logits = decoded.mean;
    std::vector<LossTerm<T>> terms{{.x = multiply(tape, decoded.states, constant(weights_))}};
    if (with_logits) terms.push_back({.x = multiply(tape, decoded.mean, constant(logit_weights_))});
    pass.total = loss_sum<T>(tape, terms).total;
    const double middle = now_in_milliseconds();
    tape.backward(pass.total);
    pass.forward_ms = middle - start;
    pass.backward_ms = now_in_milliseconds() - middle;
    return pass;
  }

  void write_trace() {
    const Pass pass = run(true);
    SafetensorsWriter writer;
    const auto add_blocks = [&](const char* prefix, const T* block) {
      for (const ParameterLayout::Entry& entry : layout_.entries())
        writer.add(prefix + entry.name, View<const T>(block + entry.offset, entry.shape));
    };
    const auto add = [&](const char* name, const auto& tensor) {
      writer.add(name, View<const T>(tensor.data(), tensor.shape()));
    };
    const std::vector<std::int64_t> sources(source_offsets_.begin(), source_offsets_.end()),
        targets(target_offsets_.begin(), target_offsets_.end());
    add_blocks("param.", values_.data());
    writer.add("batch.source_offsets", std::span(sources));
    writer.add("batch.target_offsets", std::span(targets));
    add("input.source", source_);
    add("input.target", target_);
    add("input.weights", weights_);
    add("input.logit_weights", logit_weights_);
    add("encoder.states", pass.encoded);
    add("decoder.states", pass.states);
    writer.add("decoder.mean_logits", View<const T>(pass.logits.data(), Shape{pairs_}));
    writer.add("loss.total", View<const T>(pass.total.data(), Shape{}));
    add_blocks("grad.", gradients_.data());
    add("grad.input.source", source_gradient_);
    add("grad.input.target", target_gradient_);
    writer.add_metadata("format", "ethreed trace of transformer blocks 1");
    writer.add_metadata("heads", std::to_string(arguments_.sizes.heads));
    writer.write(arguments_.file);
    fmt::print("wrote {}: {} sequences, {} source and {} target rows, {} parameters\n", arguments_.file,
               arguments_.sequences, source_offsets_.back(), target_offsets_.back(), layout_.parameter_count());
  }

  void serve_rounds() {
    for (int i = 0; i < 5; ++i) run(false);
    print_line({{"name", "ETHREED, encoder and decoder"},
                {"threads", arguments_.threads},
                {"rows", source_offsets_.back() + target_offsets_.back()},
                {"parameters", layout_.parameter_count()}});
    serve([&] {
      const Pass pass = run(false);
      return Times{
          {"forward", pass.forward_ms}, {"backward", pass.backward_ms}, {"both", pass.forward_ms + pass.backward_ms}};
    });
  }

 private:
  void fill(T* out, std::int64_t count, std::uint64_t stream, double bound, double middle = 0) const {
    const PhiloxStream random(arguments_.seed, stream);
    for (std::int64_t i = 0; i < count; ++i)
      out[i] = static_cast<T>(middle + bound * (2 * random.uniform(static_cast<std::uint64_t>(i)) - 1));
  }
  Tensor<T> random(const Shape& shape, Draw draw) const {
    Tensor<T> tensor(shape);
    fill(tensor.data(), tensor.count(), draw, 1);
    return tensor;
  }
  // Medians and spreads of contexts and replies as the systems' common specification counts them.
  void lay_out() {
    const PhiloxStream random(arguments_.seed, draw_lengths);
    for (int s = 0; s < arguments_.sequences; ++s) {
      const auto length = [&](int place, double median, double spread, int most) {
        const double drawn = median * std::exp(spread * random.normal(static_cast<std::uint64_t>(2 * s + place)));
        return s == place ? 1 : std::clamp(static_cast<int>(std::lround(drawn)), 1, most);
      };
      const int source = length(0, 30, 0.6, 373), target = length(1, 12.5, 0.55, 114);
      source_offsets_.push_back(source_offsets_.back() + source);
      target_offsets_.push_back(target_offsets_.back() + target);
      pairs_ += std::int64_t{source} * target;
    }
  }

  const Arguments& arguments_;
  Runtime runtime_;
  Context context_ = runtime_.context();
  ParameterLayout layout_;
  Tensor<T> values_, gradients_, source_, target_, weights_, logit_weights_, source_gradient_, target_gradient_;
  std::vector<std::int32_t> source_offsets_{0}, target_offsets_{0};
  std::int64_t pairs_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app{"A transformer encoder and decoder, written down for or timed against another program."};
  app.require_subcommand(1);
  CLI::App* trace = app.add_subcommand("trace", "Write a forward and backward in double to a safetensors file");
  trace->add_option("file", a.file, "File to write")->required();
  CLI::App* serving = app.add_subcommand("serve", "Take turns with another program: peers/alternate.py");
  for (CLI::App* command : {trace, serving}) {
    command->add_option("--sequences", a.sequences)->check(CLI::Range(2, 4096))->capture_default_str();
    command->add_option("--input", a.input)->check(CLI::Range(1, 65536))->capture_default_str();
    command->add_option("--width", a.sizes.width)->capture_default_str();
    command->add_option("--heads", a.sizes.heads)->capture_default_str();
    command->add_option("--depth", a.sizes.depth)->capture_default_str();
    command->add_option("--inner", a.sizes.inner)->capture_default_str();
    command->add_option("--layers", a.sizes.layers)->capture_default_str();
    command->add_option("--seed", a.seed)->capture_default_str();
    command->add_option("--threads", a.threads)->check(CLI::Range(1, 1024))->capture_default_str();
  }
  CLI11_PARSE(app, argc, argv);
  try {
    if (trace->parsed())
      Blocks<double>(a).write_trace();
    else
      Blocks<float>(a).serve_rounds();
  } catch (const std::exception& error) {
    fmt::print(stderr, "transformer_partner: {}\n", error.what());
    return 1;
  }
  return 0;
}

// oneDNN's GRU, to compare with ours by peers/alternate.py:
//   bench_onednn --threads 2 --sequences 34 --steps 18
// A bidirectional GRU whose reset gate acts after the recurrent product (`lbr_gru`: our cell), input projections
// included, forward and backward with the gradients of the input, both weights and the bias, in float. (Of the two
// biases of our cell oneDNN has the sum where both may be added: four a unit.) Weights and states have the layouts that
// oneDNN asks for ("any"), made once, outside the clock: what it can do best. Speaks the protocol of
// pytorch/partner.py.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <unordered_map>

#include <omp.h>

namespace {

using dnnl::memory;
using Json = nlohmann::ordered_json;

struct Sizes {
  int sequences = 34, steps = 18, input = 300, hidden = 300;
};

double now_in_milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

memory::desc described(memory::dims dims, memory::format_tag tag) {
  return memory::desc(std::move(dims), memory::data_type::f32, tag);
}

// Memory of this layout, filled with small numbers.
memory filled(const memory::desc& desc, const dnnl::engine& engine) {
  memory made(desc, engine);
  auto* data = static_cast<float*>(made.get_data_handle());
  for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i)
    data[i] = (static_cast<float>((i * 2654435761U) % 1000U) / 1000.0F - 0.5F) * 0.1F;
  return made;
}

class BidirectionalGru {
 public:
  explicit BidirectionalGru(const Sizes& sizes) {
    using Tag = memory::format_tag;
    const memory::dim t = sizes.steps, n = sizes.sequences, in = sizes.input, h = sizes.hidden;
    const memory::dims x_dims{t, n, in}, w_x_dims{1, 2, in, 3, h}, w_h_dims{1, 2, h, 3, h}, bias_dims{1, 2, 4, h},
        y_dims{t, n, 2 * h};
    const memory::desc none, x = described(x_dims, Tag::tnc), bias = described(bias_dims, Tag::ldgo),
                             y = described(y_dims, Tag::tnc);
    const memory::desc free_w_x = described(w_x_dims, Tag::any), free_w_h = described(w_h_dims, Tag::any);
    const auto direction = dnnl::rnn_direction::bidirectional_concat;
    const dnnl::lbr_gru_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direction, x, none, free_w_x, free_w_h, bias, y, none}, engine_);
    const dnnl::lbr_gru_backward::primitive_desc backward(
        {dnnl::prop_kind::backward, direction, x, none, free_w_x, free_w_h, bias, y, none, x, none, free_w_x, free_w_h,
         bias, y, none},
        engine_, forward);
    forward_ = dnnl::lbr_gru_forward(forward);
    backward_ = dnnl::lbr_gru_backward(backward);
    const memory states = filled(y, engine_), input = filled(x, engine_), biases = filled(bias, engine_);
    const memory workspace(forward.workspace_desc(), engine_);
    forward_arguments_ = {{DNNL_ARG_SRC_LAYER, input},
                          {DNNL_ARG_WEIGHTS_LAYER, filled(forward.weights_layer_desc(), engine_)},
                          {DNNL_ARG_WEIGHTS_ITER, filled(forward.weights_iter_desc(), engine_)},
                          {DNNL_ARG_BIAS, biases},
                          {DNNL_ARG_DST_LAYER, states},
                          {DNNL_ARG_WORKSPACE, workspace}};
    backward_arguments_ = {{DNNL_ARG_SRC_LAYER, input},
                           {DNNL_ARG_WEIGHTS_LAYER, filled(backward.weights_layer_desc(), engine_)},
                           {DNNL_ARG_WEIGHTS_ITER, filled(backward.weights_iter_desc(), engine_)},
                           {DNNL_ARG_BIAS, biases},
                           {DNNL_ARG_DST_LAYER, states},
                           {DNNL_ARG_WORKSPACE, workspace},
                           {DNNL_ARG_DIFF_DST_LAYER, filled(y, engine_)},
                           {DNNL_ARG_DIFF_SRC_LAYER, filled(x, engine_)},
                           {DNNL_ARG_DIFF_WEIGHTS_LAYER, filled(backward.diff_weights_layer_desc(), engine_)},
                           {DNNL_ARG_DIFF_WEIGHTS_ITER, filled(backward.diff_weights_iter_desc(), engine_)},
                           {DNNL_ARG_DIFF_BIAS, filled(bias, engine_)}};
    implementation_ = forward.impl_info_str();
  }

  // Adds the milliseconds of a forward and a backward.
  void run(double& forward, double& backward) {
    const double start = now_in_milliseconds();
    forward_.execute(stream_, forward_arguments_);
    stream_.wait();
    const double middle = now_in_milliseconds();
    clear_gradients();  // oneDNN adds to them
    backward_.execute(stream_, backward_arguments_);
    stream_.wait();
    forward += middle - start;
    backward += now_in_milliseconds() - middle;
  }
  const std::string& implementation() const { return implementation_; }

 private:
  void clear_gradients() {
    for (const int which : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
      const memory& gradient = backward_arguments_.at(which);
      auto* data = static_cast<float*>(gradient.get_data_handle());
      std::fill_n(data, gradient.get_desc().get_size() / sizeof(float), 0.0F);
    }
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::lbr_gru_forward forward_;
  dnnl::lbr_gru_backward backward_;
  std::unordered_map<int, memory> forward_arguments_, backward_arguments_;
  std::string implementation_;
};

void serve(const Sizes& sizes, int threads) {
  BidirectionalGru gru(sizes);
  double forward = 0, backward = 0;
  for (int i = 0; i < 5; ++i) gru.run(forward, backward);
  const dnnl_version_t* version = dnnl_version();
  const std::string name = "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                           std::to_string(version->patch);
  std::cout << Json{{"name", name},
                    {"threads", threads},
                    {"rows", sizes.sequences * sizes.steps},
                    {"implementation", gru.implementation()}}
                   .dump()
            << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const int rounds = std::max(1, std::stoi(line));
    forward = backward = 0;
    for (int i = 0; i < rounds; ++i) gru.run(forward, backward);
    std::cout << Json{{"forward", forward / rounds},
                      {"backward", backward / rounds},
                      {"both", (forward + backward) / rounds}}
                     .dump()
              << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Sizes sizes;
  int threads = 1;
  CLI::App app{
      "oneDNN's bidirectional GRU, forward and backward: reads a number of rounds a line, prints milliseconds a "
      "round."};
  const CLI::Range range(1, 100'000);
  app.add_option("--threads", threads)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--sequences", sizes.sequences)->check(range)->capture_default_str();
  app.add_option("--steps", sizes.steps, "Tokens of each")->check(range)->capture_default_str();
  app.add_option("--input", sizes.input)->check(range)->capture_default_str();
  app.add_option("--hidden", sizes.hidden)->check(range)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    ::omp_set_num_threads(threads);
    serve(sizes, threads);
  } catch (const std::exception& error) {
    std::cerr << "bench_onednn: " << error.what() << '\n';
    return 1;
  }
  return 0;
}

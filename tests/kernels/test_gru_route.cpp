#include "kernels/gru_sequence/gru_route.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace ethreed;

namespace {

// Devices of different makes: multiprocessors, shared bytes of a block.
constexpr GruDevice h100{132, 232448}, a_24_gib_card{82, 101376}, t4{40, 65536}, emulated{8, 232448};

// `count` sequences of `steps` steps.
struct Call {
  std::vector<std::int32_t> offsets;
  Call(int steps, int count) {
    for (int t = 0; t <= steps; ++t) offsets.push_back(t * count);
  }
  template <class T>
  GruRoute route(int hidden, int lanes, GruDevice device, GruRoute asked = GruRoute::automatic) const {
    const GruSequenceForward<T> args{.packing = {offsets}, .hidden = hidden, .lanes = lanes, .route = asked};
    return gru_route(GruPass::forward, args, device);
  }
};

}  // namespace

TEST_CASE("A cooperative grid of the GRU fits on its device and has every unit") {
  for (const GruDevice device : {h100, a_24_gib_card, t4, emulated})
    for (const GruPass pass : {GruPass::forward, GruPass::backward})
      for (const int lanes : {1, 2})
        for (const int hidden : {1, 2, 3, 37, 64, 150, 300, 512})
          for (const int sequences : {1, 8, 34, 150})
            for (const std::size_t bytes : {sizeof(float), sizeof(double)}) {
              const GruGrid grid = gru_grid(pass, hidden, lanes, sequences, bytes, device);
              if (!grid) continue;
              INFO("hidden " << hidden << ", lanes " << lanes << ", sequences " << sequences);
              CHECK(grid.blocks * lanes <= device.multiprocessors);
              CHECK(grid.blocks * grid.units >= hidden);
              CHECK((grid.blocks - 1) * grid.units < hidden);
              CHECK(grid.units % 2 == 0);
              CHECK(grid.pitch % 4 == 0);
              CHECK(grid.tile >= std::min(sequences, gru_smallest_tile));
              CHECK(grid.shared_bytes <= device.shared_bytes);
            }
}

TEST_CASE("The model's sequences keep their recurrent weights on chip where they fit") {
  const Call encoder(40, 34), decoder(40, 17);
  CHECK(encoder.route<float>(300, 2, h100) == GruRoute::persistent);
  CHECK(encoder.route<double>(300, 2, h100) == GruRoute::persistent);
  CHECK(encoder.route<float>(300, 2, a_24_gib_card) == GruRoute::persistent);
  CHECK(encoder.route<float>(300, 2, t4) == GruRoute::steps);
  CHECK(encoder.route<float>(300, 2, emulated) == GruRoute::steps);
  CHECK(decoder.route<float>(300, 1, t4) == GruRoute::persistent);
  CHECK(decoder.route<float>(300, 1, emulated) == GruRoute::persistent);
  CHECK(decoder.route<double>(300, 1, emulated) == GruRoute::steps);
}

TEST_CASE("A GRU route that is asked for is taken if it can be") {
  const Call one_step(1, 4), many(3, gru_persistent_max_sequences + 1), few(3, 4);
  CHECK(one_step.route<float>(64, 1, h100) == GruRoute::steps);
  CHECK(one_step.route<float>(64, 1, h100, GruRoute::persistent) == GruRoute::persistent);
  CHECK(many.route<float>(64, 1, h100) == GruRoute::steps);
  CHECK(many.route<float>(64, 1, h100, GruRoute::persistent) == GruRoute::persistent);
  CHECK(few.route<float>(64, 1, h100) == GruRoute::persistent);
  CHECK(few.route<float>(64, 1, h100, GruRoute::steps) == GruRoute::steps);
  CHECK(few.route<float>(4096, 2, h100, GruRoute::persistent) == GruRoute::steps);
  CHECK(few.route<float>(2, 2, {1, 232448}, GruRoute::persistent) == GruRoute::steps);
}

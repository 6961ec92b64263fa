// Kernels whose threads do not all reach their barriers and shuffles.
#include "kernels/common/block.h"
#include "tests/emulation/wrong_kernels.h"

namespace ethreed::test {

namespace {

template <class Body>
void launch(const char* name, unsigned blocks, unsigned threads, Body body, bool cooperative = false) {
  emulation::launch(nullptr, {.kernel = name, .grid = blocks, .block = threads, .cooperative = cooperative}, body);
}

__global__ void early_return_kernel(bool wrong) {
  if (wrong && threadIdx.x == 40) return;
  __syncthreads();  // WRONG
}
void early_return(bool wrong) {
  launch("early_return", 3, 64, [=] {
    if (blockIdx.x == 2) early_return_kernel(wrong);
  });
}

__global__ void two_barriers_kernel(bool wrong) {
  if (wrong && threadIdx.x >= 32) {
    __syncthreads();  // WRONG
  } else {
    __syncthreads();  // WRONG
  }
}
void two_barriers(bool wrong) {
  launch("two_barriers", 1, 64, [=] { two_barriers_kernel(wrong); });
}

__global__ void warp_return_kernel(float* out, bool wrong) {
  if (wrong && threadIdx.x == 9) return;
  *out = __shfl_xor_sync(all_lanes, 1.0F, 1);  // WRONG
}
void shuffle_after_return(bool wrong) {
  launch("shuffle_after_return", 1, 32, [=] {
    float local = 0;
    warp_return_kernel(&local, wrong);
  });
}

__global__ void shuffle_or_barrier_kernel(bool wrong) {
  if (wrong && threadIdx.x == 3) {
    __syncthreads();  // WRONG
  } else {
    __syncwarp();  // WRONG
    __syncthreads();
  }
}
void shuffle_or_barrier(bool wrong) {
  launch("shuffle_or_barrier", 1, 32, [=] { shuffle_or_barrier_kernel(wrong); });
}

__global__ void foreign_lane_kernel(bool wrong) {
  if (threadIdx.x < 16) __shfl_sync(0xFFFFU, 1, wrong ? 16 : 15);  // WRONG
}
void foreign_lane(bool wrong) {
  launch("foreign_lane", 1, 32, [=] { foreign_lane_kernel(wrong); });
}

__global__ void missing_lane_kernel() {
  __shfl_sync(all_lanes, 1, 31);  // WRONG
}
void missing_lane(bool wrong) {
  launch("missing_lane", 1, wrong ? 24 : 32, [] { missing_lane_kernel(); });
}

__global__ void not_in_mask_kernel(bool wrong) {
  if (threadIdx.x < 8) __ballot_sync(wrong ? 0x7FU : 0xFFU, 1);  // WRONG
}
void not_in_mask(bool wrong) {
  launch("not_in_mask", 1, 32, [=] { not_in_mask_kernel(wrong); });
}

__global__ void two_masks_kernel(bool wrong) {
  __any_sync(wrong && threadIdx.x == 0 ? 0xFFFFU : all_lanes, 1);  // WRONG
}
void two_masks(bool wrong) {
  launch("two_masks", 1, 32, [=] { two_masks_kernel(wrong); });
}

__global__ void grid_return_kernel(bool wrong) {
  if (wrong && blockIdx.x == 2) return;
  grid_barrier();  // WRONG
}
void grid_return(bool wrong) {
  launch(
      "grid_return", 4, 32, [=] { grid_return_kernel(wrong); }, true);
}

__global__ void grid_or_block_kernel(bool wrong) {
  if (wrong && blockIdx.x == 2 && threadIdx.x == 5) __syncthreads();  // WRONG
  grid_barrier();                                                     // WRONG
}
void grid_or_block(bool wrong) {
  launch(
      "grid_or_block", 4, 32, [=] { grid_or_block_kernel(wrong); }, true);
}

void not_cooperative(bool wrong) {
  launch(
      "not_cooperative", 4, 32, [] { grid_return_kernel(false); }, !wrong);
}

}  // namespace

const std::vector<WrongKernel> barrier_kernels = {
    {"early_return", early_return},
    {"two_barriers", two_barriers},
    {"shuffle_after_return", shuffle_after_return},
    {"shuffle_or_barrier", shuffle_or_barrier},
    {"foreign_lane", foreign_lane},
    {"missing_lane", missing_lane},
    {"not_in_mask", not_in_mask},
    {"two_masks", two_masks},
    {"grid_return", grid_return},
    {"grid_or_block", grid_or_block},
    {"not_cooperative", not_cooperative},
};

}  // namespace ethreed::test

// Kernels whose threads touch one address with nothing to order them.
#include "kernels/common/block.h"
#include "tests/emulation/device_array.h"
#include "tests/emulation/wrong_kernels.h"

namespace ethreed::test {

namespace {

template <class Body>
void launch(const char* name, unsigned blocks, unsigned threads, Body body, bool cooperative = false) {
  emulation::launch(nullptr, {.kernel = name, .grid = blocks, .block = threads, .cooperative = cooperative}, body);
}

// --- shared memory ---------------------------------------------------------------------------------------------------

__global__ void no_barrier_kernel(int* out, bool wrong) {
  int* tile = shared_array<int, 64, struct Tile>();
  tile[threadIdx.x] = 1;  // WRONG
  if (!wrong) __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x ^ 1];  // WRONG
}
// Reading before the other has written would be another error: both halves exist from the start.
__global__ void write_after_read_kernel(int* out, bool wrong) {
  int* tile = shared_array<int, 64, struct Tile>();
  tile[threadIdx.x] = thread_index();
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];  // WRONG
  if (!wrong) __syncthreads();
  tile[threadIdx.x] = 0;  // WRONG
}
__global__ void initialised_kernel(int* out, bool wrong) {
  int* tile = shared_array<int, 64, struct Tile>();
  tile[threadIdx.x] = 0;
  __syncthreads();
  tile[threadIdx.x] = 1;  // WRONG
  if (!wrong) __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];  // WRONG
}
__global__ void same_word_kernel(bool wrong) {
  int* word = shared_array<int, 2, struct Word>();
  if (threadIdx.x % 32 == 0) word[wrong ? 0 : threadIdx.x / 32] = thread_index();  // WRONG
}
// The barrier of a warp orders its lanes, and them only.
__global__ void warp_kernel(int* out, bool across) {
  int* tile = shared_array<int, 64, struct Tile>();
  tile[threadIdx.x] = 0;
  __syncthreads();
  tile[threadIdx.x] = 1;  // WRONG
  __syncwarp();
  out[threadIdx.x] = tile[threadIdx.x ^ (across ? 32 : 1)];  // WRONG
}
__global__ void no_warp_kernel(int* out, bool wrong) {
  int* tile = shared_array<int, 32, struct Tile>();
  tile[threadIdx.x] = 0;
  __syncwarp();
  tile[threadIdx.x] = 1;                     // WRONG
  if (!wrong) __shfl_sync(all_lanes, 1, 0);  // orders as well
  out[threadIdx.x] = tile[threadIdx.x ^ 1];  // WRONG
}
// Each half warp on its own.
__global__ void half_warp_kernel(int* out, bool across) {
  int* tile = shared_array<int, 32, struct Tile>();
  tile[threadIdx.x] = 0;
  __syncwarp();
  const unsigned half = threadIdx.x < 16 ? 0xFFFFU : 0xFFFF0000U;
  tile[threadIdx.x] = 1;  // WRONG
  __syncwarp(half);
  out[threadIdx.x] = tile[threadIdx.x ^ (across ? 16 : 1)];  // WRONG
}
// What one half has ordered, the next operation of both carries over, and a lane of both passes it on.
__global__ void chained_kernel(int* out, bool wrong) {
  int* tile = shared_array<int, 32, struct Tile>();
  const unsigned lane = threadIdx.x;
  tile[lane] = 0;
  __syncwarp();
  if (lane == 0) tile[0] = 1;  // WRONG
  if (lane < 2) __syncwarp(3);
  if (!wrong && lane >= 1 && lane < 3) __syncwarp(6);
  if (lane == 2) out[0] = tile[0];  // WRONG
}
// Bytes beside each other are nobody's race.
__global__ void bytes_kernel(unsigned char* out, bool wrong) {
  unsigned char* bytes = shared_array<unsigned char, 64, struct Bytes>();
  bytes[wrong ? threadIdx.x / 2 : threadIdx.x] = 1;  // WRONG
  __syncthreads();
  if (threadIdx.x < 32) out[threadIdx.x] = bytes[threadIdx.x];
}

template <void (*Kernel)(int*, bool)> void shared_race(const char* name, unsigned threads, bool wrong) {
  DeviceArray<int> out(64);
  launch(name, 2, threads, [=, o = out.data()] {
    if (blockIdx.x == 1) Kernel(o, wrong);
  });
}
void no_barrier(bool wrong) { shared_race<initialised_kernel>("no_barrier", 64, wrong); }
void no_barrier_even_odd(bool wrong) { shared_race<no_barrier_kernel>("no_barrier_even_odd", 64, wrong); }
void write_after_read(bool wrong) { shared_race<write_after_read_kernel>("write_after_read", 64, wrong); }
void same_word(bool wrong) {
  launch("same_word", 2, 64, [=] { same_word_kernel(wrong); });
}
void across_warps(bool wrong) { shared_race<warp_kernel>("across_warps", 64, wrong); }
void no_warp_barrier(bool wrong) { shared_race<no_warp_kernel>("no_warp_barrier", 32, wrong); }
void half_warps(bool wrong) { shared_race<half_warp_kernel>("half_warps", 32, wrong); }
void chained(bool wrong) { shared_race<chained_kernel>("chained", 32, wrong); }
void bytes(bool wrong) {
  DeviceArray<unsigned char> out(32);
  launch("bytes", 1, 64, [=, o = out.data()] { bytes_kernel(o, wrong); });
}

// --- device memory ---------------------------------------------------------------------------------------------------

__global__ void same_element_kernel(float* data, bool wrong) {
  if (threadIdx.x == 0) data[wrong ? 0 : blockIdx.x] = 1;  // WRONG
}
void blocks_write(bool wrong) {
  DeviceArray<float> data(8);
  launch("blocks_write", 8, 32, [=, p = data.data()] { same_element_kernel(p, wrong); });
}

__global__ void neighbour_kernel(float* data, float* out, bool wrong) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  data[i] = 1;  // WRONG
  const unsigned next = (i + 32) % (gridDim.x * blockDim.x);
  out[i] = wrong ? data[next] : 0;  // WRONG
}
void blocks_read(bool wrong) {
  DeviceArray<float> data(zeros<float>(256)), out(256);
  launch("blocks_read", 8, 32, [=, p = data.data(), o = out.data()] { neighbour_kernel(p, o, wrong); });
}

// All blocks read it, the last writes it.
__global__ void read_then_write_kernel(float* data, float* out, bool wrong) {
  out[blockIdx.x * 32 + threadIdx.x] = data[0];                    // WRONG
  if (blockIdx.x == 7 && threadIdx.x == 31 && wrong) data[0] = 1;  // WRONG
}
void blocks_read_then_write(bool wrong) {
  DeviceArray<float> data(zeros<float>(1)), out(256);
  launch("blocks_read_then_write", 8, 32,
         [=, p = data.data(), o = out.data()] { read_then_write_kernel(p, o, wrong); });
}

__global__ void within_block_kernel(float* data, bool wrong) {
  data[threadIdx.x] = 1;  // WRONG
  if (!wrong) __syncthreads();
  data[64 + threadIdx.x] = data[63 - threadIdx.x];  // WRONG
}
void threads_of_a_block(bool wrong) {
  DeviceArray<float> data(zeros<float>(128));
  launch("threads_of_a_block", 1, 64, [=, p = data.data()] { within_block_kernel(p, wrong); });
}

// Accumulating in two launches is no race; in one it is.
__global__ void accumulate_kernel(float* data) { *data += 1; }  // WRONG
void launches(bool wrong) {
  DeviceArray<float> data(zeros<float>(1));
  launch("launches", wrong ? 2 : 1, 1, [p = data.data()] { accumulate_kernel(p); });
  launch("launches", 1, 1, [p = data.data()] { accumulate_kernel(p); });
}

__global__ void counter_kernel(int* counter, int* out, bool wrong) {
  atomicAdd(counter, 1);                                      // WRONG
  if (wrong && blockIdx.x == 3) out[threadIdx.x] = *counter;  // WRONG
}
void atomics_and_plain(bool wrong) {
  DeviceArray<int> counter(zeros<int>(1)), out(32);
  launch("atomics_and_plain", 8, 32, [=, c = counter.data(), o = out.data()] { counter_kernel(c, o, wrong); });
}

__global__ void grid_kernel(int* data, int* out, bool wrong) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x, count = gridDim.x * blockDim.x;
  data[i] = 1;  // WRONG
  if (!wrong) grid_barrier();
  out[i] = data[count - 1 - i];  // WRONG
}
void grid_barrier_orders(bool wrong) {
  DeviceArray<int> data(zeros<int>(128)), out(128);
  launch(
      "grid_barrier_orders", 4, 32, [=, p = data.data(), o = out.data()] { grid_kernel(p, o, wrong); }, true);
}

}  // namespace

const std::vector<WrongKernel> race_kernels = {
    {"no_barrier", no_barrier},
    {"no_barrier_even_odd", no_barrier_even_odd},
    {"write_after_read", write_after_read},
    {"same_word", same_word},
    {"across_warps", across_warps},
    {"no_warp_barrier", no_warp_barrier},
    {"half_warps", half_warps},
    {"chained", chained},
    {"bytes", bytes},
    {"blocks_write", blocks_write},
    {"blocks_read", blocks_read},
    {"blocks_read_then_write", blocks_read_then_write},
    {"threads_of_a_block", threads_of_a_block},
    {"launches", launches},
    {"atomics_and_plain", atomics_and_plain},
    {"grid_barrier_orders", grid_barrier_orders},
};

}  // namespace ethreed::test

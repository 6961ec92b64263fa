#include "tests/emulation/schedule_kernels.h"

#include "kernels/common/block.h"

namespace ethreed::test {

namespace {

__device__ int linear_thread() {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  return static_cast<int>(block * blockDim.x * blockDim.y * blockDim.z + thread);
}

__global__ void visit_kernel(int* visits) {
  const int i = linear_thread();
  visits[i] += i + 1;
}

__global__ void ticket_kernel(int* counter, int* ticket) { ticket[linear_thread()] = atomicAdd(counter, 1); }

__global__ void reverse_kernel(int* data) {
  int* tile = shared_array<int, 1024, struct Tile>();
  const int t = thread_index(), last = block_threads() - 1;
  int* mine = data + blockIdx.x * blockDim.x;
  tile[t] = mine[t];
  __syncthreads();
  mine[t] = tile[last - t];
}

__global__ void block_votes_kernel(const int* values, int* votes) {
  const int t = thread_index();
  const int vote = values[t] > 1;
  votes[3 * t] = __syncthreads_count(vote);
  votes[3 * t + 1] = __syncthreads_and(vote);
  votes[3 * t + 2] = __syncthreads_or(vote);
}

__global__ void shuffle_kernel(double* out) {
  const int lane = lane_index();
  const int value = 100 + thread_index();
  const double wide = value + 0.5;
  out += std::size_t{threadIdx.x} * 10;
  out[0] = __shfl_sync(all_lanes, value, 5);
  out[1] = __shfl_sync(all_lanes, wide, lane + 1);
  out[2] = __shfl_up_sync(all_lanes, value, 3);
  out[3] = __shfl_down_sync(all_lanes, wide, 3);
  out[4] = __shfl_xor_sync(all_lanes, value, 9);
  out[5] = __shfl_sync(all_lanes, value, 9, 8);
  out[6] = __shfl_up_sync(all_lanes, wide, 2, 4);
  out[7] = __shfl_down_sync(all_lanes, value, 2, 16);
  out[8] = __shfl_xor_sync(all_lanes, wide, 1, 2);
  out[9] = warp_sum(wide);
}

__global__ void vote_kernel(unsigned* out) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned half = lane < 16 ? 0xFFFFU : 0xFFFF0000U;
  const int vote = lane % 3 == 0;
  out += 4 * threadIdx.x;
  out[0] = __ballot_sync(half, vote);
  out[1] = static_cast<unsigned>(__any_sync(half, vote));
  out[2] = static_cast<unsigned>(__all_sync(half, vote));
  out[3] = __ballot_sync(all_lanes, vote);
}

__global__ void parity_kernel(int* out) {
  const int lane = thread_index();
  const bool odd = lane % 2 != 0;
  const unsigned mask = odd ? 0xAAAAAAAAU : 0x55555555U;
  int value = lane;
  for (int round = 0; round < (odd ? 5 : 2); ++round) value = __shfl_xor_sync(mask, value, 2);
  for (int distance = 16; distance > 1; distance /= 2) value += __shfl_xor_sync(mask, value, distance);
  __syncwarp();
  out[lane] = value;
}

__global__ void ring_kernel(int rounds, int* values) {
  const int blocks = static_cast<int>(gridDim.x), block = block_index();
  for (int round = 0; round < rounds; ++round) {
    const int* from = values + (round % 2) * blocks;
    int* to = values + ((round + 1) % 2) * blocks;
    if (threadIdx.x == 0) to[block] = from[(block + 1) % blocks] + 1;
    grid_barrier();
  }
}

__global__ void reduction_kernel(const float* values, int count, float* out) {
  float sum = 0, max = -1e30F;
  for (int i = thread_index(); i < count; i += block_threads()) {
    sum += values[i] * static_cast<float>(blockIdx.x + 1);
    max = values[i] > max || values[i] != values[i] ? values[i] : max;
  }
  const float all = block_sum<struct Sum>(sum);
  const float twice = block_sum<struct Sum>(all);  // the same shared array again
  const float most = block_max<struct Max>(max);
  if (threadIdx.x == 0) {
    out[blockIdx.x] = all + twice;
    out[gridDim.x + blockIdx.x] = most;
  }
}

__global__ void both_shared_kernel(int* out) {
  int* dynamic = dynamic_shared<int>();
  int* fixed = shared_array<int, 100, struct Fixed>();
  int* other = shared_array<int, 100, struct Other>();
  for (int i = thread_index(); i < 100; i += block_threads()) dynamic[i] = 1;
  for (int i = thread_index(); i < 100; i += block_threads()) fixed[i] = 2;
  for (int i = thread_index(); i < 100; i += block_threads()) other[i] = 3;
  __syncthreads();
  int wrong = 0;
  for (int i = 0; i < 100; ++i) wrong += dynamic[i] != 1 || fixed[i] != 2 || other[i] != 3;
  if (threadIdx.x == 0) out[blockIdx.x] = wrong;
}

__global__ void scale_kernel(int count, float* data, float factor, float plus) {
  const int i = linear_thread();
  if (i < count) data[i] = data[i] * factor + plus;
}
__global__ void shift_kernel(int count, float* data, float plus) {
  const int i = linear_thread();
  if (i < count) data[i] += plus;
}

__global__ void columns_kernel(int pitch, float* out) {
  float* tile = dynamic_shared<float>();
  const int lane = thread_index();
  for (int row = 0; row < 32; ++row) tile[row * pitch + lane] = 1;
  __syncwarp();
  float sum = 0;
  for (int column = 0; column < 32; ++column) sum += tile[lane * pitch + column];
  out[lane] = sum;
}

__global__ void wide_rows_kernel(float* out) {
  double* doubles = shared_array<double, 32, struct Doubles>();
  float* floats = shared_array<float, 128, struct Floats>();
  const int lane = thread_index();
  doubles[lane] = 1;
  for (int i = 0; i < 4; ++i) floats[32 * i + lane] = 1;
  __syncwarp();
  const Vector4<float> four = load4(floats + 4 * lane);
  out[lane] = static_cast<float>(doubles[lane]) + four.x + four.y + four.z + four.w + floats[0];
}

__global__ void spin_kernel(int* counter) {
  atomicAdd(counter, 1);
  while (atomicAdd(counter, 0) < static_cast<int>(gridDim.x)) {
  }
}

__global__ void atomics_kernel(int* out) {
  const int i = linear_thread();
  atomicAdd(out, 1);
  atomicSub(out + 1, 2);
  atomicMax(out + 2, i);
  atomicMin(out + 3, -i);
  atomicOr(out + 4, 1 << (i % 8));
  atomicAnd(reinterpret_cast<unsigned*>(out + 5), ~(1U << (i % 8)));
  atomicExch(out + 6, 7);
  int old = 0;  // adds i + 1 by compare and swap
  for (int seen = atomicCAS(out + 7, 0, i + 1); seen != old; seen = atomicCAS(out + 7, old, old + i + 1)) old = seen;
  atomicAdd(reinterpret_cast<float*>(out + 8), 0.5F);
}

}  // namespace

void visit(cudaStream_t stream, dim3 grid, dim3 block, int* visits) {
  emulation::launch(stream, {.kernel = "visit", .grid = grid, .block = block}, [=] { visit_kernel(visits); });
}
void take_tickets(int blocks, int threads, int* counter, int* ticket) {
  emulation::launch(
      nullptr, {.kernel = "ticket", .grid = static_cast<unsigned>(blocks), .block = static_cast<unsigned>(threads)},
      [=] { ticket_kernel(counter, ticket); });
}
void reverse(int blocks, int threads, int* data) {
  emulation::launch(
      nullptr, {.kernel = "reverse", .grid = static_cast<unsigned>(blocks), .block = static_cast<unsigned>(threads)},
      [=] { reverse_kernel(data); });
}
void block_votes(int threads, const int* values, int* votes) {
  emulation::launch(nullptr, {.kernel = "block_votes", .grid = 1, .block = static_cast<unsigned>(threads)},
                    [=] { block_votes_kernel(values, votes); });
}
void shuffles(int threads, double* out) {
  emulation::launch(nullptr, {.kernel = "shuffle", .grid = 1, .block = static_cast<unsigned>(threads)},
                    [=] { shuffle_kernel(out); });
}
void votes(unsigned* out, int threads) {
  emulation::launch(nullptr, {.kernel = "vote", .grid = 1, .block = static_cast<unsigned>(threads)},
                    [=] { vote_kernel(out); });
}
void parities(int* out) {
  emulation::launch(nullptr, {.kernel = "parity", .grid = 1, .block = 32}, [=] { parity_kernel(out); });
}
void ring(int blocks, int threads, int rounds, int* values) {
  emulation::launch(nullptr,
                    {.kernel = "ring",
                     .grid = static_cast<unsigned>(blocks),
                     .block = static_cast<unsigned>(threads),
                     .cooperative = true},
                    [=] { ring_kernel(rounds, values); });
}
void reductions(cudaStream_t stream, int blocks, int threads, const float* values, int count, float* out) {
  emulation::launch(
      stream, {.kernel = "reduction", .grid = static_cast<unsigned>(blocks), .block = static_cast<unsigned>(threads)},
      [=] { reduction_kernel(values, count, out); });
}
void both_shared(int blocks, int threads, int* out) {
  emulation::launch(nullptr,
                    {.kernel = "both_shared",
                     .grid = static_cast<unsigned>(blocks),
                     .block = static_cast<unsigned>(threads),
                     .shared_bytes = 400},
                    [=] { both_shared_kernel(out); });
}
void scale(cudaStream_t stream, int count, float* data, float factor, float plus) {
  emulation::launch(stream, {.kernel = "scale", .grid = static_cast<unsigned>(count + 63) / 64, .block = 64},
                    [=] { scale_kernel(count, data, factor, plus); });
}
void shift(cudaStream_t stream, int count, float* data, float plus) {
  emulation::launch(stream, {.kernel = "shift", .grid = static_cast<unsigned>(count + 63) / 64, .block = 64},
                    [=] { shift_kernel(count, data, plus); });
}
void columns(int pitch, float* out) {
  emulation::launch(
      nullptr, {.kernel = "columns", .grid = 1, .block = 32, .shared_bytes = static_cast<std::size_t>(pitch) * 128},
      [=] { columns_kernel(pitch, out); });
}
void wide_rows(float* out) {
  emulation::launch(nullptr, {.kernel = "wide_rows", .grid = 1, .block = 32}, [=] { wide_rows_kernel(out); });
}
void spin_barrier(int blocks, int* counter) {
  emulation::launch(nullptr, {.kernel = "spin_barrier", .grid = static_cast<unsigned>(blocks), .block = 1},
                    [=] { spin_kernel(counter); });
}

void atomics(cudaStream_t stream, int blocks, int threads, int* out) {
  emulation::launch(
      stream, {.kernel = "atomics", .grid = static_cast<unsigned>(blocks), .block = static_cast<unsigned>(threads)},
      [=] { atomics_kernel(out); });
}

}  // namespace ethreed::test

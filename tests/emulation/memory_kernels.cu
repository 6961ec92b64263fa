// Kernels that touch memory they may not touch, or read what nobody wrote.
#include "kernels/common/block.h"
#include "tests/emulation/device_array.h"
#include "tests/emulation/wrong_kernels.h"

namespace ethreed::test {

namespace {

template <class Body>
void launch(const char* name, unsigned blocks, unsigned threads, Body body, std::size_t shared_bytes = 0) {
  emulation::launch(nullptr, {.kernel = name, .grid = blocks, .block = threads, .shared_bytes = shared_bytes}, body);
}

__device__ int index() { return index_in_grid(); }

// --- beyond what is lent ---------------------------------------------------------------------------------------------

__global__ void overrun_kernel(float* data, int count) {
  if (index() < count) data[index()] = 1;  // WRONG
}
void overrun(bool wrong) {
  DeviceArray<float> data(100);
  launch("overrun", 4, 32, [=, p = data.data()] { overrun_kernel(p, wrong ? 101 : 100); });
}

__global__ void underrun_kernel(const float* data, float* out, bool wrong) {
  out[index()] = data[index() - (wrong ? 1 : 0)];  // WRONG
}
void underrun(bool wrong) {
  DeviceArray<float> data(zeros<float>(64)), out(64);
  launch("underrun", 1, 64, [=, p = data.data(), o = out.data()] { underrun_kernel(p, o, wrong); });
}

// Two pieces of one allocation, as an arena cuts them.
void piece_overrun(bool wrong) {
  DeviceArray<float> arena(1024);
  emulation::mark_lent(arena.data(), 400);
  emulation::mark_lent(arena.data() + 128, 400);
  launch("piece_overrun", 4, 32, [=, p = arena.data()] { overrun_kernel(p, wrong ? 101 : 100); });
}

void given_back(bool wrong) {
  DeviceArray<float> arena(1024);
  emulation::mark_lent(arena.data(), 400);
  emulation::mark_lent(arena.data() + 128, 400);
  emulation::mark_returned(arena.data() + 128, arena.data() + 1024);
  if (!wrong) emulation::mark_lent(arena.data() + 128, 400);
  launch("given_back", 4, 32, [=, p = arena.data() + 128] { overrun_kernel(p, 100); });
}

__global__ void misaligned_kernel(const float* data, float* out) {
  store4(out + 4 * index(), load4(data + 4 * index()));  // WRONG
}
void misaligned(bool wrong) {
  DeviceArray<float> data(zeros<float>(132)), out(128);
  launch("misaligned", 1, 32, [=, p = data.data() + (wrong ? 2 : 4), o = out.data()] { misaligned_kernel(p, o); });
}

__global__ void local_overrun_kernel(int* out, int count) {
  int mine[4] = {1, 2, 3, 4};
  const int t = thread_index();
  mine[t < count ? t : 0] += t;  // WRONG
  out[t] = mine[t % 4];
}
void local_overrun(bool wrong) {
  DeviceArray<int> out(32);
  launch("local_overrun", 1, 32, [=, o = out.data()] { local_overrun_kernel(o, wrong ? 5 : 4); });
}

__global__ void shared_overrun_kernel(int* out, int count) {
  int* tile = shared_array<int, 64, struct Tile>();
  for (int i = thread_index(); i < count; i += 32) tile[i] = i;  // WRONG
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x + 32];
}
void shared_overrun(bool wrong) {
  DeviceArray<int> out(32);
  launch("shared_overrun", 1, 32, [=, o = out.data()] { shared_overrun_kernel(o, wrong ? 65 : 64); });
}

__global__ void dynamic_overrun_kernel(int count) {
  float* tile = dynamic_shared<float>();
  if (index() < count) tile[index()] = 0;  // WRONG
}
void dynamic_overrun(bool wrong) {
  launch(
      "dynamic_overrun", 1, 32, [=] { dynamic_overrun_kernel(wrong ? 31 : 30); }, 120);
}

// --- memory of others ------------------------------------------------------------------------------------------------

__global__ void copy_kernel(const float* from, float* to) {
  to[index()] = from[index()];  // WRONG
}
void host_memory(bool wrong) {
  const std::vector<float> host(32, 1.0F);
  DeviceArray<float> from(host), to(32);
  launch("host_memory", 1, 32, [=, f = wrong ? host.data() : from.data(), t = to.data()] { copy_kernel(f, t); });
}

void null_pointer(bool wrong) {
  DeviceArray<float> from(zeros<float>(32)), to(32);
  launch("null_pointer", 1, 32, [=, f = wrong ? nullptr : from.data(), t = to.data()] { copy_kernel(f, t); });
}

int program_variable = 3;
constexpr int program_constants[4] = {1, 2, 3, 4};

__global__ void variable_kernel(const int* variable, int* out) {
  out[threadIdx.x] = *variable + program_constants[threadIdx.x % 4];  // WRONG
}
void host_variable(bool wrong) {
  DeviceArray<int> device(zeros<int>(1)), out(32);
  launch("host_variable", 1, 32,
         [p = wrong ? &program_variable : device.data(), o = out.data()] { variable_kernel(p, o); });
}

__global__ void local_kernel(int* out, bool wrong) {
  int** pointers = shared_array<int*, 32, struct Pointers>();
  int mine[2] = {thread_index(), 0};
  pointers[threadIdx.x] = mine;
  __syncthreads();
  out[threadIdx.x] = *pointers[wrong ? 31 - threadIdx.x : threadIdx.x];  // WRONG
  __syncthreads();
}
void others_local(bool wrong) {
  DeviceArray<int> out(32);
  launch("others_local", 1, 32, [=, o = out.data()] { local_kernel(o, wrong); });
}

// --- what nobody wrote -----------------------------------------------------------------------------------------------

void unwritten(bool wrong) {
  DeviceArray<float> from(32), to(32);
  cudaMemset(from.data(), 0, wrong ? 31 * 4 : 32 * 4);
  launch("unwritten", 1, 32, [f = from.data(), t = to.data()] { copy_kernel(f, t); });
}

// A copy on the device leaves unwritten what was unwritten.
void unwritten_copy(bool wrong) {
  DeviceArray<float> first(32), second(32), to(32);
  if (!wrong) cudaMemset(first.data(), 0, 128);
  cudaMemcpy(second.data(), first.data(), 128, cudaMemcpyDeviceToDevice);
  launch("unwritten_copy", 1, 32, [f = second.data(), t = to.data()] { copy_kernel(f, t); });
}

// The second round of an arena starts with nothing.
void lent_again(bool wrong) {
  DeviceArray<float> arena(1024), to(32);
  emulation::mark_lent(arena.data(), 128);
  cudaMemset(arena.data(), 0, 128);
  if (wrong) {
    emulation::mark_returned(arena.data(), arena.data() + 1024);
    emulation::mark_lent(arena.data(), 128);
  }
  launch("lent_again", 1, 32, [f = arena.data(), t = to.data()] { copy_kernel(f, t); });
}

// What the host wrote in the place of a library.
void host_wrote(bool wrong) {
  DeviceArray<float> from(32), to(32);
  for (int i = 0; i < 32; ++i) from.data()[i] = 1;
  emulation::mark_written(from.data(), wrong ? 64 : 128);
  launch("host_wrote", 1, 32, [f = from.data(), t = to.data()] { copy_kernel(f, t); });
}

__global__ void shared_unwritten_kernel(double* out, int count) {
  double* tile = shared_array<double, 32, struct Tile>();
  if (thread_index() < count) tile[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];  // WRONG
}
void shared_unwritten(bool wrong) {
  DeviceArray<double> out(32);
  launch("shared_unwritten", 1, 32, [o = out.data()] { shared_unwritten_kernel(o, 32); });  // leaves something there
  launch("shared_unwritten", 1, 32, [=, o = out.data()] { shared_unwritten_kernel(o, wrong ? 31 : 32); });
}

// --- shared memory that does not fit ---------------------------------------------------------------------------------

__global__ void two_types_kernel(bool wrong) {
  float* first = dynamic_shared<float>();
  first[threadIdx.x] = 0;
  if (wrong) {
    int* second = dynamic_shared<int>();  // WRONG
    second[threadIdx.x] = 0;
  }
}
void two_types(bool wrong) {
  launch(
      "two_types", 1, 32, [=] { two_types_kernel(wrong); }, 128);
}

__global__ void big_static_kernel(bool wrong) {
  shared_array<float, 12288, struct Full>();
  if (wrong) shared_array<float, 1, struct More>();
}
void big_static(bool wrong) {
  launch("big_static", 1, 32, [=] { big_static_kernel(wrong); });
}
void big_together(bool wrong) {
  launch(
      "big_together", 1, 32, [] { big_static_kernel(false); }, (227 - 48) * 1024 + (wrong ? 16 : 0));
}

__global__ void no_dynamic_kernel() { dynamic_shared<float>(); }
void no_dynamic(bool wrong) {
  launch(
      "no_dynamic", 1, 32, [] { no_dynamic_kernel(); }, wrong ? 0 : 16);
}

}  // namespace

const std::vector<WrongKernel> memory_kernels = {
    {"overrun", overrun},
    {"underrun", underrun},
    {"piece_overrun", piece_overrun},
    {"given_back", given_back},
    {"misaligned", misaligned},
    {"local_overrun", local_overrun},
    {"shared_overrun", shared_overrun},
    {"dynamic_overrun", dynamic_overrun},
    {"host_memory", host_memory},
    {"null_pointer", null_pointer},
    {"host_variable", host_variable},
    {"others_local", others_local},
    {"unwritten", unwritten},
    {"unwritten_copy", unwritten_copy},
    {"lent_again", lent_again},
    {"host_wrote", host_wrote},
    {"shared_unwritten", shared_unwritten},
    {"two_types", two_types},
    {"big_static", big_static},
    {"big_together", big_together},
    {"no_dynamic", no_dynamic},
};

}  // namespace ethreed::test

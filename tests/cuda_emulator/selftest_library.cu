// Kernels for tests that speak to the emulator through its C functions, from Python. Only for the
// emulator: some of these would hang a GPU.
#include <cstdio>
#include <exception>

#include "cuda/seam.h"
#include "cuda_emulator/options.h"

namespace lowerpose::cuda {
namespace {

enum class Order { kUp, kDown };

template <class T, Order kOrder>
__global__ void fill_kernel(T* out, int count, int first) {
  __shared__ int numbers[64];
  const auto t = static_cast<int>(threadIdx.x);
  if (first >= 0) numbers[t] = first + t;  // or else what is read was never written
  __syncthreads();
  const int i = static_cast<int>(blockIdx.x * blockDim.x) + t;
  if (i < count) out[i] = static_cast<T>(numbers[kOrder == Order::kUp ? t : 63 - t]);
}

// Adds in the order in which threads come.
__global__ void add_kernel(const float* values, float* sum) { atomicAdd(sum, values[threadIdx.x]); }

// The first block waits for the second.
__global__ void wait_kernel(unsigned* flag) {
  if (blockIdx.x == 0) {
    while (atomicAdd(flag, 0u) == 0) {
    }
  } else {
    atomicExch(flag, 1u);
  }
}

// Half of the warp waits for the other half, which waits at the block's barrier.
__global__ void deadlock_kernel() {
  if (threadIdx.x < 16) {
    __syncwarp();
  }
  __syncthreads();
}

char text[1000];

// The error's text, or an empty one.
template <class Work>
const char* outcome(Work&& work) {
  text[0] = '\0';
  try {
    const cudaError_t error = work();
    if (error != cudaSuccess) std::snprintf(text, sizeof(text), "%s", cudaGetErrorName(error));
  } catch (const emulator::Error& error) {
    std::snprintf(text, sizeof(text), "%s", error.what());
  }
  return text;
}

}  // namespace
}  // namespace lowerpose::cuda

#define LOWERPOSE_PUBLIC extern "C" __attribute__((visibility("default")))

LOWERPOSE_PUBLIC const char* fill(float* out, int count, int first) {
  using namespace lowerpose::cuda;
  return outcome([=] {
    return launch<fill_kernel<float, Order::kUp>>(dim3((count + 63) / 64), dim3(64), 0, nullptr,
                                                  out, count, first);
  });
}

LOWERPOSE_PUBLIC const char* add(const float* values, int count, float* sum) {
  using namespace lowerpose::cuda;
  return outcome([=] { return launch<add_kernel>(dim3(1), dim3(count), 0, nullptr, values, sum); });
}

LOWERPOSE_PUBLIC const char* wait_for_block(unsigned* flag) {
  using namespace lowerpose::cuda;
  std::size_t& steps = lowerpose::emulator::options().steps_per_block;
  const std::size_t before = steps;
  steps = 1 << 16;
  const char* const result =
      outcome([=] { return launch<wait_kernel>(dim3(2, 1, 1), dim3(1), 0, nullptr, flag); });
  steps = before;
  return result;
}

LOWERPOSE_PUBLIC const char* deadlock() {
  using namespace lowerpose::cuda;
  return outcome([] { return launch<deadlock_kernel>(dim3(1), dim3(32), 0, nullptr); });
}

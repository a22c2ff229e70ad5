// Correct kernels that look suspicious: nothing may be reported, and the results are known.
#include <cmath>

#include "cuda_emulator/selftest.h"
#include "cuda_emulator/selftest_reductions.cuh"

namespace lowerpose::cuda {
namespace {

using selftest::Device;
using selftest::require;

// Atomic operations on shared and on global memory.
__global__ void histogram_kernel(const unsigned char* values, unsigned* histogram, int count) {
  constexpr unsigned kBins = 64;
  __shared__ unsigned bins[kBins];
  for (unsigned i = threadIdx.x; i < kBins; i += blockDim.x) bins[i] = 0;
  __syncthreads();
  const int step = static_cast<int>(gridDim.x * blockDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < count; i += step) {
    atomicAdd(&bins[values[i] % kBins], 1u);
  }
  __syncthreads();
  for (unsigned i = threadIdx.x; i < kBins; i += blockDim.x) atomicAdd(&histogram[i], bins[i]);
}

// Threads that write neighbours inside one word.
__global__ void neighbours_kernel(unsigned char* bytes, __nv_bfloat16* halves) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  bytes[i] = static_cast<unsigned char>(i);
  halves[i] = __float2bfloat16(static_cast<float>(i));
}

// Shared memory of one warp, ordered by __syncwarp alone.
__global__ void warp_scan_kernel(const int* values, int* sums) {
  __shared__ int scan[kThreads];
  const int t = static_cast<int>(threadIdx.x), lane = t % 32;
  scan[t] = values[t];
  __syncwarp();
  for (int distance = 1; distance < 32; distance *= 2) {
    const int before = lane >= distance ? scan[t - distance] : 0;
    __syncwarp();
    scan[t] += before;
    __syncwarp();
  }
  sums[t] = scan[t];
}

// Two buffers take turns, with one barrier a turn.
__global__ void double_buffer_kernel(const float* values, float* out, int rounds) {
  __shared__ float buffers[2][kThreads];
  const int t = static_cast<int>(threadIdx.x);
  buffers[0][t] = values[t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    const float* const from = buffers[round % 2];
    buffers[(round + 1) % 2][t] = 0.5f * (from[t] + from[(t + 1) % kThreads]);
    __syncthreads();
  }
  out[t] = buffers[rounds % 2][t];
}

// The last block reads what all have written. Either every thread flushes its own part before the
// barrier, or one thread flushes everybody's after it.
template <bool kAllFlush>
__global__ void last_block_kernel(const float* values, float* parts, unsigned* ticket, float* out) {
  __shared__ bool last;
  const unsigned t = threadIdx.x;
  parts[blockIdx.x * blockDim.x + t] = values[t] + static_cast<float>(blockIdx.x);
  if (kAllFlush) __threadfence();
  __syncthreads();
  if (t == 0) {
    if (!kAllFlush) __threadfence();
    last = atomicInc(ticket, gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (!last) return;
  float sum = 0;
  for (unsigned block = 0; block < gridDim.x; ++block) sum += parts[block * blockDim.x + t];
  out[t] = sum;
}

void test_tricky() {
  constexpr int kBytes = 4096, kElements = 1024, kBlocks = 5;
  const Device<unsigned char> zeros(kBytes), bytes(kElements);
  const Device<__nv_bfloat16> halves(kElements);
  const Device<unsigned> histogram(64), ticket(1);
  const Device<float> ones(std::vector<float>(kThreads, 1.0f)), out(kThreads);
  const Device<float> parts(kThreads * kBlocks);
  std::vector<int> counted(kThreads);
  for (int i = 0; i < kThreads; ++i) counted[i] = i;
  const Device<int> values(counted), sums(kThreads);

  require(launch<histogram_kernel>(dim3(4), dim3(128), 0, nullptr, zeros.get(), histogram.get(),
                                   kBytes),
          "histogram");
  LOWERPOSE_EXPECT(histogram.values()[0] == kBytes);
  require(launch<neighbours_kernel>(dim3(8), dim3(128), 0, nullptr, bytes.get(), halves.get()),
          "neighbours");
  LOWERPOSE_EXPECT(bytes.values()[1023] == 255);
  LOWERPOSE_EXPECT(__bfloat162float(halves.values()[256]) == 256);
  require(launch<warp_scan_kernel>(dim3(1), dim3(kThreads), 0, nullptr, values.get(), sums.get()),
          "warp scan");
  LOWERPOSE_EXPECT(sums.values()[31] == 31 * 16);
  LOWERPOSE_EXPECT(sums.values()[33] == 32 + 33);
  require(
      launch<double_buffer_kernel>(dim3(1), dim3(kThreads), 0, nullptr, ones.get(), out.get(), 5),
      "double buffer");
  LOWERPOSE_EXPECT(out.values()[9] == 1);
  for (int turn = 0; turn < 2; ++turn) {  // the ticket is 0 again for the second
    require(launch<last_block_kernel<true>>(dim3(kBlocks), dim3(kThreads), 0, nullptr, ones.get(),
                                            parts.get(), ticket.get(), out.get()),
            "last block");
    LOWERPOSE_EXPECT(out.values()[3] == 15);
    require(launch<last_block_kernel<false>>(dim3(kBlocks), dim3(kThreads), 0, nullptr, ones.get(),
                                             parts.get(), ticket.get(), out.get()),
            "last block");
    LOWERPOSE_EXPECT(out.values()[200] == 15);
  }
}

// Dynamic shared memory of more than a kernel has unasked.
__global__ void large_shared_kernel(int* out, int count) {
  LOWERPOSE_DYNAMIC_SHARED(int, values);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) values[i] = i;
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    out[i] = values[count - 1 - i];
  }
}

void test_large_shared() {
  constexpr int kCount = 16 * 1024;
  constexpr std::size_t kBytes = kCount * sizeof(int);
  const Device<int> out(kCount);
  const auto run = [&] {
    return launch<large_shared_kernel>(dim3(1), dim3(kThreads), kBytes, nullptr, out.get(), kCount);
  };
  LOWERPOSE_EXPECT(run() == cudaErrorInvalidValue);
  LOWERPOSE_EXPECT(cudaGetLastError() == cudaSuccess);  // `launch` has taken it
  require(
      cudaFuncSetAttribute(reinterpret_cast<const void*>(large_shared_kernel),
                           cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(kBytes)),
      "more shared memory");
  require(run(), "large shared");
  LOWERPOSE_EXPECT(out.values()[0] == kCount - 1);
  LOWERPOSE_EXPECT(out.values()[kCount - 1] == 0);
}

void test_refusals() {
  const Device<int> out(1);
  const auto run = [&](dim3 grid, dim3 block) {
    return launch<large_shared_kernel>(grid, block, 4, nullptr, out.get(), 1);
  };
  LOWERPOSE_EXPECT(run(dim3(0), dim3(1)) == cudaErrorInvalidConfiguration);
  LOWERPOSE_EXPECT(run(dim3(1), dim3(1025)) == cudaErrorInvalidConfiguration);
  LOWERPOSE_EXPECT(run(dim3(1), dim3(1, 1, 65)) == cudaErrorInvalidConfiguration);
  LOWERPOSE_EXPECT(run(dim3(1, 65536), dim3(1)) == cudaErrorInvalidConfiguration);
  LOWERPOSE_EXPECT(run(dim3(1), dim3(1)) == cudaSuccess);
  int device = -1;
  LOWERPOSE_EXPECT(cudaGetDevice(&device) == cudaSuccess);
  LOWERPOSE_EXPECT(device == 0);
  LOWERPOSE_EXPECT(cudaSetDevice(0) == cudaSuccess);
  LOWERPOSE_EXPECT(cudaSetDevice(1000) == cudaErrorInvalidDevice);
  LOWERPOSE_EXPECT(std::string(cudaGetErrorString(cudaGetLastError())) == "invalid device ordinal");
  LOWERPOSE_EXPECT(cudaGetLastError() == cudaSuccess);
}

}  // namespace
}  // namespace lowerpose::cuda

int main() {
  return lowerpose::selftest::main_of([] {
    lowerpose::cuda::test_tricky();
    lowerpose::cuda::test_large_shared();
    lowerpose::cuda::test_refusals();
  });
}

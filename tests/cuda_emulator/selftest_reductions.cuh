// Sums and maxima as kernels compute them.
#pragma once

#include "cuda/seam.h"

namespace lowerpose::cuda {
namespace {

constexpr unsigned kAll = 0xffffffffu;
constexpr int kThreads = 256, kWarps = kThreads / 32;

struct Sum {
  static constexpr float kStart = 0.0f;
  __device__ float operator()(float a, float b) const { return a + b; }
};

struct Largest {
  static constexpr float kStart = -3.0e38f;
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

// The result is in every lane.
template <class Combine>
__device__ __forceinline__ float warp_reduce(float value, Combine combine) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAll, value, distance));
  }
  return value;
}

// The result is in every thread. `buffer` has room for kWarps, and may be used again at once.
template <class Combine>
__device__ float block_reduce(float value, float* buffer, Combine combine) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  value = warp_reduce(value, combine);
  __syncthreads();
  if (lane == 0) buffer[warp] = value;
  __syncthreads();
  return warp_reduce(lane < kWarps ? buffer[lane] : Combine::kStart, combine);
}

}  // namespace
}  // namespace lowerpose::cuda

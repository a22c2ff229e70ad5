// Sums over a block, and the block that comes last: always in the same order, so that the same
// numbers give the same bits.
#pragma once

#include "cuda/seam.h"

namespace lowerpose::cuda {
namespace {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

// The sum over the lanes of a warp, in lane 0.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value += __shfl_down_sync(kAllLanes, value, distance);
  }
  return value;
}

// The sum over all threads of the block, in thread 0. Every thread must come, and meet a barrier
// before it comes again.
template <int kThreads, class T>
__device__ T block_sum(T value) {
  __shared__ T sums[kThreads / kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  value = warp_sum(value);
  if (lane == 0) sums[warp] = value;
  __syncthreads();
  if (warp > 0) return value;
  return warp_sum(lane < kThreads / kWarp ? sums[lane] : T{});
}

// Whether this block is the last of the grid to come here; all its threads get the answer. What
// thread 0 wrote before it came, and what other threads wrote before a barrier before that, the
// last block sees. `ticket` is 0 when the grid starts.
__device__ inline bool is_last_block(unsigned* ticket) {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    __threadfence();  // what this block wrote, before the ticket
    last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    __threadfence();  // the ticket, before what the others wrote
  }
  __syncthreads();
  return last;
}

}  // namespace
}  // namespace lowerpose::cuda

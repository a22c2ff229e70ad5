// The loss of each sample's hardest joints, by one block.
#pragma once

#include "cuda/reduce.cuh"
#include "ops/hardest_joints.h"

namespace lowerpose::cuda {
namespace {

// A warp a sample: the sum over its hardest maps, and the scales of all its maps. Then their sum,
// of which thread 0 gets the loss.
template <int kThreads>
__device__ double hardest_loss(const HardestJoints& h) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (std::int64_t b = warp; b < h.batch; b += kThreads / kWarp) {
    double total = 0;
    for (std::int64_t k = lane; k < h.num_joints; k += kWarp) total += take_if_hard(h, b, k);
    total = warp_sum(total);
    if (lane == 0) hardest_sum(h, b) = total;
  }
  __syncthreads();
  double total = 0;
  for (std::int64_t b = threadIdx.x; b < h.batch; b += kThreads) total += hardest_sum(h, b);
  return hardest_scale(h) * block_sum<kThreads>(total);
}

}  // namespace
}  // namespace lowerpose::cuda

#include <algorithm>

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/hardest_joints.cuh"
#include "cuda/pixel_walk.cuh"
#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "ops/joints_mse_general.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// A warp a group: its loss, and the scales of its maps.
template <class C>
__device__ void finish_groups(const JointsMSEGeneralForwardParams& p) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (std::int64_t g = warp; g < joints_mse_group_count(p); g += kWarps) {
    const JointsMSEGroup group = joints_mse_group(p, g);
    double loss = 0, factors = 0, visible = 0;
    for (std::int64_t i = lane; i < group.count; i += kWarp) {
      const double* const sums = p.sums + group.map(i) * kJointsMSESums;
      loss += sums[kLossSum];
      factors += sums[kFactorSum];
      visible += sums[kVisibleSum];
    }
    loss = warp_sum(loss);
    factors = warp_sum(factors);
    visible = warp_sum(visible);
    double scale = joints_mse_group_scale(p, group.count, factors, visible);
    if (lane == 0) static_cast<C*>(p.loss)[g] = static_cast<C>(scale * loss);
    scale = __shfl_sync(kAllLanes, scale, 0);
    for (std::int64_t i = lane; i < group.count; i += kWarp) p.scales[group.map(i)] *= scale;
  }
}

// One block a map.
template <class C>
__global__ void __launch_bounds__(kThreads, 3)
    joints_mse_general_kernel(const JointsMSEGeneralForwardParams p) {
  const std::int64_t map = blockIdx.x, b = map / p.num_joints, k = map % p.num_joints;
  const std::int64_t area = p.height * p.width;
  double map_factor = joints_mse_map_factor(p, b, k);
  if (p.skip_empty) {
    int drawn = 0;
    PixelWalk at(threadIdx.x, kThreads, p.width);
    for (std::int64_t i = threadIdx.x; i < area; i += kThreads, at.advance()) {
      drawn |= p.target_values(b, k, at.y, at.x) != 0;
    }
    if (!__syncthreads_or(drawn)) map_factor *= 0;
  }

  const bool kept = p.groups == JointsMSEGroups::kPixel;
  const auto losses = p.losses.map<C>(b, k);
  double loss = 0, factors = 0, visible = 0;
  PixelWalk at(threadIdx.x, kThreads, p.width);
  for (std::int64_t i = threadIdx.x; i < area; i += kThreads, at.advance()) {
    const C difference = static_cast<C>(p.output_values(b, k, at.y, at.x)) -
                         static_cast<C>(p.target_values(b, k, at.y, at.x));
    const C square = difference * difference;
    const double factor = joints_mse_pixel_factor(p, b, k, at.y, at.x);
    const double element = joints_mse_weighted(factor, static_cast<double>(square));
    if (kept) {
      *losses.at(at.y, at.x) = static_cast<C>(p.scale * joints_mse_weighted(map_factor, element));
    }
    loss += element;
    factors += factor;
    visible += factor == 0 ? 0 : 1;
  }
  if (kept) {
    if (threadIdx.x == 0) p.scales[map] = p.scale * map_factor;
    return;
  }
  loss = block_sum<kThreads>(loss);
  __syncthreads();
  factors = block_sum<kThreads>(factors);
  __syncthreads();
  visible = block_sum<kThreads>(visible);
  if (threadIdx.x == 0) joints_mse_keep(p, map, map_factor, loss, factors, visible);
  if (!is_last_block(reinterpret_cast<unsigned*>(p.ticket))) return;
  if (p.groups == JointsMSEGroups::kHardest) {
    const double total = hardest_loss<kThreads>(hardest_joints(p));
    if (threadIdx.x == 0) *static_cast<C*>(p.loss) = static_cast<C>(total);
  } else {
    finish_groups<C>(p);
  }
}

// One block a map.
template <class Output, class C>
__global__ void __launch_bounds__(kThreads, 3)
    joints_mse_general_backward_kernel(const JointsMSEGeneralBackwardParams p) {
  const std::int64_t map = blockIdx.x, b = map / p.num_joints, k = map % p.num_joints;
  const std::int64_t area = p.height * p.width;
  const auto gradient = p.gradient.map<Output>(b, k);
  const double scale = 2 * p.scales(b, k);
  PixelWalk at(threadIdx.x, kThreads, p.width);
  for (std::int64_t i = threadIdx.x; i < area; i += kThreads, at.advance()) {
    const C difference = static_cast<C>(p.output_values(b, k, at.y, at.x)) -
                         static_cast<C>(p.target_values(b, k, at.y, at.x));
    const double factor =
        joints_mse_pixel_factor(p, b, k, at.y, at.x) * p.incoming(b, k, at.y, at.x) * scale;
    narrow(static_cast<C>(factor) * difference, *gradient.at(at.y, at.x));
  }
}

}  // namespace

template <class Number>
const char* joints_mse_general(const JointsMSEGeneralForwardParams& p, const Stream& stream) {
  const std::int64_t maps = p.batch * p.num_joints;
  return on(stream, [&](cudaStream_t queue) {
    // Without maps each group has loss 0, all of whose bits are 0, and nothing is launched.
    const bool pixels = p.groups == JointsMSEGroups::kPixel;
    const std::int64_t groups = pixels ? 0 : joints_mse_group_count(p);
    void* const cleared = maps == 0 ? p.loss : static_cast<void*>(p.ticket);
    const std::size_t bytes = maps == 0 ? groups * sizeof(Number) : sizeof(*p.ticket);
    const cudaError_t error = bytes == 0 ? cudaSuccess : cudaMemsetAsync(cleared, 0, bytes, queue);
    if (error != cudaSuccess) return error;
    return launch_blocks<joints_mse_general_kernel<Number>>(maps, kThreads, queue, p);
  });
}

template <class Output, class Number>
const char* joints_mse_general_backward(const JointsMSEGeneralBackwardParams& p,
                                        const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) {
    return launch_blocks<joints_mse_general_backward_kernel<Output, Number>>(p.batch * p.num_joints,
                                                                             kThreads, queue, p);
  });
}

template const char* joints_mse_general<float>(const JointsMSEGeneralForwardParams&, const Stream&);
template const char* joints_mse_general<double>(const JointsMSEGeneralForwardParams&,
                                                const Stream&);
#define LOWERPOSE_INSTANTIATE(Output, Number)                       \
  template const char* joints_mse_general_backward<Output, Number>( \
      const JointsMSEGeneralBackwardParams&, const Stream&);
LOWERPOSE_INSTANTIATE(float, float)
LOWERPOSE_INSTANTIATE(Float16, float)
LOWERPOSE_INSTANTIATE(BFloat16, float)
LOWERPOSE_INSTANTIATE(float, double)
LOWERPOSE_INSTANTIATE(double, double)
LOWERPOSE_INSTANTIATE(Float16, double)
LOWERPOSE_INSTANTIATE(BFloat16, double)

}  // namespace lowerpose::cuda

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/gaussian_joints.cuh"
#include "cuda/hardest_joints.cuh"
#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "ops/gaussian_joints_mse.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kPixels = kTile * kTile / kThreads;  // of a tile, a thread's own
static_assert(kTile == kGaussianJointsMSETile);

// What one launch does: the loss, the gradient, or both.
struct Work {
  GaussianJointsMSEParams maps;
  Tiles tiles;
  HeatmapsView gradient;  // without memory if it is not wanted
  ScalarReader incoming, scales;
  bool incoming_is_one;  // and is not read
  bool unless_one;       // for an incoming gradient of 1 nothing is left to do
  bool has_scales;
  double* partials;  // one a block, or null if no loss is wanted
  unsigned* ticket;
  void* loss;
  HardestJoints hardest;  // if topk > 0
};

// Each thread's pixels of the target, the largest values of all instances; and their weight.
template <class C, int kPack>
__device__ float draw(const GaussianJointsMSEParams& p, const Tile& tile, int packs,
                      C (&targets)[kPixels]) {
  __shared__ DrawnJoint joint;
  __shared__ Factor<C> factors[2 * kTile];
  __shared__ float weight;
  for (std::int64_t n = 0; n < p.instances; ++n) {
    __syncthreads();  // what the one before has left in shared memory is read
    if (threadIdx.x == 0) {
      joint = drawn_joint(p, tile.b, n, tile.k);
      if (n == 0 || weight < joint.weight) weight = joint.weight;
    }
    __syncthreads();
    if (!joint.drawn) continue;
    set_factor(factors, tile, joint);
    __syncthreads();
#pragma unroll
    for (int own = 0; own < kPixels; ++own) {
      const int i = threadIdx.x + own / kPack * kThreads;
      const int y = i / packs, x = i % packs * kPack + own % kPack;
      if (y >= tile.height) break;
      const C value = product(factors[x], factors[kTile + y]);
      if (targets[own] < value) targets[own] = value;
    }
  }
  return p.instances == 0 ? 0.0f : weight;
}

// Adds up the blocks' sums in the last block, in the order of the blocks.
template <class C>
__device__ void finish_loss(const Work& work, double sum) {
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x == 0) work.partials[blockIdx.x] = sum;
  if (!is_last_block(work.ticket)) return;
  double loss = 0;
  if (work.hardest.topk > 0) {
    const HardestJoints& hardest = work.hardest;
    const unsigned tiles = work.tiles.count();
    for (std::int64_t map = threadIdx.x; map < hardest.batch * hardest.num_joints;
         map += kThreads) {
      double& of_map = hardest.sums[map * hardest.stride];
      of_map = 0;
      for (unsigned tile = 0; tile < tiles; ++tile) of_map += work.partials[map * tiles + tile];
    }
    __syncthreads();
    loss = hardest_loss<kThreads>(hardest);
  } else {
    for (unsigned i = threadIdx.x; i < gridDim.x; i += kThreads) loss += work.partials[i];
    loss = work.maps.scale * block_sum<kThreads>(loss);
  }
  if (threadIdx.x == 0) *static_cast<C*>(work.loss) = static_cast<C>(loss);
}

// One block a tile. kPack pixels of a row are read at once, where they lie side by side.
template <class Output, int kPack>
__global__ void __launch_bounds__(kThreads, 3) gaussian_joints_mse_kernel(const Work work) {
  using C = Arithmetic<Output>;
  __shared__ Tile tile;
  const GaussianJointsMSEParams& p = work.maps;
  const double incoming = work.incoming_is_one ? 1.0 : work.incoming(0);
  if (work.unless_one && incoming == 1) return;
  if (threadIdx.x == 0) tile = tile_of_block(p, work.tiles);
  __syncthreads();
  const int packs = tile.width / kPack;  // in a row
  C targets[kPixels] = {};
  const double factor = gaussian_joints_mse_factor(p, draw<C, kPack>(p, tile, packs, targets));
  const C gradient_scale =
      static_cast<C>(work.has_scales ? 2 * incoming * work.scales(tile.b, tile.k)
                                     : 2 * p.scale * incoming * factor);
  const auto output = p.output.map<const Output>(tile.b, tile.k);
  const auto gradient = work.gradient.map<Output>(tile.b, tile.k);

  C sum = 0;
#pragma unroll
  for (int own = 0; own < kPixels; own += kPack) {
    const int i = threadIdx.x + own / kPack * kThreads;
    const int y = i / packs, x = i % packs * kPack;
    if (y >= tile.height) break;
    using Outputs = Pack<Output, kPack>;
    const auto from = *reinterpret_cast<const Outputs*>(output.at(tile.top + y, tile.left + x));
    Outputs result;
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) {
      const C difference = static_cast<C>(widened(from.values[lane])) - targets[own + lane];
      sum += difference * difference;
      narrow(gradient_scale * difference, result.values[lane]);
    }
    if (work.gradient.data != nullptr) {
      *reinterpret_cast<Outputs*>(gradient.at(tile.top + y, tile.left + x)) = result;
    }
  }
  if (work.partials == nullptr) return;
  if (work.hardest.topk > 0 && tile.first && threadIdx.x == 0) {
    work.hardest.scales[tile.b * p.num_joints + tile.k] = factor;
  }
  finish_loss<C>(work, joints_mse_weighted(factor, static_cast<double>(sum)));
}

// One block a map, a tile at a time. In double: the moments are small differences of large sums.
template <class Output>
__global__ void __launch_bounds__(kThreads, 3)
    gaussian_joints_mse_joints_backward_kernel(const GaussianJointsMSEJointsBackwardParams p,
                                               const Tiles tiles) {
  __shared__ DrawnJoint joint;
  __shared__ Factor<double> factors[2 * kTile];
  const std::int64_t map = blockIdx.x, b = map / p.num_joints, k = map % p.num_joints;
  double *const to_joint = p.to_joints + 2 * map, *const to_sigma = p.to_sigmas + map;
  if (threadIdx.x == 0) joint = drawn_joint(p, b, 0, k);
  __syncthreads();
  if (!joint.drawn) {
    if (threadIdx.x == 0) to_joint[0] = to_joint[1] = *to_sigma = 0;
    return;
  }
  const auto output = p.output.map<const Output>(b, k);
  GaussianMoments moments = {};
  for (unsigned index = 0; index < tiles.count(); ++index) {
    const std::int64_t left = std::int64_t{index % tiles.columns} * kTile;
    const std::int64_t top = std::int64_t{index / tiles.columns} * kTile;
    const Tile tile{b,
                    k,
                    left,
                    top,
                    static_cast<int>(min(p.width - left, std::int64_t{kTile})),
                    static_cast<int>(min(p.height - top, std::int64_t{kTile})),
                    index == 0};
    set_factor(factors, tile, joint);
    __syncthreads();
    for (int i = threadIdx.x; i < tile.width * tile.height; i += kThreads) {
      const int y = i / tile.width, x = i % tile.width;
      const double target = product(factors[x], factors[kTile + y]);
      const double value = static_cast<double>(widened(*output.at(top + y, left + x)));
      const double from_x = static_cast<double>(left + x) - joint.columns.peak;
      const double from_y = static_cast<double>(top + y) - joint.rows.peak;
      const double moment = (value - target) * target;
      moments.x += moment * from_x;
      moments.y += moment * from_y;
      moments.squared += moment * (from_x * from_x + from_y * from_y);
    }
    __syncthreads();
  }
  moments.x = block_sum<kThreads>(moments.x);
  __syncthreads();
  moments.y = block_sum<kThreads>(moments.y);
  __syncthreads();
  moments.squared = block_sum<kThreads>(moments.squared);
  if (threadIdx.x > 0) return;
  const double scale =
      p.has_scales ? p.scales(b, k) : p.scale * gaussian_joints_mse_factor(p, joint.weight);
  gaussian_joints_mse_finish(moments, joint.sigma, 2 * scale * p.incoming(0), to_joint, to_sigma);
}

// Whether each row of these maps can be read in packs.
template <class Output, int kPack>
bool in_packs(const GaussianJointsMSEParams& p, const HeatmapsView& maps) {
  if (maps.data == nullptr) return true;
  const auto whole = [](std::int64_t elements) { return elements % kPack == 0; };
  return p.width % kPack == 0 && maps.strides[3] == 1 && whole(maps.strides[2]) &&
         whole(maps.strides[1]) && whole(maps.strides[0]) &&
         reinterpret_cast<std::uintptr_t>(maps.data) % sizeof(Pack<Output, kPack>) == 0;
}

template <class Output>
cudaError_t launch_work(Work& work, cudaStream_t queue) {
  constexpr int kPack = kPackBytes / sizeof(Output);
  const GaussianJointsMSEParams& p = work.maps;
  work.tiles = tiles_of_map(p);
  const std::int64_t blocks = p.batch * p.num_joints * work.tiles.count();
  return in_packs<Output, kPack>(p, p.output) && in_packs<Output, kPack>(p, work.gradient)
             ? launch_blocks<gaussian_joints_mse_kernel<Output, kPack>>(blocks, kThreads, queue,
                                                                        work)
             : launch_blocks<gaussian_joints_mse_kernel<Output, 1>>(blocks, kThreads, queue, work);
}

}  // namespace

template <class Output>
const char* gaussian_joints_mse(const GaussianJointsMSEForwardParams& p, const Stream& stream) {
  const bool empty = p.batch * p.num_joints * p.height * p.width == 0;
  Work work = {};
  work.maps = p;
  work.gradient = p.gradient;
  work.incoming_is_one = true;
  work.ticket = reinterpret_cast<unsigned*>(p.scratch);
  work.loss = p.loss;
  if (p.topk > 0) work.hardest = hardest_joints(p, p.scratch + 1);
  work.partials = p.scratch + 1 + (p.topk > 0 ? 2 * p.batch * p.num_joints : 0);
  return on(stream, [&](cudaStream_t queue) {
    // An empty batch has loss 0, all of whose bits are 0, and nothing is launched for it.
    void* const cleared = empty ? p.loss : static_cast<void*>(work.ticket);
    const std::size_t bytes = empty ? sizeof(Arithmetic<Output>) : sizeof(*work.ticket);
    cudaError_t error = cudaMemsetAsync(cleared, 0, bytes, queue);
    if (!empty) return error != cudaSuccess ? error : launch_work<Output>(work, queue);
    const std::size_t maps = p.batch * p.num_joints;
    if (p.topk > 0 && maps > 0 && error == cudaSuccess) {
      error = cudaMemsetAsync(p.scales, 0, maps * sizeof(*p.scales), queue);
    }
    return error;
  });
}

template <class Output>
const char* gaussian_joints_mse_backward(const GaussianJointsMSEBackwardParams& p,
                                         const Stream& stream) {
  Work work = {};
  work.maps = p;
  work.gradient = p.gradient;
  work.incoming = p.incoming;
  work.scales = p.scales;
  work.has_scales = p.has_scales;
  work.unless_one = p.unless_one;
  const bool empty = p.height * p.width == 0;
  return on(stream, [&](cudaStream_t queue) {
    return empty ? cudaSuccess : launch_work<Output>(work, queue);
  });
}

template <class Output>
const char* gaussian_joints_mse_joints_backward(const GaussianJointsMSEJointsBackwardParams& p,
                                                const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) {
    return launch_blocks<gaussian_joints_mse_joints_backward_kernel<Output>>(
        p.batch * p.num_joints, kThreads, queue, p, tiles_of_map(p));
  });
}

#define LOWERPOSE_INSTANTIATE(Output)                                                     \
  template const char* gaussian_joints_mse<Output>(const GaussianJointsMSEForwardParams&, \
                                                   const Stream&);                        \
  template const char* gaussian_joints_mse_backward<Output>(                              \
      const GaussianJointsMSEBackwardParams&, const Stream&);                             \
  template const char* gaussian_joints_mse_joints_backward<Output>(                       \
      const GaussianJointsMSEJointsBackwardParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/gaussian_joints.cuh"
#include "cuda/queue.h"
#include "ops/gaussian_targets.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;
// At a time on a multiprocessor, at least: leaves the compiler 48 registers. Left to itself it
// takes 32 and spills.
constexpr int kBlocks = 5;

// The first Gaussian of a tile, or the larger values of another one and of what is there. Each
// thread has its own pixels, the same every time.
template <bool kFirst, class T, int kPack>
__device__ void write_tile(const GaussianTargetsParams& p, const Tile& tile,
                           const Factor<Arithmetic<T>>* factors) {
  const std::int64_t row = (tile.b * p.num_joints + tile.k) * p.height + tile.top;
  T* const map = static_cast<T*>(p.targets) + row * p.width + tile.left;
  const int packs = tile.width / kPack;  // in a row
  for (int i = threadIdx.x; i < packs * tile.height; i += kThreads) {
    const int y = i / packs, x = i % packs * kPack;
    auto* const place = reinterpret_cast<Pack<T, kPack>*>(map + y * p.width + x);
    Pack<T, kPack> pack;
    if constexpr (!kFirst) pack = *place;
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) {
      T value;
      narrow(product(factors[x + lane], factors[kTile + y]), value);
      if (kFirst || widened(pack.values[lane]) < widened(value)) pack.values[lane] = value;
    }
    *place = pack;
  }
}

// The weight of an instance's joint, or the largest so far.
__device__ void write_weight(const GaussianTargetsParams& p, std::int64_t b, std::int64_t n,
                             std::int64_t k, float weight) {
  if (p.instance_weights) {
    if (n < p.instances) p.weights[(b * p.instances + n) * p.num_joints + k] = weight;
  } else {
    float& largest = p.weights[b * p.num_joints + k];
    if (n == 0 || largest < weight) largest = weight;
  }
}

// One block a tile: the Gaussian is separable, so 64 + 64 exps serve 4096 pixels. One thread finds
// out what there is to draw. It stays in shared memory: registers are few where doubles are
// divided, which is a call.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads, kBlocks)
    gaussian_targets_kernel(const GaussianTargetsParams p, const Tiles tiles) {
  __shared__ Tile tile;
  __shared__ DrawnJoint joint;
  __shared__ Factor<Arithmetic<T>> factors[2 * kTile];  // of the columns, then of the rows
  const int thread = threadIdx.x;
  if (thread == 0) tile = tile_of_block(p, tiles);
  // Without instances one turn, which writes zeros.
  for (std::int64_t n = 0; n == 0 || n < p.instances; ++n) {
    if (n > 0) __syncthreads();  // what the one before has left in shared memory is read
    if (thread == 0) {
      joint = p.instances == 0 ? DrawnJoint{} : drawn_joint(p, tile.b, n, tile.k);
      if (tile.first) write_weight(p, tile.b, n, tile.k, joint.weight);
    }
    __syncthreads();
    if (n > 0 && !joint.drawn) continue;
    set_factor(factors, tile, joint);
    __syncthreads();
    if (n == 0) {
      write_tile<true, T, kPack>(p, tile, factors);
    } else {
      write_tile<false, T, kPack>(p, tile, factors);
    }
  }
}

}  // namespace

template <class T>
const char* gaussian_targets(const GaussianTargetsParams& p, const Stream& stream) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const Tiles tiles = tiles_of_map(p);
  const std::int64_t blocks = p.batch * p.num_joints * tiles.count();
  const bool aligned =
      p.width % kPack == 0 && reinterpret_cast<std::uintptr_t>(p.targets) % kPackBytes == 0;
  return on(stream, [&](cudaStream_t queue) {
    return aligned
               ? launch_blocks<gaussian_targets_kernel<T, kPack>>(blocks, kThreads, queue, p, tiles)
               : launch_blocks<gaussian_targets_kernel<T, 1>>(blocks, kThreads, queue, p, tiles);
  });
}

#define LOWERPOSE_INSTANTIATE(T) \
  template const char* gaussian_targets<T>(const GaussianTargetsParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda

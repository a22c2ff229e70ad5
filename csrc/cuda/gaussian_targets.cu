#include <cfloat>

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/queue.h"
#include "ops/gaussian_targets.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;
// At a time on a multiprocessor, at least: leaves the compiler 48 registers. Left to itself it
// takes 32 and spills.
constexpr int kBlocks = 5;
constexpr int kTile = 64;  // a block draws this many rows and columns of one map, or what is left

// A factor of a pixel. Doubles are slow on most GPUs, so where a float is enough it is two of them,
// of which the second is what the first leaves out. Both are times 2^40: else what is left out of
// the smallest ones would be below the range of floats.
template <class C>
struct Factor;

template <>
struct Factor<float> {
  float high, low;

  __device__ void set(double value) {
    const double scaled = value * 0x1p40;
    high = static_cast<float>(scaled);
    low = static_cast<float>(scaled - static_cast<double>(high));
  }
};

template <>
struct Factor<double> {
  double value;

  __device__ void set(double number) { value = number; }
};

// Products, 0 where they would be subnormal numbers: those would slow down whatever reads the map
// later. The float product is rounded once more than the exact one: half a unit in the last place.
__device__ __forceinline__ float product(const Factor<float>& a, const Factor<float>& b) {
  const float high = a.high * b.high;
  const float low = fmaf(a.high, b.high, -high) + (a.high * b.low + a.low * b.high);
  const float value = high + low;
  return value < FLT_MIN * 0x1p80f ? 0.0f : value * 0x1p-80f;
}

__device__ __forceinline__ double product(const Factor<double>& a, const Factor<double>& b) {
  const double value = a.value * b.value;
  return value < DBL_MIN ? 0.0 : value;
}

__device__ double gaussian(const DrawnAxis& axis, std::int64_t pixel, double sigma) {
  if (pixel < axis.begin || pixel >= axis.end) return 0;
  const double q = (static_cast<double>(pixel) - axis.peak) / sigma;
  return exp(-0.5 * q * q);
}

// Of one map. 32 bits, as a grid's size has: division by 64-bit numbers is slow.
struct Tiles {
  unsigned columns, rows;
};

// The part of one map that a block draws.
struct Tile {
  std::int64_t b, k, left, top;
  int width, height;
  bool first;  // of its map
};

__device__ Tile tile_of_block(const GaussianTargetsParams& p, const Tiles& tiles) {
  const unsigned tile = blockIdx.x % (tiles.columns * tiles.rows);
  const unsigned index = blockIdx.x / (tiles.columns * tiles.rows);
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t left = std::int64_t{tile % tiles.columns} * kTile;
  const std::int64_t top = std::int64_t{tile / tiles.columns} * kTile;
  return {index / num_joints,
          index % num_joints,
          left,
          top,
          static_cast<int>(min(p.width - left, std::int64_t{kTile})),
          static_cast<int>(min(p.height - top, std::int64_t{kTile})),
          tile == 0};
}

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
    const bool of_column = thread < kTile;
    const int place = of_column ? thread : thread - kTile;
    if (place < (of_column ? tile.width : tile.height)) {
      const DrawnAxis& axis = of_column ? joint.columns : joint.rows;
      const std::int64_t pixel = (of_column ? tile.left : tile.top) + place;
      factors[thread].set(joint.drawn ? gaussian(axis, pixel, joint.sigma) : 0);
    }
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
  const auto tiles_along = [](std::int64_t size) { return (size + kTile - 1) / kTile; };
  // A map without pixels still has a weight.
  const std::int64_t columns = max(tiles_along(p.width), std::int64_t{1});
  const std::int64_t rows = max(tiles_along(p.height), std::int64_t{1});
  const Tiles tiles{static_cast<unsigned>(columns), static_cast<unsigned>(rows)};
  const std::int64_t blocks = p.batch * p.num_joints * columns * rows;
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

#include <cfloat>

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/queue.h"
#include "ops/gaussian_targets.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;
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

// One block a tile: the Gaussian is separable, so 64 + 64 exps serve 4096 pixels.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads)
    gaussian_targets_kernel(const GaussianTargetsParams p, const Tiles tiles) {
  using C = Arithmetic<T>;
  __shared__ Factor<C> columns[kTile], rows[kTile];
  const unsigned tile = blockIdx.x % (tiles.columns * tiles.rows);
  const unsigned index = blockIdx.x / (tiles.columns * tiles.rows);
  const std::int64_t left = std::int64_t{tile % tiles.columns} * kTile;
  const std::int64_t top = std::int64_t{tile / tiles.columns} * kTile;
  const int width = static_cast<int>(min(p.width - left, std::int64_t{kTile}));
  const int height = static_cast<int>(min(p.height - top, std::int64_t{kTile}));
  const int thread = threadIdx.x;

  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const DrawnJoint joint = drawn_joint(p, index / num_joints, index % num_joints);
  if (tile == 0 && thread == 0) p.weights[index] = joint.weight;
  if (thread < width) {
    columns[thread].set(joint.drawn ? gaussian(joint.columns, left + thread, p.sigma) : 0);
  } else if (thread >= kTile && thread - kTile < height) {
    const int row = thread - kTile;
    rows[row].set(joint.drawn ? gaussian(joint.rows, top + row, p.sigma) : 0);
  }
  __syncthreads();

  T* const map = static_cast<T*>(p.targets) + index * p.height * p.width + top * p.width + left;
  const int packs = width / kPack;  // in a row
  for (int i = thread; i < packs * height; i += kThreads) {
    const int y = i / packs, x = i % packs * kPack;
    Pack<T, kPack> pack;
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) {
      narrow(product(columns[x + lane], rows[y]), pack.values[lane]);
    }
    *reinterpret_cast<Pack<T, kPack>*>(map + y * p.width + x) = pack;
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

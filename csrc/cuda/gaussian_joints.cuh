// The Gaussians of joints, of which a block has one tile of one map at a time.
#pragma once

#include <cfloat>
#include <cstdint>

#include "core/float16.h"
#include "cuda/seam.h"
#include "ops/gaussian_joints.h"

namespace lowerpose::cuda {
namespace {

constexpr int kTile = 64;  // rows and columns, or what is left

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
  LOWERPOSE_HOST_DEVICE unsigned count() const { return columns * rows; }
};

// At least one: a map without pixels still has a weight.
inline Tiles tiles_of_map(const GaussianJointsParams& p) {
  const auto along = [](std::int64_t size) {
    return static_cast<unsigned>(max((size + kTile - 1) / kTile, std::int64_t{1}));
  };
  return {along(p.width), along(p.height)};
}

// The part of one map that a block works on.
struct Tile {
  std::int64_t b, k, left, top;
  int width, height;
  bool first;  // of its map
};

__device__ Tile tile_of_block(const GaussianJointsParams& p, const Tiles& tiles) {
  const unsigned tile = blockIdx.x % tiles.count();
  const unsigned index = blockIdx.x / tiles.count();
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

// The factors of a tile's columns, then of its rows: each thread sets its own.
template <class C>
__device__ void set_factor(Factor<C>* factors, const Tile& tile, const DrawnJoint& joint) {
  const int thread = threadIdx.x;
  const bool of_column = thread < kTile;
  const int place = of_column ? thread : thread - kTile;
  if (place >= (of_column ? tile.width : tile.height)) return;
  const DrawnAxis& axis = of_column ? joint.columns : joint.rows;
  const std::int64_t pixel = (of_column ? tile.left : tile.top) + place;
  factors[thread].set(joint.drawn ? gaussian(axis, pixel, joint.sigma) : 0);
}

}  // namespace
}  // namespace lowerpose::cuda

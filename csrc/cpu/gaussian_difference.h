// A tile less the target of one joint, which is drawn in registers and forgotten.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/simd.h"
#include "cpu/gaussian_factors.h"
#include "cpu/gaussian_joints.h"
#include "cpu/squared_difference.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

// A place in a block, and the factors of its rows and columns.
struct DrawnPlace {
  const AxisFactors &columns, &rows;
  std::int64_t width, x, y;
};

// The next vector of the target: two halves, of which each lies in one row.
LOWERPOSE_INLINE void next_target(DrawnPlace& place, Vec<float>::type& target) {
  typedef float Half __attribute__((vector_size(32)));
  Half halves[2];
  for (Half& half : halves) {
    Vec<double>::type values;
    gaussian_products<float>(values, place.columns.values + place.x, place.rows.values[place.y]);
    half = __builtin_convertvector(values, Half);
    place.x += kLanes;
    if (place.x == place.width) place.x = 0, ++place.y;
  }
  target = __builtin_shufflevector(halves[0], halves[1], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                   13, 14, 15);
}

// The tile of squared_difference, with the lines that the next one begins with on their way.
struct FloatTile {
  const float* outputs;
  float* gradient;
  float factor;
};

template <bool kGradient>
LOWERPOSE_INLINE void add_square(const FloatTile& tile, std::int64_t i,
                                 const Vec<float>::type& target, Vec<float>::type& sum) {
  Vec<float>::type difference;
  load(difference, tile.outputs + i);
  prefetch<false>(tile.outputs + i);
  difference -= target;
  if constexpr (kGradient) {
    prefetch<true>(tile.gradient + i);
    store<float>(tile.factor * difference, tile.gradient + i);
  }
  sum += difference * difference;
}

// squared_difference of `count` outputs and the target from pixel `first` of a block on, to the
// last bit. Rows are whole halves of a vector, and `count` whole vectors.
template <bool kGradient>
LOWERPOSE_SIMD void gaussian_difference(const FloatTile& given, const AxisFactors& columns,
                                        const AxisFactors& rows, std::int64_t width,
                                        std::int64_t first, std::int64_t count, SquareSum& sum) {
  using V = Vec<float>::type;
  constexpr std::int64_t kStep = Vec<float>::kLanes;
  const FloatTile tile = given;  // no store can change it
  const std::int64_t pairs = count / (2 * kStep) * (2 * kStep);
  // Outside of these rows the target is 0.
  const std::int64_t begin = std::clamp<std::int64_t>(rows.begin * width - first, 0, pairs);
  const std::int64_t end = std::clamp<std::int64_t>(rows.end * width - first, 0, pairs);
  V even = {}, odd = {}, target = {};
  std::int64_t i = 0;
  for (; i + 2 * kStep <= begin; i += 2 * kStep) {
    add_square<kGradient>(tile, i, target, even);
    add_square<kGradient>(tile, i + kStep, target, odd);
  }
  DrawnPlace place{columns, rows, width, (first + i) % width, (first + i) / width};
  for (; i < end; i += 2 * kStep) {
    next_target(place, target);
    add_square<kGradient>(tile, i, target, even);
    next_target(place, target);
    add_square<kGradient>(tile, i + kStep, target, odd);
  }
  target = V{};
  for (; i < pairs; i += 2 * kStep) {
    add_square<kGradient>(tile, i, target, even);
    add_square<kGradient>(tile, i + kStep, target, odd);
  }
  if (i < count) {
    place.x = (first + i) % width, place.y = (first + i) / width;
    next_target(place, target);
    add_square<kGradient>(tile, i, target, even);
  }
  Vec<double>::type totals;
  load(totals, sum.lanes);
  add_lanes<float>(totals, even);
  add_lanes<float>(totals, odd);
  store<double>(totals, sum.lanes);
}

}  // namespace
}  // namespace lowerpose::cpu

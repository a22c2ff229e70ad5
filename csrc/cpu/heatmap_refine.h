// What the decoder reads of a heatmap once it knows the maximum's pixel.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/simd.h"
#include "cpu/tiles.h"
#include "ops/heatmap_refine.h"

namespace lowerpose::cpu {

namespace {

constexpr int kReach = kPatch / 2;
// The rows of the pixels that a patch is blurred from, in whole vectors of doubles.
constexpr int kPatchRows = kPatch + 2 * kMaxBlurRadius;
constexpr int kPatchStride = (kPatchRows + 7) / 8 * 8;

template <class C>
LOWERPOSE_SIMD void widen_row(double* to, const C* from, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<double>(from[i]);
}

// Row i of `down` is the blur along the columns of `pixels` about its row i.
template <class = void>
LOWERPOSE_SIMD void blur_down(const double* pixels, const double* taps, int num_taps, int size,
                              double* down) {
  using V = Vec<double>::type;
  for (int i = 0; i < kPatch; ++i) {
    for (int j = 0; j < size; j += Vec<double>::kLanes) {
      V sum = {}, row;
      for (int t = 0; t < num_taps; ++t) {
        load<double>(row, pixels + (i + t) * kPatchStride + j);
        sum += taps[t] * row;
      }
      store<double>(sum, down + i * kPatchStride + j);
    }
  }
}

// The blur along the rows of `down`: kPatch neighbouring sums each.
template <class = void>
LOWERPOSE_SIMD void blur_along(const double* down, const double* taps, int num_taps,
                               double* patch) {
  using V = Vec<double>::type;
  for (int i = 0; i < kPatch; ++i) {
    V sums = {}, row;
    for (int t = 0; t < num_taps; ++t) {
      load<double>(row, down + i * kPatchStride + t);
      sums += taps[t] * row;
    }
    for (int j = 0; j < kPatch; ++j) patch[i * kPatch + j] = sums[j];
  }
}

}  // namespace

// The blurred map at the pixels about (x, y), row by row, all of which are inside it. Only what
// these need is blurred.
template <class Map>
void blurred_patch(const Map& map, const Blur& blur, std::int64_t y, std::int64_t x,
                   std::int64_t width, std::int64_t height, double* patch) {
  using C = typename Map::C;
  const int size = kPatch + 2 * blur.radius, margin = kReach + blur.radius;
  const int num_taps = 2 * blur.radius + 1;
  double pixels[kPatchRows * kPatchStride], down[kPatch * kPatchStride + 8];
  double taps[2 * kMaxBlurRadius + 1];
  for (int t = 0; t < num_taps; ++t) taps[t] = tap(blur, t - blur.radius);
  const bool inside = x >= margin && x + margin < width;
  for (int i = 0; i < size; ++i) {
    double* const to = pixels + i * kPatchStride;
    std::fill(to + size / 8 * 8, to + (size + 7) / 8 * 8, 0.0);
    const std::int64_t row = blurred_place(y - margin + i, height, blur.border);
    if (row < 0) {
      std::fill_n(to, size, 0.0);
    } else if (inside) {
      C buffer[kTile];
      widen_row(to, map.row(buffer, row, x - margin, size), size);
    } else {
      for (int j = 0; j < size; ++j) {
        const std::int64_t column = blurred_place(x - margin + j, width, blur.border);
        to[j] = column < 0 ? 0.0 : static_cast<double>(map.at(row, column));
      }
    }
  }
  blur_down(pixels, taps, num_taps, size, down);
  std::fill_n(down + kPatch * kPatchStride, 8, 0.0);
  blur_along(down, taps, num_taps, patch);
}

// The largest value of a map, and the smallest and largest of the blurred map. A NaN makes NaN.
struct MapRange {
  double peak, lowest, highest;
};

namespace {

template <class C>
LOWERPOSE_SIMD void add_scaled(double* to, const C* from, double factor, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] += factor * static_cast<double>(from[i]);
}

}  // namespace

// Blurs columns [left, left + count) of row y, first down, then along.
template <class Map>
void blur_row(const Map& map, const Blur& blur, std::int64_t y, std::int64_t left,
              std::int64_t count, std::int64_t width, std::int64_t height, double* blurred) {
  using C = typename Map::C;
  double sums[kTile + 2 * kMaxBlurRadius] = {};
  double* const down = sums + blur.radius;  // down[0] is of column `left`
  const std::int64_t first = std::max(left - blur.radius, std::int64_t{0});
  const std::int64_t last = std::min(left + count + blur.radius, width);
  for (int t = -blur.radius; t <= blur.radius; ++t) {
    const std::int64_t row = blurred_place(y + t, height, blur.border);
    if (row < 0) continue;
    for (std::int64_t x = first; x < last; x += kTile) {
      C buffer[kTile];
      const std::int64_t some = std::min(kTile, last - x);
      add_scaled(down + (x - left), map.row(buffer, row, x, some), tap(blur, t), some);
    }
  }
  // Beyond the border stands what stands before it, no further away than the blur reaches.
  const auto mirror = [&](std::int64_t x) {
    const std::int64_t place = blurred_place(x, width, blur.border);
    if (place >= 0) down[x - left] = down[place - left];
  };
  for (std::int64_t x = left - blur.radius; x < 0; ++x) mirror(x);
  for (std::int64_t x = width; x < left + count + blur.radius; ++x) mirror(x);
  std::fill_n(blurred, count, 0.0);
  for (int t = -blur.radius; t <= blur.radius; ++t) {
    add_scaled(blurred, down + t, tap(blur, t), count);
  }
}

template <class Map>
MapRange map_range(const Map& map, const Blur& blur, std::int64_t width, std::int64_t height) {
  using C = typename Map::C;
  MapRange range = {-INFINITY, INFINITY, -INFINITY};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t left = 0; left < width; left += kTile) {
      double blurred[kTile];
      C buffer[kTile];
      const std::int64_t count = std::min(kTile, width - left);
      const C* pixels = map.row(buffer, y, left, count);
      blur_row(map, blur, y, left, count, width, height, blurred);
      for (std::int64_t i = 0; i < count; ++i) {
        range.peak = nan_max(range.peak, static_cast<double>(pixels[i]));
        range.lowest = nan_min(range.lowest, blurred[i]);
        range.highest = nan_max(range.highest, blurred[i]);
      }
    }
  }
  return range;
}

template <class Map>
Level map_level(const Map& map, const TaylorRules& rules, const Blur& blur, std::int64_t width,
                std::int64_t height) {
  if (rules.rescale == Rescale::kNone) return {};
  const MapRange range = map_range(map, blur, width, height);
  return level_of(rules.rescale, range.peak, range.lowest, range.highest);
}

}  // namespace lowerpose::cpu

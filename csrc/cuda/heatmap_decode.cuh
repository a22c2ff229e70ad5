// What a warp reads of a heatmap once it knows the maximum's pixel. Every lane comes with the same
// arguments, and takes the same results away.
#pragma once

#include <cstdint>

#include "cuda/elements.cuh"
#include "cuda/pixel_walk.cuh"
#include "cuda/reduce.cuh"
#include "ops/heatmap_decode.h"

namespace lowerpose::cuda {
namespace {

// A heatmap as it is, or merged with its partner's mirror image.
template <class T>
class DecodedMap {
 public:
  using C = Arithmetic<T>;

  __device__ DecodedMap(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k)
      : map_(p.heatmaps.map<const T>(b, k)),
        merged_(p.flipped.data != nullptr),
        width_(p.width),
        shift_(p.shift) {
    if (merged_) flipped_ = p.flipped.map<const T>(b, p.pairs.partner[k]);
  }

  __device__ C at(std::int64_t y, std::int64_t x) const {
    const C own = widened(*map_.at(y, x));
    if (!merged_) return own;
    return flip_mean(own,
                     static_cast<C>(widened(*flipped_.at(y, flipped_column(x, width_, shift_)))));
  }

 private:
  MapView<const T> map_, flipped_;
  bool merged_;
  std::int64_t width_;
  bool shift_;
};

// One value of all lanes' for all lanes; `choose` takes two and is indifferent to their order.
template <class Value, class Choose>
__device__ Value warp_reduce(Value value, Choose&& choose) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = choose(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

template <class Map>
__device__ Level map_level(const Map& map, const TaylorRules& rules, const Blur& blur, int lane,
                           std::int64_t width, std::int64_t height) {
  if (rules.rescale == Rescale::kNone) return {};
  double peak = -INFINITY, lowest = INFINITY, highest = -INFINITY;
  PixelWalk walk(lane, kWarp, width);
  for (std::int64_t i = lane; i < height * width; i += kWarp, walk.advance()) {
    const double value = blurred_at(map, blur, walk.y, walk.x, width, height);
    peak = nan_max(peak, static_cast<double>(map.at(walk.y, walk.x)));
    lowest = nan_min(lowest, value);
    highest = nan_max(highest, value);
  }
  peak = warp_reduce(peak, nan_max);
  lowest = warp_reduce(lowest, nan_min);
  highest = warp_reduce(highest, nan_max);
  return level_of(rules.rescale, peak, lowest, highest);
}

// The logarithms about the maximum, each from a lane of its own, into `patch`.
template <class T>
__device__ void read_patch(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k,
                           const PeakPixel& peak, int lane, double* patch) {
  constexpr int kReach = kPatch / 2;
  const int place = lane < kPatch * kPatch ? lane : kPatchMiddle;
  const std::int64_t y = clamped(peak.y - kReach + place / kPatch, p.height);
  const std::int64_t x = clamped(peak.x - kReach + place % kPatch, p.width);
  const DecodedMap<T> map(p, b, k);
  const double value = blurred_at(map, p.blur, y, x, p.width, p.height);
  const bool read = taylor_reads(p.taylor, place % kPatch - kReach, place / kPatch - kReach);
  const double least = warp_reduce(read ? value : INFINITY, nan_min);
  const bool lost = gain_is_lost(p.taylor, peak.score, least);
  const Level level = lost ? Level{} : map_level(map, p.taylor, p.blur, lane, p.width, p.height);
  if (lane < kPatch * kPatch) patch[lane] = taylor_log(p.taylor, value, level);
  __syncwarp();
}

// The same where the pixels are found by one index into the maps of many joints, which may be
// another joint's.
template <class T>
__device__ void gather_patch(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k,
                             const PeakPixel& peak, int lane, double* patch) {
  const GatheredMaps maps = gathered_maps(p.taylor, b, k, p.batch, p.num_joints);
  std::int64_t known = -1;  // the map that `level` belongs to: mostly one for all pixels
  Level level;
  if (lane < kPatch * kPatch) patch[lane] = 0;
  __syncwarp();
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      if (!taylor_reads(p.taylor, dx, dy)) continue;
      const auto at = gathered_pixel(maps.own, peak.x, peak.y, dy * (p.width + 2) + dx, maps.count,
                                     p.width, p.height);
      const std::int64_t index = at.map + b * p.num_joints + k - maps.own;
      const DecodedMap<T> map(p, index / p.num_joints, index % p.num_joints);
      if (at.map != known) level = map_level(map, p.taylor, p.blur, lane, p.width, p.height);
      known = at.map;
      const double value = blurred_at(map, p.blur, at.y, at.x, p.width, p.height);
      if (lane == 0) {
        patch[kPatchMiddle + dy * kPatch + dx] = taylor_log(p.taylor, value, level);
      }
    }
  }
  __syncwarp();
}

// `logs` is what the fit was made from.
template <class Map>
__device__ Covariance map_covariance(const HeatmapDecodeParams& p, const Map& map,
                                     const PeakPixel& peak, const TaylorFit& fit,
                                     const double* logs, int lane) {
  const FittedGaussian gaussian =
      fitted_gaussian(fit, p.blur, static_cast<double>(peak.x) + fit.offset.x,
                      static_cast<double>(peak.y) + fit.offset.y);
  if (!gaussian.usable) return {NAN, NAN, NAN};
  FitSums sums;
  PixelWalk walk(lane, kWarp, p.width);
  for (std::int64_t i = lane; i < p.height * p.width; i += kWarp, walk.advance()) {
    sums.add(gaussian, static_cast<double>(map.at(walk.y, walk.x)), static_cast<double>(walk.x),
             static_cast<double>(walk.y));
  }
  const auto total = [](double value) {
    return warp_reduce(value, [](double a, double b) { return a + b; });
  };
  sums = {total(sums.map_map), total(sums.map_model), total(sums.model_model)};
  const double noise = noise_variance(sums, p.height * p.width);
  // A place of the patch for each lane; the lanes beyond it repeat the middle.
  constexpr int kPlaces = kPatch * kPatch;
  const int place = lane < kPlaces ? lane : kPatchMiddle;
  const Offset slope = step_slope(p.taylor, fit, logs, place);
  Covariance sum = {};
#pragma unroll 1
  for (int j = 0; j < kPlaces; ++j) {
    const double x_slope = __shfl_sync(kAllLanes, slope.x, j);
    const double y_slope = __shfl_sync(kAllLanes, slope.y, j);
    const double shared =
        lane < kPlaces ? noise * blurred_noise(p.blur, lane, j, peak.x, peak.y, p.width, p.height)
                       : 0;
    sum.xx += shared * slope.x * x_slope;
    sum.xy += shared * slope.x * y_slope;
    sum.yy += shared * slope.y * y_slope;
  }
  return {total(sum.xx), total(sum.xy), total(sum.yy)};
}

}  // namespace
}  // namespace lowerpose::cuda

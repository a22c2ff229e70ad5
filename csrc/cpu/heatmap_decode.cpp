#include "ops/heatmap_decode.h"

#include <limits>

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/heatmap_decode.h"
#include "cpu/heatmap_refine.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// The largest value of a map, the place of the first pixel that has it, and whether a NaN was seen.
template <class C>
struct Peak {
  C value = -std::numeric_limits<C>::infinity();
  std::int64_t index = 0;
  bool nan = false;
};

// The place of the first pixel that equals `value`, which is among them.
template <class C>
LOWERPOSE_INLINE std::int64_t find_first(const C* pixels, std::int64_t count, C value) {
  constexpr std::int64_t kBlock = 64;
  std::int64_t block = 0;
  for (; block + kBlock <= count; block += kBlock) {
    int hits = 0;
#pragma omp simd reduction(| : hits)
    for (int i = 0; i < kBlock; ++i) hits |= pixels[block + i] == value;
    if (hits) break;
  }
  while (pixels[block] != value) ++block;
  return block;
}

// Extends `peak` by pixels of which the first has the index `first`: the largest value in lanes
// first, then, only if it is a new maximum, its place.
template <class C>
LOWERPOSE_SIMD void extend_peak(Peak<C>& peak, const C* pixels, std::int64_t count,
                                std::int64_t first) {
  using V = typename Vec<C>::type;
  using Bits = typename Vec<C>::bits;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  // A NaN is what has more in its exponent and fraction than infinity, as an integer.
  constexpr auto kInfinity = Vec<C>::kInfinityBits;
  C largest = -std::numeric_limits<C>::infinity();
  bool nan = false;
  std::int64_t i = 0;
  if (count >= kLanes) {
    V lanes;
    load(lanes, pixels);
    Bits sizes = {};
    for (; i + kLanes <= count; i += kLanes) {
      V values;
      load(values, pixels + i);
      lanes = values > lanes ? values : lanes;
      Bits size;
      std::memcpy(&size, &values, sizeof(size));
      size &= Vec<C>::kMagnitudeBits;
      sizes = size > sizes ? size : sizes;
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      largest = lanes[lane] > largest ? lanes[lane] : largest;
      nan |= sizes[lane] > kInfinity;
    }
  }
  for (; i < count; ++i) {
    nan |= pixels[i] != pixels[i];
    largest = pixels[i] > largest ? pixels[i] : largest;
  }
  peak.nan |= nan;
  if (largest > peak.value) {
    peak.value = largest;
    peak.index = first + find_first(pixels, count, largest);
  }
}

template <class Map>
Peak<typename Map::C> find_peak(const Map& map, std::int64_t height, std::int64_t width) {
  using C = typename Map::C;
  Peak<C> peak;
  C buffer[kTile];
  const Runs shape = map.shape(height, width);
  for_each_tile(shape, map.tile(shape.length),
                [&](std::int64_t run, std::int64_t first, std::int64_t count) {
                  const C* pixels = map.read(buffer, run, first, count);
                  extend_peak(peak, pixels, count, run * shape.length + first);
                });
  return peak;
}

template <class Map>
std::int64_t find_first_nan(const Map& map, std::int64_t height, std::int64_t width) {
  for (std::int64_t index = 0; index < height * width; ++index) {
    const auto value = map.at(index / width, index % width);
    if (value != value) return index;
  }
  return 0;  // not reached
}

// The peak of a map without a positive value, of which each pixel that is not the largest of its 3
// x 3 counts as -0. An unsuppressed maximum of 0 is no larger than that.
template <class Map>
Peak<typename Map::C> suppressed_peak(const Map& map, std::int64_t height, std::int64_t width,
                                      Peak<typename Map::C> peak) {
  for (std::int64_t index = 0; index < height * width; ++index) {
    const std::int64_t y = index / width, x = index % width;
    if (!counts_as_zero(map, y, x, width, height)) continue;
    const auto value = map.at(y, x);
    return {value == 0 ? value : -0.0f, index};
  }
  return peak;
}

// Calls `work(dx, dy, value)` for the values of the patch that the Newton step reads.
template <class Work>
void for_each_read(const TaylorRules& rules, Work&& work, double* patch) {
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      if (taylor_reads(rules, dx, dy)) work(dx, dy, patch[kPatchMiddle + dy * kPatch + dx]);
    }
  }
}

// The Newton step from the maximum, and whether there was one to take.
template <template <class> class Map, class T>
bool taylor_step(const HeatmapDecodeParams& p, const Map<T>& map, std::int64_t b, std::int64_t k,
                 const PeakPixel& peak, TaylorFit& fit, double* patch) {
  const std::int64_t x = peak.x, y = peak.y;
  if (p.taylor.inside_only && !taylor_inside(x, y, p.width, p.height)) return false;
  const GatheredMaps maps = gathered_maps(p.taylor, b, k, p.batch, p.num_joints);
  if (gathers_elsewhere(p.taylor, x, maps.count, p.width, p.height)) {
    std::int64_t known = -1;  // the map that `level` belongs to: mostly one for all pixels
    Level level;
    for_each_read(
        p.taylor,
        [&](int dx, int dy, double& value) {
          const auto at = gathered_pixel(maps.own, x, y, dy * (p.width + 2) + dx, maps.count,
                                         p.width, p.height);
          const std::int64_t index = at.map + b * p.num_joints + k - maps.own;
          const Map<T> other(p, index / p.num_joints, index % p.num_joints);
          if (at.map != known) level = map_level(other, p.taylor, p.blur, p.width, p.height);
          known = at.map;
          const double blurred = blurred_at(other, p.blur, at.y, at.x, p.width, p.height);
          value = taylor_log(p.taylor, blurred, level);
        },
        patch);
  } else {
    if (taylor_inside(x, y, p.width, p.height)) {
      blurred_patch(map, p.blur, y, x, p.width, p.height, patch);
    } else {  // beyond the border stands the border
      for_each_read(
          p.taylor,
          [&](int dx, int dy, double& value) {
            value = blurred_at(map, p.blur, clamped(y + dy, p.height), clamped(x + dx, p.width),
                               p.width, p.height);
          },
          patch);
    }
    double least = INFINITY;
    for_each_read(p.taylor, [&](int, int, double& value) { least = nan_min(least, value); }, patch);
    const bool lost = gain_is_lost(p.taylor, peak.score, least);
    const Level level = lost ? Level{} : map_level(map, p.taylor, p.blur, p.width, p.height);
    for_each_read(
        p.taylor, [&](int, int, double& value) { value = taylor_log(p.taylor, value, level); },
        patch);
  }
  fit = taylor_fit(p.taylor, patch);
  return true;
}

// `logs` is what taylor_step left in its patch.
template <class Map>
Covariance map_covariance(const HeatmapDecodeParams& p, const Map& map, const PeakPixel& peak,
                          const TaylorFit& fit, const double* logs) {
  const FittedGaussian gaussian =
      fitted_gaussian(fit, p.blur, static_cast<double>(peak.x) + fit.offset.x,
                      static_cast<double>(peak.y) + fit.offset.y);
  if (!gaussian.usable) return {NAN, NAN, NAN};
  FitSums sums;
  for (std::int64_t row = 0; row < p.height; ++row) {
    for (std::int64_t column = 0; column < p.width; ++column) {
      sums.add(gaussian, static_cast<double>(map.at(row, column)), static_cast<double>(column),
               static_cast<double>(row));
    }
  }
  Offset slopes[kPatch * kPatch];
  for (int i = 0; i < kPatch * kPatch; ++i) slopes[i] = step_slope(p.taylor, fit, logs, i);
  Covariance sum = {};
  for (int i = 0; i < kPatch * kPatch; ++i) {
    for (int j = 0; j < kPatch * kPatch; ++j) {
      const double shared = blurred_noise(p.blur, i, j, peak.x, peak.y, p.width, p.height);
      sum.xx += shared * slopes[i].x * slopes[j].x;
      sum.xy += shared * slopes[i].x * slopes[j].y;
      sum.yy += shared * slopes[i].y * slopes[j].y;
    }
  }
  const double noise = noise_variance(sums, p.height * p.width);
  return {noise * sum.xx, noise * sum.xy, noise * sum.yy};
}

template <template <class> class Map, class T>
void decode(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k) {
  const Map<T> map(p, b, k);
  auto found = find_peak(map, p.height, p.width);
  if (found.nan) {
    found.value = std::numeric_limits<typename Map<T>::C>::quiet_NaN();
    found.index = p.nan == NanPlace::kPosition ? find_first_nan(map, p.height, p.width) : 0;
  } else if (p.suppress && found.value <= 0) {
    found = suppressed_peak(map, p.height, p.width, found);
  }
  const std::int64_t index = b * p.num_joints + k;
  float* coords = p.coords + 2 * index;
  float* covariance = p.covariance == nullptr ? nullptr : p.covariance + 4 * index;
  p.scores[index] = static_cast<float>(found.value);
  if (covariance != nullptr) std::fill_n(covariance, 4, NAN);
  if (found.nan && p.nan == NanPlace::kNan) {
    coords[0] = coords[1] = NAN;
    return;
  }
  const PeakPixel peak = peak_pixel(p, static_cast<double>(found.value), found.index);
  Offset offset;
  TaylorFit fit;
  double patch[kPatch * kPatch] = {};
  bool fitted = false;
  if (peak.refinable && p.cross.refine == Refine::kTaylor) {
    fitted = taylor_step(p, map, b, k, peak, fit, patch);
    if (fitted) offset = fit.offset;
  } else if (peak.refinable && p.cross.refine != Refine::kNone) {
    const Cross cross = read_cross(map, peak.x, peak.y, p.width, p.height);
    offset = cross_offset(p.cross, cross, peak.x, peak.y, p.width, p.height);
  }
  const double add = found.value > 0 ? p.add : 0;
  coords[0] = static_cast<float>(static_cast<double>(peak.x) + offset.x + add);
  coords[1] = static_cast<float>(static_cast<double>(peak.y) + offset.y + add);
  if (covariance != nullptr && fitted) {
    const Covariance c = map_covariance(p, map, peak, fit, patch);
    covariance[0] = static_cast<float>(c.xx);
    covariance[1] = covariance[2] = static_cast<float>(c.xy);
    covariance[3] = static_cast<float>(c.yy);
  }
}

}  // namespace

template <class T>
void decode_heatmap(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k) {
  if (p.flipped.data == nullptr) {
    decode<OwnMap, T>(p, b, k);
  } else {
    decode<MergedMap, T>(p, b, k);
  }
}

template <class T>
void decode_heatmaps(const HeatmapDecodeParams& p) {
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      decode_heatmap<T>(p, index / p.num_joints, index % p.num_joints);
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T)                                                           \
  template void decode_heatmap<T>(const HeatmapDecodeParams&, std::int64_t, std::int64_t); \
  template void decode_heatmaps<T>(const HeatmapDecodeParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu

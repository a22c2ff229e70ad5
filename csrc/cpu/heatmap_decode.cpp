#include "ops/heatmap_decode.h"

#include <limits>

#include "core/dispatch.h"
#include "core/parallel.h"
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

template <class C, class T>
Peak<C> find_peak(const MapView<const T>& map, std::int64_t height, std::int64_t width) {
  Peak<C> peak;
  C buffer[kTile];
  const Runs shape = runs(height, width, map);
  const bool in_place = std::is_same_v<C, T> && map.pixel_stride == 1;
  for_each_tile(shape, in_place ? shape.length : kTile,
                [&](std::int64_t run, std::int64_t first, std::int64_t count) {
                  const C* pixels = read_tile(buffer, map.at(run, first), map.pixel_stride, count);
                  extend_peak(peak, pixels, count, run * shape.length + first);
                });
  return peak;
}

// -0.25, 0 or 0.25: towards the larger of two neighbours.
template <class C, class T>
float quarter(const T* pixel, std::int64_t stride) {
  const C before = widened<C>(pixel[-stride]), after = widened<C>(pixel[stride]);
  return 0.25f * static_cast<float>((after > before) - (after < before));
}

}  // namespace

template <class T>
void decode_heatmaps(const HeatmapDecodeParams& p) {
  using C = Arithmetic<T>;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const auto map = p.heatmaps.map<const T>(index / p.num_joints, index % p.num_joints);
      const auto peak = find_peak<C>(map, p.height, p.width);
      float* coords = p.coords + 2 * index;
      if (peak.nan) {
        coords[0] = coords[1] = p.scores[index] = std::numeric_limits<float>::quiet_NaN();
        continue;
      }
      const std::int64_t x = peak.index % p.width, y = peak.index / p.width;
      coords[0] = static_cast<float>(x);
      coords[1] = static_cast<float>(y);
      p.scores[index] = static_cast<float>(peak.value);
      const bool inside = x > 1 && x < p.width - 1 && y > 1 && y < p.height - 1;
      if (p.refine == Refine::kQuarter && inside) {
        coords[0] += quarter<C>(map.at(y, x), map.pixel_stride);
        coords[1] += quarter<C>(map.at(y, x), map.row_stride);
      }
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T) template void decode_heatmaps<T>(const HeatmapDecodeParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu

#include "ops/heatmap_decode.h"

#include <algorithm>
#include <limits>

#include "core/parallel.h"
#include "core/simd.h"

namespace lowerpose::cpu {
namespace {

constexpr std::int64_t kGrainPixels = 1 << 14;  // a thread is worth starting from here

// The largest value of a map, the place of the first pixel that has it, and whether a NaN was seen.
template <class T>
struct Peak {
  T value = -std::numeric_limits<T>::infinity();
  std::int64_t index = 0;
  bool nan = false;
};

// Extends `peak` by `count` pixels in a row, the first of which has the index `first`. Values are
// compared in blocks; only a block that holds a new maximum is searched for its place.
template <class T>
LOWERPOSE_INLINE void extend_peak_body(Peak<T>& peak, const T* pixels, std::int64_t count,
                                       std::int64_t first) {
  using V = typename Vec<T>::type;
  using Mask = typename Vec<T>::mask;
  constexpr std::int64_t kLanes = Vec<T>::kLanes;
  constexpr std::int64_t kBlock = 16 * kLanes;
  Mask nan = {};
  std::int64_t i = 0;
  while (i + kLanes <= count) {
    const std::int64_t begin = i;
    const std::int64_t end = std::min(i + kBlock, count - kLanes + 1);
    V largest;
    load(largest, pixels + i);
    for (; i < end; i += kLanes) {
      V values;
      load(values, pixels + i);
      nan |= values != values;
      largest = values > largest ? values : largest;
    }
    T value = largest[0];
    for (int lane = 1; lane < kLanes; ++lane) value = std::max(value, largest[lane]);
    if (value > peak.value) {
      peak.value = value;
      peak.index = first + (std::find(pixels + begin, pixels + i, value) - pixels);
    }
  }
  for (; i < count; ++i) {
    peak.nan |= pixels[i] != pixels[i];
    if (pixels[i] > peak.value) {
      peak.value = pixels[i];
      peak.index = first + i;
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) peak.nan |= nan[lane] != 0;
}

LOWERPOSE_SIMD void extend_peak(Peak<float>& peak, const float* pixels, std::int64_t count,
                                std::int64_t first) {
  extend_peak_body(peak, pixels, count, first);
}

LOWERPOSE_SIMD void extend_peak(Peak<double>& peak, const double* pixels, std::int64_t count,
                                std::int64_t first) {
  extend_peak_body(peak, pixels, count, first);
}

template <class T>
Peak<T> find_peak(const MapView<const T>& map, std::int64_t height, std::int64_t width) {
  Peak<T> peak;
  const Runs shape = runs(height, width, map);
  for (std::int64_t run = 0; run < shape.count; ++run) {
    const T* pixels = map.data + run * map.row_stride;
    if (map.pixel_stride == 1) {
      extend_peak(peak, pixels, shape.length, run * shape.length);
      continue;
    }
    for (std::int64_t i = 0; i < shape.length; ++i) {
      const T value = pixels[i * map.pixel_stride];
      peak.nan |= value != value;
      if (value > peak.value) {
        peak.value = value;
        peak.index = run * shape.length + i;
      }
    }
  }
  return peak;
}

// -0.25, 0 or 0.25: towards the larger of two neighbours.
template <class T>
float quarter(T before, T after) {
  return 0.25f * static_cast<float>((after > before) - (after < before));
}

}  // namespace

template <class T>
void decode_heatmaps(const HeatmapDecodeParams& p) {
  const std::int64_t grain = kGrainPixels / (p.height * p.width) + 1;
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const auto map = p.heatmaps.map<const T>(index / p.num_joints, index % p.num_joints);
      const Peak<T> peak = find_peak(map, p.height, p.width);
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
        const T* pixel = map.data + y * map.row_stride + x * map.pixel_stride;
        coords[0] += quarter(pixel[-map.pixel_stride], pixel[map.pixel_stride]);
        coords[1] += quarter(pixel[-map.row_stride], pixel[map.row_stride]);
      }
    }
  });
}

template void decode_heatmaps<float>(const HeatmapDecodeParams&);
template void decode_heatmaps<double>(const HeatmapDecodeParams&);

}  // namespace lowerpose::cpu
